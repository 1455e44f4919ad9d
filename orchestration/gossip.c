/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gossip. The rumour spreads from relay to relay: who hears it first delivers it and tells `fanout`
 * others at random, for a few rounds more than it would take if nobody were told twice. That leaves
 * some 6 % of the relays (of three), who then ask others at random, and are told by those who know;
 * again, until all do. Relays do not wait for each other, so without a last round a rumour that ran
 * deep before it ran wide would take many.
 *
 * The end of a phase is known without a clock: each message between relays is reported to the hub,
 * together with the number of messages that its receiver sent because of it. The hub keeps the sum of
 * what is under way: when it is 0, nobody will say anything any more.
 *
 * One rumour at a time, so "have I heard it" is one number per relay. A rumour lives as long as a
 * message holds it.
 *
 * A relay that cannot report fails. The hub monitors the relays: what one of them had to handle when it failed is
 * not counted, so that rumour ends there with what is known, and the next ones go on without that relay.
 */
#include <koken/broadcast.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"
#include "orchestration/either.h"

#include <koken/link.h>
#include <koken/time.h>

#include <errno.h>
#include <string.h>

enum { FANOUT_DEFAULT = 3, FANOUT_MAX = 16, MEMBERS_MAX = 65535, ASKING_MAX = 64 };

/* Who there is. Written by the hub before the first message to a relay; then constant. */
struct group {
    kn_atomic(uint32_t) owners; /* (a) hub and relays */
    uint32_t count, fanout;
    uint32_t rounds_max; /* of telling */
    size_t size;
    koken_ref hub;
    koken_ref *relays;
    koken_ref members[];
};

struct rumour {
    kn_atomic(uint32_t) owners; /* (a) messages */
    const struct koken_type *type;
    unsigned char payload[KOKEN_PAYLOAD_MAX] KN_ALIGNED(32);
};

static void rumour_drop(struct rumour *rumour)
{
    /* [OR1] release: what this owner read; acquire: what the others did, before the memory goes. */
    if (rumour && kn_sub(&rumour->owners, 1, acq_rel) == 1) {
        kn_free(rumour, sizeof *rumour, _Alignof(struct rumour));
    }
}

static void group_drop(struct group *group)
{
    /* [OR2] release: what this owner read; acquire: what the others did, before the memory goes. */
    if (group && kn_sub(&group->owners, 1, acq_rel) == 1) {
        kn_free(group, group->size, _Alignof(struct group));
    }
}

/* A caller's wish. */
enum { PAYLOAD_MAX = KOKEN_PAYLOAD_MAX - 16 };
/* trusted: a description is a constant */
KOKEN_MESSAGE_TRUSTED(kn_gossip_begin, {
    const struct koken_type *type;
    uint64_t timeout_ns;
    unsigned char payload[PAYLOAD_MAX];
});

/* A telling owns a share of the rumour. */
static void drop_held(void *payload)
{
    struct rumour **held = payload; /* its first field */
    rumour_drop(*held);
    *held = NULL;
}
struct kn_gossip_tell {
    struct rumour *rumour;
    uint32_t number; /* of the rumour */
    uint32_t round;  /* of telling; 0: told because it asked */
};
KOKEN_TYPE_OF_(kn_gossip_tell, NULL, 0, drop_held);

/* From the hub: go and ask; between relays: do you know. */
KOKEN_MESSAGE(kn_gossip_go, { uint32_t number; });
KOKEN_MESSAGE(kn_gossip_ask, {
    uint32_t number;
    uint32_t from; /* index of the relay */
});
/* A relay has handled one message. */
KOKEN_MESSAGE(kn_gossip_handled, {
    uint32_t number, index, sent, round;
    int32_t delivered; /* answer of the send to the member */
    uint8_t is_first, is_telling;
});
KOKEN_MESSAGE(kn_gossip_late, { uint32_t number; });

/* ---- relays ---------------------------------------------------------------------------------------- */

struct relay {
    struct group *group;
    struct rumour *rumour; /* the newest heard */
    uint64_t random;
    uint32_t index, heard; /* its number */
};

static int handled(struct relay *self, struct kn_gossip_handled report)
{
    report.index = self->index;
    int rc = koken_send(self->group->hub, kn_gossip_handled, &report);
    return rc == -ENOMEM ? rc : 0; /* the hub hears of the end of a relay that cannot report */
}

