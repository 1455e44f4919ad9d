/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysmon: one thread that looks at the workers from outside.
 *
 * It samples every 500 us after it found something, and half as often each time it found nothing,
 * down to every 5 ms; when all workers rest for two samples it sleeps until one is woken
 * (kn_watch_call()). At each sample a worker that is still in the dispatch of the last one
 *   - is nudged, so that it reads the clock and its step yields,
 *   - if something waits at it and somebody rests, is marked stuck, which lets thieves take its
 * slot and its lone runnables, and a sleeper is woken to do it,
 *   - is counted once as stuck when the dispatch is older than stuck_ns, and asked where it is; the
 *     answer is looked for at the next samples, as long as that dispatch lasts (D-SCHED-14).
 * If an alarm is due (alarm.h), it wakes a sleeper for it, and at the next sample, when nobody has come to it, calls it
 * itself: then all workers are kept.
 * It also looks at fds when no worker sleeps there, as all that are awake may be in long steps.
 * It never touches a worker's queues itself, and it never takes a worker from a thread: the step
 * that runs uses it.
 */
#include "sched/lifo.h"
#include "sched/machine.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

enum { PERIOD_MIN_NS = 500 * 1000, PERIOD_MAX_NS = 5 * 1000 * 1000 };

enum kn_watch_state { WATCH_AWAKE, WATCH_ASLEEP, WATCH_STOP };

struct seen {
    uint64_t tick;
    uint64_t since_ns;
    bool is_counted;
    bool is_asked; /* where it is */
};

struct kn_watch {
    struct kn_sched *sched;
    struct kn_thread thread;
    size_t size;
    bool is_alarm_late; /* an alarm was due at the last sample */
    struct seen seen[];
};

static bool has_waiting_work(struct kn_worker *worker)
{
    return kn_load(&worker->levels, relaxed) != 0 ||
           kn_lifo_is_full(worker); /* relaxed: a sample */
}

/* Once for a dispatch that lasts too long. */
static void report(struct kn_worker *worker, struct seen *seen, uint64_t now)
{
    struct kn_sched *sched = worker->sched;
    const struct kn_sched_hooks *hooks = &sched->config.hooks;

    seen->is_counted = true;
    (void)kn_add(&sched->stuck, 1, relaxed); /* relaxed: statistics */
    if (hooks->stuck != NULL) {
        hooks->stuck(worker, now - seen->since_ns, hooks->arg);
    }
    seen->is_asked = hooks->stack != NULL && kn_look_ask(&worker->look) == 0;
}

/* Reports where the dispatch is, if the answer is there. True: not yet. */
static bool hear(struct kn_worker *worker, struct seen *seen)
{
    const struct kn_sched_hooks *hooks = &worker->sched->config.hooks;
    const void *frames[KN_LOOK_FRAMES];
    unsigned count = seen->is_asked ? kn_look_take(&worker->look, frames) : 0;

    /* Relaxed: taking was an acquire, so if this is the old one still it was when the answer was written. */
    if (count > 0) {
        seen->is_asked = false;
        if (kn_load(&worker->tick, relaxed) == seen->tick) {
            hooks->stack(worker, frames, count, hooks->arg);
        }
    }
    return seen->is_asked;
}

/* True: this worker needed something. */
static bool sample(struct kn_worker *worker, struct seen *seen, uint64_t now)
{
    struct kn_sched *sched = worker->sched;
    uint64_t tick = kn_load(&worker->tick, relaxed); /* relaxed: compared with the last sample's */

    if (tick != seen->tick || kn_idle_is_resting(&sched->idle, worker->index)) {
        seen->tick = tick;
        seen->since_ns = now;
        seen->is_counted = false;
        if (seen->is_asked) {
            kn_look_drop(&worker->look);
            seen->is_asked = false;
        }
        return false;
    }
    /* [SN1] release; a request, not data. */
    (void)kn_or(&worker->nudge, KN_NUDGE_CLOCK, release);
    bool was_counted = seen->is_counted;
    if (!was_counted && now - seen->since_ns >= sched->config.stuck_ns) {
        report(worker, seen, now);
    }
    bool awaits = hear(worker, seen) && !was_counted; /* soon */
    if (!has_waiting_work(worker)) {
        return awaits;
    }
    kn_store(&worker->stuck_tick, tick, relaxed); /* relaxed: a hint for thieves */
    if (!kn_notify_forced(sched, worker->index)) {
        return awaits;
    }
    (void)kn_add(&sched->nudges, 1, relaxed); /* relaxed: statistics */
    return true;
}

/* True: an alarm is due. */
static bool look_at_alarms(struct kn_watch *watch, uint64_t now)
{
    struct kn_sched *sched = watch->sched;
    bool was_late = watch->is_alarm_late;

    watch->is_alarm_late = kn_alarms_next(&sched->alarms) <= now;
    if (!watch->is_alarm_late) {
        return false;
    }
    if (was_late) {
        kn_alarms_ring(&sched->alarms, NULL, now);
        kn_quiet_signal(sched); /* it may have been all that was left */
        watch->is_alarm_late = false;
    } else {
        (void)kn_notify_forced(sched, 0); /* or one that is awake looks at its clock */
    }
    return true;
}

