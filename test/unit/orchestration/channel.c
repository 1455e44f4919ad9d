/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of channels, between fibers, threads outside and both: each item once and in order, bounds, close and
 * drain, what stays with whom when a call fails, and that neither agents nor runtimes that end leave anything.
 */
#include "test/support/runtime.h"

#include <koken/channel.h>

KOKEN_MESSAGE(item, {
    uint64_t value;
    uint32_t sender;
});
KOKEN_MESSAGE(total, { uint64_t sum; });
KOKEN_EVENT(other_item);

static struct koken_channel *channel_of(struct koken *rt, size_t capacity)
{
    struct koken_channel *channel = NULL;
    cr_assert_eq(koken_channel_new(rt, &channel, item, capacity), 0);
    return channel;
}

Test(channel, refuses_nonsense)
{
    struct koken *rt = start(1);
    struct koken_channel *channel = NULL;
    struct item got;
    cr_assert_eq(koken_channel_new(rt, &channel, item, KOKEN_CHANNEL_CAPACITY_MAX + 1), -EINVAL);
    cr_assert_eq(koken_channel_new((struct koken *)NULL, &channel, item, 1), -EINVAL);
    cr_assert_eq(koken_channel_new((koken_ctx *)NULL, &channel, item, 1), -EINVAL);
    cr_assert_eq(koken_channel_new(rt, (struct koken_channel **)NULL, item, 1), -EINVAL);
    cr_assert_null(channel);
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 1), -EINVAL);
    cr_assert_eq(koken_channel_try_recv(channel, item, &got), -EINVAL);
    cr_assert_eq(koken_channel_close(channel), -EINVAL);
    cr_assert_eq(koken_channel_count(channel), 0);
    cr_assert_eq(koken_channel_capacity(channel), 0);
    cr_assert(!koken_channel_is_closed(channel));
    cr_assert_null(koken_channel_ref(channel));
    cr_assert_null(koken_channel_unref(channel));
    channel = channel_of(rt, 2);
    cr_assert_eq(koken_channel_try_send(channel, other_item, 0), -EINVAL);
    cr_assert_eq(koken_channel_try_recv(channel, item, (struct item *)NULL), -EINVAL);
    cr_assert_eq(koken_channel_receive_later(NULL, channel, 0), -EINVAL);
    cr_assert_null(koken_channel_unref(channel));
    stop(rt);
}

Test(channel, tries_waits_and_gives_up_from_outside)
{
    struct koken *rt = start(1);
    struct koken_channel *channel = channel_of(rt, 2);
    struct item got = {0, 0};
    cr_assert_eq(koken_channel_capacity(channel), 2);
    cr_assert_eq(koken_channel_try_recv(channel, item, &got), -EAGAIN);
    uint64_t before = koken_now();
    cr_assert_eq(koken_channel_recv(channel, KOKEN_MS(2), item, &got), -ETIMEDOUT);
    cr_assert(koken_now() - before >= KOKEN_MS(2));
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 1), 0);
    cr_assert_eq(koken_channel_send(channel, KOKEN_MS(1), item, .value = 2), 0);
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 3), -EAGAIN);
    cr_assert_eq(koken_channel_send(channel, KOKEN_MS(2), item, .value = 3), -ETIMEDOUT);
    cr_assert_eq(koken_channel_count(channel), 2);
    cr_assert_eq(koken_channel_recv(channel, KOKEN_MS(2), item, &got), 0);
    cr_assert_eq(got.value, 1);
    cr_assert_eq(koken_channel_close(channel), 0);
    cr_assert_eq(koken_channel_close(channel), -EALREADY);
    cr_assert(koken_channel_is_closed(channel));
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 4), -ESHUTDOWN);
    cr_assert_eq(koken_channel_recv(channel, KOKEN_NO_DEADLINE, item, &got), 0);
    cr_assert_eq(got.value, 2);
    cr_assert_eq(koken_channel_recv(channel, KOKEN_NO_DEADLINE, item, &got), -ESHUTDOWN);
    (void)koken_channel_unref(channel);
    stop(rt);
}

/* ---- many senders, many receivers ---- */

struct side {
    struct koken_channel *channel;
    uint64_t n;
    uint32_t sender;
};

static kn_atomic(uint64_t) sum_out;   /* of what came out */
static kn_atomic(uint64_t) items_out; /* number of it */

