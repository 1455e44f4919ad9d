/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [MB2]: what one holder of S did happens before what the next one does. Two threads push to one mailbox;
 * whoever finds it idle is the receiver and counts plainly. Weakened at the idle or at the push, the counter
 * is a data race (ThreadSanitizer), and wrong on weakly ordered processors.
 */
#include "base/world.h"
#include "mailbox/mailbox.h"

enum { ROUNDS = 3000 };

struct KN_ALIGNED(64) letter {
    unsigned char header[KN_ENVELOPE_HEADER];
    uint64_t unused[4];
};

static struct kn_mailbox mb;
static struct kn_intake in;
static struct letter letters[2][ROUNDS];
static uint32_t counter; /* plain, of the holder of S */

static void receive(void)
{
    struct kn_envelope *last;
    do { /* ends: nothing has come since */
        bool took;
        (void)kn_mailbox_take(&mb, &in, &took);
        while (kn_intake_next(&in)) {
            counter++;
        }
    } while (!kn_mailbox_idle(&mb, &in, &last));
}

static void send(void *arg)
{
    struct letter *mine = arg;
    for (int i = 0; i < ROUNDS; i++) {
        bool opened = false;
        if (kn_mailbox_push(&mb, (void *)&mine[i], &opened) == KN_PUSH_WAKE) {
            receive();
        }
    }
}

int main(void)
{
    struct kn_thread thread = {0};
    kn_mailbox_init(&mb, KN_MB_UNBOUNDED, 0, 0);
    if (kn_thread_start(&thread, "send", send, letters[0]) != 0) {
        return 1;
    }
    send(letters[1]);
    kn_thread_join(&thread);
    KOKEN_CHECK(counter == 2 * ROUNDS);
    return 0;
}
