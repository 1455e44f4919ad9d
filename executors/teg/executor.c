/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor agent. It owns nothing of a run but a reference: it begins it, lists it, and learns from it when the
 * notice comes that it is over. All work is done by lanes, between its turns.
 *
 * A run comes by a message of its own, whose reference goes to the handler or, if there never is one, is given
 * back by the message's drop. Who waits, waits for the run's own future: who has the notice completes it, the executor
 * or, if it has ended, whoever finds that out. So nobody needs the executor to hear of an end.
 */
#include "executors/teg/executor.h"

#include "actors/agent.h"
#include "actors/request.h"
#include "base/alloc.h"
#include "executors/teg/model.h"
#include "orchestration/either.h"
#include "sched/topology.h"

#include <koken/future.h>
#include <koken/signal.h>
#include <koken/time.h>

#include <errno.h>
#include <string.h>

enum {
    STEAL_TIMEOUT_MS = 100,
    THRESHOLD = 4,
    NODE_TIMEOUT_MS = 30000,
    POOL_MOST = 64,
    LANES_MOST = 1024
};

struct kn_teg_submit {
    struct koken_teg_run *run; /* a reference */
};
static void drop_submit(void *payload);
KOKEN_TYPE_OF_(kn_teg_submit, NULL, 0, drop_submit);

/* The notice. Whoever has it says that the run is over. */
struct kn_teg_over {
    struct koken_teg_run *run; /* a reference */
};
static void drop_over(void *payload);
KOKEN_TYPE_OF_(kn_teg_over, NULL, 0, drop_over);

struct executor {
    struct kn_teg_home *home;
    struct koken_teg_config config; /* with all defaults filled in */
    struct kn_list runs;            /* begun, and not known to be over; a reference each */
    bool owns_model;
};

/* Once for each run that was submitted. */
static void say_over(struct koken_teg_run *run)
{
    KN_ASSERT(koken_teg_is_over(run));
    int rc = koken_promise_done(&run->end); /* who sees it sees the results */
    KN_ASSERT(rc == 0);
    (void)rc;
}

static void refuse(struct koken_teg_run *run, int error)
{
    KN_ASSERT(kn_list_is_empty(&run->link));
    kn_teg_run_refuse(run, error);
    say_over(run);
    koken_teg_run_free(run);
}

static void drop_submit(void *payload)
{
    struct kn_teg_submit *submit = payload;
    if (submit->run) {
        refuse(submit->run, -ESRCH);
        submit->run = NULL;
    }
}

/* The executor has ended. */
static void drop_over(void *payload)
{
    struct kn_teg_over *over = payload;
    if (over->run) {
        say_over(over->run);
        koken_teg_run_free(over->run);
        over->run = NULL;
    }
}

/* Lets go of everything; what is under way is ended by end(), and says itself when it is over. */
static void close_all(struct executor *self, void (*end)(struct koken_teg_run *run))
{
    struct kn_list *link;
    while ((link = kn_list_pop(&self->runs)) != NULL) { /* ends: each round takes one */
        struct koken_teg_run *run = kn_container_of(link, struct koken_teg_run, link);
        KN_ASSERT(run->home == self->home);
        end(run);
        koken_teg_run_free(run);
    }
    if (self->owns_model) {
        koken_teg_model_free(self->config.model); /* runs use it only in turns of this agent */
        self->owns_model = false;
    }
}

/* The runtime ends without a turn for this agent. */
static void cut(void *arg)
{
    struct executor *self = arg;
    self->home->cut = NULL;
    close_all(self, kn_teg_run_cut);
    kn_teg_home_unref(self->home);
}

/* ---- handlers ---- */

static int on_init(koken_ctx *ctx, struct executor *self, const void *arg)
{
    const struct koken_teg_config *config = arg;
    unsigned workers = koken_workers(koken_runtime(ctx));
    kn_list_init(&self->runs);
    kn_teg_config_plain(&self->config);
    if (config) {
        self->config = *config;
    }
    struct koken_teg_config *mine = &self->config;
    mine->worker_count = mine->worker_count ? mine->worker_count : workers;
    mine->worker_count =
        mine->worker_count < LANES_MOST ? mine->worker_count : (uint32_t)LANES_MOST;
    mine->steal_timeout_ms =
        mine->steal_timeout_ms ? mine->steal_timeout_ms : (uint32_t)STEAL_TIMEOUT_MS;
    mine->load_balance_threshold =
        mine->load_balance_threshold ? mine->load_balance_threshold : (uint32_t)THRESHOLD;
    mine->node_timeout_ms =
        mine->node_timeout_ms ? mine->node_timeout_ms : (uint32_t)NODE_TIMEOUT_MS;
    if (!mine->pool_count) {
        mine->pool_count = 4 * mine->worker_count;
    }
    mine->pool_count = mine->pool_count < POOL_MOST ? mine->pool_count : (uint32_t)POOL_MOST;
    if (mine->adaptive_scheduling && !mine->model) {
        mine->model = koken_teg_model_new();
        self->owns_model = true;
        if (!mine->model) {
            return -ENOMEM;
        }
    }
    int rc = kn_teg_home_new(koken_runtime(ctx), cut, self, &self->home);
    if (rc < 0 && self->owns_model) {
        koken_teg_model_free(mine->model);
    }
    return rc;
}

