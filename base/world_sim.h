/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of simulator builds: every call of base/world.h goes through a table, so that one
 * thread can own time and choice. Without a table it is the real world, as in all other
 * builds. Included by base/world.h and by nothing else.
 */
#ifndef KN_BASE_WORLD_SIM_H
#define KN_BASE_WORLD_SIM_H

#include "base/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kn_thread;

struct kn_world {
    void *self; /* first argument of all */
    uint64_t (*now)(void *self);
    uint64_t (*entropy)(void *self);
    int (*thread_start)(void *self, struct kn_thread *thread, const char *name, void (*fn)(void *),
                        void *arg);
    void (*thread_join)(void *self, struct kn_thread *thread);
    void (*thread_yield)(void *self);
    int (*futex_wait)(void *self, kn_atomic(uint32_t) *word, uint32_t expected,
                      uint64_t deadline_ns);
    void (*futex_wake)(void *self, kn_atomic(uint32_t) *word, uint32_t count);

    /* From here on each may be NULL: then it is not the simulator's. */
    void (*point)(void *self, bool is_pause);          /* kn_sim_steps.next has come */
    uint64_t (*fault)(void *self, enum kn_fault kind); /* 0: it does not happen */
    void (*lock_wait)(void *self, const void *lock);   /* until somebody has called lock_wake */
    void (*lock_wake)(void *self, const void *lock);
    int (*io_wait)(void *self, uint64_t deadline_ns); /* 0: look at the files again */
    void (*note)(void *self, const char *what, const char *name, uint64_t a, uint64_t b);
    void (*panic)(void *self, const char *what, const char *file, int line); /* does not return */
    unsigned (*cpus)(void *self);
};

/*
 * Replaces the world by a table in which every function above the line is set; NULL brings the real one back. The
 * caller keeps the table alive. Only while no other thread uses the library.
 */
void kn_world_install(const struct kn_world *keep_world);

uint64_t kn_now(void);
uint64_t kn_ticks(void);
uint64_t kn_ticks_ns(uint64_t ticks);
uint64_t kn_entropy(void);
int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg);
void kn_thread_join(struct kn_thread *thread);
void kn_thread_yield(void);
int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns);
void kn_futex_wake(kn_atomic(uint32_t) *word, uint32_t count);

bool kn_world_is_simulated(void);

/* Whether a misfortune befalls the caller now, and how large it is; 0: none. */
uint64_t kn_fault(enum kn_fault kind);

/* Sleeps until files may have something, or -ETIMEDOUT. Only in a simulated world. */
int kn_io_wait(uint64_t deadline_ns);

/* A line of the simulator's story, and part of its trace's hash: no addresses. */
void kn_note(const char *what, const char *name, uint64_t a, uint64_t b);

unsigned kn_world_cpus(void);

/* Who can say more about a deadlock than the scheduler's threads: explain writes lines, as snprintf. Set once. */
void kn_world_explain_by(int (*explain)(char *text, size_t size));
int kn_world_explain(char *text, size_t size);

/* The last words of kn_panic() are the simulator's, if there is one. */
void kn_world_panic(const char *what, const char *file, int line);

/*
 * Thread-local variables whose owner may change while a simulated thread sleeps: all those threads are one
 * thread of the system, so the simulator puts their values aside and back.
 */
struct kn_sim_local {
    void *(*where)(void);
    size_t size;
};
#define KN_TLS_SIMULATED(name)                                                                     \
    static void *where_is_##name(void)                                                             \
    {                                                                                              \
        return &name;                                                                              \
    }                                                                                              \
    static const struct kn_sim_local sim_local_##name                                              \
        __attribute__((section("kn_sim_locals"), used)) = {where_is_##name, sizeof(name)}

/* Variables of the process that a run must find as the first one did: put back before each run. */
struct kn_sim_global {
    void *where;
    size_t size;
};
#define KN_GLOBAL_SIMULATED(name)                                                                  \
    static const struct kn_sim_global sim_global_##name                                            \
        __attribute__((section("kn_sim_globals"), used)) = {&name, sizeof(name)}

#endif
