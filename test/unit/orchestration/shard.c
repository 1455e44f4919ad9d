/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that keys spread evenly and move minimally (T045), that everybody finds the same shard
 * (T046: known values, so every process of every kind of machine), and what an empty set answers.
 */
#include <koken/shard.h>

#include <criterion/criterion.h>
#include <string.h>

enum { KEYS = 10000 };

Test(shard, the_hash_is_siphash_1_3)
{
    struct koken_hash_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    unsigned char bytes[16];
    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    uint64_t seen[17];
    for (size_t size = 0; size <= 16; size++) {
        seen[size] = koken_hash_bytes(&key, bytes, size);
        for (size_t other = 0; other < size; other++) {
            cr_assert(seen[other] != seen[size]);
        }
    }
    cr_assert_eq(seen[0], UINT64_C(0xabac0158050fc4dc));
    cr_assert_eq(koken_hash_text("ACME"), koken_hash_bytes(NULL, "ACME", 4));
    cr_assert_eq(koken_hash_text(NULL), koken_hash_bytes(NULL, NULL, 0));
    key.word[1]++;
    cr_assert(koken_hash_bytes(&key, bytes, 16) != seen[16]);
}

Test(shard, one_more_member_takes_its_share_and_nothing_else_moves)
{
    uint64_t names[10] = {3, 1, 4, 15, 9, 2, 6, 5, 35, 8};
    unsigned moved = 0, load[10] = {0};
    for (uint64_t key = 0; key < KEYS; key++) {
        size_t before, after;
        cr_assert_eq(koken_shard_index(names, 9, key, &before), 0);
        cr_assert_eq(koken_shard_index(names, 10, key, &after), 0);
        cr_assert(after == before || after == 9);
        moved += after != before;
        load[after]++;
    }
    cr_assert(moved > 700 && moved < 1300, "%u keys moved", moved);
    for (int i = 0; i < 10; i++) {
        cr_assert(load[i] > 700 && load[i] < 1300, "member %d has %u", i, load[i]);
    }
}

Test(shard, handles_go_by_value_and_not_by_place)
{
    koken_ref members[4] = {{77}, {5}, {0}, {123456789}}, turned[4];
    for (int i = 0; i < 4; i++) {
        turned[i] = members[3 - i];
    }
    for (uint64_t key = 0; key < 1000; key++) {
        koken_ref who = koken_shard(members, 4, key);
        cr_assert(!koken_is_nobody(who));
        cr_assert(koken_ref_equal(who, koken_shard(turned, 4, key)));
    }
}

/* Chi square of so many places: not five deviations above what chance makes. (The keys are always the same.) */
static bool is_chance(double chi_square, uint32_t places)
{
    double above = chi_square - places;
    return above < 0 || above * above < 25 * 2.0 * places;
}

/* From count to count, over several powers of two: evenly loaded, and the new shard takes its share from all. */
Test(shard, jump_moves_only_to_the_new_shard)
{
    static uint32_t before[KEYS], load[80], from[80];
    for (uint32_t count = 1; count <= 80; count++) {
        memset(load, 0, sizeof load);
        memset(from, 0, sizeof from);
        for (uint64_t key = 0; key < KEYS; key++) {
            uint32_t shard = count;
            cr_assert_eq(koken_shard_jump(key, count, &shard), 0);
            cr_assert_lt(shard, count);
            cr_assert(count == 1 || shard == before[key] || shard == count - 1);
            from[before[key]] += count > 1 && shard != before[key];
            before[key] = shard;
            load[shard]++;
        }
        double mean = (double)KEYS / count, misfit = 0, unfair = 0;
        double each = count > 1 ? mean / (count - 1) : 1;
        for (uint32_t i = 0; i < count; i++) {
            misfit += (load[i] - mean) * (load[i] - mean) / mean;
            unfair += i + 1 < count ? (from[i] - each) * (from[i] - each) / each : 0;
        }
        cr_assert(is_chance(misfit, count), "%u shards: %f", count, misfit);
        cr_assert(is_chance(unfair, count), "%u shards: %f", count, unfair);
    }
}

/* Where keys are does not depend on the process, its time or its machine: these numbers stay. (T046) */
Test(shard, keys_are_where_they_are_in_every_process)
{
    uint64_t names[10] = {3, 1, 4, 15, 9, 2, 6, 5, 35, 8}, rings = 0, indices = 0, jumps = 0;
    struct koken_ring *ring;
    cr_assert_eq(koken_ring_new(NULL, &ring), 0);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(koken_ring_add(ring, names[i], 1), 0);
    }
    for (uint64_t key = 0; key < 1000; key++) {
        size_t index;
        uint32_t shard;
        uint64_t name;
        cr_assert_eq(koken_shard_index(names, 10, key, &index), 0);
        cr_assert_eq(koken_shard_jump(key, 10, &shard), 0);
        cr_assert_eq(koken_ring_find(ring, key, &name), 0);
        indices = indices * 31 + index;
        jumps = jumps * 31 + shard;
        rings = rings * 31 + name;
    }
    koken_ring_free(ring);
    cr_assert_eq(indices, UINT64_C(17733902985307822843), "%llu", (unsigned long long)indices);
    cr_assert_eq(jumps, UINT64_C(3020945130243427992), "%llu", (unsigned long long)jumps);
    cr_assert_eq(rings, UINT64_C(6450411280220938937), "%llu", (unsigned long long)rings);
}

Test(shard, an_empty_set_is_an_error)
{
    size_t index = 42;
    uint32_t shard = 42;
    uint64_t name = 1;
    koken_ref nobody[2] = {{0}, {0}};
    cr_assert(koken_is_nobody(koken_shard(NULL, 3, 1)));
    cr_assert(koken_is_nobody(koken_shard(nobody, 0, 1)));
    cr_assert(koken_is_nobody(koken_shard(nobody, 2, 1)));
    cr_assert_eq(koken_shard_index(NULL, 1, 1, &index), -EINVAL);
    cr_assert_eq(koken_shard_index(&name, 0, 1, &index), -EINVAL);
    cr_assert_eq(koken_shard_index(&name, 1, 1, NULL), -EINVAL);
    cr_assert_eq(koken_shard_jump(1, 0, &shard), -EINVAL);
    cr_assert_eq(koken_shard_jump(1, UINT32_MAX, &shard), -EINVAL);
    cr_assert_eq(koken_shard_jump(1, 1, NULL), -EINVAL);
    cr_assert_eq(index, 42);
    cr_assert_eq(shard, 42);
    cr_assert_eq(koken_shard_jump(1, INT32_MAX, &shard), 0);
}
