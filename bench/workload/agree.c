/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agree: votes, leases, gossip and waves over a topology, among members that answer, keep silent or are killed at
 * any step. A vote's numbers add up and its verdict follows from them; tokens rise, and nobody leads beside the
 * holder; who is told is told once; a wave counts each member once.
 */
#include "bench/workload/workload.h"

#include <errno.h>
#include <string.h>

KOKEN_MESSAGE(poll, { uint32_t number; });
KOKEN_MESSAGE(opinion, {
    uint64_t count;
    uint32_t number;
});
KOKEN_MESSAGE(rumour, { uint32_t number; });

enum { MEMBERS = 6, ROUNDS = 3 };

struct member {
    uint32_t mood, heard;
    kn_atomic(uint32_t) busy;
};

/* What all of one run share. */
static struct {
    koken_ref members[MEMBERS], keeper, group;
    struct koken_topology *topology;
    struct koken_guard *guard;
    kn_atomic(uint64_t) newest; /* token of whoever has led last */
} agree;

static bool is_reason(int rc)
{
    return rc == -ETIMEDOUT || rc == -ESRCH || rc == -EPROTO || rc == -ECANCELED || rc == -EAGAIN ||
           rc == -ENOMEM || rc == -ESHUTDOWN || rc == -EDEADLK || rc == -EALREADY || rc == -EPERM;
}

static int on_poll(koken_ctx *ctx, struct member *self, const struct poll *msg)
{
    int rc = 0;
    load_enter(&self->busy);
    self->mood = self->mood * 1103515245 + 12345;
    switch (self->mood >> 16 & 7) {
    case 0: break; /* nothing to say */
    case 1: (void)koken_defer(ctx); break;
    default: rc = koken_reply(ctx, opinion, .count = 1, .number = msg->number);
    }
    load_leave(&self->busy);
    return rc == -ESHUTDOWN || rc == -ENOMEM || rc == -ESRCH || rc == -EINVAL ? 0 : rc;
}

static int on_rumour(koken_ctx *ctx, struct member *self, const struct rumour *msg)
{
    (void)ctx;
    load_enter(&self->busy);
    KOKEN_SIM_CHECK(msg->number > self->heard); /* once, and in the order of the telling */
    self->heard = msg->number;
    load_leave(&self->busy);
    return 0;
}

KOKEN_AGENT(member, struct member, KOKEN_ON(poll, on_poll), KOKEN_ON(rumour, on_rumour));

struct task {
    uint64_t rng;
};

static uint64_t below(struct task *task, uint64_t limit)
{
    return kn_random(&task->rng) % limit;
}

/* ---- votes ------------------------------------------------------------------------------------- */

static void check_vote(int rc, struct koken_quorum *vote)
{
    bool is_held = rc == 0 || vote != NULL;
    KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
    if (is_held) {
        struct koken_quorum_tally t = koken_quorum_tally(vote);
        KOKEN_SIM_CHECK(t.answered + t.failed + t.pending + t.duplicate == t.members);
        KOKEN_SIM_CHECK((t.have >= t.need) == (rc == 0));
        KOKEN_SIM_CHECK(rc != -EPROTO || t.have + t.pending < t.need);
        KOKEN_SIM_CHECK(rc == t.error);
    }
    koken_quorum_free(vote);
}

static int chair_body(koken_ctx *ctx, struct task *unused, const void *arg)
{
    struct task self = *(const struct task *)arg;
    (void)unused;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        struct koken_quorum_options o = {.rule = (enum koken_quorum_rule)below(&self, 5),
                                         .threshold = below(&self, MEMBERS + 1)};
        struct koken_quorum *vote = NULL;
        int rc = koken_quorum(ctx, agree.members, MEMBERS, KOKEN_US(1 + below(&self, 2000)), &o,
                              &vote, poll, .number = i);
        check_vote(rc, vote);
    }
    return 0;
}

KOKEN_FIBER(chair, struct task, chair_body);

