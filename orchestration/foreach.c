/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops of groups. A participant sits on a seat with a range of indices, one word, {begin, end}. It takes bites from the front of
 * its own by compare-and-swap; with nothing left it takes the back half of another's, the same way, and puts it on its own seat. Nothing is
 * split that nobody asks for, and no task is made.
 *
 * An index is in exactly one place: on a seat, in the hands of a thief between its two steps, or in a bite. A value of a range
 * word that comes again is as good as the first time, since it is the value that is taken: no ABA. `left` counts what
 * has not been done; who makes it 0 completes the loop. After an error what is left is taken and counted, not done.
 * A participant that finds nothing anywhere goes: what others hold they do themselves. Nobody waits for seats whose errand has not
 * come yet; it will find nothing.
 */
#include "orchestration/group.h"

#include "actors/agent.h"
#include "actors/bell.h"
#include "actors/request.h"
#include "orchestration/either.h"
#include "orchestration/future.h"

#include <errno.h>
#include <string.h>

enum {
    BITE_NS = 5000,     /* what a bite should take */
    BITE_MAX = 1 << 20, /* of indices that take no time */
};

struct seat {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) range; /* (a) begin << 32 | end */
    struct kn_errand errand;
    struct loop *loop;
    char *sum; /* of a reduction */
};

struct loop {
    kn_atomic(uint32_t) owners; /* (a) the caller, and each errand */
    kn_atomic(int) error;       /* (a) the first */
    struct koken_group *group;  /* (c) counted */
    size_t size;                /* (c) of this block */
    unsigned seats_count;       /* (c) */
    void *arg;                  /* (c) and one of these: */
    int (*each)(void *arg, size_t index);
    int (*range)(void *arg, size_t begin, size_t end);
    int (*reduce)(void *arg, size_t begin, size_t end, void *sum);
    koken_promise promise;                               /* of who makes left 0 */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(size_t) left; /* (a) indices not done */
    struct seat seats[];
};

static uint64_t range_of(uint32_t begin, uint32_t end)
{
    return (uint64_t)begin << 32 | end;
}

static void drop(struct loop *loop)
{
    /* [OL1] acq_rel: all have done with it before the memory goes. */
    if (kn_sub(&loop->owners, 1, acq_rel) == 1) {
        KN_ASSERT(!loop->promise.future);
        kn_group_drop(loop->group);
        kn_free(loop, loop->size, _Alignof(struct loop));
    }
}

/* So many indices are over. */
static void count_off(struct loop *loop, size_t n)
{
    /* [OL2] release: what was done; acquire, for who completes it: what all have done. */
    if (kn_sub(&loop->left, n, acq_rel) == n) {
        int error = kn_load(&loop->error, relaxed); /* relaxed: ordered by [OL2] */
        kn_either_way(error < 0 ? koken_promise_fail(&loop->promise, error)
                                : koken_promise_done(&loop->promise)); /* nobody else has it */
    }
}

static void fail(struct loop *loop, int error)
{
    int none = 0;
    (void)kn_cas_strong(&loop->error, &none, error, relaxed,
                        relaxed); /* relaxed: as where it is read */
    kn_group_fail(loop->group, error);
}

static int call(struct loop *loop, struct seat *seat, uint32_t begin, uint32_t end)
{
    int rc = 0;
    if (loop->each) {
        for (uint32_t i = begin; i < end && rc >= 0; i++) {
            rc = loop->each(loop->arg, i);
        }
        return rc;
    }
    return loop->range ? loop->range(loop->arg, begin, end)
                       : loop->reduce(loop->arg, begin, end, seat->sum);
}

/* The next bite from the seat's own range: so many, and never more than half of what others could want. */
static bool bite(struct seat *seat, uint32_t most, uint32_t *ret_begin, uint32_t *ret_end)
{
    /* Relaxed, all: the word carries indices and no data; what is done is ordered by [OL2]. */
    uint64_t range = kn_load(&seat->range, relaxed);
    for (;;) { /* ends: a thief has taken half in between each time */
        uint32_t begin = (uint32_t)(range >> 32), end = (uint32_t)range;
        uint32_t n = end - begin;
        if (n == 0) {
            return false;
        }
        uint32_t take = n / 4 + 1 < most ? n / 4 + 1 : most;
        if (kn_cas_weak(&seat->range, &range, range_of(begin + take, end), relaxed, relaxed)) {
            *ret_begin = begin;
            *ret_end = begin + take;
            return true;
        }
    }
}

/* The back half of somebody's range onto this empty seat. */
static bool take_half(struct loop *loop, struct seat *seat)
{
    unsigned mine = (unsigned)(seat - loop->seats);
    for (unsigned i = 1; i < loop->seats_count; i++) {
        struct seat *other = &loop->seats[(mine + i) % loop->seats_count];
        uint64_t range = kn_load(&other->range, relaxed);    /* relaxed: as in bite() */
        while ((uint32_t)(range >> 32) != (uint32_t)range) { /* ends: as there */
            uint32_t begin = (uint32_t)(range >> 32), end = (uint32_t)range;
            uint32_t middle = begin + (end - begin) / 2;
            if (kn_cas_weak(&other->range, &range, range_of(begin, middle), relaxed, relaxed)) {
                kn_store(&seat->range, range_of(middle, end),
                         relaxed); /* an empty seat is its owner's */
                return true;
            }
        }
    }
    return false;
}

