/* SPDX-License-Identifier: Apache-2.0 */
/* See link.h. */
#include "actors/link.h"

#include "actors/alarm.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/spawn.h"

#include <errno.h>

enum bond_kind { BOND_MONITOR = KN_ALARM_MONITOR, BOND_LINK = KN_ALARM_LINK };

/* Payload of kn_type_bond; from and corr of its envelope are the requester and the number of its entry. */
struct bond {
    struct kn_envelope *prev; /* (s) of the target, in its list; next is the envelope's */
    struct kn_cold *spare;    /* for a target without a cold part; NULL once it is there */
    uint32_t kind;            /* (c) enum bond_kind */
};

/* Payload of kn_type_bond_down. */
struct bond_down {
    int32_t reason;
    uint32_t is_unlink; /* the target lives, but has ended the link */
};

/* Payload of kn_type_bond_release. */
struct bond_release {
    struct kn_envelope *kept; /* (c) the bond at the target */
    uint64_t to;              /* (c) the target */
    int32_t reason;
    uint16_t kind;   /* (c) enum bond_kind */
    uint16_t is_end; /* the requester has ended */
};

static void free_spare(struct kn_cold **spare)
{
    kn_free(*spare, sizeof **spare, _Alignof(struct kn_cold));
    *spare = NULL;
}

static void drop_bond(void *payload)
{
    free_spare(&((struct bond *)payload)->spare);
}

const struct koken_type kn_type_bond = {"koken.bond", sizeof(struct bond), 8, NULL, 0, 0,
                                        drop_bond};
const struct koken_type kn_type_bond_down = {
    "koken.bond_down", sizeof(struct bond_down), 8, NULL, 0, 0, NULL};
const struct koken_type kn_type_bond_release = {
    "koken.bond_release", sizeof(struct bond_release), 8, NULL, 0, 0, NULL};

/* News take the place of the bond in its envelope, and a stamp may lie in the last 8 bytes. */
_Static_assert(sizeof(struct bond) <= 24 && sizeof(struct bond_release) <= 24,
               "fits beside a stamp");
_Static_assert(sizeof(struct koken_down) <= 24 && sizeof(struct koken_exited) <= 24, "likewise");

static void *payload_of(struct kn_envelope *e, const struct koken_type *type)
{
    KN_ASSERT(e->type == type);
    (void)type;
    return e->payload;
}

bool kn_link_is_monitor(const struct kn_envelope *kept)
{
    KN_ASSERT(kept->type == &kn_type_bond);
    return ((const struct bond *)(const void *)kept->payload)->kind == BOND_MONITOR;
}

static struct bond *bond_of(struct kn_envelope *e)
{
    return payload_of(e, &kn_type_bond);
}

/* ---- the target's list --------------------------------------------------------------------------------- */

static void keep(struct kn_agent *a, struct kn_envelope *e)
{
    struct bond *bond = bond_of(e);
    kn_agent_cold_from(a, bond->spare);
    bond->spare = NULL;
    bond->prev = NULL;
    e->next = a->cold->bonds;
    if (e->next) {
        bond_of(e->next)->prev = e;
    }
    a->cold->bonds = e;
}

static void unkeep(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e)
{
    struct kn_envelope *prev = bond_of(e)->prev;
    if (prev) {
        KN_ASSERT(prev->next == e);
        prev->next = e->next;
    } else {
        KN_ASSERT(a->cold->bonds == e);
        a->cold->bonds = e->next;
    }
    if (e->next) {
        bond_of(e->next)->prev = prev;
    }
    kn_envelope_done(local, a, e);
}

/* The link that who has asked for, and that we keep; kept NULL: any such. */
static struct kn_envelope *find_kept_link(struct kn_agent *a, uint64_t who,
                                          const struct kn_envelope *kept)
{
    struct kn_envelope *e = a->cold ? a->cold->bonds : NULL;
    while (e && (e->from != who || bond_of(e)->kind != BOND_LINK || (kept && e != kept))) {
        e = e->next; /* ends: the list is finite */
    }
    return e;
}

/* ---- the requester's entries --------------------------------------------------------------------------- */

static struct kn_alarm *find_own_link(const struct kn_agent *a, uint64_t who)
{
    const struct kn_cold *cold = a->cold;
    for (uint32_t i = 0; cold && i < cold->alarm_capacity; i++) {
        struct kn_alarm *alarm = cold->alarms[i].alarm;
        if (alarm && alarm->kind == KN_ALARM_LINK && alarm->to == who) {
            return alarm;
        }
    }
    return NULL;
}

