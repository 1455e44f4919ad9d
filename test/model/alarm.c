/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fiber's clock: actors/alarm.c as it stands, over two wheels that keep one timer. The clock goes off on one worker while
 * the fiber, on another, sees that and sets it again there: the first wheel's last look at the timer is before. It
 * has three owners then, and is freed by the last of them, which sees what the others did.
 */
#include "test/model/lib/model.h"

#include "actors/alarm.c"

enum { EARLY = 7, LATER = 9 };

static struct koken rt;
static struct kn_worker workers[2];
static struct kn_local locals[2];
static struct kn_chunk chunk; /* its slot 1 is the fiber's agent */
static struct kn_cold cold;
static struct kn_alarm *clock_of_fiber;
static kn_atomic(uint32_t) nudged;
static KN_ALIGNED(64) unsigned char block[KN_BLOCK_MAX];
static uint32_t freed; /* under no lock: the last owner is alone */

/* ---- what is left out: pools, messages, and the wheels, whose part of a timer is plain ------------------ */

kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];
const struct koken_type koken_type_koken_failed, kn_type_alarm_over;

struct kn_worker *kn_worker_current(void)
{
    unsigned self = kn_model_self();
    return self < 2 ? &workers[self] : NULL;
}

struct kn_cold *kn_agent_cold(struct kn_agent *a)
{
    return a->cold;
}

/* As a push of a message and the take behind it. */
void kn_agent_nudge(struct kn_local *local, struct kn_agent *a)
{
    KOKEN_CHECK(local == &locals[0] && a == &chunk.slots[1]);
    (void)kn_add(&nudged, 1, acq_rel);
}

struct kn_envelope *kn_pool_refill(struct kn_pool *pool, unsigned size_class)
{
    (void)pool, (void)size_class;
    return (struct kn_envelope *)(void *)block;
}

void kn_pool_mark(struct kn_envelope *e, unsigned size_class)
{
    (void)size_class;
    kn_model_free(e, sizeof block);
    freed++;
}

void kn_pool_unmark(struct kn_envelope *e, unsigned size_class)
{
    (void)e, (void)size_class;
}

void kn_pool_spill(struct kn_pool *pool, unsigned size_class)
{
    (void)pool, (void)size_class;
}

void kn_message_fill(struct kn_local *local, struct kn_envelope *e, const struct koken_type *type,
                     const void *payload)
{
    (void)local, (void)e, (void)type, (void)payload;
}

struct kn_envelope *kn_message_new(struct kn_local *local, const struct koken_type *type,
                                   const void *payload)
{
    (void)local, (void)type, (void)payload;
    return NULL;
}

void kn_message_stamp_again(struct kn_envelope *e)
{
    (void)e;
}

void kn_message_drop(struct koken *runtime, struct kn_local *local, struct kn_envelope *e,
                     int reason)
{
    (void)runtime, (void)local, (void)e, (void)reason;
}

int kn_post(struct kn_local *local, uint64_t to, const struct koken_type *type, const void *payload,
            uint32_t corr, unsigned flags)
{
    (void)local, (void)to, (void)type, (void)payload, (void)corr, (void)flags;
    return -ESRCH;
}

int kn_post_system(struct kn_local *local, uint64_t to, struct kn_envelope *e)
{
    (void)local, (void)to, (void)e;
    return -ESRCH;
}

void kn_letter(struct koken *runtime, struct kn_local *local, const struct kn_envelope *e,
               uint64_t to, enum koken_dead_reason reason)
{
    (void)runtime, (void)local, (void)e, (void)to, (void)reason;
}

void kn_wheel_arm(struct kn_wheel *wheel, struct kn_timer *timer, uint64_t deadline_ns,
                  void (*fire_it)(struct kn_worker *worker, struct kn_timer *self, bool cancelled))
{
    (void)wheel;
    timer->deadline_ns = deadline_ns;
    timer->fire = fire_it;
}

bool kn_wheel_cancel(struct kn_wheel *own, struct kn_timer *timer)
{
    KOKEN_CHECK(own == &workers[1].wheel); /* it is armed there */
    timer->fire(&workers[1], timer, true);
    return true;
}

bool kn_wheel_take_back(struct kn_wheel *own, struct kn_timer *timer)
{
    (void)own, (void)timer;
    return false;
}

/* ---- scenarios ------------------------------------------------------------------------------------------ */

static void start(void)
{
    struct kn_agent *a = &chunk.slots[1];
    memset(a, 0, sizeof *a);
    memset(&cold, 0, sizeof cold);
    memset(locals, 0, sizeof locals);
    memset(workers, 0, sizeof workers);
    for (unsigned i = 0; i < 2; i++) {
        locals[i].rt = &rt;
        locals[i].worker = &workers[i];
        workers[i].local = &locals[i];
    }
    kn_atomic_init(&kn_chunks[0], &chunk);
    kn_atomic_init(&nudged, 0);
    kn_atomic_init(&a->id, UINT64_C(1) << 32 | 1);
    kn_atomic_init(&a->mailbox.word, KN_MB_SCHEDULED);
    a->cold = &cold;
    clock_of_fiber = NULL;
    freed = 0;
    KOKEN_CHECK(kn_clock_set(&locals[0], &chunk.slots[1], &clock_of_fiber, EARLY));
}

/* Of the worker on whose wheel it was set first. */
static void go_off(void)
{
    struct kn_timer *timer = &clock_of_fiber->timer;
    KOKEN_CHECK(timer->deadline_ns == EARLY);
    timer->fire(&workers[0], timer, false);
}

/* The fiber, on the other worker, and its end there. */
static void set_again(void)
{
    if (kn_model_choose(2) ==
        0) { /* it looks at the clock for a reason of its own, or has been told */
        while (!kn_clock_is_over(clock_of_fiber)) { /* ends: it goes off */
            kn_thread_yield();
        }
    } else {
        while (kn_load(&nudged, acquire) == 0) { /* ends: as above */
            kn_thread_yield();
        }
        KOKEN_CHECK(kn_clock_is_over(clock_of_fiber));
    }
    KOKEN_CHECK(kn_clock_set(&locals[1], &chunk.slots[1], &clock_of_fiber, LATER));
    KOKEN_CHECK(clock_of_fiber->timer.deadline_ns == LATER);
    KOKEN_CHECK(!kn_clock_is_over(clock_of_fiber));
    kn_alarms_end(&locals[1], &chunk.slots[1]);
}

static void check(void)
{
    KOKEN_CHECK(freed == 1);
}

static const struct kn_scenario scenarios[] = {
    {"goes off; set again, ended", start, {go_off, set_again}, check},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
