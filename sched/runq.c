/* SPDX-License-Identifier: Apache-2.0 */
/* The run queue's batch operations: steal half, spill half. The argument is in runq.h. */
#include "sched/runq.h"

struct kn_runnable *kn_runq_steal(struct kn_runq *victim, struct kn_runq *mine, uint32_t *ret_count)
{
    uint32_t base = kn_load(&mine->tail, relaxed);   /* relaxed: this thread is the only writer */
    uint32_t head = kn_load(&victim->head, relaxed); /* relaxed: the compare and swap decides */

    KN_ASSERT(victim != mine);
    /* [SR1] acquire: those who took from these slots have read them. */
    if (kn_load(&mine->head, acquire) != base) {
        return NULL; /* not empty: the caller has work */
    }
    for (;;) {
        /* [SR2] acquire: the slots up to tail and the runnables in them. Pairs with release [SR2]
         * in kn_runq_push() and below. */
        uint32_t tail = kn_load(&victim->tail, acquire);
        uint32_t count = tail - head;

        count -= count / 2;
        if (count == 0) {
            return NULL;
        }
        if (count > KN_RUNQ_SLOTS / 2) { /* head and tail are of different moments: look again */
            head = kn_load(&victim->head, relaxed);
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            /* Relaxed: if the owner overwrites a slot meanwhile, head has moved and the swap fails.
             * Mine are published by the tail below. */
            kn_store(&mine->slots[(base + i) % KN_RUNQ_SLOTS],
                     kn_load(&victim->slots[(head + i) % KN_RUNQ_SLOTS], relaxed), relaxed);
        }
        /* [SR1] release: the slots have been read. Pairs with acquire [SR1] in kn_runq_push(). */
        if (kn_cas_weak(&victim->head, &head, head + count, release, relaxed)) {
            kn_fair_steal(victim, mine, base, count);
            struct kn_runnable *last =
                kn_load(&mine->slots[(base + count - 1) % KN_RUNQ_SLOTS], relaxed);

            KN_ASSERT(last != NULL);
            KN_ASSERT(count <= KN_RUNQ_SLOTS / 2);
            if (count > 1) {
                kn_store(&mine->tail, base + count - 1, release); /* [SR2] */
            }
            *ret_count = count;
            return last;
        }
    }
}

uint32_t kn_runq_spill(struct kn_runq *queue, struct kn_runnable **ret_first,
                       struct kn_runnable **ret_last)
{
    struct kn_runnable *batch[KN_RUNQ_SLOTS / 2];
    uint32_t tail = kn_load(&queue->tail, relaxed); /* relaxed: written by this thread only */
    uint32_t head = kn_load(&queue->head, relaxed); /* relaxed: the compare and swap decides */

    if (tail - head < KN_RUNQ_SLOTS) {
        return 0;
    }
    KN_ASSERT(tail - head == KN_RUNQ_SLOTS);
    for (uint32_t i = 0; i < KN_RUNQ_SLOTS / 2; i++) {
        batch[i] =
            kn_load(&queue->slots[(head + i) % KN_RUNQ_SLOTS], relaxed); /* relaxed: own writes */
    }
    /* [SR1] release, as in kn_runq_steal(). Strong: a failure means that thieves made room. */
    if (!kn_cas_strong(&queue->head, &head, head + KN_RUNQ_SLOTS / 2, release, relaxed)) {
        return 0;
    }
    for (uint32_t i = 0; i < KN_RUNQ_SLOTS / 2; i++) {
        kn_fair_take(queue, batch[i]);
    }
    /* Only now are they ours to link. */
    for (uint32_t i = 0; i + 1 < KN_RUNQ_SLOTS / 2; i++) {
        batch[i]->next = batch[i + 1];
    }
    batch[KN_RUNQ_SLOTS / 2 - 1]->next = NULL;
    KN_ASSERT(batch[0] != NULL);
    *ret_first = batch[0];
    *ret_last = batch[KN_RUNQ_SLOTS / 2 - 1];
    return KN_RUNQ_SLOTS / 2;
}
