/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops of groups: orchestration/foreach.c as it stands, on workers, futures and sources of a few lines. Each index is done
 * once, whoever splits whose range; who waits sees all that was done, the sum, and the first error; what is begun and left
 * alone ends, too, and in the end everything is gone.
 */
#include "test/model/lib/counted_group.h"
#include "test/model/lib/model.h"

#include "orchestration/foreach.c"

enum { COUNT_MAX = 4 };

static uint32_t done[COUNT_MAX]; /* plain: the loop's end orders it */
static struct koken_future *loop_end;

/* ---- what is left out ------------------------------------------------------------------------------------ */

/* Nothing takes time, so each bite is larger than the one before. */
uint64_t kn_ticks(void)
{
    return 0;
}

uint64_t kn_ticks_ns(uint64_t ticks)
{
    return ticks;
}

/* Bells: who would hang on to the end waits for it here. */
int kn_bell_init(struct kn_bell *bell, bool (*leave)(struct kn_bell *self))
{
    bell->leave = leave;
    return 0;
}

void kn_bell_ring(struct kn_bell *bell)
{
    (void)bell;
}

int kn_bell_wait(struct kn_bell *bell, uint64_t timeout_ns)
{
    (void)bell, (void)timeout_ns;
    return 0;
}

bool kn_future_attach(struct koken_future *future, struct kn_then *then)
{
    (void)then;
    kn_either_way(koken_future_join(future, KOKEN_NO_DEADLINE));
    return false;
}

/* ---- threads --------------------------------------------------------------------------------------------- */

static void start_with(unsigned workers)
{
    start_group(workers);
    memset(done, 0, sizeof done);
    loop_end = NULL;
}

static void start_2(void)
{
    start_with(2);
}

static void start_3(void)
{
    start_with(3);
}

static int count_one(void *arg, size_t index)
{
    (void)arg;
    done[index]++;
    return 0;
}

static int count_range(void *arg, size_t begin, size_t end)
{
    (void)arg;
    KOKEN_CHECK(begin < end);
    for (size_t i = begin; i < end; i++) {
        done[i]++;
    }
    return 0;
}

static int count_or_fail(void *arg, size_t index)
{
    done[index]++;
    return index == *(const size_t *)arg ? -EPROTO : 0;
}

static int sum_range(void *arg, size_t begin, size_t end, void *sum)
{
    (void)count_range(arg, begin, end);
    for (size_t i = begin; i < end; i++) {
        *(uint64_t *)sum += i;
    }
    return 0;
}

static void add_sums(void *arg, void *sum, const void *other)
{
    (void)arg;
    *(uint64_t *)sum += *(const uint64_t *)other;
}

static void all_done(size_t count)
{
    for (size_t i = 0; i < COUNT_MAX; i++) {
        KOKEN_CHECK(done[i] == (i < count));
    }
}

static void user_of_2(void)
{
    KOKEN_CHECK(koken_for_each(&counted, 2, count_one, NULL) == 0);
    all_done(2);
}

static void user_of_3(void)
{
    KOKEN_CHECK(koken_for_each(&counted, 3, count_one, NULL) == 0);
    all_done(3);
}

static void user_of_ranges(void)
{
    KOKEN_CHECK(koken_for_range(&counted, 4, count_range, NULL) == 0);
    all_done(4);
}

static void user_of_sums(void)
{
    uint64_t sum = 0;
    KOKEN_CHECK(koken_reduce(&counted, 3, &sum, sizeof sum, sum_range, add_sums, NULL) == 0);
    KOKEN_CHECK(sum == 3);
    all_done(3);
}

static void user_of_error(void)
{
    size_t where = 1;
    KOKEN_CHECK(koken_for_each(&counted, 3, count_or_fail, &where) == -EPROTO);
    KOKEN_CHECK(done[0] <= 1 && done[1] == 1 && done[2] <= 1);
}

static void user_of_kept_error(void)
{
    size_t where = 0;
    counted.keep_going = true;
    KOKEN_CHECK(koken_for_each(&counted, 2, count_or_fail, &where) == -EPROTO);
    all_done(2);
}

/* A loop that nobody stands at: workers do it, and its memory goes with the last of them. */
static void starter(void)
{
    KOKEN_CHECK(koken_for_each_start(&counted, 2, count_one, NULL, &loop_end) == 0);
    KOKEN_CHECK(koken_future_join(loop_end, KOKEN_NO_DEADLINE) == 0);
    all_done(2);
}

static void starter_only(void)
{
    KOKEN_CHECK(koken_for_each_start(&counted, 2, count_one, NULL, &loop_end) == 0);
}

static void check(void)
{
    check_group(1); /* each loop has gone */
}

/* Nobody has come: the end of the runtime counts what is left. */
static void check_cut(void)
{
    check_group(1);
    KOKEN_CHECK(kn_future_is_done(loop_end));
    KOKEN_CHECK(loop_end->error == -ESHUTDOWN);
    KOKEN_CHECK(done[0] == 0 && done[1] == 0);
}

enum { LIMIT = 3000 };

static const struct kn_scenario scenarios[] = {
    {"2 indices: user; worker",
     start_2,
     {user_of_2, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"3 indices: user; worker",
     start_2,
     {user_of_3, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"3 indices: user; worker; worker",
     start_3,
     {user_of_3, worker_thread, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 6},
    {"4 in ranges: user; worker",
     start_2,
     {user_of_ranges, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"a sum: user; worker",
     start_2,
     {user_of_sums, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"one fails: user; worker",
     start_2,
     {user_of_error, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"one fails, the others go on: user; worker",
     start_2,
     {user_of_kept_error, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 2},
    {"begun, and waited for: user; worker; worker",
     start_2,
     {starter, worker_thread, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 6},
    {"begun: user; worker; worker",
     start_2,
     {starter_only, worker_thread, worker_thread},
     check,
     .limit = LIMIT,
     .may_sleep = 6},
    {"begun; the runtime ends", start_2, {starter_only}, check_cut, .limit = LIMIT},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
