/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for Concurrency Kit's stack in models: the same algorithm in words the explorer understands. The
 * assembly of the library cannot be explored; its two words, swapped together there, are one word here:
 * the head in 48 bits, the generation in 16.
 */
#ifndef KN_TEST_MODEL_CK_STACK_H
#define KN_TEST_MODEL_CK_STACK_H

#include "base/atomic.h"

#define CK_F_STACK_POP_MPMC

typedef struct ck_stack_entry {
    struct ck_stack_entry *next;
} ck_stack_entry_t;

typedef struct ck_stack {
    kn_atomic(uint64_t) word;
    char *generation;
} ck_stack_t;

enum { CK_GENERATION_SHIFT = 48 };
#define CK_HEAD(word)                                                                              \
    ((ck_stack_entry_t *)(uintptr_t)((word) & ((UINT64_C(1) << CK_GENERATION_SHIFT) - 1)))

uint64_t kn_model_peek(const void *p);

static inline void ck_stack_init(ck_stack_t *stack)
{
    kn_atomic_init(&stack->word, 0);
}

static inline void ck_stack_push_upmc(ck_stack_t *stack, ck_stack_entry_t *entry)
{
    uint64_t seen = kn_load(&stack->word, relaxed); /* relaxed: the compare and swap decides */
    uint64_t now;
    do { /* ends: the swap fails only when another one succeeds */
        entry->next = CK_HEAD(seen);
        now = (uint64_t)(uintptr_t)entry | seen >> CK_GENERATION_SHIFT << CK_GENERATION_SHIFT;
    } while (!kn_cas_weak(&stack->word, &seen, now, release, relaxed));
}

static inline ck_stack_entry_t *ck_stack_pop_mpmc(ck_stack_t *stack)
{
    uint64_t seen = kn_load(&stack->word, acquire);
    while (CK_HEAD(seen)) { /* ends: the swap fails only when another one succeeds */
        /* The link may be another's by now; then the generation has moved on, and the swap fails. */
        uint64_t next = kn_model_peek(&CK_HEAD(seen)->next);
        uint64_t generation = (seen >> CK_GENERATION_SHIFT) + 1;
        uint64_t now = next | (KN_MUTANT(30) ? 0 : generation) << CK_GENERATION_SHIFT;
        ck_stack_entry_t *head = CK_HEAD(seen);
        if (kn_cas_weak(&stack->word, &seen, now, acquire, acquire)) {
            return head;
        }
    }
    return NULL;
}

#endif
