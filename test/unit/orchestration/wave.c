/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of waves over every shape: all are told, in as many hops as the view is deep (T056); parts and answers are
 * each member's own; folding meets each answer once; members that are dead, full, silent, or answer something else
 * are counted and stop nobody; the same for fibers, handlers and threads; and what bad input answers.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/wave.h>

enum { MEMBERS = 60 };

KOKEN_MESSAGE(part, { uint32_t value; });
KOKEN_MESSAGE(ask, { uint32_t add; });
KOKEN_MESSAGE(sum, {
    uint64_t value;
    uint32_t count;
});
KOKEN_MESSAGE(other, { uint32_t value; });
KOKEN_EVENT(begin);

enum manner { GOOD, SILENT, ODD, FAILING };

struct member {
    uint32_t number;
    enum manner manner;
};

static kn_atomic(uint32_t) heard, summed, ended;

static int on_part(koken_ctx *ctx, struct member *self, const struct part *msg)
{
    (void)ctx;
    expect(msg->value == 7 || msg->value == 1000 + self->number);
    (void)count(&heard);
    return 0;
}

static int on_ask(koken_ctx *ctx, struct member *self, const struct ask *msg)
{
    switch (self->manner) {
    case GOOD: return koken_reply(ctx, sum, .value = self->number + msg->add, .count = 1);
    case ODD: return koken_reply(ctx, other, .value = 1);
    case SILENT: (void)koken_defer(ctx); return 0;
    case FAILING: break;
    }
    return 0; /* without an answer */
}

static int on_sum(koken_ctx *ctx, struct member *self, const struct sum *msg)
{
    (void)ctx;
    (void)self;
    expect(msg->count > 0);
    (void)count(&summed);
    return 0;
}

KOKEN_AGENT(member, struct member, KOKEN_ON(part, on_part), KOKEN_ON(ask, on_ask),
            KOKEN_ON(sum, on_sum));

static koken_ref who[MEMBERS];

static void add(void *arg, void *into, const void *answer)
{
    const struct sum *more = answer;
    struct sum *all = into;
    (void)arg;
    all->value += more->value;
    all->count += more->count;
}

static struct koken_view *view_of(struct koken *rt, enum koken_shape shape, const char *manners)
{
    struct koken_topology *topology;
    struct koken_topology_options o = {.shape = shape, .seed = 3};
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct member state = {.number = i};
        char manner = manners[i % strlen(manners)];
        state.manner = manner == 's'   ? SILENT
                       : manner == 'o' ? ODD
                       : manner == 'f' ? FAILING
                                       : GOOD;
        who[i] = koken_spawn(rt, member, .arg = &state);
    }
    cr_assert_eq(koken_topology_new(rt, &o, who, MEMBERS, &topology), 0);
    struct koken_view *view = koken_view_open(topology);
    koken_topology_free(topology);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (manners[i % strlen(manners)] == 'd') {
            cr_assert_eq(koken_exit(who[i]), 0);
        }
    }
    drain(rt);
    reset(&heard);
    reset(&summed);
    return view;
}

Test(wave, tells_all_in_as_many_hops_as_the_view_is_deep)
{
    for (int shape = 0; shape < KOKEN_SHAPE_COUNT_; shape++) {
        struct koken *rt = start(2);
        struct koken_view *view = view_of(rt, (enum koken_shape)shape, "g");
        struct koken_wave_options o = {.root = who[5]};
        struct koken_wave *wave;
        cr_assert_eq(koken_wave(rt, view, &o, &wave, part, .value = 7), 0);
        struct koken_wave_report r = koken_wave_report(wave);
        cr_assert_eq(r.members, MEMBERS);
        cr_assert_eq(r.accepted, MEMBERS);
        cr_assert_eq(r.lost + r.full + r.dead, 0);
        cr_assert_eq((int)r.hops, koken_view_depth(view, who[5]));
        cr_assert_null(koken_wave_result(wave));
        koken_wave_free(wave);
        drain(rt);
        cr_assert_eq(reading(&heard), MEMBERS);
        koken_view_close(view);
        check_balance(rt, 0);
        stop(rt);
    }
}

