/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's life: start, quiet, stop, free, statistics. */
#include "sched/sched.h"

#include "base/alloc.h"
#include "base/edges.h"
#include "sched/fair.h"
#include "sched/lifo.h"
#include "sched/machine.h"
#include "sched/nursery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- configuration ------------------------------------------------------------------------- */

static uint64_t or_default(uint64_t value, uint64_t standard)
{
    return value != 0 ? value : standard;
}

static int fill_config(const struct kn_sched_config *given, struct kn_sched_config *ret_config)
{
    static const struct kn_sched_config none;
    struct kn_sched_config config = given != NULL ? *given : none;

    if (config.workers > KN_WORKERS_MAX || config.budget > INT32_MAX ||
        (config.is_exact && config.workers == 0) || config.affinity > KN_AFFINITY_CORE) {
        return -EINVAL;
    }
    config.budget = (unsigned)or_default(config.budget, KN_BUDGET_DEFAULT);
    config.slice_ns = or_default(config.slice_ns, 200 * 1000);
    config.spin_ns = config.spin_ns == KN_NO_SPIN ? 0 : or_default(config.spin_ns, 20 * 1000);
    config.share_ns = config.share_ns == KN_SHARE_ALL ? 0 : or_default(config.share_ns, 10 * 1000);
    config.stuck_ns = or_default(config.stuck_ns, 10 * 1000 * 1000);
    config.retire_ns = or_default(config.retire_ns, UINT64_C(10) * 1000 * 1000 * 1000);
    config.seed = or_default(config.seed, kn_entropy());
    config.sections_max = (unsigned)or_default(config.sections_max, KN_SECTIONS_MAX_DEFAULT);
    config.blocking_max = (unsigned)or_default(config.blocking_max, KN_BLOCKING_MAX_DEFAULT);
    *ret_config = config;
    return 0;
}

static void log_reason(const struct kn_sched *sched, const struct kn_count_reason *reason)
{
    char wanted[24] = "any", quota[24] = "none", line[256];

    if (sched->config.log == NULL) {
        return;
    }
    if (reason->wanted > 0) {
        (void)snprintf(wanted, sizeof(wanted), "%u", reason->wanted);
    }
    if (reason->quota > 0) {
        (void)snprintf(quota, sizeof(quota), "%u", reason->quota);
    }
    (void)snprintf(
        line, sizeof(line),
        "koken: %u workers (processors allowed: %u, cgroup quota: %s, configured: %s%s), "
        "%u NUMA nodes, clock %s, LIFO slot %s, fair within %llu steps",
        reason->workers, reason->pus, quota, wanted, reason->is_exact ? " exactly" : "",
        sched->topology->nodes, kn_clock_name(),
        sched->workers[0]->is_biased ? "biased" : "by exchange",
        (unsigned long long)kn_fair_turn(sched->config.budget));
    sched->config.log(sched->config.log_arg, line);
}

/* ---- workers ------------------------------------------------------------------------------- */

static size_t victims_size(const struct kn_sched *sched)
{
    return (sched->worker_count + 1) * sizeof(uint16_t);
}

static void wake_wheel(struct kn_worker *worker)
{
    kn_worker_kick(worker);
}

static int new_worker(struct kn_sched *sched, unsigned index, bool is_biased)
{
    const struct kn_place *place = &sched->topology->places[index];
    struct kn_worker *worker = kn_alloc(sizeof(*worker), KN_FALSE_SHARING, place->node_os);

    if (worker == NULL) {
        return -ENOMEM;
    }
    memset(worker, 0, sizeof(*worker));
    worker->victims = kn_alloc(victims_size(sched), KN_CACHE_LINE, place->node_os);
    if (worker->victims == NULL) {
        kn_free(worker, sizeof(*worker), KN_FALSE_SHARING);
        return -ENOMEM;
    }
    if (kn_nursery_init(worker) < 0) {
        kn_free(worker->victims, victims_size(sched), KN_CACHE_LINE);
        kn_free(worker, sizeof(*worker), KN_FALSE_SHARING);
        return -ENOMEM;
    }
    worker->sched = sched;
    worker->index = index;
    worker->node = place->node_os;
    worker->cpu = place->cpu;
    worker->workers = sched->worker_count;
    worker->is_biased = is_biased;
    worker->has_lifo = !sched->config.no_lifo;
    worker->is_single = sched->worker_count == 1;
    worker->budget_full = (int32_t)sched->config.budget;
    worker->budget = worker->budget_full;
    worker->beat_due = KN_GLOBAL_EVERY;
    worker->rng = kn_random_seed(sched->config.seed + index);
    worker->spin_limit_ns = sched->config.spin_ns;
    worker->now_ns = worker->beat_ns = kn_now();
    kn_atomic_init(&worker->stuck_tick, UINT64_MAX);
    kn_atomic_init(&worker->dispatch_ns, KN_DISPATCH_NS_UNKNOWN);
    worker->last_each_ns = KN_DISPATCH_NS_UNKNOWN;
    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        /* Under the simulator: near the end of the numbers. */
        uint32_t start = kn_unlikely(kn_fault(KN_FAULT_WRAP)) ? UINT32_MAX - 8 : 0;

        kn_atomic_init(&worker->queues[i].head, start);
        kn_atomic_init(&worker->queues[i].tail, start);
    }
    kn_topology_victims(sched->topology, index, worker->victims, worker->ring_end);
    kn_wheel_init(&worker->wheel, worker, worker->now_ns, wake_wheel);
    sched->workers[index] = worker;
    return 0;
}