static int send_all(const struct side *side)
{
    int rc = 0;
    for (uint64_t i = 1; rc == 0 && i <= side->n; i++) {
        rc = koken_channel_send(side->channel, KOKEN_NO_DEADLINE, item, .value = i,
                                .sender = side->sender);
    }
    (void)koken_channel_unref(side->channel);
    return rc;
}

static int receive_all(const struct side *side)
{
    struct item got;
    uint64_t seen[16] = {0};
    int rc;
    while ((rc = koken_channel_recv(side->channel, KOKEN_NO_DEADLINE, item, &got)) == 0) {
        expect(got.value > seen[got.sender]); /* in the order of its sender */
        seen[got.sender] = got.value;
        (void)kn_add(&sum_out, got.value, relaxed);
        (void)kn_add(&items_out, 1, relaxed);
    }
    expect(rc == -ESHUTDOWN);
    (void)koken_channel_unref(side->channel);
    return 0;
}

struct nothing {
    char nothing;
};

static int sender_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    (void)ctx;
    (void)self;
    return send_all(arg);
}

static int receiver_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    (void)ctx;
    (void)self;
    return receive_all(arg);
}

KOKEN_FIBER(sender, struct nothing, sender_body);
KOKEN_FIBER(receiver, struct nothing, receiver_body);

static void sender_thread(void *arg)
{
    expect(send_all(arg) == 0);
}

static void receiver_thread(void *arg)
{
    expect(receive_all(arg) == 0);
}

enum { SIDES = SCALE == 1 ? 3 : 4 };

/* SIDES of fibers and of threads on each side; all items must come out once. */
static void exchange(unsigned workers, size_t capacity, bool has_fibers, bool has_threads,
                     uint64_t each)
{
    struct koken *rt = start(workers);
    struct koken_channel *channel = channel_of(rt, capacity);
    struct kn_thread senders[SIDES] = {{0}}, receivers[SIDES] = {{0}};
    struct side sides[2 * SIDES];
    uint64_t senders_count = 0;
    kn_store(&sum_out, 0, relaxed);
    kn_store(&items_out, 0, relaxed);
    for (unsigned i = 0; i < 2 * SIDES; i++) {
        sides[i] = (struct side){channel, each, i};
    }
    for (unsigned i = 0; has_fibers && i < SIDES; i++, senders_count++) {
        (void)koken_channel_ref(channel);
        (void)koken_channel_ref(channel);
        (void)koken_spawn(rt, receiver, .arg = &sides[i], .arg_size = sizeof sides[i]);
        (void)koken_spawn(rt, sender, .arg = &sides[i], .arg_size = sizeof sides[i]);
    }
    for (unsigned i = 0; has_threads && i < SIDES; i++, senders_count++) {
        (void)koken_channel_ref(channel);
        (void)koken_channel_ref(channel);
        cr_assert_eq(kn_thread_start(&receivers[i], "recv", receiver_thread, &sides[SIDES + i]), 0);
        cr_assert_eq(kn_thread_start(&senders[i], "send", sender_thread, &sides[SIDES + i]), 0);
    }
    for (unsigned i = 0; has_threads && i < SIDES; i++) {
        kn_thread_join(&senders[i]);
    }
    while (kn_load(&items_out, relaxed) < senders_count * each) { /* ends: all come out */
        kn_thread_yield();
    }
    cr_assert_eq(koken_channel_close(channel), 0);
    for (unsigned i = 0; has_threads && i < SIDES; i++) {
        kn_thread_join(&receivers[i]);
    }
    cr_assert_eq(kn_load(&items_out, relaxed), senders_count * each);
    cr_assert_eq(kn_load(&sum_out, relaxed), senders_count * (each * (each + 1) / 2));
    (void)koken_channel_unref(channel);
    stop(rt);
    assert_nothing_wrong();
}

Test(channel, passes_each_item_once_between_fibers, .timeout = 60)
{
    static const size_t capacities[] = {0, 1, 3, 50, 1000};
    for (unsigned i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        exchange(1, capacities[i], true, false, 1000 * SCALE);
        exchange(2, capacities[i], true, false, 1000 * SCALE);
    }
    exchange(2, 100, true, false, SCALE == 1 ? 1000 : 250000);
}

Test(channel, passes_each_item_once_between_threads, .timeout = 60)
{
    exchange(1, 0, false, true, 200 * SCALE);
    exchange(1, 1, false, true, 200 * SCALE);
    exchange(1, 2, false, true, 200 * SCALE);
    exchange(1, 7, false, true, 1000 * SCALE);
}

