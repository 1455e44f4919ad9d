/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [MB3]: who finds a mailbox closed sees the receiver's end, and who finds it open sees the receiver made.
 * Each round a mailbox with room for one is made, found by another thread without a handle, filled and
 * closed. Weakened at either end, the plain fields are data races (ThreadSanitizer).
 */
#include "base/world.h"
#include "mailbox/mailbox.h"

enum { ROUNDS = 3000 };

struct KN_ALIGNED(64) letter {
    unsigned char header[KN_ENVELOPE_HEADER];
    uint64_t unused[4];
};

static struct {
    struct kn_mailbox mb;
    uint32_t made, ended; /* plain */
} receivers[ROUNDS];

static struct letter letters[ROUNDS][2]; /* the receiver may still walk over the last round's */

static void look(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        bool opened = false;
        uint64_t word;
        while ((word = kn_load(&receivers[i].mb.word, acquire)) == 0) { /* ends: it is made */
            kn_pause();
        }
        KOKEN_CHECK(receivers[i].made == 1);
        enum kn_push pushed = kn_mailbox_push(&receivers[i].mb, (void *)&letters[i][0], &opened);
        while (pushed != KN_PUSH_CLOSED) {
            kn_pause(); /* ends: there is room for one, so this one stays out until it is closed */
            pushed = kn_mailbox_push(&receivers[i].mb, (void *)&letters[i][1], &opened);
            KOKEN_CHECK(pushed == KN_PUSH_FULL || pushed == KN_PUSH_CLOSED);
        }
        KOKEN_CHECK(receivers[i].ended == 2);
    }
}

int main(void)
{
    struct kn_thread thread = {0};
    if (kn_thread_start(&thread, "look", look, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct kn_intake in = {NULL, NULL, NULL, NULL};
        struct kn_envelope *last;
        receivers[i].made = 1;
        kn_mailbox_init(&receivers[i].mb, 1, 0, KN_MB_SCHEDULED | KN_MB_PRESSED);
        receivers[i].ended = 2;
        (void)kn_mailbox_close(&receivers[i].mb, &in, &last);
    }
    kn_thread_join(&thread);
    return 0;
}
