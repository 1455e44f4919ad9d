/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of results, mailbox/toolbox/cache.c as it stands, of one shard and one entry. The two words of a value are
 * equal: who reads halves of two changes is found, and who finds the value of another key. Of those who ask at once
 * for what is missing one computes; the others have its result, or find it, and nobody sleeps for ever.
 */
#include "test/model/lib/model.h"

#include "base/world.h"

uint64_t kn_entropy(void);

static uint64_t clock_of_thread(void);
#define kn_now clock_of_thread
#include "mailbox/toolbox/cache.c"
#undef kn_now

/* Nobody here asks for a second key while it computes, so nobody waits in a circle. */
bool kn_cache_wait_begin(struct kn_cache_wait *wait)
{
    return wait->flight->thread != wait->thread;
}

void kn_cache_wait_end(struct kn_cache_wait *wait)
{
    (void)wait;
}

struct value {
    uint64_t a, b;
};

static struct koken_cache *cache;
static uint64_t computed; /* plain: under nobody's lock but the flight's */

int kn_world_init(void)
{
    return 0;
}

uint64_t kn_entropy(void)
{
    return 1;
}

uint64_t kn_random_seed(uint64_t seed)
{
    return seed;
}

static void set(uint64_t key, uint64_t n)
{
    struct value value = {key * 8 + n, key * 8 + n};
    KOKEN_CHECK(koken_cache_put(cache, &key, &value) == 0);
}

static void look(uint64_t key)
{
    struct value value = {0, 0};
    int rc = koken_cache_get(cache, &key, &value);
    KOKEN_CHECK(rc == 0 || rc == 1);
    if (rc == 1) {
        KOKEN_CHECK(value.a == value.b);
        KOKEN_CHECK(value.a / 8 == key);
    }
}

static void start(void)
{
    static const struct koken_cache_options options = {
        .key_size = 8, .value_size = sizeof(struct value), .max_entries = 1, .shards = 1};
    kn_model_thread_local(&this_thread, sizeof this_thread);
    kn_atomic_init(&last_thread, 0);
    computed = 0;
    KOKEN_CHECK(koken_cache_new(&options, &cache) == 0);
}

/* Values end 10 after their put. Who puts anew does so at 20, who reads reads at 25, when the first has ended. */
enum { TTL = 10, FIRST_AT = 1, PUT_AT = 20, READ_AT = 25 };
static uint64_t clocks[KN_MODEL_THREADS + 1];

static uint64_t clock_of_thread(void)
{
    return clocks[kn_model_self()];
}

static void start_with_one(void)
{
    start();
    set(1, 1);
}

static void start_with_end(void)
{
    static const struct koken_cache_options options = {.key_size = 8,
                                                       .value_size = sizeof(struct value),
                                                       .max_entries = 1,
                                                       .shards = 1,
                                                       .ttl_ns = TTL};
    start();
    koken_cache_free(cache);
    KOKEN_CHECK(koken_cache_new(&options, &cache) == 0);
    for (unsigned i = 0; i <= KN_MODEL_THREADS; i++) {
        clocks[i] = FIRST_AT;
    }
    set(1, 1);
}

static void late_changer(void)
{
    clocks[kn_model_self()] = PUT_AT;
    set(1, 2);
}

/* A value and its end are of one put: the first has ended. */
static void late_reader(void)
{
    uint64_t key = 1;
    struct value value = {0, 0};
    clocks[kn_model_self()] = READ_AT;
    int rc = koken_cache_get(cache, &key, &value);
    KOKEN_CHECK(rc == 0 || rc == 1);
    KOKEN_CHECK(rc == 0 || value.a == 8 + 2);
    KOKEN_CHECK(rc == 0 || value.b == 8 + 2);
}

static void check_end(void)
{
    late_reader();
    koken_cache_free(cache);
}

static void reader_of_second(void)
{
    look(2);
}

/* Two keys that begin their search at one place: when the first goes, the other moves up, and is there all the time. */
static uint64_t row[2];

static void start_with_row(void)
{
    static const struct koken_cache_options options = {
        .key_size = 8, .value_size = sizeof(struct value), .max_entries = 2, .shards = 1};
    struct pair pair;
    size_t count = 0;
    start();
    koken_cache_free(cache);
    KOKEN_CHECK(koken_cache_new(&options, &cache) == 0);
    for (uint64_t key = 1; count < 2; key++) { /* ends: one key in four */
        (void)prepare(cache, &key, &pair);
        if ((pair.hash & cache->shards[0].mask) == 1) {
            row[count++] = key;
        }
    }
    set(row[0], 1);
    set(row[1], 1);
}

static void reader_of_row(void)
{
    struct value value = {0, 0};
    KOKEN_CHECK(koken_cache_get(cache, &row[1], &value) == 1);
    KOKEN_CHECK(value.a == row[1] * 8 + 1);
    KOKEN_CHECK(value.b == value.a);
}

static void remover_of_row(void)
{
    KOKEN_CHECK(koken_cache_remove(cache, &row[0]) == 1);
}

static void reader(void)
{
    look(1);
}

static void changer(void)
{
    set(1, 2);
}

static void evicter(void)
{
    set(2, 1);
}

static void remover(void)
{
    uint64_t key = 1;
    (void)koken_cache_remove(cache, &key);
}

static int compute(const void *key, void *ret_value, void *arg)
{
    struct value *value = ret_value;
    (void)key;
    (void)arg;
    computed++;
    value->a = value->b = 11;
    return 0;
}

static void asker(void)
{
    uint64_t key = 1;
    struct value value = {0, 0};
    KOKEN_CHECK(koken_cache_memo(cache, &key, compute, NULL, &value) == 0);
    KOKEN_CHECK(value.a == 11);
    KOKEN_CHECK(value.b == 11);
}

static int refuse(const void *key, void *ret_value, void *arg)
{
    (void)key;
    (void)ret_value;
    (void)arg;
    computed++;
    return -EAGAIN;
}

static void asker_in_vain(void)
{
    uint64_t key = 1;
    struct value value = {0, 0};
    KOKEN_CHECK(koken_cache_memo(cache, &key, refuse, NULL, &value) == -EAGAIN);
}

static void check(void)
{
    look(1);
    look(2);
    koken_cache_free(cache);
}

static void check_once(void)
{
    KOKEN_CHECK(computed == 1);
    check();
}

static void check_at_least_once(void)
{
    KOKEN_CHECK(computed >= 1);
    KOKEN_CHECK(computed <= 2);
    check();
}

static const struct kn_scenario scenarios[] = {
    {"get; put", start_with_one, {reader, changer}, check, .limit = 5000},
    {"get; put when it has ended",
     start_with_end,
     {late_reader, late_changer},
     check_end,
     .limit = 5000},
    {"get; put of another", start_with_one, {reader, evicter}, check, .limit = 5000},
    {"get of another; its put", start_with_one, {reader_of_second, evicter}, check, .limit = 5000},
    {"get; it moves up", start_with_row, {reader_of_row, remover_of_row}, check, .limit = 5000},
    {"get; remove; put", start_with_one, {reader, remover, changer}, check, .limit = 5000},
    {"two ask", start, {asker, asker}, check_once, .limit = 3000},
    {"three ask", start, {asker, asker, asker}, check_once, .limit = 3000},
    {"two ask in vain", start, {asker_in_vain, asker_in_vain}, check_at_least_once, .limit = 3000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