static int on_submit(koken_ctx *ctx, struct executor *self, struct kn_teg_submit *submit)
{
    struct koken_teg_run *run = submit->run;
    KN_ASSERT(run && kn_list_is_empty(&run->link));
    submit->run = NULL;
    kn_list_push_front(&self->runs, &run->link);
    int rc = kn_teg_run_begin(run, ctx->local->worker, &self->config, self->home);
    if (rc < 0) {
        kn_list_remove(&run->link);
        refuse(run, rc);
    }
    return 0;
}

static int on_over(koken_ctx *ctx, struct executor *self, struct kn_teg_over *over)
{
    struct koken_teg_run *run = over->run;
    (void)ctx;
    KOKEN_CHECK(!kn_list_is_empty(&run->link));
    over->run = NULL;
    kn_list_remove(&run->link);
    if (self->config.adaptive_scheduling) {
        kn_teg_model_learn_run(self->config.model, run);
    }
    say_over(run);
    koken_teg_run_free(run); /* the list's, and the notice's */
    koken_teg_run_free(run);
    return 0;
}

static void on_exit(koken_ctx *ctx, struct executor *self, int reason)
{
    (void)ctx;
    (void)reason;
    if (self->home) { /* else it was not born */
        self->home->cut = NULL;
        close_all(self, koken_teg_cancel);
        kn_teg_home_unref(self->home);
    }
}

KOKEN_AGENT(executor, struct executor, KOKEN_INIT(on_init), KOKEN_ON(kn_teg_submit, on_submit),
            KOKEN_ON(kn_teg_over, on_over), KOKEN_EXIT(on_exit));

/* ---- the end of a run ---- */

struct kn_envelope *kn_teg_notice_new(struct koken_teg_run *run, struct kn_local *local)
{
    struct kn_teg_over over = {.run = run};
    return kn_message_new(local, &koken_type_kn_teg_over, &over);
}

void kn_teg_notice_send(struct koken_teg_run *run, struct kn_worker *worker)
{
    struct kn_local *local = worker ? worker->local : &run->rt->locals[0];
    struct kn_envelope *notice = run->notice;
    KN_ASSERT(notice != NULL);
    KN_ASSERT(koken_teg_is_over(run));
    run->notice = NULL;
    notice->from = 0;
    kn_teg_run_ref(run); /* the notice's */
    if (worker && kn_post_system(local, run->executor.id, notice) == 0) {
        kn_count_add(&local->counters.sent, 1);
    } else {
        kn_envelope_free(&local->worker->pool, notice);
        say_over(run);
        koken_teg_run_free(run);
    }
}

/* ---- what others call ---- */

void kn_teg_config_plain(struct koken_teg_config *ret_config)
{
    *ret_config = (struct koken_teg_config){
        .struct_size = sizeof *ret_config,
        .steal_timeout_ms = STEAL_TIMEOUT_MS,
        .load_balance_threshold = THRESHOLD,
        .node_timeout_ms = NODE_TIMEOUT_MS,
        .adaptive_scheduling = true,
    };
}

void koken_teg_config_default(struct koken_teg_config *ret_config)
{
    struct kn_topology *topology = NULL;
    struct kn_count_reason reason;
    kn_teg_config_plain(ret_config);
    ret_config->worker_count = 1;
    if (kn_topology_new(&(struct kn_sched_config){0}, &topology, &reason) == 0) {
        ret_config->worker_count = reason.workers;
        kn_topology_free(topology);
    }
}

koken_ref koken_teg_executor_rt_(struct koken *rt, const struct koken_teg_config *config)
{
    return koken_spawn(rt, executor, .arg = config,
                       .arg_size = config ? (uint32_t)sizeof *config : 0, .capacity = 10000);
}

koken_ref koken_teg_executor_ctx_(koken_ctx *ctx, const struct koken_teg_config *config)
{
    return koken_spawn(ctx, executor, .arg = config,
                       .arg_size = config ? (uint32_t)sizeof *config : 0, .capacity = 10000);
}

/* A run of a graph that is sound, with the reference of its message. */
static int prepare(koken_ref who, struct koken_teg *teg, const struct koken_teg_options *options,
                   struct koken_teg_run **ret_run)
{
    int rc = teg ? koken_teg_check(teg, NULL) : -EINVAL;
    if (rc == 0) {
        rc = kn_teg_run_new(teg, options, who, ret_run);
    }
    if (rc < 0) {
        return rc;
    }
    rc = koken_promise_new(0, &(*ret_run)->end, &(*ret_run)->over);
    if (rc < 0) {
        koken_teg_run_free(*ret_run);
        return rc;
    }
    kn_teg_run_ref(*ret_run);
    return 0;
}

int koken_teg_start(koken_ref who, struct koken_teg *teg, const struct koken_teg_options *options,
                    struct koken_teg_run **ret_run)
{
    struct koken_teg_run *run = NULL;
    int rc = prepare(who, teg, options, &run);
    if (rc < 0) {
        return rc;
    }
    rc = koken_signal(who, kn_teg_submit, .run = run);
    if (rc < 0) { /* refused: both references are ours */
        koken_teg_run_free(run);
        koken_teg_run_free(run);
        return rc;
    }
    *ret_run = run;
    return 0;
}

