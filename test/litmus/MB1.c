/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [MB1]: who takes an envelope sees all that its sender wrote to it. One thread pushes, one takes; weakened
 * at either end, the payload is a data race (ThreadSanitizer), and stale on weakly ordered processors.
 */
#include "base/world.h"
#include "mailbox/mailbox.h"

enum { ROUNDS = 3000 };

struct KN_ALIGNED(64) letter {
    unsigned char header[KN_ENVELOPE_HEADER];
    uint64_t payload; /* plain */
};

static struct kn_mailbox mb;
static struct letter letters[ROUNDS];

static void send(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        bool opened = false;
        letters[i].payload = i + 1;
        KOKEN_CHECK(kn_mailbox_push(&mb, (void *)&letters[i], &opened) == KN_PUSH_OK);
    }
}

int main(void)
{
    struct kn_thread thread = {0};
    struct kn_intake in = {NULL, NULL, NULL, NULL};
    kn_mailbox_init(&mb, KN_MB_UNBOUNDED, 0, KN_MB_SCHEDULED);
    if (kn_thread_start(&thread, "send", send, NULL) != 0) {
        return 1;
    }
    for (uint64_t i = 0; i < ROUNDS;) { /* ends: all are sent */
        bool took;
        (void)kn_mailbox_take(&mb, &in, &took);
        struct kn_envelope *e;
        while ((e = kn_intake_next(&in)) != NULL) {
            KOKEN_CHECK(((struct letter *)(void *)e)->payload == ++i);
        }
    }
    kn_thread_join(&thread);
    return 0;
}
