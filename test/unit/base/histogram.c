/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the histogram's promise: every quantile within 1 %, against sorting the values themselves.
 */
#include <koken/histogram.h>

#include "base/world.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct koken_histogram h, other; /* large for a stack */

static void clear(void)
{
    h = (struct koken_histogram){0};
    other = (struct koken_histogram){0};
}

static bool is_near(uint64_t got, uint64_t exact)
{
    uint64_t off = got > exact ? got - exact : exact - got;
    return (double)off <= 0.01 * (double)exact;
}

Test(histogram, is_empty_when_zero)
{
    clear();
    cr_assert_eq(koken_histogram_count(&h), 0);
    cr_assert_eq(koken_histogram_mean(&h), 0);
    cr_assert_eq(koken_histogram_min(&h), 0);
    cr_assert_eq(koken_histogram_max(&h), 0);
    cr_assert_eq(koken_histogram_quantile(&h, 0.5), 0);
    cr_assert_eq(koken_histogram_quantile(&h, 1), 0);
}

/* One value in the middle of three, at every edge of a bucket: the median must be near it. */
Test(histogram, reports_any_value_within_one_percent)
{
    for (unsigned bit = 0; bit < 44; ++bit) {
        for (int step = 0; step < 3 * 64; ++step) {
            uint64_t base = UINT64_C(1) << bit;
            uint64_t value =
                base + (uint64_t)step * (base / 192 > 0 ? base / 192 : 1) - (step % 3 == 0);
            if (value >= UINT64_C(1) << 44) {
                continue;
            }
            clear();
            koken_histogram_record(&h, 0);
            koken_histogram_record(&h, value);
            koken_histogram_record(&h, UINT64_MAX);
            uint64_t median = koken_histogram_quantile(&h, 0.5);
            cr_assert(is_near(median, value), "%lu for %lu", (unsigned long)median,
                      (unsigned long)value);
            if (value < 128) {
                cr_assert_eq(median, value);
            }
        }
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

Test(histogram, quantiles_agree_with_the_sorted_values)
{
    enum { COUNT = 20000 };
    static uint64_t values[COUNT];
    uint64_t state = kn_random_seed(11);
    uint64_t sum = 0;
    clear();
    for (int i = 0; i < COUNT; ++i) {
        values[i] = kn_random(&state) >> (24 + kn_random(&state) % 36); /* over ten decades */
        sum += values[i];
        koken_histogram_record(i % 2 == 0 ? &h : &other, values[i]);
    }
    koken_histogram_merge(&h, &other);
    qsort(values, COUNT, sizeof values[0], compare);

    static const double fractions[] = {0.00001, 0.01, 0.1,  0.25,  0.5,
                                       0.75,    0.9,  0.99, 0.999, 0.9999};
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; ++i) {
        uint64_t exact = values[(size_t)ceil(fractions[i] * COUNT) - 1];
        uint64_t got = koken_histogram_quantile(&h, fractions[i]);
        cr_assert(is_near(got, exact), "q %g: %lu for %lu", fractions[i], (unsigned long)got,
                  (unsigned long)exact);
    }
    cr_assert_eq(koken_histogram_count(&h), COUNT);
    cr_assert_eq(koken_histogram_mean(&h), sum / COUNT);
    cr_assert_eq(koken_histogram_min(&h), values[0]);
    cr_assert_eq(koken_histogram_max(&h), values[COUNT - 1]);
    cr_assert_eq(koken_histogram_quantile(&h, 0), values[0]);
    cr_assert_eq(koken_histogram_quantile(&h, -1), values[0]);
    cr_assert_eq(koken_histogram_quantile(&h, (double)NAN), values[0]);
    cr_assert_eq(koken_histogram_quantile(&h, 1), values[COUNT - 1]);
    cr_assert_eq(koken_histogram_quantile(&h, 7), values[COUNT - 1]);
}

/* The least value that the fraction does not exceed: the edge belongs to the lower value. */
Test(histogram, quantile_counts_ranks_exactly)
{
    clear();
    for (uint64_t v = 1; v <= 100; ++v) {
        koken_histogram_record(&h, v);
    }
    cr_assert_eq(koken_histogram_quantile(&h, 0.5), 50);
    cr_assert_eq(koken_histogram_quantile(&h, 0.501), 51);
    cr_assert_eq(koken_histogram_quantile(&h, 0.99), 99);
    cr_assert_eq(koken_histogram_quantile(&h, 0.001), 1);
}

Test(histogram, never_reports_beyond_what_was_recorded)
{
    clear();
    for (int i = 0; i < 3; ++i) {
        koken_histogram_record(&h, 1000001);
    }
    cr_assert_eq(koken_histogram_quantile(&h, 0.5), 1000001);
}

Test(histogram, merge_with_an_empty_one_changes_nothing)
{
    clear();
    koken_histogram_record(&h, 40);
    koken_histogram_merge(&h, &other);
    cr_assert_eq(koken_histogram_min(&h), 40);
    koken_histogram_merge(&other, &h);
    cr_assert_eq(koken_histogram_min(&other), 40);
    cr_assert_eq(koken_histogram_count(&other), 1);
}

Test(histogram, sum_saturates)
{
    clear();
    koken_histogram_record(&h, UINT64_MAX);
    koken_histogram_record(&h, UINT64_MAX);
    cr_assert_eq(koken_histogram_mean(&h), UINT64_MAX / 2);
    cr_assert_eq(koken_histogram_max(&h), UINT64_MAX);
}
