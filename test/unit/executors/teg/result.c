/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: what is told of a run that is over, and the definitions of its numbers. */
#include "test/support/teg.h"

static int spin(struct koken_teg_call *call)
{
    uint64_t end = kn_now() + KOKEN_MS((uint64_t) * (const int *)koken_teg_arg(call));
    while (kn_now() < end) {
        kn_pause();
    }
    return 0;
}

Test(result, states_have_names)
{
    cr_assert_str_eq(koken_teg_state_name(KOKEN_TEG_PENDING), "Pending");
    cr_assert_str_eq(koken_teg_state_name(KOKEN_TEG_TIMED_OUT), "TimedOut");
    cr_assert_str_eq(koken_teg_state_name(KOKEN_TEG_STATE_COUNT_), "?");
}

/* efficiency = busy / (lanes * wall); the longest way is measured; waiting is from ready to begun. */
Test(result, numbers_are_as_defined)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = node_of(teg, NULL, spin, 4), b = node_of(teg, NULL, spin, 6),
                   c = node_of(teg, NULL, spin, 2);
    koken_teg_link(teg, a, b);
    struct koken_teg_run *run = run_of(stage, teg);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_geq(m.busy_ns, KOKEN_MS(12));
    cr_assert_geq(m.wall_ns, m.busy_ns);
    cr_assert_geq(m.critical_path_ns, KOKEN_MS(10));
    cr_assert_leq(m.critical_path_ns, m.busy_ns);
    cr_assert_float_eq(m.parallelism_efficiency, (double)m.busy_ns / (double)m.wall_ns, 1e-9);
    cr_assert_float_eq(m.speedup, m.parallelism_efficiency, 1e-9);
    cr_assert_float_eq(m.ideal_speedup, (double)m.busy_ns / (double)m.critical_path_ns, 1e-9);
    cr_assert_float_eq(m.utilisation, m.speedup, 1e-9);
    cr_assert_eq(m.worker_count, 1);
    cr_assert_eq(m.total_work_stealing_events, 0);
    struct koken_teg_times ta = koken_teg_times(run, a), tb = koken_teg_times(run, b),
                           tc = koken_teg_times(run, c);
    cr_assert(ta.ready_ns <= ta.began_ns && ta.began_ns < ta.ended_ns);
    cr_assert_geq(tb.ready_ns, ta.ended_ns);
    cr_assert_geq(tc.began_ns, ta.ended_ns);
    cr_assert_eq(ta.attempts, 1);
    cr_assert_geq(m.avg_queue_wait_ns, KOKEN_MS(1)); /* c waited */
    cr_assert_eq(koken_teg_graph(run), (const struct koken_teg *)teg);
    leave(stage, teg, run);
}

static kn_atomic(uint32_t) gate;

static int stay(struct koken_teg_call *call)
{
    (void)call;
    wait_for(&gate, 1);
    return 0;
}

Test(result, nothing_is_told_before_the_end)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = node_of(teg, NULL, stay, 0);
    struct koken_teg_run *run;
    struct koken_teg_metrics m;
    reset(&gate);
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert(koken_teg_value(run, a).is_missing);
    cr_assert_eq(koken_teg_metrics(run, &m), -EBUSY);
    cr_assert_eq(koken_teg_status(run), -EBUSY);
    (void)count(&gate);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_times(run, (koken_teg_node){7}).attempts, 0);
    leave(stage, teg, run);
}
