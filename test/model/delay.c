/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delays: sched/delay.c as it stands. A worker arms what another thread stops: the end is told once, and who cancels the
 * timer finds it armed.
 */
#include "test/model/lib/model.h"

#include "sched/delay.c"

static struct kn_delay delay;
static struct kn_worker worker;
static uint64_t told, told_due;

/* ---- the wheel below, of one timer: what it keeps of it is plain ------------------------------------- */

static kn_atomic(uint32_t) is_taken; /* the timer's end has been claimed */

void kn_timer_arm(struct kn_worker *w, struct kn_timer *timer, uint64_t deadline_ns,
                  void (*fire)(struct kn_worker *w, struct kn_timer *timer, bool cancelled))
{
    (void)w;
    timer->deadline_ns = deadline_ns;
    timer->fire = fire;
}

static void end_timer(struct kn_timer *timer, bool is_cancelled)
{
    if (kn_swap(&is_taken, 1, acq_rel) == 0) {
        timer->fire(&worker, timer, is_cancelled);
    }
}

bool kn_timer_cancel(struct kn_worker *w, struct kn_timer *timer)
{
    (void)w;
    KOKEN_CHECK(timer->deadline_ns == 7);
    end_timer(timer, true);
    return true;
}

void kn_errand_init(struct kn_errand *errand,
                    void (*fn)(struct kn_errand *self, struct kn_worker *worker))
{
    errand->fn = fn;
}

void kn_errand_post(struct kn_sched *sched, struct kn_errand *errand, enum kn_prio prio)
{
    (void)sched, (void)errand, (void)prio; /* the scenario's worker runs it */
}

struct kn_worker *kn_worker_current(void)
{
    return NULL;
}

/* ---- scenarios -------------------------------------------------------------------------------------- */

static void on_end(struct kn_delay *self, bool is_due)
{
    KOKEN_CHECK(self == &delay);
    told++;
    told_due += is_due;
}

static void start(void)
{
    told = told_due = 0;
    kn_atomic_init(&is_taken, 0);
    delay.timer.deadline_ns = 0;
    kn_delay_start(NULL, &delay, 7, on_end);
}

static void run_errand(void)
{
    delay.errand.fn(&delay.errand, &worker);
}

static void leave_errand(void)
{
    delay.errand.fn(&delay.errand, NULL);
}

static void stop(void)
{
    kn_delay_stop(&delay);
}

static void check_not_due(void)
{
    KOKEN_CHECK(told == 1 && told_due == 0);
}

static const struct kn_scenario scenarios[] = {
    {"armed, stopped", start, {run_errand, stop}, check_not_due},
    {"left over, stopped", start, {leave_errand, stop}, check_not_due},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
