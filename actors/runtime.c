/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinator's first half: options, start, metrics. The other half is stop.c. */
#include "actors/runtime.h"

#include "actors/alone.h"
#include "actors/brood.h"
#include "actors/deadletter.h"
#include "actors/kn_rcu.h"
#include "actors/kn_rcu_registry.h"
#include "actors/living.h"
#include "actors/slots.h"
#include "actors/spawn.h"
#include "actors/why.h"
#include "actors/window.h"
#include "base/world.h"
#include "sched/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY_DEFAULT = 1000,
    BUDGET_DEFAULT = 256,
    BUDGET_MAX = 1 << 20,
};

/* A number from the environment, for what the options leave open. */
static uint64_t from_environment(const char *name)
{
    const char *text = secure_getenv(name);
    char *end = NULL;
    unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    return text && end != text && *end == '\0' ? value : 0;
}

/* The caller's options, however old its header, with every default filled in. */
static int read_options(const struct koken_options *from, struct koken_options *o)
{
    size_t size = from && from->struct_size ? from->struct_size : sizeof *o;
    memset(o, 0, sizeof *o);
    if (size > sizeof *o || size < offsetof(struct koken_options, mailbox_capacity)) {
        return -EINVAL;
    }
    if (from) {
        memcpy(o, from, size);
    }
    o->struct_size = sizeof *o;
    uint64_t workers = o->workers ? o->workers : from_environment("KOKEN_WORKERS");
    o->workers = workers > KN_WORKERS_MAX ? KN_WORKERS_MAX + 1 : (unsigned)workers;
    o->spin_ns = o->spin_ns ? o->spin_ns : from_environment("KOKEN_SPIN_US") * 1000u;
    bool only_capacity = o->mailbox_capacity && !o->mailbox_high && !o->mailbox_low;
    o->mailbox_capacity = o->mailbox_capacity ? o->mailbox_capacity : CAPACITY_DEFAULT;
    o->mailbox_high =
        o->mailbox_high ? o->mailbox_high : o->mailbox_capacity - o->mailbox_capacity / 5;
    o->mailbox_low = o->mailbox_low ? o->mailbox_low : o->mailbox_capacity / 5;
    if (only_capacity && o->mailbox_low >= o->mailbox_high) {
        o->mailbox_low = o->mailbox_high - 1;
    }
    o->policy = o->policy ? o->policy : KOKEN_POLICY_REJECT;
    o->budget = o->budget ? o->budget : BUDGET_DEFAULT;
    if (o->mailbox_capacity > KOKEN_CAPACITY_MAX || o->mailbox_high > o->mailbox_capacity ||
        o->mailbox_low >= o->mailbox_high || (unsigned)o->policy >= KOKEN_POLICY_COUNT_ ||
        o->budget > BUDGET_MAX || o->workers > KN_WORKERS_MAX ||
        (unsigned)o->steal >= KOKEN_STEAL_COUNT_) {
        return -EINVAL;
    }
    KN_ASSERT(o->mailbox_low < o->mailbox_high);
    KN_ASSERT(o->policy != KOKEN_POLICY_DEFAULT);
    KN_ASSERT(o->budget > 0);
    return 0;
}

/* The depot of a node, made at its first worker. NULL: no memory. Thread: the one that starts rt.
 */
static struct kn_depot *depot_of(struct koken *rt, unsigned node)
{
    KN_ASSERT(node < KN_NODES_MAX);
    if (!rt->depots[node]) {
        struct kn_depot *depot = kn_alloc(sizeof *depot, _Alignof(struct kn_depot), -1);
        if (!depot) {
            return NULL;
        }
        kn_depot_init(depot, (int)node);
        rt->depots[node] = depot;
        rt->node_count = node >= rt->node_count ? node + 1 : rt->node_count;
    }
    return rt->depots[node];
}

static int worker_start(struct kn_worker *worker, void *arg)
{
    KN_ASSERT(worker->index < KN_WORKERS_MAX);
    KN_ASSERT(!worker->local);
    struct koken *rt = arg;
    struct kn_local *local = &rt->locals[worker->index];
    unsigned node = worker->node > 0 ? (unsigned)worker->node % KN_NODES_MAX : 0;
    struct kn_depot *depot = depot_of(rt, node);
    if (!depot) {
        return -ENOMEM;
    }
    kn_pool_init(&worker->pool, depot, (int)node);
    kn_stacks_init(&local->stacks, &rt->stack_pool, -1);
    local->worker = worker;
    local->rt = rt;
    local->is_stamping = local->is_unusual = rt->options.stamp_messages;
    worker->local = local;
    if (worker->index == 0) {
        kn_alone_init(&rt->bias, worker->is_biased, worker->is_single);
    }
    kn_alone_init_worker(local, worker->is_biased, worker->is_single);
    if (local->is_stamping) {
        local->latency = kn_alloc(sizeof *local->latency, KN_CACHE_LINE, -1);
        if (!local->latency) {
            return -ENOMEM;
        }
        memset(local->latency, 0, sizeof *local->latency);
    }
    return 0;
}

