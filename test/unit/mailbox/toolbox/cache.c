/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the bound, what is dropped and what is not, the time to live, that every value is let go of once, that
 * hits need no lock and are never torn, and that a result is computed once for all who want it.
 */
#include "mailbox/toolbox/cache.h"

#include "base/alloc.h"
#include "base/world.h"

#include <koken/time.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct koken_cache *make(struct koken_cache_options o)
{
    struct koken_cache *cache;
    o.key_size = o.key_size ? o.key_size : sizeof(uint64_t);
    o.value_size = o.value_size ? o.value_size : sizeof(uint64_t);
    cr_assert_eq(koken_cache_new(&o, &cache), 0);
    return cache;
}

static void put(struct koken_cache *cache, uint64_t key, uint64_t value)
{
    cr_assert_eq(koken_cache_put(cache, &key, &value), 0);
}

static int64_t get(struct koken_cache *cache, uint64_t key)
{
    uint64_t value = 0;
    int rc = koken_cache_get(cache, &key, &value);
    return rc == 1 ? (int64_t)value : -1;
}

static struct koken_cache_stats stats_of(struct koken_cache *cache)
{
    struct koken_cache_stats stats;
    cr_assert_eq(koken_cache_stats_get(cache, &stats), 0);
    return stats;
}

Test(cache, finds_what_was_put_and_counts)
{
    struct koken_cache *cache = make((struct koken_cache_options){0});
    uint64_t key = 2;
    for (uint64_t i = 1; i <= 3; i++) {
        put(cache, i, 10 * i);
    }
    cr_assert_eq(get(cache, 1), 10);
    cr_assert_eq(get(cache, 2), 20);
    cr_assert_eq(get(cache, 3), 30);
    cr_assert_eq(get(cache, 4), -1);
    struct koken_cache_stats stats = stats_of(cache);
    cr_assert_eq(stats.hits, 3);
    cr_assert_eq(stats.misses, 1);
    cr_assert_eq(stats.puts, 3);
    cr_assert_eq(stats.locked_gets, 0, "no lock for a hit");
    cr_assert_eq(koken_cache_remove(cache, &key), 1);
    cr_assert_eq(koken_cache_remove(cache, &key), 0);
    cr_assert_eq(get(cache, 2), -1);
    cr_assert_eq(koken_cache_clear(cache), 2);
    cr_assert_eq(stats_of(cache).entries, 0);
    cr_assert_eq(get(cache, 1), -1);
    koken_cache_free(cache);
}

static uint32_t let_go[100000];

static void count(void *value, void *arg)
{
    uint64_t n;
    memcpy(&n, value, sizeof n);
    ((uint32_t *)arg)[n]++;
}

Test(cache, is_bounded_keeps_what_is_asked_for_and_lets_go_once)
{
    struct koken_cache *cache = make((struct koken_cache_options){
        .max_entries = 70, .shards = 4, .free_value = count, .free_arg = let_go});
    uint64_t n = 0;
    put(cache, 7, n++);
    for (uint64_t key = 1000; key < 1700; key++) {
        cr_assert_eq(get(cache, 7), 0, "asked for every round");
        put(cache, key, n++);
        cr_assert_leq(stats_of(cache).entries, 70);
    }
    struct koken_cache_stats stats = stats_of(cache);
    cr_assert_eq(stats.entries, 70);
    cr_assert_eq(stats.evictions, 701 - 70);
    for (int i = 0; i < 10; i++) { /* a key that is there: nobody is dropped for it */
        put(cache, 7, n++);
    }
    cr_assert_eq(stats_of(cache).evictions, stats.evictions);
    uint64_t key = 7;
    cr_assert_eq(koken_cache_remove(cache, &key), 1);
    cr_assert_eq(let_go[n - 1], 1);
    cr_assert_eq(koken_cache_clear(cache), 69);
    for (uint64_t i = 0; i < n; i++) {
        cr_assert_eq(let_go[i], 1, "value %lu after the clear", (unsigned long)i);
    }
    put(cache, 7, n++);
    koken_cache_free(cache);
    for (uint64_t i = 0; i < n; i++) {
        cr_assert_eq(let_go[i], 1, "value %lu", (unsigned long)i);
    }
}

Test(cache, agrees_with_a_plain_array)
{
    enum { KEYS = 200, ROUNDS = 40000 };
    int64_t model[KEYS];
    struct koken_cache *cache =
        make((struct koken_cache_options){.max_entries = 4 * KEYS, .shards = 2});
    uint64_t state = 3;
    memset(model, 0xff, sizeof model);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t key = kn_random(&state) % KEYS, what = kn_random(&state) % 3;
        if (what == 0) {
            put(cache, key, (uint64_t)i);
            model[key] = i;
        } else if (what == 1) {
            cr_assert_eq(koken_cache_remove(cache, &key), model[key] >= 0);
            model[key] = -1;
        }
        cr_assert_eq(get(cache, key), model[key]);
    }
    koken_cache_free(cache);
}

