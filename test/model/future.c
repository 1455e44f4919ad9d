/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: orchestration/future.c, future_join.c and sched/lock.c as they stand. Who waits is told once and sees the value, also who
 * comes too late or goes away again; nobody touches what was taken off; joins settle once, while inputs end from several
 * threads, and are gone in the end; so does what waits for a time, which another thread rings.
 */
#include "test/model/lib/model.h"

#include "orchestration/future.c"
#define on_cancel on_cancel_of_until
#include "orchestration/future_join.c"
#undef on_cancel
#include "sched/lock.c"

static koken_promise promises[2];
static struct koken_future *inputs[2], *result;
static struct koken_future *given; /* whom the waiter looks at */
static struct koken runtime;
static struct koken_source *some_source = (struct koken_source *)&runtime; /* never looked at */
static koken_token until_token;
static uint64_t told; /* plain: the explorer looks for races */

/* ---- what is left out ------------------------------------------------------------------------ */

void kn_callback_begin(void)
{
}

void kn_callback_end(void)
{
}

int kn_bell_init(struct kn_bell *bell, bool (*leave_it)(struct kn_bell *self))
{
    kn_atomic_init(&bell->rung, 0);
    bell->leave = leave_it;
    return 0;
}

void kn_bell_ring(struct kn_bell *bell)
{
    kn_store(&bell->rung, 1, release);
    kn_futex_wake(&bell->rung, 1);
}

/* timeout_ns 1: out of time at once. */
int kn_bell_wait(struct kn_bell *bell, uint64_t timeout_ns)
{
    if (timeout_ns == 1 && bell->leave(bell)) {
        return -ETIMEDOUT;
    }
    while (!kn_load(&bell->rung, acquire)) {
        (void)kn_futex_wait(&bell->rung, 0, KN_NEVER);
    }
    return 0;
}

KN_TLS struct kn_worker *kn_worker_self;

bool kn_is_source(const struct koken_source *source)
{
    return source != NULL; /* tokens are left out */
}

void kn_rcu_visit(void)
{
}

void kn_rcu_depart(void)
{
}

int kn_post(struct kn_local *local, uint64_t to, const struct koken_type *type, const void *payload,
            uint32_t corr, unsigned flags)
{
    (void)local;
    (void)to;
    (void)type;
    (void)payload;
    (void)corr;
    (void)flags;
    return 0;
}

/* The only delay. Called back once: by who rings it, or who stops it. */
static kn_atomic(struct kn_delay *) armed;

void kn_delay_start(struct kn_sched *sched, struct kn_delay *delay, uint64_t deadline_ns,
                    void (*fn)(struct kn_delay *self, bool is_due))
{
    (void)sched;
    (void)deadline_ns;
    delay->fn = fn;
    kn_store(&armed, delay, release);
}

void kn_delay_stop(struct kn_delay *delay)
{
    if (kn_cas_strong(&armed, &delay, NULL, acquire, relaxed)) {
        delay->fn(delay, false);
    }
}

uint64_t kn_delay_deadline(uint64_t timeout_ns)
{
    return timeout_ns;
}

bool kn_source_hook(struct koken_source *source, struct kn_hook *hook)
{
    (void)source;
    (void)hook;
    return true;
}

enum kn_unhooked kn_source_unhook(struct koken_source *source, struct kn_hook *hook)
{
    (void)source;
    (void)hook;
    return KN_UNHOOKED;
}

koken_token koken_token_keep(koken_token token)
{
    return token;
}

void koken_token_drop(koken_token *token)
{
    (void)token;
}

/* ---- the actors ------------------------------------------------------------------------------ */

static void start_inputs(size_t count)
{
    kn_model_thread_local(&wave_here, sizeof wave_here);
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    told = 0;
    result = NULL;
    for (size_t i = 0; i < count; i++) {
        KOKEN_CHECK(koken_promise_new(8, &promises[i], &inputs[i]) == 0);
    }
    given = inputs[0];
}

static void start_one(void)
{
    start_inputs(1);
}

