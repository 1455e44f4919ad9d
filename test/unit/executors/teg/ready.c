/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: the set gives what was added, smallest first, at every size around the edges of its levels. */
#include "executors/teg/ready.h"

#include "base/world.h"

#include <criterion/criterion.h>

static void fill_and_empty(uint32_t size, uint32_t stride)
{
    struct kn_teg_ready ready;
    uint32_t added = 0, last = 0;
    cr_assert(kn_teg_ready_init(&ready, size));
    for (uint64_t rank = 0; rank < size; rank++) {
        uint32_t at = (uint32_t)(rank * stride % size);
        if (!(ready.words[0][at / 64] >> at % 64 & 1)) {
            kn_teg_ready_push(&ready, at);
            added++;
        }
    }
    cr_assert_eq(ready.count, added);
    for (uint32_t i = 0; i < added; i++) {
        uint32_t rank = kn_teg_ready_pop(&ready);
        cr_assert(i == 0 || rank > last);
        last = rank;
    }
    cr_assert_eq(ready.count, 0);
    for (size_t i = 0; i < kn_teg_ready_words(size); i++) {
        cr_assert_eq(ready.words[0][i], 0);
    }
    kn_teg_ready_fini(&ready);
}

Test(ready, gives_the_smallest_first)
{
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 4095, 4096, 4097, 100000, 262144, 262145};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill_and_empty(sizes[i], 1);
        fill_and_empty(sizes[i], 7919);
        fill_and_empty(sizes[i], 64);
    }
}

/* Against a plain array of marks, in random order. */
Test(ready, agrees_with_a_plain_array)
{
    enum { SIZE = 5000 };
    static unsigned char marks[SIZE];
    struct kn_teg_ready ready;
    uint64_t rng = kn_random_seed(7);
    uint32_t count = 0;
    cr_assert(kn_teg_ready_init(&ready, SIZE));
    for (int i = 0; i < 50000; i++) {
        uint32_t rank = (uint32_t)(kn_random(&rng) % SIZE);
        if (kn_random(&rng) % 3 && !marks[rank]) {
            marks[rank] = 1;
            count++;
            kn_teg_ready_push(&ready, rank);
        } else if (marks[rank]) {
            marks[rank] = 0;
            count--;
            kn_teg_ready_remove(&ready, rank);
        } else if (count) {
            uint32_t first = kn_teg_ready_first(&ready);
            cr_assert(marks[first]);
            for (uint32_t j = 0; j < first; j++) {
                cr_assert(!marks[j]);
            }
            cr_assert_eq(kn_teg_ready_pop(&ready), first);
            marks[first] = 0;
            count--;
        }
        cr_assert_eq(ready.count, count);
    }
    kn_teg_ready_fini(&ready);
}

Test(ready, an_empty_set_has_a_size_too)
{
    struct kn_teg_ready ready;
    cr_assert(kn_teg_ready_init(&ready, 0));
    cr_assert_eq(ready.count, 0);
    kn_teg_ready_fini(&ready);
    kn_teg_ready_fini(&ready);
}
