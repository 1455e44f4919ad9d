/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves supervision (T038, P13): who is started again by which strategy, in which order, with fresh state
 * under another handle; that the intensity is never exceeded and giving up is seen one floor up; that a
 * supervisor ends its children in order, does not wait for ever, and starts nothing while the runtime stops.
 */
#include "actors/supervisor.h"
#include "test/support/runtime.h"

KOKEN_MESSAGE(touch, { uint32_t unused; });
KOKEN_MESSAGE(get, { uint32_t unused; });
KOKEN_MESSAGE(got, {
    uint32_t id;
    uint32_t touched;
});
KOKEN_MESSAGE(fall, { int32_t reason; });
KOKEN_EVENT(hang);

enum { LOG = 64 };

static kn_atomic(uint32_t) story[LOG]; /* id of a start; id + 100 of an end */
static kn_atomic(uint32_t) story_len;
static kn_atomic(uint32_t) births;
static kn_atomic(uint32_t) fails_at; /* births from this one on fail, 0: none */
static kn_atomic(uint32_t) gate;
static kn_atomic(uint32_t) entered;

static void tell_story(uint32_t what)
{
    uint32_t at = count(&story_len);
    kn_store(&story[at % LOG], what, relaxed);
}

static void reset_all(void)
{
    reset(&story_len);
    reset(&births);
    reset(&fails_at);
    reset(&gate);
    reset(&entered);
}

static void check_story(uint32_t from, uint32_t n, const uint32_t *expected)
{
    cr_assert_eq(reading(&story_len), from + n, "story has %u lines", reading(&story_len));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t found = kn_load(&story[from + i], relaxed);
        cr_assert_eq(found, expected[i], "line %u is %u, not %u", i, found, expected[i]);
    }
}

struct worker {
    uint32_t id;
    uint32_t touched;
};

static int worker_init(koken_ctx *ctx, struct worker *self, const void *arg)
{
    (void)ctx;
    uint32_t number = count(&births) + 1, limit = reading(&fails_at);
    if (limit && number >= limit) {
        return -EBUSY;
    }
    self->id = *(const uint32_t *)arg;
    tell_story(self->id);
    return 0;
}

static int on_touch(koken_ctx *ctx, struct worker *self, const struct touch *msg)
{
    (void)ctx, (void)msg;
    self->touched++;
    return 0;
}

static int on_get(koken_ctx *ctx, struct worker *self, const struct get *msg)
{
    (void)msg;
    return koken_reply(ctx, got, .id = self->id, .touched = self->touched);
}

static int on_fall(koken_ctx *ctx, struct worker *self, const struct fall *msg)
{
    (void)ctx, (void)self;
    return msg->reason ? msg->reason : KOKEN_STOP;
}

static int on_hang(koken_ctx *ctx, struct worker *self, const struct hang *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&entered);
    wait_for(&gate, 1);
    return 0;
}

static void worker_exit(koken_ctx *ctx, struct worker *self, int reason)
{
    (void)ctx, (void)reason;
    tell_story(self->id + 100);
}

KOKEN_AGENT(worker, struct worker, KOKEN_INIT(worker_init), KOKEN_ON(touch, on_touch),
            KOKEN_ON(get, on_get), KOKEN_ON(fall, on_fall), KOKEN_ON(hang, on_hang),
            KOKEN_EXIT(worker_exit));

static const uint32_t ids[] = {1, 2, 3};
#define WORKER(i, ...)                                                                             \
    {                                                                                              \
        .type = KOKEN_AGENT_TYPE(worker), .options = {.arg = &ids[i]}, __VA_ARGS__                 \
    }

static const struct koken_child three[] = {WORKER(0, .restart = KOKEN_PERMANENT),
                                           WORKER(1, .restart = KOKEN_PERMANENT),
                                           WORKER(2, .restart = KOKEN_PERMANENT)};

static koken_ref child_of(koken_ref supervisor, uint32_t index)
{
    koken_ref ref = KOKEN_NOBODY;
    int rc = koken_supervised(supervisor, index, &ref);
    cr_assert_eq(rc, 0, "child %u: %s", index, koken_errname(rc));
    return ref;
}

