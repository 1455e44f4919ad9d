/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The atomics seam of model builds (KN_MODEL): every access calls the explorer, with its order, its
 * place in the source, and what it is. Included by base/atomic.h and by nothing else.
 *
 * An atomic is an ordinary object here. Sources of a model are compiled with -fsanitize=thread and
 * linked without its library: the calls that the compiler inserts before each plain access come to
 * lib/tsan.c, so a plain access to an atomic, and any data race, is found without annotations.
 */
#ifndef KN_TEST_MODEL_ATOMIC_MODEL_H
#define KN_TEST_MODEL_ATOMIC_MODEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum kn_mo { KN_MO_relaxed, KN_MO_acquire, KN_MO_release, KN_MO_acq_rel, KN_MO_seq_cst };

enum kn_op {
    KN_OP_LOAD,
    KN_OP_STORE,
    KN_OP_RMW,
    KN_OP_CAS,
    KN_OP_FENCE,
    KN_OP_FENCE_LIGHT,
    KN_OP_MEMBARRIER,
    KN_OP_WAKE,
};

enum kn_rmw { KN_RMW_SWAP, KN_RMW_ADD, KN_RMW_SUB, KN_RMW_OR, KN_RMW_AND };

/* One access in the source. Registered when it is first executed. */
struct kn_site {
    const char *file, *func, *text;
    int line;
    enum kn_op op;
    enum kn_mo order, order_fail; /* as written */
    enum kn_mo now, now_fail;     /* as mutated */
    struct kn_site *next;
    bool is_known;
    bool is_shared; /* it has gone to a location that another thread touches too */
};

uint64_t kn_model_load(const volatile void *p, size_t size, struct kn_site *site);
void kn_model_store(const volatile void *p, size_t size, uint64_t value, struct kn_site *site);
uint64_t kn_model_rmw(const volatile void *p, size_t size, uint64_t value, enum kn_rmw rmw,
                      struct kn_site *site);
bool kn_model_cas(const volatile void *p, size_t size, uint64_t *expected, uint64_t value,
                  struct kn_site *site);
void kn_model_fence(struct kn_site *site);
void kn_model_init(const volatile void *p, size_t size);
void kn_model_pause(void);
bool kn_model_mutant(int n);

#define KN_SITE_(op_, text_, mo, mo_fail)                                                          \
    __extension__({                                                                                \
        static struct kn_site site_ = {.file = __FILE__,                                           \
                                       .func = __func__,                                           \
                                       .text = text_,                                              \
                                       .line = __LINE__,                                           \
                                       .op = op_,                                                  \
                                       .order = KN_MO_##mo,                                        \
                                       .order_fail = KN_MO_##mo_fail,                              \
                                       .now = KN_MO_##mo,                                          \
                                       .now_fail = KN_MO_##mo_fail};                               \
        &site_;                                                                                    \
    })

/* The bits of a value, and back. */
#define KN_BITS_(p, v)                                                                             \
    __extension__({                                                                                \
        __typeof__(*(p)) value_ = (v);                                                             \
        uint64_t bits_ = 0;                                                                        \
        __builtin_memcpy(&bits_, (const void *)&value_, sizeof value_);                            \
        bits_;                                                                                     \
    })
#define KN_VALUE_(p, bits) ((__typeof__(*(p)))(bits))

#define kn_atomic(T) __typeof__(T)

#define kn_load(p, mo)                                                                             \
    KN_VALUE_(p, kn_model_load((p), sizeof *(p), KN_SITE_(KN_OP_LOAD, #p, mo, mo)))
#define kn_store(p, v, mo)                                                                         \
    kn_model_store((p), sizeof *(p), KN_BITS_(p, v), KN_SITE_(KN_OP_STORE, #p, mo, mo))
#define KN_RMW_(p, v, mo, rmw)                                                                     \
    KN_VALUE_(                                                                                     \
        p, kn_model_rmw((p), sizeof *(p), KN_BITS_(p, v), rmw, KN_SITE_(KN_OP_RMW, #p, mo, mo)))
#define kn_swap(p, v, mo) KN_RMW_(p, v, mo, KN_RMW_SWAP)
#define kn_add(p, v, mo) KN_RMW_(p, v, mo, KN_RMW_ADD)
#define kn_sub(p, v, mo) KN_RMW_(p, v, mo, KN_RMW_SUB)
#define kn_or(p, v, mo) KN_RMW_(p, v, mo, KN_RMW_OR)
#define kn_and(p, v, mo) KN_RMW_(p, v, mo, KN_RMW_AND)

#define kn_cas_strong(p, expected, v, mo_ok, mo_fail)                                              \
    __extension__({                                                                                \
        uint64_t seen_ = KN_BITS_(p, *(expected));                                                 \
        bool swapped_ = kn_model_cas((p), sizeof *(p), &seen_, KN_BITS_(p, v),                     \
                                     KN_SITE_(KN_OP_CAS, #p, mo_ok, mo_fail));                     \
        if (!swapped_) {                                                                           \
            *(expected) = KN_VALUE_(p, seen_);                                                     \
        }                                                                                          \
        swapped_;                                                                                  \
    })
#define kn_cas_weak(p, expected, v, mo_ok, mo_fail) kn_cas_strong(p, expected, v, mo_ok, mo_fail)

#define KN_FENCE_(op, mo) kn_model_fence(KN_SITE_(op, #mo, mo, mo))
#define kn_fence_seq_cst() KN_FENCE_(KN_OP_FENCE, seq_cst)
#define kn_fence_light() KN_FENCE_(KN_OP_FENCE_LIGHT, seq_cst)

#define KN_MODEL_SIZE(n, in_model) (in_model)
#define KN_MUTANT(n) kn_model_mutant(n)

/* Not atomic: a plain write, before any other thread can see the object. */
#define kn_atomic_init(p, v) (*(p) = (v), kn_model_init((p), sizeof *(p)))

/* gcc says nothing of what the library copies; clang calls __tsan_memcpy(). */
#ifdef __SANITIZE_THREAD__
void __tsan_read_range(void *p, long size);
void __tsan_write_range(void *p, long size);

static inline void *kn_model_copy(void *to, const void *from, size_t size)
{
    __tsan_read_range((void *)(uintptr_t)from, (long)size);
    __tsan_write_range(to, (long)size);
    return __builtin_memcpy(to, from, size);
}

static inline void *kn_model_fill(void *p, int c, size_t size)
{
    __tsan_write_range(p, (long)size);
    return __builtin_memset(p, c, size);
}

#define memcpy(to, from, size) kn_model_copy(to, from, size)
#define memset(p, c, size) kn_model_fill(p, c, size)
#endif

/* A mutex of the system is one of the explorer. */
int kn_model_mutex_init(pthread_mutex_t *mutex);
int kn_model_mutex_lock(pthread_mutex_t *mutex);
int kn_model_mutex_unlock(pthread_mutex_t *mutex);
#define pthread_mutex_init(mutex, attributes) kn_model_mutex_init(mutex)
#define pthread_mutex_destroy(mutex) ((void)(mutex))
#define pthread_mutex_lock(mutex) kn_model_mutex_lock(mutex)
#define pthread_mutex_unlock(mutex) kn_model_mutex_unlock(mutex)

#endif
