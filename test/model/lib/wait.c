/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses, locks and futexes. Blocking is a state of the thread, so the explorer sees a deadlock; a mutex
 * of the system and a wait of base/world.h come here.
 */
#include "test/model/lib/inside.h"

#include "base/platform/switch.h"
#include "base/world.h"

#include <string.h>

static void pause_thread(bool is_long)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    if (kn_x.self == MAIN) {
        return;
    }
    me->is_paused = true;
    me->is_pausing_long = is_long;
    me->pause_step = kn_x.steps;
    me->pause_stores = kn_x.stores_done;
    announce((struct step){KIND_NONE, false, 0});
}

/* A hint: goes on when another thread has taken a step. */
void kn_model_pause(void)
{
    pause_thread(false);
}

/* Inside a loop that waits: goes on when somebody has written something. */
void kn_thread_yield(void)
{
    pause_thread(true);
}

/* ---- locks and futexes: blocking is a state, so a deadlock is seen ------------------------------ */

int kn_model_mutex_init(pthread_mutex_t *mutex)
{
    memset(mutex, 0, 2 * sizeof(uint32_t)); /* its owner too: an execution may have been cut */
    return 0;
}

int kn_model_mutex_lock(pthread_mutex_t *mutex)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    uint32_t *owner = (uint32_t *)(void *)mutex + 1;
    bool is_shared = memory_is_shared(mutex, true);
    if (is_shared) {
        announce((struct step){KIND_WRITE, false, (uintptr_t)mutex >> 1});
    }
    while (*owner != 0) { /* ends: the holder unlocks */
        if (*owner == kn_x.self + 1) {
            fail("thread %u locks a mutex twice", kn_x.self);
        }
        me->waits_for = mutex;
        me->next = (struct step){KIND_WRITE, false, (uintptr_t)mutex >> 1};
        me->state = THREAD_LOCKED;
        kn_switch(&me->sp, kn_x.home);
    }
    *owner = kn_x.self + 1;
    trace("locks %p", (void *)mutex);
    memory_sync(mutex, false);
    return 0;
}

static void wake_all(enum thread_state state, const void *on, unsigned count)
{
    for (unsigned i = 0; i < kn_x.thread_count && count > 0; i++) {
        struct thread *t = &kn_x.threads[i];
        if (t->state == state && t->waits_for == on) {
            t->state = THREAD_READY;
            t->is_paused = false;
            count--;
        }
    }
}

int kn_model_mutex_unlock(pthread_mutex_t *mutex)
{
    uint32_t *owner = (uint32_t *)(void *)mutex + 1;
    if (*owner != kn_x.self + 1) {
        fail("thread %u unlocks a mutex it does not hold", kn_x.self);
    }
    memory_flush_late(&kn_x.threads[kn_x.self]);
    memory_sync(mutex, true);
    *owner = 0;
    trace("unlocks %p", (void *)mutex);
    wake_all(THREAD_LOCKED, mutex, KN_MODEL_THREADS);
    return 0;
}

int model_futex_wait(const void *word, uint32_t expected, bool has_deadline)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    memory_flush_late(me);
    if (memory_is_shared(word, true)) {
        announce((struct step){KIND_WRITE, false, (uintptr_t)word >> 1});
    }
    if ((uint32_t)memory_futex_load(word, sizeof expected) != expected) {
        return 0;
    }
    if (has_deadline && choose(2) == 1) {
        trace("sleep times out");
        return -1;
    }
    trace("sleeps on %p", word);
    me->waits_for = word;
    me->next = (struct step){KIND_NONE, false, 0};
    me->state = THREAD_ASLEEP;
    kn_switch(&me->sp, kn_x.home);
    return 0;
}

void model_futex_wake(const void *word, unsigned count)
{
    if (memory_is_shared(word, true)) {
        announce((struct step){KIND_WRITE, false, (uintptr_t)word >> 1});
    }
    trace("wakes %p", word);
    memory_futex_sync(word);
    wake_all(THREAD_ASLEEP, word, count);
}