static bool tell(struct relay *self, uint32_t to, uint32_t round)
{
    struct kn_gossip_tell telling = {self->rumour, self->heard, round};
    (void)kn_add(&self->rumour->owners, 1, relaxed); /* relaxed: we own a share already */
    int rc = koken_send(self->group->relays[to], kn_gossip_tell, &telling);
    if (rc < 0) {
        rumour_drop(self->rumour);
    }
    return rc >= 0;
}

/* Somebody else, at random. There is somebody. */
static uint32_t other(struct relay *self)
{
    uint32_t others = self->group->count - 1;
    uint32_t chosen = (uint32_t)((kn_random(&self->random) >> 32) * others >> 32);
    KN_ASSERT(others > 0 && chosen < others);
    return chosen < self->index ? chosen : chosen + 1;
}

static int on_tell(koken_ctx *ctx, struct relay *self, const struct kn_gossip_tell *msg)
{
    struct kn_gossip_handled report = {.number = msg->number, .round = msg->round, .is_telling = 1};
    (void)ctx;
    if ((int32_t)(msg->number - self->heard) <= 0) {
        return handled(self, report);
    }
    rumour_drop(self->rumour);
    (void)kn_add(&msg->rumour->owners, 1, relaxed); /* relaxed: the message owns a share */
    self->rumour = msg->rumour;
    self->heard = msg->number;
    report.is_first = 1;
    report.delivered =
        koken_signal_(self->group->members[self->index], self->rumour->type, self->rumour->payload);
    bool is_last = msg->round == 0 || msg->round >= self->group->rounds_max;
    for (uint32_t i = 0; !is_last && i < self->group->fanout && self->group->count > 1; i++) {
        report.sent += tell(self, other(self), msg->round + 1);
    }
    return handled(self, report);
}

static int on_go(koken_ctx *ctx, struct relay *self, const struct kn_gossip_go *msg)
{
    struct kn_gossip_handled report = {.number = msg->number};
    struct kn_gossip_ask ask = {msg->number, self->index};
    (void)ctx;
    for (uint32_t i = 0; i < self->group->fanout && self->group->count > 1; i++) {
        report.sent += koken_send(self->group->relays[other(self)], kn_gossip_ask, &ask) >= 0;
    }
    return handled(self, report);
}

static int on_ask(koken_ctx *ctx, struct relay *self, const struct kn_gossip_ask *msg)
{
    struct kn_gossip_handled report = {.number = msg->number};
    (void)ctx;
    if (self->heard == msg->number) {
        report.sent = tell(self, msg->from, /* round= */ 0);
    }
    return handled(self, report);
}

static void on_relay_exit(koken_ctx *ctx, struct relay *self, int reason)
{
    (void)ctx;
    (void)reason;
    rumour_drop(self->rumour);
    group_drop(self->group);
}

KOKEN_AGENT(relay, struct relay, KOKEN_ON(kn_gossip_tell, on_tell), KOKEN_ON(kn_gossip_go, on_go),
            KOKEN_ON(kn_gossip_ask, on_ask), KOKEN_EXIT(on_relay_exit));

/* ---- the hub --------------------------------------------------------------------------------------- */

struct hub {
    struct group *group;
    uint8_t *has_heard; /* by index, of the present rumour */
    uint8_t *is_gone;   /* by index */
    uint32_t gone;      /* so many are */
    koken_claim caller;
    koken_timer timer;
    struct koken_gossip_report report;
    uint64_t random;
    uint64_t under_way; /* messages to relays that are not reported */
    uint32_t number;    /* of the present or last rumour */
    bool is_busy;
};

static void conclude(koken_ctx *ctx, struct hub *self, int error)
{
    self->report.error = error;
    self->is_busy = false;
    /* The caller may have gone; the timer may have gone off: it names its rumour. */
    kn_either_way(koken_answer_(self->caller, &koken_type_koken_gossip_report, &self->report));
    if (self->timer.id) {
        kn_either_way(koken_cancel(ctx, self->timer));
    }
    koken_unstash(ctx);
}