static void start_two(void)
{
    start_inputs(2);
}

static void start_until(void)
{
    start_inputs(1);
    kn_atomic_init(&armed, NULL);
    until_token = (koken_token){NULL};
    KOKEN_CHECK(koken_future_until(&runtime, inputs[0], 5, until_token, &result) == 0);
}

/* With a token that is never cancelled. */
static void start_until_later(void)
{
    start_inputs(1);
    kn_atomic_init(&armed, NULL);
    until_token = (koken_token){some_source};
}

static void start_second_over(void)
{
    uint64_t value = 2;
    start_inputs(2);
    KOKEN_CHECK(koken_promise_set(&promises[1], &value) == 0);
}

static void start_all(void)
{
    start_inputs(2);
    KOKEN_CHECK(koken_future_all(inputs, 2, &result) == 0);
    given = result;
}

static void start_race(void)
{
    start_inputs(2);
    KOKEN_CHECK(koken_future_race(inputs, 2, &result) == 0);
    given = result;
}

static void complete(unsigned i)
{
    uint64_t value = i + 1;
    KOKEN_CHECK(koken_promise_set(&promises[i], &value) == 0);
    koken_future_drop(inputs[i]);
}

static void first(void)
{
    complete(0);
}

static void second(void)
{
    complete(1);
}

static void failer(void)
{
    KOKEN_CHECK(koken_promise_fail(&promises[0], -ECANCELED) == 0);
    koken_future_drop(inputs[0]);
}

/* Who asked hears of it, and lets go: what comes later must not touch the result. */
static void leaver(void)
{
    KOKEN_CHECK(koken_future_join(result, 9) == -ECANCELED);
    koken_future_drop(result);
}

static void completer(void)
{
    uint64_t value = 1;
    KOKEN_CHECK(koken_promise_set(&promises[0], &value) == 0);
}

static void waiter(void)
{
    const void *value = NULL;
    KOKEN_CHECK(koken_future_join(given, 9) == 0);
    KOKEN_CHECK(koken_future_peek(given, &value) == 0);
    KOKEN_CHECK(*(const uint64_t *)value >= 1);
}

static void goer(void)
{
    uint64_t value = 0;
    int rc = koken_future_wait(given, 1, &value);
    KOKEN_CHECK(rc == 0 ? value == 1 : rc == -ETIMEDOUT);
}

static void on_told(void *arg, struct koken_future *future)
{
    (void)arg;
    (void)future;
    told++;
}

static void hooker(void)
{
    KOKEN_CHECK(koken_future_hook(given, on_told, NULL) == 0);
}

/* One of two who take a share and give it back. */
static void keeper(void)
{
    koken_future_drop(koken_future_keep(given));
}

/* Makes a race of two, one of which ends meanwhile: nothing hangs on the other in the end. */
static void racer_of_two(void)
{
    KOKEN_CHECK(koken_future_race(inputs, 2, &result) == 0);
    waiter();
}

/* Makes one of all, of which the last has ended, and the first fails meanwhile: who takes it off sees that it never hung. */
static void maker_of_all(void)
{
    KOKEN_CHECK(koken_future_all(inputs, 2, &result) == 0);
    KOKEN_CHECK(koken_future_join(result, 9) == -ECANCELED);
}

static void fail_first(void)
{
    KOKEN_CHECK(koken_promise_fail(&promises[0], -ECANCELED) == 0);
}

static void ringer(void)
{
    struct kn_delay *delay = kn_swap(&armed, NULL, acquire);
    if (delay) {
        delay->fn(delay, true);
    }
}

static void maker_of_until(void)
{
    int rc;
    KOKEN_CHECK(koken_future_until(&runtime, inputs[0], 5, until_token, &result) == 0);
    rc = koken_future_join(result, 9);
    KOKEN_CHECK(rc == 0 || rc == -ETIMEDOUT);
}

/* Makes a race of an input that ends meanwhile. */
static void racer(void)
{
    KOKEN_CHECK(koken_future_race(inputs, 1, &result) == 0);
    waiter();
}