/* ---- waiting ---- */

static int wait_for_end(struct koken_teg_run *run, uint64_t timeout_ns)
{
    int rc = koken_future_join(run->over, timeout_ns);
    return koken_teg_is_over(run) ? 0 : rc;
}

int koken_teg_wait_rt_(struct koken *rt, struct koken_teg_run *run, uint64_t timeout_ns)
{
    return rt ? wait_for_end(run, timeout_ns) : -EINVAL;
}

int koken_teg_wait_ctx_(koken_ctx *ctx, struct koken_teg_run *run, uint64_t timeout_ns)
{
    return ctx ? wait_for_end(run, timeout_ns) : -EINVAL;
}

/*
 * A handler asks an agent made for it, which has the future tell it, and answers. The executor could not do that:
 * one that ends refuses what it is asked, while its last runs are still on their way to be over.
 */
struct kn_teg_watch {
    struct koken_teg_run *run; /* a reference */
};

static void drop_watch(void *payload)
{
    struct kn_teg_watch *watch = payload;
    koken_teg_run_free(watch->run);
    watch->run = NULL;
}

KOKEN_TYPE_OF_(kn_teg_watch, NULL, 0, drop_watch);
KOKEN_EVENT(kn_teg_too_late);

struct watcher {
    koken_claim asker;
    struct koken_teg_run *run; /* to be named: it is not looked at */
};

static int on_watch(koken_ctx *ctx, struct watcher *self, struct kn_teg_watch *watch)
{
    KN_ASSERT(watch->run && watch->run->over);
    KN_ASSERT(!self->run);
    int rc = koken_future_tell(watch->run->over, koken_self(ctx), 0);
    if (rc < 0) {
        return rc; /* the asker's answer */
    }
    uint64_t left = koken_time_left(ctx);
    if (left != KOKEN_NO_DEADLINE) {
        (void)koken_after(ctx, left, kn_teg_too_late); /* without memory it stays until the end */
    }
    self->asker = koken_defer(ctx);
    self->run = watch->run;
    return self->asker.number ? 0 : -ENOMEM;
}

static int on_told(koken_ctx *ctx, struct watcher *self, const struct koken_future_done *told)
{
    KN_ASSERT(self->asker.number && self->run);
    (void)ctx;
    (void)told;
    kn_either_way(koken_answer(self->asker, koken_teg_done, .run = self->run)); /* or gone */
    return KOKEN_STOP;
}

static int on_too_late(koken_ctx *ctx, struct watcher *self, const struct kn_teg_too_late *late)
{
    KN_ASSERT(self->asker.number);
    (void)ctx;
    (void)late;
    return koken_is_awaited(self->asker) ? 0 : KOKEN_STOP; /* it has given up by itself */
}

KOKEN_AGENT(watcher, struct watcher, KOKEN_ON(kn_teg_watch, on_watch),
            KOKEN_ON(koken_future_done, on_told), KOKEN_ON(kn_teg_too_late, on_too_late));

int koken_teg_ask(koken_ctx *ctx, struct koken_teg_run *run, uint64_t timeout_ns)
{
    koken_ref who;
    int rc = koken_try_spawn(ctx, &who, watcher);
    if (rc < 0) {
        return rc;
    }
    kn_teg_run_ref(run);
    rc = koken_request(ctx, who, timeout_ns, kn_teg_watch, .run = run);
    if (rc < 0) {
        koken_teg_run_free(run);
        kn_either_way(koken_exit(who));
    }
    return rc;
}

/* ---- all in one ---- */

/* After a wait of koken_teg_run. */
static int ran(struct koken_teg_run *run, int rc, struct koken_teg_run **ret_run)
{
    if (rc == 0 && koken_teg_is_over(run) && !run->lanes && run->status < 0) {
        rc = run->status; /* it has not begun */
    }
    if (rc < 0) {
        koken_teg_cancel(run);
        koken_teg_run_free(run);
        return rc;
    }
    *ret_run = run;
    return 0;
}

int koken_teg_run_rt_(struct koken *rt, koken_ref who, struct koken_teg *teg,
                      const struct koken_teg_options *options, uint64_t timeout_ns,
                      struct koken_teg_run **ret_run)
{
    struct koken_teg_run *run = NULL;
    int rc = koken_teg_start(who, teg, options, &run);
    return rc < 0 ? rc : ran(run, koken_teg_wait(rt, run, timeout_ns), ret_run);
}

int koken_teg_run_ctx_(koken_ctx *ctx, koken_ref who, struct koken_teg *teg,
                       const struct koken_teg_options *options, uint64_t timeout_ns,
                       struct koken_teg_run **ret_run)
{
    struct koken_teg_run *run = NULL;
    int rc = koken_teg_start(who, teg, options, &run);
    return rc < 0 ? rc : ran(run, koken_teg_wait(ctx, run, timeout_ns), ret_run);
}