Test(wave, scatters_and_gathers)
{
    for (int shape = 0; shape < KOKEN_SHAPE_COUNT_; shape++) {
        struct koken *rt = start(2);
        struct koken_view *view = view_of(rt, (enum koken_shape)shape, "ggdgo");
        struct part parts[MEMBERS];
        struct koken_wave_options scatter = {.kind = KOKEN_WAVE_SCATTER, .parts = parts};
        struct koken_wave_options gather = {.kind = KOKEN_WAVE_GATHER};
        struct koken_wave *wave;
        for (uint32_t i = 0; i < MEMBERS; i++) {
            parts[i].value = 1000 + i;
        }
        cr_assert_eq(koken_wave(rt, view, &scatter, &wave, part), 0);
        cr_assert_eq(koken_wave_report(wave).accepted, MEMBERS / 5 * 4);
        cr_assert_eq(koken_wave_report(wave).dead, MEMBERS / 5);
        koken_wave_free(wave);
        drain(rt);
        cr_assert_eq(reading(&heard), MEMBERS / 5 * 4);

        cr_assert_eq(koken_wave(rt, view, &gather, &wave, ask, .add = 10), 0);
        struct koken_wave_report r = koken_wave_report(wave);
        cr_assert_eq(r.asked + r.failed, MEMBERS);
        bool is_sum = koken_wave_type(wave) == &koken_type_sum; /* who is first makes the type */
        cr_assert_eq(r.asked, is_sum ? MEMBERS / 5 * 3 : MEMBERS / 5);
        for (uint32_t i = 0; is_sum && i < MEMBERS; i++) {
            int error;
            const struct sum *answer = koken_wave_answer(wave, i, &error);
            cr_assert_eq(error, i % 5 == 2 ? -ESRCH : (i % 5 == 4 ? -EPROTO : 0));
            cr_assert(error ? !answer : answer->value == i + 10);
        }
        cr_assert_null(koken_wave_answer(wave, MEMBERS, NULL));
        koken_wave_free(wave);
        koken_view_close(view);
        stop(rt);
    }
}

/* Whether all that answer had the time for it. */
static bool folds_in(enum koken_shape shape, uint64_t timeout_ns)
{
    struct koken *rt = start(2);
    struct koken_view *view = view_of(rt, shape, "gggdgsg");
    struct koken_wave_options o = {
        .kind = KOKEN_WAVE_ALL_REDUCE, .fold = add, .root = who[1], .timeout_ns = timeout_ns};
    struct koken_wave *wave;
    uint64_t expected = 0, counted = 0;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        expected += i % 7 == 3 || i % 7 == 5 ? 0 : i + 1;
        counted += !(i % 7 == 3 || i % 7 == 5);
    }
    cr_assert_eq(koken_wave(rt, view, &o, &wave, ask, .add = 1), 0);
    const struct sum *all = koken_wave_result(wave);
    struct koken_wave_report r = koken_wave_report(wave);
    cr_assert_eq(r.asked + r.failed, MEMBERS);
    cr_assert_eq(all ? all->count : 0, r.asked);
    cr_assert_leq(r.asked, counted);
    cr_assert(r.asked < counted || all->value == expected);
    cr_assert_eq(r.accepted + r.dead, all ? MEMBERS : r.dead); /* nothing to tell */
    drain(rt);
    cr_assert_eq(reading(&summed), r.accepted);
    koken_wave_free(wave);
    koken_view_close(view);
    stop(rt);
    return r.asked == counted;
}

Test(wave, folds_each_answer_once_and_tells_all)
{
    for (int shape = 0; shape < KOKEN_SHAPE_COUNT_; shape++) {
        uint64_t timeout_ns = KOKEN_MS(20);
        while (!folds_in((enum koken_shape)shape, timeout_ns)) { /* ends: in some time they do */
            timeout_ns *= 2;
        }
    }
}

struct caller {
    struct koken_view *view;
    uint32_t request;
};

