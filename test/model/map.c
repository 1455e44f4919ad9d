/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sharded map, mailbox/toolbox/map.c as it stands, one shard that begins with four places, of which three are used. The two words of a value are
 * equal: who reads halves of two changes is found, and who finds the value of another key, or overlooks one that stays.
 */
#include "test/model/lib/model.h"

uint64_t kn_entropy(void);

#include "mailbox/toolbox/map.c"
#include "mailbox/toolbox/slim_lock.c"

struct value {
    uint64_t a, b;
};

static struct koken_map *map;
static uint32_t removed; /* plain: of one thread */

uint64_t kn_entropy(void)
{
    return 1;
}

uint64_t kn_random_seed(uint64_t seed)
{
    return seed;
}

static void store(uint64_t key, uint64_t n)
{
    struct value value = {key * 8 + n, key * 8 + n};
    KOKEN_CHECK(koken_map_put(map, &key, &value) >= 0);
}

static bool look(uint64_t key)
{
    struct value value = {0, 0};
    int rc = koken_map_get(map, &key, &value);
    KOKEN_CHECK(rc == 0 || rc == 1);
    if (rc == 1) {
        KOKEN_CHECK(value.a == value.b);
        KOKEN_CHECK(value.a / 8 == key);
    }
    return rc == 1;
}

static void start(void)
{
    static const struct koken_map_options options = {
        .key_size = 8, .value_size = sizeof(struct value), .shards = 1};
    KOKEN_CHECK(koken_map_new(&options, &map) == 0);
    removed = 0;
}

static void start_with_one(void)
{
    start();
    store(1, 1);
}

static void start_with_two(void)
{
    start_with_one();
    store(2, 1);
}

static void start_with_three(void)
{
    start_with_two();
    store(3, 1);
}

/* Three keys that begin their search at one place, so that they stand in a row: a, b, c. */
static uint64_t row[3];

static void start_with_row(void)
{
    size_t count = 0;
    start();
    for (uint64_t key = 1; count < 3; key++) { /* ends: one key in four */
        if ((hash_of(map, &key) >> 32) % KN_MAP_ROOM_FIRST == 1) {
            row[count++] = key;
        }
    }
    for (count = 0; count < 3; count++) {
        store(row[count], 1);
    }
}

static void reader_of_second(void)
{
    KOKEN_CHECK(look(row[1]));
}

static void reader_of_third(void)
{
    KOKEN_CHECK(look(row[2]));
}

static void remover_of_row(void)
{
    KOKEN_CHECK(koken_map_remove(map, &row[0], NULL) == 1);
}

static void reader(void)
{
    (void)look(1);
}

static void reader_of_what_stays(void)
{
    KOKEN_CHECK(look(1));
}

static void changer(void)
{
    store(1, 2);
}

static void adder(void)
{
    store(2, 1);
}

static void adder_of_fourth(void)
{
    store(4, 1);
}

static void remover(void)
{
    uint64_t key = 2;
    removed += (uint32_t)koken_map_remove(map, &key, NULL);
}

static void remover_of_first(void)
{
    uint64_t key = 1;
    removed += (uint32_t)koken_map_remove(map, &key, NULL);
}

static void increment(void *value, bool is_new, void *arg)
{
    struct value *v = value;
    (void)arg;
    KOKEN_CHECK(!is_new);
    v->a++;
    v->b++;
}

static void updater(void)
{
    uint64_t key = 1;
    KOKEN_CHECK(koken_map_update(map, &key, increment, NULL) == 0);
}

static void check(void)
{
    (void)look(1);
    (void)look(2);
    koken_map_free(map);
}

static void check_both_updates(void)
{
    uint64_t key = 1;
    struct value value;
    KOKEN_CHECK(koken_map_get(map, &key, &value) == 1);
    KOKEN_CHECK(value.a == 8 + 1 + 2);
    check();
}

static const struct kn_scenario scenarios[] = {
    {"get; put", start_with_one, {reader_of_what_stays, changer}, check, .limit = 3000},
    {"get; put of another", start_with_one, {reader_of_what_stays, adder}, check, .limit = 3000},
    {"get; it grows",
     start_with_three,
     {reader_of_what_stays, adder_of_fourth},
     check,
     .limit = 3000},
    {"get; remove", start_with_two, {reader, remover_of_first}, check, .limit = 3000},
    {"get; remove another",
     start_with_three,
     {reader_of_what_stays, remover},
     check,
     .limit = 3000},
    {"get; remove; put",
     start_with_three,
     {reader, remover_of_first, changer},
     check,
     .limit = 3000},
    {"get; those before move up",
     start_with_row,
     {reader_of_second, remover_of_row},
     check,
     .limit = 3000},
    {"get; it moves up", start_with_row, {reader_of_third, remover_of_row}, check, .limit = 3000},
    {"update; update", start_with_one, {updater, updater}, check_both_updates, .limit = 3000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
