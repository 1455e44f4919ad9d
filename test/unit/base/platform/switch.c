/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the contract of base/platform/switch.h on the architecture this is built for. */
#include "base/platform/switch.h"

#include <criterion/criterion.h>
#include <fenv.h>
#include <stdint.h>
#include <stdlib.h>

enum { STACK = 64 * 1024 };

struct context {
    void *self, *other;
    unsigned char *stack;
    int visits;
    int rounding[2];
    double sum;
};

static void open_context(struct context *c, void (*entry)(void *), size_t skew)
{
    *c = (struct context){.stack = malloc(STACK)};
    cr_assert_not_null(c->stack);
    c->other = kn_switch_prepare(c->stack + STACK - skew, entry, c);
}

static void visit_forever(void *arg)
{
    struct context *c = arg;
    for (;;) { /* ended by the test, which frees the stack */
        ++c->visits;
        kn_switch(&c->other, c->self);
    }
}

/* The argument arrives, and each switch continues where the last one left, on any stack alignment.
 */
Test(switch, goes_there_and_back)
{
    for (size_t skew = 0; skew < 16; ++skew) {
        struct context c;
        open_context(&c, visit_forever, skew);
        for (int i = 1; i <= 100; ++i) {
            kn_switch(&c.self, c.other);
            cr_assert_eq(c.visits, i);
        }
        free(c.stack);
    }
}

/* The callee runs on the new stack, and its frame is aligned as the ABI says. */
static void look_at_stack(void *arg)
{
    struct context *c = arg;
    _Alignas(16) volatile unsigned char here[16] = {0};
    c->visits = (uintptr_t)here % 16 == 0 && (uintptr_t)here > (uintptr_t)c->stack &&
                (uintptr_t)here < (uintptr_t)c->stack + STACK;
    kn_switch(&c->other, c->self);
    abort();
}

Test(switch, runs_aligned_on_the_given_stack)
{
    for (size_t skew = 0; skew < 16; ++skew) {
        struct context c;
        open_context(&c, look_at_stack, skew);
        kn_switch(&c.self, c.other);
        cr_assert_eq(c.visits, 1);
        free(c.stack);
    }
}

/* More live values than there are callee-saved registers, on both sides: none may change. */
static double spend_registers(struct context *c, unsigned seed, void **save, void **to)
{
    volatile unsigned v = seed;
    uint64_t a = v + 1, b = v + 2, d = v + 3, e = v + 4, f = v + 5, g = v + 6, h = v + 7, i = v + 8;
    double p = v + .5, q = v + 1.5, r = v + 2.5, s = v + 3.5;
    for (int n = 0; n < 50; ++n) {
        ++c->visits;
        kn_switch(save, *to);
        a += b, b += d, d += e, e += f, f += g, g += h, h += i, i += a;
        p += q, q += r, r += s, s += p;
    }
    return (double)(a ^ b ^ d ^ e ^ f ^ g ^ h ^ i) + p + q + r + s;
}

static double spend_registers_alone(unsigned seed)
{
    uint64_t a = seed + 1, b = seed + 2, d = seed + 3, e = seed + 4, f = seed + 5, g = seed + 6;
    uint64_t h = seed + 7, i = seed + 8;
    double p = seed + .5, q = seed + 1.5, r = seed + 2.5, s = seed + 3.5;
    for (int n = 0; n < 50; ++n) {
        a += b, b += d, d += e, e += f, f += g, g += h, h += i, i += a;
        p += q, q += r, r += s, s += p;
    }
    return (double)(a ^ b ^ d ^ e ^ f ^ g ^ h ^ i) + p + q + r + s;
}

static void spend_over_there(void *arg)
{
    struct context *c = arg;
    c->sum = spend_registers(c, 1000, &c->other, &c->self);
    kn_switch(&c->other, c->self);
    abort();
}

Test(switch, keeps_what_the_abi_says_a_callee_keeps)
{
    struct context c;
    open_context(&c, spend_over_there, 0);
    double here = spend_registers(&c, 7, &c.self, &c.other);
    kn_switch(&c.self, c.other);
    cr_assert_eq(c.visits, 100);
    cr_assert(here == spend_registers_alone(7));
    cr_assert(c.sum == spend_registers_alone(1000));
    free(c.stack);
}

/* The rounding mode belongs to the context: it neither leaks out nor is lost while away. */
static void round_upward(void *arg)
{
    struct context *c = arg;
    c->rounding[0] = fegetround();
    fesetround(FE_UPWARD);
    kn_switch(&c->other, c->self);
    c->rounding[1] = fegetround();
    kn_switch(&c->other, c->self);
    abort();
}

Test(switch, keeps_the_rounding_mode_of_each_context)
{
    struct context c;
    fesetround(FE_TOWARDZERO);
    open_context(&c, round_upward, 0);
    kn_switch(&c.self, c.other);
    cr_assert_eq(fegetround(), FE_TOWARDZERO);
    fesetround(FE_TONEAREST);
    kn_switch(&c.self, c.other);
    cr_assert_eq(fegetround(), FE_TONEAREST);
    cr_assert_eq(c.rounding[0], FE_TOWARDZERO); /* inherited from the thread that prepared it */
    cr_assert_eq(c.rounding[1], FE_UPWARD);
    free(c.stack);
}

/* The frame stays inside the bytes that the header promises. */
Test(switch, frame_fits_the_promise)
{
    unsigned char stack[2 * KN_SWITCH_FRAME];
    for (size_t i = 0; i < sizeof stack; ++i) {
        stack[i] = 0xa5;
    }
    unsigned char *sp = kn_switch_prepare(stack + sizeof stack, visit_forever, NULL);
    cr_assert(sp >= stack + KN_SWITCH_FRAME);
    for (unsigned char *p = stack; p < sp; ++p) {
        cr_assert_eq(*p, 0xa5);
    }
}
