/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: fibers have executors make tickets, carry them from one executor to another in parcels, and have them
 * used; now and then somebody copies a parcel, and executors are stopped at any moment, with tickets in their
 * registers, their tasks, or their mailboxes. No ticket is ever used twice; where nothing but time goes wrong,
 * and nobody is stopped, each is used (linear values exist once). Who waits for a task, fiber or handler, is told
 * its end, however its executor ends meanwhile: that the executor cannot be asked any more is no answer.
 */
#include "bench/workload/workload.h"

#include <koken/executor.h>
#include <koken/fiber.h>
#include <koken/sim.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { EXECUTORS = 3, CARRIERS = 4, TICKETS = 8, ALL = CARRIERS * TICKETS, QUESTIONS = 6 };

struct ticket_carrier {
    koken_ref executors[EXECUTORS];
    uint32_t first, count; /* tickets */
    uint64_t rng;
};

static kn_atomic(uint64_t) uses[ALL], used, lost, begun;

/* Waits for a task to its end. NULL: it was not waited for. */
static struct koken_task *end_task(koken_ctx *ctx, struct koken_task *task)
{
    int rc = task ? koken_task_wait(ctx, task, KOKEN_MS(50)) : 0;
    KOKEN_SIM_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -ECANCELED || rc == -ENOMEM);
    KOKEN_SIM_CHECK(!task || rc < 0 || koken_task_status(task) != -EBUSY);
    if (rc < 0) {
        koken_task_cancel(task); /* what is in it is lost, unless it was used */
        koken_task_free(task);
        task = NULL;
    }
    return task;
}

/* NULL: it was not accepted, and what it should have brought along is still in options. */
static struct koken_task *start_task(koken_ref executor, const char *text,
                                     struct koken_task_options *options)
{
    struct koken_task *task = NULL;
    return koken_task_start_bytes(executor, text, strlen(text), options, &task) == 0 ? task : NULL;
}

static struct koken_task *do_task(koken_ctx *ctx, koken_ref executor, const char *text,
                                  struct koken_task_options *options)
{
    return end_task(ctx, start_task(executor, text, options));
}

static koken_ref any_of(struct ticket_carrier *self)
{
    return self->executors[kn_random(&self->rng) % EXECUTORS];
}

static struct koken_parcel *make_ticket(koken_ctx *ctx, struct ticket_carrier *self,
                                        uint32_t number)
{
    char text[80];
    struct koken_task_options options = {.out_count = 1, .out = {2}};
    (void)snprintf(text, sizeof text, "const r0, type int\nconst r1, %u\nalloc r0, r1, r2\n",
                   number);
    struct koken_task *task = do_task(ctx, any_of(self), text, &options);
    struct koken_parcel *parcel = task ? koken_task_parcel(task, 0) : NULL;
    koken_task_free(task);
    return parcel;
}

/* By another executor, which has it for a moment; or, if it fails, it comes back as it was. */
static struct koken_parcel *pass_on(koken_ctx *ctx, struct ticket_carrier *self,
                                    struct koken_parcel *parcel)
{
    struct koken_task_options options = {
        .in_count = 1, .in = {{1, parcel}}, .out_count = 1, .out = {3}};
    struct koken_task *task = do_task(ctx, any_of(self), "move r1, r2\nmove r2, r3\n", &options);
    if (!task) {
        return options.in[0].parcel; /* refused: ours still. Else NULL */
    }
    struct koken_parcel *after = koken_task_parcel(task, 0), *before = koken_task_returned(task, 0);
    KOKEN_SIM_CHECK(!after || !before);
    KOKEN_SIM_CHECK((koken_task_status(task) == 0) == (after != NULL));
    koken_task_free(task);
    return after ? after : before;
}

/* Begins to use a ticket. NULL: it is ours still. */
static struct koken_task *start_use(struct ticket_carrier *self, struct koken_parcel **parcel)
{
    struct koken_task_options options = {.in_count = 1, .in = {{1, *parcel}}};
    struct koken_task *task =
        *parcel ? start_task(any_of(self), "consume r1, r2\nreturn r2\n", &options) : NULL;
    *parcel = options.in[0].parcel;
    return task;
}

/* A ticket comes back if it was not used, unless that is not known. */
static void end_use(koken_ctx *ctx, struct koken_task *task, struct koken_parcel **parcel,
                    uint32_t number)
{
    task = end_task(ctx, task);
    if (task && koken_task_status(task) == 0) {
        KOKEN_SIM_CHECK(koken_task_result(task)->value.data == number);
        /* Relaxed: a count. */
        KOKEN_SIM_CHECK(kn_add(&uses[number], 1, relaxed) == 0);
        load_count(&used);
    }
    if (task) {
        *parcel = koken_task_returned(task, 0);
        koken_task_free(task);
    }
}

static struct koken_parcel *copy_of(const struct koken_parcel *parcel)
{
    struct koken_parcel *copy = NULL;
    size_t size;
    const void *bytes = koken_parcel_bytes(parcel, &size);
    return koken_parcel_of_bytes(bytes, size, &copy) == 0 ? copy : NULL;
}

