/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves what a send does: exact bounds, hysteresis and each policy (T013, T014, T017), refused messages
 * stay the sender's (T008), order per sender with threads and agents (T010), stamps (T009), stale handles,
 * bounds in bytes, signals between runtimes and during a stop.
 */
#include "test/support/runtime.h"

KOKEN_MESSAGE(number, {
    uint32_t sender;
    uint32_t value;
});
KOKEN_EVENT(go);
KOKEN_MESSAGE(wide, { char text[200]; });
KOKEN_MESSAGE(odd, { unsigned char bytes[13]; });
KOKEN_MESSAGE(target, { koken_ref who; });

/* ---- a receiver that holds still ----------------------------------------------------------------------- */

static kn_atomic(uint32_t) gate;    /* 0: handlers wait */
static kn_atomic(uint32_t) entered; /* handlers that have begun */
static kn_atomic(uint32_t) handled;
static uint32_t values[4096]; /* by the receiver, read when it is quiet */

struct slow {
    uint32_t unused;
};

static int on_slow(koken_ctx *ctx, struct slow *self, const struct number *msg)
{
    (void)ctx, (void)self;
    (void)count(&entered);
    wait_for(&gate, 1);
    values[reading(&handled) % 4096] = msg->value;
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(slow, struct slow, KOKEN_ON(number, on_slow));

static void close_gate(void)
{
    reset(&gate);
    reset(&entered);
    reset(&handled);
}

static void open_gate(void)
{
    kn_store(&gate, 1, release);
}

/* A slow agent with its first message in its handler, and that one counted as waiting no more. */
static koken_ref make_busy(struct koken *rt, struct koken_spawn_options o)
{
    close_gate();
    koken_ref who = koken_spawn_rt_(rt, &koken_agent_slow, &o);
    cr_assert(!koken_is_nobody(who));
    return who;
}

/* Capacity 10, high 8, low 2, REJECT: eight go in, the ninth is refused with length 8, from a thread. */
Test(signal, reject_is_exact)
{
    struct koken *rt = start(1);
    koken_ref who =
        make_busy(rt, (struct koken_spawn_options){.capacity = 10, .high = 8, .low = 2});
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0);
    }
    wait_for(&entered, 1);
    cr_assert_eq(koken_queued(who), 8, "the one in its handler counts");
    cr_assert_eq(koken_signal(who, number, .value = 8), -EAGAIN);
    cr_assert_eq(koken_queued(who), 8);
    open_gate();
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 8);
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(values[i], i);
    }
    cr_assert_eq(metrics(rt).refused, 1);
    stop(rt);
}

/* ---- hysteresis, one message at a time ------------------------------------------------------------------ */

struct stepper {
    uint32_t allowed; /* messages it may still handle */
};

static kn_atomic(uint32_t) allowance;

static int on_step(koken_ctx *ctx, struct stepper *self, const struct number *msg)
{
    (void)ctx, (void)self, (void)msg;
    uint32_t turn = count(&handled);
    wait_for(&allowance, turn + 1); /* holds the message until it is allowed */
    return 0;
}

KOKEN_AGENT(stepper, struct stepper, KOKEN_ON(number, on_step));

/* After a refusal lengths 7 to 3 refuse, 2 accepts: seen by a thread that sends. */
Test(signal, hysteresis_holds_until_the_low_mark)
{
    struct koken *rt = start(1);
    reset(&handled);
    reset(&allowance);
    koken_ref who = koken_spawn(rt, stepper, .capacity = 10, .high = 8, .low = 2);
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0);
    }
    cr_assert_eq(koken_signal(who, number, .value = 99), -EAGAIN);
    for (uint32_t length = 7; length >= 3; length--) {
        kn_store(&allowance, 8 - length, release);
        wait_for(&handled,
                 9 - length); /* the next one is in its handler: length - 1 wait behind it */
        cr_assert_eq(koken_queued(who), length);
        cr_assert_eq(koken_signal(who, number, .value = 99), -EAGAIN, "length %u", length);
    }
    kn_store(&allowance, 6, release);
    wait_for(&handled, 7);
    cr_assert_eq(koken_queued(who), 2);
    cr_assert_eq(koken_signal(who, number, .value = 8), 0);
    kn_store(&allowance, 100, release);
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 9);
    stop(rt);
}

