/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor agent: one machine, a list of tasks, one slice a turn. Between two slices it sends itself a message
 * by the lane that everybody uses, so that whoever has come meanwhile is heard first. If its mailbox is full there
 * is no room for that message either: an alarm brings it when the others have been heard.
 */
#include "executors/machine/task.h"

#include "actors/pending.h"
#include "base/alloc.h"
#include "base/world.h"
#include "orchestration/either.h"

#include <koken/await.h>

#include <errno.h>
#include <string.h>

enum { SLICE_GAS = 20000, QUEUE_MOST = 1024, CAPACITY_MORE = 256 };
#define RETRY_NS KOKEN_US(50)

struct executor {
    struct koken_executor_config config; /* with all defaults filled in */
    struct koken_machine *machine;
    struct koken_task *running; /* begun; NULL: none */
    struct koken_task *head, *tail;
    uint64_t waiting;
    bool is_posted;          /* kn_task_go is on its way */
    struct kn_ending ending; /* entered while there is a machine */
    struct koken_executor_stats stats;
};

/* ---- the end of a task ---- */

static void keep_effects(struct executor *self, struct koken_task *task)
{
    KN_ASSERT(!task->effects && self->running == NULL);
    const struct koken_machine *m = self->machine;
    uint32_t first = m->effect_count - task->result.effects, len;
    size_t size = 0;
    KN_ASSERT(m->effect_count >= task->result.effects);
    for (uint32_t i = first; i < m->effect_count; i++) {
        (void)kn_symbol_text(m, m->effects[i], &len);
        size += len + 1;
    }
    task->effects = size ? kn_alloc(size, 1, -1) : NULL;
    task->effects_size = size;
    for (size_t at = 0; task->effects && first < m->effect_count; first++) {
        const char *text = kn_symbol_text(m, m->effects[first], &len);
        memcpy(task->effects + at, text, len);
        task->effects[at + len] = '\0';
        at += len + 1;
    }
    self->machine->effect_count = 0; /* they are told; the list is bounded */
}

static void keep_snapshot(const struct executor *self, struct koken_task *task)
{
    KN_ASSERT(!task->snapshot && self->machine && !self->machine->program);
    size_t size = 0, again = 0;
    if (koken_machine_snapshot(self->machine, NULL, 0, &size) < 0) {
        return;
    }
    task->snapshot = kn_alloc(size, 1, -1);
    task->snapshot_size = size;
    if (task->snapshot && koken_machine_snapshot(self->machine, task->snapshot, size, &again) < 0) {
        kn_free(task->snapshot, size, 1);
        task->snapshot = NULL;
    }
    KN_ASSERT(!task->snapshot || again == size);
}

static void add_up(struct executor *self, const struct koken_task *task)
{
    KN_ASSERT(koken_task_status(task) == -EBUSY || task->status < 0);
    struct koken_executor_stats *stats = &self->stats;
    const struct koken_machine_result *result = &task->result;
    stats->gas += result->gas_used;
    stats->steps += result->steps;
    if (task->status < 0) {
        stats->cancelled += task->status == -ECANCELED;
        stats->failed += task->status != -ECANCELED;
        return;
    }
    stats->completed++;
    stats->resources_made += result->resources_made;
    stats->resources_consumed += result->resources_consumed;
    stats->effects += result->effects;
    stats->parcels_in += task->in_count;
    stats->parcels_out += task->out_count;
}

/* A task's run is over, and its result written. */
static void close_task(struct executor *self, struct koken_task *task, int status)
{
    KN_ASSERT(self->running == task && !self->machine->program);
    self->running = NULL;
    task->status = status;
    if (status == 0) {
        (void)koken_machine_print(self->machine, task->result.value, task->text, sizeof task->text);
        keep_effects(self, task);
        if (task->wants_snapshot) {
            keep_snapshot(self, task);
        }
        for (uint32_t i = 0; i < task->in_count; i++) { /* what was in them is in the machine */
            koken_parcel_free(task->ins[i].parcel);
            task->ins[i].parcel = NULL;
        }
    }
    add_up(self, task);
    kn_task_over(task);
    koken_task_free(task);
}

static void refuse(struct executor *self, struct koken_task *task, int status,
                   enum koken_machine_code code, const char *why)
{
    KN_ASSERT(self->running != task && status < 0);
    self->stats.refused += status == -EAGAIN;
    kn_task_refuse(task, status, code, why);
    if (status != -EAGAIN) {
        add_up(self, task);
    }
    koken_task_free(task);
}

/* ---- one slice ---- */