/* Nothing is under way: all have heard, or those who have not go and ask. */
static void look(koken_ctx *ctx, struct hub *self)
{
    if (self->under_way > 0) {
        return;
    }
    if (self->report.reached + self->gone >= self->group->count) {
        conclude(ctx, self, self->gone ? -EPROTO : 0);
        return;
    }
    struct kn_gossip_go go = {self->number};
    bool has_lost = self->gone > 0;
    for (uint32_t i = 0; self->report.asking < ASKING_MAX && i < self->group->count; i++) {
        if (!self->has_heard[i] && !self->is_gone[i]) {
            int rc = koken_send(self->group->relays[i], kn_gossip_go, &go);
            self->under_way += rc >= 0;
            has_lost |= rc == -ESRCH; /* its end will be told of */
        }
    }
    self->report.asking++;
    if (self->under_way == 0) { /* nobody can be asked, or asking does not help */
        conclude(ctx, self, has_lost ? -EPROTO : -ETIMEDOUT);
    }
}

/* Tells one relay, at random. Errors: -ENOMEM; -EPROTO there is none any more. */
static int set_going(struct hub *self, const struct kn_gossip_begin *msg)
{
    struct rumour *rumour = kn_alloc(sizeof *rumour, _Alignof(struct rumour), -1);
    uint32_t count = self->group->count;
    if (!rumour) {
        return -ENOMEM;
    }
    kn_atomic_init(&rumour->owners, 1);
    rumour->type = msg->type;
    memcpy(rumour->payload, msg->payload, msg->type->size);
    struct kn_gossip_tell telling = {rumour, self->number, 1};
    uint32_t first = (uint32_t)((kn_random(&self->random) >> 32) * count >> 32);
    int rc = -ESRCH;
    for (uint32_t i = 0; rc == -ESRCH && i < count;
         i++) { /* past those whose end is known, or just happens */
        rc = koken_send(self->group->relays[(first + i) % count], kn_gossip_tell, &telling);
    }
    if (rc < 0) {
        rumour_drop(rumour);
        return rc == -ESRCH ? -EPROTO : rc;
    }
    self->under_way = 1;
    self->report.messages = 1;
    return 0;
}

/* The end of the rumour's time. False: there is no memory for it. */
static bool set_timer(koken_ctx *ctx, struct hub *self, uint64_t timeout_ns)
{
    struct kn_gossip_late late = {self->number};
    self->timer = (koken_timer){0};
    if (timeout_ns != KOKEN_NO_DEADLINE) {
        self->timer =
            koken_timer_(ctx, koken_self(ctx), timeout_ns, 0, &koken_type_kn_gossip_late, &late);
    }
    return timeout_ns == KOKEN_NO_DEADLINE || self->timer.id;
}

static int on_begin(koken_ctx *ctx, struct hub *self, const struct kn_gossip_begin *msg)
{
    if (self->is_busy) {
        return koken_stash(ctx);
    }
    self->report = (struct koken_gossip_report){0};
    self->caller = koken_defer(ctx);
    if (self->caller.number == 0) { /* no memory for it: a gossip that nobody would hear of */
        self->report.error = -ENOMEM;
        kn_either_way(koken_reply_(ctx, &koken_type_koken_gossip_report, &self->report));
        return 0;
    }
    self->is_busy = true;
    self->under_way = 0;
    self->number++;
    memset(self->has_heard, 0, self->group->count);
    int rc = set_timer(ctx, self, msg->timeout_ns) ? 0 : -ENOMEM;
    if (rc == 0 && self->group->count > 0) {
        rc = set_going(self, msg);
    }
    if (rc < 0) {
        conclude(ctx, self, rc);
    } else {
        look(ctx, self);
    }
    return 0;
}

static int on_handled(koken_ctx *ctx, struct hub *self, const struct kn_gossip_handled *msg)
{
    struct koken_gossip_report *report = &self->report;
    if (!self->is_busy || msg->number != self->number) {
        return 0; /* of a rumour whose time was over */
    }
    KN_ASSERT(self->under_way > 0 && msg->index < self->group->count);
    self->under_way += msg->sent;
    self->under_way--;
    report->messages += msg->sent;
    if (msg->is_first) {
        self->has_heard[msg->index] = 1;
        report->reached++;
        report->accepted += msg->delivered >= 0;
        report->dead += msg->delivered == -ESRCH;
        report->full += msg->delivered < 0 && msg->delivered != -ESRCH;
        report->rounds = msg->round > report->rounds ? msg->round : report->rounds;
    }
    report->duplicate += msg->is_telling && !msg->is_first;
    look(ctx, self);
    return 0;
}