/* The reserve of an entry, made ready; the entry has it no more. */
static struct kn_envelope *take_reserve(struct kn_alarm *alarm, bool is_end)
{
    struct kn_envelope *e = alarm->envelope;
    struct bond_release *release = payload_of(e, &kn_type_bond_release);
    KN_ASSERT(alarm->kind == KN_ALARM_MONITOR || alarm->kind == KN_ALARM_LINK);
    alarm->envelope = NULL;
    release->to = alarm->to;
    release->is_end = is_end;
    return e;
}

static void post(struct kn_local *local, uint64_t to, struct kn_envelope *e)
{
    (void)kn_post_made(local->rt, local, to, e); /* -ESRCH: ended as well, nobody to tell */
}

/* Takes a bond of one's own back. */
static void release_own(struct kn_local *local, struct kn_agent *a, struct kn_alarm *alarm)
{
    uint64_t to = alarm->to;
    post(local, to, take_reserve(alarm, /* is_end= */ false));
    (void)kn_alarm_end(local, a, alarm);
}

/* Entry, reserve and request of a bond. 0 or -ENOMEM. */
static int make_bond(struct kn_local *local, struct kn_agent *a, uint64_t to, enum bond_kind kind,
                     struct kn_envelope **ret_request)
{
    struct bond bond = {.kind = kind};
    struct bond_release release = {.to = to, .kind = (uint16_t)kind};
    struct kn_envelope *reserve = kn_message_new(local, &kn_type_bond_release, &release);
    struct kn_envelope *request = kn_message_new(local, &kn_type_bond, &bond);
    struct kn_cold *spare = kn_alloc(sizeof *spare, _Alignof(struct kn_cold), -1);
    uint32_t number = 0;
    if (reserve && request && spare) {
        number = kn_alarm_new(local, a, (enum kn_alarm_kind)kind, to, KOKEN_NO_DEADLINE, 0, NULL);
    }
    if (!number) {
        kn_free(spare, sizeof *spare, _Alignof(struct kn_cold));
        if (reserve) {
            kn_envelope_free(&local->worker->pool, reserve);
        }
        if (request) {
            kn_envelope_free(&local->worker->pool, request);
        }
        return -ENOMEM;
    }
    reserve->from = request->from = kn_agent_id(a);
    request->corr = number;
    bond_of(request)->spare = spare;
    ((struct bond_release *)payload_of(reserve, &kn_type_bond_release))->kept = request;
    kn_alarm_find(a, number)->envelope = reserve;
    *ret_request = request;
    return 0;
}

/* ---- news ---------------------------------------------------------------------------------------------- */

/* For the agent's own eyes, behind all that has come. */
static void append(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    struct kn_intake *in = &a->intake;
    e->lane = KN_LANE_USER;
    e->flags |= KN_ENV_UNCOUNTED;
    e->corr = 0;
    e->next = NULL;
    if (in->user_head) {
        in->user_tail->next = e;
    } else {
        in->user_head = e;
    }
    in->user_tail = e;
    ctx->events |= KN_CTX_KEPT;
}

/* A linked agent has ended. Forgets all other links with it. */
static int exit_came(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e, int reason)
{
    uint64_t who = e->from;
    struct kn_envelope *kept;
    struct kn_alarm *own;
    while ((kept = find_kept_link(a, who, NULL)) != NULL) { /* ends: one less each time */
        unkeep(ctx->local, a, kept);
    }
    while ((own = find_own_link(a, who)) != NULL) { /* ends: as above */
        (void)kn_alarm_end(ctx->local, a, own);
    }
    if (a->cold && a->cold->is_trapping) {
        struct koken_exited exited = {{who}, reason};
        e->type = &koken_type_koken_exited;
        kn_payload_copy(e->payload, &exited, sizeof exited);
        append(ctx, a, e);
        return 0;
    }
    if (reason < 0 && a->cold) {
        a->cold->doom = reason;
        return reason;
    }
    return 0;
}

/* The target of one of our bonds has ended. */
static int down_came(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    struct kn_alarm *alarm = kn_alarm_find(a, e->corr);
    const struct bond_down *news = payload_of(e, &kn_type_bond_down);
    int reason = news->reason;
    bool is_unlink = news->is_unlink;
    if (!alarm || alarm->to != e->from) {
        return 0; /* taken back while the news were on their way */
    }
    if (is_unlink) {
        (void)kn_alarm_end(ctx->local, a, alarm);
    } else if (alarm->kind == KN_ALARM_LINK) {
        return exit_came(ctx, a, e, reason);
    } else if (alarm->kind == KN_ALARM_MONITOR) {
        struct koken_down down = {{e->from}, alarm->number, reason};
        e->type = &koken_type_koken_down;
        kn_payload_copy(e->payload, &down, sizeof down);
        (void)kn_alarm_end(ctx->local, a, alarm);
        append(ctx, a, e);
    }
    return 0;
}