static void free_worker(struct kn_sched *sched, struct kn_worker *worker)
{
    kn_nursery_fini(worker);
    kn_free(worker->victims, victims_size(sched), KN_CACHE_LINE);
    kn_free(worker, sizeof(*worker), KN_FALSE_SHARING);
}

/* Calls worker_stop for the first `hooked` and frees all. */
static void free_workers(struct kn_sched *sched, unsigned hooked)
{
    const struct kn_sched_hooks *hooks = &sched->config.hooks;

    kn_fair_end(sched);
    for (unsigned i = hooked; i-- > 0 && hooks->worker_stop != NULL;) {
        hooks->worker_stop(sched->workers[i], hooks->arg);
    }
    for (unsigned i = 0; i < sched->worker_count && sched->workers[i] != NULL; i++) {
        free_worker(sched, sched->workers[i]);
    }
    kn_free(sched->workers, sched->worker_count * sizeof(struct kn_worker *), KN_CACHE_LINE);
}

static int new_workers(struct kn_sched *sched)
{
    const struct kn_sched_hooks *hooks = &sched->config.hooks;
    size_t size = sched->worker_count * sizeof(struct kn_worker *);
    bool is_biased = !sched->config.no_biased && kn_lifo_biased_init();
    unsigned hooked = 0;
    int rc = 0;

    sched->workers = kn_alloc(size, KN_CACHE_LINE, -1);
    if (sched->workers == NULL) {
        return -ENOMEM;
    }
    memset(sched->workers, 0, size);
    for (unsigned i = 0; i < sched->worker_count && rc == 0; i++) {
        rc = new_worker(sched, i, is_biased);
    }
    if (rc == 0) {
        kn_fair_begin(sched);
    }
    while (rc == 0 && hooked < sched->worker_count && hooks->worker_start != NULL) {
        rc = hooks->worker_start(sched->workers[hooked], hooks->arg);
        hooked += rc == 0;
    }
    if (rc < 0) {
        free_workers(sched, hooked);
    }
    return rc;
}

/* ---- start --------------------------------------------------------------------------------- */

/* Starts the threads. On error some may be running: the caller stops. */
static int start_threads(struct kn_sched *sched)
{
    uint32_t left = sched->worker_count;
    int rc = 0;

    sched->total = sched->worker_count;
    kn_atomic_init(&sched->starting, sched->worker_count);
    for (unsigned i = 0; i < sched->worker_count; i++) {
        rc = kn_machine_start(sched, sched->workers[i], /* is_first= */ true);
        if (rc < 0) {
            return rc;
        }
    }
    /* [SM2] acquire: what thread_start did. Pairs with release in report_start(). */
    while ((left = kn_load(&sched->starting, acquire)) != 0) { /* ends: every thread reports */
        (void)kn_futex_wait(&sched->starting, left, KN_NEVER);
    }
    rc = kn_load(&sched->start_error, relaxed); /* relaxed: [SM2] */
    return rc < 0 ? rc : kn_watch_start(sched);
}

