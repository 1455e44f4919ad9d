/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Biased mailboxes: actors/alone.h and alone.c with mailbox/mailbox.h, as they stand. The worker sends and
 * takes by plain stores while it is alone; visitors come, and the bias comes back. What worker and visitors
 * write inside their frames is plain: an overlap, or an order missing between bracket and visit, is a race.
 */
#include "test/model/lib/model.h"

#include "actors/alone.c"
#include "mailbox/mailbox.c"

#include <string.h>

enum { ENVELOPES = 8, SENDERS = 4 };

struct KN_ALIGNED(64) letter {
    unsigned char bytes[64];
};

static KN_ALIGNED(64) struct letter letters[ENVELOPES];
static struct kn_mailbox mb;
static struct koken rt;
static struct kn_local locals[2];
static struct kn_worker worker, other_worker;
static bool is_single;  /* one worker, always online; or two that come and go */
static uint32_t framed; /* plain, written inside every frame */

/* Of the receiver. */
static struct kn_intake in;
static uint32_t handled, last_seen[SENDERS];

/* Where the receiver is when it must run: with the worker, or in the global queue. */
static uint32_t is_ready_here;
static kn_atomic(uint32_t) is_queued;
static uint32_t accepted[SENDERS];

struct kn_worker *kn_worker_current(void)
{
    return !is_single && kn_model_self() == 1 ? &other_worker : &worker;
}

static void begin(void)
{
    memset(letters, 0, sizeof letters);
    memset(&in, 0, sizeof in);
    memset(last_seen, 0, sizeof last_seen);
    memset(accepted, 0, sizeof accepted);
    memset(locals, 0, sizeof locals);
    framed = handled = is_ready_here = 0;
    kn_atomic_init(&is_queued, 0);
    memset(&rt.bias, 0, sizeof rt.bias);
    rt.locals = locals;
    locals[0].worker = &worker;
    locals[1].worker = &other_worker;
    other_worker.index = 1;
    locals[0].rt = locals[1].rt = &rt;
    kn_alone_init(&rt.bias, /* has_barrier= */ true, is_single);
    kn_alone_init_worker(&locals[0], /* has_barrier= */ true, is_single);
    kn_alone_init_worker(&locals[1], /* has_barrier= */ true, /* is_single= */ false);
    kn_mailbox_init(&mb, KN_MB_UNBOUNDED, 0, 0);
}

static void start(void)
{
    is_single = true;
    begin();
    kn_alone_online(&rt, &locals[0]);
}

static void start_two(void)
{
    is_single = false;
    begin();
}

static struct kn_envelope *letter(unsigned who, unsigned number, unsigned slot)
{
    struct kn_envelope *e = (struct kn_envelope *)(void *)&letters[slot];
    e->from = who;
    e->corr = number;
    e->lane = KN_LANE_USER;
    return e;
}

/* ---- the worker ------------------------------------------------------------------------------ */

static void send_inside(unsigned slot, unsigned number)
{
    struct kn_envelope *e = letter(1, number, slot);
    bool opened = false;
    enum kn_push pushed;
    if (kn_alone_enter(&locals[0])) {
        framed++;
        pushed = kn_mailbox_push_by(&mb, e, &opened, /* is_alone= */ true);
        kn_alone_leave(&locals[0]);
    } else {
        pushed = kn_mailbox_push_by(&mb, e, &opened, /* is_alone= */ false);
    }
    KOKEN_CHECK(pushed == KN_PUSH_OK || pushed == KN_PUSH_WAKE);
    accepted[1]++;
    if (pushed == KN_PUSH_WAKE) {
        KOKEN_CHECK(!is_ready_here);
        is_ready_here = 1;
    }
}

static bool go_idle(struct kn_envelope **ret_last)
{
    if (kn_alone_enter(&locals[0])) {
        framed++;
        bool is_idle = kn_mailbox_idle_by(&mb, &in, ret_last, /* is_alone= */ true);
        kn_alone_leave(&locals[0]);
        return is_idle;
    }
    return kn_mailbox_idle_by(&mb, &in, ret_last, /* is_alone= */ false);
}

static void release(struct kn_envelope *e)
{
    if (e && (e->flags & KN_ENV_DONE)) {
        kn_model_free(e, sizeof(struct letter));
    }
}

