/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that who is stuck is named, to who asks and in the log; that fibers which would await each other
 * in a circle are told so at once; and that an answer given lets who gave it ask back.
 */
#include "actors/why.h"
#include "actors/fiber_agent.h"
#include "base/look.h"
#include "test/support/runtime.h"

#include <koken/why.h>

#include <string.h>

KOKEN_MESSAGE(query, { uint32_t depth; });
KOKEN_MESSAGE(reply, { int32_t rc; });
KOKEN_EVENT(hold);

static kn_atomic(uint32_t) gate;
static kn_atomic(uint32_t) entered;
static kn_atomic(uint32_t) lines;
static kn_atomic(int) result;

struct node {
    uint32_t unused;
};

static int on_hold(koken_ctx *ctx, struct node *self, const struct hold *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

KOKEN_AGENT(holder, struct node, KOKEN_ON(hold, on_hold));

/* Each of a circle of fibers answers a query by asking the next one. */
static koken_ref circle[3];

static int circle_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    uint32_t place = *(const uint32_t *)arg;
    struct koken_received got;
    (void)self;
    while (koken_receive(ctx, KOKEN_NO_DEADLINE, &got) == 0) { /* ends: stopped */
        struct reply answer = {0};
        int rc =
            koken_await(ctx, circle[(place + 1) % 3], KOKEN_S(600), &answer, query, .depth = 0);
        rc = rc == 0 ? answer.rc : rc;
        expect(koken_reply(ctx, reply, .rc = rc) == 0);
    }
    return 0;
}

KOKEN_FIBER(circle, struct node, circle_body);

static void reset_all(void)
{
    reset(&gate);
    reset(&entered);
    reset(&lines);
    kn_store(&result, 1, relaxed);
}

/* Three fibers in a circle: the last await is refused at once, and all of them have their answer. */
Test(why, a_circle_of_awaits_is_refused)
{
    reset_all();
    struct koken *rt = start(2);
    for (uint32_t i = 0; i < 3; i++) {
        circle[i] = koken_spawn(rt, circle, .arg = &i, .arg_size = sizeof i);
        cr_assert(!koken_is_nobody(circle[i]));
    }
    for (int i = 0; i < 50; i++) {
        struct reply answer;
        cr_assert_eq(koken_await(rt, circle[i % 3], KOKEN_S(60), &answer, query), 0);
        cr_assert_eq(answer.rc, -EDEADLK);
    }
    drain(rt);
    cr_assert_eq(kn_load(&rt->awaits, relaxed), 0);
    stop(rt);
}

/* A server that has answered asks its client back at once: no circle, whoever is faster. */
static int client_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    const koken_ref *server = arg;
    struct reply answer;
    struct koken_received got;
    (void)self;
    for (uint32_t i = 0; i < 500; i++) {
        expect(koken_await(ctx, *server, KOKEN_S(60), &answer, query, .depth = i) == 0);
        expect(koken_receive(ctx, KOKEN_S(60), &got) == 0);
        expect(koken_reply(ctx, reply, .rc = (int32_t)i) == 0);
    }
    (void)count(&entered);
    return 0;
}

static int server_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    struct koken_received got;
    (void)self, (void)arg;
    while (koken_receive(ctx, KOKEN_NO_DEADLINE, &got) == 0) { /* ends: stopped */
        koken_ref client = got.from;
        struct reply answer = {0};
        expect(koken_reply(ctx, reply, .rc = 0) == 0);
        expect(koken_await(ctx, client, KOKEN_S(60), &answer, query, .depth = 0) == 0);
    }
    return 0;
}

KOKEN_FIBER(client, struct node, client_body);
KOKEN_FIBER(server, struct node, server_body);

Test(why, who_has_answered_may_ask_back)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref server = koken_spawn(rt, server);
    koken_ref client = koken_spawn(rt, client, .arg = &server, .arg_size = sizeof server);
    cr_assert(!koken_is_nobody(client));
    wait_for(&entered, 1);
    drain(rt);
    cr_assert_eq(kn_load(&rt->awaits, relaxed), 0);
    stop(rt);
}

/* ---- telling -------------------------------------------------------------------------------------------- */

static int deaf_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    (void)self, (void)arg;
    return koken_sleep(ctx, KOKEN_NO_DEADLINE);
}

static int waiting_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    const koken_ref *whom = arg;
    struct reply answer;
    (void)self;
    (void)count(&entered);
    kn_store(&result, koken_await(ctx, *whom, KOKEN_NO_DEADLINE, &answer, query), relaxed);
    return 0;
}

KOKEN_FIBER(deaf, struct node, deaf_body);
KOKEN_FIBER(waiting, struct node, waiting_body);

