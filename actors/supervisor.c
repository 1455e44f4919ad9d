/* SPDX-License-Identifier: Apache-2.0 */
/* See supervisor.h. */
#include "actors/supervisor.h"

#include "actors/kn_rcu.h"
#include "actors/link.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/system.h"
#include "base/world.h"

#include <koken/supervisor.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { INTENSITY_DEFAULT = 3, INTENSITY_MAX = 1024, CHILDREN_MAX = 60000 };

#define PERIOD_DEFAULT KOKEN_S(5)
#define SHUTDOWN_DEFAULT KOKEN_S(5)

enum phase { RUNNING, REGROUPING, ENDING };

struct nestling {
    uint64_t id;    /* (m) rt->broods_lock to write, and for others to read; 0: not there */
    int number;     /* (s) of its monitor */
    bool is_wanted; /* (s) to be there */
};

/* What a supervisor has on the heap, for others to find. */
struct kn_brood {
    struct kn_brood *next;   /* (m) rt->broods_lock */
    uint64_t who;            /* (c) the supervisor */
    uint32_t count;          /* (c) */
    uint32_t intensity;      /* (c) */
    size_t size;             /* (c) of all this */
    uint64_t *restarts;      /* (s) times of the last `intensity` ones, behind the children */
    uint64_t restart_serial; /* (s) restarts so far */
    struct nestling children[];
};

/* State of a supervisor; (s). */
struct supervisor {
    const struct koken_supervisor *spec;
    struct kn_brood *brood;
    koken_timer deadline;
    uint32_t from, to; /* while not RUNNING: children that stop */
    uint32_t at;       /* the one waited for; those after it, up to `to`, have stopped */
    enum phase phase;
    int reason; /* while ENDING: what it will fail with, or 0 */
};
_Static_assert(sizeof(struct supervisor) <= KN_INLINE_STATE, "fits into the slot");

struct late {
    uint32_t index;
};

static const struct koken_type late_type = {
    "koken.child_late", sizeof(struct late), 4, NULL, 0, 0, NULL};

/* Takes an answer that makes no difference; each use says why. */
static void may_fail(int rc)
{
    (void)rc;
}

/* ---- the brood, as others see it ------------------------------------------------------------------------ */

static struct kn_brood **bucket_of(struct koken *rt, uint64_t who)
{
    return &rt->broods[(uint32_t)who % KN_BROOD_BUCKETS];
}

static void free_brood(struct kn_brood *brood)
{
    kn_free(brood, brood->size, _Alignof(struct kn_brood));
}

void kn_broods_free(struct koken *rt)
{
    for (unsigned i = 0; i < KN_BROOD_BUCKETS; i++) {
        while (rt->broods[i]) { /* ends: the list is finite */
            struct kn_brood *brood = rt->broods[i];
            rt->broods[i] = brood->next;
            free_brood(brood);
        }
    }
}

static int make_brood(koken_ctx *ctx, struct supervisor *self)
{
    uint32_t intensity = self->spec->intensity ? self->spec->intensity : INTENSITY_DEFAULT;
    uint32_t count = self->spec->child_count;
    size_t size =
        sizeof *self->brood + count * sizeof(struct nestling) + intensity * sizeof(uint64_t);
    struct kn_brood *brood = kn_alloc(size, _Alignof(struct kn_brood), -1);
    if (!brood) {
        return -ENOMEM;
    }
    memset(brood, 0, size);
    brood->who = ctx->id;
    brood->count = count;
    brood->intensity = intensity;
    brood->size = size;
    brood->restarts = (uint64_t *)(void *)&brood->children[count];
    self->brood = brood;
    struct kn_brood **bucket = bucket_of(ctx->rt, ctx->id);
    pthread_mutex_lock(&ctx->rt->broods_lock);
    brood->next = *bucket;
    *bucket = brood;
    pthread_mutex_unlock(&ctx->rt->broods_lock);
    return 0;
}

