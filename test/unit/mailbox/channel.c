/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the ring and the lines of a channel alone: order, bounds, who is told and what is kept for whom. */
#include "mailbox/channel.h"

#include <criterion/criterion.h>

KOKEN_MESSAGE(thing, {
    uint64_t number;
    uint32_t more[3];
});

enum { ROOM = 7 };
static struct thing items[ROOM];
static struct kn_channel channel;
static struct kn_wakes wakes;

struct waiting {
    struct kn_channel_wait wait;
    struct kn_slot slot;
    struct thing item;
};

static void begin(uint32_t capacity)
{
    kn_channel_init(&channel, &koken_type_thing, capacity, sizeof(struct thing),
                    capacity ? items : NULL);
    wakes = (struct kn_wakes){.count = 0};
}

static enum kn_channel_got push(uint64_t number)
{
    struct thing item = {number, {1, 2, 3}};
    return kn_channel_try_push(&channel, &item) ? KN_CHANNEL_OK
                                                : kn_channel_push(&channel, &item, NULL, &wakes);
}

static enum kn_channel_got pop(uint64_t *number)
{
    struct thing item = {0, {0}};
    enum kn_channel_got got = kn_channel_try_pop(&channel, &item)
                                  ? KN_CHANNEL_OK
                                  : kn_channel_pop(&channel, &item, NULL, &wakes);
    *number = item.number;
    cr_assert(got != KN_CHANNEL_OK || item.more[2] == 3);
    return got;
}

static void stand(struct waiting *w, bool is_sender, enum kn_slot_kind kind)
{
    *w = (struct waiting){.wait = {.who = 1, .cookie = kind == KN_SLOT_LOOK ? NULL : w}};
    w->slot = (struct kn_slot){
        .wait = &w->wait, .item = &w->item, .kind = (uint8_t)kind, .is_sender = is_sender};
    kn_list_init(&w->slot.link);
    kn_channel_enter(&channel, &w->slot, &wakes);
}

static uint32_t word(struct waiting *w)
{
    return kn_load(&w->wait.word, relaxed);
}

Test(channel_core, keeps_order_in_a_ring_of_any_size)
{
    uint64_t in = 0, out = 0, number;
    for (uint32_t capacity = 1; capacity <= ROOM; capacity++) {
        begin(capacity);
        in = out = 0;
        for (unsigned round = 0; round < 100; round++) {
            for (uint32_t i = 0; i < 1 + round % capacity; i++) {
                cr_assert_eq(push(++in), KN_CHANNEL_OK);
            }
            while (out < in) {
                cr_assert_eq(pop(&number), KN_CHANNEL_OK);
                cr_assert_eq(number, ++out);
            }
        }
        cr_assert_eq(pop(&number), KN_CHANNEL_WAIT);
    }
}

Test(channel_core, is_bounded_exactly)
{
    uint64_t number;
    begin(3);
    for (uint64_t i = 0; i < 3; i++) {
        cr_assert_eq(push(i), KN_CHANNEL_OK);
    }
    cr_assert_eq(push(9), KN_CHANNEL_WAIT);
    cr_assert_eq(pop(&number), KN_CHANNEL_OK);
    cr_assert_eq(push(3), KN_CHANNEL_OK);
    cr_assert_eq(push(9), KN_CHANNEL_WAIT);
}

Test(channel_core, tells_one_receiver_who_tells_the_next_when_it_leaves)
{
    struct waiting a, b;
    struct thing got;
    uint64_t number;
    begin(4);
    stand(&a, false, KN_SLOT_LOOK);
    stand(&b, false, KN_SLOT_LOOK);
    cr_assert_eq(push(1), KN_CHANNEL_OK);
    cr_assert_eq(push(2), KN_CHANNEL_OK);
    cr_assert_eq(wakes.count, 1);
    cr_assert_eq(word(&a), KN_WAIT_LOOK);
    cr_assert_eq(word(&b), KN_WAIT_WAITING);
    cr_assert_eq(kn_channel_pop(&channel, &got, &a.wait, &wakes), KN_CHANNEL_OK);
    kn_channel_leave(&channel, &a.slot, &wakes); /* there is one more item */
    cr_assert_eq(wakes.count, 2);
    cr_assert_eq(word(&b), KN_WAIT_LOOK);
    kn_channel_leave(&channel, &b.slot, &wakes); /* gives up: the item stays for anybody */
    cr_assert_eq(pop(&number), KN_CHANNEL_OK);
    cr_assert_eq(number, 2);
}

Test(channel_core, keeps_an_item_for_who_was_passed_over)
{
    struct waiting a;
    struct thing item;
    uint64_t number;
    begin(4);
    stand(&a, false, KN_SLOT_LOOK);
    for (unsigned i = 0; i < KN_PASSES_MAX; i++) {
        cr_assert_eq(push(i), KN_CHANNEL_OK);
        cr_assert_eq(word(&a), KN_WAIT_LOOK);
        cr_assert_eq(pop(&number), KN_CHANNEL_OK); /* somebody is faster */
        kn_store(&a.wait.word, KN_WAIT_WAITING, relaxed);
        cr_assert_eq(kn_channel_pop(&channel, &item, &a.wait, &wakes), KN_CHANNEL_WAIT);
        kn_channel_looked(&channel, &a.slot);
    }
    cr_assert_eq(push(7), KN_CHANNEL_OK);
    cr_assert_eq(pop(&number), KN_CHANNEL_WAIT); /* not again */
    cr_assert_eq(kn_channel_pop(&channel, &item, &a.wait, &wakes), KN_CHANNEL_OK);
    cr_assert_eq(item.number, 7);
    kn_channel_leave(&channel, &a.slot, &wakes);
}

