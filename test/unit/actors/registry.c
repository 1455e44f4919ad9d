/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a name leads to one living agent, from its registration to its agent's end and not beyond;
 * that groups hold their members likewise; and that threads, ends and lack of memory break neither.
 */
#include "actors/registry.h"
#include "test/support/runtime.h"

#include <stdio.h>
#include <string.h>

KOKEN_MESSAGE(slow_down, { uint32_t unused; });
KOKEN_EVENT(leave_all);
KOKEN_EVENT(probe);

enum { ROUNDS = 200 * SCALE };

static kn_atomic(uint32_t) gate;
static kn_atomic(uint32_t) entered;
static kn_atomic(uint32_t) seen_in_exit;
static kn_atomic(uint32_t) downs;

struct member {
    koken_ref watched;
};

static int on_slow(koken_ctx *ctx, struct member *self, const struct slow_down *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

static int on_leave(koken_ctx *ctx, struct member *self, const struct leave_all *msg)
{
    (void)self, (void)msg;
    expect(koken_register(ctx, "mine", koken_self(ctx)) == 0);
    expect(koken_ref_equal(koken_whereis(ctx, "mine"), koken_self(ctx)));
    return KOKEN_STOP;
}

static void on_exit_hook(koken_ctx *ctx, struct member *self, int reason)
{
    (void)self, (void)reason;
    if (koken_ref_equal(koken_whereis(ctx, "mine"), koken_self(ctx))) {
        (void)count(&seen_in_exit);
    }
}

KOKEN_AGENT(member, struct member, KOKEN_ON(slow_down, on_slow), KOKEN_ON(leave_all, on_leave),
            KOKEN_EXIT(on_exit_hook));

/* Registers the name that its friend had as soon as it hears of the friend's end. */
static int heir_init(koken_ctx *ctx, struct member *self, const void *arg)
{
    memcpy(&self->watched, arg, sizeof self->watched);
    return koken_monitor(ctx, self->watched) > 0 ? 0 : -ENOMEM;
}

static int on_down(koken_ctx *ctx, struct member *self, const struct koken_down *msg)
{
    (void)self, (void)msg;
    expect(koken_is_nobody(koken_whereis(ctx, "crown")));
    expect(koken_register(ctx, "crown", koken_self(ctx)) == 0);
    (void)count(&downs);
    return 0;
}

KOKEN_AGENT(heir, struct member, KOKEN_INIT(heir_init), KOKEN_ON(koken_down, on_down));

static void reset_all(void)
{
    reset(&gate);
    reset(&entered);
    reset(&seen_in_exit);
    reset(&downs);
}

static koken_ref spawn_member(struct koken *rt)
{
    koken_ref ref = koken_spawn(rt, member);
    cr_assert(!koken_is_nobody(ref));
    return ref;
}

/* One agent per name, many names per agent; free again when taken back. */
Test(registry, a_name_leads_to_one_agent)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref left = spawn_member(rt), right = spawn_member(rt);
    char longest[70];
    memset(longest, 'x', sizeof longest);
    longest[63] = '\0';
    cr_assert(koken_is_nobody(koken_whereis(rt, "left")));
    cr_assert_eq(koken_unregister(rt, "left"), -ESRCH);
    cr_assert_eq(koken_register(rt, "left", left), 0);
    cr_assert_eq(koken_register(rt, "left", left), -EALREADY);
    cr_assert_eq(koken_register(rt, "left", right), -EALREADY);
    cr_assert_eq(koken_register(rt, longest, left), 0);
    cr_assert(koken_ref_equal(koken_whereis(rt, "left"), left));
    cr_assert(koken_ref_equal(koken_whereis(rt, longest), left));
    cr_assert_eq(koken_unregister(rt, "left"), 0);
    cr_assert(koken_is_nobody(koken_whereis(rt, "left")));
    cr_assert_eq(koken_register(rt, "left", right), 0);
    cr_assert(koken_ref_equal(koken_whereis(rt, "left"), right));
    longest[63] = 'x';
    longest[64] = '\0';
    cr_assert_eq(koken_register(rt, longest, left), -EINVAL);
    cr_assert_eq(koken_register(rt, "", left), -EINVAL);
    cr_assert_eq(koken_register(rt, NULL, left), -EINVAL);
    cr_assert_eq(koken_register((struct koken *)NULL, "left", left), -EINVAL);
    cr_assert_eq(koken_register(rt, "nobody", KOKEN_NOBODY), -ESRCH);
    check_balance(rt, 0);
    stop(rt);
}

/* The name is there in the last handler and in the exit hook, and gone when the agent is. */
Test(registry, a_name_ends_with_its_agent)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref who = spawn_member(rt);
    cr_assert_eq(koken_register(rt, "who", who), 0);
    cr_assert_eq(koken_signal(who, slow_down), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_exit(who), 0);
    cr_assert(koken_ref_equal(koken_whereis(rt, "who"), who), "it has not ended yet");
    kn_store(&gate, 1, release);
    drain(rt);
    cr_assert(koken_is_nobody(koken_whereis(rt, "who")));
    cr_assert_eq(koken_register(rt, "who", who), -ESRCH);
    who = spawn_member(rt);
    cr_assert_eq(koken_signal(who, leave_all), 0);
    drain(rt);
    cr_assert_eq(reading(&seen_in_exit), 1);
    cr_assert(koken_is_nobody(koken_whereis(rt, "mine")));
    check_balance(rt, 0);
    stop(rt);
}