static void drop_brood(koken_ctx *ctx, struct supervisor *self)
{
    struct kn_brood **link = bucket_of(ctx->rt, ctx->id);
    pthread_mutex_lock(&ctx->rt->broods_lock);
    while (*link != self->brood) { /* ends: it was entered */
        KN_ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = self->brood->next;
    pthread_mutex_unlock(&ctx->rt->broods_lock);
    free_brood(self->brood);
    self->brood = NULL;
}

static void set_child(koken_ctx *ctx, struct nestling *child, uint64_t id)
{
    pthread_mutex_lock(&ctx->rt->broods_lock);
    child->id = id;
    pthread_mutex_unlock(&ctx->rt->broods_lock);
}

int koken_supervised(koken_ref who, uint32_t index, koken_ref *ret_ref)
{
    bool is_outside = kn_local_here() == NULL;
    int rc = -ESRCH;
    if (!ret_ref) {
        return -EINVAL;
    }
    if (is_outside) {
        kn_rcu_visit();
    }
    const struct kn_agent *a = kn_resolve(who.id);
    if (a) {
        struct koken *rt = kn_agent_runtime(a);
        pthread_mutex_lock(&rt->broods_lock);
        const struct kn_brood *brood = *bucket_of(rt, who.id);
        while (brood && brood->who != who.id) { /* ends: the list is finite */
            brood = brood->next;
        }
        if (brood && index >= brood->count) {
            rc = -EINVAL;
        } else if (brood && brood->children[index].id) {
            ret_ref->id = brood->children[index].id;
            rc = 0;
        }
        pthread_mutex_unlock(&rt->broods_lock);
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    return rc;
}

/* ---- starting ------------------------------------------------------------------------------------------- */

static int start_child(koken_ctx *ctx, struct supervisor *self, uint32_t i)
{
    const struct koken_child *spec = &self->spec->children[i];
    struct nestling *child = &self->brood->children[i];
    struct koken_spawn_options options = spec->options;
    const struct koken_agent_type *type = spec->type;
    koken_ref ref;
    KN_ASSERT(child->id == 0);
    if (!type) {
        type = &kn_supervisor_type;
        options.arg = spec->supervisor;
        options.arg_size = 0;
    }
    int rc = kn_spawn_monitored(ctx, type, &options, &ref, &child->number);
    if (rc == 0) {
        child->is_wanted = true;
        set_child(ctx, child, ref.id);
    }
    return rc;
}

/* Notes a restart now, if there may be one. */
static bool may_restart(struct supervisor *self)
{
    struct kn_brood *brood = self->brood;
    uint64_t period = self->spec->period_ns ? self->spec->period_ns : PERIOD_DEFAULT;
    uint64_t now = kn_now();
    uint64_t *oldest = &brood->restarts[brood->restart_serial % brood->intensity];
    if (brood->restart_serial >= brood->intensity && now - *oldest < period) {
        return false;
    }
    *oldest = now;
    brood->restart_serial++;
    return true;
}

static bool is_stopping(const koken_ctx *ctx)
{
    /* Relaxed: set before the agents are asked to stop, and their ends come by messages. */
    return kn_load(&ctx->rt->stopping, relaxed) > 1;
}

static void say(const koken_ctx *ctx, const char *what, uint32_t index, int reason)
{
    const struct koken_options *o = &ctx->rt->options;
    if (o->log) {
        char line[160];
        (void)snprintf(line, sizeof line, "koken: supervisor %llx: %s %u, %s",
                       (unsigned long long)ctx->id, what, (unsigned)index, koken_errname(reason));
        o->log(o->log_arg, line);
    }
}

/* ---- stopping ------------------------------------------------------------------------------------------- */

static int go_on(koken_ctx *ctx, struct supervisor *self);

/* Stops all children, and then ends. */
static int begin_end(koken_ctx *ctx, struct supervisor *self, int reason)
{
    may_fail(koken_cancel(ctx, self->deadline)); /* -ESRCH: none was set */
    self->phase = ENDING;
    self->reason = reason;
    self->from = 0;
    self->to = self->at = self->brood->count;
    return go_on(ctx, self);
}

static int give_up(koken_ctx *ctx, struct supervisor *self, uint32_t i, int reason)
{
    say(ctx, "gives up; too many restarts, the last of child", i, reason);
    return begin_end(ctx, self, reason < 0 ? reason : -EPROTO);
}

/* Starts those of [from, to) that are wanted and not there. 0, or the supervisor's end. */
static int start_some(koken_ctx *ctx, struct supervisor *self)
{
    for (uint32_t i = self->from; i < self->to; i++) {
        struct nestling *child = &self->brood->children[i];
        while (child->is_wanted && !child->id) { /* ends: started, or too many restarts */
            int rc = start_child(ctx, self, i);
            if (rc < 0 && !may_restart(self)) {
                return give_up(ctx, self, i, rc);
            }
        }
    }
    return 0;
}

/* Asks the next child to stop, and waits; or, when none is left, does what they were stopped for. */
static int go_on(koken_ctx *ctx, struct supervisor *self)
{
    KN_ASSERT(self->phase != RUNNING);
    while (self->at > self->from) { /* ends: counts down */
        uint32_t i = --self->at;
        struct nestling *child = &self->brood->children[i];
        const struct koken_child *spec = &self->spec->children[i];
        if (!child->id) {
            continue;
        }
        child->is_wanted = spec->restart != KOKEN_TEMPORARY;
        struct late late = {i};
        self->deadline = koken_timer_(ctx, koken_self(ctx),
                                      spec->shutdown_ns ? spec->shutdown_ns : SHUTDOWN_DEFAULT, 0,
                                      &late_type, &late);
        /* -ESRCH: its koken_down is on its way; -ENOMEM: the deadline goes on. */
        may_fail(koken_exit((koken_ref){child->id}));
        return 0;
    }
    if (self->phase == ENDING) {
        return self->reason ? self->reason : KOKEN_STOP;
    }
    self->phase = RUNNING;
    return start_some(ctx, self);
}

/* A child is to be started again, and others with it. */
static int restart(koken_ctx *ctx, struct supervisor *self, uint32_t i, int reason)
{
    enum koken_strategy strategy = self->spec->strategy;
    if (!may_restart(self)) {
        return give_up(ctx, self, i, reason);
    }
    if (self->phase == REGROUPING) { /* one in front of those that stop already: it joins them */
        self->from = strategy == KOKEN_REST_FOR_ONE && i < self->from ? i : self->from;
        return 0;
    }
    self->from = strategy == KOKEN_ONE_FOR_ALL ? 0 : i;
    self->to = self->at = strategy == KOKEN_ONE_FOR_ONE ? i + 1 : self->brood->count;
    self->phase = REGROUPING;
    return go_on(ctx, self);
}

/* ---- the agent ------------------------------------------------------------------------------------------ */

static bool is_sound(const struct koken_supervisor *spec)
{
    if (!spec || spec->child_count > CHILDREN_MAX || (spec->child_count && !spec->children) ||
        spec->intensity > INTENSITY_MAX || (unsigned)spec->strategy > KOKEN_REST_FOR_ONE) {
        return false;
    }
    for (uint32_t i = 0; i < spec->child_count; i++) {
        const struct koken_child *child = &spec->children[i];
        if (!child->type == !child->supervisor || (unsigned)child->restart > KOKEN_TEMPORARY) {
            return false;
        }
    }
    return true;
}

static void ask_all(struct supervisor *self)
{
    for (uint32_t i = self->brood->count; i-- > 0;) {
        if (self->brood->children[i].id) {
            may_fail(koken_exit((koken_ref){self->brood->children[i].id})); /* gone: good */
        }
    }
}

static int on_init(koken_ctx *ctx, void *state, void *arg)
{
    struct supervisor *self = state;
    self->spec = arg;
    if (!is_sound(self->spec)) {
        return -EINVAL;
    }
    int rc = make_brood(ctx, self);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < self->brood->count && rc == 0; i++) {
        rc = start_child(ctx, self, i);
    }
    if (rc < 0) {
        ask_all(self);
        drop_brood(ctx, self);
    }
    return rc;
}

static struct nestling *find_child(struct supervisor *self, const struct koken_down *down)
{
    for (uint32_t i = 0; i < self->brood->count; i++) {
        struct nestling *child = &self->brood->children[i];
        if (child->id == down->who.id && child->number == (int)down->number) {
            return child;
        }
    }
    return NULL;
}

static int on_down(koken_ctx *ctx, void *state, void *payload)
{
    struct supervisor *self = state;
    const struct koken_down *down = payload;
    struct nestling *child = find_child(self, down);
    if (!child) {
        return 0; /* somebody's message that only looks like news */
    }
    uint32_t i = (uint32_t)(child - self->brood->children);
    enum koken_restart kind = self->spec->children[i].restart;
    set_child(ctx, child, 0);
    if (self->phase != RUNNING && i == self->at) {
        may_fail(koken_cancel(ctx, self->deadline)); /* -ESRCH: it was out of memory */
        return go_on(ctx, self);
    }
    if (self->phase == ENDING) {
        return 0;
    }
    bool is_again = kind == KOKEN_PERMANENT || (kind == KOKEN_TRANSIENT && down->reason < 0);
    if (self->phase == REGROUPING && i >= self->from && i < self->to) {
        child->is_wanted = child->is_wanted && is_again;
        return 0; /* started again with the others */
    }
    child->is_wanted = is_again && !is_stopping(ctx);
    return child->is_wanted ? restart(ctx, self, i, down->reason) : 0;
}

static int on_late(koken_ctx *ctx, void *state, void *payload)
{
    struct supervisor *self = state;
    const struct late *late = payload;
    struct nestling *child = &self->brood->children[late->index];
    if (self->phase == RUNNING || late->index != self->at || !child->id) {
        return 0;
    }
    say(ctx, "does not wait any longer for the end of child", late->index, -ETIMEDOUT);
    may_fail(koken_demonitor(ctx, child->number)); /* -ESRCH: it has just ended after all */
    set_child(ctx, child, 0);
    return go_on(ctx, self);
}

static int on_stop(koken_ctx *ctx, void *state, void *payload)
{
    struct supervisor *self = state;
    (void)payload;
    if (!self->brood || is_stopping(ctx)) {
        return KOKEN_STOP;
    }
    return self->phase == ENDING ? 0 : begin_end(ctx, self, 0);
}

static int on_exit_hook(koken_ctx *ctx, void *state, void *payload)
{
    struct supervisor *self = state;
    (void)payload;
    if (self->brood) {
        ask_all(self);
        drop_brood(ctx, self);
    }
    return 0;
}

static const struct koken_row rows[] = {
    {&koken_type_koken_down, on_down, KOKEN_ROW_MESSAGE},
    {&late_type, on_late, KOKEN_ROW_MESSAGE},
    {&kn_type_stop, on_stop, KOKEN_ROW_MESSAGE},
    {NULL, on_init, KOKEN_ROW_INIT},
    {NULL, on_exit_hook, KOKEN_ROW_EXIT},
};

const struct koken_agent_type kn_supervisor_type = {"koken.supervisor",
                                                    sizeof(struct supervisor),
                                                    _Alignof(struct supervisor),
                                                    rows,
                                                    sizeof rows / sizeof rows[0],
                                                    0,
                                                    0};

int koken_supervise_rt_(struct koken *rt, const struct koken_supervisor *supervisor,
                        koken_ref *ret_ref)
{
    struct koken_spawn_options options = {.arg = supervisor};
    return is_sound(supervisor) ? koken_try_spawn_rt_(rt, &kn_supervisor_type, &options, ret_ref)
                                : -EINVAL;
}

int koken_supervise_ctx_(koken_ctx *ctx, const struct koken_supervisor *supervisor,
                         koken_ref *ret_ref)
{
    struct koken_spawn_options options = {.arg = supervisor};
    return is_sound(supervisor) ? koken_try_spawn_ctx_(ctx, &kn_supervisor_type, &options, ret_ref)
                                : -EINVAL;
}