Test(channel_core, passes_from_hand_to_hand_without_capacity)
{
    struct waiting a, b;
    uint64_t number;
    begin(0);
    cr_assert_eq(push(1), KN_CHANNEL_WAIT);
    cr_assert_eq(pop(&number), KN_CHANNEL_WAIT);
    stand(&a, false, KN_SLOT_LOOK);
    stand(&b, false, KN_SLOT_LOOK);
    cr_assert_eq(push(5), KN_CHANNEL_OK);
    cr_assert_eq(word(&a), KN_WAIT_DONE);
    cr_assert_eq(a.item.number, 5);
    cr_assert_eq(word(&b), KN_WAIT_WAITING);
    kn_channel_leave(&channel, &a.slot, &wakes);
    kn_channel_leave(&channel, &b.slot, &wakes);
    stand(&a, true, KN_SLOT_LOOK);
    a.item.more[2] = 3;
    cr_assert_eq(pop(&number), KN_CHANNEL_OK);
    cr_assert_eq(word(&a), KN_WAIT_DONE);
    kn_channel_leave(&channel, &a.slot, &wakes);
}

Test(channel_core, a_wait_is_won_by_one_channel)
{
    struct kn_channel other;
    struct waiting a;
    struct kn_slot second;
    begin(0);
    kn_channel_init(&other, &koken_type_thing, 0, sizeof(struct thing), NULL);
    stand(&a, false, KN_SLOT_LOOK);
    second = (struct kn_slot){.wait = &a.wait, .item = &a.item, .index = 1};
    kn_list_init(&second.link);
    kn_channel_enter(&other, &second, &wakes);
    struct thing item = {8, {0}};
    cr_assert_eq(kn_channel_push(&other, &item, NULL, &wakes), KN_CHANNEL_OK);
    cr_assert_eq(word(&a), KN_WAIT_DONE + 1);
    cr_assert_eq(push(9), KN_CHANNEL_WAIT);
    cr_assert_eq(a.item.number, 8);
    kn_channel_leave(&channel, &a.slot, &wakes);
    kn_channel_leave(&other, &second, &wakes);
}

Test(channel_core, gives_gifts_and_hints)
{
    struct waiting gift, hint, more[KN_WAKES + 1];
    uint64_t number;
    begin(1);
    stand(&gift, false, KN_SLOT_GIFT);
    cr_assert_eq(push(4), KN_CHANNEL_OK);
    cr_assert_eq(gift.item.number, 4);
    cr_assert_eq(channel.count, 0);
    cr_assert(kn_list_is_empty(&gift.slot.link));
    cr_assert_eq(push(5), KN_CHANNEL_OK);
    wakes.count = 0;
    stand(&hint, true, KN_SLOT_HINT);
    cr_assert_eq(wakes.count, 0);
    cr_assert_eq(pop(&number), KN_CHANNEL_OK);
    cr_assert_eq(wakes.count, 1);
    cr_assert_eq(wakes.of[0].cookie, &hint);
    for (unsigned i = 0; i <= KN_WAKES; i++) {
        stand(&more[i], false, KN_SLOT_GIFT);
    }
    wakes.count = 0;
    kn_channel_close(&channel, &wakes);
    cr_assert(wakes.is_more); /* more to tell of than there is room for */
    cr_assert(wakes.of[0].is_refused);
    wakes = (struct kn_wakes){.count = 0};
    kn_channel_settle(&channel, &wakes);
    cr_assert_eq(wakes.count, 1);
    cr_assert(kn_list_is_empty(&channel.receivers));
}

Test(channel_core, closes_and_drains)
{
    struct waiting a;
    uint64_t number;
    begin(2);
    cr_assert_eq(push(1), KN_CHANNEL_OK);
    cr_assert_eq(push(2), KN_CHANNEL_OK);
    stand(&a, true, KN_SLOT_LOOK);
    kn_channel_close(&channel, &wakes);
    cr_assert_eq(word(&a), KN_WAIT_LOOK);
    cr_assert_eq(kn_channel_push(&channel, &a.item, &a.wait, &wakes), KN_CHANNEL_CLOSED);
    kn_channel_leave(&channel, &a.slot, &wakes);
    cr_assert_eq(push(3), KN_CHANNEL_CLOSED);
    cr_assert_eq(pop(&number), KN_CHANNEL_OK);
    cr_assert_eq(pop(&number), KN_CHANNEL_OK);
    cr_assert_eq(number, 2);
    cr_assert_eq(pop(&number), KN_CHANNEL_CLOSED);
}