/* What a participant does until there is nothing anywhere. */
static void work(struct loop *loop, struct seat *seat)
{
    uint32_t most = 1, begin, end;
    uint64_t before = kn_ticks();
    for (;;) { /* ends: indices are finite */
        if (!bite(seat, most, &begin, &end)) {
            if (!take_half(loop, seat)) {
                return;
            }
            continue;
        }
        /* Relaxed: the sooner the better, but it need not be at once. */
        bool is_on = kn_load(&loop->error, relaxed) == 0 || loop->group->keep_going;
        int rc = is_on ? kn_group_check(loop->group) : 0;
        if (rc < 0) {
            fail(loop, rc);
        } else if (is_on) {
            rc = call(loop, seat, begin, end);
            if (rc < 0) {
                fail(loop, rc);
            }
        }
        count_off(loop, end - begin);
        uint64_t now = kn_ticks();
        uint64_t took_ns = kn_ticks_ns(now - before);
        before = now;
        if (took_ns < BITE_NS / 2 && most < BITE_MAX) {
            most *= 2;
        } else if (took_ns > 2 * BITE_NS && most > 1) {
            most /= 2;
        }
    }
}

static void run_errand(struct kn_errand *errand, struct kn_worker *worker)
{
    struct seat *seat = kn_container_of(errand, struct seat, errand);
    struct loop *loop = seat->loop;
    if (!worker) {
        fail(loop, -ESHUTDOWN); /* the runtime has ended: what is left is only counted */
        kn_either_way(koken_source_cancel(loop->group->source, KOKEN_CANCEL_SHUTDOWN, NULL));
    }
    work(loop, seat);
    drop(loop);
}

/* A loop with nobody at it yet. Errors: -EINVAL, -E2BIG, -ENOMEM, or those of the group. */
static int loop_new(struct koken_group *group, size_t count, size_t sum_size,
                    struct loop **ret_loop, struct koken_future **ret_future)
{
    if (!kn_is_group(group)) {
        return -EINVAL;
    }
    if (count > UINT32_MAX) {
        return -E2BIG;
    }
    unsigned seats =
        group->max_threads < group->rt->worker_count ? group->max_threads : group->rt->worker_count;
    seats = count < seats ? (unsigned)count : seats;
    size_t stride = kn_align_up(sum_size, KN_FALSE_SHARING);
    size_t size = sizeof(struct loop) + seats * (sizeof(struct seat) + stride);
    struct loop *loop = kn_alloc(size, _Alignof(struct loop), -1);
    if (!loop) {
        return -ENOMEM;
    }
    memset(loop, 0, sizeof *loop + seats * sizeof(struct seat));
    int rc = koken_promise_new(0, &loop->promise, ret_future);
    if (rc < 0) {
        kn_free(loop, size, _Alignof(struct loop));
        return rc;
    }
    kn_atomic_init(&loop->owners, 1);
    kn_atomic_init(&loop->left, count);
    loop->group = kn_group_keep(group);
    loop->size = size;
    loop->seats_count = seats;
    for (unsigned i = 0; i < seats; i++) {
        loop->seats[i].loop = loop;
        loop->seats[i].sum = (char *)&loop->seats[seats] + i * stride;
        kn_errand_init(&loop->seats[i].errand, run_errand);
    }
    if (seats) {
        kn_atomic_init(&loop->seats[0].range, range_of(0, (uint32_t)count));
    }
    *ret_loop = loop;
    return 0;
}

/* Sends errands to all seats from `first` on. */
static void begin(struct loop *loop, unsigned first)
{
    struct koken_group *group = loop->group;
    unsigned seats = loop->seats_count;
    if (first < seats) {
        (void)kn_add(&loop->owners, seats - first, relaxed); /* relaxed: the caller has a share */
    }
    for (unsigned i = first; i < seats; i++) {
        kn_errand_post(group->rt->sched, &loop->seats[i].errand, group->prio);
    }
    if (seats == 0) {
        kn_either_way(koken_promise_done(&loop->promise)); /* nobody else has it */
    }
}

/* Who waits for an end, whatever happens. */
struct ending {
    struct kn_then then;
    struct kn_bell bell;
    void (*hurry)(void *arg);
    void *arg;
};

static void on_end(struct kn_then *then, struct koken_future *done)
{
    (void)done;
    kn_bell_ring(&kn_container_of(then, struct ending, then)->bell);
}

static bool hurry(struct kn_bell *bell)
{
    const struct ending *ending = kn_container_of(bell, struct ending, bell);
    ending->hurry(ending->arg);
    return false;
}