static kn_atomic(uint32_t) computations, is_over;

static int square(const void *key, void *ret_value, void *arg)
{
    uint64_t n;
    memcpy(&n, key, sizeof n);
    (void)kn_add(&computations, 1, relaxed);
    kn_atomic(uint32_t) word;
    kn_atomic_init(&word, 0);
    (void)kn_futex_wait(&word, 0, kn_now() + 2000000); /* long enough for others to come */
    if (arg) {
        return *(int *)arg;
    }
    n *= n;
    memcpy(ret_value, &n, sizeof n);
    return 0;
}

static int recurse(const void *key, void *ret_value, void *arg)
{
    return koken_cache_memo(arg, key, recurse, arg, ret_value);
}

enum { THREADS = 8 };

static void ask(void *arg)
{
    for (uint64_t key = 1; key <= 5; key++) {
        uint64_t value = 0;
        cr_assert_eq(koken_cache_memo(arg, &key, square, NULL, &value), 0);
        cr_assert_eq(value, key * key);
    }
}

Test(cache, computes_once_for_all_who_want_it)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_cache *cache = make((struct koken_cache_options){0});
    kn_store(&computations, 0, relaxed);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "ask", ask, cache), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&computations, relaxed), 5);
    struct koken_cache_stats stats = stats_of(cache);
    cr_assert_eq(stats.computed, 5);
    cr_assert_eq(stats.entries, 5);
    uint64_t key = 9, value = 77;
    int error = -EPERM;
    cr_assert_eq(koken_cache_memo(cache, &key, square, &error, &value), -EPERM);
    cr_assert_eq(value, 77);
    cr_assert_eq(get(cache, 9), -1, "an error is not kept");
    cr_assert_eq(koken_cache_memo(cache, &key, recurse, cache, &value), -EDEADLK);
    cr_assert_eq(koken_cache_memo(cache, &key, square, NULL, &value), 0);
    cr_assert_eq(value, 81);
    koken_cache_free(cache);
}

/* Two threads, each of which computes one key and asks for the other's, when both have begun. */
struct cross {
    struct koken_cache *cache;
    kn_atomic(uint32_t) begun, refused;
};

static void wait_until(kn_atomic(uint32_t) *word, uint32_t wanted)
{
    uint32_t seen;
    while ((seen = kn_load(word, acquire)) < wanted) { /* ends: the others go on */
        (void)kn_futex_wait(word, seen, KN_NEVER);
    }
}

static int ask_the_other(const void *key, void *ret_value, void *arg)
{
    struct cross *c = arg;
    uint64_t other;
    memcpy(&other, key, sizeof other);
    other = 3 - other;
    kn_add(&c->begun, 1, acq_rel);
    kn_futex_wake(&c->begun, UINT32_MAX);
    wait_until(&c->begun, 2);
    int rc = koken_cache_memo(c->cache, &other, ask_the_other, c, ret_value);
    if (rc == -EDEADLK) {
        kn_add(&c->refused, 1, relaxed);
        memcpy(ret_value, &other, sizeof other);
        rc = 0;
    }
    return rc;
}

static void cross(void *arg)
{
    struct cross *c = arg;
    uint64_t key = 1, value = 0;
    cr_assert_eq(koken_cache_memo(c->cache, &key, ask_the_other, c, &value), 0);
    cr_assert(value == 1 || value == 2);
}

Test(cache, nobody_waits_in_a_circle)
{
    struct kn_thread thread = {0};
    struct cross c = {.cache = make((struct koken_cache_options){0})};
    uint64_t key = 2, value = 0;
    kn_atomic_init(&c.begun, 0);
    kn_atomic_init(&c.refused, 0);
    cr_assert_eq(kn_thread_start(&thread, "cross", cross, &c), 0);
    cr_assert_eq(koken_cache_memo(c.cache, &key, ask_the_other, &c, &value), 0);
    kn_thread_join(&thread);
    cr_assert_eq(kn_load(&c.refused, relaxed), 1, "the one who would have closed it");
    cr_assert_eq(stats_of(c.cache).waited, 1);
    koken_cache_free(c.cache);
}

Test(cache, a_time_to_live_without_an_end)
{
    struct koken_cache *cache = make((struct koken_cache_options){.ttl_ns = KOKEN_NO_DEADLINE});
    put(cache, 1, 5);
    cr_assert_eq(get(cache, 1), 5);
    koken_cache_free(cache);
}

