/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox against two lists: bound, hysteresis, lanes, order, who must wake whom, as the input says. */
#include "mailbox/mailbox.h"
#include "base/assert.h"

#include <string.h>

enum { ENVELOPES = 256, LIST = 2 * ENVELOPES };

struct list {
    unsigned len, items[LIST];
};

static unsigned char memory[ENVELOPES][64] __attribute__((aligned(64)));
static bool is_used[ENVELOPES];
static struct kn_mailbox mailbox;
static struct kn_intake intake;
static struct list sent[2], taken[2]; /* by lane: in the mailbox, in the intake */
static unsigned waiting, consumed;    /* user messages not consumed; handled since */
static bool is_scheduled, is_pressed, is_line, is_nudged;
static struct kn_envelope *kept; /* the boundary, handled already */

static struct kn_envelope *envelope(unsigned i)
{
    return (struct kn_envelope *)(void *)memory[i];
}

static unsigned number(const struct kn_envelope *e)
{
    return (unsigned)(((const unsigned char *)e - memory[0]) / 64);
}

static int find_free(void)
{
    for (int i = 0; i < ENVELOPES; i++) {
        if (!is_used[i]) {
            return i;
        }
    }
    return -1;
}

static void free_envelope(struct kn_envelope *e)
{
    if (e != NULL) {
        KOKEN_CHECK(is_used[number(e)]);
        is_used[number(e)] = false;
    }
}

static void put(bool is_system)
{
    int i = find_free();
    bool opened = false;
    if (i < 0) {
        return;
    }
    struct kn_envelope *e = envelope((unsigned)i);
    memset(e, 0, sizeof *e);
    enum kn_push got =
        is_system ? kn_mailbox_push_system(&mailbox, e) : kn_mailbox_push(&mailbox, e, &opened);
    bool is_full =
        !is_system && (waiting >= mailbox.limit || (is_pressed && waiting > mailbox.low));
    KOKEN_CHECK((got == KN_PUSH_FULL) == is_full);
    if (is_full) {
        is_pressed = true;
        return;
    }
    KOKEN_CHECK(got == (is_scheduled ? KN_PUSH_OK : KN_PUSH_WAKE));
    if (!is_system) {
        is_pressed = is_pressed && !opened;
        waiting++;
    }
    is_scheduled = true;
    is_used[i] = true;
    struct list *list = &sent[is_system];
    list->items[list->len++] = (unsigned)i;
}

static void take(void)
{
    bool took;
    if (!is_scheduled) {
        return;
    }
    struct kn_envelope *old = kn_mailbox_take(&mailbox, &intake, &took);
    KOKEN_CHECK(took == (sent[0].len + sent[1].len > 0 || is_nudged));
    if (old != NULL && old == kept) {
        kept = NULL;
        free_envelope(old);
    }
    is_nudged = false;
    for (int lane = 0; lane < 2; lane++) {
        memcpy(taken[lane].items + taken[lane].len, sent[lane].items,
               sent[lane].len * sizeof sent[lane].items[0]);
        taken[lane].len += sent[lane].len;
        sent[lane].len = 0;
    }
}

static void handle(void)
{
    if (!is_scheduled) {
        return;
    }
    struct kn_envelope *e = kn_intake_next(&intake);
    struct list *list = taken[1].len ? &taken[1] : &taken[0];
    KOKEN_CHECK((e != NULL) == (list->len > 0));
    if (e == NULL) {
        return;
    }
    KOKEN_CHECK(number(e) == list->items[0]); /* system first, each lane in order */
    list->len--;
    memmove(list->items, list->items + 1, list->len * sizeof list->items[0]);
    consumed += list == &taken[0];
    if (e == intake.boundary) {
        kept = e; /* linked in the word still */
    } else {
        free_envelope(e);
    }
}

static void publish(void)
{
    if (consumed > 0) {
        kn_mailbox_consume(&mailbox, consumed);
        waiting -= consumed;
        consumed = 0;
    }
}

static void idle(void)
{
    struct kn_envelope *last = NULL;
    if (!is_scheduled || taken[0].len + taken[1].len > 0 || is_nudged) {
        return;
    }
    publish();
    bool is_idle = kn_mailbox_idle(&mailbox, &intake, &last);
    bool may = sent[0].len + sent[1].len == 0;
    KOKEN_CHECK(!is_idle || may); /* never with something in it */
    KOKEN_CHECK(is_idle || !may ||
                ((is_pressed || is_line) && waiting <= mailbox.low)); /* else it may */
    if (is_idle) {
        is_scheduled = false;
        KOKEN_CHECK(last == NULL || last == kept);
        free_envelope(last);
        kept = NULL;
    } else if (kn_mailbox_relieve(&mailbox)) {
        is_pressed = false;
    } else if (kn_mailbox_line_is_due(&mailbox)) {
        KOKEN_CHECK(is_line);
        kn_mailbox_end_line(&mailbox);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    uint32_t limit = 1 + data[0] % 40u, low = data[1] % limit;
    memset(is_used, 0, sizeof is_used);
    memset(&intake, 0, sizeof intake);
    memset(sent, 0, sizeof sent);
    memset(taken, 0, sizeof taken);
    waiting = consumed = 0;
    is_scheduled = is_pressed = is_line = is_nudged = false;
    kept = NULL;
    kn_mailbox_init(&mailbox, limit, low, 0);
    for (size_t at = 2; at < size && at < 1000; at++) {
        switch (data[at] % 8) {
        case 0:
        case 1:
        case 2: put(/* is_system= */ false); break;
        case 3: put(/* is_system= */ true); break;
        case 4: take(); break;
        case 5: handle(); break;
        case 6: publish(); break;
        default: idle();
        }
        KOKEN_CHECK(kn_mailbox_queued(&mailbox) == waiting);
        bool is_held = kn_load(&mailbox.word, relaxed) & KN_MB_SCHEDULED; /* relaxed: one thread */
        KOKEN_CHECK(is_held == is_scheduled);
        uint64_t word = kn_load(&mailbox.word, relaxed); /* relaxed: as above */
        is_pressed = word & KN_MB_PRESSED;
        is_line = word & KN_MB_LINE;
    }
    return 0;
}