/* ---- leases ------------------------------------------------------------------------------------ */

static int tenant_body(koken_ctx *ctx, struct task *unused, const void *arg)
{
    struct task self = *(const struct task *)arg;
    struct koken_lease lease;
    (void)unused;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        int rc = koken_lease_acquire(ctx, agree.keeper, "desk", KOKEN_US(1 + below(&self, 3000)),
                                     KOKEN_US(below(&self, 3000)), &lease);
        KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
        if (rc < 0) {
            continue;
        }
        /* Whoever is refused has overstayed; whoever passes is the newest. */
        if (koken_lease_guard(agree.guard, lease.token) == 0) {
            (void)kn_add(&agree.newest, 1, relaxed); /* relaxed: a number for the end */
        }
        if (below(&self, 3) == 0) {
            rc = koken_sleep(ctx, KOKEN_US(below(&self, 2000)));
            rc = rc < 0 ? rc : koken_lease_extend(ctx, agree.keeper, &lease, KOKEN_MS(1));
            KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
        }
        if (below(&self, 3) == 0) {
            return 0; /* and keeps it: its end gives it back */
        }
        rc = koken_lease_end(ctx, agree.keeper, &lease);
        KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
        if (rc == 0) {
            rc = koken_lease_end(ctx, agree.keeper, &lease);
            KOKEN_SIM_CHECK(rc == -EALREADY || (rc != -EPERM && is_reason(rc)));
        }
    }
    return 0;
}

KOKEN_FIBER(tenant, struct task, tenant_body);

/* ---- gossip and waves -------------------------------------------------------------------------- */

static int talker_body(koken_ctx *ctx, struct task *unused, const void *arg)
{
    (void)unused;
    (void)arg;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        struct koken_gossip_report r = {.reached = 0};
        /* Every other one without a deadline: a relay that fails ends it. */
        int rc = koken_gossip(ctx, agree.group, i % 2 ? KOKEN_NO_DEADLINE : KOKEN_MS(5), &r, rumour,
                              .number = i);
        KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
        KOKEN_SIM_CHECK(r.accepted + r.full + r.dead == r.reached);
        KOKEN_SIM_CHECK(rc != 0 || r.reached == MEMBERS);
        KOKEN_SIM_CHECK(r.reached <= MEMBERS);
    }
    return 0;
}

KOKEN_FIBER(talker, struct task, talker_body);

static void add(void *arg, void *into, const void *answer)
{
    (void)arg;
    ((struct opinion *)into)->count += ((const struct opinion *)answer)->count;
}

static void check_wave(const struct koken_view *view, enum koken_wave_kind kind,
                       const struct koken_wave *wave)
{
    struct koken_wave_report r = koken_wave_report(wave);
    const struct opinion *all = koken_wave_result(wave);
    bool is_told = kind == KOKEN_WAVE_BROADCAST || (kind == KOKEN_WAVE_ALL_REDUCE && all);
    KOKEN_SIM_CHECK(r.members == koken_view_count(view));
    KOKEN_SIM_CHECK((is_told ? r.accepted + r.full + r.dead : r.asked + r.failed) + r.lost ==
                    r.members);
    KOKEN_SIM_CHECK(!all || r.lost > 0 || all->count == r.asked);
}

static int surfer_body(koken_ctx *ctx, struct task *unused, const void *arg)
{
    struct task self = *(const struct task *)arg;
    (void)unused;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        struct koken_view *view = koken_view_open(agree.topology);
        enum koken_wave_kind kind = below(&self, 2) ? KOKEN_WAVE_REDUCE : KOKEN_WAVE_GATHER;
        struct koken_wave_options o = {
            .kind = kind, .fold = add, .timeout_ns = KOKEN_US(1 + below(&self, 2000))};
        struct koken_wave *wave;
        int rc = koken_wave(ctx, view, &o, &wave, poll, .number = i);
        KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
        if (rc == 0) {
            check_wave(view, kind, wave);
            koken_wave_free(wave);
        }
        koken_view_close(view);
        rc = below(&self, 2)
                 ? koken_topology_heal(agree.topology)
                 : koken_topology_remove(agree.topology, agree.members[below(&self, MEMBERS)]);
        KOKEN_SIM_CHECK(rc >= 0 || is_reason(rc));
        rc = koken_topology_add(agree.topology, agree.members[below(&self, MEMBERS)]);
        KOKEN_SIM_CHECK(rc == 0 || is_reason(rc) || rc == -EINVAL); /* nobody: was not born */
    }
    return 0;
}

