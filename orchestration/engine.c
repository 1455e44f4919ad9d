/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The execution engine: a queue of four levels under a lock, worked off by runners (errands, at most max_threads). Which level is next
 * says sched/prio.h, as for agents: the best one, and one that has been passed over often enough.
 *
 *     submit --same work under way--> joins it
 *            --in the cache---------> over
 *            --else--> QUEUED --runner, or who waits for it inside of other work--> TAKEN --> over
 *                        \--cancel, stop, runtime's end--> TAKEN, not done -------------/
 *
 * Whoever takes work (under the lock) ends it, so it ends once. Single flight: a result goes into the cache before its work leaves
 * the table of those under way; who submits looks into the table first and then into the cache, in one hold of the lock.
 *
 * Work in the queue is worked off: as in group.c, who puts one in sends a runner out unless all are, and a runner looks at the
 * queue under the lock before it goes. When the engine is cancelled its hook ends what is queued; who submits looks at
 * the token under the lock, so nothing comes in behind the hook.
 */
#include "orchestration/engine.h"

#include "actors/agent.h"
#include "orchestration/either.h"
#include "orchestration/ender.h"
#include "orchestration/future.h"
#include "orchestration/hash.h"
#include "sched/prio.h"

#include <errno.h>
#include <string.h>

enum { MAGIC = 0x4b4e454e, GONE = 0x656e6f67, BUCKETS_MIN = 64, BUCKETS_MAX = 1 << 16 };

/* The work that this thread is in, innermost first. */
struct inside {
    const struct kn_work *work;
    struct inside *outer;
};
static KN_TLS struct inside *inside_here;
KN_TLS_SIMULATED(inside_here);

/* ---- the engine ------------------------------------------------------------------------------ */

bool kn_is_engine(const struct koken_engine *engine)
{
    return engine && engine->magic == MAGIC;
}

struct koken_engine *kn_engine_keep(struct koken_engine *engine)
{
    (void)kn_add(&engine->owners, 1, relaxed); /* relaxed: by one who has a share */
    return engine;
}

static void free_engine(struct koken_engine *engine)
{
    kn_free(engine->tickets, engine->buckets * sizeof(struct kn_ticket *),
            _Alignof(struct kn_ticket *));
    kn_free(engine->same, engine->buckets * sizeof(struct kn_work *), _Alignof(struct kn_work *));
    koken_cache_free(engine->cache);
    koken_source_free(engine->source);
    engine->magic = GONE;
    kn_free(engine, engine->size, _Alignof(struct koken_engine));
}

void kn_engine_drop(struct koken_engine *engine)
{
    /* [OE1] acq_rel: all have done with it before the memory goes. */
    if (kn_sub(&engine->owners, 1, acq_rel) == 1) {
        KN_ASSERT(engine->pending == 0);
        KN_ASSERT(kn_list_is_empty(&engine->enders));
        kn_tickets_end(engine);
        free_engine(engine);
    }
}

/* No work is left: tells those who want to know. Called and left with the lock held. */
static void tell_enders(struct koken_engine *engine)
{
    while (engine->pending == 0 &&
           !kn_list_is_empty(&engine->enders)) { /* ends: who comes now waits for new work */
        kn_ender_tell(&engine->enders, &engine->lock);
    }
}

/* ---- one piece of work ----------------------------------------------------------------------- */

void kn_work_free(struct kn_work *work)
{
    KN_ASSERT(kn_list_is_empty(&work->tickets));
    koken_source_free(work->source);
    kn_free(work, work->size, _Alignof(struct kn_work));
}

void kn_engine_take(struct kn_work *work)
{
    struct koken_engine *engine = work->engine;
    KN_ASSERT(work->state == KN_WORK_QUEUED);
    kn_list_remove(&work->link);
    work->state = KN_WORK_TAKEN;
    engine->stats.queued--;
    engine->stats.running++;
}