static koken_ref supervise(struct koken *rt, const struct koken_supervisor *spec)
{
    koken_ref ref = KOKEN_NOBODY;
    int rc = koken_supervise(rt, spec, &ref);
    cr_assert_eq(rc, 0, "supervise: %s", koken_errname(rc));
    return ref;
}

static void fell(struct koken *rt, koken_ref who, int reason)
{
    cr_assert_eq(koken_signal(who, fall, .reason = reason), 0);
    drain(rt);
}

/* The failed one alone comes back: fresh, under another handle; what waited for it is dead. */
Test(supervisor, one_for_one_restarts_the_one)
{
    reset_all();
    struct koken *rt = start(2);
    struct koken_supervisor spec = {.children = three, .child_count = 3};
    koken_ref supervisor = supervise(rt, &spec);
    koken_ref first = child_of(supervisor, 0), old = child_of(supervisor, 1);
    cr_assert_eq(koken_signal(old, touch), 0);
    fell(rt, old, -EPROTO);
    koken_ref now = child_of(supervisor, 1);
    cr_assert(!koken_ref_equal(now, old));
    cr_assert_eq(koken_signal(old, touch), -ESRCH);
    cr_assert(koken_ref_equal(first, child_of(supervisor, 0)));
    struct got answer;
    cr_assert_eq(koken_await(rt, now, KOKEN_S(60), &answer, get), 0);
    cr_assert_eq(answer.id, 2);
    cr_assert_eq(answer.touched, 0);
    const uint32_t expected[] = {1, 2, 3, 102, 2};
    check_story(0, 5, expected);
    cr_assert_eq(koken_supervised(supervisor, 3, &now), -EINVAL);
    cr_assert_eq(koken_supervised(first, 0, &now), -ESRCH);
    check_balance(rt, 0);
    stop(rt);
}

/* All are stopped from the last to the first, then started from the first to the last. */
Test(supervisor, one_for_all_restarts_all_in_order)
{
    reset_all();
    struct koken *rt = start(2);
    struct koken_supervisor spec = {
        .children = three, .child_count = 3, .strategy = KOKEN_ONE_FOR_ALL};
    koken_ref supervisor = supervise(rt, &spec);
    fell(rt, child_of(supervisor, 1), -EPROTO);
    const uint32_t expected[] = {1, 2, 3, 102, 103, 101, 1, 2, 3};
    check_story(0, 9, expected);
    stop(rt);
}

/* Those behind the failed one go with it; the one in front stays. */
Test(supervisor, rest_for_one_restarts_the_rest)
{
    reset_all();
    struct koken *rt = start(2);
    struct koken_supervisor spec = {
        .children = three, .child_count = 3, .strategy = KOKEN_REST_FOR_ONE};
    koken_ref supervisor = supervise(rt, &spec);
    koken_ref first = child_of(supervisor, 0);
    fell(rt, child_of(supervisor, 1), -EPROTO);
    const uint32_t expected[] = {1, 2, 3, 102, 103, 2, 3};
    check_story(0, 7, expected);
    cr_assert(koken_ref_equal(first, child_of(supervisor, 0)));
    stop(rt);
}

/* Permanent comes back from any end, transient from a failure, temporary from none. */
Test(supervisor, each_kind_comes_back_from_its_ends)
{
    reset_all();
    struct koken *rt = start(2);
    static const struct koken_child kinds[] = {WORKER(0, .restart = KOKEN_PERMANENT),
                                               WORKER(1, .restart = KOKEN_TRANSIENT),
                                               WORKER(2, .restart = KOKEN_TEMPORARY)};
    struct koken_supervisor spec = {.children = kinds, .child_count = 3};
    koken_ref supervisor = supervise(rt, &spec), ref;
    fell(rt, child_of(supervisor, 0), 0);
    fell(rt, child_of(supervisor, 1), -EPROTO);
    fell(rt, child_of(supervisor, 2), -EPROTO);
    cr_assert_eq(koken_supervised(supervisor, 2, &ref), -ESRCH);
    fell(rt, child_of(supervisor, 1), 0);
    cr_assert_eq(koken_supervised(supervisor, 1, &ref), -ESRCH);
    const uint32_t expected[] = {1, 2, 3, 101, 1, 102, 2, 103, 102};
    check_story(0, 9, expected);
    stop(rt);
}

