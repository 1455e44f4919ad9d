/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log-linear buckets. With e the position of a value's highest bit, the value is cut to its seven
 * highest bits; the highest is always 1 and says nothing, the other six say which of the 64 buckets
 * of that power of two. Values below 64 lose no bit and are their own index; those below 128 lose
 * none either.
 */
#include <koken/histogram.h>

#include "base/assert.h"

#include <stddef.h>

enum {
    SUB_BITS = 6,
    SUB_BUCKETS = 1 << SUB_BITS,
    VALUE_BITS = 44,
};

#define VALUE_MAX ((UINT64_C(1) << VALUE_BITS) - 1)

_Static_assert((VALUE_BITS - SUB_BITS + 1) * SUB_BUCKETS == KOKEN_HISTOGRAM_BUCKETS,
               "the largest value has the last bucket");

static size_t bucket_of(uint64_t ns)
{
    if (ns < SUB_BUCKETS) {
        return ns;
    }
    uint64_t value = ns < VALUE_MAX ? ns : VALUE_MAX;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    size_t bucket = (size_t)shift * SUB_BUCKETS + (size_t)(value >> shift);
    KN_ASSERT(bucket < KOKEN_HISTOGRAM_BUCKETS);
    return bucket;
}

/* The middle of a bucket, rounded down. */
static uint64_t value_of(size_t bucket)
{
    KN_ASSERT(bucket < KOKEN_HISTOGRAM_BUCKETS);
    if (bucket < 2 * SUB_BUCKETS) {
        return bucket;
    }
    size_t shift = bucket / SUB_BUCKETS - 1;
    uint64_t low = (uint64_t)(bucket - shift * SUB_BUCKETS) << shift;
    return low + ((UINT64_C(1) << shift) - 1) / 2;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a <= UINT64_MAX - b ? a + b : UINT64_MAX;
}

void koken_histogram_record(struct koken_histogram *histogram, uint64_t ns)
{
    if (histogram->count == 0 || ns < histogram->min) {
        histogram->min = ns;
    }
    if (ns > histogram->max) {
        histogram->max = ns;
    }
    histogram->sum = add_saturating(histogram->sum, ns);
    ++histogram->count;
    ++histogram->buckets[bucket_of(ns)];
    KN_ASSERT(histogram->min <= histogram->max);
}

void koken_histogram_merge(struct koken_histogram *target, const struct koken_histogram *source)
{
    if (source->count == 0) {
        return;
    }
    if (target->count == 0 || source->min < target->min) {
        target->min = source->min;
    }
    if (source->max > target->max) {
        target->max = source->max;
    }
    target->sum = add_saturating(target->sum, source->sum);
    target->count += source->count;
    for (size_t i = 0; i < KOKEN_HISTOGRAM_BUCKETS; ++i) {
        target->buckets[i] += source->buckets[i];
    }
}

uint64_t koken_histogram_count(const struct koken_histogram *histogram)
{
    return histogram->count;
}

uint64_t koken_histogram_mean(const struct koken_histogram *histogram)
{
    return histogram->count > 0 ? histogram->sum / histogram->count : 0;
}

uint64_t koken_histogram_min(const struct koken_histogram *histogram)
{
    return histogram->count > 0 ? histogram->min : 0;
}

uint64_t koken_histogram_max(const struct koken_histogram *histogram)
{
    return histogram->max;
}

/* How many values, counted from the smallest, the fraction q is: rounded up, at least one. */
static uint64_t rank_of(uint64_t count, double q)
{
    KN_ASSERT(count > 0);
    KN_ASSERT(q > 0);
    double exact = q * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact || rank == 0) {
        ++rank;
    }
    return rank < count ? rank : count;
}

uint64_t koken_histogram_quantile(const struct koken_histogram *histogram, double q)
{
    if (histogram->count == 0 || !(q > 0)) { /* not a number is no fraction either */
        return koken_histogram_min(histogram);
    }
    uint64_t left = q < 1 ? rank_of(histogram->count, q) : histogram->count;
    if (left == histogram->count) {
        return histogram->max;
    }
    size_t bucket = 0;
    while (histogram->buckets[bucket] < left) { /* ends: the buckets hold count values */
        left -= histogram->buckets[bucket];
        ++bucket;
        KOKEN_CHECK(bucket < KOKEN_HISTOGRAM_BUCKETS);
    }
    uint64_t value = value_of(bucket);
    value = value > histogram->min ? value : histogram->min;
    return value < histogram->max ? value : histogram->max;
}
