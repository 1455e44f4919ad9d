/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the end of an agent: the hook of the type it was spawned as is called once, after the last message,
 * with the reason; whatever waited becomes a dead letter, is counted, and those who wait for an answer hear
 * -ESRCH; sends from the hook are as any other; payloads are dropped; a failure is told to the log.
 */
#include "test/support/runtime.h"

KOKEN_EVENT(go);
KOKEN_EVENT(turn_to);
KOKEN_MESSAGE(question, { uint32_t value; });
KOKEN_MESSAGE(answer, { uint32_t value; });
KOKEN_MESSAGE(note, { koken_ref from; });

static kn_atomic(uint32_t) handled, exits, notes, gate, inside, drops;
static koken_ref listener;

static void clear(void)
{
    reset(&handled);
    reset(&exits);
    reset(&notes);
    reset(&gate);
    reset(&inside);
    reset(&drops);
}

struct agent {
    uint32_t seen;
};

static int on_go(koken_ctx *ctx, struct agent *self, const struct go *msg)
{
    (void)ctx, (void)msg;
    self->seen++;
    (void)count(&inside);
    wait_for(&gate, 1);
    (void)count(&handled);
    return 0;
}

/* Sends in its hook: to a listener, to itself, to nobody; and asks for a timer that will never ring. */
static void on_agent_exit(koken_ctx *ctx, struct agent *self, int reason)
{
    expect(koken_message_type(ctx) == NULL);
    expect(reason == 0 && self->seen <= 1000);
    expect(koken_alive(koken_self(ctx)));
    int rc = koken_signal(listener, note, .from = koken_self(ctx));
    expect(rc == 0 || rc == -EAGAIN || rc == -ESRCH);
    rc = koken_signal(koken_self(ctx), go);
    expect(rc == 0 || rc == -EAGAIN);
    expect(koken_after(ctx, KOKEN_S(100), go).id != 0);
    expect(koken_stash(ctx) == -EINVAL);
    (void)count(&exits);
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(go, on_go), KOKEN_EXIT(on_agent_exit));

static int on_note(koken_ctx *ctx, struct agent *self, const struct note *msg)
{
    (void)self;
    expect(koken_ref_equal(koken_sender(ctx), msg->from));
    (void)count(&notes);
    return 0;
}

KOKEN_AGENT(listening, struct agent, KOKEN_ON(note, on_note));

/* The hook is called once and may send; what waited is dead; the handle is stale. */
Test(end, hook_runs_once_and_may_send)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        listener = koken_spawn(rt, listening, .policy = KOKEN_POLICY_GROW);
        kn_store(&gate, 1, release);
        for (int i = 0; i < 100; i++) {
            koken_ref who = koken_spawn(rt, agent);
            for (int k = 0; k < 10; k++) {
                cr_assert_eq(koken_signal(who, go), 0);
            }
            cr_assert_eq(koken_exit(who), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(reading(&exits), 100);
        cr_assert_eq(reading(&notes), 100);
        struct koken_metrics m = metrics(rt);
        cr_assert_eq(m.exited, 100);
        cr_assert_eq(m.failed, 0);
        cr_assert_eq(m.dead + reading(&handled), 1100,
                     "ten each, and the one it sent itself in its hook");
        stop(rt);
    }
}

/* ---- a hook that parks -------------------------------------------------------------------------------------- */

static int on_hold(koken_ctx *ctx, struct agent *self, const struct note *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&inside);
    wait_for(&gate, 1);
    (void)count(&notes);
    return 0;
}

KOKEN_AGENT(holding, struct agent, KOKEN_ON(note, on_hold));

