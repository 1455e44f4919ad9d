/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The explorer's own test: the standard litmus table, with exactly the outcomes that the model allows.
 * Load buffering is not among them: as RC11, it forbids cycles of program order and reads-from
 * (test/model/DESIGN.md says why that is right here).
 */
#include "test/model/lib/model.h"

#include <stdio.h>

static kn_atomic(uint32_t) x, y;
static int r[4], data;

static void setup(void)
{
    kn_atomic_init(&x, 0);
    kn_atomic_init(&y, 0);
    for (int i = 0; i < 4; i++) {
        r[i] = 0;
    }
    data = 0;
}

static void show1(void)
{
    kn_model_outcome("%d", r[0]);
}

static void show2(void)
{
    kn_model_outcome("%d%d", r[0], r[1]);
}

static void show3(void)
{
    kn_model_outcome("%d%d%d", r[0], r[1], r[2]);
}

static void show4(void)
{
    kn_model_outcome("%d%d%d%d", r[0], r[1], r[2], r[3]);
}

static void show_memory(void)
{
    kn_model_outcome("%d%d", (int)kn_load(&x, relaxed), (int)kn_load(&y, relaxed));
}

/* A thread of two accesses. */
#define PAIR(name, first, second)                                                                  \
    static void name(void)                                                                         \
    {                                                                                              \
        first;                                                                                     \
        second;                                                                                    \
    }
#define ST(v, n, mo) kn_store(&v, n, mo)
#define LD(i, v, mo) r[i] = (int)kn_load(&v, mo)

/* MP: message passing. */
PAIR(mp_w, ST(x, 1, relaxed), ST(y, 1, release))
PAIR(mp_w_rlx, ST(x, 1, relaxed), ST(y, 1, relaxed))
PAIR(mp_r, LD(0, y, acquire), LD(1, x, relaxed))
PAIR(mp_r_rlx, LD(0, y, relaxed), LD(1, x, relaxed))
static void mp_w_fence(void)
{
    ST(x, 1, relaxed);
    kn_fence_release();
    ST(y, 1, relaxed);
}
static void mp_r_fence(void)
{
    LD(0, y, relaxed);
    kn_fence_acquire();
    LD(1, x, relaxed);
}

/* SB: store buffering. */
PAIR(sb_a, ST(x, 1, release), LD(0, y, acquire))
PAIR(sb_b, ST(y, 1, release), LD(1, x, acquire))
PAIR(sb_a_sc, ST(x, 1, seq_cst), LD(0, y, seq_cst))
PAIR(sb_b_sc, ST(y, 1, seq_cst), LD(1, x, seq_cst))
static void sb_a_fence(void)
{
    ST(x, 1, relaxed);
    kn_fence_seq_cst();
    LD(0, y, relaxed);
}
static void sb_b_fence(void)
{
    ST(y, 1, relaxed);
    kn_fence_seq_cst();
    LD(1, x, relaxed);
}
PAIR(sb_a_swap, (void)kn_swap(&x, 1, acq_rel), LD(0, y, acquire))
PAIR(sb_b_swap, (void)kn_swap(&y, 1, acq_rel), LD(1, x, acquire))
PAIR(sb_a_swap_sc, (void)kn_swap(&x, 1, seq_cst), LD(0, y, seq_cst))
PAIR(sb_b_swap_sc, (void)kn_swap(&y, 1, seq_cst), LD(1, x, seq_cst))

/* LB: load buffering. */
PAIR(lb_a, LD(0, x, relaxed), ST(y, 1, relaxed))
PAIR(lb_b, LD(1, y, relaxed), ST(x, 1, relaxed))

/* Coherence. */
PAIR(co_w, ST(x, 1, relaxed), ST(x, 2, relaxed))
PAIR(co_r, LD(0, x, relaxed), LD(1, x, relaxed))
PAIR(corw, LD(0, x, relaxed), ST(x, 2, relaxed))
static void one_x(void)
{
    ST(x, 1, relaxed);
}

/* IRIW: do two readers agree on the order of two writers? */
static void x_rel(void)
{
    ST(x, 1, release);
}
static void y_rel(void)
{
    ST(y, 1, release);
}
static void x_sc(void)
{
    ST(x, 1, seq_cst);
}
static void y_sc(void)
{
    ST(y, 1, seq_cst);
}
PAIR(iriw_a, LD(0, x, acquire), LD(1, y, acquire))
PAIR(iriw_b, LD(2, y, acquire), LD(3, x, acquire))
PAIR(iriw_a_sc, LD(0, x, seq_cst), LD(1, y, seq_cst))
PAIR(iriw_b_sc, LD(2, y, seq_cst), LD(3, x, seq_cst))

/* 2+2W: two writers of two locations. */
PAIR(ww_a, ST(x, 1, release), ST(y, 2, release))
PAIR(ww_b, ST(y, 1, release), ST(x, 2, release))
PAIR(ww_a_sc, ST(x, 1, seq_cst), ST(y, 2, seq_cst))
PAIR(ww_b_sc, ST(y, 1, seq_cst), ST(x, 2, seq_cst))

/* WRC: write to read causality. */
static void wrc_b(void)
{
    LD(0, x, acquire);
    if (r[0]) {
        ST(y, 1, release);
    }
}
static void wrc_b_rlx(void)
{
    LD(0, x, relaxed);
    if (r[0]) {
        ST(y, 1, relaxed);
    }
}
PAIR(wrc_c, LD(1, y, acquire), LD(2, x, relaxed))

