/* SPDX-License-Identifier: Apache-2.0 */
/* A path begins at the open, ends at the close, touches both extremes, stays inside, and repeats
 * itself. */
#include "examples/trading_swarm/path.c"

#include <criterion/criterion.h>

static void check_path(const struct bar *bar, uint32_t ticks, uint64_t seed)
{
    struct path path;
    bool was_low = false, was_high = false;
    money price = 0;

    path_begin(&path, bar, ticks, seed);
    for (uint32_t tick = 0; tick < ticks; tick++) {
        price = path_next(&path);
        cr_assert(tick > 0 || price == bar->open, "seed %llu", (unsigned long long)seed);
        cr_assert_geq(price, bar->low);
        cr_assert_leq(price, bar->high);
        was_low = was_low || price == bar->low;
        was_high = was_high || price == bar->high;
    }
    cr_assert_eq(price, bar->close);
    cr_assert(was_low && was_high, "%u ticks, seed %llu", ticks, (unsigned long long)seed);
}

Test(path, respects_every_bar_with_any_number_of_ticks)
{
    const struct bar bars[] = {
        {20000103, 14692500, 14780000, 14383600, 14552200},
        {20000104, 5, 9, 1, 7},
        {20000105, 100, 100, 100, 100},
        {20000106, 1, 10000000000000, 1, 10000000000000},
        {20000107, 9, 9, 1, 1},
    };
    const uint32_t counts[] = {4, 5, 6, 7, 64, 390, 1001};

    for (size_t bar = 0; bar < sizeof bars / sizeof bars[0]; bar++) {
        for (size_t count = 0; count < sizeof counts / sizeof counts[0]; count++) {
            for (uint64_t seed = 0; seed < 50; seed++) {
                check_path(&bars[bar], counts[count], seed);
            }
        }
    }
}

Test(path, is_named_by_seed_and_date)
{
    struct bar bar = {20000103, 14692500, 14780000, 14383600, 14552200};
    struct path one, same, other_seed, other_date;
    unsigned seed_differs = 0, date_differs = 0;

    path_begin(&one, &bar, 390, 7);
    path_begin(&same, &bar, 390, 7);
    path_begin(&other_seed, &bar, 390, 8);
    bar.date++;
    path_begin(&other_date, &bar, 390, 7);
    for (unsigned tick = 0; tick < 390; tick++) {
        money price = path_next(&one);

        cr_assert_eq(price, path_next(&same));
        seed_differs += price != path_next(&other_seed);
        date_differs += price != path_next(&other_date);
    }
    cr_assert_gt(seed_differs, 300u);
    cr_assert_gt(date_differs, 300u);
}

Test(path, square_root_is_rounded_down)
{
    for (uint32_t number = 0; number < 70000; number++) {
        uint32_t root = square_root(number);

        cr_assert(root * root <= number && (root + 1) * (root + 1) > number, "%u", number);
    }
    cr_assert_eq(square_root(UINT32_MAX), 65535u);
}