/* The same of a bound in bytes: of 80, with messages of 8. */
Test(signal, bytes_have_a_low_mark_too)
{
    struct koken *rt = start(1);
    reset(&handled);
    reset(&allowance);
    koken_ref who = koken_spawn(rt, stepper, .capacity_bytes = 80);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0);
    }
    cr_assert_eq(koken_signal(who, number, .value = 99), -EAGAIN);
    for (uint32_t length = 9; length >= 3; length--) {
        kn_store(&allowance, 10 - length, release);
        wait_for(&handled, 11 - length);
        cr_assert_eq(koken_signal(who, number, .value = 99), -EAGAIN, "%u bytes", length * 8);
    }
    kn_store(&allowance, 8, release);
    wait_for(&handled, 9);
    cr_assert_eq(koken_signal(who, number, .value = 10), 0, "16 bytes wait");
    kn_store(&allowance, 100, release);
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 11);
    stop(rt);
}

/* DROP_NEW: the send succeeds, the message is counted as dropped, what is inside stays. */
Test(signal, drop_new_gives_up_the_latest)
{
    struct koken *rt = start(1);
    koken_ref who =
        make_busy(rt, (struct koken_spawn_options){.capacity = 4, .policy = KOKEN_POLICY_DROP_NEW});
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0);
    }
    cr_assert_eq(koken_queued(who), 4);
    open_gate();
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dropped, 6);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(values[i], i);
    }
    stop(rt);
}

/* DROP_OLD: the newest are kept, in order. */
Test(signal, drop_old_gives_up_the_oldest)
{
    struct koken *rt = start(1);
    koken_ref who =
        make_busy(rt, (struct koken_spawn_options){.capacity = 4, .policy = KOKEN_POLICY_DROP_OLD});
    cr_assert_eq(koken_signal(who, number, .value = 1000), 0);
    wait_for(&entered, 1);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0);
    }
    cr_assert_eq(koken_queued(who), 4);
    open_gate();
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).dropped, 6);
    cr_assert_eq(values[0], 1000);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(values[1 + i], 6 + i);
    }
    stop(rt);
}

/* SIGNAL: told from the high mark on, refused at the capacity only. */
Test(signal, signal_policy_tells_of_pressure)
{
    struct koken *rt = start(1);
    koken_ref who =
        make_busy(rt, (struct koken_spawn_options){
                          .capacity = 6, .high = 3, .low = 1, .policy = KOKEN_POLICY_SIGNAL});
    cr_assert_eq(koken_signal(who, number, .value = 0), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_signal(who, number, .value = 1), 0);
    for (uint32_t i = 2; i < 6; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), KOKEN_PRESSURE, "message %u", i);
    }
    cr_assert_eq(koken_signal(who, number, .value = 6), -EAGAIN);
    open_gate();
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 6);
    stop(rt);
}

/* GROW has no bound. PARK answers a thread outside, which cannot park, with -EAGAIN. */
Test(signal, grow_takes_all_and_park_refuses_threads)
{
    struct koken *rt = start(1);
    koken_ref grow = make_busy(rt, (struct koken_spawn_options){.policy = KOKEN_POLICY_GROW});
    koken_ref park = koken_spawn(rt, slow, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    for (uint32_t i = 0; i < 4000; i++) {
        cr_assert_eq(koken_signal(grow, number, .value = i), 0);
    }
    cr_assert_eq(koken_signal(park, number, .value = 0), 0);
    cr_assert_eq(koken_signal(park, number, .value = 0), -EAGAIN);
    open_gate();
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 4001);
    stop(rt);
}

