/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: whoever waits for a task hears of its end, and finds it over, however its executor ends meanwhile: by
 * koken_exit with tasks in its list and in its mailbox, or killed with its runtime; threads, fibers and handlers.
 */
#include "test/support/executor.h"

#include "base/atomic.h"

#include <koken/fiber.h>

static const char answer[] = "const r1, 42\n return r1\n";
static const char endless[] = "again:\njump again\n";
static const char sale[] = "const r0, type int\n const r1, 7\n alloc r0, r1, r2\n";

#define ENDLESS_GAS (UINT64_C(1) << 50)
enum { ROUNDS = 30, TASKS = 4 };

static koken_ref endless_executor(struct koken *rt)
{
    return executor_of(rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS}});
}

static struct koken_task *started(koken_ref executor, const char *text,
                                  struct koken_task_options *options)
{
    struct koken_task *task = NULL;
    int rc = koken_task_start_bytes(executor, text, strlen(text), options, &task);
    cr_assert_eq(rc, 0, "koken_task_start_bytes: %s", koken_errname(rc));
    return task;
}

/* The end overtakes what has been submitted, and may find it anywhere. */
Test(task, a_thread_hears_of_the_end_of_an_executor)
{
    struct koken *rt = start(2);
    for (int i = 0; i < ROUNDS; i++) {
        koken_ref executor = endless_executor(rt);
        struct koken_task *tasks[TASKS];
        for (int j = 0; j < TASKS; j++) {
            tasks[j] = started(executor, endless, NULL);
        }
        cr_assert_eq(koken_exit(executor), 0);
        for (int j = TASKS - 1; j >= 0; j--) {
            cr_assert_eq(koken_task_wait(rt, tasks[j], KOKEN_S(60)), 0);
            cr_assert_eq(koken_task_status(tasks[j]), -ESRCH);
            koken_task_free(tasks[j]);
        }
    }
    stop(rt);
}

static int walk_and_end(koken_ctx *ctx, void *unused, const void *arg)
{
    const koken_ref *executor = arg;
    struct koken_task *task = NULL;
    (void)unused;
    expect(koken_task_start_bytes(*executor, endless, strlen(endless), NULL, &task) == 0);
    expect(koken_exit(*executor) == 0);
    expect(koken_task_wait(ctx, task, KOKEN_S(60)) == 0);
    expect(koken_task_status(task) == -ESRCH);
    koken_task_free(task);
    return 0;
}

KOKEN_FIBER(ender, char, walk_and_end);

Test(task, a_fiber_hears_of_the_end_of_an_executor)
{
    struct koken *rt = start(2);
    for (int i = 0; i < ROUNDS; i++) {
        koken_ref executor = endless_executor(rt);
        (void)koken_spawn(rt, ender, .arg = &executor, .arg_size = sizeof executor);
    }
    drain(rt);
    stop(rt);
}

/* ---- handlers ---- */

KOKEN_MESSAGE(end_of, { koken_ref executor; });
KOKEN_MESSAGE(heard, { int32_t status; });

struct asker {
    koken_claim claim;
    struct koken_task *task;
};

static int on_end_of(koken_ctx *ctx, struct asker *self, const struct end_of *msg)
{
    self->claim = koken_defer(ctx);
    int rc = koken_task_start_bytes(msg->executor, endless, strlen(endless), NULL, &self->task);
    expect(rc == 0);
    expect(koken_exit(msg->executor) == 0);
    rc = koken_task_ask(ctx, self->task, KOKEN_S(60));
    expect(rc > 0);
    return 0;
}

static int on_over(koken_ctx *ctx, struct asker *self, const struct koken_task_done *msg)
{
    (void)ctx;
    expect(msg->task == self->task);
    expect(koken_task_is_over(self->task));
    int rc = koken_answer(self->claim, heard, .status = koken_task_status(self->task));
    koken_task_free(self->task);
    self->task = NULL;
    return rc;
}

KOKEN_AGENT(asker, struct asker, KOKEN_ON(end_of, on_end_of), KOKEN_ON(koken_task_done, on_over));

Test(task, a_handler_hears_of_the_end_of_an_executor)
{
    struct koken *rt = start(2);
    koken_ref who = koken_spawn(rt, asker);
    for (int i = 0; i < ROUNDS; i++) {
        struct heard heard;
        koken_ref executor = endless_executor(rt);
        cr_assert_eq(koken_await(rt, who, KOKEN_S(60), &heard, end_of, .executor = executor), 0);
        cr_assert_eq(heard.status, -ESRCH);
    }
    stop(rt);
}

