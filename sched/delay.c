/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/delay.h"

#include "sched/worker.h"

#include <koken/time.h>

enum state { NEW, ARMED, STOPPED };

static void over(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    struct kn_delay *delay = kn_container_of(timer, struct kn_delay, timer);

    (void)worker;
    delay->fn(delay, !cancelled);
}

static void arm(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_delay *delay = kn_container_of(errand, struct kn_delay, errand);
    uint32_t fresh = NEW;

    /* Relaxed: who has stopped it wants nothing but the call. */
    if (worker == NULL || kn_load(&delay->state, relaxed) == STOPPED) {
        delay->fn(delay, false);
        return;
    }
    kn_timer_arm(worker, &delay->timer, delay->deadline_ns, over);
    /* [SD1] release: the timer is armed. It is ours until this worker looks at its wheel again. */
    if (!kn_cas_strong(&delay->state, &fresh, ARMED, release, relaxed)) {
        KN_ASSERT(fresh == STOPPED);
        (void)kn_timer_cancel(worker, &delay->timer); /* armed a moment ago: true */
    }
}

void kn_delay_start(struct kn_sched *sched, struct kn_delay *delay, uint64_t deadline_ns,
                    void (*fn)(struct kn_delay *self, bool is_due))
{
    struct kn_worker *worker = kn_worker_current();

    KN_ASSERT(fn != NULL);
    kn_errand_init(&delay->errand, arm);
    kn_timer_init(&delay->timer);
    kn_atomic_init(&delay->state, NEW);
    delay->deadline_ns = deadline_ns;
    delay->fn = fn;
    if (worker != NULL && worker->sched == sched) {
        arm(&delay->errand, worker);
    } else {
        kn_errand_post(sched, &delay->errand, KN_PRIO_HIGH);
    }
}

void kn_delay_stop(struct kn_delay *delay)
{
    /* [SD1] acquire: the timer is armed. */
    uint32_t was = kn_swap(&delay->state, STOPPED, acquire);

    KN_ASSERT(was != STOPPED);
    if (was == ARMED) {
        (void)kn_timer_cancel(kn_worker_current(),
                              &delay->timer); /* false: it is due just now, or was */
    }
}

uint64_t kn_delay_deadline(uint64_t timeout_ns)
{
    uint64_t now = kn_now();

    if (timeout_ns == KOKEN_NO_DEADLINE) {
        return KN_NEVER;
    }
    return timeout_ns > KN_NEVER - 1 - now ? KN_NEVER - 1 : now + timeout_ns;
}