void kn_group_await(struct koken_future *end, void (*on_hurry)(void *arg), void *arg)
{
    struct ending ending = {.then = {.fn = on_end}, .hurry = on_hurry, .arg = arg};
    int rc = kn_bell_init(&ending.bell, hurry);
    KN_ASSERT(rc == 0); /* kn_group_can_wait() */
    if (kn_future_attach(end, &ending.then)) {
        rc = kn_bell_wait(&ending.bell, KOKEN_NO_DEADLINE);
        KN_ASSERT(rc == 0); /* nobody takes it down */
    }
    (void)rc;
}

static bool stay(struct kn_bell *bell)
{
    (void)bell;
    return true;
}

int kn_group_can_wait(void)
{
    struct kn_bell bell;
    return kn_bell_init(&bell, stay);
}

/* A fiber that is to end waits all the same, as the loop uses what is on its stack; but the loop ends soon. */
static void give_up(void *arg)
{
    fail(arg, -ECANCELED);
}

/* Does it and waits. The caller is the first participant, unless it is a fiber, whose stack is small. */
static int finish(struct loop *loop, struct koken_future *end)
{
    struct kn_local *local = kn_local_here();
    bool helps = (!local || !local->running) && loop->seats_count > 0;
    begin(loop, helps ? 1 : 0);
    if (helps) {
        work(loop, &loop->seats[0]);
    }
    kn_group_await(end, give_up, loop);
    return koken_future_peek(end, NULL);
}

struct plan {
    int (*each)(void *arg, size_t index);
    int (*range)(void *arg, size_t begin, size_t end);
    void *arg;
};

static int run(struct koken_group *group, size_t count, struct plan plan)
{
    struct loop *loop;
    struct koken_future *end;
    int rc = plan.each || plan.range ? kn_group_can_wait() : -EINVAL;
    if (rc == 0) {
        rc = loop_new(group, count, 0, &loop, &end);
    }
    if (rc == 0) {
        loop->each = plan.each;
        loop->range = plan.range;
        loop->arg = plan.arg;
        rc = finish(loop, end);
        koken_future_drop(end);
        drop(loop);
    }
    return rc;
}

int koken_for_each(struct koken_group *group, size_t count, int (*fn)(void *arg, size_t index),
                   void *arg)
{
    return run(group, count, (struct plan){.each = fn, .arg = arg});
}

int koken_for_range(struct koken_group *group, size_t count,
                    int (*fn)(void *arg, size_t begin, size_t end), void *arg)
{
    return run(group, count, (struct plan){.range = fn, .arg = arg});
}

int koken_for_each_start(struct koken_group *group, size_t count,
                         int (*fn)(void *arg, size_t index), void *arg,
                         struct koken_future **ret_future)
{
    struct loop *loop;
    int rc = fn && ret_future ? loop_new(group, count, 0, &loop, ret_future) : -EINVAL;
    if (rc == 0) {
        loop->each = fn;
        loop->arg = arg;
        begin(loop, 0);
        drop(loop);
    }
    return rc;
}

int koken_reduce(struct koken_group *group, size_t count, void *ret_sum, size_t sum_size,
                 int (*fn)(void *arg, size_t begin, size_t end, void *sum),
                 void (*join)(void *arg, void *sum, const void *other), void *arg)
{
    struct loop *loop;
    struct koken_future *end;
    int rc =
        ret_sum && sum_size && sum_size <= UINT32_MAX && fn && join ? kn_group_can_wait() : -EINVAL;
    if (rc == 0) {
        rc = loop_new(group, count, sum_size, &loop, &end);
    }
    if (rc < 0) {
        return rc;
    }
    loop->reduce = fn;
    loop->arg = arg;
    for (unsigned i = 0; i < loop->seats_count; i++) {
        memcpy(loop->seats[i].sum, ret_sum, sum_size);
    }
    rc = finish(loop, end);
    if (rc == 0 && loop->seats_count) {
        for (unsigned i = 1; i < loop->seats_count; i++) {
            join(arg, loop->seats[0].sum, loop->seats[i].sum);
        }
        memcpy(ret_sum, loop->seats[0].sum, sum_size);
    }
    koken_future_drop(end);
    drop(loop);
    return rc;
}

struct mapping {
    int (*fn)(void *arg, const void *in, void *out);
    void *arg;
    const char *in;
    char *out;
    size_t in_size, out_size;
};

static int map_one(void *arg, size_t index)
{
    const struct mapping *m = arg;
    return m->fn(m->arg, m->in + index * m->in_size, m->out + index * m->out_size);
}

int koken_map_each(struct koken_group *group, const void *in, size_t in_size, void *out,
                   size_t out_size, size_t count, int (*fn)(void *arg, const void *in, void *out),
                   void *arg)
{
    struct mapping m = {fn, arg, in, out, in_size, out_size};
    if (!fn || (count && (!in || !out))) {
        return -EINVAL;
    }
    return koken_for_each(group, count, map_one, &m);
}
