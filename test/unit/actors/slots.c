/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: names are unique and never 0, a stale handle reaches nobody however often its slot is used again
 * (T037, P4), forged handles are harmless, slots are used again, chunks stand on shelves when
 * there are many, and an idle agent costs 256 bytes at most.
 */
#include "actors/slots.h"
#include "test/support/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

KOKEN_EVENT(hello);
KOKEN_EVENT(bye);

struct mayfly {
    uint32_t hellos;
};

static int on_hello(koken_ctx *ctx, struct mayfly *self, const struct hello *msg)
{
    (void)ctx, (void)msg;
    self->hellos++;
    return 0;
}

static int on_bye(koken_ctx *ctx, struct mayfly *self, const struct bye *msg)
{
    (void)ctx, (void)msg;
    expect(self->hellos == 0); /* nobody's greeting came here that was meant for another */
    return KOKEN_STOP;
}

KOKEN_AGENT(mayfly, struct mayfly, KOKEN_ON(hello, on_hello), KOKEN_ON(bye, on_bye));

/* Slots come back; the old names never reach the new tenants. */
Test(slots, stale_handles_reach_nobody, .timeout = 120)
{
    enum { ROUNDS = 20, EACH = 500 * SCALE };
    struct koken *rt = start(2);
    koken_ref *old = malloc(EACH * sizeof *old), *new = malloc(EACH * sizeof *new);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            new[i] = koken_spawn(rt, mayfly);
            cr_assert(!koken_is_nobody(new[i]));
            cr_assert(round == 0 || !koken_ref_equal(new[i], old[i]));
        }
        for (int i = 0; i < EACH && round > 0; i++) {
            cr_assert_eq(koken_signal(old[i], hello), -ESRCH);
        }
        for (int i = 0; i < EACH; i++) {
            cr_assert_eq(koken_signal(new[i], bye), 0);
        }
        drain(rt);
        koken_ref *swap = old;
        old = new;
        new = swap;
    }
    check_balance(rt, 0);
    cr_assert_eq(metrics(rt).exited, (uint64_t)ROUNDS * EACH);
    free(old);
    free(new);
    stop(rt);
}

/* Whatever number is in a handle, it is looked up safely. */
Test(slots, forged_handles_are_harmless)
{
    struct koken *rt = start(1);
    uint64_t state = kn_random_seed(1);
    koken_ref real = koken_spawn(rt, mayfly);
    for (int i = 0; i < 100000; i++) {
        koken_ref forged = {kn_random(&state)};
        cr_assert_eq(koken_signal(forged, hello), -ESRCH);
        koken_ref near = {real.id + ((uint64_t)(1 + i) << 32)};
        cr_assert_eq(koken_signal(near, hello), -ESRCH);
    }
    cr_assert_eq(koken_signal((koken_ref){UINT64_MAX}, hello), -ESRCH);
    for (uint64_t i = 0; i < KN_CHUNK_SLOTS;
         i++) { /* generation 0: also slots that nobody had yet */
        koken_ref unborn = {(real.id & ~(uint64_t)(KN_CHUNK_SLOTS - 1) & UINT32_MAX) | i};
        cr_assert_eq(koken_signal(unborn, hello), -ESRCH, "slot %u", (unsigned)i);
    }
    drain(rt);
    cr_assert_eq(metrics(rt).received, 0u);
    stop(rt);
}

static uint64_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert_not_null(f);
    cr_assert_eq(fscanf(f, "%lu %lu", &size, &resident), 2);
    fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Many alive at once: 256 bytes each, all found in their slots; then all end. */
Test(slots, idle_agents_are_small, .timeout = 120)
{
    enum { AGENTS = 100000 * SCALE };
    struct koken *rt = start(1);
    koken_ref *who = malloc(AGENTS * sizeof *who);
    for (int i = 0; i < AGENTS; i++) {
        who[i] = KOKEN_NOBODY;
    }
    uint64_t before = resident_bytes();
    for (int i = 0; i < AGENTS; i++) {
        who[i] = koken_spawn(rt, mayfly);
    }
    uint64_t each = (resident_bytes() - before) / AGENTS;
    for (int i = 0; i < AGENTS; i++) {
        cr_assert(koken_alive(who[i]));
    }
#if !defined(KN_ASAN) && !defined(KN_TSAN) && !defined(KN_MSAN)
    cr_assert_leq(each, 256u, "%llu bytes", (unsigned long long)each);
#else
    (void)each;
#endif
    free(who);
    stop(rt);
}

/* Enough for shelves, on two rounds of the directory's numbers: all are reached, all end, all memory goes. */
Test(slots, so_many_that_they_stand_on_shelves, .timeout = 240)
{
    enum { MANY = (KN_CHUNKS_SINGLE + 24) * KN_CHUNK_SLOTS };
    koken_ref *all = malloc(MANY * sizeof *all);
    cr_assert(all != NULL);
    for (int round = 0; round < 2; round++) {
        struct koken *rt = start(1);
        for (uint32_t i = 0; i < MANY; i++) {
            all[i] = koken_spawn(rt, mayfly);
            cr_assert(!koken_is_nobody(all[i]));
        }
        cr_assert(rt->shelves[0] != NULL);
        for (uint32_t i = 0; i < MANY; i++) {
            cr_assert_eq(koken_signal(all[i], bye), 0);
        }
        check_balance(rt, 0);
        cr_assert_eq(metrics(rt).exited, (uint64_t)MANY);
        stop(rt);
        cr_assert_eq(koken_signal(all[MANY - 1], hello), -ESRCH);
    }
    free(all);
}
