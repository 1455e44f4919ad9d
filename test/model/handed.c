/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made by one thread and found by others: services, the answers of a wave, the views of a topology, and what was
 * done under the lease that a guard has let pass; orchestration/services.c, wave.c, topology.c and lease_guard.c as they
 * stand. Who finds it finds it made.
 */
#include "test/model/lib/model.h"

#include "orchestration/lease_guard.c"
#include "orchestration/services.c"
#include "orchestration/topology.c"
#include "orchestration/wave.c"

static struct koken rt;

/* ---- what is left out ------------------------------------------------------------------------------------ */

KN_TLS struct kn_worker *kn_worker_self;

void kn_rcu_visit(void)
{
}

void kn_rcu_depart(void)
{
}

/* The grace period does not end. */
void kn_rcu_defer(struct kn_reclaimer *reclaimer, struct kn_rcu_head *head,
                  void (*fn)(struct kn_rcu_head *head))
{
    (void)reclaimer;
    head->fn = fn;
}

/* Nobody leaves. */
int kn_view_position(const struct koken_view *view, koken_ref who)
{
    (void)view, (void)who;
    return -1;
}

bool koken_alive(koken_ref who)
{
    return !koken_is_nobody(who);
}

static struct koken_view *new_view(uint32_t count)
{
    struct koken_view *view = kn_alloc(sizeof *view, 64, -1);
    memset(view, 0, sizeof *view);
    view->count = count;
    view->size = sizeof *view;
    kn_atomic_init(&view->owners, 1);
    return view;
}

int kn_view_derive(const struct koken_view *from, const struct kn_change *what,
                   struct koken_view **ret_view)
{
    *ret_view = new_view(from->count + what->added_count);
    return 0;
}

/* ---- services -------------------------------------------------------------------------------------------- */

static struct koken_services services;
static uint64_t service_made;

static int make_it(struct koken_services *self, void *arg, void **ret_service)
{
    (void)self, (void)arg;
    service_made = 7;
    *ret_service = &service_made;
    return 0;
}

static const struct koken_service service = {"service", make_it, NULL, NULL};

static void start_services(void)
{
    kn_model_thread_local(&this_thread, sizeof this_thread);
    this_thread = 0;
    kn_atomic_init(&last_thread, 0);
    services.making = NULL;
    kn_atomic_init(&services.made, NULL);
    kn_atomic_init(&services.maker, 0);
    kn_atomic_init(&services.refs, 1);
    pthread_mutex_init(&services.lock, NULL);
}

static void ask(void)
{
    void *found = NULL;
    KOKEN_CHECK(koken_services_get(&services, &service, &found) == 0);
    KOKEN_CHECK(*(uint64_t *)found == 7);
}

/* Two who share them: what each has asked for is there until the last of both has gone, and is ended once. */
static struct koken_services *shared_services;
static uint64_t ended;

static int make_shared(struct koken_services *self, void *arg, void **ret_service)
{
    (void)self, (void)arg;
    *ret_service = &ended;
    return 0;
}

static void end_shared(void *made, void *arg)
{
    (void)arg;
    KOKEN_CHECK(++*(uint64_t *)made == 1);
}

static const struct koken_service shared_service = {"shared", make_shared, end_shared, NULL};

static void start_shared(void)
{
    kn_model_thread_local(&this_thread, sizeof this_thread);
    this_thread = 0;
    kn_atomic_init(&last_thread, 0);
    ended = 0;
    KOKEN_CHECK(koken_services_new(&shared_services) == 0);
    KOKEN_CHECK(koken_services_ref(shared_services) == shared_services);
}

static void ask_and_leave(void)
{
    void *found = NULL;
    KOKEN_CHECK(koken_services_get(shared_services, &shared_service, &found) == 0);
    KOKEN_CHECK(*(uint64_t *)found == 0);
    (void)koken_services_unref(shared_services);
}

static void check_ended(void)
{
    KOKEN_CHECK(ended == 1);
    KOKEN_CHECK(kn_alloc_live() == 0);
}

/* ---- a wave ---------------------------------------------------------------------------------------------- */