static void worker_stop(struct kn_worker *worker, void *arg)
{
    (void)arg;
    struct kn_local *local = worker->local;
    if (local) {
        KOKEN_CHECK(!kn_load(&local->is_busy, relaxed));
        KOKEN_CHECK(!kn_load(&local->rt->bias.visitors, relaxed));
        kn_stacks_fini(&local->stacks);
        kn_free(local->latency, sizeof *local->latency, KN_CACHE_LINE);
    }
    kn_pool_fini(&worker->pool);
}

static int thread_start(void *arg)
{
    kn_rcu_enter();
    kn_alone_online(arg, NULL);
    return 0;
}

static void thread_stop(void *arg)
{
    kn_alone_offline(arg);
    kn_rcu_leave();
}

static void go_offline(void *arg)
{
    kn_alone_offline(arg);
    kn_rcu_offline();
}

static void go_online(void *arg)
{
    struct kn_worker *worker = kn_worker_current();
    kn_rcu_online();
    kn_alone_online(arg, worker ? worker->local : NULL);
}

static void quiescent(struct kn_worker *worker, void *arg)
{
    KN_ASSERT(worker == kn_worker_current());
    (void)arg;
    struct kn_local *local = worker->local;
    uint64_t messages = kn_count_read(&local->counters.sent) +
                        kn_count_read(&local->counters.received) + local->passed;
    kn_worker_traffic(worker, messages, local->far);
    kn_alone_quiescent(local);
    kn_rcu_quiescent();
    kn_slots_recycle(local);
}

static struct kn_sched_config sched_config(struct koken *rt)
{
    const struct koken_options *o = &rt->options;
    return (struct kn_sched_config){
        .workers = o->workers,
        .is_exact = o->exact_workers,
        .budget = o->budget,
        .spin_ns = o->no_spin ? KN_NO_SPIN : o->spin_ns,
        .seed = o->seed,
        .affinity = o->pin_workers ? KN_AFFINITY_CORE : KN_AFFINITY_NONE,
        .no_stealing = o->no_stealing,
        .steal = (enum kn_steal_policy)o->steal,
        .no_lifo = o->no_lifo,
        .hooks = {.arg = rt,
                  .worker_start = worker_start,
                  .worker_stop = worker_stop,
                  .thread_start = thread_start,
                  .thread_stop = thread_stop,
                  .offline = go_offline,
                  .online = go_online,
                  .quiescent = quiescent,
                  .stuck = kn_why_stuck,
                  .stack = o->log && !o->no_stacks ? kn_why_stack : NULL},
        .stuck_ns = o->watchdog_ns,
        .log = o->log,
        .log_arg = o->log_arg,
    };
}

void kn_runtime_free(struct koken *rt)
{
    for (unsigned i = 0; i < KN_PARK_BUCKETS; i++) {
        KOKEN_CHECK(!rt->parked[i]); /* nobody waits for nobody */
    }
    KOKEN_CHECK(!rt->chunks);
    KOKEN_CHECK(kn_list_is_empty(&rt->endings));
    kn_letters_free(rt);
    kn_broods_free(rt);
    kn_names_free(kn_load(&rt->names, relaxed)); /* relaxed: nobody else is left */
    kn_pool_fini(&rt->outside_pool);
    for (unsigned i = 0; i < rt->node_count; i++) {
        if (rt->depots[i]) {
            kn_depot_fini(rt->depots[i]);
            kn_free(rt->depots[i], sizeof *rt->depots[i], _Alignof(struct kn_depot));
        }
    }
    kn_stack_pool_fini(&rt->stack_pool);
    pthread_mutex_destroy(&rt->slots_lock);
    pthread_mutex_destroy(&rt->outside_lock);
    pthread_mutex_destroy(&rt->park_lock);
    pthread_mutex_destroy(&rt->broods_lock);
    pthread_mutex_destroy(&rt->names_lock);
    pthread_mutex_destroy(&rt->endings_lock);
    if (rt->locals) {
        kn_unmap(rt->locals, KN_WORKERS_MAX * sizeof *rt->locals);
    }
    kn_free(rt, sizeof *rt, _Alignof(struct koken));
}