static void turn(void)
{
    for (;;) { /* ends: idle */
        struct kn_envelope *e, *last = NULL;
        bool took;
        release(kn_mailbox_take(&mb, &in, &took));
        while ((e = kn_intake_next(&in)) != NULL) {
            KOKEN_CHECK(e->corr > last_seen[e->from]);
            last_seen[e->from] = e->corr;
            handled++;
            if (e == in.boundary) {
                e->flags |= KN_ENV_DONE;
            } else {
                kn_model_free(e, sizeof(struct letter));
            }
            kn_mailbox_consume(&mb, 1);
        }
        if (go_idle(&last)) {
            release(last);
            return;
        }
    }
}

static void run_ready(void)
{
    bool is_mine = is_ready_here;
    is_ready_here = 0;
    if (kn_load(&is_queued, acquire)) {
        KOKEN_CHECK(!is_mine); /* one scheduler of the receiver */
        KOKEN_CHECK(kn_swap(&is_queued, 0, acq_rel) == 1);
        is_mine = true;
    }
    if (is_mine) {
        turn();
    }
}

/* A send, a turn, and so many quiescent states. */
static void step(unsigned number, unsigned quiescent)
{
    send_inside(number, number + 1);
    run_ready();
    for (unsigned i = 0; i < quiescent; i++) {
        kn_alone_quiescent(&locals[0]);
    }
}

static void worker_1(void)
{
    step(0, 0);
}

static void worker_2(void)
{
    step(0, 0);
    step(1, 0);
}

static void worker_2_rebiasing(void)
{
    step(0, 2);
    step(1, 0);
}

/* The bracket alone, without a mailbox: exclusion in more executions. */
static void bracket(void)
{
    if (kn_alone_enter(&locals[0])) {
        framed++;
        kn_alone_leave(&locals[0]);
    }
}

static void brackets_2(void)
{
    bracket();
    bracket();
}

static void brackets_rebiasing(void)
{
    bracket();
    kn_alone_quiescent(&locals[0]);
    kn_alone_quiescent(&locals[0]);
    bracket();
}

static void brackets_rebiasing_twice(void)
{
    bracket();
    kn_alone_quiescent(&locals[0]);
    kn_alone_quiescent(&locals[0]);
    bracket();
    kn_alone_quiescent(&locals[0]);
    kn_alone_quiescent(&locals[0]);
    bracket();
}

/* ---- visitors -------------------------------------------------------------------------------- */

static void visit_and_push(unsigned who, unsigned slot, unsigned number)
{
    struct kn_envelope *e = letter(who, number, slot);
    bool opened = false;
    kn_alone_visit(&rt);
    kn_model_plain(&framed, sizeof framed, false);
    enum kn_push pushed = kn_mailbox_push(&mb, e, &opened);
    kn_alone_depart(&rt);
    KOKEN_CHECK(pushed == KN_PUSH_OK || pushed == KN_PUSH_WAKE);
    accepted[who]++;
    if (pushed == KN_PUSH_WAKE) {
        KOKEN_CHECK(kn_swap(&is_queued, 1, acq_rel) == 0);
    }
}

static void visitor_a(void)
{
    visit_and_push(2, 4, 1);
}

static void visitor_a_twice(void)
{
    visit_and_push(2, 4, 1);
    visit_and_push(2, 5, 2);
}

static void visitor_b(void)
{
    visit_and_push(3, 6, 1);
}

static void nudger(void)
{
    kn_alone_visit(&rt);
    enum kn_push pushed = kn_mailbox_nudge(&mb, KN_MB_SYSTEM);
    kn_alone_depart(&rt);
    if (pushed == KN_PUSH_WAKE) {
        KOKEN_CHECK(kn_swap(&is_queued, 1, acq_rel) == 0);
    }
}

static void look(void)
{
    kn_alone_visit(&rt);
    kn_model_plain(&framed, sizeof framed, false);
    kn_alone_depart(&rt);
}

static void look_twice(void)
{
    look();
    look();
}

/* ---- two workers that come and go ------------------------------------------------------------ */

static void bracket_of(struct kn_local *local)
{
    if (kn_alone_enter(local)) {
        framed++;
        kn_alone_leave(local);
    }
}

