/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent's overflow: actors/park.c, the special push of actors/signal.c and the end of a mailbox of actors/end.c, as they
 * stand, over mailbox/overflow.c and mailbox.c. The first who waits makes it; who finds it, sees it made.
 */
#include "test/model/lib/model.h"

#include "actors/park.c"
#define tell tell_of_signal
#include "actors/signal.c"
#undef tell
#include "actors/end.c"
#include "actors/stamp.c"
#include "mailbox/mailbox.c"
#include "mailbox/overflow.c"

static struct koken rt;
static struct kn_agent agent;
static struct kn_local local;
static const struct koken_type type = {.name = "message", .size = 8};
static struct kn_envelope *message;
static struct kn_room_waiter waiters[KN_MODEL_THREADS];

/* ---- what is left out ------------------------------------------------------------------------------------ */

KN_TLS struct kn_worker *kn_worker_self;
kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

const struct koken_type kn_type_bond, kn_type_bond_down, kn_type_bond_release;

struct kn_worker *kn_worker_current(void)
{
    return NULL;
}

void kn_alone_visit(struct koken *runtime)
{
    (void)runtime;
}

void kn_alone_depart(struct koken *runtime)
{
    (void)runtime;
}

/* What would be done with messages, and with who is woken. */
void kn_pool_mark(struct kn_envelope *block, unsigned size_class)
{
    (void)block, (void)size_class;
}

void kn_pool_spill(struct kn_pool *pool, unsigned size_class)
{
    (void)pool, (void)size_class;
}

void kn_envelope_part(struct koken *runtime, struct kn_local *where, struct kn_envelope *e)
{
    (void)runtime, (void)where, (void)e;
}

void kn_letter(struct koken *runtime, struct kn_local *where, const struct kn_envelope *e,
               uint64_t to, enum koken_dead_reason reason)
{
    (void)runtime, (void)where, (void)e, (void)to, (void)reason;
}

bool kn_link_late(struct kn_envelope *e, struct kn_envelope **farewells)
{
    return e == *farewells;
}

bool kn_registry_late(struct kn_envelope *e, struct kn_name **names)
{
    (void)e, (void)names;
    return false;
}

void kn_request_fail(struct koken *runtime, struct kn_local *where, struct kn_envelope *e,
                     int error)
{
    (void)runtime, (void)where, (void)e, (void)error;
}

enum kn_ran kn_agent_turn(struct kn_worker *worker, struct kn_runnable *run)
{
    (void)worker, (void)run;
    return KN_RAN_DONE;
}

void kn_ready_tail(struct kn_worker *worker, struct kn_runnable *run, enum kn_prio prio)
{
    (void)worker, (void)run, (void)prio;
}

void kn_ready_young(struct kn_worker *worker, struct kn_runnable *run)
{
    (void)worker, (void)run;
}

void kn_ready_foreign(struct kn_sched *sched, struct kn_runnable *run, enum kn_prio prio)
{
    (void)sched, (void)run, (void)prio;
}

void kn_system_writable(struct kn_local *where, const struct kn_agent *a, uint64_t cookie)
{
    (void)where, (void)a;
    KOKEN_CHECK(cookie == 7);
}

/* ---- scenarios ------------------------------------------------------------------------------------------- */

static void start(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    local.rt = &rt;
    agent.policy = KOKEN_POLICY_REJECT;
    kn_atomic_init(&agent.overflow, NULL);
    kn_mailbox_init(&agent.mailbox, 4, 2, KN_MB_SCHEDULED);
    agent.intake = (struct kn_intake){NULL, NULL, NULL, NULL};
    message = kn_alloc(128, 64, -1);
    memset(message, 0, 64);
    message->type = &type;
    message->lane = KN_LANE_USER;
}

/* Somebody has waited before, and room has been made since. */
static void start_with_line(void)
{
    start();
    kn_mailbox_init(&agent.mailbox, 4, 2, KN_MB_SCHEDULED | KN_MB_LINE);
}

/* The first to wait, or not. */
static void enter_line(void)
{
    struct kn_room_waiter *waiter = &waiters[kn_model_self()];
    struct kn_overflow *o = kn_agent_overflow(&agent);
    KOKEN_CHECK(o != NULL);
    waiter->cookie = 7;
    (void)kn_overflow_wait(o, waiter);
}

static void make_room(void)
{
    kn_room_made(&local, &agent);
}

static void open_room(void)
{
    kn_room_opened(&local, &agent);
}

static void send(void)
{
    enum kn_push pushed;
    bool opened = false;
    struct kn_envelope *victim = NULL;
    KOKEN_CHECK(special_push(&agent, message, &pushed, &opened, &victim) == 0);
}

static void end(void)
{
    struct last_words last = {NULL, NULL};
    close_mailbox(&local, &agent, &last);
}

static void look_after_line(void)
{
    kn_room_look(&local, &agent);
}

static void check_line(void)
{
    KOKEN_CHECK(kn_overflow_waiters(kn_load(&agent.overflow, relaxed)) == 2);
}

static const struct kn_scenario scenarios[] = {
    {"two are the first", start, {enter_line, enter_line}, check_line},
    {"made while there is room", start, {enter_line, make_room}, NULL},
    {"made while room opens", start, {enter_line, open_room}, NULL},
    {"made while one sends", start, {enter_line, send}, NULL},
    {"made while the mailbox closes", start, {enter_line, end}, NULL},
    {"made while the receiver looks", start_with_line, {enter_line, look_after_line}, NULL},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
