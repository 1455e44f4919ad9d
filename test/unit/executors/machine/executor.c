/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: programs submitted by threads, fibers and handlers are run, in order, and answer with values or errors;
 * a long one yields to others, and honours cancel and deadline; an executor is bounded; sessions keep their state,
 * and can be saved and taken up again; a pool sums its counts, and a ticket is used once in all of it.
 */
#include "test/support/executor.h"

#include <koken/fiber.h>

static const char answer[] = "witness r0\n move r0, r1\n return r1\n";
static const char endless[] = "again:\njump again\n";
static const char sale[] = "const r0, type int\n const r1, 7\n alloc r0, r1, r2\n";
static const char entry[] = "consume r1, r4\n return r4\n";

#define ENDLESS_GAS (UINT64_C(1) << 50)

Test(machine_executor, runs_programs_and_tells_what_they_came_to)
{
    struct koken *rt = start(2);
    koken_ref executor = executor_of(rt, (struct koken_executor_config){0});
    struct koken_program *program = program_of(answer);
    struct koken_task *task;
    uint8_t bytes[200];
    cr_assert_eq(koken_task_run(rt, executor, program, NULL, KOKEN_S(60), &task), 0);
    cr_assert_eq(koken_task_status(task), 0);
    cr_assert_eq(koken_task_result(task)->value.data, 42);
    cr_assert_str_eq(koken_task_text(task), "42");
    koken_task_free(task);
    /* the binary form */
    size_t size = koken_program_encode(program, bytes, sizeof bytes);
    cr_assert_eq(koken_task_start_bytes(executor, bytes, size, NULL, &task), 0);
    cr_assert_eq(koken_task_wait(rt, task, KOKEN_S(60)), 0);
    cr_assert_str_eq(koken_task_text(task), "42");
    koken_task_free(task);
    koken_program_free(program);
    stop(rt);
}

Test(machine_executor, errors_are_whole)
{
    struct koken *rt = start(1);
    koken_ref executor = executor_of(rt, (struct koken_executor_config){0});
    struct koken_task *task =
        task_of(rt, executor,
                "const r1, fn twice(r1)\n const r2, 5\n apply r1, r2, r3\n return r3\n"
                "twice:\n const r2, 0\n div r1, r2, r3\n return r3\n",
                NULL);
    const struct koken_machine_error *error = &koken_task_result(task)->error;
    cr_assert_eq(koken_task_status(task), -EPROTO);
    cr_assert_eq(error->code, KOKEN_CODE_DIVISION_BY_ZERO);
    cr_assert_eq(error->pc, 6);
    cr_assert_str_eq(error->instruction, "div r1, r2, r3");
    cr_assert_eq(error->depth, 1);
    cr_assert_eq(error->path[0], 2);
    koken_task_free(task);
    task = task_of(rt, executor, "nonsense\n", NULL); /* read by the executor */
    cr_assert_eq(koken_task_status(task), -EINVAL);
    cr_assert_eq(koken_task_result(task)->error.code, KOKEN_CODE_SYNTAX);
    koken_task_free(task);
    task = task_of(rt, executor, "KASM?", NULL);
    cr_assert_eq(koken_task_result(task)->error.code, KOKEN_CODE_BAD_BYTES);
    koken_task_free(task);
    struct koken_executor_stats stats = stats_of(rt, &executor, 1);
    cr_assert_eq(stats.failed, 3);
    stop(rt);
}

Test(machine_executor, effects_are_for_the_host)
{
    struct koken *rt = start(1);
    koken_ref executor =
        executor_of(rt, (struct koken_executor_config){.machine = {.keeps_state = true}});
    for (int i = 0; i < 2; i++) { /* the second one's are not the first one's */
        struct koken_task *task =
            task_of(rt, executor, "perform \"mail\", r1\n perform \"log\", r2\n", NULL);
        cr_assert_eq(koken_task_status(task), 0);
        cr_assert_str_eq(koken_task_effect(task, 0), "mail");
        cr_assert_str_eq(koken_task_effect(task, 1), "log");
        cr_assert_null(koken_task_effect(task, 2));
        koken_task_free(task);
    }
    stop(rt);
}

