/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delay: a timer that any thread may start and stop. A wheel is armed by its worker only, so from elsewhere an
 * errand carries the timer there.
 *
 *      start --> NEW --on a worker: armed--> ARMED --due--> fn(true)
 *                 |                            |
 *                 +--stop--> STOPPED <--stop---+
 *                            fn(false), by the errand or by the wheel
 *
 * fn is called exactly once per start, by whoever is mentioned above, or when the scheduler ends (false). Then the memory
 * is its owner's again; until then it must stay. Stop does not wait, and needs the memory to be there: owners count.
 * Progress: start and stop are as an errand and a remote cancel; neither waits for the other.
 */
#ifndef KN_SCHED_DELAY_H
#define KN_SCHED_DELAY_H

#include "sched/errand.h"
#include "sched/timer.h"

struct kn_delay {
    struct kn_errand errand;
    struct kn_timer timer;
    kn_atomic(uint32_t) state; /* (a) NEW, ARMED, STOPPED */
    uint64_t deadline_ns;      /* (c) */
    void (*fn)(struct kn_delay *self, bool is_due);
};

/* Starts an idle delay. Thread: any. deadline_ns: absolute, kn_now() time. */
void kn_delay_start(struct kn_sched *sched, struct kn_delay *keep_delay, uint64_t deadline_ns,
                    void (*fn)(struct kn_delay *self, bool is_due));

/*
 * Has fn called soon, with false unless it is due just now; perhaps before this returns. Harmless after the call of fn.
 * Thread: any, once, holding no lock that fn takes.
 */
void kn_delay_stop(struct kn_delay *delay);

/* The time that timeout_ns from now is, for timeouts as the API has them. */
uint64_t kn_delay_deadline(uint64_t timeout_ns);

#endif