/* Who hears of an end may have the name at once. */
Test(registry, a_name_is_free_when_the_end_is_heard)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref king = spawn_member(rt);
    cr_assert_eq(koken_register(rt, "crown", king), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        koken_ref heir = koken_spawn(rt, heir, .arg = &king, .arg_size = sizeof king);
        cr_assert(!koken_is_nobody(heir));
        drain(rt);
        cr_assert_eq(koken_exit(king), 0);
        wait_for(&downs, i + 1);
        king = heir;
    }
    drain(rt);
    cr_assert(koken_ref_equal(koken_whereis(rt, "crown"), king));
    stop(rt);
}

static int compare(koken_ref left, koken_ref right)
{
    return koken_ref_equal(left, right);
}

/* Groups: members come, leave, and end. */
Test(registry, groups_hold_their_members)
{
    reset_all();
    struct koken *rt = start(2);
    koken_ref all[8], found[8];
    cr_assert_eq(koken_members(rt, "band", found, 8), 0);
    for (int i = 0; i < 8; i++) {
        all[i] = spawn_member(rt);
        cr_assert_eq(koken_join(rt, "band", all[i]), 0);
    }
    cr_assert_eq(koken_join(rt, "band", all[3]), -EALREADY);
    cr_assert_eq(koken_register(rt, "band", all[0]), 0, "a name and a group are two things");
    cr_assert_eq(koken_members(rt, "band", found, 8), 8);
    cr_assert_eq(koken_members(rt, "band", found, 2), 8);
    cr_assert_eq(koken_members(rt, "band", NULL, 0), 8);
    cr_assert_eq(koken_members(rt, "band", NULL, 1), -EINVAL);
    cr_assert_eq(koken_leave(rt, "band", all[3]), 0);
    cr_assert_eq(koken_leave(rt, "band", all[3]), -ESRCH);
    cr_assert_eq(koken_leave(rt, "band", KOKEN_NOBODY), -ESRCH);
    cr_assert_eq(koken_exit(all[5]), 0);
    drain(rt);
    cr_assert_eq(koken_members(rt, "band", found, 8), 6);
    for (int i = 0; i < 6; i++) {
        cr_assert(!compare(found[i], all[3]) && !compare(found[i], all[5]));
    }
    stop(rt);
}

/* ---- threads -------------------------------------------------------------------------------------------- */

static struct koken *shared_rt;
static kn_atomic(uint32_t) is_over;

static void look(void *arg)
{
    (void)arg;
    while (!reading(&is_over)) { /* ends: told so */
        koken_ref ref = koken_whereis(shared_rt, "busy");
        koken_ref found[4];
        int n = koken_members(shared_rt, "crowd", found, 4);
        expect(n >= 0);
        if (!koken_is_nobody(ref)) {
            int rc = koken_signal(ref, slow_down);
            expect(rc == 0 || rc == -ESRCH || rc == -EAGAIN);
        }
    }
}

/* A name that changes hands all the time, by ends and by unregistering, while a thread looks. */
Test(registry, names_may_change_while_others_look)
{
    reset_all();
    reset(&is_over);
    kn_store(&gate, 1, release);
    struct koken *rt = start(2);
    struct kn_thread thread = {0};
    shared_rt = rt;
    cr_assert_eq(kn_thread_start(&thread, "looker", look, NULL), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        koken_ref who = spawn_member(rt);
        cr_assert_eq(koken_register(rt, "busy", who), 0);
        cr_assert_eq(koken_join(rt, "crowd", who), 0);
        if (i % 2) {
            cr_assert_eq(koken_unregister(rt, "busy"), 0);
        }
        cr_assert_eq(koken_exit(who), 0);
        while (koken_alive(who) || !koken_is_nobody(koken_whereis(rt, "busy")) ||
               koken_members(rt, "crowd", NULL, 0) > 0) { /* ends: with the agent */
            kn_thread_yield();
        }
    }
    (void)count(&is_over);
    kn_thread_join(&thread);
    stop(rt);
}

/* Without memory nothing is registered, and nothing is left. */
Test(registry, without_memory_it_is_refused)
{
    reset_all();
    struct koken *rt = start(1);
    koken_ref who = spawn_member(rt);
    int rc = -ENOMEM;
#ifdef KN_DEBUG
    for (uint64_t k = 0; k < 20 && rc == -ENOMEM; k++) {
        kn_alloc_fail_after(k);
        rc = koken_register(rt, "poor", who);
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || koken_is_nobody(koken_whereis(rt, "poor")));
    }
#else
    rc = koken_register(rt, "poor", who);
#endif
    cr_assert_eq(rc, 0);
    drain(rt);
    cr_assert_eq(koken_unregister(rt, "poor"), 0);
    stop(rt);
}

/* A stop with names in use leaves none. */
Test(registry, a_stop_ends_names)
{
    reset_all();
    struct koken *rt = start(2);
    for (int i = 0; i < 500; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "name %d", i);
        koken_ref who = spawn_member(rt);
        cr_assert_eq(koken_register(rt, name, who), 0);
        cr_assert_eq(koken_join(rt, "all", who), 0);
    }
    struct koken_stop_plan plan = {0, 0, KOKEN_S(30)};
    cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
#ifdef KN_DEBUG
    cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
}
