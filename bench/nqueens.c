/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nqueens: all solutions for 12 queens; agents down to row 4, plain recursion below. 14 200
 * solutions. Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <stdlib.h>

enum { SIZE = 12, AGENT_ROWS = 4 };

KOKEN_MESSAGE(nq_board, {
    int8_t queen[SIZE];
    int8_t row;
});
KOKEN_MESSAGE(nq_sum, { uint64_t sum; });

struct nq {
    koken_ref parent;
    koken_claim claim; /* of the root only */
    uint64_t sum;
    uint32_t waiting;
};

static int on_board(koken_ctx *ctx, struct nq *self, const struct nq_board *msg);
static int on_sum(koken_ctx *ctx, struct nq *self, const struct nq_sum *msg);
static int on_go(koken_ctx *ctx, struct nq *self, const struct bench_go *msg);

KOKEN_AGENT(nq, struct nq, KOKEN_ON(nq_board, on_board), KOKEN_ON(nq_sum, on_sum),
            KOKEN_ON(bench_go, on_go));

static bool is_safe(const int8_t *queen, int row, int column)
{
    for (int i = 0; i < row; i++) {
        int distance = queen[i] - column;
        if (distance == 0 || abs(distance) == row - i) {
            return false;
        }
    }
    return true;
}

/* Depth is bounded by SIZE. */
static uint64_t solve(int8_t *queen, int row)
{
    if (row == SIZE) {
        return 1;
    }
    uint64_t sum = 0;
    for (int column = 0; column < SIZE; column++) {
        if (is_safe(queen, row, column)) {
            queen[row] = (int8_t)column;
            sum += solve(queen, row + 1);
        }
    }
    return sum;
}

static int answer(struct nq *self, uint64_t sum)
{
    int rc = self->claim.number != 0 ? bench_answer(self->claim, sum)
                                     : koken_signal(self->parent, nq_sum, .sum = sum);
    return rc < 0 ? rc : KOKEN_STOP;
}

static int split(koken_ctx *ctx, struct nq *self, const struct nq_board *board)
{
    struct nq_board next = *board;
    next.row++;
    for (int column = 0; column < SIZE; column++) {
        if (!is_safe(board->queen, board->row, column)) {
            continue;
        }
        koken_ref child;
        next.queen[board->row] = (int8_t)column;
        int rc = koken_try_spawn(ctx, &child, nq);
        if (rc == 0) {
            rc = koken_send(child, nq_board, &next);
        }
        if (rc < 0) {
            return rc;
        }
        self->waiting++;
    }
    return self->waiting == 0 ? answer(self, 0) : 0;
}

static int on_board(koken_ctx *ctx, struct nq *self, const struct nq_board *msg)
{
    self->parent = koken_sender(ctx);
    if (msg->row < AGENT_ROWS) {
        return split(ctx, self, msg);
    }
    struct nq_board board = *msg;
    return answer(self, solve(board.queen, board.row));
}

static int on_go(koken_ctx *ctx, struct nq *self, const struct bench_go *msg)
{
    (void)msg;
    self->claim = koken_defer(ctx);
    return split(ctx, self, &(struct nq_board){.row = 0});
}

static int on_sum(koken_ctx *ctx, struct nq *self, const struct nq_sum *msg)
{
    (void)ctx;
    self->sum += msg->sum;
    self->waiting--;
    return self->waiting > 0 ? 0 : answer(self, self->sum);
}

int bench_nqueens(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, nq), SIZE, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "solutions", 14200, done.value);
    }
    if (rc == 0) {
        bench_report(run, "nqueens", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