static int read_program(struct koken_task *task)
{
    KN_ASSERT(task->program || task->bytes);
    if (task->program) {
        return 0;
    }
    bool is_binary = task->size >= 4 && memcmp(task->bytes, "KASM", 4) == 0;
    return is_binary
               ? koken_program_decode(task->bytes, task->size, &task->program, &task->result.error)
               : koken_program_assemble((const char *)task->bytes, task->size, &task->program,
                                        &task->result.error);
}

static bool is_late(const struct koken_task *task)
{
    return task->deadline_ns && kn_now() > task->deadline_ns;
}

/* Begins the first that waits and may begin. */
static void begin_next(struct executor *self)
{
    while (!self->running && self->head) { /* ends: each round takes one */
        struct koken_task *task = self->head;
        self->head = task->next;
        self->tail = self->head ? self->tail : NULL;
        self->waiting--;
        task->next = NULL;
        if (kn_task_is_cancelled(task)) {
            refuse(self, task, -ECANCELED, KOKEN_CODE_CANCELLED, "cancelled before it began");
            continue;
        }
        if (is_late(task)) {
            refuse(self, task, -ETIMEDOUT, KOKEN_CODE_DEADLINE, "too late to begin");
            continue;
        }
        self->running = task;
        self->machine->config.gas = task->gas ? task->gas : self->config.machine.gas;
        int rc = read_program(task);
        rc = rc < 0 ? rc
                    : kn_machine_begin(self->machine, task->program, task->ins, task->in_count,
                                       task->outs, task->out_count, &task->result);
        if (rc < 0) {
            close_task(self, task, rc);
        }
    }
}

static void run_slice(struct executor *self)
{
    KN_ASSERT(self->running && self->machine->program);
    struct koken_task *task = self->running;
    self->stats.slices++;
    if (kn_task_is_cancelled(task)) {
        kn_machine_abort(self->machine, KOKEN_CODE_CANCELLED, "cancelled", &task->result);
        close_task(self, task, -ECANCELED);
        return;
    }
    if (is_late(task)) {
        kn_machine_abort(self->machine, KOKEN_CODE_DEADLINE, "its deadline has passed",
                         &task->result);
        close_task(self, task, -ETIMEDOUT);
        return;
    }
    int rc = koken_machine_go(self->machine, self->config.slice_gas, &task->result);
    if (rc != -EAGAIN) {
        close_task(self, task, rc);
    }
}

/* No new work is taken any more: ends what there is. */
static void end_all(struct executor *self, int status, const char *why)
{
    if (self->running) {
        struct koken_task *task = self->running;
        kn_machine_abort(self->machine, KOKEN_CODE_CANCELLED, why, &task->result);
        close_task(self, task, status);
    }
    while (self->head) { /* ends: each round takes one */
        struct koken_task *task = self->head;
        self->head = task->next;
        self->waiting--;
        refuse(self, task, status, KOKEN_CODE_CANCELLED, why);
    }
    self->tail = NULL;
    KN_ASSERT(self->waiting == 0);
}

/* Whether the next slice will come by itself. */
static bool post(koken_ctx *ctx, struct executor *self)
{
    int rc = koken_signal(koken_self(ctx), kn_task_go);
    if (rc == -ESHUTDOWN) {
        end_all(self, rc, "the runtime ends");
        return true;
    }
    self->is_posted = rc >= 0 || koken_after(ctx, RETRY_NS, kn_task_go).id != 0;
    return self->is_posted;
}

/* One slice; more only if there is no memory for a message that would bring the next one. */
static void go_on(koken_ctx *ctx, struct executor *self)
{
    KN_ASSERT(!self->is_posted && self->machine);
    do { /* ends: gas is bounded, and so are those that wait */
        begin_next(self);
        if (self->running) {
            run_slice(self);
        }
    } while ((self->running || self->head) && !post(ctx, self));
}

/* The last of it. */
static void finish(struct executor *self, int status, const char *why)
{
    KN_ASSERT(self->machine != NULL);
    end_all(self, status, why);
    koken_machine_free(self->machine);
    self->machine = NULL;
}

/* The runtime is killed: the agent will not run again, and has no exit. */
static void on_kill(struct kn_ending *ending, struct koken *rt)
{
    (void)rt;
    finish(kn_container_of(ending, struct executor, ending), -ESHUTDOWN, "the runtime has ended");
}

/* ---- handlers ---- */

