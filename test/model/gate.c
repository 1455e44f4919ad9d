/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate of task effect graphs: executors/teg/home.c as it stands, between threads outside, which ready something or give
 * the last share back, and the end of the runtime. Who is let in finds the scheduler; who is not sees that the runs have
 * been cut; nobody touches the runtime after the grace period, and the home is freed once.
 */
#include "test/model/lib/model.h"

#include "executors/teg/home.c"

static struct koken rt;
static struct kn_teg_home *home;
static uint64_t is_entered; /* (m) endings_lock: what actors/stop.c calls */
static uint64_t is_gone;    /* plain: the runtime, its scheduler */
static uint64_t readied[2]; /* plain, of each thread outside */
static uint64_t cuts;       /* plain */
static kn_atomic(uint32_t) visitors;

/* ---- what is left out ------------------------------------------------------------------------------------ */

struct kn_worker *kn_worker_current(void)
{
    return NULL;
}

void kn_rcu_visit(void)
{
    (void)kn_add(&visitors, 1, seq_cst);
}

void kn_rcu_depart(void)
{
    if (kn_sub(&visitors, 1, seq_cst) == 1) {
        kn_futex_wake(&visitors, 1);
    }
}

/* Longer than a grace period: those who come later are waited for too. */
static void wait_for_visitors(void)
{
    uint32_t seen;
    while ((seen = kn_add(&visitors, 0, seq_cst)) != 0) { /* ends: they depart */
        (void)kn_futex_wait(&visitors, seen, KN_NEVER);
    }
}

void kn_ready_foreign(struct kn_sched *where, struct kn_runnable *runnable, unsigned prio)
{
    (void)where, (void)runnable, (void)prio;
    KOKEN_CHECK(!is_gone);
    readied[kn_model_self()]++;
}

/* As in actors/stop.c. */
bool kn_ending_enter(struct koken *runtime, struct kn_ending *entered)
{
    (void)runtime, (void)entered;
    is_entered = true;
    return true;
}

void kn_ending_leave(struct koken *runtime, struct kn_ending *left)
{
    KOKEN_CHECK(runtime == &rt && left == &home->ending);
    KOKEN_CHECK(!is_gone);
    pthread_mutex_lock(&rt.endings_lock);
    is_entered = false;
    pthread_mutex_unlock(&rt.endings_lock);
}

static void end_runtime(void)
{
    pthread_mutex_lock(&rt.endings_lock);
    if (is_entered) {
        is_entered = false;
        home->ending.end(&home->ending, &rt);
    }
    pthread_mutex_unlock(&rt.endings_lock);
    wait_for_visitors();
    is_gone = true;
}

/* ---- the actors ------------------------------------------------------------------------------------------ */

/* As the executor's. */
static void cut_runs(void *arg)
{
    (void)arg;
    cuts++;
    home->cut = NULL;
    kn_teg_home_unref(home);
}

/* Runs have so many shares; the executor has one of its own, or has gone. */
static void start(uint32_t runs, bool has_executor)
{
    pthread_mutex_init(&rt.endings_lock, NULL);
    is_gone = false;
    readied[0] = readied[1] = 0;
    cuts = 0;
    kn_atomic_init(&visitors, 0);
    KOKEN_CHECK(kn_teg_home_new(&rt, has_executor ? cut_runs : NULL, NULL, &home) == 0);
    for (uint32_t i = has_executor ? 0 : 1; i < runs; i++) {
        kn_teg_home_ref(home);
    }
}

static void start_one(void)
{
    start(1, true);
}

static void start_two(void)
{
    start(2, true);
}

static void start_last(void)
{
    start(1, false);
}

static void start_last_two(void)
{
    start(2, false);
}

static void give_back(void)
{
    kn_teg_home_unref(home);
}

static void ready_one(void)
{
    struct kn_runnable runnable;
    if (!kn_teg_home_ready(home, &runnable, KN_PRIO_NORMAL)) {
        KOKEN_CHECK(cuts == 1);
    }
    kn_teg_home_unref(home);
}

static void check(void)
{
    KOKEN_CHECK(is_gone && !is_entered);
    KOKEN_CHECK(kn_load(&visitors, relaxed) == 0);
    KOKEN_CHECK(readied[0] <= 1 && readied[1] <= 1);
}

static void check_cut(void)
{
    KOKEN_CHECK(cuts == 1);
    check();
}

static const struct kn_scenario scenarios[] = {
    {"readied, the end", start_one, {ready_one, end_runtime}, check_cut},
    {"readied twice, the end",
     start_two,
     {ready_one, ready_one, end_runtime},
     check_cut,
     .limit = 4000},
    {"given back, the end", start_last, {give_back, end_runtime}, check},
    {"given back by two, the end",
     start_last_two,
     {give_back, give_back, end_runtime},
     check,
     .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
