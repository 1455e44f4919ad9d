/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor agent. It owns nothing of a run but a reference: it begins it, lists it, and answers those who
 * wait when the notice comes that it is over. All work is done by lanes, between its turns.
 *
 * A run comes by a message of its own, whose reference goes to the handler or, if there never is one, is given
 * back by the message's drop. Who waits asks by a second message, which is behind the first; it names the run
 * and does not hold it: a run that is not listed is over.
 */
#include "executors/teg/executor.h"

#include "actors/agent.h"
#include "actors/request.h"
#include "base/alloc.h"
#include "executors/teg/model.h"
#include "orchestration/either.h"
#include "sched/topology.h"

#include <koken/signal.h>

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
/* trusted: runs are shared, and looked at under their locks */
KOKEN_MESSAGE_TRUSTED(kn_teg_wait, { const struct koken_teg_run *run; });
KOKEN_MESSAGE_TRUSTED(kn_teg_over, { const struct koken_teg_run *run; });

struct asker {
    struct asker *next;
    koken_claim claim;
};

struct entry {
    struct entry *next;
    struct koken_teg_run *run; /* a reference */
    struct asker *askers;
    struct asker first; /* the first one needs no memory of its own */
};

struct executor {
    struct kn_teg_home *home;
    struct koken_teg_config config; /* with all defaults filled in */
    struct entry *entries;
    bool owns_model;
};

static void drop_submit(void *payload)
{
    struct kn_teg_submit *submit = payload;
    if (submit->run) {
        kn_teg_run_refuse(submit->run, -ESRCH);
        koken_teg_run_free(submit->run);
        submit->run = NULL;
    }
}

static struct entry **place_of(struct executor *self, const struct koken_teg_run *run)
{
    struct entry **at = &self->entries;
    while (*at && (*at)->run != run) { /* ends: the list does */
        at = &(*at)->next;
    }
    return at;
}

/* Answers all who wait for a run, and lets go of it. */
static void close_entry(struct entry *entry, bool is_answered)
{
    while (entry->askers) { /* ends: each round frees one */
        struct asker *asker = entry->askers;
        entry->askers = asker->next;
        if (is_answered) {
            kn_either_way(koken_answer(asker->claim, koken_teg_done, .run = entry->run));
        }
        if (asker != &entry->first) {
            kn_free(asker, sizeof *asker, _Alignof(struct asker));
        }
    }
    koken_teg_run_free(entry->run);
    kn_free(entry, sizeof *entry, _Alignof(struct entry));
}

/* Lets go of everything; what is under way is ended by end(). Who waits is answered by the runtime. */
static void close_all(struct executor *self, void (*end)(struct koken_teg_run *run))
{
    while (self->entries) { /* ends: each round frees one */
        struct entry *entry = self->entries;
        self->entries = entry->next;
        end(entry->run);
        close_entry(entry, /* is_answered= */ false);
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
    struct entry *entry = kn_alloc(sizeof *entry, _Alignof(struct entry), -1);
    int rc = -ENOMEM;
    submit->run = NULL;
    if (entry) {
        *entry = (struct entry){.next = self->entries, .run = run};
        self->entries = entry;
        KN_ASSERT(*place_of(self, run) == entry);
        rc = kn_teg_run_begin(run, ctx->local->worker, &self->config, self->home);
    }
    if (rc < 0) {
        if (entry) {
            self->entries = entry->next;
            kn_free(entry, sizeof *entry, _Alignof(struct entry));
        }
        kn_teg_run_refuse(run, rc);
        koken_teg_run_free(run);
    }
    return 0;
}

static int on_wait(koken_ctx *ctx, struct executor *self, const struct kn_teg_wait *wait)
{
    struct entry *entry = *place_of(self, wait->run);
    struct asker *asker = NULL;
    if (entry) {
        bool is_first = !entry->askers;
        asker = is_first ? &entry->first : kn_alloc(sizeof *asker, _Alignof(struct asker), -1);
    }
    if (!asker) { /* it is over; or, without memory, this asker's deadline tells it */
        if (!entry) {
            union {
                const struct koken_teg_run *from;
                struct koken_teg_run *to;
            } run = {wait->run};
            kn_either_way(koken_reply(ctx, koken_teg_done, .run = run.to)); /* it may have gone */
        }
        return 0;
    }
    *asker = (struct asker){.next = entry->askers, .claim = koken_defer(ctx)};
    entry->askers = asker;
    return 0;
}

static int on_over(koken_ctx *ctx, struct executor *self, const struct kn_teg_over *over)
{
    struct entry **at = place_of(self, over->run), *entry = *at;
    (void)ctx;
    KOKEN_CHECK(entry);
    *at = entry->next;
    if (self->config.adaptive_scheduling) {
        kn_teg_model_learn_run(self->config.model, entry->run);
    }
    close_entry(entry, /* is_answered= */ true);
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
            KOKEN_ON(kn_teg_wait, on_wait), KOKEN_ON(kn_teg_over, on_over), KOKEN_EXIT(on_exit));

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
    if (worker && kn_post_system(local, run->executor.id, notice) == 0) {
        kn_count_add(&local->counters.sent, 1);
    } else {
        kn_envelope_free(&local->worker->pool, notice);
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
    if (rc == 0) {
        kn_teg_run_ref(*ret_run);
    }
    return rc;
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

int koken_teg_wait_rt_(struct koken *rt, struct koken_teg_run *run, uint64_t timeout_ns)
{
    struct koken_teg_done done;
    return koken_teg_is_over(run)
               ? 0
               : koken_await(rt, run->executor, timeout_ns, &done, kn_teg_wait, .run = run);
}

int koken_teg_wait_ctx_(koken_ctx *ctx, struct koken_teg_run *run, uint64_t timeout_ns)
{
    struct koken_teg_done done;
    return koken_teg_is_over(run)
               ? 0
               : koken_await(ctx, run->executor, timeout_ns, &done, kn_teg_wait, .run = run);
}

int koken_teg_ask(koken_ctx *ctx, struct koken_teg_run *run, uint64_t timeout_ns)
{
    return koken_request(ctx, run->executor, timeout_ns, kn_teg_wait, .run = run);
}

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
