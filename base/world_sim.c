/* SPDX-License-Identifier: Apache-2.0 */
/* The switch between the real world and the one that a simulator installs. */
#include "base/world.h"

#ifdef KN_SIM

#include "base/assert.h"
#include "base/clock.h"
#include "base/platform/platform.h"

static const struct kn_world *installed; /* (c) while more than one thread uses the library */

void kn_world_install(const struct kn_world *keep_world)
{
    if (keep_world != NULL) {
        KOKEN_CHECK(keep_world->now != NULL);
        KOKEN_CHECK(keep_world->entropy != NULL);
        KOKEN_CHECK(keep_world->thread_start != NULL);
        KOKEN_CHECK(keep_world->thread_join != NULL);
        KOKEN_CHECK(keep_world->thread_yield != NULL);
        KOKEN_CHECK(keep_world->futex_wait != NULL);
        KOKEN_CHECK(keep_world->futex_wake != NULL);
    }
    installed = keep_world;
}

uint64_t kn_now(void)
{
    return installed != NULL ? installed->now(installed->self) : kn_clock_now();
}

uint64_t kn_ticks(void)
{
    return installed != NULL ? installed->now(installed->self) : kn_clock_ticks();
}

uint64_t kn_ticks_ns(uint64_t ticks)
{
    return installed != NULL ? ticks : kn_clock_ticks_ns(ticks);
}

uint64_t kn_entropy(void)
{
    return installed != NULL ? installed->entropy(installed->self) : kn_platform_entropy();
}

int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg)
{
    if (installed != NULL) {
        return installed->thread_start(installed->self, thread, name, fn, arg);
    }
    return kn_platform_thread_start(thread, name, fn, arg);
}

void kn_thread_join(struct kn_thread *thread)
{
    if (installed != NULL) {
        installed->thread_join(installed->self, thread);
    } else {
        kn_platform_thread_join(thread);
    }
}

void kn_thread_yield(void)
{
    if (installed != NULL) {
        installed->thread_yield(installed->self);
    } else {
        kn_platform_thread_yield();
    }
}

int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns)
{
    if (installed != NULL) {
        return installed->futex_wait(installed->self, word, expected, deadline_ns);
    }
    return kn_clock_wait(word, expected, deadline_ns);
}

void kn_futex_wake(kn_atomic(uint32_t) *word, uint32_t count)
{
    if (installed != NULL) {
        installed->futex_wake(installed->self, word, count);
    } else {
        kn_platform_futex_wake(word, count);
    }
}

const char *kn_clock_name(void)
{
    if (installed != NULL) {
        return "simulated";
    }
    return kn_clock_uses_ticks() ? "tsc" : "clock_gettime";
}

#endif