/* A relay has ended, and with it what it would have reported. */
static int on_relay_down(koken_ctx *ctx, struct hub *self, const struct koken_down *msg)
{
    uint32_t i = 0;
    while (i < self->group->count && !koken_ref_equal(self->group->relays[i], msg->who)) {
        i++;
    }
    KN_ASSERT(i < self->group->count && !self->is_gone[i]);
    self->is_gone[i] = 1;
    self->gone++;
    if (self->is_busy) {
        conclude(ctx, self, -EPROTO);
    }
    return 0;
}

static int on_late(koken_ctx *ctx, struct hub *self, const struct kn_gossip_late *msg)
{
    if (self->is_busy && msg->number == self->number) {
        self->timer = (koken_timer){0};
        conclude(ctx, self, -ETIMEDOUT);
    }
    return 0;
}

/* What a hub begins with. */
struct founding {
    const koken_ref *members;
    size_t count;
    struct koken_gossip_options options;
};

/* The two flags of each relay, in one piece. */
static size_t flags_size(const struct group *group)
{
    return 2 * (size_t)group->count + 1;
}

static void on_hub_exit(koken_ctx *ctx, struct hub *self, int reason)
{
    (void)ctx;
    (void)reason;
    for (uint32_t i = 0; i < self->group->count; i++) {
        if (!koken_is_nobody(self->group->relays[i])) {
            kn_either_way(koken_exit(self->group->relays[i])); /* gone: good */
        }
    }
    if (self->has_heard) {
        kn_free(self->has_heard, flags_size(self->group), 1);
    }
    group_drop(self->group);
}

static int spawn_relays(koken_ctx *ctx, struct hub *self)
{
    struct group *group = self->group;
    int rc = 0;
    for (uint32_t i = 0; rc >= 0 && i < group->count; i++) {
        struct relay relay = {.group = group, .random = kn_random(&self->random), .index = i};
        (void)kn_add(&group->owners, 1, relaxed); /* relaxed: we own a share */
        /* Not NORMAL: who takes the LIFO slot has the rumour run deep instead of wide. */
        rc = koken_spawn_monitored(ctx, &group->relays[i], relay, .arg = &relay,
                                   .policy = KOKEN_POLICY_GROW, .priority = KOKEN_PRIORITY_LOW);
        if (rc < 0) {
            group_drop(group);
        }
    }
    return rc < 0 ? rc : 0;
}

/* So many rounds of telling reach count if nobody is told twice; and two more. */
static uint32_t rounds_for(const struct group *group)
{
    uint32_t rounds = 2;
    for (uint64_t told = 1; told < group->count; told *= (uint64_t)group->fanout + 1) {
        rounds++; /* ends: told grows */
    }
    return rounds;
}

static int found(koken_ctx *ctx, struct hub *self, const void *arg)
{
    const struct founding *founding = arg;
    size_t count = founding->count, refs = count * sizeof(koken_ref);
    size_t size = sizeof(struct group) + 2 * refs;
    struct group *group = kn_alloc(size, _Alignof(struct group), -1);
    if (!group) {
        return -ENOMEM;
    }
    *group = (struct group){.count = (uint32_t)count, .size = size, .hub = koken_self(ctx)};
    kn_atomic_init(&group->owners, 1);
    group->fanout = founding->options.fanout ? founding->options.fanout : FANOUT_DEFAULT;
    group->relays = group->members + count;
    group->rounds_max = rounds_for(group);
    if (count > 0) {
        memcpy(group->members, founding->members, refs);
        memset(group->relays, 0, refs);
    }
    self->group = group;
    self->has_heard = kn_alloc(flags_size(group), 1, -1);
    if (self->has_heard) {
        memset(self->has_heard, 0, flags_size(group));
        self->is_gone = self->has_heard + count;
    }
    self->random = kn_random_seed(founding->options.seed ? founding->options.seed : kn_entropy());
    int rc = self->has_heard ? spawn_relays(ctx, self) : -ENOMEM;
    if (rc < 0) {
        on_hub_exit(ctx, self, rc); /* who has not begun has no exit hook */
    }
    return rc;
}

