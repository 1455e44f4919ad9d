/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What executors of task effect graphs (koken/teg_run.h) remember: how long effects take, and what pure effects
 * have answered. Both may be shared by executors and threads, and outlive the executors that use them.
 */
#ifndef KOKEN_TEG_LEARN_H
#define KOKEN_TEG_LEARN_H

#include <koken/teg_run.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * koken_teg_model_new makes a model that knows nothing. For each kind, tag and domain it keeps the moving average
 * (weight 1/4) and the variance of the durations of effects that completed, and over all the nanoseconds that one
 * unit of static cost takes. An executor with adaptive_scheduling orders each run by its predictions. NULL: no
 * memory.
 */
KOKEN_MUST_USE struct koken_teg_model *koken_teg_model_new(void);
void koken_teg_model_free(struct koken_teg_model *take_model);

/* What is known of a kind, tag and domain. */
struct koken_teg_prediction {
    uint64_t samples;
    double mean_ns, deviation_ns;
    double
        predicted_ns; /* mean_ns from three samples on; until then cost times what a unit takes, or cost */
};
void koken_teg_model_predict(struct koken_teg_model *model, enum koken_teg_kind kind,
                             const char *tag, const char *domain, uint64_t cost,
                             struct koken_teg_prediction *ret_prediction);

/* koken_teg_model_learn adds one duration. Errors: -ENOMEM. Executors do it by themselves. */
KOKEN_MUST_USE int koken_teg_model_learn(struct koken_teg_model *model, enum koken_teg_kind kind,
                                         const char *tag, const char *domain, uint64_t cost,
                                         uint64_t ns);

/*
 * koken_teg_model_save writes a model into a file, which is replaced as a whole; koken_teg_model_load adds what is in
 * such a file to a model (of what both know, the file's is taken). Errors: -ESRCH no such file; -ENOTSUP it is of
 * another version; -EPROTO it cannot be written or read, or is damaged; of neither is anything taken; -ENOMEM.
 */
KOKEN_MUST_USE int koken_teg_model_save(struct koken_teg_model *model, const char *path);
KOKEN_MUST_USE int koken_teg_model_load(struct koken_teg_model *model, const char *path);

/*
 * koken_teg_cache_new makes a cache of so many results and so many bytes at most (0: 4096, 64 MiB). A result is found by
 * the SHA-256 of its effect's kind, tag, domain, argument and inputs: whoever gives an effect is_cached says that
 * these determine it. What is being made by one node is waited for by others that want the same, and made once. When
 * the cache is full the result that was not used for longest goes; when all are being made, effects run without it.
 * NULL: no memory. It must outlive the runs that use it.
 */
KOKEN_MUST_USE struct koken_teg_cache *koken_teg_cache_new(uint32_t entries_most,
                                                           size_t bytes_most);
void koken_teg_cache_free(struct koken_teg_cache *take_cache);

/* Sums since it was made. lookups == hits + shared + misses + uncached. */
struct koken_teg_cache_stats {
    uint64_t lookups;
    uint64_t hits;     /* it was there */
    uint64_t shared;   /* it was being made, and waited for */
    uint64_t misses;   /* it was made by the node that asked */
    uint64_t uncached; /* no room, or inputs that are themselves lists of results */
    uint64_t evicted;
    uint64_t entries, bytes; /* now */
};
void koken_teg_cache_stats(struct koken_teg_cache *cache, struct koken_teg_cache_stats *ret_stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
