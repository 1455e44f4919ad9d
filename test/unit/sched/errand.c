/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that an errand runs once per post, and that one left over at the end is told so. */
#include "sched/errand.h"
#include "base/world.h"

#include <criterion/criterion.h>

struct item {
    struct kn_errand errand;
    kn_atomic(uint32_t) ran, left;
};

static void go(struct kn_errand *errand, struct kn_worker *worker)
{
    struct item *item = kn_container_of(errand, struct item, errand);
    (void)kn_add(worker ? &item->ran : &item->left, 1, release);
}

Test(errand, runs_or_is_told)
{
    struct kn_sched_config config = {.workers = 1};
    struct kn_sched *sched;
    static struct item items[64];
    (void)kn_world_init();
    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    for (int i = 0; i < 32; i++) {
        kn_errand_init(&items[i].errand, go);
        kn_errand_post(sched, &items[i].errand, KN_PRIO_NORMAL);
    }
    cr_assert(kn_sched_quiet(sched, kn_now() + UINT64_C(10000000000)));
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    for (int i = 32; i < 64; i++) {
        kn_errand_init(&items[i].errand, go);
        kn_errand_post(sched, &items[i].errand, KN_PRIO_NORMAL);
    }
    struct kn_runnable *run;
    while ((run = kn_sched_leftover(sched)) != NULL) {
        kn_errand_leftover(run);
    }
    struct kn_runnable no_errand = {NULL, NULL};
    kn_errand_leftover(&no_errand);
    kn_sched_free(sched);
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(kn_load(&items[i].ran, acquire), i < 32 ? 1 : 0);
        cr_assert_eq(kn_load(&items[i].left, acquire), i < 32 ? 0 : 1);
    }
}
