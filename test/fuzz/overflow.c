/* SPDX-License-Identifier: Apache-2.0 */
/* The overflow part of a mailbox against counters and a list: DROP_OLD's list, the bound in bytes, the waiters. */
#include "mailbox/overflow.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS = 64 };

static unsigned char memory[ITEMS][64] __attribute__((aligned(64)));
static struct kn_room_waiter waiters[ITEMS];
static unsigned list[ITEMS], lined[ITEMS]; /* numbers, oldest first */
static unsigned list_len, line_len;
static bool is_used[ITEMS], is_waiting[ITEMS];

static struct kn_envelope *envelope(unsigned i)
{
    return (struct kn_envelope *)(void *)memory[i];
}

static unsigned shift(unsigned *items, unsigned *len, unsigned at)
{
    unsigned first = items[at];
    (*len)--;
    memmove(items + at, items + at + 1, (*len - at) * sizeof items[0]);
    return first;
}

static void append(struct kn_overflow *o, unsigned i, uint32_t max)
{
    struct kn_envelope *victim = NULL;
    if (is_used[i]) {
        return;
    }
    memset(envelope(i), 0, 64);
    KOKEN_CHECK(kn_overflow_append(o, envelope(i), max, &victim));
    is_used[i] = true;
    list[list_len++] = i;
    KOKEN_CHECK((victim != NULL) == (list_len > max));
    if (victim != NULL) {
        unsigned oldest = shift(list, &list_len, 0);
        KOKEN_CHECK(victim == envelope(oldest));
        is_used[oldest] = false;
    }
}

static void pop(struct kn_overflow *o)
{
    const struct kn_envelope *e = kn_overflow_pop(o);
    KOKEN_CHECK((e != NULL) == (list_len > 0));
    if (e != NULL) {
        unsigned oldest = shift(list, &list_len, 0);
        KOKEN_CHECK(e == envelope(oldest));
        is_used[oldest] = false;
    }
}

static void wait_or_leave(struct kn_overflow *o, unsigned i)
{
    if (!is_waiting[i]) {
        waiters[i] = (struct kn_room_waiter){NULL, i + 1, i};
        KOKEN_CHECK(kn_overflow_wait(o, &waiters[i]));
        lined[line_len++] = i;
        is_waiting[i] = true;
        return;
    }
    KOKEN_CHECK(kn_overflow_unwait(o, &waiters[i]));
    KOKEN_CHECK(!kn_overflow_unwait(o, &waiters[i]));
    unsigned at = 0;
    while (lined[at] != i) { /* ends: it is there */
        at++;
    }
    (void)shift(lined, &line_len, at);
    is_waiting[i] = false;
}

static void pop_waiter(struct kn_overflow *o)
{
    uint64_t who, cookie;
    bool is_one = kn_overflow_pop_waiter(o, &who, &cookie);
    KOKEN_CHECK(is_one == (line_len > 0));
    if (is_one) {
        unsigned first = shift(lined, &line_len, 0);
        KOKEN_CHECK(who == first + 1);
        KOKEN_CHECK(cookie == first);
        is_waiting[first] = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    uint64_t max = 1 + data[0], low = data[1] % (max + 1), bytes = 0;
    uint32_t list_max = 1 + data[2] % 40u;
    bool is_pressed = false;
    struct kn_overflow *o = kn_overflow_new(max, low);
    KOKEN_CHECK(o != NULL);
    memset(is_used, 0, sizeof is_used);
    memset(is_waiting, 0, sizeof is_waiting);
    list_len = line_len = 0;
    for (size_t at = 3; at + 1 < size && at < 2000; at += 2) {
        unsigned i = data[at + 1] % ITEMS;
        bool opened = false;
        switch (data[at] % 6) {
        case 0: append(o, i, list_max); break;
        case 1: pop(o); break;
        case 2: wait_or_leave(o, i); break;
        case 3: pop_waiter(o); break;
        case 4:
            if (kn_overflow_reserve(o, data[at + 1], &opened)) {
                bytes += data[at + 1];
                is_pressed = false;
            } else {
                is_pressed = is_pressed || bytes > 0; /* else it never fits */
            }
            break;
        default:
            if (bytes > 0) {
                uint64_t n = data[at + 1] % bytes + 1;
                bool is_end = kn_overflow_release(o, n);
                bytes -= n;
                KOKEN_CHECK(!is_end || (is_pressed && bytes <= low));
                is_pressed = is_pressed && !is_end;
            }
        }
        KOKEN_CHECK(bytes <= max); /* the bound is exact */
        KOKEN_CHECK(kn_overflow_count(o) == list_len);
        KOKEN_CHECK(kn_overflow_waiters(o) == line_len);
        KOKEN_CHECK(kn_overflow_is_pressed(o) == is_pressed);
    }
    kn_overflow_close(o);
    while (kn_overflow_pop(o) != NULL) {} /* ends: closed */
    uint64_t who, cookie;
    while (kn_overflow_pop_waiter(o, &who, &cookie)) {} /* ends: nobody enters */
    kn_overflow_free(o);
    return 0;
}