/* Who asks about a task that is over is told as well; who asks too late gives up alone. */
static int on_ask_twice(koken_ctx *ctx, struct asker *self, const struct end_of *msg)
{
    if (!self->task) {
        self->claim = koken_defer(ctx);
        int rc = koken_task_start_bytes(msg->executor, answer, strlen(answer), NULL, &self->task);
        expect(rc == 0);
    }
    expect(koken_task_ask(ctx, self->task, KOKEN_S(60)) > 0);
    return 0;
}

static int on_over_twice(koken_ctx *ctx, struct asker *self, const struct koken_task_done *msg)
{
    expect(msg->task == self->task);
    expect(koken_task_is_over(self->task));
    if (self->claim.number) {
        int rc = koken_answer(self->claim, heard, .status = koken_task_status(self->task));
        self->claim.number = 0;
        return rc < 0 ? rc : koken_task_ask(ctx, self->task, KOKEN_S(60)) > 0 ? 0 : -EPROTO;
    }
    koken_task_free(self->task);
    return KOKEN_STOP;
}

KOKEN_AGENT(asker_twice, struct asker, KOKEN_ON(end_of, on_ask_twice),
            KOKEN_ON(koken_task_done, on_over_twice));

Test(task, what_is_over_is_told_again)
{
    struct koken *rt = start(2);
    struct heard heard;
    koken_ref who = koken_spawn(rt, asker_twice);
    koken_ref executor = executor_of(rt, (struct koken_executor_config){0});
    cr_assert_eq(koken_await(rt, who, KOKEN_S(60), &heard, end_of, .executor = executor), 0);
    cr_assert_eq(heard.status, 0);
    drain(rt);
    stop(rt);
}

/* Who gives up is told so; the task goes on, and the agent that watched it has gone before it ends. */
static int on_ask_briefly(koken_ctx *ctx, struct asker *self, const struct end_of *msg)
{
    self->claim = koken_defer(ctx);
    int rc = koken_task_start_bytes(msg->executor, endless, strlen(endless), NULL, &self->task);
    expect(rc == 0);
    expect(koken_task_ask(ctx, self->task, KOKEN_MS(1)) > 0);
    return 0;
}

static int on_given_up(koken_ctx *ctx, struct asker *self, const struct koken_failed *msg)
{
    (void)ctx;
    expect(!koken_task_is_over(self->task));
    int rc = koken_answer(self->claim, heard, .status = msg->error);
    koken_task_free(self->task);
    self->task = NULL;
    return rc;
}

KOKEN_AGENT(brief_asker, struct asker, KOKEN_ON(end_of, on_ask_briefly),
            KOKEN_ON(koken_failed, on_given_up));

Test(task, who_watches_for_one_that_has_given_up_goes)
{
    enum { ASKED = 5 };
    struct koken *rt = start(2);
    koken_ref executor = endless_executor(rt), who = koken_spawn(rt, brief_asker);
    uint64_t alive = metrics(rt).alive;
    for (int i = 0; i < ASKED; i++) {
        struct heard heard;
        cr_assert_eq(koken_await(rt, who, KOKEN_S(60), &heard, end_of, .executor = executor), 0);
        cr_assert_eq(heard.status, -ETIMEDOUT);
    }
    while (metrics(rt).alive > alive) { /* ends: nothing keeps them but time that has passed */
        kn_thread_yield();
    }
    cr_assert_eq(koken_exit(executor), 0);
    stop(rt);
}

/* ---- killed ---- */

/* Neither handled nor asked to stop: the machine, the task and what came with it are given back all the same. */
Test(task, an_executor_that_is_killed_ends_its_tasks)
{
    struct koken *rt = start(1);
    koken_ref executor = executor_of(
        rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS, .keeps_state = true}});
    struct koken_task_options options = {.out_count = 1, .out = {2}};
    struct koken_task *task = task_of(rt, executor, sale, &options);
    struct koken_parcel *ticket = koken_task_parcel(task, 0);
    cr_assert_not_null(ticket);
    koken_task_free(task);
    koken_task_free(task_of(rt, executor, sale, NULL)); /* this one it keeps */
    options = (struct koken_task_options){.in_count = 1, .in = {{1, ticket}}};
    task = started(executor, endless, &options);
    struct koken_task *behind = started(executor, answer, NULL);
    const struct koken_stop_plan plan = {.kill_ns = KOKEN_S(60)};
    struct koken_stop_report report;
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    cr_assert(koken_task_is_over(task));
    cr_assert(koken_task_is_over(behind));
    cr_assert_lt(koken_task_status(task), 0);
    cr_assert_lt(koken_task_status(behind), 0);
    ticket = koken_task_returned(task, 0);
    cr_assert_not_null(ticket);
    koken_parcel_free(ticket);
    koken_task_free(task);
    koken_task_free(behind);
}
