/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancellation: orchestration/cancel.c and sched/lock.c as they stand. One cancels; others take their hook back and free it
 * at once, free a child, hang up more, look. A hook is called or taken back and never both, nobody touches it after it has been taken
 * back, who looks sees the reason, and in the end everything is gone.
 */
#include "test/model/lib/model.h"

#include "orchestration/cancel.c"
#include "sched/lock.c"

static struct koken_source *source, *child;
static struct koken_hook *hook;
static uint64_t called, expected, more; /* plain: the explorer looks for races */
static kn_atomic(uint32_t) wins;

/* ---- what is left out ------------------------------------------------------------------------ */

void kn_callback_begin(void)
{
}

void kn_callback_end(void)
{
}

void kn_delay_start(struct kn_sched *sched, struct kn_delay *delay, uint64_t deadline_ns,
                    void (*fn)(struct kn_delay *self, bool is_due))
{
    (void)sched;
    (void)delay;
    (void)deadline_ns;
    (void)fn;
}

void kn_delay_stop(struct kn_delay *delay)
{
    (void)delay;
}

uint64_t kn_delay_deadline(uint64_t timeout_ns)
{
    return timeout_ns;
}

/* ---- the actors ------------------------------------------------------------------------------ */

static void on_cancel(void *arg)
{
    (void)arg;
    called++;
}

static void on_more(void *arg)
{
    (void)arg;
    more++;
}

static void start(void)
{
    kn_model_thread_local(&calls, sizeof calls);
    called = expected = more = 0;
    kn_atomic_init(&wins, 0);
    child = NULL;
    KOKEN_CHECK(koken_source_new(NULL, NULL, 0, &source) == 0);
    KOKEN_CHECK(koken_token_hook((koken_token){source}, on_cancel, NULL, &hook) == 0);
}

static void start_child(void)
{
    koken_token parent;
    kn_model_thread_local(&calls, sizeof calls);
    called = expected = more = 0;
    KOKEN_CHECK(koken_source_new(NULL, NULL, 0, &source) == 0);
    parent.source = source;
    KOKEN_CHECK(koken_source_new(NULL, &parent, 1, &child) == 0);
    KOKEN_CHECK(koken_token_hook((koken_token){child}, on_cancel, NULL, &hook) == 0);
}

static void canceller(void)
{
    KOKEN_CHECK(koken_source_cancel(source, KOKEN_CANCEL_USER, "x") == 0);
}

/* One of two: the first alone has cancelled it. */
static void rival(void)
{
    if (koken_source_cancel(source, KOKEN_CANCEL_USER, "x") == 0) {
        (void)kn_add(&wins, 1, relaxed);
    }
}

static void taker(void)
{
    if (koken_hook_end(hook) == 0) {
        KOKEN_CHECK(called == 0);
    } else {
        KOKEN_CHECK(called == 1); /* its call is over, and seen */
        expected = 1;
    }
}

static void looker(void)
{
    koken_token token = koken_source_token(source);
    if (koken_token_is_cancelled(token)) {
        KOKEN_CHECK(called == 1);
    }
    if (koken_token_check(token) < 0) {
        KOKEN_CHECK(koken_token_reason(token) == KOKEN_CANCEL_USER);
        KOKEN_CHECK(koken_token_text(token)[0] == 'x');
    }
    koken_token_drop(&token);
}

static void hanger(void)
{
    KOKEN_CHECK(koken_token_hook((koken_token){source}, on_more, NULL, NULL) == 0);
}

static void child_ender(void)
{
    taker();
    koken_source_free(child);
}

static void check_taken(void)
{
    KOKEN_CHECK(called == expected);
    koken_source_free(source);
}

static void check_called(void)
{
    KOKEN_CHECK(called == 1);
    KOKEN_CHECK(koken_hook_end(hook) == -EALREADY);
    koken_source_free(source);
}

static void check_won(void)
{
    KOKEN_CHECK(kn_load(&wins, relaxed) == 1);
    check_called();
}

static void check_more(void)
{
    KOKEN_CHECK(more == 1);
    check_called();
}

static const struct kn_scenario scenarios[] = {
    {"cancel against taking back", start, {canceller, taker}, check_taken},
    {"cancel; cancel", start, {rival, rival}, check_won, .limit = 15000},
    {"cancel against a look", start, {canceller, looker}, check_called},
    {"cancel against hanging up", start, {canceller, hanger}, check_more},
    {"cancel against the end of a child",
     start_child,
     {canceller, child_ender},
     check_taken,
     .limit = 15000},
    {"cancel, taking back, a look", start, {canceller, taker, hanger}, check_taken, .limit = 15000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
