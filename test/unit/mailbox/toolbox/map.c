/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the map agrees with a plain array, that changes of many threads are not lost, and the errors. */
#include <koken/map.h>

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

enum { KEYS = 500, ROUNDS = 50000, THREADS = 4 };

static struct koken_map *make(uint32_t shards)
{
    struct koken_map *map;
    struct koken_map_options o = {
        .key_size = sizeof(uint64_t), .value_size = sizeof(uint64_t), .shards = shards};
    cr_assert_eq(koken_map_new(&o, &map), 0);
    return map;
}

Test(map, agrees_with_a_plain_array)
{
    int64_t model[KEYS];
    struct koken_map *map = make(2);
    uint64_t state = 5;
    size_t len = 0;
    memset(model, 0xff, sizeof model);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t key = kn_random(&state) % KEYS, value = 0;
        bool is_there = model[key] >= 0;
        switch (kn_random(&state) % 4) {
        case 0:
            cr_assert_eq(koken_map_put(map, &key, &i), is_there);
            len += !is_there;
            model[key] = (int64_t)i;
            break;
        case 1:
            cr_assert_eq(koken_map_add(map, &key, &i), is_there ? -EALREADY : 0);
            len += !is_there;
            model[key] = is_there ? model[key] : (int64_t)i;
            break;
        case 2:
            cr_assert_eq(koken_map_remove(map, &key, &value), is_there);
            cr_assert(!is_there || (int64_t)value == model[key]);
            len -= is_there;
            model[key] = -1;
            break;
        default:
            cr_assert_eq(koken_map_get(map, &key, &value), is_there);
            cr_assert(!is_there || (int64_t)value == model[key]);
        }
        cr_assert_eq(koken_map_len(map), len);
    }
    cr_assert_eq(koken_map_clear(map, NULL, NULL), len);
    cr_assert_eq(koken_map_len(map), 0);
    koken_map_free(map);
}

/* Sizes that are no whole words, and larger ones: each byte counts. */
Test(map, odd_sizes)
{
    static const struct koken_map_options sizes[] = {{.key_size = 3, .value_size = 1},
                                                     {.key_size = 8, .value_size = 5},
                                                     {.key_size = 13, .value_size = 8},
                                                     {.key_size = 64, .value_size = 4096}};
    for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
        struct koken_map *map;
        unsigned char key[64] = {0}, value[4096 + 1], out[4096 + 1];
        size_t size = sizes[n].value_size;
        cr_assert_eq(koken_map_new(&sizes[n], &map), 0);
        for (unsigned i = 0; i < 200; i++) {
            key[sizes[n].key_size - 1] = (unsigned char)i;
            memset(value, (int)i, sizeof value);
            cr_assert_eq(koken_map_put(map, key, value), 0);
        }
        for (unsigned i = 0; i < 200; i++) {
            key[sizes[n].key_size - 1] = (unsigned char)i;
            memset(value, (int)i, sizeof value);
            memset(out, 0xee, sizeof out);
            cr_assert_eq(koken_map_get(map, key, out), 1);
            cr_assert_arr_eq(out, value, size);
            cr_assert_eq(out[size], 0xee); /* not one byte more */
        }
        koken_map_free(map);
    }
}

struct twin {
    uint64_t a, b;
};

static kn_atomic(uint32_t) is_over;
static struct koken_map *twins;

static void read_twins(void *arg)
{
    uint64_t *count = arg;
    do {
        for (uint64_t key = 0; key < 64; key++) {
            struct twin twin = {1, 2};
            int rc = koken_map_get(twins, &key, &twin);
            cr_assert(rc == 0 || (rc == 1 && twin.a == twin.b && twin.a % 64 == key));
            (*count)++;
        }
    } while (kn_load(&is_over, acquire) == 0);
}

/* What is read is of one moment, while keys come, change, move up and go, and the tables grow. */
Test(map, readers_beside_changes)
{
    struct kn_thread threads[2] = {0};
    struct koken_map_options o = {
        .key_size = sizeof(uint64_t), .value_size = sizeof(struct twin), .shards = 1};
    uint64_t counts[2] = {0}, state = 3;
    cr_assert_eq(koken_map_new(&o, &twins), 0);
    kn_store(&is_over, 0, relaxed);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "map", read_twins, &counts[i]), 0);
    }
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t key = kn_random(&state) % 64;
        struct twin twin = {i * 64 + key, i * 64 + key};
        if (kn_random(&state) % 3 == 0) {
            (void)koken_map_remove(twins, &key, NULL);
        } else {
            cr_assert(koken_map_put(twins, &key, &twin) >= 0);
        }
    }
    kn_store(&is_over, 1, release);
    for (int i = 0; i < 2; i++) {
        kn_thread_join(&threads[i]);
        cr_assert_gt(counts[i], 0);
    }
    koken_map_free(twins);
}

static void increment(void *value, bool is_new, void *arg)
{
    uint64_t n;
    memcpy(&n, value, sizeof n);
    cr_assert(!is_new || n == 0);
    n += *(uint64_t *)arg;
    memcpy(value, &n, sizeof n);
}

static void work(void *arg)
{
    uint64_t one = 1;
    for (uint64_t i = 0; i < ROUNDS / 10; i++) {
        uint64_t key = i % 100;
        cr_assert_eq(koken_map_update(arg, &key, increment, &one), 0);
    }
}

static void sum_up(const void *key, const void *value, void *arg)
{
    uint64_t n;
    (void)key;
    memcpy(&n, value, sizeof n);
    *(uint64_t *)arg += n;
}

Test(map, no_change_is_lost_among_threads)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_map *map = make(0);
    uint64_t sum = 0;
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "map", work, map), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(koken_map_len(map), 100);
    cr_assert_eq(koken_map_clear(map, sum_up, &sum), 100);
    cr_assert_eq(sum, THREADS * (ROUNDS / 10));
    koken_map_free(map);
}

Test(map, bad_input)
{
    struct koken_map *map;
    uint64_t word = 1;
    struct koken_map_options o = {.key_size = 8, .value_size = 8, .shards = 3};
    cr_assert_eq(koken_map_new(&o, &map), -EINVAL);
    cr_assert_eq(koken_map_new(NULL, &map), -EINVAL);
    cr_assert_eq(koken_map_new(&o, NULL), -EINVAL);
    map = make(1);
    cr_assert_eq(koken_map_get(map, &word, &word), 0);
    cr_assert_eq(koken_map_remove(map, &word, NULL), 0);
    cr_assert_eq(koken_map_get(NULL, &word, &word), -EINVAL);
    cr_assert_eq(koken_map_get(map, NULL, &word), -EINVAL);
    cr_assert_eq(koken_map_get(map, &word, NULL), -EINVAL);
    cr_assert_eq(koken_map_put(map, &word, NULL), -EINVAL);
    cr_assert_eq(koken_map_add(NULL, &word, &word), -EINVAL);
    cr_assert_eq(koken_map_remove(NULL, &word, NULL), -EINVAL);
    cr_assert_eq(koken_map_update(map, &word, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_map_clear(NULL, NULL, NULL), 0);
    cr_assert_eq(koken_map_len(NULL), 0);
#ifdef KN_DEBUG
    struct koken_map *none;
    o.shards = 1;
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_map_new(&o, &none), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_map_put(map, &word, &word), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_map_update(map, &word, increment, &word), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
    cr_assert_eq(koken_map_len(map), 0);
#endif
    koken_map_free(map);
    koken_map_free(NULL);
}