/* Idle, running and waiting are told apart; a chain of waits is followed; stopped in it, nothing is left. */
Test(why, it_tells_what_an_agent_does)
{
    reset_all();
    struct koken *rt = start(2);
    char text[1000];
    koken_ref holder = koken_spawn(rt, holder), deaf = koken_spawn(rt, deaf);
    koken_ref waiting = koken_spawn(rt, waiting, .arg = &deaf, .arg_size = sizeof deaf);
    cr_assert(!koken_is_nobody(waiting));
    drain(rt);
    cr_assert_gt(koken_why(holder, text, sizeof text), 0);
    cr_assert_not_null(strstr(text, "agent holder "), "%s", text);
    cr_assert_not_null(strstr(text, "is idle, 0 messages wait"), "%s", text);
    int len = koken_why(waiting, text, sizeof text);
    cr_assert_eq(len, (int)strlen(text));
    cr_assert_not_null(strstr(text, "agent waiting "), "%s", text);
    cr_assert_not_null(strstr(text, "ms for the answer of "), "%s", text);
    cr_assert_not_null(strstr(text, "agent deaf "), "%s", text);
    cr_assert_eq(koken_why(waiting, text, 10), 9);
    cr_assert_eq(strlen(text), 9);
    reset(&entered);
    cr_assert_eq(koken_signal(holder, hold), 0);
    wait_for(&entered, 1);
    cr_assert_gt(koken_why(holder, text, sizeof text), 0);
    cr_assert_not_null(strstr(text, "in its handler of hold, 1 message waits"), "%s", text);
    kn_store(&gate, 1, release);
    cr_assert_eq(koken_exit(deaf), 0);
    drain(rt);
    cr_assert_eq(kn_load(&result, relaxed), -ESRCH);
    cr_assert_eq(koken_why(deaf, text, sizeof text), -ESRCH);
    cr_assert_eq(koken_why(holder, NULL, 10), -EINVAL);
    cr_assert_eq(koken_why(holder, text, 0), -EINVAL);
    deaf = koken_spawn(rt, deaf);
    waiting = koken_spawn(rt, waiting, .arg = &deaf, .arg_size = sizeof deaf);
    drain(rt);
    struct koken_stop_plan plan = {0, 0, KOKEN_S(30)};
    cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
#ifdef KN_DEBUG
    cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
}

static void on_line(void *arg, const char *line)
{
    (void)arg;
    if (strstr(line, "agent holder ") && strstr(line, "handler of hold")) {
        (void)count(&lines);
    }
}

/* A handler that does not come back is named in the log, once. */
Test(why, a_stuck_handler_is_named)
{
    reset_all();
    struct koken *rt = start_with(2, (struct koken_options){.log = on_line});
    koken_ref holder = koken_spawn(rt, holder);
    cr_assert_eq(koken_signal(holder, hold), 0);
    wait_for(&lines, 1);
    kn_store(&gate, 1, release);
    drain(rt);
    cr_assert_eq(reading(&lines), 1);
    stop(rt);
}

/* ---- where it is stuck ------------------------------------------------------------------------------------ */

static kn_atomic(uint32_t) stack_lines;
static kn_atomic(uint32_t)
    is_named; /* the innermost function of ours, the handler or body below it, the turn */

KN_NOINLINE static void go_astray(void)
{
    (void)count(&entered);
    wait_for(&gate, 1);
    (void)count(&entered); /* not the last call: it stays on the stack */
}

KN_NOINLINE static int on_astray(koken_ctx *ctx, struct node *self, const struct hold *msg)
{
    (void)ctx, (void)self, (void)msg;
    go_astray();
    return 0;
}

KN_NOINLINE static int astray_body(koken_ctx *ctx, struct node *self, const void *arg)
{
    (void)self, (void)arg;
    struct koken_received got;
    while (koken_receive(ctx, KOKEN_NO_DEADLINE, &got) == 0) { /* ends: stopped */
        go_astray();
    }
    return 0;
}

KOKEN_AGENT(astray, struct node, KOKEN_ON(hold, on_astray));
KOKEN_FIBER(astray_fiber, struct node, astray_body);

static void on_stack_line(void *arg, const char *line)
{
    (void)arg;
    if (!strstr(line, " is at #")) {
        return;
    }
    cr_expect(strstr(line, "+0x"));
    if (strstr(line, " go_astray")) {
        (void)kn_or(&is_named, 1, acq_rel);
    }
    if (strstr(line, " on_astray") || strstr(line, " astray_body")) {
        (void)kn_or(&is_named, kn_load(&is_named, acquire) ? 2 : 0, acq_rel); /* below it */
    }
    (void)count(&stack_lines);
}

/* Whether the report of one that has gone astray had it where it was. */
static bool has_found_it(bool is_fiber)
{
    reset_all();
    reset(&stack_lines);
    reset(&is_named);
    struct koken *rt = start_with(2, (struct koken_options){.log = on_stack_line,
                                                            .watchdog_ns = KOKEN_MS(1),
                                                            .stack_size = 16 * 1024});
    koken_ref who = is_fiber ? koken_spawn(rt, astray_fiber) : koken_spawn(rt, astray);
    cr_assert_eq(koken_signal(who, hold), 0);
#ifndef KN_MSAN
    wait_for(&stack_lines, 1);
#endif
    kn_store(&gate, 1, release);
    drain(rt);
    stop(rt);
    cr_assert_leq(reading(&stack_lines), KN_LOOK_FRAMES); /* once */
    return reading(&is_named) == 3;
}

static void is_found_astray(bool is_fiber)
{
    bool is_found = false;
    /* One that was held up on its way astray was found there: then again. */
    for (int i = 0; i < 20 && !is_found; i++) {
        is_found = has_found_it(is_fiber);
    }
#ifndef KN_MSAN
    cr_assert(is_found);
#endif
}

/* The report of a handler that does not come back has the worker's stack, with the names of static functions. */
Test(why, a_stuck_handler_is_found_in_its_stack)
{
    is_found_astray(false);
}

/* The same on a fiber's stack, where the walk ends at the fiber's first function. */
Test(why, a_stuck_fiber_is_found_in_its_stack)
{
    is_found_astray(true);
}

Test(why, without_stacks_none_is_asked_for)
{
    reset_all();
    reset(&stack_lines);
    struct koken *rt = start_with(
        2, (struct koken_options){.log = on_line, .no_stacks = true, .watchdog_ns = KOKEN_MS(1)});
    koken_ref holder = koken_spawn(rt, holder);
    cr_assert_eq(koken_signal(holder, hold), 0);
    wait_for(&lines, 1);
    kn_store(&gate, 1, release);
    drain(rt);
    cr_assert_eq(reading(&stack_lines), 0);
    stop(rt);
}