/* A bound in bytes refuses at the byte, is given back, also by messages nobody handles and by victims. */
Test(signal, bytes_are_bounded)
{
    static const enum koken_policy policies[2] = {KOKEN_POLICY_REJECT, KOKEN_POLICY_DROP_OLD};
    for (int p = 0; p < 2; p++) {
        struct koken *rt = start(1);
        koken_ref who =
            make_busy(rt, (struct koken_spawn_options){
                              .capacity = 100, .capacity_bytes = 24, .policy = policies[p]});
        for (int round = 0; round < 3; round++) {
            reset(&gate);
            for (uint32_t i = 0; i < 3; i++) {
                cr_assert_eq(koken_signal(who, number, .value = i), 0, "policy %d, round %d", p,
                             round);
            }
            cr_assert_eq(koken_signal(who, number, .value = 3), -EAGAIN);
            cr_assert_eq(koken_signal(who, odd, .bytes = {1}), -EAGAIN);
            open_gate();
            drain(rt);
            cr_assert_eq(koken_signal(who, odd, .bytes = {1}), 0, "has no handler");
            drain(rt);
        }
        check_balance(rt, 0);
        stop(rt);
    }
    struct koken *rt = start(1);
    koken_ref who =
        make_busy(rt, (struct koken_spawn_options){
                          .capacity = 2, .capacity_bytes = 33, .policy = KOKEN_POLICY_DROP_OLD});
    cr_assert_eq(koken_signal(who, number, .value = 9), 0);
    wait_for(&entered, 1);
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(koken_signal(who, number, .value = i), 0, "the victim's bytes are free again");
    }
    open_gate();
    check_balance(rt, 0);
    cr_assert_eq(values[2], 19);
    koken_ref nobody = KOKEN_NOBODY;
    cr_assert_eq(
        koken_try_spawn(rt, &nobody, slow, .capacity_bytes = 5, .policy = KOKEN_POLICY_PARK),
        -EINVAL);
    stop(rt);
}

/* ---- order -------------------------------------------------------------------------------------------------- */

enum { SENDERS = 4, EACH = 10000 * SCALE };

struct ledger {
    uint32_t next[SENDERS];
    uint32_t total;
};

static int on_entry(koken_ctx *ctx, struct ledger *self, const struct number *msg)
{
    (void)ctx;
    expect(msg->sender < SENDERS && msg->value == self->next[msg->sender]);
    self->next[msg->sender]++;
    self->total++;
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(ledger, struct ledger, KOKEN_ON(number, on_entry));

struct thread_arg {
    koken_ref to;
    uint32_t id;
};

static void send_from_thread(void *arg)
{
    struct thread_arg *self = arg;
    for (uint32_t i = 0; i < EACH; i++) {
        int rc;
        while ((rc = koken_signal(self->to, number, .sender = self->id, .value = i)) == -EAGAIN) {
            kn_thread_yield();
        }
        expect(rc == 0);
    }
}

/* Four threads the runtime has never seen: each one's messages arrive once and in order (T010). */
Test(signal, threads_keep_their_order)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        struct kn_thread threads[SENDERS] = {{0}};
        struct thread_arg args[SENDERS];
        close_gate();
        koken_ref to = koken_spawn(rt, ledger, .capacity = 100);
        for (uint32_t i = 0; i < SENDERS; i++) {
            args[i] = (struct thread_arg){to, i};
            cr_assert_eq(kn_thread_start(&threads[i], "sender", send_from_thread, &args[i]), 0);
        }
        for (int i = 0; i < SENDERS; i++) {
            kn_thread_join(&threads[i]);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), SENDERS * EACH);
        stop(rt);
    }
}

struct source {
    koken_ref to;
    uint32_t id, sent;
};

