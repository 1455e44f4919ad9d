/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a port. A port is base/platform/<system>/ for the functions of this header and
 * base/platform/<architecture>/ for switch.S and ticks.h. Nothing but base/ calls these functions;
 * the rest of the library speaks to base/world.h and base/alloc.h.
 *
 * For all of them: any thread may call; nothing is printed; lack of a resource is an error code,
 * never an abort; no function may be called between fork() and exec().
 */
#ifndef KN_BASE_PLATFORM_PLATFORM_H
#define KN_BASE_PLATFORM_PLATFORM_H

#include "base/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kn_thread;

/*
 * Nanoseconds of the system's monotonic clock, which never steps and counts at the rate that the
 * system keeps disciplined. 0: there is none.
 */
uint64_t kn_platform_clock(void);

/* Whether the system itself keeps time with the tick counter of ticks.h, on all processors alike.
 */
bool kn_platform_trusts_ticks(void);

/* Eight bytes that nobody can guess, or at least that differ from run to run. Never blocks. */
uint64_t kn_platform_entropy(void);

/*
 * Starts a thread that runs fn(arg). Its name is cut to what the system can show. It takes no
 * signal but those of its own faults and of profilers, so that the program's handlers run on the
 * program's threads. Errors: -EAGAIN no more threads, -ENOMEM.
 */
int kn_platform_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *),
                             void *arg);

/* Waits until fn has returned; thread is then in its zero state again. */
void kn_platform_thread_join(struct kn_thread *thread);

void kn_platform_thread_yield(void);

/*
 * Sleeps while *word == expected, until woken or until kn_platform_clock() reaches deadline
 * (UINT64_MAX: none). 0: woken, or *word differed, or for no reason. -ETIMEDOUT: the deadline has
 * passed. The word is private to the process. Order: none beyond that of the caller's own accesses
 * to *word.
 */
int kn_platform_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline);

/* Wakes at most count of those who sleep on *word. */
void kn_platform_futex_wake(kn_atomic(uint32_t) *word, uint32_t count);

/*
 * Zeroed pages, given memory only when touched; size is a multiple of the page size. node: the
 * memory should come from there if the system can arrange it; < 0: from anywhere. NULL: there is
 * none.
 */
void *kn_platform_map(size_t size, int node);
void kn_platform_unmap(void *region, size_t size);

/* As for kn_platform_map, for pages that exist already and have not been touched. */
void kn_platform_bind(void *region, size_t size, int node);

/* Wishes for large pages in such a region, which begins and ends at one. */
void kn_platform_advise_huge(void *region, size_t size);

size_t kn_platform_page_size(void);

/*
 * Asking another thread where it is (base/look.h). init, called once, takes a real-time signal that has its
 * default action, for good. Errors: -EBUSY no signal is free, -ENOTSUP no walk of stacks here.
 */
int kn_platform_ask_init(void (*handler)(const void *interrupted));

/* The calling thread may be asked: its number, never 0; *ret_stack is the handler's. 0: no memory. */
uint32_t kn_platform_ask_enter(void **ret_stack);
void kn_platform_ask_leave(void *stack);

/* Calls the handler on that thread, soon. A slow system call of it may fail with EINTR. False: there is none. */
bool kn_platform_ask(uint32_t thread);

/*
 * In the handler: the callers of what was interrupted, it first; addresses inside their instructions. Touches the
 * walked stack only, which ends at the first function of a thread or fiber.
 */
unsigned kn_platform_unwind(const void *interrupted, const void **ret_frames, unsigned max);

/* As kn_look_name(). */
int kn_platform_symbol(const void *frame, char *text, size_t size);

#endif