KOKEN_FIBER(surfer, struct task, surfer_body);

/* ---- a thread outside -------------------------------------------------------------------------- */

static void vote_outside(void *arg)
{
    struct koken *rt = arg;
    struct koken_quorum *vote = NULL;
    int rc = koken_quorum(rt, agree.members, MEMBERS, KOKEN_MS(1), NULL, &vote, poll, .number = 9);
    check_vote(rc, vote);
    struct koken_lease lease;
    rc = koken_lease_acquire(rt, agree.keeper, "desk", KOKEN_MS(1), KOKEN_MS(5), &lease);
    KOKEN_SIM_CHECK(rc == 0 || is_reason(rc));
}

static void spawn_all(struct load *load)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct member state = {.mood = (uint32_t)load_below(load, UINT32_MAX)};
        agree.members[i] = koken_spawn(load->rt, member, .arg = &state);
    }
    agree.keeper = koken_lease_keeper(load->rt);
    for (uint32_t i = 0; i < 2; i++) {
        struct task task = {.rng = kn_random_seed(load_below(load, UINT32_MAX) + 1)};
        (void)koken_spawn(load->rt, chair, .arg = &task, .arg_size = sizeof task);
        (void)koken_spawn(load->rt, tenant, .arg = &task, .arg_size = sizeof task);
        (void)koken_spawn(load->rt, tenant, .arg = &task, .arg_size = sizeof task);
        if (agree.topology) {
            (void)koken_spawn(load->rt, surfer, .arg = &task, .arg_size = sizeof task);
        }
    }
}

void load_agree(struct load *load)
{
    struct koken_gossip_options gossip = {.seed = 1 + load_below(load, 1000)};
    struct koken_topology_options options = {
        .shape = (enum koken_shape)load_below(load, KOKEN_SHAPE_COUNT_), .seed = gossip.seed};
    struct kn_thread thread = {0};
    load_clear(&agree.newest);
    agree.guard = NULL;
    agree.topology = NULL;
    if (koken_guard_new(&agree.guard) < 0) {
        return;
    }
    if (koken_topology_new(load->rt, &options, NULL, 0, &agree.topology) < 0) {
        agree.topology = NULL;
    }
    spawn_all(load);
    if (koken_gossip_open(load->rt, agree.members, MEMBERS, &gossip, &agree.group) == 0) {
        struct task task = {.rng = 1};
        (void)koken_spawn(load->rt, talker, .arg = &task, .arg_size = sizeof task);
    }
    koken_ref mortals[MEMBERS + 2] = {[MEMBERS] = agree.keeper, agree.group};
    memcpy(mortals, agree.members, sizeof agree.members);
    load_doom(load, mortals, MEMBERS + 2);
    bool is_started = kn_thread_start(&thread, "voter", vote_outside, load->rt) == 0;
    for (uint64_t i = load_below(load, MEMBERS); i > 0; i--) {
        load_sleep(KOKEN_US(load_below(load, 500)));
        (void)!koken_exit(agree.members[load_below(load, MEMBERS)]);
    }
    if (load_below(load, 8) == 0) {
        (void)!koken_exit(load_below(load, 2) ? agree.keeper : agree.group);
    }
    if (is_started) {
        kn_thread_join(&thread);
    }
    (void)load_settle(load);
}

void load_agree_after(struct load *load)
{
    (void)load;
    koken_topology_free(agree.topology);
    koken_guard_free(agree.guard);
}