Test(channel, passes_each_item_once_between_both, .timeout = 60)
{
    exchange(2, 0, true, true, 200 * SCALE);
    exchange(2, 1, true, true, 200 * SCALE);
    exchange(2, 64, true, true, 1000 * SCALE);
}

/* A hundred thousand hand-offs (a million in release) through one place: no wake-up is lost. */
Test(channel, loses_no_wake_up_at_capacity_1, .timeout = 60)
{
    struct koken *rt = start(2);
    struct koken_channel *channel = channel_of(rt, 1);
    uint64_t n = 100000 * SCALE;
    struct side side = {channel, n, 0};
    kn_store(&sum_out, 0, relaxed);
    kn_store(&items_out, 0, relaxed);
    (void)koken_channel_ref(channel);
    (void)koken_channel_ref(channel);
    (void)koken_spawn(rt, receiver, .arg = &side, .arg_size = sizeof side);
    (void)koken_spawn(rt, sender, .arg = &side, .arg_size = sizeof side);
    drain(rt);
    cr_assert_eq(kn_load(&sum_out, relaxed), n * (n + 1) / 2);
    cr_assert_eq(koken_channel_close(channel), 0);
    (void)koken_channel_unref(channel);
    stop(rt);
    assert_nothing_wrong();
}

/* ---- ends ---- */

static int blocked_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const struct side *side = arg;
    struct item got;
    (void)ctx;
    (void)self;
    return side->n ? koken_channel_send(side->channel, KOKEN_S(100), item, .value = side->n)
                   : koken_channel_recv(side->channel, KOKEN_S(100), item, &got);
}

KOKEN_FIBER(blocked, struct nothing, blocked_body);

Test(channel, an_agent_that_is_stopped_leaves_the_line)
{
    struct koken *rt = start(1);
    struct koken_channel *channel = channel_of(rt, 0);
    struct side side = {channel, 0, 0};
    struct item got;
    koken_ref first = koken_spawn(rt, blocked, .arg = &side, .arg_size = sizeof side);
    drain(rt);
    cr_assert_eq(koken_exit(first), 0);
    drain(rt);
    cr_assert(!koken_alive(first));
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 1), -EAGAIN);
    side.n = 7;
    koken_ref second = koken_spawn(rt, blocked, .arg = &side, .arg_size = sizeof side);
    drain(rt);
    cr_assert(koken_alive(second));
    cr_assert_eq(koken_channel_try_recv(channel, item, &got), 0);
    cr_assert_eq(got.value, 7);
    (void)koken_channel_unref(channel);
    stop(rt);
}

static void blocked_thread(void *arg)
{
    struct side *side = arg;
    struct item got;
    side->n = (uint64_t)-koken_channel_recv(side->channel, KOKEN_NO_DEADLINE, item, &got);
}

Test(channel, ends_with_its_runtime)
{
    struct koken *rt = start(2);
    struct koken_channel *empty = channel_of(rt, 4), *full = channel_of(rt, 1);
    struct side receiving = {empty, 0, 0}, sending = {full, 5, 0};
    struct kn_thread thread = {0};
    struct item got;
    cr_assert_eq(koken_channel_try_send(full, item, .value = 3), 0);
    for (unsigned i = 0; i < 20; i++) { /* more than one hold can wake */
        (void)koken_spawn(rt, blocked, .arg = &receiving, .arg_size = sizeof receiving);
        (void)koken_spawn(rt, blocked, .arg = &sending, .arg_size = sizeof sending);
    }
    cr_assert_eq(kn_thread_start(&thread, "waits", blocked_thread, &receiving), 0);
    kill_all(rt);
    kn_thread_join(&thread);
    cr_assert_eq(receiving.n, ESHUTDOWN);
    cr_assert_eq(koken_channel_try_send(empty, item, .value = 3), -ESHUTDOWN);
    cr_assert_eq(koken_channel_try_recv(full, item, &got), 0);
    cr_assert_eq(got.value, 3);
    (void)koken_channel_unref(empty);
    (void)koken_channel_unref(full);
}

static int cheeky_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    const struct side *side = arg;
    struct item got;
    (void)ctx;
    (void)self;
    expect(koken_channel_recv(side->channel, KOKEN_S(60), item, &got) == 0);
    expect(got.value == 1);
    return koken_channel_send(side->channel, KOKEN_S(60), item, .value = 2);
}

