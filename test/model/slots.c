/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots and handles: actors/slots.h and slots.c as they stand but for chunks of four slots and batches of one;
 * the grace period is a stand-in that does what liburcu promises. An agent's constants are plain: whoever
 * resolves a handle reads them while another thread ends the agent, and the slot is born anew. A handle
 * that reaches another agent, or a slot used again too early, is a race or a wrong name.
 */
#include "test/model/lib/model.h"

#include "actors/slots.c"
#include "mailbox/mailbox.c"
#include "mailbox/overflow.c"

static struct koken rt;
static struct kn_agent *agent;
static uint64_t handle;                /* of the agent that is there from the start */
static kn_atomic(uint64_t) new_handle; /* of the one that is born later, 0: not yet */
static kn_atomic(uint32_t) reading[KN_MODEL_THREADS];
static kn_atomic(uint32_t) online; /* readers, as kn_rcu.c counts them; the worker not among them */
static struct kn_local local;
static struct kn_worker worker;
static struct kn_rcu_head *deferred;
static uint32_t found, stale;

/* ---- what stands for liburcu ----------------------------------------------------------------- */

static void enter(void)
{
    (void)kn_add(&online, 1, acq_rel); /* [AR2] */
    kn_store(&reading[kn_model_self()], 1, relaxed);
    kn_fence_seq_cst(); /* as urcu_qsbr_thread_online() */
}

static void leave(void)
{
    kn_store(&reading[kn_model_self()], 0, release);
    (void)kn_sub(&online, 1, acq_rel); /* [AR2] */
}

bool kn_rcu_is_only_reader(void)
{
    return kn_add(&online, 0, acq_rel) == 0 || KN_MUTANT(17); /* [AR2] */
}

void kn_rcu_defer(struct kn_reclaimer *reclaimer, struct kn_rcu_head *head,
                  void (*fn)(struct kn_rcu_head *head))
{
    (void)reclaimer;
    head->fn = fn;
    head->next = deferred;
    deferred = head;
}

void kn_rcu_synchronize(void)
{
    kn_fence_seq_cst();
    for (unsigned i = 0; i < KN_MODEL_THREADS; i++) {
        while (kn_load(&reading[i], acquire)) { /* ends: readers leave */
            kn_thread_yield();
        }
    }
}

static void reclaim(void)
{
    struct kn_rcu_head *head = deferred;
    deferred = NULL;
    if (!KN_MUTANT(10)) {
        kn_rcu_synchronize();
    }
    while (head) {
        struct kn_rcu_head *next = head->next;
        head->fn(head);
        head = next;
    }
}

struct kn_worker *kn_worker_current(void)
{
    return &worker;
}

/* ---- an agent's life, as spawn.c and end.c have it --------------------------------------------- */

static uint64_t bear_on(struct kn_local *where, uint8_t name)
{
    struct kn_agent *a = kn_slot_take(&rt, where);
    KOKEN_CHECK(a != NULL);
    uint64_t id = kn_agent_id(a);
    a->policy = name;
    kn_mailbox_init(&a->mailbox, KN_MB_UNBOUNDED, 0, KN_MB_SCHEDULED);
    kn_store(&a->id, id, release); /* [AS2] */
    agent = a;
    return id;
}

static uint64_t bear(uint8_t name)
{
    return bear_on(NULL, name);
}

static void end_agent_on(struct kn_local *where, struct kn_agent *a)
{
    struct kn_envelope *last = NULL;
    uint64_t id = kn_agent_id(a);
    uint64_t next = id + ((uint64_t)1 << 32);
    (void)kn_mailbox_close(&a->mailbox, &a->intake, &last);
    kn_store(&a->id, next, release); /* [AS2] */
    kn_slot_give(&rt, where, a);
}

static void end_agent(struct kn_agent *a)
{
    end_agent_on(NULL, a);
}

static void start(void)
{
    memset(&rt, 0, sizeof rt);
    for (unsigned i = 0; i < KN_CHUNKS_MAX; i++) {
        kn_atomic_init(&kn_chunks[i], NULL);
        directory_base[i] = 0;
    }
    for (unsigned i = 0; i < KN_MODEL_THREADS; i++) {
        kn_atomic_init(&reading[i], 0);
    }
    directory_used = directory_free = 0;
    deferred = NULL;
    found = stale = 0;
    pthread_mutex_init(&rt.slots_lock, NULL);
    pthread_mutex_init(&directory_lock, NULL);
    kn_atomic_init(&new_handle, 0);
    kn_atomic_init(&online, 0);
    memset(&local, 0, sizeof local);
    local.rt = &rt;
    local.worker = &worker;
    handle = bear(1);
}

