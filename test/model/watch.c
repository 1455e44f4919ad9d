/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher's deep sleep: sched/sysmon.c as it stands. It sleeps while all workers rest; who wakes one calls it, or it has
 * seen that one is awake: it does not sleep on beside work.
 */
#include "test/model/lib/model.h"

#include <stdbool.h>

bool kn_world_is_simulated(void);

#include "sched/sysmon.c"

static struct kn_sched sched;

/* ---- what is left out: samples ------------------------------------------------------------------------- */

bool kn_idle_is_resting(struct kn_idle *idle, unsigned index)
{
    return idle->workers <= index;
}

void kn_alarms_ring(struct kn_alarms *alarms, struct kn_worker *worker, uint64_t now)
{
    (void)alarms, (void)worker, (void)now;
}

struct kn_io *kn_netpoll_poll(struct kn_netpoll *netpoll)
{
    (void)netpoll;
    return NULL;
}

unsigned kn_netpoll_deliver(struct kn_worker *worker, struct kn_io *take_ready)
{
    (void)worker, (void)take_ready;
    return 0;
}

bool kn_notify_forced(struct kn_sched *s, unsigned near)
{
    (void)s, (void)near;
    return false;
}

bool kn_world_is_simulated(void)
{
    return true;
}

int kn_look_ask(struct kn_look *look)
{
    (void)look;
    return -ESRCH;
}

unsigned kn_look_take(struct kn_look *look, const void *ret_frames[KN_LOOK_FRAMES])
{
    (void)look, (void)ret_frames;
    return 0;
}

void kn_look_drop(struct kn_look *look)
{
    (void)look;
}

int kn_look_init(struct kn_look *(*where)(void))
{
    (void)where;
    return -ENOTSUP;
}

void kn_quiet_signal(struct kn_sched *s)
{
    (void)s;
}

/* ---- scenarios ------------------------------------------------------------------------------------------ */

static void start(void)
{
    kn_atomic_init(&sched.watch_word, WATCH_AWAKE);
    kn_atomic_init(&sched.idle.word, 0); /* all rest */
}

static void sleep_once(void)
{
    sleep_deeply(&sched);
}

/* As who claims a sleeper: it counts as awake first. */
static void wake_worker(void)
{
    (void)kn_add(&sched.idle.word, UINT64_C(1) << 16, seq_cst);
    kn_watch_call(&sched);
}

/* As kn_watch_stop(), but for the join. */
static void stop_it(void)
{
    (void)kn_swap(&sched.watch_word, WATCH_STOP, relaxed);
    kn_futex_wake(&sched.watch_word, 1);
}

static void check_stopped(void)
{
    KOKEN_CHECK(kn_load(&sched.watch_word, relaxed) == WATCH_STOP);
}

static const struct kn_scenario scenarios[] = {
    {"a worker is woken", start, {sleep_once, wake_worker}, NULL},
    {"2 workers are woken", start, {sleep_once, wake_worker, wake_worker}, NULL},
    {"a stop", start, {sleep_once, stop_it}, check_stopped},
    {"a worker is woken, a stop", start, {sleep_once, wake_worker, stop_it}, check_stopped},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
