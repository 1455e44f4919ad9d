/* SPDX-License-Identifier: Apache-2.0 */
/* The switch between the real world and the one that a simulator installs. */
#include "base/world.h"

#ifdef KN_SIM

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutant.h"
#include "base/mutex_sim.h"
#include "base/platform/platform.h"

enum kn_mutant kn_mutant_planted;

struct kn_sim_steps kn_sim_steps; /* (c) outside a simulation, (o) of its one thread inside */

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

static int (*explainer)(char *text, size_t size);

void kn_world_explain_by(int (*explain)(char *text, size_t size))
{
    explainer = explain;
}

int kn_world_explain(char *text, size_t size)
{
    return explainer != NULL ? explainer(text, size) : 0;
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

void kn_sim_point(void)
{
    if (installed != NULL && installed->point != NULL) {
        installed->point(installed->self, /* is_pause= */ false);
    }
}

void kn_sim_pause(void)
{
    if (installed != NULL && installed->point != NULL) {
        installed->point(installed->self, /* is_pause= */ true);
    }
}

bool kn_sim_weak_fails(void)
{
    return kn_sim_steps.is_on && kn_fault(KN_FAULT_WEAK) != 0;
}

bool kn_world_is_simulated(void)
{
    return installed != NULL && installed->io_wait != NULL;
}

uint64_t kn_fault(enum kn_fault kind)
{
    bool is_asked = installed != NULL && installed->fault != NULL;
    return is_asked ? installed->fault(installed->self, kind) : 0;
}

int kn_io_wait(uint64_t deadline_ns)
{
    KOKEN_CHECK(kn_world_is_simulated());
    return installed->io_wait(installed->self, deadline_ns);
}

void kn_note(const char *what, const char *name, uint64_t a, uint64_t b)
{
    if (installed != NULL && installed->note != NULL) {
        installed->note(installed->self, what, name, a, b);
    }
}

unsigned kn_world_cpus(void)
{
    return installed != NULL && installed->cpus != NULL ? installed->cpus(installed->self) : 0;
}

void kn_world_panic(const char *what, const char *file, int line)
{
    if (installed != NULL && installed->panic != NULL) {
        installed->panic(installed->self, what, file, line);
    }
}

/* ---- mutexes of the system, see mutex_sim.h ----------------------------------------------- */

int kn_sim_mutex_lock(pthread_mutex_t *mutex)
{
    if (installed == NULL || installed->lock_wait == NULL) {
        return kn_sim_mutex_lock_real(mutex);
    }
    int rc;
    kn_point();
    while ((rc = pthread_mutex_trylock(mutex)) !=
           0) { /* ends: who has it is another of our threads */
        installed->lock_wait(installed->self, mutex);
    }
    return rc;
}

int kn_sim_mutex_unlock(pthread_mutex_t *mutex)
{
    int rc = kn_sim_mutex_unlock_real(mutex);
    if (installed != NULL && installed->lock_wake != NULL) {
        installed->lock_wake(installed->self, mutex);
        kn_point();
    }
    return rc;
}

const char *kn_clock_name(void)
{
    if (installed != NULL) {
        return "simulated";
    }
    return kn_clock_uses_ticks() ? "tsc" : "clock_gettime";
}

#endif