static void end_and_bear(void)
{
    end_agent(agent);
    reclaim();
    kn_store(&new_handle, bear(2), release);
}

/* Two lives: the slot comes back again. */
static void end_and_bear_twice(void)
{
    end_agent(agent);
    reclaim();
    (void)bear(2);
    end_agent(agent);
    reclaim();
    (void)bear(3);
}

/* A worker's slot comes back without a reclaimer, if nobody can know it. */
static void end_and_recycle(void)
{
    end_agent_on(&local, agent);
    kn_slots_recycle(&local);
    if (local.dead) {
        kn_slots_flush(&local);
        reclaim();
    }
    kn_store(&new_handle, bear_on(&local, 2), release);
}

static void resolve(uint64_t id, uint8_t name)
{
    enter();
    struct kn_agent *a = kn_resolve(id);
    if (a) {
        KOKEN_CHECK(a->policy == name); /* (c): plain, and of that agent */
        KOKEN_CHECK(kn_agent_runtime(a) == &rt);
        uint64_t word = kn_load(&a->mailbox.word, acquire);
        KOKEN_CHECK((word & KN_MB_CLOSED) || (word & KN_MB_SCHEDULED));
    }
    leave();
}

static void resolve_old(void)
{
    resolve(handle, 1);
}

static void resolve_old_twice(void)
{
    resolve(handle, 1);
    resolve(handle, 1);
}

/* A handle travels in messages, so its birth happens before its use. By a way that orders nothing it would
 * not do: a slot holds the id of its next agent before that is born. */
static void resolve_new(void)
{
    uint64_t id = kn_load(&new_handle, acquire);
    if (id != 0) {
        resolve(id, 2);
    }
}

static void resolve_nobody(void)
{
    enter();
    KOKEN_CHECK(!kn_resolve(0));
    KOKEN_CHECK(!kn_resolve(handle + ((uint64_t)7 << 32)));
    leave();
}

/* Chunks come while handles into them are used. */
static void bear_many(void)
{
    for (uint8_t i = 0; i < KN_CHUNK_SLOTS; i++) {
        (void)bear(2);
    }
    kn_store(&new_handle, bear(2), release);
}

static void resolve_far(void)
{
    uint64_t id = kn_load(&new_handle, acquire);
    if (id != 0) {
        resolve(id, 2);
    }
}

/* Who walks over all slots has no handle: whether there is an agent is what its mailbox says. */
static void look_at(struct kn_agent *a, void *arg)
{
    uint32_t *count = arg;
    if (!(kn_load(&a->mailbox.word, acquire) & KN_MB_CLOSED)) { /* [MB3], as stop.c */
        KOKEN_CHECK(a->policy == 1 || a->policy == 2);
        KOKEN_CHECK(a->mailbox.limit == KN_MB_STRIDE);
        ++*count;
    }
}

static void walk(void)
{
    uint32_t count = 0;
    kn_slots_each(&rt, look_at, &count);
    KOKEN_CHECK(count == 1 || count == 2);
}

static void bear_one(void)
{
    (void)bear(2);
}

static const struct kn_scenario scenarios[] = {
    {"birth; a walk over all", start, {bear_one, walk}, NULL},
    {"end, birth; resolve", start, {end_and_bear, resolve_old}, NULL},
    {"end, birth; resolve, resolve",
     start,
     {end_and_bear, resolve_old, resolve_old},
     NULL,
     .limit = 40000},
    {"end, birth; resolve twice", start, {end_and_bear, resolve_old_twice}, NULL, .limit = 40000},
    {"end, birth; both handles",
     start,
     {end_and_bear, resolve_old, resolve_new},
     NULL,
     .limit = 40000},
    {"end, recycled; resolve twice",
     start,
     {end_and_recycle, resolve_old_twice},
     NULL,
     .limit = 40000},
    {"end, recycled; both handles",
     start,
     {end_and_recycle, resolve_old, resolve_new},
     NULL,
     .limit = 40000},
    {"two lives; resolve twice",
     start,
     {end_and_bear_twice, resolve_old_twice},
     NULL,
     .limit = 40000},
    {"end, birth; nobody", start, {end_and_bear, resolve_nobody}, NULL, .limit = 20000},
    {"a new chunk; resolve", start, {bear_many, resolve_far, resolve_old}, NULL, .limit = 20000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
