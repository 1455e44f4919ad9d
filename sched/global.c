/* SPDX-License-Identifier: Apache-2.0 */
/* The global queue. */
#include "sched/global.h"

#include "base/assert.h"
#include "sched/fair.h"
#include "sched/prio.h"

#include <stddef.h>

void kn_global_push(struct kn_global *global, struct kn_runnable *first, struct kn_runnable *last,
                    uint32_t count, enum kn_prio prio)
{
    struct kn_global_level *level = &global->levels[prio];

    KN_ASSERT(prio < KN_PRIO_COUNT_);
    KN_ASSERT(count > 0);
    last->next = NULL;
    kn_lock(&global->lock);
    if (level->first == NULL) {
        level->first = first;
    } else {
        level->last->next = first;
    }
    level->last = last;
    level->count += count;
    /* [SI1] seq_cst: see kn_global_len(). */
    (void)kn_add(&global->total, count, seq_cst);
    for (uint32_t i = 0; i < count; i++, first = first->next) {
        kn_fair_put(level, first, level->count - count + i);
    }
    kn_unlock(&global->lock);
}

static enum kn_prio due_level(struct kn_global *global)
{
    uint32_t skipped[KN_PRIO_COUNT_];
    uint32_t mask = 0;
    enum kn_prio due;

    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        mask |= (uint32_t)(global->levels[i].count > 0) << i;
        skipped[i] = global->levels[i].skipped;
    }
    KN_ASSERT(mask != 0);
    due = kn_prio_due(mask, skipped);
    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        global->levels[i].skipped = skipped[i];
    }
    return due;
}

struct kn_runnable *kn_global_take(struct kn_global *global, uint32_t max, enum kn_prio *ret_prio,
                                   uint32_t *ret_count)
{
    struct kn_global_level *level;
    struct kn_runnable *first, *last;
    uint32_t count = 1;

    KN_ASSERT(max > 0);
    kn_lock(&global->lock);
    if (kn_load(&global->total, relaxed) == 0) { /* relaxed: written under this lock */
        kn_unlock(&global->lock);
        return NULL;
    }
    *ret_prio = due_level(global);
    level = &global->levels[*ret_prio];
    first = last = level->first;
    KN_ASSERT(first != NULL);
    while (count < max && last->next != NULL) {
        last = last->next;
        count++;
    }
    level->first = last->next;
    level->count -= count;
    KN_ASSERT((level->first == NULL) == (level->count == 0));
    last->next = NULL;
    for (struct kn_runnable *each = first; each != NULL; each = each->next) {
        kn_fair_take(level, each);
    }
    (void)kn_sub(&global->total, count, seq_cst); /* [SI1] */
    kn_unlock(&global->lock);
    *ret_count = count;
    return first;
}