int koken_start(const struct koken_options *options, struct koken **ret_rt)
{
    struct koken_options filled;
    if (!ret_rt || read_options(options, &filled) < 0) {
        return -EINVAL;
    }
#ifdef KN_SIM
    kn_world_explain_by(kn_why_everybody);
#endif
    int rc = kn_living_check();
    rc = rc < 0 ? rc : kn_world_init();
    if (rc < 0) {
        return rc;
    }
    struct koken *rt = kn_alloc(sizeof *rt, _Alignof(struct koken), -1);
    if (!rt) {
        return -ENOMEM;
    }
    memset(rt, 0, sizeof *rt);
    rt->options = filled;
    pthread_mutex_init(&rt->slots_lock, NULL);
    pthread_mutex_init(&rt->outside_lock, NULL);
    pthread_mutex_init(&rt->park_lock, NULL);
    pthread_mutex_init(&rt->broods_lock, NULL);
    pthread_mutex_init(&rt->names_lock, NULL);
    pthread_mutex_init(&rt->endings_lock, NULL);
    kn_list_init(&rt->endings);
    rc = kn_bounds_init(rt);
    if (rc < 0) {
        goto err;
    }
    struct kn_depot *depot = depot_of(rt, 0);
    if (!depot) {
        rc = -ENOMEM;
        goto err;
    }
    kn_pool_init(&rt->outside_pool, depot, -1);
    rc = kn_stack_pool_init(&rt->stack_pool, &(struct kn_stack_config){.size = filled.stack_size});
    if (rc < 0) {
        goto err;
    }
    rt->locals = kn_map(KN_WORKERS_MAX * sizeof *rt->locals, -1);
    rc = rt->locals ? kn_reclaimer_start(&rt->reclaimer) : -ENOMEM;
    if (rc < 0) {
        goto err;
    }
    struct kn_sched_config config = sched_config(rt);
    rc = kn_sched_start(&config, &rt->sched);
    if (rc < 0) {
        goto err_after_reclaimer;
    }
    rt->worker_count = kn_sched_worker_count(rt->sched);
    rc = kn_living_enter(rt);
    if (rc < 0) {
        goto err_after_sched;
    }
    kn_window_open(rt, secure_getenv("KOKEN_WHY"));
    *ret_rt = rt;
    return 0;

err_after_sched:
    KOKEN_CHECK(kn_sched_stop(rt->sched, KN_NEVER) == 0); /* its workers have nothing to do */
    kn_sched_free(rt->sched);
err_after_reclaimer:
    kn_reclaimer_stop(&rt->reclaimer);
err:
    kn_runtime_free(rt);
    KN_ASSERT(rc < 0);
    return rc;
}

unsigned koken_workers(const struct koken *rt)
{
    return rt ? rt->worker_count : 0;
}

int koken_latency(struct koken *rt, struct koken_histogram *histogram)
{
    if (!rt || !histogram) {
        return -EINVAL;
    }
    if (!rt->options.stamp_messages) {
        return -ENOTSUP;
    }
    if (koken_drain(rt, 0) < 0) {
        return -EBUSY;
    }
    for (unsigned i = 0; i < rt->worker_count; i++) {
        koken_histogram_merge(histogram, rt->locals[i].latency);
    }
    return 0;
}

static void add_counters(struct koken_metrics *m, struct kn_counters *c)
{
    m->sent += kn_count_read(&c->sent);
    m->received += kn_count_read(&c->received);
    m->dropped += kn_count_read(&c->dropped);
    m->dead += kn_count_read(&c->dead);
    m->refused += kn_count_read(&c->refused);
    m->spawned += kn_count_read(&c->spawned);
    m->exited += kn_count_read(&c->exited);
    m->failed += kn_count_read(&c->failed);
    m->timers_fired += kn_count_read(&c->timers);
}

void koken_metrics(const struct koken *const_rt, struct koken_metrics *m)
{
    struct koken *rt =
        (struct koken *)(uintptr_t)const_rt; /* reading takes no lock, but atomics are read */
    if (!m) {
        return;
    }
    memset(m, 0, sizeof *m);
    if (!rt) {
        return;
    }
    for (unsigned i = 0; i < rt->worker_count; i++) {
        add_counters(m, &rt->locals[i].counters);
    }
    add_counters(m, &rt->outside);
    uint64_t gone = m->received + m->dropped + m->dead;
    m->queued = m->sent > gone ? m->sent - gone : 0;
    m->alive = m->spawned > m->exited ? m->spawned - m->exited : 0;
    struct kn_sched_stats stats;
    kn_sched_stats(rt->sched, &stats);
    m->dispatches = stats.dispatches;
    m->lifo_hits = stats.lifo_hits;
    m->steals = stats.steals;
    m->parks = stats.parks;
    m->wakes = stats.wakes;
    for (unsigned i = 0; i < rt->node_count; i++) {
        struct kn_depot_usage usage;
        if (rt->depots[i]) {
            kn_depot_usage(rt->depots[i], &usage);
            m->envelope_bytes += usage.slab_bytes;
        }
    }
    m->workers = rt->worker_count;
}
