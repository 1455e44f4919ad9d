/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks, as those see them who submit them. */
#include "executors/machine/task.h"

#include "base/alloc.h"
#include "orchestration/either.h"

#include <errno.h>
#include <string.h>

enum { BYTES_MOST = 16 << 20 };

/* ---- life ---- */

static void drop_moves(struct kn_move *moves, uint32_t count)
{
    KN_ASSERT(count <= KN_MOVES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        koken_parcel_free(moves[i].parcel);
        moves[i].parcel = NULL;
    }
}

void koken_task_free(struct koken_task *task)
{
    /* [MT2] acquire, release: the last one sees all that the other did with it. */
    if (!task || kn_sub(&task->refs, 1, acq_rel) > 1) {
        return;
    }
    drop_moves(task->ins, task->in_count);
    drop_moves(task->outs, task->out_count);
    koken_promise_drop(&task->end); /* one that was not accepted */
    koken_future_drop(task->over);
    koken_program_free(task->program);
    kn_free(task->bytes, task->size + 1, 1);
    kn_free(task->effects, task->effects_size, 1);
    kn_free(task->snapshot, task->snapshot_size, 1);
    kn_free(task, sizeof *task, _Alignof(struct koken_task));
}

void kn_task_over(struct koken_task *task)
{
    int rc = koken_promise_done(&task->end); /* who sees it sees the results */
    KN_ASSERT(rc == 0);                      /* once: a task has one who ends it */
    (void)rc;
}

void kn_task_refuse(struct koken_task *task, int status, enum koken_machine_code code,
                    const char *why)
{
    KN_ASSERT(status < 0);
    task->status = status;
    int rc = kn_machine_fail(&task->result.error, code, NULL, 0, KOKEN_NO_REGISTER,
                             "Effect execution failed: %s", why);
    KN_ASSERT(rc < 0);
    (void)rc;
    kn_task_over(task);
}

void kn_task_submit_drop(void *payload)
{
    struct kn_task_submit *submit = payload;
    if (submit->task) {
        kn_task_refuse(submit->task, -ESRCH, KOKEN_CODE_REFUSED, "the executor has ended");
        koken_task_free(submit->task);
        submit->task = NULL;
    }
}

/* ---- submitting ---- */

static int check_options(const struct koken_task_options *options)
{
    if ((options->struct_size && options->struct_size != sizeof *options) ||
        options->in_count > KOKEN_TASK_MOVES || options->out_count > KOKEN_TASK_MOVES) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < options->in_count; i++) {
        if (!options->in[i].parcel || options->in[i].reg >= KN_REGISTERS_MAX) {
            return -EINVAL;
        }
    }
    for (uint32_t i = 0; i < options->out_count; i++) {
        if (options->out[i] >= KN_REGISTERS_MAX) {
            return -EINVAL;
        }
    }
    return 0;
}

static struct koken_task *task_new(koken_ref executor, const struct koken_task_options *options)
{
    struct koken_task *task = kn_alloc(sizeof *task, _Alignof(struct koken_task), -1);
    if (!task) {
        return NULL;
    }
    memset(task, 0, sizeof *task);
    if (koken_promise_new(0, &task->end, &task->over) < 0) {
        kn_free(task, sizeof *task, _Alignof(struct koken_task));
        return NULL;
    }
    kn_atomic_init(&task->refs, 2); /* one goes with the message */
    task->executor = executor;
    if (options) {
        task->gas = options->gas;
        task->deadline_ns = options->deadline_ns;
        task->wants_snapshot = options->wants_snapshot;
        task->in_count = options->in_count;
        task->out_count = options->out_count;
        for (uint32_t i = 0; i < options->in_count; i++) {
            task->ins[i] = (struct kn_move){options->in[i].reg, options->in[i].parcel};
        }
        for (uint32_t i = 0; i < options->out_count; i++) {
            task->outs[i].reg = options->out[i];
        }
    }
    return task;
}

/* What was not accepted: the parcels stay where they were. */
static void take_back(struct koken_task *task)
{
    KN_ASSERT(kn_load(&task->refs, relaxed) == 2); /* relaxed: nobody else knows it */
    task->in_count = 0;
    koken_task_free(task);
    koken_task_free(task);
}