Test(cache, what_is_too_old_is_absent)
{
    struct koken_cache *cache = make((struct koken_cache_options){.ttl_ns = 3000000});
    kn_atomic(uint32_t) word;
    kn_atomic_init(&word, 0);
    put(cache, 1, 5);
    uint64_t later = kn_now() + 5000000;
    while (kn_futex_wait(&word, 0, later) == 0) { /* a signal may end a wait */
    }
    cr_assert_eq(get(cache, 1), -1);
    cr_assert_eq(stats_of(cache).expirations, 1);
    uint64_t key = 1, value = 0;
    cr_assert_eq(koken_cache_memo(cache, &key, square, NULL, &value), 0);
    cr_assert_eq(value, 1, "computed again");
    koken_cache_free(cache);
}

struct wide {
    uint64_t n[8];
};

static void read_wide(void *arg)
{
    while (!kn_load(&is_over, acquire)) {
        for (uint64_t key = 0; key < 8; key++) {
            struct wide value;
            if (koken_cache_get(arg, &key, &value) == 1) {
                for (int i = 0; i < 8; i++) {
                    cr_assert_eq(value.n[i], value.n[0], "torn");
                }
                cr_assert_eq(value.n[0] % 8, key);
            }
        }
    }
}

Test(cache, hits_are_never_torn)
{
    struct kn_thread threads[2] = {0};
    struct koken_cache *cache = make((struct koken_cache_options){
        .value_size = sizeof(struct wide), .max_entries = 6, .shards = 1});
    kn_store(&is_over, 0, relaxed);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "read", read_wide, cache), 0);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t key = i * 5 % 8;
        struct wide value;
        for (int k = 0; k < 8; k++) {
            value.n[k] = i * 8 + key;
        }
        cr_assert_eq(koken_cache_put(cache, &key, &value), 0);
        if (i % 11 == 0) {
            cr_assert_geq(koken_cache_remove(cache, &key), 0);
        }
    }
    kn_store(&is_over, 1, release);
    for (int i = 0; i < 2; i++) {
        kn_thread_join(&threads[i]);
    }
    koken_cache_free(cache);
}

Test(cache, bad_input)
{
    struct koken_cache *cache;
    struct koken_cache_stats stats;
    uint64_t word = 0;
    struct koken_cache_options o = {.key_size = 8, .value_size = 8};
    cr_assert_eq(koken_cache_new(&o, NULL), -EINVAL);
    cr_assert_eq(koken_cache_new(NULL, &cache), -EINVAL);
    o.shards = 3;
    cr_assert_eq(koken_cache_new(&o, &cache), -EINVAL, "not a power of two");
    o.shards = 16;
    o.max_entries = 15;
    cr_assert_eq(koken_cache_new(&o, &cache), -EINVAL, "fewer entries than shards");
    o = (struct koken_cache_options){.key_size = 65, .value_size = 8};
    cr_assert_eq(koken_cache_new(&o, &cache), -EINVAL);
    o = (struct koken_cache_options){.key_size = 8, .value_size = 257};
    cr_assert_eq(koken_cache_new(&o, &cache), -EINVAL);
    cache = make((struct koken_cache_options){0});
    cr_assert_eq(koken_cache_get(NULL, &word, &word), -EINVAL);
    cr_assert_eq(koken_cache_get(cache, NULL, &word), -EINVAL);
    cr_assert_eq(koken_cache_get(cache, &word, NULL), -EINVAL);
    cr_assert_eq(koken_cache_put(NULL, &word, &word), -EINVAL);
    cr_assert_eq(koken_cache_put(cache, &word, NULL), -EINVAL);
    cr_assert_eq(koken_cache_remove(cache, NULL), -EINVAL);
    cr_assert_eq(koken_cache_clear(NULL), 0);
    cr_assert_eq(koken_cache_memo(cache, &word, NULL, NULL, &word), -EINVAL);
    cr_assert_eq(koken_cache_stats_get(cache, NULL), -EINVAL);
    cr_assert_eq(koken_cache_stats_get(NULL, &stats), -EINVAL);
#ifdef KN_DEBUG
    struct koken_cache *none;
    o = (struct koken_cache_options){.key_size = 8, .value_size = 8, .shards = 2};
    for (uint64_t n = 0; n < 9; n++) {
        kn_alloc_fail_after(n);
        cr_assert_eq(koken_cache_new(&o, &none), -ENOMEM, "at %lu", (unsigned long)n);
    }
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_cache_memo(cache, &word, square, NULL, &word), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    koken_cache_free(cache);
    koken_cache_free(NULL);
}