KOKEN_FIBER(cheeky, struct nothing, cheeky_body);

Test(channel, serves_agents_of_another_runtime)
{
    struct koken *rt = start(1), *other = NULL;
    struct koken_options o = {.workers = 1, .exact_workers = true};
    cr_assert_eq(koken_start(&o, &other), 0);
    struct koken_channel *channel = channel_of(rt, 1);
    struct side side = {channel, 1, 0};
    struct item got = {0, 0};
    (void)koken_spawn(other, cheeky, .arg = &side, .arg_size = sizeof side);
    (void)koken_spawn(rt, blocked, .arg = &side, .arg_size = sizeof side);
    drain(rt);
    do { /* ends: both have had their turn */
        cr_assert_eq(koken_drain(other, KOKEN_S(10)), 0);
        drain(rt);
    } while (koken_channel_count(channel) == 0);
    cr_assert_eq(koken_channel_try_recv(channel, item, &got), 0);
    cr_assert_eq(got.value, 2);
    cr_assert_eq(koken_stop(other, KOKEN_S(1)), 0);
    (void)koken_channel_unref(channel);
    stop(rt);
    assert_nothing_wrong();
}

/* ---- what travels along ---- */

KOKEN_PAYLOAD(parcel, (plain, int, number));
KOKEN_LETTER(crate, (iso, parcel, inside));

Test(channel, moves_what_an_item_owns)
{
    struct koken *rt = start(1);
    struct koken_channel *channel = NULL;
    cr_assert_eq(koken_channel_new(rt, &channel, crate, 1), 0);
    struct crate first = {0}, second = {0};
    koken_iso(parcel, p) = koken_new(parcel);
    koken_iso(parcel, q) = koken_new(parcel);
    koken_mut(p)->number = 4;
    koken_put(first.inside, p);
    koken_put(second.inside, q);
    cr_assert_eq(koken_channel_give_letter(channel, 0, crate, first), 0);
    cr_assert_null(first.inside.ptr_);
    cr_assert_eq(koken_channel_give_letter(channel, 0, crate, second), -EAGAIN);
    cr_assert_not_null(second.inside.ptr_); /* refused: still ours */
    cr_assert_eq(koken_channel_try_recv(channel, crate, &first), 0);
    koken_iso(parcel, r) = koken_take(first.inside);
    cr_assert_eq(koken_get(r)->number, 4);
    koken_drop(r);
    cr_assert_eq(koken_channel_give_letter(channel, 0, crate, second), 0);
    (void)koken_channel_unref(channel); /* the last reference: what is in it goes too */
    stop(rt);
}

/* Proves: an iso or val goes by its own word, stays when it is refused, and comes out into a slot. */
Test(channel, gives_isos_and_vals)
{
    struct koken *rt = start(1);
    struct koken_channel *isos = NULL, *vals = NULL;
    cr_assert_eq(koken_channel_new(rt, &isos, parcel_iso, 1), 0);
    cr_assert_eq(koken_channel_new(rt, &vals, parcel_val, 1), 0);
    koken_iso(parcel, p) = koken_new(parcel);
    koken_iso(parcel, q) = koken_new(parcel);
    koken_mut(p)->number = 5;
    cr_assert_eq(koken_channel_give(vals, 0, p), -EINVAL); /* of another type */
    cr_assert_eq(koken_channel_give(isos, 0, p), 0);
    cr_assert_null(p.ptr_);
    cr_assert_eq(koken_channel_give(isos, 0, q), -EAGAIN);
    cr_assert_not_null(q.ptr_);
    koken_slot(parcel, got);
    cr_assert_eq(koken_channel_recv_iso(isos, 0, parcel, got), 0);
    koken_iso(parcel, r) = koken_take(got);
    cr_assert_eq(koken_get(r)->number, 5);
    koken_val(parcel, v) = koken_freeze(r);
    cr_assert_eq(koken_channel_give(vals, 0, v), 0);
    koken_slot_val(parcel, shown);
    cr_assert_eq(koken_channel_recv_val(vals, 0, parcel, shown), 0);
    koken_val(parcel, w) = koken_take(shown);
    cr_assert_eq(koken_get(w)->number, 5);
    koken_drop(w);
    cr_assert_eq(koken_channel_give(isos, 0, q), 0);
    (void)koken_channel_unref(isos); /* with what is in it */
    (void)koken_channel_unref(vals);
    stop(rt);
}
