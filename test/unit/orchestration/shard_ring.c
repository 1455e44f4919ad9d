/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of the ring: minimal movement both ways, even spread (T045, T046), weights, a bound on the
 * load that holds after each assignment, the hand-over hook, and its errors.
 */
#include <koken/shard.h>

#include <criterion/criterion.h>

enum { KEYS = 10000 };

static struct koken_ring *ring_of(unsigned members)
{
    struct koken_ring *ring;
    cr_assert_eq(koken_ring_new(NULL, &ring), 0);
    for (unsigned i = 0; i < members; i++) {
        cr_assert_eq(koken_ring_add(ring, 1000 + i, 0), 0);
    }
    return ring;
}

static uint64_t find(const struct koken_ring *ring, uint64_t key)
{
    uint64_t name = 0;
    cr_assert_eq(koken_ring_find(ring, key, &name), 0);
    return name;
}

struct seen {
    unsigned count;
    uint64_t only_to;
};

static void moved(void *arg, uint64_t key, uint64_t from, uint64_t to)
{
    struct seen *seen = arg;
    (void)key;
    cr_assert(from != to);
    cr_assert_eq(to, seen->only_to);
    seen->count++;
}

Test(shard_ring, a_new_member_takes_its_share_and_gives_it_back)
{
    static uint64_t keys[KEYS];
    struct koken_ring *before = ring_of(9), *after;
    cr_assert_eq(koken_ring_copy(before, &after), 0);
    cr_assert_eq(koken_ring_add(after, 5, 1), 0);
    cr_assert_eq(koken_ring_count(after), 10);
    for (unsigned i = 0; i < KEYS; i++) {
        keys[i] = i;
    }
    struct seen seen = {0, 5};
    int moves = koken_ring_moves(before, after, keys, KEYS, moved, &seen);
    cr_assert_eq((unsigned)moves, seen.count);
    cr_assert(moves > 700 && moves < 1300, "%d keys moved", moves);
    cr_assert_eq(koken_ring_remove(after, 5), 0);
    cr_assert_eq(koken_ring_moves(before, after, keys, KEYS, moved, &seen), 0);
    koken_ring_free(before);
    koken_ring_free(after);
}

Test(shard_ring, keys_spread_by_weight)
{
    struct koken_ring *ring = ring_of(10);
    cr_assert_eq(koken_ring_add(ring, 7, 5), 0);
    unsigned heavy = 0, load[10] = {0}, most = 0;
    for (uint64_t key = 0; key < 15 * 1000; key++) {
        uint64_t name = find(ring, key);
        if (name == 7) {
            heavy++;
        } else {
            load[name - 1000]++;
        }
    }
    for (int i = 0; i < 10; i++) {
        most = load[i] > most ? load[i] : most;
    }
    cr_assert(most < 1300, "one of ten has %u of 1000", most);
    cr_assert(heavy > 4000 && heavy < 6000, "five shares are %u", heavy);
    koken_ring_free(ring);
}

Test(shard_ring, no_member_gets_more_than_its_bound)
{
    struct koken_ring *ring = ring_of(7);
    uint64_t load[7] = {0}, name;
    for (uint64_t key = 1; key <= 2000; key++) {
        cr_assert_eq(koken_ring_assign(ring, key % 3, &name), 0); /* three keys, all the time */
        load[name - 1000]++;
        cr_assert(load[name - 1000] * 700 <= key * 125 + 700);
    }
    for (int i = 0; i < 7; i++) {
        for (; load[i] > 0; load[i]--) {
            cr_assert_eq(koken_ring_unassign(ring, 1000u + (unsigned)i), 0);
        }
        cr_assert_eq(koken_ring_unassign(ring, 1000u + (unsigned)i), -ESRCH);
    }
    cr_assert_eq(koken_ring_assign(ring, 1, &name), 0);
    cr_assert_eq(name, find(ring, 1));
    koken_ring_free(ring);
}

Test(shard_ring, the_order_of_coming_does_not_matter)
{
    struct koken_ring *one = ring_of(5), *other;
    cr_assert_eq(koken_ring_new(NULL, &other), 0);
    for (unsigned i = 5; i > 0; i--) {
        cr_assert_eq(koken_ring_add(other, 999 + i, 1), 0);
    }
    for (uint64_t key = 0; key < 1000; key++) {
        cr_assert_eq(find(one, key), find(other, key));
    }
    koken_ring_free(one);
    koken_ring_free(other);
}

Test(shard_ring, errors)
{
    struct koken_ring *ring;
    struct koken_ring_options options = {.load_percent = 99};
    uint64_t name = 42;
    cr_assert_eq(koken_ring_new(&options, &ring), -EINVAL);
    options = (struct koken_ring_options){.points = 5000};
    cr_assert_eq(koken_ring_new(&options, &ring), -EINVAL);
    options = (struct koken_ring_options){.struct_size = 3};
    cr_assert_eq(koken_ring_new(&options, &ring), -EINVAL);
    cr_assert_eq(koken_ring_new(NULL, NULL), -EINVAL);
    options = (struct koken_ring_options){.points = 1};
    cr_assert_eq(koken_ring_new(&options, &ring), 0);
    cr_assert_eq(koken_ring_find(ring, 1, &name), -ESRCH);
    cr_assert_eq(koken_ring_assign(ring, 1, &name), -ESRCH);
    cr_assert_eq(koken_ring_find(ring, 1, NULL), -EINVAL);
    cr_assert_eq(koken_ring_find(NULL, 1, &name), -EINVAL);
    cr_assert_eq(name, 42);
    cr_assert_eq(koken_ring_add(ring, 3, 65), -EINVAL);
    cr_assert_eq(koken_ring_add(ring, 3, 1), 0);
    cr_assert_eq(koken_ring_add(ring, 3, 1), -EALREADY);
    cr_assert_eq(find(ring, 99), 3);
    cr_assert_eq(koken_ring_remove(ring, 4), -ESRCH);
    cr_assert_eq(koken_ring_remove(NULL, 4), -EINVAL);
    cr_assert_eq(koken_ring_remove(ring, 3), 0);
    cr_assert_eq(koken_ring_count(ring), 0);
    koken_ring_free(ring);
    koken_ring_free(NULL);
}