struct kn_work **kn_engine_same(struct koken_engine *engine, const unsigned char *key)
{
    uint64_t hash = 0, word = 0;
    for (size_t i = 0; i < sizeof(void *) + engine->key_size; i += sizeof word) {
        memcpy(&word, key + i, sizeof word); /* the buffer is whole words, zero behind the key */
        hash = kn_hash_mix(hash ^ word) + i;
    }
    struct kn_work **place = &engine->same[hash & (engine->buckets - 1)];
    while (*place && memcmp((*place)->key, key, sizeof(void *) + engine->key_size) != 0) {
        place = &(*place)->same_next; /* ends: the chain is finite */
    }
    return place;
}

/* Of work that is over, in the numbers; begun 0: it was not. Called with the lock held. */
static void count_off(struct kn_work *work, int error, uint64_t begun_ns)
{
    struct koken_engine_stats *stats = &work->engine->stats;
    bool is_cancelled = error == -ECANCELED || error == -ESHUTDOWN;
    stats->running--;
    stats->done += error == 0 ? 1 : 0;
    stats->cancelled += is_cancelled ? 1 : 0;
    stats->failed += error < 0 && !is_cancelled ? 1 : 0;
    if (begun_ns) {
        uint64_t queue_ns = begun_ns - work->since_ns, run_ns = kn_now() - begun_ns;
        stats->queue_ns += queue_ns;
        stats->run_ns += run_ns;
        stats->queue_max_ns = queue_ns > stats->queue_max_ns ? queue_ns : stats->queue_max_ns;
        stats->run_max_ns = run_ns > stats->run_max_ns ? run_ns : stats->run_max_ns;
    }
}

/* TAKEN work is over. Who is told so finds room; who waits for all is told after that. */
static void finish(struct kn_work *work, int error, uint64_t begun_ns)
{
    struct koken_engine *engine = work->engine;
    KN_ASSERT(work->state == KN_WORK_TAKEN);
    kn_lock(&engine->lock);
    if (work->has_key) {
        struct kn_work **place = kn_engine_same(engine, work->key);
        KN_ASSERT(*place == work);
        *place = work->same_next;
    }
    count_off(work, error, begun_ns);
    kn_tickets_file(engine, work);
    kn_unlock(&engine->lock);
    int rc = kn_future_complete(work->future, error, NULL);
    KN_ASSERT(rc == 0); /* nobody else has it */
    (void)rc;
    kn_work_free(work);
    kn_lock(&engine->lock);
    engine->pending--;
    tell_enders(engine);
    kn_unlock(&engine->lock);
}

void kn_engine_skip(struct kn_work *work, int error)
{
    finish(work, error, 0);
}

static KN_NOINLINE int call(struct kn_work *work)
{
    struct inside inside = {work, inside_here};
    inside_here = &inside;
    int rc = work->fn((koken_token){work->source}, work->arg, work->future->value);
    inside_here = inside.outer;
    return rc < 0 ? rc : 0;
}

KN_NOINLINE bool kn_engine_is_inside(const struct koken_engine *engine, const struct kn_work *work)
{
    const struct inside *inside = inside_here;
    while (inside && (work ? inside->work != work
                           : inside->work->engine != engine)) { /* ends: as deep as it is nested */
        inside = inside->outer;
    }
    return inside != NULL;
}

void kn_engine_do(struct kn_work *work)
{
    struct koken_engine *engine = work->engine;
    uint64_t begun_ns = kn_now();
    int rc = koken_token_check((koken_token){work->source});
    if (rc < 0) {
        kn_engine_skip(work, rc);
        return;
    }
    rc = call(work);
    if (rc == 0 && work->has_key) {
        kn_either_way(
            koken_cache_put(engine->cache, work->key, work->future->value)); /* only a loss */
    }
    finish(work, rc, begun_ns);
}

/* ---- runners --------------------------------------------------------------------------------- */

/* The next in turn, taken; NULL: none. Called with the lock held. */
static struct kn_work *take_next(struct koken_engine *engine)
{
    uint32_t mask = 0;
    for (uint32_t level = 0; level < KN_PRIO_COUNT_; level++) {
        mask |= kn_list_is_empty(&engine->levels[level]) ? 0 : 1u << level;
    }
    if (!mask) {
        return NULL;
    }
    struct kn_list *level = &engine->levels[kn_prio_due(mask, engine->skipped)];
    struct kn_work *work = kn_container_of(level->next, struct kn_work, link);
    kn_engine_take(work);
    return work;
}