static bool sample_all(struct kn_watch *watch)
{
    struct kn_netpoll *netpoll = &watch->sched->netpoll;
    uint64_t now = kn_now();
    bool has_found = false;

    if (kn_netpoll_is_needed(netpoll) && !kn_netpoll_has_sleeper(netpoll)) {
        has_found = kn_netpoll_deliver(NULL, kn_netpoll_poll(netpoll)) > 0;
        kn_quiet_signal(watch->sched); /* it may have been all that was left, and for nobody */
    }

    for (unsigned i = 0; i < watch->sched->worker_count; i++) {
        has_found |= sample(watch->sched->workers[i], &watch->seen[i], now);
    }
    has_found |= look_at_alarms(watch, now);
    return has_found;
}

/* Until the next sample, or the next alarm. */
static uint64_t next_sample(const struct kn_watch *watch, uint64_t period_ns)
{
    uint64_t now = kn_now(), alarm_ns = kn_alarms_next(&watch->sched->alarms);

    return alarm_ns > now && alarm_ns < now + period_ns ? alarm_ns : now + period_ns;
}

/* Sleeps until a worker is woken; returns at once if one is awake. */
static void sleep_deeply(struct kn_sched *sched)
{
    uint32_t state = WATCH_AWAKE;

    /* [SW1] seq_cst, this and the load: against kn_watch_call(), which looks after a worker was
     * woken. */
    if (!kn_cas_strong(&sched->watch_word, &state, WATCH_ASLEEP, seq_cst, relaxed)) {
        return;
    }
    if (kn_idle_awake(kn_load(&sched->idle.word, seq_cst)) == 0) {     /* [SW1] */
        while (kn_load(&sched->watch_word, relaxed) == WATCH_ASLEEP) { /* relaxed: only who stays */
            (void)kn_futex_wait(&sched->watch_word, WATCH_ASLEEP, KN_NEVER);
        }
    } else {
        state = WATCH_ASLEEP;
        (void)kn_cas_strong(&sched->watch_word, &state, WATCH_AWAKE, relaxed, relaxed);
    }
}

void kn_watch_call(struct kn_sched *sched)
{
    uint32_t state = WATCH_ASLEEP;

    /* [SW1] seq_cst: after a worker counts as awake. */
    if (kn_unlikely(kn_load(&sched->watch_word, seq_cst) == WATCH_ASLEEP) &&
        kn_cas_strong(&sched->watch_word, &state, WATCH_AWAKE, relaxed, relaxed)) {
        kn_futex_wake(&sched->watch_word, 1);
    }
}

static void watch_main(void *arg)
{
    struct kn_watch *watch = arg;
    struct kn_sched *sched = watch->sched;
    uint64_t period_ns = PERIOD_MIN_NS;
    uint64_t last_word = 0;

    /* Relaxed: stop joins this thread, nothing else hangs on it. */
    while (kn_load(&sched->watch_word, relaxed) != WATCH_STOP) {
        uint64_t word =
            kn_load(&sched->idle.word, relaxed); /* relaxed: sleep_deeply() looks again */

        if (kn_idle_awake(word) == 0 && word == last_word) {
            sleep_deeply(sched);
            period_ns = PERIOD_MIN_NS;
        }
        last_word = word;
        (void)kn_futex_wait(&sched->watch_word, WATCH_AWAKE, next_sample(watch, period_ns));
        if (sample_all(watch)) {
            period_ns = PERIOD_MIN_NS;
        } else if (period_ns < PERIOD_MAX_NS) {
            period_ns = 2 * period_ns < PERIOD_MAX_NS ? 2 * period_ns : PERIOD_MAX_NS;
        }
    }
}

static struct kn_look *look_of_this_thread(void)
{
    return kn_worker_self != NULL ? &kn_worker_self->look : NULL;
}

void kn_watch_prepare(struct kn_sched *sched)
{
    struct kn_sched_config *config = &sched->config;

    if (config->hooks.stack == NULL || kn_world_is_simulated()) {
        config->hooks.stack = NULL;
        return;
    }
    if (kn_look_init(look_of_this_thread) < 0) {
        config->hooks.stack = NULL;
        if (config->log != NULL) {
            config->log(config->log_arg,
                        "koken: no signal is free: who is stuck is named without the stack");
        }
    }
}

int kn_watch_start(struct kn_sched *sched)
{
    size_t size = sizeof(struct kn_watch) + sched->worker_count * sizeof(struct seen);
    struct kn_watch *watch;
    int rc;

    if (sched->config.no_sysmon) {
        return 0;
    }
    watch = kn_alloc(size, KN_CACHE_LINE, -1);
    if (watch == NULL) {
        return -ENOMEM;
    }
    memset(watch, 0, size);
    for (unsigned i = 0; i < sched->worker_count; i++) {
        watch->seen[i].tick = UINT64_MAX;
    }
    watch->sched = sched;
    watch->size = size;
    rc = kn_thread_start(&watch->thread, "koken-sysmon", watch_main, watch);
    if (rc < 0) {
        kn_free(watch, size, KN_CACHE_LINE);
        return rc;
    }
    sched->watch = watch;
    return 0;
}

void kn_watch_stop(struct kn_sched *sched)
{
    struct kn_watch *watch = sched->watch;

    if (watch == NULL) {
        return;
    }
    (void)kn_swap(&sched->watch_word, WATCH_STOP, relaxed); /* relaxed: joined below */
    kn_futex_wake(&sched->watch_word, 1);
    kn_thread_join(&watch->thread);
    kn_free(watch, watch->size, KN_CACHE_LINE);
    sched->watch = NULL;
}
