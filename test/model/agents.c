/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of the build in which each agent is a thread to ThreadSanitizer: those of base/quiet.h in place of mutexes, and
 * the one of sched/fiber.c under which fibers are made. One at a time is inside, and sees what the last one did.
 */
#include "test/model/lib/model.h"

#include "base/world.h"
#include "sched/fiber.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define KN_FIBER_NO_SYNC 1u
void *__tsan_create_fiber(unsigned flags);
void *__tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void *kn_sanitize_fiber_of_build(void);

#define KN_TSAN_AGENTS
#define kn_sanitize_fiber kn_sanitize_fiber_of_build
#include "sched/fiber.c"
#undef kn_sanitize_fiber
#undef KN_TSAN_AGENTS

#undef pthread_mutex_init
#undef pthread_mutex_destroy
#undef pthread_mutex_lock
#undef pthread_mutex_unlock
#undef memcpy
#undef memset
#define sched_yield() (kn_thread_yield(), 0)
#include "base/quiet.h"

static pthread_mutex_t mutex;
static uint64_t count; /* plain */

/* ---- the sanitizer, whose lists are plain ---------------------------------------------------------------- */

void *__tsan_create_fiber(unsigned flags)
{
    count++;
    return flags == 0 ? &count : NULL;
}

void *__tsan_get_current_fiber(void)
{
    return &count;
}

void __tsan_switch_to_fiber(void *fiber, unsigned flags)
{
    KOKEN_CHECK(fiber == &count && flags == KN_FIBER_NO_SYNC);
}

/* ---- scenarios ------------------------------------------------------------------------------------------- */

static void start(void)
{
    first = &count;
    kn_atomic_init(&busy, 0);
    kn_atomic_init((int *)(void *)&mutex, 0);
    count = 0;
}

static void make_fiber(void)
{
    KOKEN_CHECK(kn_sanitize_fiber_of_build() == &count);
}

static void lock_it(void)
{
    (void)kn_quiet_lock(&mutex);
    count++;
    (void)kn_quiet_unlock(&mutex);
}

static void try_it(void)
{
    if (kn_quiet_trylock(&mutex) == 0) {
        count++;
        (void)kn_quiet_unlock(&mutex);
    }
}

static void check_two(void)
{
    KOKEN_CHECK(count == 2);
}

static const struct kn_scenario scenarios[] = {
    {"two fibers", start, {make_fiber, make_fiber}, check_two},
    {"two lock", start, {lock_it, lock_it}, check_two},
    {"two lock, one tries", start, {lock_it, lock_it, try_it}, NULL, .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