int kn_sched_start(const struct kn_sched_config *config, struct kn_sched **ret_sched)
{
    struct kn_count_reason reason;
    struct kn_sched *sched;
    int rc = kn_world_init();

    if (rc < 0) {
        return rc;
    }
    sched = kn_alloc(sizeof(*sched), KN_FALSE_SHARING, -1);
    if (sched == NULL) {
        return -ENOMEM;
    }
    memset(sched, 0, sizeof(*sched));
    rc = fill_config(config, &sched->config);
    if (rc < 0) {
        goto err_after_sched;
    }
    rc = kn_topology_new(&sched->config, &sched->topology, &reason);
    if (rc < 0) {
        goto err_after_sched;
    }
    kn_alloc_nodes(sched->topology->is_real ? sched->topology->nodes : 0);
    sched->worker_count = reason.workers;
    sched->jobs.max = sched->config.blocking_max;
    kn_idle_init(&sched->idle, sched->worker_count);
    kn_netpoll_init(&sched->netpoll);
    kn_alarms_init(&sched->alarms, kn_now());
    rc = new_workers(sched);
    if (rc < 0) {
        goto err_after_topology;
    }
    kn_watch_prepare(sched);
    rc = start_threads(sched);
    if (rc < 0) {
        goto err_after_workers;
    }
    log_reason(sched, &reason);
    *ret_sched = sched;
    return 0;

err_after_workers:
    KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    free_workers(sched, sched->worker_count);
err_after_topology:
    kn_topology_free(sched->topology);
err_after_sched:
    kn_free(sched, sizeof(*sched), KN_FALSE_SHARING);
    KN_ASSERT(rc < 0);
    return rc;
}

/* ---- stop ---------------------------------------------------------------------------------- */

/* Tells every thread, wherever it is. */
static void call_off(struct kn_sched *sched)
{
    for (unsigned i = 0; i < sched->worker_count; i++) {
        /* [SN1] release (as seq_cst): pairs with acquire in heed_nudge(); against
         * kn_rest_is_over(). */
        (void)kn_or(&sched->workers[i]->nudge, KN_NUDGE_STOP, seq_cst);
    }
    for (unsigned i = 0; i < sched->worker_count; i++) {
        kn_worker_rouse(sched, sched->workers[i]);
    }
    kn_machines_dismiss(sched);
    kn_jobs_stop(sched);
    kn_watch_stop(sched);
}

int kn_sched_stop(struct kn_sched *sched, uint64_t deadline_ns)
{
    uint32_t live;

    KOKEN_CHECK(kn_machine_self == NULL || kn_machine_self->sched != sched);
    if (sched->is_joined) {
        return 0;
    }
    if (kn_swap(&sched->stopping, 1, seq_cst) == 0) { /* [SN1] before the nudges */
        call_off(sched);
    }
    /*
     * Relaxed, all: who has counted itself out is in a list under a lock, which is taken below: had that been
     * earlier, then so would this look, by the same lock. The joins behind it order all that the threads did.
     */
    while ((live = kn_load(&sched->live, relaxed)) != 0) { /* ends: the deadline */
        if (kn_futex_wait(&sched->live, live, deadline_ns) == -ETIMEDOUT &&
            kn_load(&sched->live, relaxed) != 0) {
            return -ETIMEDOUT;
        }
    }
    kn_machines_reap(sched);
    kn_jobs_join(sched);
    sched->is_joined = true;
    for (unsigned i = 0; i < sched->worker_count; i++) {
        (void)kn_wheel_fini(&sched->workers[i]->wheel);
    }
    kn_alarms_fini(&sched->alarms);
    kn_netpoll_shutdown(&sched->netpoll, NULL);
    return 0;
}

static struct kn_runnable *leftover_of(struct kn_worker *worker)
{
    struct kn_runnable *runnable = worker->again;

    KN_ASSERT(kn_machine_self == NULL);
    worker->again = NULL;
    kn_fair_take(&worker->again, runnable);
    if (runnable == NULL) {
        runnable = kn_lifo_take(worker);
    }
    if (runnable == NULL) {
        runnable = kn_nursery_pop_any(worker);
    }
    for (unsigned i = 0; i < KN_PRIO_COUNT_ && runnable == NULL; i++) {
        runnable = kn_runq_pop(&worker->queues[i], /* is_single= */ true);
    }
    return runnable;
}

struct kn_runnable *kn_sched_leftover(struct kn_sched *sched)
{
    enum kn_prio prio;
    uint32_t count;

    KOKEN_CHECK(sched->is_joined);
    for (unsigned i = 0; i < sched->worker_count; i++) {
        struct kn_runnable *runnable = leftover_of(sched->workers[i]);

        if (runnable != NULL) {
            return runnable;
        }
    }
    return kn_global_take(&sched->global, 1, &prio, &count);
}

void kn_sched_free(struct kn_sched *sched)
{
    if (sched == NULL) {
        return;
    }
    KOKEN_CHECK(sched->is_joined);
    kn_netpoll_fini(&sched->netpoll);
    free_workers(sched, sched->worker_count);
    kn_topology_free(sched->topology);
    kn_free(sched, sizeof(*sched), KN_FALSE_SHARING);
}

