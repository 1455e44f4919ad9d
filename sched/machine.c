/* SPDX-License-Identifier: Apache-2.0 */
/* Machines: the threads. Their states are in machine.h, why enough of them exist in DESIGN.md. */
#include "sched/machine.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

KN_TLS struct kn_machine *kn_machine_self;
KN_TLS_SIMULATED(kn_machine_self);

void kn_machine_wake(struct kn_machine *machine)
{
    /* [SM1] release: the worker and all that its last holder did. Pairs with acquire in
     * kn_machine_sleep(). */
    uint32_t was = kn_swap(&machine->park, KN_PARK_TOKEN, release);

    KOKEN_CHECK(was != KN_PARK_TOKEN);
    if (was == KN_PARK_ASLEEP) {
        kn_futex_wake(&machine->park, 1);
    } else if (was == KN_PARK_POLLING) {
        kn_netpoll_wake(&machine->sched->netpoll);
    }
}

/*
 * The same in the netpoller. -ETIMEDOUT also when there are events, or for no reason at all;
 * *ret_ready is what has completed, with the token as well as without. -EBUSY: the place is taken.
 */
int kn_machine_sleep_polling(struct kn_machine *machine, uint64_t deadline_ns,
                             struct kn_io **ret_ready)
{
    struct kn_netpoll *netpoll = &machine->sched->netpoll;
    uint32_t seen = KN_PARK_EMPTY;

    *ret_ready = NULL;
    /* Before POLLING can be seen: else the sleeper that leaves could take our wake (netpoll.c, N5).
     */
    if (!kn_netpoll_enter(netpoll)) {
        return -EBUSY;
    }
    /* [SM1] acquire, both: pairs with release in kn_machine_wake(). */
    if (kn_cas_strong(&machine->park, &seen, KN_PARK_POLLING, acquire, acquire)) {
        (void)!kn_netpoll_sleep(netpoll, deadline_ns, ret_ready);
        seen = KN_PARK_POLLING;
        (void)kn_cas_strong(&machine->park, &seen, KN_PARK_EMPTY, acquire, acquire);
    }
    kn_netpoll_leave(netpoll);
    if (seen == KN_PARK_POLLING) {
        return -ETIMEDOUT;
    }
    KOKEN_CHECK(seen == KN_PARK_TOKEN);
    kn_store(&machine->park, KN_PARK_EMPTY, relaxed); /* relaxed: wakers only swap, one at a time */
    return 0;
}

/* 0: the token came and is taken. -ETIMEDOUT: the deadline came first; the token may still come. */
int kn_machine_sleep(struct kn_machine *machine, uint64_t deadline_ns)
{
    uint32_t seen = KN_PARK_EMPTY;
    int rc = 0;

    /* [SM1] acquire, all three: pairs with release in kn_machine_wake(). */
    if (kn_cas_strong(&machine->park, &seen, KN_PARK_ASLEEP, acquire, acquire)) {
        do {
            rc = kn_futex_wait(&machine->park, KN_PARK_ASLEEP, deadline_ns);
            seen = kn_load(&machine->park, acquire);
        } while (seen == KN_PARK_ASLEEP && rc != -ETIMEDOUT);
        if (seen == KN_PARK_ASLEEP &&
            kn_cas_strong(&machine->park, &seen, KN_PARK_EMPTY, acquire, acquire)) {
            return -ETIMEDOUT;
        }
    }
    KOKEN_CHECK(seen == KN_PARK_TOKEN);
    kn_store(&machine->park, KN_PARK_EMPTY, relaxed); /* relaxed: wakers only swap, one at a time */
    return 0;
}

/* ---- who gets a worker --------------------------------------------------------------------- */

static struct kn_machine *pop_leaver(struct kn_sched *sched)
{
    struct kn_machine *machine = sched->leavers_first;

    if (machine != NULL) {
        sched->leavers_first = machine->next;
        (void)kn_sub(&sched->leaver_count, 1, seq_cst); /* [SI1] see kn_rest_is_over() */
    }
    return machine;
}

static struct kn_machine *pop_spare(struct kn_sched *sched)
{
    struct kn_machine *machine = sched->spares;

    if (machine != NULL) {
        sched->spares = machine->next;
    }
    return machine;
}