/* Sends a few, and goes on by a message to itself; on a refusal it tries again. */
static int on_source(koken_ctx *ctx, struct source *self, const struct go *msg)
{
    (void)msg;
    for (int i = 0; i < 50 && self->sent < EACH; i++) {
        int rc = koken_signal(self->to, number, .sender = self->id, .value = self->sent);
        expect(rc == 0 || rc == -EAGAIN);
        if (rc < 0) {
            break;
        }
        self->sent++;
    }
    return self->sent < EACH ? koken_signal(koken_self(ctx), go) : KOKEN_STOP;
}

KOKEN_AGENT(source, struct source, KOKEN_ON(go, on_source));

/* The same from agents on 1, 2 and 4 workers; they end themselves, and the counts say so. */
Test(signal, agents_keep_their_order)
{
    static const unsigned workers[3] = {1, 2, 4};
    for (int w = 0; w < 3; w++) {
        struct koken *rt = start(workers[w]);
        close_gate();
        koken_ref to = koken_spawn(rt, ledger, .capacity = 100);
        for (uint32_t i = 0; i < SENDERS; i++) {
            struct source arg = {to, i, 0};
            koken_ref who = koken_spawn(rt, source, .arg = &arg);
            cr_assert_eq(koken_signal(who, go), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), SENDERS * EACH);
        cr_assert_eq(metrics(rt).exited, SENDERS);
        cr_assert_eq(metrics(rt).failed, 0);
        stop(rt);
    }
}

/* ---- payloads and stamps ---------------------------------------------------------------------------------- */

static kn_atomic(uint64_t) stamped_at, seen_at;

static int on_wide(koken_ctx *ctx, struct slow *self, const struct wide *msg)
{
    (void)self;
    for (size_t i = 0; i < sizeof msg->text; i++) {
        expect(msg->text[i] == (char)('a' + i % 26));
    }
    kn_store(&stamped_at, koken_sent_at(ctx), relaxed);
    kn_store(&seen_at, koken_now(), relaxed);
    (void)count(&handled);
    return 0;
}

static int on_odd(koken_ctx *ctx, struct slow *self, const struct odd *msg)
{
    (void)self;
    for (size_t i = 0; i < sizeof msg->bytes; i++) {
        expect(msg->bytes[i] == 200 - i);
    }
    expect(koken_message_type(ctx) == &koken_type_odd);
    (void)count(&handled);
    return 0;
}

static int on_go(koken_ctx *ctx, struct slow *self, const struct go *msg)
{
    (void)self, (void)msg;
    expect(koken_is_nobody(koken_sender(ctx)));
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(reader, struct slow, KOKEN_ON(wide, on_wide), KOKEN_ON(odd, on_odd),
            KOKEN_ON(go, on_go));

/* Payloads of any size arrive whole; a stamp survives the hop and is not later than the handling (T009). */
Test(signal, payloads_and_stamps_arrive)
{
    for (int stamping = 0; stamping < 2; stamping++) {
        struct koken *rt = start_with(1, (struct koken_options){.stamp_messages = stamping});
        struct wide wide;
        struct odd odd;
        for (size_t i = 0; i < sizeof wide.text; i++) {
            wide.text[i] = (char)('a' + i % 26);
        }
        for (size_t i = 0; i < sizeof odd.bytes; i++) {
            odd.bytes[i] = (unsigned char)(200 - i);
        }
        close_gate();
        koken_ref who = koken_spawn(rt, reader);
        uint64_t before = koken_now();
        cr_assert_eq(koken_send(who, wide, &wide), 0);
        uint64_t after = koken_now();
        cr_assert_eq(koken_send(who, odd, &odd), 0);
        cr_assert_eq(koken_signal(who, go), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 3);
        uint64_t at = kn_load(&stamped_at, relaxed);
        if (stamping) {
            cr_assert_geq(at, before);
            cr_assert_leq(at, after);
            cr_assert_leq(at, kn_load(&seen_at, relaxed));
        } else {
            cr_assert_eq(at, 0);
        }
        stop(rt);
    }
}

/* ---- nobody there ------------------------------------------------------------------------------------------- */

/* Dead, made up, and of a runtime that is gone: -ESRCH, and nothing is counted as sent. */
Test(signal, stale_handles_reach_nobody)
{
    struct koken *rt = start(1);
    koken_ref who = koken_spawn(rt, reader);
    cr_assert_eq(koken_exit(who), 0);
    drain(rt);
    cr_assert_eq(koken_signal(who, go), -ESRCH);
    cr_assert_eq(koken_exit(who), -ESRCH);
    cr_assert_not(koken_alive(who));
    cr_assert_eq(koken_queued(who), 0);
    koken_ref made_up[4] = {
        {0}, {(uint64_t)7 << 32 | 1}, {UINT64_MAX}, {(uint64_t)5 << 32 | 0x0fffffff}};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(koken_signal(made_up[i], go), -ESRCH);
        cr_assert_not(koken_alive(made_up[i]));
    }
    koken_ref other = koken_spawn(rt, reader);
    stop(rt);
    cr_assert_eq(koken_signal(other, go), -ESRCH);
    cr_assert_eq(koken_exit(other), -ESRCH);
    struct koken *second = start(1);
    koken_ref fresh = koken_spawn(second, reader);
    cr_assert_neq(fresh.id, other.id);
    cr_assert_neq(fresh.id, who.id);
    cr_assert_eq(koken_signal(other, go), -ESRCH, "the slot's next agent is not reached");
    stop(second);
}