static int fiber_body(koken_ctx *ctx, struct caller *unused, const void *arg)
{
    const struct caller *self = arg;
    struct koken_wave_options o = {.kind = KOKEN_WAVE_REDUCE, .fold = add};
    struct koken_wave *wave;
    (void)unused;
    expect(koken_wave(ctx, self->view, &o, &wave, ask) == 0);
    expect(((const struct sum *)koken_wave_result(wave))->count == MEMBERS);
    koken_wave_free(wave);
    expect(koken_wave_request(ctx, self->view, &o, ask) == -ENOTSUP);
    (void)count(&ended);
    return 0;
}

KOKEN_FIBER(fiber_caller, struct caller, fiber_body);

static int on_begin(koken_ctx *ctx, struct caller *self, const struct begin *msg)
{
    struct koken_wave_options o = {.kind = KOKEN_WAVE_REDUCE, .fold = add};
    struct koken_wave *wave;
    (void)msg;
    expect(koken_wave(ctx, self->view, &o, &wave, ask) == -ENOTSUP);
    int rc = koken_wave_request(ctx, self->view, &o, ask);
    expect(rc > 0);
    self->request = (uint32_t)rc;
    return 0;
}

static int on_back(koken_ctx *ctx, struct caller *self, const struct koken_wave_back *back)
{
    expect(koken_request_number(ctx) == self->request);
    expect(((const struct sum *)koken_wave_result(back->wave))->count == MEMBERS);
    (void)count(&ended);
    return KOKEN_STOP;
}

KOKEN_AGENT(handler_caller, struct caller, KOKEN_ON(begin, on_begin),
            KOKEN_ON(koken_wave_back, on_back));

Test(wave, fibers_and_handlers_call_it_side_by_side)
{
    struct koken *rt = start(2);
    struct caller caller = {.view = view_of(rt, KOKEN_TORUS, "g")};
    reset(&ended);
    for (unsigned i = 0; i < 5; i++) {
        (void)koken_spawn(rt, fiber_caller, .arg = &caller, .arg_size = sizeof caller);
        koken_ref handler = koken_spawn(rt, handler_caller, .arg = &caller);
        cr_assert_eq(koken_signal(handler, begin), 0);
        if (i > 2) {
            handler = koken_spawn(rt, handler_caller, .arg = &caller);
            cr_assert_eq(koken_signal(handler, begin), 0);
            (void)!koken_exit(handler); /* nobody is there when the wave is back */
        }
    }
    drain(rt);
    cr_assert(reading(&ended) >= 10);
    koken_view_close(caller.view);
    check_balance(rt, 0);
    stop(rt);
}

Test(wave, bad_input)
{
    struct koken *rt = start(1);
    struct koken_view *view = view_of(rt, KOKEN_RING, "g");
    struct koken_wave *wave;
    struct koken_topology *topology;
    struct koken_wave_options o = {.kind = KOKEN_WAVE_REDUCE};
    cr_assert_eq(koken_wave(rt, view, &o, &wave, ask), -EINVAL);
    o.kind = KOKEN_WAVE_SCATTER;
    cr_assert_eq(koken_wave(rt, view, &o, &wave, part), -EINVAL);
    o.kind = KOKEN_WAVE_KIND_COUNT_;
    cr_assert_eq(koken_wave(rt, view, &o, &wave, part), -EINVAL);
    o = (struct koken_wave_options){.struct_size = 3};
    cr_assert_eq(koken_wave(rt, view, &o, &wave, part), -EINVAL);
    o = (struct koken_wave_options){.root = koken_spawn(rt, member)};
    cr_assert_eq(koken_wave(rt, view, &o, &wave, part), -ESRCH);
    cr_assert_eq(koken_wave(rt, view, NULL, NULL, part), -EINVAL);
    cr_assert_eq(koken_wave(rt, NULL, NULL, &wave, part), -EINVAL);
    koken_view_close(view);
    cr_assert_eq(koken_topology_new(rt, NULL, NULL, 0, &topology), 0);
    view = koken_view_open(topology);
    cr_assert_eq(koken_wave(rt, view, NULL, &wave, part), -ESRCH); /* nobody there */
    koken_view_close(view);
    koken_topology_free(topology);
    koken_wave_free(NULL);
    stop(rt);
}