static void check_one(void)
{
    koken_future_drop(inputs[0]);
    koken_future_drop(result);
}

static void check_kept(void)
{
    KOKEN_CHECK(kn_load(&given->owners, relaxed) == 2);
}

/* The join has let go of what it hung on. */
static void check_inputs_gone(void)
{
    for (unsigned i = 0; i < 2; i++) {
        KOKEN_CHECK((uint32_t)kn_model_peek(&inputs[i]->magic) == GONE);
    }
}

static void check_made(void)
{
    koken_future_drop(inputs[0]);
    koken_future_drop(inputs[1]);
    check_inputs_gone();
    koken_future_drop(result);
}

/* In time or not; nothing hangs on anything any more. */
static void check_until(void)
{
    int rc = koken_future_peek(result, NULL);
    KOKEN_CHECK(rc == 0 || rc == -ETIMEDOUT);
    KOKEN_CHECK(kn_load(&armed, relaxed) == NULL);
    KOKEN_CHECK(kn_list_is_empty(&inputs[0]->thens));
    koken_future_drop(result);
}

static void check_raced(void)
{
    KOKEN_CHECK(kn_list_is_empty(&inputs[1]->thens));
    KOKEN_CHECK(kn_load(&inputs[1]->owners, relaxed) == 2); /* the join is gone */
    check_one();
}

static void check_told(void)
{
    KOKEN_CHECK(told == 1);
    check_one();
}

static void check_all(void)
{
    const void *value = NULL;
    check_inputs_gone();
    KOKEN_CHECK(koken_future_peek(result, &value) == 0);
    KOKEN_CHECK(((const uint64_t *)value)[0] == 1);
    KOKEN_CHECK(((const uint64_t *)value)[1] == 2);
    koken_future_drop(result);
}

static void check_race(void)
{
    const void *value = NULL;
    check_inputs_gone();
    KOKEN_CHECK(koken_future_peek(result, &value) == 0);
    KOKEN_CHECK(*(const uint64_t *)value == koken_future_index(result) + 1);
    koken_future_drop(result);
}

static void check_failed(void)
{
    check_inputs_gone();
    KOKEN_CHECK(koken_future_peek(result, NULL) == -ECANCELED);
    koken_future_drop(result);
}

static const struct kn_scenario scenarios[] = {
    {"completed while waited for", start_one, {completer, waiter}, check_one},
    {"completed while somebody gives up", start_one, {completer, goer}, check_one},
    {"completed while a function is hung on", start_one, {completer, hooker}, check_told},
    {"waiting, and giving up", start_one, {completer, waiter, goer}, check_one, .limit = 3000},
    {"a race made of what ends", start_one, {completer, racer}, check_one, .limit = 5000},
    {"kept; kept", start_one, {keeper, keeper}, check_kept},
    {"a race of two, made of what ends",
     start_two,
     {completer, racer_of_two},
     check_raced,
     .limit = 12000},
    {"all of two, made when one is over",
     start_second_over,
     {fail_first, maker_of_all},
     check_made,
     .limit = 5000},
    {"in time or not", start_until, {completer, ringer}, check_until, .limit = 5000},
    {"in time or not, made meanwhile",
     start_until_later,
     {maker_of_until, completer, ringer},
     check_until,
     .limit = 1500},
    {"out of time, made meanwhile",
     start_until_later,
     {maker_of_until, ringer},
     NULL,
     .limit = 3000,
     .may_sleep = 1},
    {"all of two", start_all, {first, second}, check_all, .limit = 5000},
    {"all of two, waited for", start_all, {first, second, waiter}, check_all, .limit = 3000},
    {"a race of two", start_race, {first, second}, check_race, .limit = 5000},
    {"all of two, one fails", start_all, {failer, second}, check_failed, .limit = 5000},
    {"all of two, one fails, and who asked goes",
     start_all,
     {failer, second, leaver},
     NULL,
     .limit = 3000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
