/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sanitizers must be told about fibers: AddressSanitizer which stack is in use,
 * ThreadSanitizer which fiber runs. In other builds every function here is empty and the struct has
 * no size to speak of.
 *
 *      enter: right before the switch onto a fiber        entered: first thing on a new fiber's
 * stack leave: right before the switch off it              resumed: first thing after a suspended
 * fiber is back left:  first thing after the switch, on the resumer's stack
 */
#ifndef KN_SCHED_FIBER_SANITIZE_H
#define KN_SCHED_FIBER_SANITIZE_H

#include "base/edges.h"
#include "caps/poison.h" /* KN_ASAN, KN_TSAN */

#include <stdbool.h>
#include <stddef.h>

#if defined(KN_ASAN)

#include <sanitizer/common_interface_defs.h>

struct kn_fiber_sanitize {
    void *fake_stack;           /* of the fiber while it does not run */
    void *resumer_fake_stack;   /* of the resumer while the fiber runs */
    const void *resumer_bottom; /* the resumer's stack */
    size_t resumer_size;
};

static inline void kn_sanitize_new(struct kn_fiber_sanitize *s)
{
    *s = (struct kn_fiber_sanitize){0};
}

static inline void kn_sanitize_free(struct kn_fiber_sanitize *s)
{
    (void)s;
}

static inline void kn_sanitize_enter(struct kn_fiber_sanitize *s, const void *bottom, size_t size)
{
    __sanitizer_start_switch_fiber(&s->resumer_fake_stack, bottom, size);
}

static inline void kn_sanitize_entered(struct kn_fiber_sanitize *s)
{
    __sanitizer_finish_switch_fiber(NULL, &s->resumer_bottom, &s->resumer_size);
}

static inline void kn_sanitize_resumed(struct kn_fiber_sanitize *s)
{
    __sanitizer_finish_switch_fiber(s->fake_stack, &s->resumer_bottom, &s->resumer_size);
}

static inline void kn_sanitize_leave(struct kn_fiber_sanitize *s, bool for_good)
{
    __sanitizer_start_switch_fiber(for_good ? NULL : &s->fake_stack, s->resumer_bottom,
                                   s->resumer_size);
}

static inline void kn_sanitize_left(struct kn_fiber_sanitize *s)
{
    __sanitizer_finish_switch_fiber(s->resumer_fake_stack, NULL, NULL);
}

#elif defined(KN_TSAN)

void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);

enum {
    KN_FIBER_NO_SYNC = 1, /* nothing before the switch is before what comes after it */
    /* With agents as threads (stage.h) a worker says nothing to those who run on it, and hears of all they did. */
    KN_FIBER_ENTER = KN_STAGES ? KN_FIBER_NO_SYNC : 0,
};

struct kn_fiber_sanitize {
    void *fiber;
    void *resumer;
};

#ifdef KN_TSAN_AGENTS
/* A fiber that knows nothing of what has been done so far; its creator's knowledge would be its own else. */
void *kn_sanitize_fiber(void);
#else
static inline void *kn_sanitize_fiber(void)
{
    return __tsan_create_fiber(0);
}
#endif

static inline void kn_sanitize_new(struct kn_fiber_sanitize *s)
{
    s->fiber = kn_sanitize_fiber();
}

static inline void kn_sanitize_free(struct kn_fiber_sanitize *s)
{
    if (KN_STAGES) { /* whoever gets the stack next comes after it */
        void *self = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(s->fiber, KN_FIBER_NO_SYNC);
        kn_hand_over(s);
        __tsan_switch_to_fiber(self, KN_FIBER_NO_SYNC);
    }
    __tsan_destroy_fiber(s->fiber);
}

/* Always inlined: a return between the announcement and the switch would unbalance its call stack.
 */
static KN_ALWAYS_INLINE void kn_sanitize_enter(struct kn_fiber_sanitize *s, const void *bottom,
                                               size_t size)
{
    (void)bottom;
    (void)size;
    s->resumer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(s->fiber, KN_FIBER_ENTER);
}

static inline void kn_sanitize_entered(struct kn_fiber_sanitize *s)
{
    kn_take_over(s);
}

static inline void kn_sanitize_resumed(struct kn_fiber_sanitize *s)
{
    (void)s;
}

static KN_ALWAYS_INLINE void kn_sanitize_leave(struct kn_fiber_sanitize *s, bool for_good)
{
    (void)for_good;
    __tsan_switch_to_fiber(s->resumer, 0);
}

static inline void kn_sanitize_left(struct kn_fiber_sanitize *s)
{
    (void)s;
}

#else

struct kn_fiber_sanitize {
    char nothing;
};

static inline void kn_sanitize_new(struct kn_fiber_sanitize *s)
{
    s->nothing = 0;
}

static inline void kn_sanitize_free(struct kn_fiber_sanitize *s)
{
    (void)s;
}

static inline void kn_sanitize_enter(struct kn_fiber_sanitize *s, const void *bottom, size_t size)
{
    (void)s;
    (void)bottom;
    (void)size;
}

static inline void kn_sanitize_entered(struct kn_fiber_sanitize *s)
{
    (void)s;
}

static inline void kn_sanitize_resumed(struct kn_fiber_sanitize *s)
{
    (void)s;
}

static inline void kn_sanitize_leave(struct kn_fiber_sanitize *s, bool for_good)
{
    (void)s;
    (void)for_good;
}

static inline void kn_sanitize_left(struct kn_fiber_sanitize *s)
{
    (void)s;
}

#endif

#endif
