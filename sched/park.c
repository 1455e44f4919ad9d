/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rest: a bounded spin, then sleep until a token, a timer or the netpoller.
 *
 * Only a searcher spins, and a single worker, for whom work comes from outside. The limit adapts:
 * it doubles up to spin_ns when spinning found work and halves down to a sixteenth when it did not.
 */
#include "sched/machine.h"

#include "base/assert.h"
#include "base/mutant.h"

#include <errno.h>

enum { ROUND_MAX = 3, LIMIT_FRACTION = 16 };

void kn_worker_spin_won(struct kn_worker *worker)
{
    uint64_t max = worker->sched->config.spin_ns;

    worker->spin_limit_ns = 2 * worker->spin_limit_ns < max ? 2 * worker->spin_limit_ns : max;
    worker->spin_end_ns = 0;
}

/* True: look again. False: the limit is reached, or this worker does not spin. */
static bool spin(struct kn_worker *worker)
{
    uint64_t least = worker->sched->config.spin_ns / LIMIT_FRACTION;

    if (least == 0 || worker->is_folded || !(worker->is_searching || worker->is_single)) {
        worker->spin_end_ns =
            0; /* work of its own, a timer's say, may have ended a search under way */
        return false;
    }
    if (worker->spin_end_ns == 0) {
        worker->spin_end_ns = worker->now_ns + worker->spin_limit_ns;
        worker->spin_round = 0;
        kn_count_add(&worker->stats.spins, 1);
        return true;
    }
    if (worker->now_ns >= worker->spin_end_ns) {
        worker->spin_limit_ns =
            worker->spin_limit_ns / 2 > least ? worker->spin_limit_ns / 2 : least;
        worker->spin_end_ns = 0;
        return false;
    }
    for (unsigned i = 0; i < 1u << worker->spin_round; i++) {
        kn_pause();
    }
    worker->spin_round += worker->spin_round < ROUND_MAX;
    return true;
}

bool kn_rest_is_over(struct kn_worker *worker, bool is_folded)
{
    struct kn_sched *sched = worker->sched;

    /* [SI1] seq_cst: of workers that fold at once the last to be counted sees nobody awake. */
    bool is_others = is_folded && kn_idle_awake(kn_load(&sched->idle.word, seq_cst)) > 0;

    /* [SI1] [SN1] seq_cst, all: each quarrels with a publisher that looks for resting workers after
     * it published, kn_notify(), kn_worker_kick(), kn_blocking_leave() and kn_sched_stop(). */
    return (!is_others && kn_global_len(&sched->global) > 0) ||
           kn_load(&worker->nudge, seq_cst) != 0 || kn_load(&sched->leaver_count, seq_cst) > 0;
}

/* In the netpoller if somebody waits for an fd and the place is free, else on the machine's word.
 */
static int sleep_somewhere(struct kn_machine *machine, uint64_t deadline_ns,
                           struct kn_io **ret_ready)
{
    if (kn_netpoll_is_needed(&machine->sched->netpoll)) {
        int rc = kn_machine_sleep_polling(machine, deadline_ns, ret_ready);

        if (rc != -EBUSY) {
            return rc;
        }
    }
    return kn_machine_sleep(machine, deadline_ns);
}

/* The machine's worker rests; the machine sleeps until somebody gives it a worker again, or NULL.
 */
static void sleep_guarding(struct kn_machine *machine, struct kn_worker *worker, bool is_folded,
                           uint64_t deadline_ns, struct kn_io **ret_ready)
{
    struct kn_sched *sched = machine->sched;

    bool is_over =
        kn_rest_is_over(worker, is_folded) && !KN_MUTANT(5) && !kn_mutant(KN_MUTANT_DROPPED_WAKE);

    if (!is_over && sleep_somewhere(machine, deadline_ns, ret_ready) == 0) {
        return;
    }
    if (!kn_idle_rise(&sched->idle, worker->index)) {
        (void)kn_machine_sleep(machine, KN_NEVER); /* a waker has it: its token is on the way */
        return;
    }
    kn_watch_call(sched); /* nobody has woken this worker, so nobody else does */
    if (worker->machine == machine) {
        worker->is_searching = true; /* as kn_idle_rise() has counted */
        return;
    }
    /* In between, a thread that left a section took the worker, put it to rest again, and a token
     * for this machine is on the way. What was risen here is woken properly. */
    kn_worker_assign(sched, worker);
    (void)kn_machine_sleep(machine, KN_NEVER);
}

static void park(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;
    struct kn_machine *machine = worker->machine;
    const struct kn_sched_hooks *hooks = &sched->config.hooks;
    uint64_t deadline_ns = kn_wheel_next(&worker->wheel);
    uint64_t alarm_ns = kn_alarms_next(&sched->alarms);
    bool was_searching = worker->is_searching;
    bool is_folded = worker->is_folded; /* read before it may be anybody's */
    struct kn_io *ready = NULL;

    deadline_ns = alarm_ns < deadline_ns ? alarm_ns : deadline_ns;
    if (deadline_ns <= worker->now_ns || kn_worker_has_work(worker)) {
        return; /* a timer is due, or a thief has given up on the slot */
    }
    if (hooks->offline != NULL) {
        hooks->offline(hooks->arg);
    }
    kn_count_add(&worker->stats.parks, 1);
    worker->is_searching = false;
    worker->suspect.is_set = false;
    KN_ASSERT(machine == kn_machine_self);
    KN_ASSERT(machine->worker == worker);
    KN_ASSERT(worker->again == NULL);
    KN_ASSERT(worker->spin_end_ns == 0);
    KN_ASSERT(kn_load(&machine->park, relaxed) != KN_PARK_ASLEEP);
    /* From here on the worker may be anybody's. */
    if (kn_idle_rest(&sched->idle, worker->index, was_searching)) {
        kn_quiet_signal(sched);
    }
    sleep_guarding(machine, worker, is_folded, deadline_ns, &ready);
    kn_worker_self = machine->worker;
    if (hooks->online != NULL) {
        hooks->online(hooks->arg);
    }
    if (machine->worker != NULL) {
        kn_look_serve(&machine->worker->look, &machine->look);
        machine->worker->beat_ns = kn_now(); /* sleep is not part of a dispatch */
        machine->worker->now_ns = machine->worker->beat_ns;
        kn_worker_unfold(machine->worker);
    }
    if (kn_netpoll_deliver(machine->worker, ready) > 0) {
        kn_quiet_signal(sched); /* without a worker nobody else would */
    }
}

void kn_worker_rest(struct kn_worker *worker)
{
    KN_ASSERT(worker == kn_worker_self);
    if (!kn_worker_give(worker) && !spin(worker)) {
        park(worker);
    }
}