/* Intensity 2: two restarts, and with the third failure the supervisor ends its children and fails. */
Test(supervisor, the_intensity_is_not_exceeded)
{
    reset_all();
    struct koken *rt = start(2);
    struct koken_supervisor spec = {
        .children = three, .child_count = 3, .intensity = 2, .period_ns = KOKEN_S(3600)};
    koken_ref supervisor = supervise(rt, &spec);
    for (int i = 0; i < 3; i++) {
        cr_assert(koken_alive(supervisor));
        fell(rt, child_of(supervisor, 2), -EPROTO);
    }
    cr_assert(!koken_alive(supervisor));
    const uint32_t expected[] = {1, 2, 3, 103, 3, 103, 3, 103, 102, 101};
    check_story(0, 10, expected);
    cr_assert_eq(metrics(rt).alive, 0);
    cr_assert_eq(metrics(rt).failed, 4, "the child three times, the supervisor once");
    stop(rt);
}

/* Restarts longer ago than the period are forgotten. */
Test(supervisor, old_restarts_are_forgotten)
{
    reset_all();
    struct koken *rt = start(1);
    struct koken_supervisor spec = {
        .children = three, .child_count = 1, .intensity = 1, .period_ns = 1};
    koken_ref supervisor = supervise(rt, &spec);
    for (int i = 0; i < 20; i++) {
        fell(rt, child_of(supervisor, 0), -EPROTO);
    }
    cr_assert(koken_alive(supervisor));
    stop(rt);
}

/* A supervisor that gives up is a failed child of the one above, which starts it again, children and all. */
Test(supervisor, giving_up_is_seen_above)
{
    reset_all();
    struct koken *rt = start(2);
    static const struct koken_supervisor inner = {
        .children = three, .child_count = 2, .intensity = 1, .period_ns = KOKEN_S(3600)};
    static const struct koken_child outer_children[] = {{.supervisor = &inner},
                                                        WORKER(2, .restart = KOKEN_PERMANENT)};
    struct koken_supervisor outer = {.children = outer_children, .child_count = 2};
    koken_ref top = supervise(rt, &outer);
    koken_ref middle = child_of(top, 0), other = child_of(top, 1);
    fell(rt, child_of(middle, 0), -EPROTO);
    fell(rt, child_of(middle, 0), -EPROTO);
    cr_assert(!koken_alive(middle));
    cr_assert(koken_alive(top));
    middle = child_of(top, 0);
    cr_assert(koken_alive(child_of(middle, 0)) && koken_alive(child_of(middle, 1)));
    cr_assert(koken_ref_equal(other, child_of(top, 1)));
    stop(rt);
}

/* koken_exit stops the children from the last to the first, and a tree from its leaves. */
Test(supervisor, a_stop_ends_the_children_in_order)
{
    reset_all();
    struct koken *rt = start(2);
    static const struct koken_supervisor inner = {.children = three, .child_count = 2};
    static const struct koken_child outer_children[] = {{.supervisor = &inner},
                                                        WORKER(2, .restart = KOKEN_PERMANENT)};
    struct koken_supervisor outer = {.children = outer_children, .child_count = 2};
    koken_ref top = supervise(rt, &outer);
    drain(rt);
    cr_assert_eq(koken_exit(top), 0);
    drain(rt);
    const uint32_t expected[] = {1, 2, 3, 103, 102, 101};
    check_story(0, 6, expected);
    cr_assert_eq(metrics(rt).alive, 0);
    cr_assert_eq(metrics(rt).failed, 0);
    stop(rt);
}

/* A child whose handler does not come back is given up at its deadline, and the supervisor ends. */
Test(supervisor, it_does_not_wait_for_ever)
{
    reset_all();
    struct koken *rt = start(2);
    static const struct koken_child slow[] = {WORKER(0, .shutdown_ns = KOKEN_MS(5))};
    struct koken_supervisor spec = {.children = slow, .child_count = 1};
    koken_ref supervisor = supervise(rt, &spec);
    cr_assert_eq(koken_signal(child_of(supervisor, 0), hang), 0);
    wait_for(&entered, 1);
    cr_assert_eq(koken_exit(supervisor), 0);
    while (koken_alive(supervisor)) { /* ends: the deadline */
        kn_thread_yield();
    }
    kn_store(&gate, 1, release);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 0);
    stop(rt);
}