/* To a leaver, a spare, or the orphans. The caller owns the worker, which has no machine. */
static void place(struct kn_sched *sched, struct kn_worker *worker)
{
    struct kn_machine *machine;

    KN_ASSERT(worker->machine == NULL);
    kn_lock(&sched->machines_lock);
    machine = pop_leaver(sched);
    if (machine == NULL && kn_load(&sched->stopping, relaxed) == 0) { /* relaxed: spares look at it
                                                                          under this lock */
        machine = pop_spare(sched);
    }
    if (machine == NULL) {
        worker->next_orphan = sched->orphans;
        sched->orphans = worker;
    }
    kn_unlock(&sched->machines_lock);
    if (machine != NULL) {
        KN_ASSERT(machine->worker == NULL);
        machine->worker = worker;
        worker->machine = machine;
        kn_machine_wake(machine);
    }
}

void kn_worker_assign(struct kn_sched *sched, struct kn_worker *worker)
{
    worker->is_searching = true; /* the claim has counted it */
    if (worker->machine != NULL) {
        KN_ASSERT(worker->machine->worker == worker);
        kn_machine_wake(worker->machine);
    } else {
        place(sched, worker);
    }
    kn_watch_call(sched);
}

static void let_go(struct kn_worker *worker)
{
    struct kn_machine *machine = worker->machine;

    KN_ASSERT(machine == kn_machine_self);
    KN_ASSERT(worker == kn_worker_self);
    if (worker->is_searching) {
        kn_worker_end_search(worker);
    }
    worker->spin_end_ns = 0;
    kn_worker_flush_again(worker);
    kn_worker_self = NULL;
    machine->worker = NULL;
    worker->machine = NULL;
}

bool kn_worker_give(struct kn_worker *worker)
{
    struct kn_machine *machine;

    /* Relaxed: who nudged had queued before, [SN1]; else it is a hint. */
    if (kn_load(&worker->sched->leaver_count, relaxed) == 0) {
        return false;
    }
    kn_lock(&worker->sched->machines_lock);
    machine = pop_leaver(worker->sched);
    kn_unlock(&worker->sched->machines_lock);
    if (machine == NULL) {
        return false;
    }
    let_go(worker);
    KN_ASSERT(machine != kn_machine_self);
    KN_ASSERT(machine->worker == NULL);
    machine->worker = worker;
    worker->machine = machine;
    if (kn_load(&worker->sched->leaver_count, relaxed) > 0) {
        /* One request may stand for many. Relaxed: whoever queues after this look nudges itself. */
        (void)kn_or(&worker->nudge, KN_NUDGE_GIVE, release); /* [SN1] */
    }
    kn_machine_wake(machine);
    return true;
}

void kn_worker_release(struct kn_worker *worker)
{
    struct kn_sched *sched = worker->sched;

    let_go(worker);
    place(sched, worker);
}

/* ---- waking -------------------------------------------------------------------------------- */

void kn_notify(struct kn_sched *sched, unsigned near)
{
    int index;

    /* [SI1] seq_cst: after the publication. Pairs with kn_idle_rest() and kn_idle_search_end(). */
    if (!kn_idle_wants_wake(&sched->idle, kn_load(&sched->idle.word, seq_cst))) {
        return;
    }
    index = kn_idle_claim(&sched->idle, near, /* is_forced= */ false);
    if (index >= 0) {
        kn_worker_assign(sched, sched->workers[index]);
    }
}

bool kn_notify_forced(struct kn_sched *sched, unsigned near)
{
    int index = kn_idle_claim(&sched->idle, near, /* is_forced= */ true);

    if (index >= 0) {
        kn_worker_assign(sched, sched->workers[index]);
    }
    return index >= 0;
}

/*
 * That nobody can be claimed (awake is at its most) does not mean that this worker is awake: a claimer
 * may hold its count while it takes a worker that had only set its bit. So the bit decides; it is looked
 * at after the nudge, and a worker looks at its nudge after it has set the bit.
 */
