/* SPDX-License-Identifier: Apache-2.0 */
/* Two run queues against two arrays: push, pop, steal and spill as the input says, indices about to wrap. */
#include "sched/runq.h"
#include "base/assert.h"

#include <string.h>

enum { RUNNABLES = 1024, QUEUES = 2 };

/* What a queue must hold, oldest first. */
struct row {
    unsigned len;
    unsigned items[KN_RUNQ_SLOTS];
};

static struct kn_runq queues[QUEUES];
static struct row rows[QUEUES];
static struct kn_runnable runnables[RUNNABLES];
static bool is_free[RUNNABLES];

static unsigned take_first(struct row *row, unsigned n)
{
    unsigned first = row->items[0];
    KOKEN_CHECK(row->len >= n);
    row->len -= n;
    memmove(row->items, row->items + n, row->len * sizeof row->items[0]);
    return first;
}

static void push(unsigned q)
{
    unsigned i = 0;
    while (i < RUNNABLES && !is_free[i]) { /* ends: counts up */
        i++;
    }
    KOKEN_CHECK(i < RUNNABLES);
    bool is_in = kn_runq_push(&queues[q], &runnables[i]);
    KOKEN_CHECK(is_in == (rows[q].len < KN_RUNQ_SLOTS));
    if (is_in) {
        rows[q].items[rows[q].len++] = i;
        is_free[i] = false;
    }
}

static void pop(unsigned q, bool is_single)
{
    const struct kn_runnable *got = kn_runq_pop(&queues[q], is_single);
    KOKEN_CHECK((got != NULL) == (rows[q].len > 0));
    if (got != NULL) {
        unsigned first = take_first(&rows[q], 1);
        KOKEN_CHECK(got == &runnables[first]);
        is_free[first] = true;
    }
}

/* Half, rounded up: the last of them is handed out, the others come into the thief's queue. */
static void steal(unsigned q)
{
    struct row *from = &rows[q], *to = &rows[1 - q];
    uint32_t count = 0;
    if (to->len != 0) {
        return;
    }
    const struct kn_runnable *got = kn_runq_steal(&queues[q], &queues[1 - q], &count);
    unsigned expected = from->len - from->len / 2;
    KOKEN_CHECK((got != NULL) == (from->len > 0));
    if (got != NULL) {
        KOKEN_CHECK(count == expected);
        KOKEN_CHECK(got == &runnables[from->items[count - 1]]);
        is_free[from->items[count - 1]] = true;
        memcpy(to->items, from->items, (count - 1) * sizeof to->items[0]);
        to->len = count - 1;
        (void)take_first(from, count);
    }
}

static void spill(unsigned q)
{
    struct kn_runnable *first, *last;
    if (rows[q].len != KN_RUNQ_SLOTS) {
        return;
    }
    uint32_t count = kn_runq_spill(&queues[q], &first, &last);
    KOKEN_CHECK(count == KN_RUNQ_SLOTS / 2);
    for (uint32_t i = 0; i < count; i++, first = first->next) {
        KOKEN_CHECK(first == &runnables[rows[q].items[i]]);
        KOKEN_CHECK((i == count - 1) == (first == last));
        is_free[rows[q].items[i]] = true;
    }
    (void)take_first(&rows[q], count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    memset(queues, 0, sizeof queues);
    memset(rows, 0, sizeof rows);
    memset(is_free, true, sizeof is_free);
    for (unsigned q = 0; q < QUEUES; q++) {
        kn_store(&queues[q].head, UINT32_MAX - data[0], relaxed); /* relaxed: one thread */
        kn_store(&queues[q].tail, UINT32_MAX - data[0], relaxed);
    }
    for (size_t at = 1; at < size && at < 2000; at++) {
        unsigned q = data[at] & 1;
        switch (data[at] >> 1 & 3) {
        case 0: pop(q, data[at] & 8); break;
        case 1: steal(q); break;
        case 2: spill(q); break;
        default:
            for (unsigned n = data[at] >> 3; n > 0; n--) {
                push(q);
            }
        }
        KOKEN_CHECK(kn_runq_len(&queues[q]) == rows[q].len);
    }
    return 0;
}