/* ---- long ones ---- */

Test(machine_executor, a_long_program_yields_and_is_cancelled)
{
    struct koken *rt = start(1); /* one worker: it must yield */
    koken_ref executor =
        executor_of(rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS}});
    koken_ref other = executor_of(rt, (struct koken_executor_config){0});
    struct koken_task *task, *behind;
    cr_assert_eq(koken_task_start_bytes(executor, endless, strlen(endless), NULL, &task), 0);
    cr_assert_eq(koken_task_start_bytes(executor, answer, strlen(answer), NULL, &behind), 0);
    cr_assert_eq(status_of(rt, other, answer, NULL), 0); /* another agent is heard */
    cr_assert_eq(stats_of(rt, &executor, 1).queued, 2);  /* and so is this one */
    cr_assert_eq(koken_task_wait(rt, task, KOKEN_MS(1)), -ETIMEDOUT);
    while (stats_of(rt, &executor, 1).slices < 3) { /* ends: it goes on */
    }
    cr_assert_eq(koken_task_status(task), -EBUSY);
    cr_assert_null(koken_task_result(task));
    koken_task_cancel(task);
    cr_assert_eq(koken_task_wait(rt, task, KOKEN_S(60)), 0);
    cr_assert_eq(koken_task_status(task), -ECANCELED);
    cr_assert_eq(koken_task_result(task)->error.code, KOKEN_CODE_CANCELLED);
    cr_assert_eq(koken_task_wait(rt, behind, KOKEN_S(60)), 0);
    cr_assert_eq(koken_task_status(behind), 0);
    koken_task_cancel(task); /* harmless */
    koken_task_free(task);
    koken_task_free(behind);
    stop(rt);
}

Test(machine_executor, a_deadline_is_honoured)
{
    struct koken *rt = start(1);
    koken_ref executor =
        executor_of(rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS}});
    struct koken_task_options options = {.deadline_ns = koken_now() + KOKEN_MS(5)};
    struct koken_task *task = task_of(rt, executor, endless, &options);
    cr_assert_eq(koken_task_status(task), -ETIMEDOUT);
    cr_assert_eq(koken_task_result(task)->error.code, KOKEN_CODE_DEADLINE);
    cr_assert_geq(koken_now(), options.deadline_ns);
    koken_task_free(task);
    cr_assert_eq(status_of(rt, executor, answer, &options), -ETIMEDOUT); /* too late to begin */
    options = (struct koken_task_options){.gas = 1000};
    cr_assert_eq(status_of(rt, executor, endless, &options), -EOVERFLOW);
    cr_assert_eq(status_of(rt, executor, answer, NULL), 0);
    stop(rt);
}

