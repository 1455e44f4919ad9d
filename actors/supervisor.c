/* SPDX-License-Identifier: Apache-2.0 */
/* See supervisor.h. */
#include "actors/supervisor.h"

#include "actors/brood.h"
#include "actors/heirloom.h"
#include "actors/link.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/system.h"
#include "base/world.h"

#include <koken/supervisor.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { INTENSITY_DEFAULT = 3, INTENSITY_MAX = 1024 };

#define PERIOD_DEFAULT KOKEN_S(5)
#define SHUTDOWN_DEFAULT KOKEN_S(5)

enum phase { RUNNING, REGROUPING, ENDING };

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

/* A child that is being removed takes too long. */
struct clinging {
    uint32_t index;
    int32_t number; /* of its monitor */
};

static const struct koken_type clinging_type = {
    "koken.child_clinging", sizeof(struct clinging), 4, NULL, 0, 0, NULL};

/* Takes an answer that makes no difference; each use says why. */
static void may_fail(int rc)
{
    (void)rc;
}

/* ---- starting ------------------------------------------------------------------------------------------- */

static int start_child(koken_ctx *ctx, struct supervisor *self, uint32_t i)
{
    struct kn_nestling *child = &self->brood->children[i];
    const struct koken_child *spec = child->spec;
    struct koken_spawn_options options = spec->options;
    const struct koken_agent_type *type = spec->type;
    koken_ref ref;
    KN_ASSERT(child->id == 0);
    if (!type) {
        type = &kn_supervisor_type;
        options.arg = spec->supervisor;
        options.arg_size = 0;
    }
    int rc = kn_spawn_monitored(ctx, type, &options, child->heirloom, &ref, &child->number);
    if (child->heirloom && (rc == 0 || child->heirloom->is_used)) {
        kn_heirloom_free(child->heirloom); /* loaded, or refused: the next one begins fresh */
        child->heirloom = NULL;
    }
    if (rc == 0) {
        child->is_wanted = true;
        kn_nestling_set(ctx, child, ref.id);
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

static uint64_t shutdown_of(const struct kn_nestling *child)
{
    return child->spec->shutdown_ns ? child->spec->shutdown_ns : SHUTDOWN_DEFAULT;
}

/* A child that is being removed has ended, or been given up: its place is free, and who waits is told. */
static void end_removal(koken_ctx *ctx, struct supervisor *self, uint32_t i, int error)
{
    struct kn_nestling *child = &self->brood->children[i];
    struct koken_child_stopped told = {error, i};
    KN_ASSERT(child->is_leaving);
    KN_ASSERT(!child->id);
    may_fail(koken_cancel(ctx, child->removal)); /* -ESRCH: it was out of memory, or is over */
    if (child->claim.number) { /* -EINVAL, -ENOMEM: then the end of the claim answers */
        may_fail(koken_answer_(child->claim, &koken_type_koken_child_stopped, &told));
    }
    kn_nestling_free(child);
}

/* Stops waiting for the end of a child that does not come. */
static void let_child_go(koken_ctx *ctx, struct supervisor *self, uint32_t i, int reason)
{
    struct kn_nestling *child = &self->brood->children[i];
    say(ctx, "does not wait any longer for the end of child", i, reason);
    may_fail(koken_demonitor(ctx, child->number)); /* -ESRCH: it has just ended after all */
    kn_nestling_set(ctx, child, 0);
    if (child->is_leaving) {
        end_removal(ctx, self, i, reason);
    }
}

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
        struct kn_nestling *child = &self->brood->children[i];
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
        struct kn_nestling *child = &self->brood->children[i];
        if (!child->id) {
            continue;
        }
        child->is_wanted = child->spec->restart != KOKEN_TEMPORARY && !child->is_leaving;
        struct late late = {i};
        self->deadline =
            koken_timer_(ctx, koken_self(ctx), shutdown_of(child), 0, &late_type, &late);
        /* -ESRCH: its koken_down is on its way; -ENOMEM: the deadline goes on. */
        int rc = koken_exit((koken_ref){child->id});
        if (rc == -ENOMEM && self->deadline.id == 0) { /* nothing would come to go on with */
            let_child_go(ctx, self, i, rc);
            continue;
        }
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

static bool is_sound_child(const struct koken_child *child)
{
    return !child->type != !child->supervisor && (unsigned)child->restart <= KOKEN_TEMPORARY;
}

static bool is_sound(const struct koken_supervisor *spec)
{
    if (!spec || spec->child_count > KN_BROOD_MAX || (spec->child_count && !spec->children) ||
        spec->intensity > INTENSITY_MAX || (unsigned)spec->strategy > KOKEN_REST_FOR_ONE) {
        return false;
    }
    for (uint32_t i = 0; i < spec->child_count; i++) {
        if (!is_sound_child(&spec->children[i])) {
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
    uint32_t intensity = self->spec->intensity ? self->spec->intensity : INTENSITY_DEFAULT;
    int rc = kn_brood_make(ctx, self->spec, intensity, &self->brood);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < self->brood->count && rc == 0; i++) {
        rc = start_child(ctx, self, i);
    }
    if (rc < 0) {
        ask_all(self);
        kn_brood_drop(ctx, &self->brood);
    }
    return rc;
}

static struct kn_nestling *find_child(struct supervisor *self, const struct koken_down *down)
{
    for (uint32_t i = 0; i < self->brood->count; i++) {
        struct kn_nestling *child = &self->brood->children[i];
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
    struct kn_nestling *child = find_child(self, down);
    if (!child) {
        return 0; /* somebody's message that only looks like news */
    }
    uint32_t i = (uint32_t)(child - self->brood->children);
    enum koken_restart kind = child->spec->restart;
    kn_nestling_set(ctx, child, 0);
    struct kn_heirloom *left = kn_brood_take(ctx, &self->brood, down->who.id);
    if (left) {
        kn_heirloom_free(child->heirloom);
        child->heirloom = left;
    }
    bool was_leaving = child->is_leaving;
    if (was_leaving) {
        end_removal(ctx, self, i, 0);
    }
    if (self->phase != RUNNING && i == self->at) {
        may_fail(koken_cancel(ctx, self->deadline)); /* -ESRCH: it was out of memory */
        return go_on(ctx, self);
    }
    if (self->phase == ENDING || was_leaving) {
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
    struct kn_nestling *child = &self->brood->children[late->index];
    if (self->phase == RUNNING || late->index != self->at || !child->id) {
        return 0;
    }
    let_child_go(ctx, self, late->index, -ETIMEDOUT);
    return go_on(ctx, self);
}

static int on_clinging(koken_ctx *ctx, void *state, void *payload)
{
    struct supervisor *self = state;
    const struct clinging *late = payload;
    struct kn_nestling *child = &self->brood->children[late->index];
    if (!child->is_leaving || !child->id || child->number != late->number) {
        return 0;
    }
    let_child_go(ctx, self, late->index, -ETIMEDOUT);
    return self->phase != RUNNING && late->index == self->at ? go_on(ctx, self) : 0;
}

/* A free place, made if need be. Errors: as kn_brood_grow. */
static int find_place(koken_ctx *ctx, struct supervisor *self, uint32_t *ret_index)
{
    uint32_t i = 0;
    while (i < self->brood->count && self->brood->children[i].spec) { /* ends: counts up */
        i++;
    }
    int rc = i == self->brood->capacity ? kn_brood_grow(ctx, &self->brood) : 0;
    if (rc == 0 && i == self->brood->count) {
        pthread_mutex_lock(&ctx->rt->broods_lock);
        self->brood->count++;
        pthread_mutex_unlock(&ctx->rt->broods_lock);
    }
    *ret_index = i;
    return rc;
}

/* A child more, at once. 0 or an error; then nothing has changed. */
static int add_child(koken_ctx *ctx, struct supervisor *self, const struct koken_child *child,
                     struct koken_child_started *ret)
{
    uint32_t i;
    if (!is_sound_child(child)) {
        return -EINVAL;
    }
    if (self->phase == ENDING || is_stopping(ctx)) {
        return -ESHUTDOWN;
    }
    struct koken_child *spec = kn_alloc(sizeof *spec, _Alignof(struct koken_child), -1);
    int rc = spec ? find_place(ctx, self, &i) : -ENOMEM;
    if (rc < 0) {
        kn_free(spec, sizeof *spec, _Alignof(struct koken_child));
        return rc;
    }
    *spec = *child;
    self->brood->children[i].spec = spec;
    self->brood->children[i].is_added = true;
    rc = start_child(ctx, self, i);
    if (rc < 0) {
        kn_nestling_free(&self->brood->children[i]);
        return rc;
    }
    ret->index = i;
    ret->who.id = self->brood->children[i].id;
    return 0;
}

static int on_child_start(koken_ctx *ctx, void *state, void *payload)
{
    const struct koken_child_start *msg = payload;
    struct koken_child_started told = {0};
    told.error = add_child(ctx, state, &msg->child, &told);
    may_fail(koken_reply_(ctx, &koken_type_koken_child_started, &told)); /* nobody may have asked */
    return 0;
}

/* A child less. 0: it has ended already; 1: it is asked to; or an error. */
static int remove_child(koken_ctx *ctx, struct supervisor *self, uint32_t i)
{
    struct kn_nestling *child = i < self->brood->count ? &self->brood->children[i] : NULL;
    if (!child || !child->spec) {
        return -ESRCH;
    }
    if (child->is_leaving) {
        return -EALREADY;
    }
    if (!child->id) {
        kn_nestling_free(child);
        return 0;
    }
    struct clinging late = {i, child->number};
    child->removal =
        koken_timer_(ctx, koken_self(ctx), shutdown_of(child), 0, &clinging_type, &late);
    if (child->removal.id == 0) {
        return -ENOMEM;
    }
    int rc = koken_exit((koken_ref){child->id});
    if (rc == -ENOMEM) {
        may_fail(koken_cancel(ctx, child->removal)); /* armed a moment ago */
        return rc;
    }
    child->is_leaving = true;
    child->is_wanted = false;
    return 1;
}

static int on_child_stop(koken_ctx *ctx, void *state, void *payload)
{
    struct supervisor *self = state;
    const struct koken_child_stop *msg = payload;
    struct koken_child_stopped told = {.index = msg->index};
    told.error = remove_child(ctx, self, msg->index);
    if (told.error == 1) {
        self->brood->children[msg->index].claim = koken_defer(ctx); /* nobody may have asked */
        return 0;
    }
    may_fail(koken_reply_(ctx, &koken_type_koken_child_stopped, &told)); /* likewise */
    return 0;
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
        kn_brood_drop(ctx, &self->brood);
    }
    return 0;
}

static const struct koken_row rows[] = {
    {&koken_type_koken_down, on_down, KOKEN_ROW_MESSAGE},
    {&late_type, on_late, KOKEN_ROW_MESSAGE},
    {&clinging_type, on_clinging, KOKEN_ROW_MESSAGE},
    {&koken_type_koken_child_start, on_child_start, KOKEN_ROW_MESSAGE},
    {&koken_type_koken_child_stop, on_child_stop, KOKEN_ROW_MESSAGE},
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