/* ---- quiet --------------------------------------------------------------------------------- */

/*
 * A completed wait for an fd is in the hands of a thread that may count as resting, or is sysmon:
 * until it is delivered it counts too, and so does an alarm in sysmon's hands. The counts of sections and jobs fall only while their worker
 * is awake or after done is queued, so if no worker was awake at two moments with no wake between
 * them (the word is the same, its seq too) and nothing was open or queued in between, nothing was
 * running then.
 */
static bool is_quiet(struct kn_sched *sched)
{
    uint64_t word = kn_load(&sched->idle.word, seq_cst); /* [SI1] */

    /* [SQ1] acquire: pairs with release where a section or a job ends. [SQ2] seq_cst: whoever ends the last job, wait or
     * alarm looks for us after that; a section's worker signals when it rests. */
    return kn_idle_awake(word) == 0 && kn_load(&sched->sections_open, acquire) == 0 &&
           kn_load(&sched->jobs.open, seq_cst) == 0 && !kn_netpoll_is_delivering(&sched->netpoll) &&
           !kn_alarms_are_ringing(&sched->alarms) && kn_global_len(&sched->global) == 0 &&
           kn_load(&sched->idle.word, relaxed) == word; /* relaxed: what was claimed before a count
                                                           fell is seen, by [SQ1] */
}

bool kn_sched_quiet(struct kn_sched *sched, uint64_t deadline_ns)
{
    bool is_reached;
    int rc = 0;

    KOKEN_CHECK(kn_machine_self == NULL || kn_machine_self->sched != sched);
    /* [SQ2] seq_cst: before the look. Pairs with the load in kn_quiet_signal(), after the change.
     */
    (void)kn_add(&sched->quiet_waiters, 1, seq_cst);
    for (;;) {                                              /* ends: quiet, or the deadline */
        uint32_t seq = kn_load(&sched->quiet_seq, acquire); /* [SQ2] acquire: the change, if told */

        is_reached = is_quiet(sched);
        if (is_reached || rc == -ETIMEDOUT) {
            break;
        }
        rc = kn_futex_wait(&sched->quiet_seq, seq, deadline_ns);
    }
    (void)kn_sub(&sched->quiet_waiters, 1, relaxed); /* relaxed: one signal too many does no harm */
    kn_take_over(sched);
    return is_reached;
}

void kn_quiet_signal(struct kn_sched *sched)
{
    kn_hand_over(sched);
    if (kn_unlikely(kn_load(&sched->quiet_waiters, seq_cst) > 0)) { /* [SQ2] */
        (void)kn_add(&sched->quiet_seq, 1, release);                /* [SQ2] release: the change */
        kn_futex_wake(&sched->quiet_seq, UINT32_MAX);
    }
}

/* ---- looking in ---------------------------------------------------------------------------- */

struct kn_netpoll *kn_sched_netpoll(struct kn_sched *sched)
{
    return &sched->netpoll;
}

unsigned kn_sched_worker_count(const struct kn_sched *sched)
{
    return sched->worker_count;
}

struct kn_worker *kn_sched_worker(struct kn_sched *sched, unsigned index)
{
    KOKEN_CHECK(index < sched->worker_count);
    return sched->workers[index];
}

void kn_sched_stats(struct kn_sched *sched, struct kn_sched_stats *ret_stats)
{
    struct kn_sched_stats sum = {0};

    for (unsigned i = 0; i < sched->worker_count; i++) {
        struct kn_worker *worker = sched->workers[i];
        /* Relaxed, all: statistics. */
        uint64_t looks = kn_count_read(&worker->stats.idle_looks);
        uint64_t ticks = kn_load(&worker->tick, relaxed);

        sum.dispatches += ticks > looks ? ticks - looks : 0;
#define X(name) sum.name += kn_count_read(&worker->stats.name);
        KN_WORKER_COUNTS(X)
#undef X
    }
    sum.lifo_hits = sum.dispatches > sum.queued ? sum.dispatches - sum.queued : 0;
    sum.stuck = kn_load(&sched->stuck, relaxed);
    sum.nudges = kn_load(&sched->nudges, relaxed);
    sum.handoffs = kn_load(&sched->handoffs, relaxed);
    sum.sections_kept = kn_load(&sched->sections_kept, relaxed);
    sum.jobs = kn_load(&sched->jobs.submitted, relaxed);
    sum.job_threads = kn_load(&sched->jobs.started, relaxed);
    sum.machines = kn_load(&sched->live, relaxed);
    *ret_stats = sum;
}