/* A hook whose send finds a full PARK mailbox does not wait: the message is given up with the agent. */
Test(end, hook_does_not_wait_for_room)
{
    struct koken *rt = start(2);
    clear();
    listener = koken_spawn(rt, holding, .capacity = 1, .policy = KOKEN_POLICY_PARK);
    cr_assert_eq(koken_signal(listener, note), 0);
    wait_for(&inside, 1);
    koken_ref who = koken_spawn(rt, agent);
    cr_assert_eq(koken_exit(who), 0);
    while (koken_alive(who)) {
        kn_thread_yield();
    }
    kn_store(&gate, 1, release);
    check_balance(rt, 0);
    cr_assert_eq(reading(&notes), 1);
    cr_assert_geq(metrics(rt).dead, 1);
    stop(rt);
}

/* ---- become and the hook -------------------------------------------------------------------------------------- */

static void never(koken_ctx *ctx, struct agent *self, int reason)
{
    (void)ctx, (void)self;
    expect(reason == 4711); /* the hook of a behaviour is not called */
}

static int on_again(koken_ctx *ctx, struct agent *self, const struct go *msg)
{
    (void)ctx, (void)msg, (void)self;
    return -EPERM;
}

KOKEN_BEHAVIOUR(second, struct agent, KOKEN_ON(go, on_again), KOKEN_EXIT(never));

static int on_turn_to(koken_ctx *ctx, struct agent *self, const struct turn_to *msg)
{
    (void)self, (void)msg;
    return koken_become(ctx, second);
}

static void on_first_exit(koken_ctx *ctx, struct agent *self, int reason)
{
    (void)ctx, (void)self;
    expect(reason == -EPERM);
    (void)count(&exits);
}

KOKEN_AGENT(first, struct agent, KOKEN_ON(turn_to, on_turn_to), KOKEN_EXIT(on_first_exit));

static kn_atomic(uint32_t) lines;

static void log_line(void *arg, const char *line)
{
    expect(arg == &lines);
    if (strstr(line, "first") && strstr(line, "EPERM") && strstr(line, "go")) {
        (void)count(&lines);
    }
}

/* The hook is that of the type the agent was spawned as; the log hears of the failure, by name. */
Test(end, hook_of_the_first_type_and_a_line_in_the_log)
{
    struct koken *rt = start_with(1, (struct koken_options){.log = log_line, .log_arg = &lines});
    clear();
    reset(&lines);
    koken_ref who = koken_spawn(rt, first);
    cr_assert_eq(koken_signal(who, turn_to), 0);
    cr_assert_eq(koken_signal(who, go), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&exits), 1);
    cr_assert_eq(reading(&lines), 1);
    cr_assert_eq(metrics(rt).failed, 1);
    stop(rt);
}

/* ---- those who wait for an answer ---------------------------------------------------------------------------- */

struct asking {
    struct koken *rt;
    koken_ref to;
    int rc;
};

static void ask(void *arg)
{
    struct asking *self = arg;
    struct answer got;
    self->rc = koken_await(self->rt, self->to, KOKEN_S(300), &got, question, .value = 1);
}

/* Requests in the mailbox of an agent that ends are answered with -ESRCH at once. */
Test(end, requests_in_the_mailbox_are_answered)
{
    struct koken *rt = start(2);
    struct kn_thread threads[4] = {{0}};
    struct asking asking[4];
    clear();
    listener = koken_spawn(rt, listening);
    koken_ref who = koken_spawn(rt, agent);
    cr_assert_eq(koken_signal(who, go), 0);
    wait_for(&inside, 1);
    for (int i = 0; i < 4; i++) {
        asking[i] = (struct asking){rt, who, 0};
        cr_assert_eq(kn_thread_start(&threads[i], "ask", ask, &asking[i]), 0);
    }
    while (koken_queued(who) < 5) {
        kn_thread_yield();
    }
    cr_assert_eq(koken_exit(who), 0);
    kn_store(&gate, 1, release);
    for (int i = 0; i < 4; i++) {
        kn_thread_join(&threads[i]);
        cr_assert(asking[i].rc == -ESRCH || asking[i].rc == -ENOTSUP, "%s",
                  koken_errname(asking[i].rc));
    }
    check_balance(rt, 0);
    stop(rt);
}