KOKEN_AGENT(hub, struct hub, KOKEN_INIT(found), KOKEN_ON(kn_gossip_begin, on_begin),
            KOKEN_ON(kn_gossip_handled, on_handled), KOKEN_ON(kn_gossip_late, on_late),
            KOKEN_ON(koken_down, on_relay_down), KOKEN_EXIT(on_hub_exit));

static int check(const koken_ref *members, size_t count, const struct koken_gossip_options *o,
                 koken_ref *ret_group, struct founding *founding)
{
    *founding = (struct founding){.members = members, .count = count};
    if ((!members && count) || !ret_group ||
        (o && (o->fanout > FANOUT_MAX || (o->struct_size && o->struct_size != sizeof *o)))) {
        return -EINVAL;
    }
    if (o) {
        founding->options = *o;
    }
    return count > MEMBERS_MAX ? -E2BIG : 0;
}

int koken_gossip_open_rt_(struct koken *rt, const koken_ref *members, size_t count,
                          const struct koken_gossip_options *options, koken_ref *ret_group)
{
    struct founding founding;
    int rc = check(members, count, options, ret_group, &founding);
    return rc < 0
               ? rc
               : koken_try_spawn(rt, ret_group, hub, .arg = &founding, .policy = KOKEN_POLICY_GROW);
}

int koken_gossip_open_ctx_(koken_ctx *ctx, const koken_ref *members, size_t count,
                           const struct koken_gossip_options *options, koken_ref *ret_group)
{
    struct founding founding;
    int rc = check(members, count, options, ret_group, &founding);
    return rc < 0 ? rc
                  : koken_try_spawn(ctx, ret_group, hub, .arg = &founding,
                                    .policy = KOKEN_POLICY_GROW);
}

static int wish(const struct koken_type *type, const void *payload, uint64_t timeout_ns,
                struct kn_gossip_begin *begin)
{
    if (!type || !payload) {
        return -EINVAL;
    }
    if (type->drop || type->size > PAYLOAD_MAX) {
        return type->drop ? -ENOTSUP : -E2BIG;
    }
    *begin = (struct kn_gossip_begin){.type = type, .timeout_ns = timeout_ns};
    memcpy(begin->payload, payload, type->size);
    return 0;
}

int koken_gossip_rt_(struct koken *rt, koken_ref group, uint64_t timeout_ns,
                     struct koken_gossip_report *ret_report, const struct koken_type *type,
                     const void *payload)
{
    struct kn_gossip_begin begin;
    int rc = ret_report ? wish(type, payload, timeout_ns, &begin) : -EINVAL;
    rc = rc < 0 ? rc
                : koken_await_rt_(rt, group, KOKEN_NO_DEADLINE, ret_report, sizeof *ret_report,
                                  &koken_type_kn_gossip_begin, &begin);
    return rc < 0 ? rc : ret_report->error;
}

int koken_gossip_ctx_(koken_ctx *ctx, koken_ref group, uint64_t timeout_ns,
                      struct koken_gossip_report *ret_report, const struct koken_type *type,
                      const void *payload)
{
    struct kn_gossip_begin begin;
    int rc = ctx && ret_report ? wish(type, payload, timeout_ns, &begin) : -EINVAL;
    rc = rc < 0 ? rc
                : koken_await_ctx_(ctx, group, KOKEN_NO_DEADLINE, ret_report, sizeof *ret_report,
                                   &koken_type_kn_gossip_begin, &begin);
    return rc < 0 ? rc : ret_report->error;
}

int koken_gossip_request_(koken_ctx *ctx, koken_ref group, uint64_t timeout_ns,
                          const struct koken_type *type, const void *payload)
{
    struct kn_gossip_begin begin;
    int rc = ctx ? wish(type, payload, timeout_ns, &begin) : -EINVAL;
    return rc < 0
               ? rc
               : koken_request_(ctx, group, KOKEN_NO_DEADLINE, &koken_type_kn_gossip_begin, &begin);
}
