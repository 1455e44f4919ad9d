/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context switch: what the C language has no word for. A context is a stack pointer and nothing
 * else; everything the ABI asks a callee to keep lies on the stack beneath it, the floating-point
 * control (rounding, exception masks) included. The signal mask is not part of it: that would be a
 * system call.
 *
 *   void *self, *fiber = kn_switch_prepare(stack_top, entry, arg);
 *   kn_switch(&self, fiber);          runs entry(arg) on the other stack ...
 *   kn_switch(&fiber, self);          ... which comes back here, from inside entry
 *
 * A context is continued exactly once for each time it was saved. It may be continued by another
 * thread than the one that saved it, if that thread sees the memory (release/acquire by the
 * caller). Sanitizers know nothing of it: the caller annotates (sched/fiber.h).
 */
#ifndef KN_BASE_PLATFORM_SWITCH_H
#define KN_BASE_PLATFORM_SWITCH_H

/*
 * Saves the running context into *save_sp and continues the context to_sp. Returns when somebody
 * continues the saved one. *save_sp is written before the switch, so it may lie on either stack.
 * Cost: about 10 ns, no system call.
 */
void kn_switch(void **save_sp, void *to_sp);

/*
 * Lays out a context on a fresh stack that grows down from stack_top (any alignment; the first
 * KN_SWITCH_FRAME bytes are used): the first kn_switch() to it calls entry(arg). entry must never
 * return: it switches away for the last time; returning traps. The context starts with the
 * floating-point control of the thread that prepares it, as a new thread would.
 */
void *kn_switch_prepare(void *stack_top, void (*entry)(void *), void *arg);

/*
 * For a function that suspends and resumes on its way from call to return. The processor predicts a return from
 * its own stack of recent calls, which knows nothing of ours: after a switch each return on the way up is
 * predicted wrong, some 7 ns apiece. Functions so marked return by an indirect jump, whose target is predicted by
 * what ran before (a yield of 72 ns takes 33 with it; base/DESIGN.md). For a caller of them that does not return
 * soon itself nothing is lost.
 */
#if defined(__x86_64__) && defined(__has_attribute) && !defined(__clang__)
#if __has_attribute(function_return)
#define KN_UNPAIRED __attribute__((function_return("thunk-extern")))
#endif
#endif
#ifndef KN_UNPAIRED
#define KN_UNPAIRED
#endif

enum { KN_SWITCH_FRAME = 256 }; /* bytes; no architecture uses more */

#endif