struct kn_engine_runner *kn_engine_next_runner(struct koken_engine *engine)
{
    for (unsigned i = 0; engine->stats.queued && i < engine->max_threads; i++) {
        if (!engine->runners[i].is_out) {
            engine->runners[i].is_out = true;
            (void)kn_engine_keep(engine);
            return &engine->runners[i];
        }
    }
    return NULL;
}

void kn_engine_post(struct koken_engine *engine, struct kn_engine_runner *runner)
{
    if (runner) {
        kn_errand_post(engine->rt->sched, &runner->errand, engine->prio);
    }
}

/* Everything that has not begun ends. Called by the engine's token. */
static void on_cancel(struct kn_hook *hook, struct kn_cancelling *wave)
{
    struct koken_engine *engine = kn_container_of(hook, struct koken_engine, hook);
    bool is_end = koken_token_reason((koken_token){engine->source}) == KOKEN_CANCEL_SHUTDOWN;
    struct kn_work *work;
    (void)wave;
    (void)kn_engine_keep(
        engine); /* the user's share waits for this call, unless it is inside of it */
    kn_lock(&engine->lock);
    while ((work = take_next(engine)) != NULL) { /* ends: nothing comes in any more */
        kn_unlock(&engine->lock);
        kn_engine_skip(work, is_end ? -ESHUTDOWN : -ECANCELED);
        kn_lock(&engine->lock);
    }
    kn_unlock(&engine->lock);
    kn_engine_drop(engine);
}

static void run_errand(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_engine_runner *runner = kn_container_of(errand, struct kn_engine_runner, errand);
    struct koken_engine *engine = runner->engine;
    struct kn_work *work;
    if (!worker) { /* the runtime has ended: nothing begins any more */
        kn_either_way(koken_source_cancel(engine->source, KOKEN_CANCEL_SHUTDOWN, NULL));
    }
    kn_lock(&engine->lock);
    engine->busy++;
    KN_ASSERT(engine->busy <= engine->max_threads);
    while ((work = take_next(engine)) != NULL) { /* ends: the queue is empty, or others' turn */
        kn_unlock(&engine->lock);
        kn_engine_do(work);
        kn_lock(&engine->lock);
        if (worker && kn_load(&worker->nudge, relaxed)) { /* relaxed: a hint */
            break;
        }
    }
    engine->busy--;
    runner->is_out = false;
    struct kn_engine_runner *next = kn_engine_next_runner(engine);
    kn_unlock(&engine->lock);
    kn_engine_post(engine, next);
    kn_engine_drop(engine);
}

/* ---- the public side ------------------------------------------------------------------------- */

enum kn_prio kn_engine_prio(enum koken_priority priority)
{
    return priority ? (enum kn_prio)(priority - KOKEN_PRIORITY_LOW) : KN_PRIO_NORMAL;
}

static bool are_good(const struct koken_engine_options *o)
{
    bool has_cache = o->cache_entries > 0;
    return o->max_threads <= KN_WORKERS_MAX && (unsigned)o->priority < KOKEN_PRIORITY_COUNT_ &&
           has_cache == (o->key_size > 0) && has_cache == (o->cached_size > 0) &&
           o->key_size <= KOKEN_ENGINE_KEY_MAX && o->cached_size <= KOKEN_ENGINE_CACHED_MAX;
}

static size_t buckets_for(uint64_t most)
{
    size_t buckets = BUCKETS_MIN;
    while (buckets < most && buckets < BUCKETS_MAX) { /* ends: it doubles */
        buckets *= 2;
    }
    return buckets;
}