Test(machine_executor, a_queue_is_bounded)
{
    enum { TASKS = 8, MOST = 3 };
    struct koken *rt = start(1);
    koken_ref executor = executor_of(
        rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS}, .queue_max = MOST});
    struct koken_task *tasks[TASKS];
    uint32_t refused = 0;
    for (int i = 0; i < TASKS; i++) {
        const char *text = i == 0 ? endless : answer;
        cr_assert_eq(koken_task_start_bytes(executor, text, strlen(text), NULL, &tasks[i]), 0);
    }
    cr_assert_eq(stats_of(rt, &executor, 1).queued, MOST + 1);
    for (int i = TASKS - 1; i >= 0; i--) { /* those that wait are cancelled where they wait */
        koken_task_cancel(tasks[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        cr_assert_eq(koken_task_wait(rt, tasks[i], KOKEN_S(60)), 0);
        int status = koken_task_status(tasks[i]);
        cr_assert(status == -ECANCELED || status == -EAGAIN);
        refused += status == -EAGAIN;
        koken_task_free(tasks[i]);
    }
    cr_assert_eq(refused, TASKS - 1 - MOST);
    struct koken_executor_stats stats = stats_of(rt, &executor, 1);
    cr_assert_eq(stats.refused, refused);
    cr_assert_eq(stats.cancelled, MOST + 1);
    cr_assert_eq(stats.queued, 0);
    stop(rt);
}

Test(machine_executor, options_are_looked_at)
{
    struct koken *rt = start(1);
    koken_ref executor, none = {0};
    struct koken_executor_config bad = {.struct_size = 3};
    struct koken_task *task;
    cr_assert_eq(koken_executor(rt, &bad, &executor), -EINVAL);
    bad = (struct koken_executor_config){.snapshot = "no snapshot", .snapshot_size = 11};
    cr_assert_eq(koken_executor(rt, &bad, &executor), -EINVAL);
    executor = executor_of(rt, (struct koken_executor_config){0});
    struct koken_task_options options = {.in_count = 1};
    cr_assert_eq(koken_task_start_bytes(executor, answer, 5, &options, &task), -EINVAL);
    options = (struct koken_task_options){.out_count = KOKEN_TASK_MOVES + 1};
    cr_assert_eq(koken_task_start_bytes(executor, answer, 5, &options, &task), -EINVAL);
    options = (struct koken_task_options){.out_count = 1, .out = {1024}};
    cr_assert_eq(koken_task_start_bytes(executor, answer, 5, &options, &task), -EINVAL);
    cr_assert_eq(koken_task_start(executor, NULL, NULL, &task), -EINVAL);
    cr_assert_eq(koken_task_start_bytes(none, answer, 5, NULL, &task), -ESRCH);
    stop(rt);
}

/* An executor that ends, and a runtime that does, with tasks under way. */
Test(machine_executor, who_waits_for_one_that_ends_is_told)
{
    struct koken *rt = start(2);
    koken_ref executor =
        executor_of(rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS}});
    struct koken_task *task, *behind;
    cr_assert_eq(koken_task_start_bytes(executor, endless, strlen(endless), NULL, &task), 0);
    cr_assert_eq(koken_task_start_bytes(executor, answer, strlen(answer), NULL, &behind), 0);
    cr_assert_eq(koken_exit(executor), 0);
    cr_assert_eq(koken_task_wait(rt, task, KOKEN_S(60)), 0);
    cr_assert_eq(koken_task_status(task), -ESRCH);
    drain(rt);
    cr_assert(koken_task_is_over(behind));
    cr_assert_eq(koken_task_status(behind), -ESRCH);
    koken_task_free(task);
    koken_task_free(behind);
    executor = executor_of(rt, (struct koken_executor_config){.machine = {.gas = ENDLESS_GAS}});
    cr_assert_eq(koken_task_start_bytes(executor, endless, strlen(endless), NULL, &task), 0);
    const struct koken_stop_plan plan = {.cancel_ns = KOKEN_S(60)};
    cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
    cr_assert(koken_task_is_over(task));
    koken_task_free(task);
}

/* ---- sessions ---- */

Test(machine_executor, a_session_is_saved_and_taken_up_again)
{
    struct koken *rt = start(1);
    koken_ref executor =
        executor_of(rt, (struct koken_executor_config){.machine = {.keeps_state = true}});
    struct koken_task_options options = {.wants_snapshot = true};
    struct koken_task *task = task_of(rt, executor, sale, &options);
    size_t size;
    const void *bytes = koken_task_snapshot(task, &size);
    cr_assert_not_null(bytes);
    koken_ref again =
        executor_of(rt, (struct koken_executor_config){.snapshot = bytes, .snapshot_size = size});
    koken_task_free(task);
    task = task_of(rt, again, "consume r2, r3\n return r3\n", NULL);
    cr_assert_str_eq(koken_task_text(task), "7");
    koken_task_free(task);
    stop(rt);
}

/* ---- linear values ---- */

/* A ticket that one executor makes, and takes with it as far as `out`. */
static struct koken_parcel *bought(struct koken *rt, koken_ref executor)
{
    struct koken_task_options options = {.out_count = 1, .out = {2}};
    struct koken_task *task = task_of(rt, executor, sale, &options);
    cr_assert_eq(koken_task_status(task), 0, "%s", koken_task_result(task)->error.text);
    struct koken_parcel *parcel = koken_task_parcel(task, 0);
    cr_assert_not_null(parcel);
    cr_assert_null(koken_task_parcel(task, 0)); /* once */
    koken_task_free(task);
    return parcel;
}