static int on_init(koken_ctx *ctx, struct executor *self, const void *arg)
{
    const struct koken_executor_config *config = arg;
    if (config) {
        self->config = *config;
    }
    struct koken_executor_config *mine = &self->config;
    if ((mine->struct_size && mine->struct_size != sizeof *mine) ||
        mine->queue_max > UINT32_MAX - CAPACITY_MORE) {
        return -EINVAL;
    }
    mine->slice_gas = mine->slice_gas ? mine->slice_gas : (uint64_t)SLICE_GAS;
    mine->queue_max = mine->queue_max ? mine->queue_max : (uint32_t)QUEUE_MOST;
    mine->machine.origin = mine->machine.origin ? mine->machine.origin : kn_entropy();
    int rc = mine->snapshot ? koken_machine_restore(&mine->machine, mine->snapshot,
                                                    mine->snapshot_size, &self->machine)
                            : koken_machine_new(&mine->machine, &self->machine);
    mine->snapshot = NULL; /* it was the caller's */
    if (rc < 0) {
        return rc;
    }
    mine->machine.gas = self->machine->config.gas;
    kn_list_init(&self->ending.link);
    self->ending.end = on_kill;
    if (!kn_ending_enter(koken_runtime(ctx), &self->ending)) {
        finish(self, -ESHUTDOWN, "the runtime has ended");
        return -ESHUTDOWN;
    }
    return 0;
}

static int on_submit(koken_ctx *ctx, struct executor *self, struct kn_task_submit *submit)
{
    struct koken_task *task = submit->task;
    submit->task = NULL;
    KN_ASSERT(task && !task->next);
    if (self->waiting >= self->config.queue_max) {
        refuse(self, task, -EAGAIN, KOKEN_CODE_REFUSED, "too many tasks wait");
        return 0;
    }
    *(self->tail ? &self->tail->next : &self->head) = task;
    self->tail = task;
    self->waiting++;
    if (!self->is_posted) {
        go_on(ctx, self);
    }
    return 0;
}

static int on_go(koken_ctx *ctx, struct executor *self, const struct kn_task_go *go)
{
    (void)go;
    self->is_posted = false;
    go_on(ctx, self);
    return 0;
}

static int on_sweep(koken_ctx *ctx, struct executor *self, const struct kn_task_sweep *sweep)
{
    KN_ASSERT((self->head == NULL) == (self->waiting == 0));
    struct koken_task **at = &self->head;
    (void)ctx;
    (void)sweep;
    self->tail = NULL;
    while (*at) { /* ends: each round passes one */
        struct koken_task *task = *at;
        if (!kn_task_is_cancelled(task)) {
            self->tail = task;
            at = &task->next;
            continue;
        }
        *at = task->next;
        task->next = NULL;
        self->waiting--;
        refuse(self, task, -ECANCELED, KOKEN_CODE_CANCELLED, "cancelled before it began");
    }
    return 0;
}

static int on_report(koken_ctx *ctx, struct executor *self,
                     const struct koken_executor_report *report)
{
    struct koken_executor_stats stats = self->stats;
    (void)report;
    stats.queued = self->waiting + (self->running ? 1 : 0);
    stats.executors = 1;
    kn_either_way(koken_reply_(ctx, &koken_type_koken_executor_stats, &stats)); /* it may be gone */
    return 0;
}

static void on_exit(koken_ctx *ctx, struct executor *self, int reason)
{
    (void)reason;
    if (self->machine) {
        kn_ending_leave(koken_runtime(ctx), &self->ending);
        finish(self, -ESRCH, "the executor has ended");
    }
}

KOKEN_AGENT(machine_executor, struct executor, KOKEN_INIT(on_init),
            KOKEN_ON(kn_task_submit, on_submit), KOKEN_ON(kn_task_go, on_go),
            KOKEN_ON(kn_task_sweep, on_sweep), KOKEN_ON(koken_executor_report, on_report),
            KOKEN_EXIT(on_exit));

/* ---- making them ---- */

static uint32_t capacity_of(const struct koken_executor_config *config)
{
    uint32_t queue = config && config->queue_max ? config->queue_max : (uint32_t)QUEUE_MOST;
    return queue < UINT32_MAX / 2 ? queue + CAPACITY_MORE : queue;
}

static const struct koken_executor_config plain;

int koken_executor_rt_(struct koken *rt, const struct koken_executor_config *config,
                       koken_ref *ret_ref)
{
    return koken_try_spawn(rt, ret_ref, machine_executor, .arg = config ? config : &plain,
                           .capacity = capacity_of(config));
}

int koken_executor_ctx_(koken_ctx *ctx, const struct koken_executor_config *config,
                        koken_ref *ret_ref)
{
    return koken_try_spawn(ctx, ret_ref, machine_executor, .arg = config ? config : &plain,
                           .capacity = capacity_of(config));
}

/* The config of each of a pool. */
static int pool_config(const struct koken_executor_config *config, uint32_t count,
                       struct koken_executor_config *ret_config)
{
    *ret_config = config ? *config : plain;
    if (count == 0 || ret_config->snapshot) {
        return -EINVAL;
    }
    ret_config->machine.origin = 0; /* each its own */
    if (ret_config->machine.ledger) {
        (void)koken_ledger_ref(ret_config->machine.ledger);
        return 0;
    }
    return koken_ledger_new(0, &ret_config->machine.ledger);
}

