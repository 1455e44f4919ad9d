/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of latencies: fixed memory, no allocation, every value within 1 %.
 *
 * Values below 128 have a bucket each. Above, every power of two is cut into 64 buckets of equal
 * width, and a value is reported as the middle of its bucket: at most 1/128 = 0.8 % off, from 1 ns
 * to 2^44 ns (4.9 h). What is longer falls into the last bucket. Count, sum, minimum and maximum
 * are exact.
 *
 * The struct is not opaque, against our own rule: so it can lie inside another or on the stack, and
 * needs no function that could fail. All zero is an empty histogram. One thread at a time; threads
 * record into their own and merge.
 */
#ifndef KOKEN_HISTOGRAM_H
#define KOKEN_HISTOGRAM_H

#include <koken/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KOKEN_HISTOGRAM_BUCKETS 2496

struct koken_histogram {
    uint64_t count;
    uint64_t sum; /* ns; stays at its largest value when it would overflow */
    uint64_t min; /* ns; meaningless while count is 0 */
    uint64_t max; /* ns */
    uint64_t buckets[KOKEN_HISTOGRAM_BUCKETS];
};

/* koken_histogram_record counts one value. Cost: about 3 ns when the bucket is in the cache. */
KOKEN_API void koken_histogram_record(struct koken_histogram *histogram, uint64_t ns);

/* koken_histogram_merge adds all that source has counted to target. */
KOKEN_API void koken_histogram_merge(struct koken_histogram *target,
                                     const struct koken_histogram *source);

/* koken_histogram_count returns how many values were recorded. */
KOKEN_API uint64_t koken_histogram_count(const struct koken_histogram *histogram);

/* koken_histogram_mean returns the exact mean, rounded down; 0 of none. */
KOKEN_API uint64_t koken_histogram_mean(const struct koken_histogram *histogram);

/* koken_histogram_min returns the smallest value recorded, exactly; 0 of none. */
KOKEN_API uint64_t koken_histogram_min(const struct koken_histogram *histogram);

/* koken_histogram_max returns the largest value recorded, exactly; 0 of none. */
KOKEN_API uint64_t koken_histogram_max(const struct koken_histogram *histogram);

/*
 * koken_histogram_quantile returns the least value that the fraction q of all values do not exceed,
 * within 1 %: q = 0.5 is the median, 0.999 the p99.9. q <= 0 gives the minimum, q >= 1 the maximum;
 * 0 of none.
 */
KOKEN_API uint64_t koken_histogram_quantile(const struct koken_histogram *histogram, double q);

#ifdef __cplusplus
}
#endif

#endif
