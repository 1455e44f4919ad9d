/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wavefront: a grid of 500 x 500 agents; each fires when its left and its upper neighbour have, and
 * tells the right and the lower one. The grid is built before the clock starts; the wave runs
 * through it four times. Figure: ns per firing.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { RUNS = 4, SLICE = 256 };

KOKEN_EVENT(wave_fire);

struct cell {
    koken_ref right; /* nobody at the border */
    koken_ref below;
    koken_ref end;    /* told by the last cell; nobody for the others */
    uint32_t needed;  /* neighbours that must fire first: 2, at a border 1 */
    uint32_t waiting; /* of them, in the present run */
};

static int on_fire(koken_ctx *ctx, struct cell *self, const struct wave_fire *msg)
{
    (void)ctx;
    (void)msg;
    self->waiting--;
    if (self->waiting > 0) {
        return 0;
    }
    self->waiting = self->needed;
    if (!koken_is_nobody(self->end)) {
        return koken_signal(self->end, bench_tok, .value = 1);
    }
    int rc = 0;
    if (!koken_is_nobody(self->right)) {
        rc = koken_signal(self->right, wave_fire);
    }
    if (rc == 0 && !koken_is_nobody(self->below)) {
        rc = koken_signal(self->below, wave_fire);
    }
    return rc;
}

KOKEN_AGENT(cell, struct cell, KOKEN_ON(wave_fire, on_fire));

struct grid {
    koken_claim claim;
    koken_ref *cells;
    uint64_t side;
    uint64_t made; /* from the last cell to the first, so that each knows its neighbours */
    uint64_t runs;
    uint64_t start_ns;
};

static int start_run(struct grid *self)
{
    return koken_signal(self->cells[0], wave_fire);
}

static int make_cell(koken_ctx *ctx, struct grid *self, uint64_t index)
{
    uint64_t row = index / self->side;
    uint64_t column = index % self->side;
    struct cell state = {.needed = row > 0 && column > 0 ? 2 : 1};
    state.waiting = state.needed;
    if (column + 1 < self->side) {
        state.right = self->cells[index + 1];
    }
    if (row + 1 < self->side) {
        state.below = self->cells[index + self->side];
    }
    if (index == self->side * self->side - 1) {
        state.end = koken_self(ctx);
    }
    return koken_try_spawn(ctx, &self->cells[index], cell, .arg = &state);
}

static int on_more(koken_ctx *ctx, struct grid *self, const struct bench_more *msg)
{
    (void)msg;
    uint64_t all = self->side * self->side;
    int rc = 0;
    for (int i = 0; rc == 0 && i < SLICE && self->made < all; i++) {
        self->made++;
        rc = make_cell(ctx, self, all - self->made);
    }
    if (rc < 0 || self->made < all) {
        return rc < 0 ? rc : koken_signal(koken_self(ctx), bench_more);
    }
    self->start_ns = koken_now();
    return start_run(self);
}

static int on_go(koken_ctx *ctx, struct grid *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->runs = msg->n;
    return on_more(ctx, self, NULL);
}

static int on_end(koken_ctx *ctx, struct grid *self, const struct bench_tok *msg)
{
    (void)ctx;
    self->runs -= msg->value;
    return self->runs > 0 ? start_run(self) : bench_answer(self->claim, self->start_ns);
}

KOKEN_AGENT(grid, struct grid, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_more, on_more),
            KOKEN_ON(bench_tok, on_end));

/* Each firing is one turn of one cell; the runtime's own count of messages tells whether all took
 * place. */
static int check_messages(struct bench_run *run, struct koken *rt, uint64_t side)
{
    struct koken_metrics metrics;
    int rc = bench_error(run, "drain", koken_drain(rt, KOKEN_S(10)));
    koken_metrics(rt, &metrics);
    uint64_t fires = RUNS * (2 * side * (side - 1) + 1);
    return rc < 0 ? rc : bench_check(run, "messages", 1, metrics.received >= fires ? 1 : 0);
}

int bench_wavefront(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t side = bench_size(run, 100) == 100 ? 500 : 50;
    struct bench_done done;
    struct grid state = {.side = side, .cells = calloc(side * side, sizeof(koken_ref))};
    if (state.cells == NULL) {
        return bench_end(run, rt, bench_error(run, "handles", -ENOMEM));
    }
    rc = bench_ask(run, rt, koken_spawn(rt, grid, .arg = &state), RUNS, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = check_messages(run, rt, side);
    }
    if (rc == 0) {
        double fires = (double)(RUNS * side * side);
        bench_report(run, "wavefront", (double)(done.end_ns - done.value) / fires, "ns/node");
    }
    rc = bench_end(run, rt, rc);
    free(state.cells);
    return rc;
}
