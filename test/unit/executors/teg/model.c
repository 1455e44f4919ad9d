/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: T10 history changes predictions, averages and variances as defined, files with a version that are
 * refused when they are damaged, and T22 that a skewed graph is run well after it has been learnt.
 */
#include "executors/teg/graph.h"
#include "test/support/teg.h"

#include <koken/teg_learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct koken_teg_prediction predict(struct koken_teg_model *model, const char *tag)
{
    struct koken_teg_prediction prediction;
    koken_teg_model_predict(model, KOKEN_TEG_PERFORM, tag, NULL, 100, &prediction);
    return prediction;
}

static void learn(struct koken_teg_model *model, const char *tag, uint64_t ns)
{
    cr_assert_eq(koken_teg_model_learn(model, KOKEN_TEG_PERFORM, tag, NULL, 100, ns), 0);
}

/* T10: a cost of 100, a history of 150 and 200: not 100 any more. */
Test(model, t10_history_changes_predictions)
{
    struct koken_teg_model *model = koken_teg_model_new();
    cr_assert_float_eq(predict(model, "x").predicted_ns, 100, 1e-9);
    learn(model, "x", 150);
    learn(model, "x", 200);
    cr_assert_neq(predict(model, "x").predicted_ns, 100);
    cr_assert_eq(predict(model, "x").samples, 2);
    learn(model, "x", 200);
    /* 150, then + 50/4, then + 37.5/4 */
    cr_assert_float_eq(predict(model, "x").predicted_ns, 171.875, 1e-9);
    cr_assert_float_eq(predict(model, "x").mean_ns, 171.875, 1e-9);
    double v1 = 0.75 * 0.25 * 50 * 50, v2 = 0.75 * (v1 + 0.25 * 37.5 * 37.5);
    cr_assert_float_eq(predict(model, "x").deviation_ns, sqrt(v2), 1e-9);
    cr_assert_eq(predict(model, "y").samples, 0);
    koken_teg_model_free(model);
    koken_teg_model_free(NULL);
}

/* Unknown effects cost what a unit of cost has cost so far. */
Test(model, units_are_calibrated)
{
    struct koken_teg_model *model = koken_teg_model_new();
    for (int i = 0; i < 10; i++) {
        learn(model, "x", 5000);
    }
    cr_assert_float_eq(predict(model, "unknown").predicted_ns, 5000, 1e-6);
    koken_teg_model_free(model);
}

/* ---- files ---- */

static char path[64];

static void make_path(void)
{
    (void)snprintf(path, sizeof path, "/tmp/koken-model-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    (void)close(fd);
}

static int load_text(const char *text)
{
    struct koken_teg_model *model = koken_teg_model_new();
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0);
    cr_assert_eq(fclose(file), 0);
    int rc = koken_teg_model_load(model, path);
    cr_assert(rc == 0 || predict(model, "x").samples == 0);
    koken_teg_model_free(model);
    return rc;
}

Test(model, is_kept_in_a_file)
{
    struct koken_teg_model *model = koken_teg_model_new(), *other = koken_teg_model_new();
    make_path();
    learn(model, "x y\n", 17);
    learn(model, "", 1000000);
    for (int i = 0; i < 5; i++) {
        learn(model, "x", 123456789 + (uint64_t)i);
    }
    cr_assert_eq(koken_teg_model_save(model, path), 0);
    learn(other, "x", 1);
    cr_assert_eq(koken_teg_model_load(other, path), 0);
    static const char *const tags[] = {"x", "x y\n", "", "z"};
    for (int i = 0; i < 4; i++) {
        struct koken_teg_prediction a = predict(model, tags[i]), b = predict(other, tags[i]);
        cr_assert_eq(a.samples, b.samples);
        cr_assert_float_eq(a.mean_ns, b.mean_ns, 0.0);
        cr_assert_float_eq(a.predicted_ns, b.predicted_ns, 0.0);
        cr_assert_float_eq(a.deviation_ns, b.deviation_ns, 0.0);
    }
    cr_assert_eq(koken_teg_model_load(other, "/no/such/file"), -ESRCH);
    cr_assert_eq(koken_teg_model_save(other, "/no/such/file"), -EPROTO);
    koken_teg_model_free(model);
    koken_teg_model_free(other);
    (void)unlink(path);
}