/* What hangs on the engine. On an error the caller frees it. */
static int furnish(struct koken_engine *engine, const struct koken_engine_options *o)
{
    engine->buckets = buckets_for((uint64_t)engine->work_max + engine->results_max);
    engine->tickets =
        kn_alloc(engine->buckets * sizeof(struct kn_ticket *), _Alignof(struct kn_ticket *), -1);
    engine->same =
        kn_alloc(engine->buckets * sizeof(struct kn_work *), _Alignof(struct kn_work *), -1);
    if (!engine->tickets || !engine->same) {
        return -ENOMEM;
    }
    memset(engine->tickets, 0, engine->buckets * sizeof(struct kn_ticket *));
    memset(engine->same, 0, engine->buckets * sizeof(struct kn_work *));
    if (o->cache_entries) {
        struct koken_cache_options cache = {
            .key_size = sizeof(void *) + o->key_size,
            .value_size = o->cached_size,
            .max_entries = o->cache_entries,
            .shards = o->cache_entries < 256 ? 1 : 0,
            .ttl_ns = o->cache_ttl_ns,
        };
        int rc = koken_cache_new(&cache, &engine->cache);
        if (rc < 0) {
            return rc;
        }
    }
    return koken_source_new(engine->rt, &o->token, o->token.source ? 1 : 0, &engine->source);
}

int koken_engine_new(struct koken *rt, const struct koken_engine_options *options,
                     struct koken_engine **ret_engine)
{
    static const struct koken_engine_options none;
    const struct koken_engine_options *o = options ? options : &none;
    if (!rt || !ret_engine || !are_good(o)) {
        return -EINVAL;
    }
    unsigned max_threads = o->max_threads ? o->max_threads : rt->worker_count;
    size_t size = sizeof(struct koken_engine) + max_threads * sizeof(struct kn_engine_runner);
    struct koken_engine *engine = kn_alloc(size, _Alignof(struct koken_engine), -1);
    if (!engine) {
        return -ENOMEM;
    }
    memset(engine, 0, size);
    engine->rt = rt;
    engine->size = size;
    engine->max_threads = max_threads;
    engine->work_max = o->work_max ? o->work_max : 1024;
    engine->results_max = o->results_max ? o->results_max : 4096;
    engine->key_size = o->key_size;
    engine->cached_size = o->cached_size;
    engine->prio = kn_engine_prio(o->priority);
    int rc = furnish(engine, o);
    if (rc < 0) {
        free_engine(engine);
        return rc;
    }
    engine->magic = MAGIC;
    kn_atomic_init(&engine->owners, 1);
    kn_list_init(&engine->results);
    kn_list_init(&engine->enders);
    for (unsigned level = 0; level < KN_PRIO_COUNT_; level++) {
        kn_list_init(&engine->levels[level]);
    }
    for (unsigned i = 0; i < max_threads; i++) {
        engine->runners[i].engine = engine;
        kn_errand_init(&engine->runners[i].errand, run_errand);
    }
    engine->hook.fn = on_cancel;
    engine->is_hooked = kn_source_hook(engine->source, &engine->hook);
    *ret_engine = engine;
    return 0;
}

void koken_engine_free(struct koken_engine *engine)
{
    if (engine) {
        KOKEN_CHECK(kn_is_engine(engine));
        kn_either_way(
            koken_source_cancel(engine->source, KOKEN_CANCEL_SCOPE, NULL)); /* or it was before */
        if (engine
                ->is_hooked) { /* waits for a call of another thread; one of this one has a share */
            (void)kn_source_unhook(engine->source, &engine->hook);
        }
        kn_engine_drop(engine);
    }
}

int koken_engine_stop(struct koken_engine *engine)
{
    return kn_is_engine(engine) ? koken_source_cancel(engine->source, KOKEN_CANCEL_USER, NULL)
                                : -EINVAL;
}

int koken_engine_end(struct koken_engine *engine, struct koken_future **ret_future)
{
    struct kn_ender *ender;
    int rc = kn_is_engine(engine) && ret_future ? kn_ender_new(&ender, ret_future) : -EINVAL;
    if (rc == 0) {
        kn_lock(&engine->lock);
        kn_list_push_back(&engine->enders, &ender->link);
        tell_enders(engine);
        kn_unlock(&engine->lock);
    }
    return rc;
}

int koken_engine_stats_get(struct koken_engine *engine, struct koken_engine_stats *ret_stats)
{
    if (!kn_is_engine(engine) || !ret_stats) {
        return -EINVAL;
    }
    kn_lock(&engine->lock);
    *ret_stats = engine->stats;
    kn_unlock(&engine->lock);
    return 0;
}