/* A start that fails at first ends those before it; later it counts as a restart, until it gives up. */
Test(supervisor, failing_starts_are_answered_or_counted)
{
    reset_all();
    struct koken *rt = start(2);
    struct koken_supervisor spec = {
        .children = three, .child_count = 3, .period_ns = KOKEN_S(3600)};
    koken_ref ref;
    kn_store(&fails_at, 3, release);
    cr_assert_eq(koken_supervise(rt, &spec, &ref), -EBUSY);
    drain(rt);
    cr_assert_eq(metrics(rt).alive, 0);
    reset_all();
    koken_ref supervisor = supervise(rt, &spec);
    kn_store(&fails_at, 4, release);
    fell(rt, child_of(supervisor, 0), -EPROTO);
    cr_assert(!koken_alive(supervisor));
    cr_assert_eq(reading(&births), 6, "three starts, and the three that the intensity allows");
    cr_assert_eq(metrics(rt).alive, 0);
    stop(rt);
}

/* What cannot be is refused. */
Test(supervisor, nonsense_is_refused)
{
    struct koken *rt = start(1);
    static const struct koken_child neither[] = {{.restart = KOKEN_PERMANENT}};
    koken_ref ref;
    struct koken_supervisor spec = {.children = neither, .child_count = 1};
    cr_assert_eq(koken_supervise(rt, &spec, &ref), -EINVAL);
    spec = (struct koken_supervisor){.child_count = 1};
    cr_assert_eq(koken_supervise(rt, &spec, &ref), -EINVAL);
    spec = (struct koken_supervisor){.intensity = 1u << 20};
    cr_assert_eq(koken_supervise(rt, &spec, &ref), -EINVAL);
    cr_assert_eq(koken_supervise(rt, NULL, &ref), -EINVAL);
    cr_assert_eq(metrics(rt).spawned, 0);
    stop(rt);
}

/* Fibers fail and come back like others, however soon: none of their ends is missed. */
static int brief_body(koken_ctx *ctx, struct worker *self, const void *arg)
{
    (void)ctx, (void)self, (void)arg;
    return count(&births) + 1 < 200 ? -EPROTO : 0;
}

KOKEN_FIBER(brief, struct worker, brief_body);

Test(supervisor, no_end_is_missed)
{
    reset_all();
    struct koken *rt = start(2);
    static const struct koken_child children[] = {
        {.type = KOKEN_AGENT_TYPE(brief), .restart = KOKEN_TRANSIENT}};
    struct koken_supervisor spec = {
        .children = children, .child_count = 1, .intensity = 1000, .period_ns = KOKEN_S(3600)};
    koken_ref supervisor = supervise(rt, &spec), ref;
    drain(rt);
    cr_assert_eq(reading(&births), 200);
    cr_assert_eq(koken_supervised(supervisor, 0, &ref), -ESRCH);
    cr_assert(koken_alive(supervisor));
    stop(rt);
}

/* A stop of the runtime in the middle of a storm of restarts ends, and leaves nothing. */
Test(supervisor, a_stop_in_a_storm_ends)
{
    for (uint32_t i = 0; i < 10 * SCALE; i++) {
        reset_all();
        struct koken *rt = start(2);
        struct koken_supervisor spec = {.children = three,
                                        .child_count = 3,
                                        .strategy = (enum koken_strategy)(i % 3),
                                        .intensity = 1000};
        koken_ref supervisor = supervise(rt, &spec), ref;
        for (uint32_t k = 0; k < i; k++) {
            if (koken_supervised(supervisor, k % 3, &ref) == 0) {
                int rc = koken_signal(ref, fall, .reason = -EPROTO);
                cr_assert(rc == 0 || rc == -ESRCH);
            }
        }
        struct koken_stop_plan plan = {0, i % 2 ? KOKEN_S(5) : 0, KOKEN_S(30)};
        cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
#ifdef KN_DEBUG
        cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
    }
    assert_nothing_wrong();
}