static int submit(struct koken_task *task, struct koken_task_options *options,
                  struct koken_task **ret_task)
{
    KN_ASSERT(kn_load(&task->refs, relaxed) == 2); /* relaxed: ours still */
    int rc = koken_signal(task->executor, kn_task_submit, .task = task);
    if (rc < 0) {
        take_back(task);
        return rc;
    }
    for (uint32_t i = 0; options && i < options->in_count; i++) {
        options->in[i].parcel = NULL;
    }
    *ret_task = task;
    return 0;
}

int koken_task_start(koken_ref executor, struct koken_program *program,
                     struct koken_task_options *options, struct koken_task **ret_task)
{
    int rc = program ? 0 : -EINVAL;
    rc = rc == 0 && options ? check_options(options) : rc;
    if (rc < 0) {
        return rc;
    }
    struct koken_task *task = task_new(executor, options);
    if (!task) {
        return -ENOMEM;
    }
    task->program = koken_program_ref(program);
    return submit(task, options, ret_task);
}

int koken_task_start_bytes(koken_ref executor, const void *bytes, size_t size,
                           struct koken_task_options *options, struct koken_task **ret_task)
{
    int rc = !bytes ? -EINVAL : size > BYTES_MOST ? -E2BIG : 0;
    rc = rc == 0 && options ? check_options(options) : rc;
    if (rc < 0) {
        return rc;
    }
    struct koken_task *task = task_new(executor, options);
    if (!task) {
        return -ENOMEM;
    }
    task->bytes = kn_alloc(size + 1, 1, -1);
    task->size = size;
    if (!task->bytes) {
        take_back(task);
        return -ENOMEM;
    }
    memcpy(task->bytes, bytes, size);
    return submit(task, options, ret_task);
}

void koken_task_cancel(struct koken_task *task)
{
    kn_store(&task->is_cancelled, 1, relaxed); /* nothing comes with it */
    if (!koken_task_is_over(task)) {
        /* If it does not arrive, the task is found cancelled when it would begin. */
        kn_either_way(koken_signal(task->executor, kn_task_sweep));
    }
}

/* ---- waiting ---- */

static int wait_for_end(struct koken_task *task, uint64_t timeout_ns)
{
    int rc = koken_future_join(task->over, timeout_ns);
    return koken_task_is_over(task) ? 0 : rc;
}

int koken_task_wait_rt_(struct koken *rt, struct koken_task *task, uint64_t timeout_ns)
{
    return rt ? wait_for_end(task, timeout_ns) : -EINVAL;
}

int koken_task_wait_ctx_(koken_ctx *ctx, struct koken_task *task, uint64_t timeout_ns)
{
    return ctx ? wait_for_end(task, timeout_ns) : -EINVAL;
}

/*
 * A handler asks an agent made for it, which has the future tell it, and answers. The executor could not do that:
 * one that ends refuses what it is asked, while its last tasks are still on their way to be over.
 */
struct kn_task_watch {
    struct koken_task *task; /* a reference */
};

static void drop_watch(void *payload)
{
    struct kn_task_watch *watch = payload;
    koken_task_free(watch->task);
    watch->task = NULL;
}

KOKEN_TYPE_OF_(kn_task_watch, NULL, 0, drop_watch);
KOKEN_EVENT(kn_task_too_late);

struct watcher {
    koken_claim asker;
    struct koken_task *task; /* to be named: it is not looked at */
};

static int on_watch(koken_ctx *ctx, struct watcher *self, struct kn_task_watch *watch)
{
    KN_ASSERT(watch->task && watch->task->over);
    KN_ASSERT(!self->task);
    int rc = koken_future_tell(watch->task->over, koken_self(ctx), 0);
    if (rc < 0) {
        return rc; /* the asker's answer */
    }
    uint64_t left = koken_time_left(ctx);
    if (left != KOKEN_NO_DEADLINE) {
        (void)koken_after(ctx, left, kn_task_too_late); /* without memory it stays until the end */
    }
    self->asker = koken_defer(ctx);
    self->task = watch->task;
    return self->asker.number ? 0 : -ENOMEM;
}

static int on_told(koken_ctx *ctx, struct watcher *self, const struct koken_future_done *told)
{
    KN_ASSERT(self->asker.number && self->task);
    (void)ctx;
    (void)told;
    kn_either_way(koken_answer(self->asker, koken_task_done, .task = self->task)); /* or gone */
    return KOKEN_STOP;
}

