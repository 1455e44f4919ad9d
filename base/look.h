/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at the stack of a thread that does not come back, taken by another thread: a signal asks it, its
 * handler writes the addresses down, and who asked finds them when it looks again. Nobody waits.
 *
 *      IDLE --ask--> ASKED --the handler comes--> BUSY --written--> DONE --take--> IDLE
 *       ^              |                                             |
 *       +----drop------+---------------------------------------------+
 *
 * The handler touches nothing but the struct kn_look that its own thread serves at that moment: a signal that
 * comes too late, to a thread that does something else by then or to a stranger with the same number, does
 * nothing. One thread asks, takes and drops. In the simulator nobody can be asked.
 */
#ifndef KN_BASE_LOOK_H
#define KN_BASE_LOOK_H

#include "base/atomic.h"

#include <koken/error.h>
#include <stddef.h>
#include <stdint.h>

enum kn_look_state { KN_LOOK_IDLE, KN_LOOK_ASKED, KN_LOOK_BUSY, KN_LOOK_DONE };
enum { KN_LOOK_FRAMES = 32 };

/* What a thread serves. Zero is its initial state. */
struct kn_look {
    kn_atomic(uint32_t) thread; /* (a) its number, as kn_look_enter() gave it; 0: nobody to ask */
    kn_atomic(uint32_t) state;  /* (a) enum kn_look_state */
    uint32_t count;             /* the handler's while BUSY, then of who takes */
    const void *frames[KN_LOOK_FRAMES];
};

/* Of a thread that may be asked. Zero: it may not. */
struct kn_look_thread {
    uint32_t number;
    void *stack; /* the handler's own, or NULL: there was one already */
};

/*
 * Once per process: takes a signal that nobody uses, for good; where() tells in a handler, on the thread that it
 * interrupts, what that thread serves, or NULL. The first call decides. Thread: any.
 * Errors: -EBUSY no signal is free; -ENOTSUP not on this system, or in the simulator.
 */
KOKEN_MUST_USE int kn_look_init(struct kn_look *(*where)(void));

/* The calling thread may be asked from now on, until it leaves. Without memory for the handler's stack it may not. */
void kn_look_enter(struct kn_look_thread *thread);
void kn_look_leave(struct kn_look_thread *thread);

/* The calling thread serves this look, which where() tells from now on. Cost: a store, if it may be asked. */
static inline void kn_look_serve(struct kn_look *look, const struct kn_look_thread *thread)
{
    if (thread->number != 0) {
        kn_store(&look->thread, thread->number,
                 relaxed); /* relaxed: a wrong one is asked in vain */
    }
}

/* Errors: -ESRCH there is nobody to ask; -EBUSY the answer to an earlier ask is still being written. */
KOKEN_MUST_USE int kn_look_ask(struct kn_look *look);

/* The answer, innermost first: number of addresses, each inside the instruction. 0: not there yet. */
unsigned kn_look_take(struct kn_look *look, const void *ret_frames[KN_LOOK_FRAMES]);

/* Not wanted any more. */
void kn_look_drop(struct kn_look *look);

/*
 * Where an address lies: `program+0x1234 function+0x12`, the first for addr2line, the second as far as the file's
 * table of symbols knows it. Reads files. Answers the length, as snprintf but cut. Thread: any, not in a handler.
 */
int kn_look_name(const void *frame, char *text, size_t size);

#endif