static struct koken_wave wave;
static kn_atomic(int32_t) outcomes[1];
static uint64_t answer;

static void start_wave(void)
{
    wave.outcome = outcomes;
    kn_atomic_init(&outcomes[0], 0);
    answer = 0;
}

static void answer_it(void)
{
    answer = 7;
    settle(&wave, 0, ANSWERED);
}

static void fold_it(void)
{
    if (outcome_of(&wave, 0) == ANSWERED) {
        KOKEN_CHECK(answer == 7);
    }
}

/* The relay of a member and who called: the last of both frees it, and neither finds it gone. */
static struct koken_wave *left_wave;

static void start_leaving(void)
{
    left_wave = kn_alloc(sizeof *left_wave, 64, -1);
    memset(left_wave, 0, sizeof *left_wave);
    left_wave->size = sizeof *left_wave;
    left_wave->outcome = outcomes;
    kn_atomic_init(&left_wave->owners, 2);
    kn_atomic_init(&outcomes[0], 0);
}

static void leave_relay(void)
{
    left_wave->report.asked = 1;
    wave_drop(left_wave);
}

static void leave_caller(void)
{
    (void)outcome_of(left_wave, 0);
    koken_wave_free(left_wave);
}

static void check_nothing_left(void)
{
    KOKEN_CHECK(kn_alloc_live() == 0);
}

/* ---- a topology ------------------------------------------------------------------------------------------ */

static struct koken_topology topology;

static void start_topology(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    topology.rt = &rt;
    kn_atomic_init(&topology.view, new_view(1));
}

static void join(void)
{
    KOKEN_CHECK(koken_topology_add(&topology, (koken_ref){7}) == 0);
}

static void open_view(void)
{
    struct koken_view *view = koken_view_open(&topology);
    KOKEN_CHECK(view->count >= 1 && view->count <= 3);
    koken_view_close(view);
}

static struct koken_view *shared;

static void start_view(void)
{
    shared = new_view(1);
    kn_atomic_init(&shared->owners, 2);
}

static void close_view(void)
{
    KOKEN_CHECK(shared->count == 1);
    koken_view_close(shared);
}

static void check_one_share(void)
{
    KOKEN_CHECK(kn_load(&kn_load(&topology.view, relaxed)->owners, relaxed) == 1);
}

/* ---- a guard --------------------------------------------------------------------------------------------- */

static struct koken_guard guard;
static uint64_t guarded;
static kn_atomic(uint32_t) has_passed;

static void start_guard(void)
{
    kn_atomic_init(&guard.newest, 0);
    kn_atomic_init(&has_passed, 0);
    guarded = 0;
}

static void pass_first(void)
{
    guarded = 1;
    int rc = koken_lease_guard(&guard, 5);
    KOKEN_CHECK(rc == 0 || rc == -EPERM);
    kn_store(&has_passed, rc == 0, relaxed);
}

/* Whether the other has passed is told without any order. */
static void pass_later(void)
{
    bool is_later = kn_load(&has_passed, relaxed);
    KOKEN_CHECK(koken_lease_guard(&guard, 6) == 0);
    if (is_later) {
        KOKEN_CHECK(guarded == 1);
    }
}

static void check_newest(void)
{
    KOKEN_CHECK(kn_load(&guard.newest, relaxed) == 6);
}

static const struct kn_scenario scenarios[] = {
    {"a service, asked for by two", start_services, {ask, ask}, NULL},
    {"services, left by two", start_shared, {ask_and_leave, ask_and_leave}, check_ended},
    {"a wave, left by two", start_leaving, {leave_relay, leave_caller}, check_nothing_left},
    {"an answer, folded", start_wave, {answer_it, fold_it}, NULL},
    {"a view, opened", start_topology, {join, open_view}, NULL},
    {"a view, changed by two", start_topology, {join, join, open_view}, NULL, .limit = 4000},
    {"a view, opened by two", start_topology, {open_view, open_view}, check_one_share},
    {"a view, closed by two", start_view, {close_view, close_view}, NULL},
    {"a lease, and a later one", start_guard, {pass_first, pass_later}, check_newest},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