/* The requester of a bond takes it back, or has ended. */
static int release_came(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    struct bond_release release = *(struct bond_release *)payload_of(e, &kn_type_bond_release);
    if (release.kind == BOND_MONITOR) {
        unkeep(ctx->local, a, release.kept);
        return 0;
    }
    struct kn_envelope *kept = find_kept_link(a, e->from, release.kept);
    if (kept) {
        unkeep(ctx->local, a, kept);
    }
    return kept && release.is_end ? exit_came(ctx, a, e, release.reason) : 0;
}

int kn_link_message(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    if (e->type == &kn_type_bond_down) {
        return down_came(ctx, a, e);
    }
    if (e->type == &kn_type_bond_release) {
        return release_came(ctx, a, e);
    }
    keep(a, e);
    kn_count_add(&ctx->local->counters.received, 1);
    ctx->events |= KN_CTX_KEPT;
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

static void add(struct kn_envelope **list, struct kn_envelope *e)
{
    e->next = *list;
    *list = e;
}

bool kn_link_late(struct kn_envelope *e, struct kn_envelope **farewells)
{
    if (e->type != &kn_type_bond) {
        return false;
    }
    free_spare(&bond_of(e)->spare);
    add(farewells, e);
    return true;
}

void kn_link_end(struct kn_local *local, struct kn_agent *a, struct kn_envelope **farewells)
{
    struct kn_cold *cold = a->cold;
    struct kn_envelope *e = cold->bonds;
    cold->bonds = NULL;
    while (e) { /* ends: the list is finite */
        struct kn_envelope *next = e->next;
        add(farewells, e);
        e = next;
    }
    for (uint32_t i = 0; i < cold->alarm_capacity; i++) {
        struct kn_alarm *alarm = cold->alarms[i].alarm;
        if (alarm && (alarm->kind == KN_ALARM_MONITOR || alarm->kind == KN_ALARM_LINK)) {
            add(farewells, take_reserve(alarm, /* is_end= */ true));
            (void)kn_alarm_end(local, a, alarm);
        }
    }
}

void kn_link_farewell(struct kn_local *local, uint64_t id, int reason, struct kn_envelope *e)
{
    while (e) { /* ends: the list is finite */
        struct kn_envelope *next = e->next;
        uint64_t to = e->from;
        if (e->type == &kn_type_bond_release) {
            struct bond_release *release = payload_of(e, &kn_type_bond_release);
            release->reason = reason;
            to = release->to;
        } else {
            KN_ASSERT(e->type == &kn_type_bond);
            KN_ASSERT(e->corr != 0);
            e->type = &kn_type_bond_down;
            *(struct bond_down *)payload_of(e, &kn_type_bond_down) = (struct bond_down){reason, 0};
        }
        e->from = id;
        e->flags &= (uint16_t)KN_ENV_STAMPED;
        post(local, to, e);
        e = next;
    }
}

/* ---- what agents call ---------------------------------------------------------------------------------- */

/* 0: who lives and may be bound, -ESRCH, or what is wrong with it. */
static int check_target(const koken_ctx *ctx, koken_ref who)
{
    if (who.id == ctx->id) {
        return -EINVAL;
    }
    const struct kn_agent *to = kn_resolve(who.id);
    if (!to) {
        return -ESRCH;
    }
    /* Neither bonds nor their news leave the runtime that their envelopes are from. */
    return kn_agent_runtime(to) != ctx->rt || (to->flags & KN_AGENT_WAITER) ? -ENOTSUP : 0;
}

/* Sends the request; false: who had ended, and it is still the caller's. */
static bool send_request(struct kn_local *local, koken_ref who, struct kn_envelope *request)
{
    if (kn_post_system(local, who.id, request) < 0) {
        return false;
    }
    kn_count_add(&local->counters.sent, 1);
    return true;
}

int koken_monitor(koken_ctx *ctx, koken_ref who)
{
    struct kn_local *local = ctx->local;
    struct kn_envelope *request;
    int rc = check_target(ctx, who);
    if (rc < 0 && rc != -ESRCH) {
        return rc;
    }
    bool is_gone = rc < 0;
    rc = make_bond(local, ctx->self, who.id, BOND_MONITOR, &request);
    if (rc < 0) {
        return rc;
    }
    int number = (int)request->corr;
    if (is_gone || !send_request(local, who, request)) {
        /* The request itself turns around; our mailbox is open while we run. */
        free_spare(&bond_of(request)->spare);
        request->type = &kn_type_bond_down;
        request->from = who.id;
        *(struct bond_down *)payload_of(request, &kn_type_bond_down) =
            (struct bond_down){-ESRCH, 0};
        post(local, ctx->id, request);
    }
    return number;
}

int koken_demonitor(koken_ctx *ctx, int number)
{
    struct kn_alarm *alarm = number > 0 ? kn_alarm_find(ctx->self, (uint32_t)number) : NULL;
    if (!alarm || alarm->kind != KN_ALARM_MONITOR) {
        return -ESRCH;
    }
    release_own(ctx->local, ctx->self, alarm);
    return 0;
}

int koken_link(koken_ctx *ctx, koken_ref who)
{
    struct kn_local *local = ctx->local;
    struct kn_agent *self = ctx->self;
    struct kn_envelope *request;
    int rc = check_target(ctx, who);
    if (rc < 0) {
        return rc;
    }
    if (find_own_link(self, who.id) || find_kept_link(self, who.id, NULL)) {
        return 0;
    }
    rc = make_bond(local, self, who.id, BOND_LINK, &request);
    if (rc < 0) {
        return rc;
    }
    if (!send_request(local, who, request)) {
        uint32_t number = request->corr;
        drop_bond(request->payload);
        kn_envelope_free(&local->worker->pool, request);
        (void)kn_alarm_end(local, self, kn_alarm_find(self, number));
        return -ESRCH;
    }
    return 0;
}

int koken_unlink(koken_ctx *ctx, koken_ref who)
{
    struct kn_local *local = ctx->local;
    struct kn_agent *self = ctx->self;
    struct kn_envelope *kept;
    struct kn_alarm *own;
    while ((kept = find_kept_link(self, who.id, NULL)) != NULL) { /* ends: one less each time */
        struct bond_down news = {.is_unlink = 1};
        struct kn_envelope *e = kn_message_new(local, &kn_type_bond_down, &news);
        if (!e) {
            return -ENOMEM;
        }
        e->from = ctx->id;
        e->corr = kept->corr;
        unkeep(local, self, kept);
        post(local, who.id, e);
    }
    while ((own = find_own_link(self, who.id)) != NULL) { /* ends: as above */
        release_own(local, self, own);
    }
    return 0;
}

int koken_trap_exits(koken_ctx *ctx, bool is_trapping)
{
    struct kn_cold *cold = kn_agent_cold(ctx->self);
    if (!cold) {
        return -ENOMEM;
    }
    cold->is_trapping = is_trapping;
    return 0;
}

void kn_link_newborn(struct kn_local *local, struct kn_agent *a)
{
    struct kn_envelope *request = local->birth_bond;
    local->birth_bond = NULL;
    keep(a, request);
}

/* Spawns an agent with a bond from before its first step. */
static int spawn_bound(koken_ctx *ctx, const struct koken_agent_type *type,
                       const struct koken_spawn_options *options, enum bond_kind kind,
                       struct kn_heirloom *heirloom, koken_ref *ret_ref, int *ret_number)
{
    struct kn_local *local = ctx->local;
    struct kn_envelope *request;
    int rc = make_bond(local, ctx->self, 0, kind, &request);
    if (rc < 0) {
        return rc;
    }
    uint32_t number = request->corr;
    local->birth_bond = request;
    rc = kn_spawn_heir(local, type, options, heirloom, ret_ref);
    local = ctx->local; /* another one, after a blocking section in init */
    bool was_born = local->birth_bond != request;
    local->birth_bond = NULL;
    struct kn_alarm *alarm = kn_alarm_find(ctx->self, number);
    KN_ASSERT(alarm != NULL);
    if (rc == 0) {
        alarm->to = ret_ref->id;
        *ret_number = (int)number;
        return 0;
    }
    if (!was_born) {
        drop_bond(request->payload);
        kn_envelope_free(&local->worker->pool, request);
    }
    (void)kn_alarm_end(local, ctx->self, alarm); /* its news, if any, find no entry */
    return rc;
}

int kn_spawn_monitored(koken_ctx *ctx, const struct koken_agent_type *type,
                       const struct koken_spawn_options *options, struct kn_heirloom *heirloom,
                       koken_ref *ret_ref, int *ret_number)
{
    return spawn_bound(ctx, type, options, BOND_MONITOR, heirloom, ret_ref, ret_number);
}

int koken_spawn_monitored_(koken_ctx *ctx, const struct koken_agent_type *type,
                           const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    int number = 0;
    int rc = spawn_bound(ctx, type, options, BOND_MONITOR, NULL, ret_ref, &number);
    return rc < 0 ? rc : number;
}

int koken_spawn_linked_(koken_ctx *ctx, const struct koken_agent_type *type,
                        const struct koken_spawn_options *options, koken_ref *ret_ref)
{
    int number = 0;
    return spawn_bound(ctx, type, options, BOND_LINK, NULL, ret_ref, &number);
}