/* ISA2: over three locations; data is the first. */
static kn_atomic(uint32_t) z;
static void isa2_setup(void)
{
    setup();
    kn_atomic_init(&z, 0);
}
PAIR(isa2_a, ST(z, 1, relaxed), ST(x, 1, release))
PAIR(isa2_b, LD(0, x, acquire), ST(y, 1, release))
PAIR(isa2_c, LD(1, y, acquire), LD(2, z, relaxed))
PAIR(isa2_b_rlx, LD(0, x, relaxed), ST(y, 1, relaxed))

/* Release sequences: through another's read-modify-write, not through another's or one's own store. */
static void rs_add(void)
{
    (void)kn_add(&y, 2, relaxed);
}
static void rs_read(void)
{
    LD(0, y, acquire);
    LD(1, x, relaxed);
}
static void rs_own(void)
{
    ST(x, 1, relaxed);
    ST(y, 1, release);
    ST(y, 2, relaxed);
}
static void rs_other(void)
{
    ST(y, 2, relaxed);
}

/* Plain data: no race where it is ordered; exactly one of two swaps finds 0. */
static void data_w(void)
{
    data = 1;
    ST(y, 1, release);
}
static void data_r(void)
{
    if (kn_load(&y, acquire)) {
        r[0] = data;
    }
}
static void swap_a(void)
{
    r[0] = (int)kn_swap(&x, 1, relaxed);
}
static void swap_b(void)
{
    r[1] = (int)kn_swap(&x, 1, relaxed);
}
static void cas_a(void)
{
    uint32_t expected = 0;
    r[0] = kn_cas_strong(&x, &expected, 1, relaxed, relaxed);
}
static void cas_b(void)
{
    uint32_t expected = 0;
    r[1] = kn_cas_strong(&x, &expected, 1, relaxed, relaxed);
}

#define ALL4 /* what four independent bits can be, less the disagreement 1010 */                   \
    "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111"

static const struct kn_scenario scenarios[] = {
    {"MP", setup, {mp_w, mp_r}, show2, "00 01 11"},
    {"MP, relaxed store", setup, {mp_w_rlx, mp_r}, show2, "00 01 10 11"},
    {"MP, relaxed load", setup, {mp_w, mp_r_rlx}, show2, "00 01 10 11"},
    {"MP, fences", setup, {mp_w_fence, mp_r_fence}, show2, "00 01 11"},
    {"MP, one fence", setup, {mp_w_fence, mp_r_rlx}, show2, "00 01 10 11"},
    {"SB", setup, {sb_a, sb_b}, show2, "00 01 10 11"},
    {"SB, seq_cst", setup, {sb_a_sc, sb_b_sc}, show2, "01 10 11"},
    {"SB, one seq_cst", setup, {sb_a_sc, sb_b}, show2, "00 01 10 11"},
    {"SB, fences", setup, {sb_a_fence, sb_b_fence}, show2, "01 10 11"},
    {"SB, one fence", setup, {sb_a_fence, sb_b}, show2, "00 01 10 11"},
    {"SB, fence and seq_cst", setup, {sb_a_fence, sb_b_sc}, show2, "01 10 11"},
    {"SB, exchange", setup, {sb_a_swap, sb_b_swap}, show2, "00 01 10 11"},
    {"SB, exchange seq_cst", setup, {sb_a_swap_sc, sb_b_swap_sc}, show2, "01 10 11"},
    {"LB (forbidden here)", setup, {lb_a, lb_b}, show2, "00 01 10"},
    {"CoRR", setup, {co_w, co_r}, show2, "00 01 02 11 12 22"},
    {"CoWW", setup, {co_w}, show_memory, "20"},
    {"CoRW", setup, {corw, one_x}, show1, "0 1"},
    {"IRIW",
     setup,
     {x_rel, y_rel, iriw_a, iriw_b},
     show4,
     "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111"},
    {"IRIW, seq_cst", setup, {x_sc, y_sc, iriw_a_sc, iriw_b_sc}, show4, ALL4},
    {"2+2W", setup, {ww_a, ww_b}, show_memory, "11 12 21 22"},
    {"2+2W, seq_cst", setup, {ww_a_sc, ww_b_sc}, show_memory, "12 21 22"},
    {"WRC", setup, {one_x, wrc_b, wrc_c}, show3, "000 001 100 101 111"},
    {"WRC, relaxed", setup, {one_x, wrc_b_rlx, wrc_c}, show3, "000 001 100 101 110 111"},
    {"ISA2", isa2_setup, {isa2_a, isa2_b, isa2_c}, show3, "000 001 010 011 100 101 111"},
    {"ISA2, relaxed",
     isa2_setup,
     {isa2_a, isa2_b_rlx, isa2_c},
     show3,
     "000 001 010 011 100 101 110 111"},
    {"release sequence", setup, {mp_w, rs_add, rs_read}, show2, "00 01 11 20 21 31"},
    {"release sequence, own store", setup, {rs_own, rs_read}, show2, "00 01 11 20 21"},
    {"release sequence, other's store", setup, {mp_w, rs_other, rs_read}, show2, "00 01 11 20 21"},
    {"plain data", setup, {data_w, data_r}, show1, "0 1"},
    {"two swaps", setup, {swap_a, swap_b}, show2, "01 10"},
    {"two compare and swaps", setup, {cas_a, cas_b}, show2, "01 10"},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