static int on_too_late(koken_ctx *ctx, struct watcher *self, const struct kn_task_too_late *late)
{
    KN_ASSERT(self->asker.number);
    (void)ctx;
    (void)late;
    return koken_is_awaited(self->asker) ? 0 : KOKEN_STOP; /* it has given up by itself */
}

KOKEN_AGENT(watcher, struct watcher, KOKEN_ON(kn_task_watch, on_watch),
            KOKEN_ON(koken_future_done, on_told), KOKEN_ON(kn_task_too_late, on_too_late));

int koken_task_ask(koken_ctx *ctx, struct koken_task *task, uint64_t timeout_ns)
{
    koken_ref who;
    int rc = koken_try_spawn(ctx, &who, watcher);
    if (rc < 0) {
        return rc;
    }
    (void)kn_add(&task->refs, 1, relaxed); /* relaxed: by one who has a reference */
    rc = koken_request(ctx, who, timeout_ns, kn_task_watch, .task = task);
    if (rc < 0) {
        koken_task_free(task);
        kn_either_way(koken_exit(who));
    }
    return rc;
}

/* What was started is waited for, or cancelled. */
static int run_on(struct koken_task *task, uint64_t timeout_ns)
{
    int rc = wait_for_end(task, timeout_ns);
    if (rc < 0) {
        koken_task_cancel(task);
    }
    return rc;
}

int koken_task_run_rt_(struct koken *rt, koken_ref executor, struct koken_program *program,
                       struct koken_task_options *options, uint64_t timeout_ns,
                       struct koken_task **ret_task)
{
    *ret_task = NULL;
    int rc = rt ? koken_task_start(executor, program, options, ret_task) : -EINVAL;
    return rc < 0 ? rc : run_on(*ret_task, timeout_ns);
}

int koken_task_run_ctx_(koken_ctx *ctx, koken_ref executor, struct koken_program *program,
                        struct koken_task_options *options, uint64_t timeout_ns,
                        struct koken_task **ret_task)
{
    *ret_task = NULL;
    int rc = ctx ? koken_task_start(executor, program, options, ret_task) : -EINVAL;
    return rc < 0 ? rc : run_on(*ret_task, timeout_ns);
}

/* ---- what it came to ---- */

bool koken_task_is_over(const struct koken_task *task)
{
    return koken_future_peek(task->over, NULL) != -EAGAIN;
}

int koken_task_status(const struct koken_task *task)
{
    return koken_task_is_over(task) ? task->status : -EBUSY;
}

const struct koken_machine_result *koken_task_result(const struct koken_task *task)
{
    return koken_task_is_over(task) ? &task->result : NULL;
}

const char *koken_task_text(const struct koken_task *task)
{
    return koken_task_is_over(task) ? task->text : "";
}

const char *koken_task_effect(const struct koken_task *task, uint32_t i)
{
    if (!koken_task_is_over(task) || !task->effects || i >= task->result.effects) {
        return NULL;
    }
    const char *at = task->effects;
    while (i-- > 0) { /* ends: there are more than that */
        at += strlen(at) + 1;
    }
    KN_ASSERT(at < task->effects + task->effects_size);
    return at;
}

static struct koken_parcel *take_out(struct kn_move *moves, uint32_t count, uint32_t i)
{
    KN_ASSERT(count <= KN_MOVES_MAX);
    struct koken_parcel *parcel = i < count ? moves[i].parcel : NULL;
    if (parcel) {
        moves[i].parcel = NULL;
    }
    return parcel;
}

struct koken_parcel *koken_task_parcel(struct koken_task *task, uint32_t i)
{
    return koken_task_is_over(task) ? take_out(task->outs, task->out_count, i) : NULL;
}

struct koken_parcel *koken_task_returned(struct koken_task *task, uint32_t i)
{
    return koken_task_is_over(task) ? take_out(task->ins, task->in_count, i) : NULL;
}

const void *koken_task_snapshot(const struct koken_task *task, size_t *ret_size)
{
    bool is_there = koken_task_is_over(task) && task->snapshot;
    *ret_size = is_there ? task->snapshot_size : 0;
    return is_there ? task->snapshot : NULL;
}