static void carry_one(koken_ctx *ctx, struct ticket_carrier *self, uint32_t number)
{
    struct koken_parcel *parcel = make_ticket(ctx, self, number), *copy = NULL;
    for (uint64_t hops = kn_random(&self->rng) % 4; parcel && hops > 0; hops--) {
        if (!copy && kn_random(&self->rng) % 4 == 0) {
            copy = copy_of(parcel);
        }
        parcel = pass_on(ctx, self, parcel);
    }
    for (int tries = 0; (parcel || copy) && tries < 3; tries++) { /* both at the same time */
        struct koken_task *first = start_use(self, &parcel), *second = start_use(self, &copy);
        end_use(ctx, first, &parcel, number);
        end_use(ctx, second, &copy, number);
    }
    koken_parcel_free(parcel);
    koken_parcel_free(copy);
    if (load_read(&uses[number]) == 0) {
        load_count(&lost);
    }
}

static int ticket_walk(koken_ctx *ctx, struct ticket_carrier *unused, const void *arg)
{
    struct ticket_carrier self = *(const struct ticket_carrier *)arg;
    (void)unused;
    for (uint32_t i = 0; i < self.count; i++) {
        load_count(&begun);
        carry_one(ctx, &self, self.first + i);
    }
    return 0;
}

KOKEN_FIBER(ticket_carrier, struct ticket_carrier, ticket_walk);

/* A handler that submits and asks, one after the other. */
struct ticket_clerk {
    koken_ref executors[EXECUTORS];
    struct koken_task *task;
    uint32_t questions;
    bool is_strict; /* nothing but what is tested here ends an answer */
};

static int clerk_next(koken_ctx *ctx, struct ticket_clerk *self)
{
    koken_task_free(self->task);
    self->task = NULL;
    while (!self->task && self->questions < QUESTIONS) { /* ends: so many questions */
        koken_ref executor = self->executors[self->questions++ % EXECUTORS];
        self->task = start_task(executor, "const r1, 1\nreturn r1\n", NULL);
        if (self->task && koken_task_ask(ctx, self->task, KOKEN_MS(50)) < 0) {
            koken_task_free(self->task);
            self->task = NULL;
        }
    }
    return self->task ? 0 : KOKEN_STOP;
}

KOKEN_EVENT(ticket_clerk_begin);

static int on_clerk_begin(koken_ctx *ctx, struct ticket_clerk *self,
                          const struct ticket_clerk_begin *msg)
{
    (void)msg;
    return clerk_next(ctx, self);
}

static int on_clerk_done(koken_ctx *ctx, struct ticket_clerk *self,
                         const struct koken_task_done *msg)
{
    KOKEN_SIM_CHECK(msg->task == self->task);
    KOKEN_SIM_CHECK(koken_task_is_over(self->task));
    return clerk_next(ctx, self);
}

static int on_clerk_failed(koken_ctx *ctx, struct ticket_clerk *self,
                           const struct koken_failed *msg)
{
    KOKEN_SIM_CHECK(!self->is_strict || msg->error == -ETIMEDOUT || msg->error == -ENOMEM);
    return clerk_next(ctx, self);
}

static void on_clerk_exit(koken_ctx *ctx, struct ticket_clerk *self, int reason)
{
    (void)ctx;
    (void)reason;
    koken_task_free(self->task);
}

KOKEN_AGENT(ticket_clerk, struct ticket_clerk, KOKEN_ON(ticket_clerk_begin, on_clerk_begin),
            KOKEN_ON(koken_task_done, on_clerk_done), KOKEN_ON(koken_failed, on_clerk_failed),
            KOKEN_EXIT(on_clerk_exit));

static void start_clerk(struct load *load, const struct ticket_carrier *state)
{
    struct ticket_clerk clerk = {.is_strict = !load->is_cut && !(load->faults & KOKEN_SIM_HANDLER)};
    memcpy(clerk.executors, state->executors, sizeof clerk.executors);
    koken_ref who = koken_spawn(load->rt, ticket_clerk, .arg = &clerk, .arg_size = sizeof clerk);
    (void)!koken_signal(who, ticket_clerk_begin); /* by chance there is none */
}

void load_tickets(struct load *load)
{
    struct ticket_carrier state = {.count = 1 + (uint32_t)load_below(load, TICKETS)};
    struct koken_executor_config config = {.queue_max = 1 + (uint32_t)load_below(load, 16),
                                           .slice_gas = 1 + load_below(load, 200),
                                           .machine = {.keeps_state = load_below(load, 2) == 0}};
    bool is_whole = true;
    load_clear(&used);
    load_clear(&lost);
    load_clear(&begun);
    for (unsigned i = 0; i < ALL; i++) {
        load_clear(&uses[i]);
    }
    if (koken_executor_pool(load->rt, &config, EXECUTORS, state.executors) < 0) {
        return;
    }
    for (uint32_t i = 0; i < CARRIERS; i++) {
        state.first = i * TICKETS;
        state.rng = kn_random_seed(kn_random(&load->rng));
        (void)koken_spawn(load->rt, ticket_carrier, .arg = &state, .arg_size = sizeof state);
    }
    load_doom(load, state.executors, EXECUTORS);
    start_clerk(load, &state);
    for (unsigned i = 0; i < EXECUTORS; i++) {
        if (load_below(load, 4) == 0) {
            is_whole = false;
            load_sleep(load_below(load, KOKEN_US(200)));
            (void)!koken_exit(state.executors[i]);
        }
    }
    if (!load_settle(load)) {
        return;
    }
    uint64_t all = load_read(&used) + load_read(&lost);
    KOKEN_SIM_CHECK(all <= load_read(&begun));
    KOKEN_SIM_CHECK(!is_whole || load->has_death || load->faults != 0 || load_read(&lost) == 0);
}