void kn_worker_rouse(struct kn_sched *sched, struct kn_worker *worker)
{
    while (kn_idle_is_resting(&sched->idle, worker->index)) { /* ends: claimed, here or elsewhere */
        if (kn_idle_claim_one(&sched->idle, worker->index)) {
            kn_worker_assign(sched, worker);
            return;
        }
        if (KN_MUTANT(15)) {
            return;
        }
        kn_notify(sched, worker->index); /* for a moment the attempt looked like a searcher */
        kn_thread_yield();
    }
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Takes itself off the spares, for good if more machines exist than can be needed. False: not there
 * any more. */
static bool withdraw_spare(struct kn_machine *machine, bool *ret_retires)
{
    struct kn_sched *sched = machine->sched;
    struct kn_machine **link;
    bool is_there;

    kn_lock(&sched->machines_lock);
    for (link = &sched->spares; *link != NULL && *link != machine;) {
        link = &(*link)->next;
    }
    is_there = *link == machine;
    if (is_there) {
        *link = machine->next;
        *ret_retires = sched->total - sched->blocked > sched->worker_count;
        sched->total -= *ret_retires;
        KN_ASSERT(sched->total - sched->blocked >= sched->worker_count);
    }
    kn_unlock(&sched->machines_lock);
    return is_there;
}

enum enlisted { ENLISTED_STOP, ENLISTED_ORPHAN, ENLISTED_SPARE };

/*
 * Gets the machine an orphan, or puts it on the spares. A spare's worker is not to be looked at
 * before its token: whoever takes the machine off the list writes it.
 */
static enum enlisted enlist(struct kn_machine *machine, uint64_t *ret_deadline_ns)
{
    struct kn_sched *sched = machine->sched;
    enum enlisted enlisted = ENLISTED_SPARE;
    struct kn_worker *worker;

    kn_lock(&sched->machines_lock);
    /* Relaxed: stop sets it before it empties the spares under this lock. */
    if (kn_load(&sched->stopping, relaxed) != 0) {
        sched->total--;
        kn_unlock(&sched->machines_lock);
        return ENLISTED_STOP;
    }
    KN_ASSERT(machine->worker == NULL);
    worker = sched->orphans;
    if (worker != NULL) {
        KN_ASSERT(worker->machine == NULL);
        enlisted = ENLISTED_ORPHAN;
        sched->orphans = worker->next_orphan;
        machine->worker = worker;
        worker->machine = machine;
    } else {
        machine->next = sched->spares;
        sched->spares = machine;
    }
    *ret_deadline_ns = sched->total - sched->blocked > sched->worker_count ? 0 : KN_NEVER;
    kn_unlock(&sched->machines_lock);
    return enlisted;
}

/* Without a worker: waits for one. False: the thread ends. */
static bool wait_for_worker(struct kn_machine *machine)
{
    const struct kn_sched_config *config = &machine->sched->config;
    bool retires = false;

    if (config->hooks.offline != NULL) {
        config->hooks.offline(config->hooks.arg);
    }
    while (machine->worker == NULL && !retires) {
        uint64_t deadline_ns;
        enum enlisted enlisted = enlist(machine, &deadline_ns);

        if (enlisted != ENLISTED_SPARE) {
            retires = enlisted == ENLISTED_STOP;
            break;
        }
        if (deadline_ns == 0) {
            deadline_ns = kn_now() + config->retire_ns;
        }
        if (kn_machine_sleep(machine, deadline_ns) == -ETIMEDOUT &&
            !withdraw_spare(machine, &retires)) {
            (void)kn_machine_sleep(machine, KN_NEVER); /* somebody has taken it: the token comes */
        }
    }
    if (config->hooks.online != NULL) {
        config->hooks.online(config->hooks.arg);
    }
    return !retires;
}

static void run(struct kn_machine *machine)
{
    struct kn_worker *worker = machine->worker;

    KN_ASSERT(worker->machine == machine);
    KN_ASSERT(kn_worker_self == NULL);
    kn_worker_self = worker;
    kn_look_serve(&worker->look, &machine->look);
    kn_topology_bind(machine->sched->topology, worker->index, &machine->cpu);
    worker->beat_ns = worker->now_ns = kn_now();
    kn_worker_run();
    KN_ASSERT(machine->worker == NULL);
}

static void report_start(struct kn_machine *machine, int rc)
{
    struct kn_sched *sched = machine->sched;

    if (!machine->is_first) {
        return;
    }
    if (rc < 0) {
        kn_store(&sched->start_error, rc, relaxed); /* relaxed: published by [SM2] */
    }
    /* [SM2] release: what thread_start did. Pairs with acquire in kn_sched_start(). */
    if (kn_sub(&sched->starting, 1, release) == 1) {
        kn_futex_wake(&sched->starting, 1);
    }
}

static void end_machine(struct kn_machine *machine)
{
    struct kn_sched *sched = machine->sched;
    struct kn_machine **link = &sched->machines;

    kn_lock(&sched->machines_lock);
    while (*link != machine) { /* ends: it is in the list */
        link = &(*link)->all;
    }
    *link = machine->all;
    machine->all = sched->ended;
    sched->ended = machine;
    kn_unlock(&sched->machines_lock);
    /* Relaxed: it is joined, see kn_sched_stop(). Last access. */
    if (kn_sub(&sched->live, 1, relaxed) == 1) {
        kn_futex_wake(&sched->live, 1);
    }
}

/* thread_start has failed: a first machine's worker goes to the orphans, and the start fails. */
static void abandon(struct kn_machine *machine)
{
    struct kn_sched *sched = machine->sched;
    struct kn_worker *worker = machine->worker;

    kn_lock(&sched->machines_lock);
    sched->total--;
    kn_unlock(&sched->machines_lock);
    if (worker != NULL) {
        machine->worker = NULL;
        worker->machine = NULL;
        place(sched, worker);
    }
}

static void machine_main(void *arg)
{
    struct kn_machine *machine = arg;
    const struct kn_sched_hooks *hooks = &machine->sched->config.hooks;
    int rc = hooks->thread_start != NULL ? hooks->thread_start(hooks->arg) : 0;

    kn_machine_self = machine;
    if (hooks->stack != NULL) {
        kn_look_enter(&machine->look);
    }
    report_start(machine, rc);
    if (rc == 0) {
        while (machine->worker != NULL || wait_for_worker(machine)) {
            run(machine);
        }
        if (hooks->thread_stop != NULL) {
            hooks->thread_stop(hooks->arg);
        }
    } else {
        abandon(machine);
    }
    kn_look_leave(&machine->look);
    end_machine(machine);
}

int kn_machine_start(struct kn_sched *sched, struct kn_worker *worker, bool is_first)
{
    struct kn_machine *machine = kn_alloc(sizeof(*machine), KN_CACHE_LINE, -1);
    int rc;

    if (machine == NULL) {
        return -ENOMEM;
    }
    memset(machine, 0, sizeof(*machine));
    machine->sched = sched;
    machine->worker = worker;
    machine->is_first = is_first;
    machine->cpu = -1;
    if (worker != NULL) {
        worker->machine = machine;
    }
    (void)kn_add(&sched->live, 1, relaxed); /* relaxed: this thread keeps stop waiting until then */
    /* Under the lock: a thread that ends at once must not be joined before its handle is written.
     */
    kn_lock(&sched->machines_lock);
    machine->all = sched->machines;
    sched->machines = machine;
    rc = kn_thread_start(&machine->thread, "koken-worker", machine_main, machine);
    kn_unlock(&sched->machines_lock);
    if (rc < 0) {
        machine->worker = NULL;
        if (worker != NULL) {
            worker->machine = NULL;
        }
        end_machine(machine);
    }
    return rc;
}

/* Stop: sends the spares home. */
void kn_machines_dismiss(struct kn_sched *sched)
{
    struct kn_machine *machine, *next;

    kn_lock(&sched->machines_lock);
    machine = sched->spares;
    sched->spares = NULL;
    kn_unlock(&sched->machines_lock);
    for (; machine != NULL; machine = next) {
        next = machine->next;
        kn_machine_wake(machine);
    }
}

/* Joins and frees the machines that have ended. Thread: any. */
void kn_machines_reap(struct kn_sched *sched)
{
    struct kn_machine *machine, *next;

    kn_lock(&sched->machines_lock);
    machine = sched->ended;
    sched->ended = NULL;
    kn_unlock(&sched->machines_lock);
    for (; machine != NULL; machine = next) {
        next = machine->all;
        if (machine->thread.handle != NULL) {
            kn_thread_join(&machine->thread);
        }
        kn_free(machine, sizeof(*machine), KN_CACHE_LINE);
    }
}