/* Uses a ticket. Its parcel comes back if it was not used. */
static int enter_with(struct koken *rt, koken_ref executor, const char *text,
                      struct koken_parcel **parcel)
{
    struct koken_task_options options = {.in_count = 1, .in = {{1, *parcel}}};
    struct koken_task *task = task_of(rt, executor, text, &options);
    cr_assert_null(options.in[0].parcel);
    int status = koken_task_status(task);
    *parcel = koken_task_returned(task, 0);
    cr_assert_eq(status == 0, *parcel == NULL);
    koken_task_free(task);
    return status;
}

Test(machine_executor, a_ticket_is_used_once_by_all_of_a_pool)
{
    enum { DOORS = 4 };
    struct koken *rt = start(2);
    koken_ref doors[DOORS];
    struct koken_parcel *ticket, *copies[DOORS];
    uint32_t opened = 0;
    cr_assert_eq(koken_executor_pool(rt, NULL, DOORS, doors), 0);
    koken_ref office = koken_shard(doors, DOORS, koken_hash_text("office"));
    ticket = bought(rt, office);
    for (int i = 0; i < DOORS; i++) { /* what nobody should be able to do */
        size_t size;
        const void *bytes = koken_parcel_bytes(ticket, &size);
        cr_assert_eq(koken_parcel_of_bytes(bytes, size, &copies[i]), 0);
    }
    koken_parcel_free(ticket);
    for (int i = 0; i < DOORS; i++) {
        int status = enter_with(rt, doors[i], entry, &copies[i]);
        cr_assert(status == 0 || status == -EPERM);
        opened += status == 0;
        koken_parcel_free(copies[i]);
    }
    cr_assert_eq(opened, 1);
    struct koken_executor_stats stats = stats_of(rt, doors, DOORS);
    cr_assert_eq(stats.executors, DOORS);
    cr_assert_eq(stats.completed, 2);
    cr_assert_eq(stats.failed, DOORS - 1);
    cr_assert_eq(stats.resources_made, 1);
    cr_assert_eq(stats.resources_consumed, 1);
    cr_assert_eq(stats.parcels_out, 1);
    cr_assert_eq(stats.parcels_in, 1);
    stop(rt);
}

Test(machine_executor, a_task_that_fails_gives_the_ticket_back)
{
    struct koken *rt = start(1);
    koken_ref pair[2];
    cr_assert_eq(koken_executor_pool(rt, NULL, 2, pair), 0);
    struct koken_parcel *ticket = bought(rt, pair[0]);
    /* It is used, and then something goes wrong. */
    cr_assert_eq(
        enter_with(rt, pair[1], "consume r1, r2\n const r3, 0\n div r2, r3, r4\n", &ticket),
        -EPROTO);
    cr_assert_not_null(ticket);
    /* It is forgotten: an error too. */
    cr_assert_eq(enter_with(rt, pair[1], "const r4, 1\n return r4\n", &ticket), -EPERM);
    cr_assert_not_null(ticket);
    /* A register that is not there to be sent. */
    struct koken_task_options options = {
        .in_count = 1, .in = {{1, ticket}}, .out_count = 2, .out = {1, 9}};
    struct koken_task *task = task_of(rt, pair[1], "const r4, 1\n", &options);
    cr_assert_eq(koken_task_status(task), -EINVAL);
    cr_assert_null(koken_task_parcel(task, 0));
    ticket = koken_task_returned(task, 0);
    koken_task_free(task);
    cr_assert_eq(enter_with(rt, pair[0], entry, &ticket), 0);
    stop(rt);
}