Test(model, damaged_files_are_refused)
{
    make_path();
    cr_assert_eq(load_text(""), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 2\n1\n"), -ENOTSUP);
    cr_assert_eq(load_text("koken-teg-model 10\n1\n"), -ENOTSUP);
    cr_assert_eq(load_text("koken-teg-model \n1\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-modal 1\n1\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\nnan\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n"), 0);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 1 1 307800\n"), 0);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 1 1 307800"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 1 1 3078zz\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 1 1 307\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 -1 1 307800\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 inf 1 307800\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 1 1 707800\n"), -EPROTO);
    cr_assert_eq(load_text("koken-teg-model 1\n1\n3 1 1 \n"), -EPROTO);
    (void)unlink(path);
}

/* ---- runs ---- */

static int spin_us(struct koken_teg_call *call)
{
    uint64_t end = kn_now() + KOKEN_US((uint64_t) * (const int *)koken_teg_arg(call));
    while (kn_now() < end) {
        kn_pause();
    }
    return 0;
}

static koken_teg_node job(struct koken_teg *teg, const char *tag, int us)
{
    return koken_teg_add(teg, &(struct koken_teg_effect){
                                  .run = spin_us, .tag = tag, .arg = &us, .arg_size = sizeof us});
}

static void first_two(void *arg, const struct koken_teg_run *run,
                      const struct koken_teg_event *event)
{
    uint32_t *numbers = arg;
    (void)run;
    if (event->state == KOKEN_TEG_EXECUTING && numbers[1] == 0) {
        numbers[numbers[0] != 0] = event->node.number;
    }
}

/* Whether the long one was first in the last of five runs, which began knowing nothing. */
static bool learns_the_order(void)
{
    struct koken_teg_config config = {.worker_count = 1, .adaptive_scheduling = true};
    struct stage stage = stage_with(1, &config);
    struct koken_teg *teg = koken_teg_new();
    uint32_t numbers[2];
    struct koken_teg_options options = {.observe = first_two, .observe_arg = numbers};
    for (int i = 0; i < 20; i++) {
        (void)job(teg, "short", 10);
    }
    koken_teg_node longest = job(teg, "long", 300);
    for (int i = 0; i < 5; i++) {
        numbers[0] = numbers[1] = 0;
        struct koken_teg_run *run = run_with(stage, teg, &options);
        cr_assert(i > 0 || numbers[0] == 1); /* all look alike: by number */
        koken_teg_run_free(run);
    }
    leave(stage, teg, NULL);
    return numbers[0] == longest.number;
}

/* T22, the order of it: a long way of nodes that look like the others goes first once it is known. */
Test(model, t22_the_order_is_learnt)
{
    bool is_learnt = false;
    /* A short one that was held up looks long: then again. */
    for (int i = 0; i < 20 && !is_learnt; i++) {
        is_learnt = learns_the_order();
    }
    cr_assert(is_learnt);
}

/* A model may be shared, and outlives its executors; without adaptive_scheduling it is not touched. */
Test(model, executors_share_a_model)
{
    struct koken_teg_model *model = koken_teg_model_new();
    struct koken_teg_config config = {.adaptive_scheduling = true, .model = model},
                            plain = {.model = model};
    for (int i = 0; i < 3; i++) {
        struct stage stage = stage_with(1, i < 2 ? &config : &plain);
        struct koken_teg *teg = koken_teg_new();
        (void)job(teg, "x", 1);
        (void)job(teg, "x", 1);
        struct koken_teg_run *run = run_of(stage, teg);
        koken_teg_run_free(run);
        koken_teg_free(teg);
        cr_assert_eq(koken_stop(stage.rt, KOKEN_S(60)), 0);
    }
    cr_assert_eq(predict(model, "x").samples, 4);
    koken_teg_model_free(model);
}