/* ---- between runtimes ----------------------------------------------------------------------------------- */

static int on_target(koken_ctx *ctx, struct slow *self, const struct target *msg)
{
    (void)ctx, (void)self;
    expect(koken_signal(msg->who, go) == 0);
    expect(koken_exit(msg->who) == 0);
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(bridge, struct slow, KOKEN_ON(target, on_target));

/* An agent signals and stops agents of another runtime; each runtime's messages balance on their own. */
Test(signal, crosses_runtimes)
{
    struct koken *left = start(1), *right = NULL;
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1}, &right), 0);
    close_gate();
    koken_ref bridge = koken_spawn(left, bridge);
    for (int i = 0; i < 200; i++) {
        koken_ref who = koken_spawn(right, reader);
        cr_assert_eq(koken_signal(bridge, target, .who = who), 0);
    }
    check_balance(left, 0);
    check_balance(right, 0);
    cr_assert_eq(reading(&handled) + metrics(right).dead, 400, "the stop may overtake the signal");
    cr_assert_eq(metrics(right).exited, 200);
    cr_assert_eq(koken_stop(left, KOKEN_S(10)), 0);
    cr_assert_eq(koken_signal(koken_spawn(right, reader), go), 0, "the other one goes on");
    stop(right);
}

/* ---- during a stop --------------------------------------------------------------------------------------- */

static kn_atomic(uint32_t) is_over;

static void flood(void *arg)
{
    koken_ref to = *(koken_ref *)arg;
    while (!reading(&is_over)) {
        int rc = koken_signal(to, go);
        expect(rc == 0 || rc == -EAGAIN || rc == -ESHUTDOWN || rc == -ESRCH);
        rc = koken_exit(KOKEN_NOBODY);
        expect(rc == -ESRCH);
        (void)koken_alive(to);
        (void)koken_queued(to);
    }
}

/* Threads that send while the runtime stops get an answer and do no harm, over and over. */
Test(signal, threads_may_send_during_a_stop)
{
    for (int round = 0; round < 20 * SCALE; round++) {
        struct koken *rt = start((unsigned)round % 2 + 1);
        struct kn_thread threads[2] = {{0}};
        reset(&is_over);
        koken_ref to = koken_spawn(rt, reader);
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(kn_thread_start(&threads[i], "flood", flood, &to), 0);
        }
        cr_assert_eq(koken_stop(rt, KOKEN_S(20)), 0);
        kn_store(&is_over, 1, release);
        for (int i = 0; i < 2; i++) {
            kn_thread_join(&threads[i]);
        }
        cr_assert_eq(koken_signal(to, go), -ESRCH);
        assert_nothing_wrong();
    }
}