static void work(struct kn_local *local, unsigned quiescent)
{
    kn_alone_online(&rt, local);
    for (unsigned i = 0; i < quiescent; i++) {
        kn_alone_quiescent(local);
    }
    bracket_of(local);
    kn_alone_offline(&rt);
}

static void work_0(void)
{
    work(&locals[0], 2);
}

static void work_0_twice(void)
{
    work(&locals[0], 2);
    kn_alone_online(&rt, &locals[0]);
    bracket_of(&locals[0]);
    kn_alone_offline(&rt);
}

static void work_1(void)
{
    work(&locals[1], 2);
}

static void claim_0(void)
{
    kn_alone_online(&rt, &locals[0]);
    claim(&rt.bias, &locals[0]);
    bracket_of(&locals[0]);
    kn_alone_offline(&rt);
}

static void claim_1(void)
{
    kn_alone_online(&rt, &locals[1]);
    claim(&rt.bias, &locals[1]);
    kn_alone_offline(&rt);
}

/* A worker that had the bias before comes online, and is at the mailboxes as any other. */
static void start_owner_1(void)
{
    start_two();
    kn_atomic_init(&rt.bias.owner, 1);
}

static void online_1(void)
{
    kn_alone_online(&rt, &locals[1]);
    kn_model_plain(&framed, sizeof framed, false);
    kn_alone_offline(&rt);
}

static void check_two(void)
{
    KOKEN_CHECK(kn_load(&rt.bias.visitors, relaxed) == 0);
    KOKEN_CHECK(kn_load(&locals[0].is_busy, relaxed) == 0);
    KOKEN_CHECK(kn_load(&locals[1].is_busy, relaxed) == 0);
}

static void check(void)
{
    run_ready();
    uint32_t sum = 0;
    for (unsigned i = 0; i < SENDERS; i++) {
        sum += accepted[i];
    }
    KOKEN_CHECK(handled == sum);
    KOKEN_CHECK((kn_load(&mb.word, relaxed) & ~KN_MB_SEQ_MASK) == 0);
    KOKEN_CHECK(!in.user_head && !in.boundary);
    KOKEN_CHECK(kn_load(&rt.bias.visitors, relaxed) == 1);
    KOKEN_CHECK(kn_load(&locals[0].is_busy, relaxed) == 0);
}

static const struct kn_scenario scenarios[] = {
    {"2 brackets, 1 visitor", start, {brackets_2, look}, check},
    {"2 brackets, 2 visitors", start, {brackets_2, look, look}, check, .limit = 40000},
    {"bias comes back, 1 visitor", start, {brackets_rebiasing, look}, check},
    {"bias comes back, 1 visitor twice",
     start,
     {brackets_rebiasing, look_twice},
     check,
     .limit = 40000},
    {"bias comes back twice, 1 visitor",
     start,
     {brackets_rebiasing_twice, look},
     check,
     .limit = 40000},
    {"bias comes back, 2 visitors", start, {brackets_rebiasing, look, look}, check, .limit = 40000},
    {"2 workers", start_two, {work_0, work_1}, check_two, .limit = 40000},
    {"2 workers, one comes back", start_two, {work_0_twice, work_1}, check_two, .limit = 40000},
    {"2 workers claim, a visitor", start_two, {claim_0, claim_1, look}, check_two, .limit = 80000},
    {"a claim, the owner of before comes", start_owner_1, {claim_0, online_1}, check_two},
    {"1 send, a push", start, {worker_1, visitor_a}, check},
    {"2 sends, a push", start, {worker_2, visitor_a}, check, .limit = 40000},
    {"1 send, a push each of two", start, {worker_1, visitor_a, visitor_b}, check, .limit = 40000},
    {"2 sends, bias comes back, a push",
     start,
     {worker_2_rebiasing, visitor_a},
     check,
     .limit = 40000},
    {"2 sends, bias comes back, 2 pushes",
     start,
     {worker_2_rebiasing, visitor_a_twice},
     check,
     .limit = 40000},
    {"2 sends, bias comes back, a nudge",
     start,
     {worker_2_rebiasing, nudger},
     check,
     .limit = 40000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
