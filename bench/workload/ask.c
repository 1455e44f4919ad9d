/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ask: threads outside, fibers and handlers ask a server that answers, defers, ends, or keeps silent. P9 each
 * request ends once, with an answer or a reason; the answer is to the question.
 */
#include "bench/workload/workload.h"

#include <errno.h>

KOKEN_MESSAGE(question, { uint32_t number; });
KOKEN_MESSAGE(answer, { uint32_t number; });
KOKEN_EVENT(start);

enum { ASKED_MAX = 32 };

struct server {
    kn_atomic(uint32_t) busy;
    uint32_t mood;
};

static kn_atomic(uint64_t) asked, ended;

static int on_question(koken_ctx *ctx, struct server *self, const struct question *msg)
{
    load_enter(&self->busy);
    self->mood = self->mood * 1103515245 + 12345;
    int rc = 0;
    if ((self->mood >> 16 & 7) != 0) { /* else: it has nothing to say, and the asker is told */
        rc = koken_reply(ctx, answer, .number = msg->number + 1);
    }
    load_leave(&self->busy);
    return rc == -ESHUTDOWN || rc == -ENOMEM || rc == -ESRCH ? 0 : rc;
}

KOKEN_AGENT(server, struct server, KOKEN_ON(question, on_question));

static bool is_reason(int rc)
{
    return rc == -ETIMEDOUT || rc == -ESRCH || rc == -EPROTO || rc == -ECANCELED || rc == -EAGAIN ||
           rc == -ENOMEM || rc == -ESHUTDOWN || rc == -EDEADLK;
}

/* ---- a handler that asks ---------------------------------------------------------------------- */

struct clerk {
    koken_ref to;
    uint32_t wanted;
    uint32_t open;
    uint32_t is_ended[ASKED_MAX]; /* by the request's number */
    kn_atomic(uint32_t) busy;
};

static int on_start(koken_ctx *ctx, struct clerk *self, const struct start *msg)
{
    (void)msg;
    for (uint32_t i = 0; i < self->wanted; i++) {
        /* The last one waits without a deadline: only the answer, or word that none comes, ends it. */
        uint64_t timeout = i == 7 ? KOKEN_NO_DEADLINE : KOKEN_US(1 + 100 * i);
        int rc = koken_request(ctx, self->to, timeout, question, .number = i);
        KOKEN_SIM_CHECK(rc > 0 || is_reason(rc));
        if (rc > 0) {
            load_count(&asked);
        }
    }
    return 0;
}

static void settle(struct clerk *self, uint32_t request)
{
    KOKEN_SIM_CHECK(request > 0);
    KOKEN_SIM_CHECK(self->is_ended[request % ASKED_MAX] != request);
    self->is_ended[request % ASKED_MAX] = request;
    load_count(&ended);
}

static int on_answer(koken_ctx *ctx, struct clerk *self, const struct answer *msg)
{
    load_enter(&self->busy);
    (void)msg;
    settle(self, koken_request_number(ctx));
    load_leave(&self->busy);
    return 0;
}

static int on_failed(koken_ctx *ctx, struct clerk *self, const struct koken_failed *msg)
{
    (void)ctx;
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(is_reason(msg->error));
    settle(self, msg->request);
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(clerk, struct clerk, KOKEN_ON(start, on_start), KOKEN_ON(answer, on_answer),
            KOKEN_ON(koken_failed, on_failed));

/* ---- a fiber that asks ------------------------------------------------------------------------ */

struct caller {
    uint32_t unused;
};

static int call(koken_ctx *ctx, struct caller *self, const void *arg)
{
    koken_ref to = *(const koken_ref *)arg;
    (void)self;
    for (uint32_t i = 0; i < 4; i++) {
        struct answer got = {0};
        uint64_t timeout = i % 2 ? KOKEN_NO_DEADLINE : KOKEN_MS(1);
        int rc = koken_await(ctx, to, timeout, &got, question, .number = i);
        KOKEN_SIM_CHECK(rc == 0 ? got.number == i + 1 : is_reason(rc));
        if (rc == -ECANCELED || koken_sleep(ctx, KOKEN_US(10)) < 0) {
            break;
        }
    }
    return 0;
}

KOKEN_FIBER(caller, struct caller, call);

/* ---- threads that ask -------------------------------------------------------------------------- */

struct client {
    struct koken *rt;
    koken_ref to;
    struct kn_thread thread;
    bool is_started;
};

static void ask(void *arg)
{
    struct client *self = arg;
    for (uint32_t i = 0; i < 3; i++) {
        struct answer got = {0};
        uint64_t timeout = i % 2 ? KOKEN_NO_DEADLINE : KOKEN_MS(1);
        int rc = koken_await(self->rt, self->to, timeout, &got, question, .number = i);
        KOKEN_SIM_CHECK(rc == 0 ? got.number == i + 1 : is_reason(rc));
    }
}

void load_ask(struct load *load)
{
    struct client clients[2];
    unsigned client_count = (unsigned)load_below(load, 3);
    load_clear(&asked);
    load_clear(&ended);
    struct server state = {.mood = (uint32_t)load_below(load, UINT32_MAX)};
    koken_ref to = koken_spawn(load->rt, server, .arg = &state);
    for (unsigned i = 0; i < 1 + load_below(load, 3); i++) {
        struct clerk clerk_state = {.to = to, .wanted = (uint32_t)load_below(load, 9)};
        (void)!koken_signal(koken_spawn(load->rt, clerk, .arg = &clerk_state), start);
        (void)koken_spawn(load->rt, caller, .arg = &to, .arg_size = sizeof to);
    }
    load_doom(load, &to, 1);
    for (unsigned i = 0; i < client_count; i++) {
        clients[i] = (struct client){.rt = load->rt, .to = to};
        clients[i].is_started =
            kn_thread_start(&clients[i].thread, "client", ask, &clients[i]) == 0;
    }
    if (load_below(load, 4) == 0) {
        (void)!koken_exit(to);
    }
    for (unsigned i = 0; i < client_count; i++) {
        if (clients[i].is_started) {
            kn_thread_join(&clients[i].thread);
        }
    }
    load_sleep(KOKEN_MS(20)); /* beyond every deadline */
    if (!load_settle(load)) {
        return;
    }
    for (unsigned i = 1; i < load_looks(1) && load_read(&ended) < load_read(&asked); i++) {
        load_sleep(KOKEN_MS(20));
        (void)load_settle(load);
    }
    KOKEN_SIM_CHECK(load_read(&ended) <= load_read(&asked));
    if (load_is_strict(load) && !(load->faults & (KOKEN_SIM_STALL | KOKEN_SIM_TIMER_LATE))) {
        KOKEN_SIM_CHECK(load_read(&ended) == load_read(&asked));
    }
}