/* A snapshot is a copy: who takes it up finds the ticket gone that was sold since. */
Test(machine_executor, an_executor_that_dies_takes_what_it_has_with_it)
{
    struct koken *rt = start(1);
    struct koken_ledger *ledger;
    cr_assert_eq(koken_ledger_new(0, &ledger), 0);
    struct koken_executor_config config = {.machine = {.keeps_state = true, .ledger = ledger}};
    koken_ref first = executor_of(rt, config), other = executor_of(rt, config);
    struct koken_task_options options = {.wants_snapshot = true};
    struct koken_task *saved = task_of(rt, first, sale, &options);
    options = (struct koken_task_options){.out_count = 1, .out = {2}};
    struct koken_task *sold = task_of(rt, first, "const r9, 1\n", &options);
    struct koken_parcel *ticket = koken_task_parcel(sold, 0);
    cr_assert_not_null(ticket);
    koken_task_free(sold);
    cr_assert_eq(koken_exit(first), 0);
    drain(rt);
    config.snapshot = koken_task_snapshot(saved, &config.snapshot_size);
    koken_ref heir = executor_of(rt, config);
    koken_task_free(saved);
    cr_assert_eq(status_of(rt, heir, "consume r2, r3\n return r3\n", NULL), -EPERM);
    cr_assert_eq(enter_with(rt, other, entry, &ticket), 0);
    koken_ledger_free(ledger);
    stop(rt);
}

/* ---- agents ---- */

/* trusted: made and given back by the test, which waits for the agent */
KOKEN_MESSAGE_TRUSTED(work_for, {
    koken_ref executor;
    struct koken_task **task;
});
KOKEN_MESSAGE(worked, { int32_t rc; });

struct clerk {
    koken_claim claim;
    struct koken_task *task;
};

static int on_work(koken_ctx *ctx, struct clerk *self, const struct work_for *msg)
{
    self->claim = koken_defer(ctx);
    int rc = koken_task_start_bytes(msg->executor, answer, strlen(answer), NULL, msg->task);
    self->task = *msg->task;
    rc = rc < 0 ? rc : koken_task_ask(ctx, self->task, KOKEN_S(60));
    return rc < 0 ? rc : 0;
}

static int on_done(koken_ctx *ctx, struct clerk *self, const struct koken_task_done *msg)
{
    (void)ctx;
    expect(msg->task == self->task && koken_task_is_over(msg->task));
    return koken_answer(self->claim, worked, .rc = koken_task_status(msg->task));
}

KOKEN_AGENT(clerk, struct clerk, KOKEN_ON(work_for, on_work), KOKEN_ON(koken_task_done, on_done));

struct walker {
    int unused;
};

static int walk(koken_ctx *ctx, struct walker *self, const void *arg)
{
    koken_ref pair[2];
    struct koken_executor_stats stats;
    struct koken_program *program = *(struct koken_program *const *)arg;
    (void)self;
    expect(koken_executor_pool(ctx, NULL, 2, pair) == 0);
    for (int i = 0; i < 10; i++) {
        struct koken_task *task;
        expect(koken_task_run(ctx, pair[i % 2], program, NULL, KOKEN_S(60), &task) == 0);
        expect(koken_task_status(task) == 0);
        koken_task_free(task);
    }
    expect(koken_executor_collect(ctx, pair, 2, KOKEN_S(60), &stats) == 0);
    expect(stats.completed == 10 && stats.executors == 2);
    return 0;
}

KOKEN_FIBER(walker, struct walker, walk);

Test(machine_executor, fibers_and_handlers_submit)
{
    struct koken *rt = start(2);
    struct koken_program *program = program_of(answer);
    struct koken_task *task = NULL;
    struct worked done;
    koken_ref executor = executor_of(rt, (struct koken_executor_config){0});
    koken_ref who = koken_spawn(rt, clerk);
    cr_assert_eq(
        koken_await(rt, who, KOKEN_S(60), &done, work_for, .executor = executor, .task = &task), 0);
    cr_assert_eq(done.rc, 0);
    koken_task_free(task);
    (void)koken_spawn(rt, walker, .arg = &program, .arg_size = sizeof program);
    drain(rt);
    koken_program_free(program);
    stop(rt);
}
