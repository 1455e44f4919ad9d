/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that an installed world is asked for everything, and that without one nothing has changed.
 */
#include "base/world.h"

#include <koken/time.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#ifdef KN_SIM

/* A world on one thread: time moves only by waiting, a started thread runs when it is joined. */
struct virtual_world {
    uint64_t now;
    uint64_t yields;
    uint64_t wakes;
    void (*fn)(void *);
    void *arg;
    char name[16];
};

static uint64_t virtual_now(void *self)
{
    return ((struct virtual_world *)self)->now;
}

static uint64_t virtual_entropy(void *self)
{
    (void)self;
    return 42;
}

static int virtual_start(void *self, struct kn_thread *thread, const char *name, void (*fn)(void *),
                         void *arg)
{
    struct virtual_world *w = self;
    if (w->fn != NULL) {
        return -EAGAIN;
    }
    thread->handle = w;
    w->fn = fn;
    w->arg = arg;
    (void)strncpy(w->name, name, sizeof w->name - 1);
    return 0;
}

static void virtual_join(void *self, struct kn_thread *thread)
{
    struct virtual_world *w = self;
    w->fn(w->arg);
    w->fn = NULL;
    thread->handle = NULL;
}

static void virtual_yield(void *self)
{
    ++((struct virtual_world *)self)->yields;
}

static int virtual_wait(void *self, kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline)
{
    struct virtual_world *w = self;
    if (kn_load(word, relaxed) != expected) {
        return 0;
    }
    w->now = deadline;
    return -ETIMEDOUT;
}

static void virtual_wake(void *self, kn_atomic(uint32_t) *word, uint32_t count)
{
    (void)word;
    ((struct virtual_world *)self)->wakes += count;
}

static struct virtual_world virtual_self;

static const struct kn_world virtual_table = {
    .self = &virtual_self,
    .now = virtual_now,
    .entropy = virtual_entropy,
    .thread_start = virtual_start,
    .thread_join = virtual_join,
    .thread_yield = virtual_yield,
    .futex_wait = virtual_wait,
    .futex_wake = virtual_wake,
};

static void install(void)
{
    cr_assert_eq(kn_world_init(), 0);
    virtual_self = (struct virtual_world){.now = 1000};
    kn_world_install(&virtual_table);
}

static void restore(void)
{
    kn_world_install(NULL);
}

Test(world_sim, time_stands_still_until_somebody_waits, .init = install, .fini = restore)
{
    cr_assert_str_eq(kn_clock_name(), "simulated");
    cr_assert_eq(kn_now(), 1000);
    cr_assert_eq(koken_now(), 1000);
    kn_atomic(uint32_t) word = 0;
    cr_assert_eq(kn_futex_wait(&word, 0, 1000 + KOKEN_S(3600)), -ETIMEDOUT);
    cr_assert_eq(kn_now(), 1000 + KOKEN_S(3600));
    cr_assert_eq(kn_ticks_ns(kn_ticks() - 1000), KOKEN_S(3600));
    cr_assert_eq(kn_futex_wait(&word, 1, KN_NEVER), 0);
}

static void set_flag(void *arg)
{
    *(int *)arg = 1;
}

Test(world_sim, threads_wakes_yields_and_entropy_are_the_worlds, .init = install, .fini = restore)
{
    int flag = 0;
    struct kn_thread thread = {0};
    cr_assert_eq(kn_thread_start(&thread, "virtual", set_flag, &flag), 0);
    cr_assert_eq(flag, 0);
    struct kn_thread second = {0};
    cr_assert_eq(kn_thread_start(&second, "refused", set_flag, &flag), -EAGAIN);
    kn_thread_join(&thread);
    cr_assert_eq(flag, 1);
    cr_assert_str_eq(virtual_self.name, "virtual");
    kn_atomic(uint32_t) word = 0;
    kn_futex_wake(&word, 7);
    cr_assert_eq(virtual_self.wakes, 7);
    kn_thread_yield();
    cr_assert_eq(virtual_self.yields, 1);
    cr_assert_eq(kn_entropy(), 42);
}

Test(world_sim, real_world_comes_back, .init = install)
{
    kn_world_install(NULL);
    cr_assert_neq(strcmp(kn_clock_name(), "simulated"), 0);
    uint64_t now = kn_now();
    cr_assert(now > 1000);
    kn_atomic(uint32_t) word = 0;
    cr_assert_eq(kn_futex_wait(&word, 0, now + KOKEN_MS(1)), -ETIMEDOUT);
    cr_assert(kn_now() >= now + KOKEN_MS(1));
    int flag = 0;
    struct kn_thread thread = {0};
    cr_assert_eq(kn_thread_start(&thread, "real", set_flag, &flag), 0);
    kn_thread_join(&thread);
    cr_assert_eq(flag, 1);
    kn_thread_yield();
    kn_futex_wake(&word, 1);
    (void)kn_entropy();
    (void)kn_ticks_ns(kn_ticks());
}

#else

Test(world_sim, is_not_in_builds_without_the_simulator)
{
    cr_assert_neq(strcmp(kn_clock_name(), "simulated"), 0);
}

#endif