static void end_some(const koken_ref *refs, uint32_t count)
{
    while (count-- > 0) {                       /* ends: one less each time */
        kn_either_way(koken_exit(refs[count])); /* it may have ended by itself */
    }
}

/* Where an agent is made: of the two one. */
struct place {
    struct koken *rt;
    koken_ctx *ctx;
};

static int make_pool(struct place at, const struct koken_executor_config *config, uint32_t count,
                     koken_ref *ret_refs)
{
    struct koken_executor_config each;
    uint32_t made = 0;
    int rc = pool_config(config, count, &each);
    if (rc < 0) {
        return rc;
    }
    KN_ASSERT(each.machine.ledger && (!at.rt || !at.ctx));
    while (rc == 0 && made < count) { /* ends: one more each time */
        rc = at.ctx ? koken_executor(at.ctx, &each, &ret_refs[made])
                    : koken_executor(at.rt, &each, &ret_refs[made]);
        made += rc == 0;
    }
    if (rc < 0) {
        end_some(ret_refs, made);
    }
    koken_ledger_free(each.machine.ledger);
    return rc;
}

int koken_executor_pool_rt_(struct koken *rt, const struct koken_executor_config *config,
                            uint32_t count, koken_ref *ret_refs)
{
    return make_pool((struct place){.rt = rt}, config, count, ret_refs);
}

int koken_executor_pool_ctx_(koken_ctx *ctx, const struct koken_executor_config *config,
                             uint32_t count, koken_ref *ret_refs)
{
    return make_pool((struct place){.ctx = ctx}, config, count, ret_refs);
}

/* ---- statistics ---- */

void koken_executor_sum(struct koken_executor_stats *into, const struct koken_executor_stats *more)
{
    into->completed += more->completed;
    into->failed += more->failed;
    into->cancelled += more->cancelled;
    into->refused += more->refused;
    into->slices += more->slices;
    into->gas += more->gas;
    into->steps += more->steps;
    into->resources_made += more->resources_made;
    into->resources_consumed += more->resources_consumed;
    into->parcels_in += more->parcels_in;
    into->parcels_out += more->parcels_out;
    into->effects += more->effects;
    into->queued += more->queued;
    into->executors += more->executors;
}

/* So many at a time. */
enum { ASKED_MOST = 32 };

static uint32_t make_asks(const koken_ref *refs, uint32_t count, struct koken_executor_stats *each,
                          struct koken_ask *asks)
{
    KN_ASSERT(count > 0);
    static const struct koken_executor_report question;
    uint32_t n = count < ASKED_MOST ? count : (uint32_t)ASKED_MOST;
    for (uint32_t i = 0; i < n; i++) {
        each[i] = (struct koken_executor_stats){0};
        asks[i] = (struct koken_ask){
            refs[i], &koken_type_koken_executor_report, &question, &each[i], sizeof each[i], 0};
    }
    return n;
}

static int sum_up(const struct koken_ask *asks, uint32_t n, const struct koken_executor_stats *each,
                  struct koken_executor_stats *into, int before)
{
    for (uint32_t i = 0; i < n; i++) {
        if (asks[i].error == 0) {
            koken_executor_sum(into, &each[i]);
        } else {
            before = asks[i].error;
        }
    }
    return before;
}

static int collect(struct place at, const koken_ref *refs, uint32_t count, uint64_t timeout_ns,
                   struct koken_executor_stats *ret_stats)
{
    struct koken_executor_stats each[ASKED_MOST];
    struct koken_ask asks[ASKED_MOST];
    int rc = 0, last = 0;
    *ret_stats = (struct koken_executor_stats){0};
    for (uint32_t done = 0; rc == 0 && done < count; done += ASKED_MOST) {
        uint32_t n = make_asks(refs + done, count - done, each, asks);
        rc = at.ctx ? koken_await_settled(at.ctx, asks, n, timeout_ns)
                    : koken_await_settled(at.rt, asks, n, timeout_ns);
        last = rc == 0 || rc == -ETIMEDOUT ? sum_up(asks, n, each, ret_stats, last) : last;
    }
    return rc < 0 ? rc : last;
}

int koken_executor_collect_rt_(struct koken *rt, const koken_ref *refs, uint32_t count,
                               uint64_t timeout_ns, struct koken_executor_stats *ret_stats)
{
    return collect((struct place){.rt = rt}, refs, count, timeout_ns, ret_stats);
}

int koken_executor_collect_ctx_(koken_ctx *ctx, const koken_ref *refs, uint32_t count,
                                uint64_t timeout_ns, struct koken_executor_stats *ret_stats)
{
    return collect((struct place){.ctx = ctx}, refs, count, timeout_ns, ret_stats);
}
