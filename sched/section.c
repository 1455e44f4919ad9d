/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking sections: the thread stays with its stack, the worker goes on without it.
 *
 * Before a worker is let go it is made sure that for every worker there is a machine that is not in
 * a section (total - blocked >= workers), if need be by starting a thread. So nobody who wakes a
 * worker ever has to start one. If that fails the worker stays with the section: slower, not wrong.
 */
#include "sched/machine.h"

#include "base/assert.h"

#include <stddef.h>

enum reserved { RESERVED_NONE, RESERVED_THERE, RESERVED_TO_START };

/* Counts this machine as blocked, if enough others are there or may be started. */
static enum reserved reserve_machine(struct kn_sched *sched)
{
    enum reserved reserved = RESERVED_NONE;

    kn_lock(&sched->machines_lock);
    /* Relaxed: during stop threads only end. */
    if (kn_load(&sched->stopping, relaxed) != 0) {
        reserved = RESERVED_NONE;
    } else if (sched->total - sched->blocked > sched->worker_count) {
        reserved = RESERVED_THERE;
    } else if (sched->total < sched->worker_count + sched->config.sections_max) {
        reserved = RESERVED_TO_START;
        sched->total++;
    }
    sched->blocked += reserved != RESERVED_NONE;
    KN_ASSERT(sched->blocked <= sched->total);
    kn_unlock(&sched->machines_lock);
    return reserved;
}

static void unreserve_machine(struct kn_sched *sched, bool was_to_start)
{
    kn_lock(&sched->machines_lock);
    KN_ASSERT(sched->blocked > 0);
    sched->blocked--;
    sched->total -= was_to_start;
    kn_unlock(&sched->machines_lock);
}

static bool find_substitute(struct kn_sched *sched)
{
    enum reserved reserved = reserve_machine(sched);

    if (reserved != RESERVED_TO_START) {
        return reserved == RESERVED_THERE;
    }
    kn_machines_reap(sched);
    if (kn_machine_start(sched, NULL, /* is_first= */ false) < 0) {
        unreserve_machine(sched, /* was_to_start= */ true);
        return false;
    }
    return true;
}

/* Without work, timers, alarms and fds to look after a worker needs no machine until somebody wakes it. */
static void lay_to_rest(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;

    (void)kn_idle_rest(&sched->idle, worker->index, /* was_searching= */ false);
    /* [SI1] as in sleep_guarding(): what was published before this worker could be seen to rest. */
    if (kn_rest_is_over(worker, /* is_folded= */ false)) {
        kn_worker_rouse(sched, worker);
    }
}

void kn_blocking_enter(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;
    const struct kn_sched_hooks *hooks = &sched->config.hooks;
    struct kn_machine *machine = kn_machine_self;

    KOKEN_CHECK(worker == kn_worker_self);
    KN_ASSERT(worker->machine == machine);
    KN_ASSERT(!worker->is_searching);
    (void)kn_add(&sched->sections_open, 1, relaxed); /* relaxed: published when it rests, [SI1] */
    if (hooks->offline != NULL) {
        hooks->offline(hooks->arg);
    }
    KN_ASSERT(machine->kept == NULL);
    KN_ASSERT(worker->again == NULL);
    machine->last_index = worker->index;
    if (!find_substitute(sched)) {
        machine->kept = worker;
        kn_worker_self = NULL;
        (void)kn_add(&sched->sections_kept, 1, relaxed); /* relaxed: statistics */
        return;
    }
    if (kn_worker_has_work(worker) || kn_wheel_next(&worker->wheel) != KN_NEVER ||
        kn_alarms_next(&sched->alarms) != KN_NEVER ||
        (kn_netpoll_is_needed(&sched->netpoll) && !kn_netpoll_has_sleeper(&sched->netpoll))) {
        (void)kn_add(&sched->handoffs, 1, relaxed); /* relaxed: statistics */
        kn_worker_release(worker);
        return;
    }
    kn_worker_self = NULL;
    machine->worker = NULL;
    worker->machine = NULL;
    lay_to_rest(worker);
}

/* A resting worker, preferably the one it had. Its guard becomes a spare. */
static struct kn_worker *claim_resting(struct kn_machine *machine)
{
    struct kn_sched *sched = machine->sched;
    int index = kn_idle_claim(&sched->idle, machine->last_index, /* is_forced= */ true);
    struct kn_worker *worker;
    struct kn_machine *guard;

    if (index < 0) {
        return NULL;
    }
    worker = sched->workers[index];
    guard = worker->machine;
    KN_ASSERT(guard != machine);
    KN_ASSERT(guard == NULL || guard->worker == worker);
    worker->is_searching = true; /* as the claim has counted */
    worker->machine = machine;
    machine->worker = worker;
    if (guard != NULL) {
        guard->worker = NULL;
        kn_machine_wake(guard);
    }
    kn_watch_call(sched);
    return worker;
}

/* An orphan, or a place in the queue of those who wait for a worker. */
static bool queue_for_worker(struct kn_machine *machine)
{
    struct kn_sched *sched = machine->sched;
    struct kn_worker *orphan;

    kn_lock(&sched->machines_lock);
    orphan = sched->orphans;
    if (orphan != NULL) {
        sched->orphans = orphan->next_orphan;
        KN_ASSERT(orphan->machine == NULL);
        orphan->machine = machine;
        machine->worker = orphan;
    } else {
        machine->next = NULL;
        if (sched->leavers_first == NULL) {
            sched->leavers_first = machine;
        } else {
            sched->leavers_last->next = machine;
        }
        sched->leavers_last = machine;
        /* [SI1] seq_cst: before the look at who rests; see kn_rest_is_over(). */
        (void)kn_add(&sched->leaver_count, 1, seq_cst);
    }
    kn_unlock(&sched->machines_lock);
    return orphan != NULL;
}

static void wait_for_worker(struct kn_machine *machine)
{
    struct kn_sched *sched = machine->sched;

    if (queue_for_worker(machine)) {
        return;
    }
    for (unsigned i = 0; i < sched->worker_count; i++) {
        /* [SN1] release: the place in the queue. Pairs with acquire in heed_nudge(). */
        (void)kn_or(&sched->workers[i]->nudge, KN_NUDGE_GIVE, release);
    }
    /* A worker that went to rest before it could see the place in the queue has to be woken for it.
     */
    (void)kn_notify_forced(sched, machine->last_index);
    (void)kn_machine_sleep(machine, KN_NEVER);
}

KN_NOINLINE struct kn_worker *kn_blocking_leave(struct kn_sched *sched)
{
    const struct kn_sched_hooks *hooks = &sched->config.hooks;
    struct kn_machine *machine = kn_machine_self;
    struct kn_worker *worker;

    KOKEN_CHECK(machine != NULL && machine->sched == sched);
    KOKEN_CHECK(kn_worker_self == NULL);
    worker = machine->kept;
    if (worker != NULL) {
        machine->kept = NULL;
    } else {
        if (claim_resting(machine) == NULL) {
            wait_for_worker(machine);
        }
        worker = machine->worker;
        unreserve_machine(sched, /* was_to_start= */ false);
    }
    KOKEN_CHECK(worker != NULL && worker->machine == machine);
    kn_worker_self = worker;
    kn_look_serve(&worker->look, &machine->look);
    if (hooks->online != NULL) {
        hooks->online(hooks->arg);
    }
    if (worker->is_searching) {
        kn_worker_end_search(worker);
    }
    /* [SQ1] release: the claim of this worker. Pairs with acquire in is_quiet(). */
    (void)kn_sub(&sched->sections_open, 1, release);
    return worker;
}
