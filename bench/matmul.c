/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matmul: 1024 x 1024 matrices; 20 worker agents; a piece of the product larger than 128 x 128 is
 * cut into four and goes back to the master, who deals it out in turn. A[i][j] = i, B[i][j] = j, so
 * that every element of the product is known: 1024 i j. Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { WORKERS = 20, LEAF = 128 };

KOKEN_MESSAGE(mm_piece, {
    uint32_t row;
    uint32_t column;
    uint32_t size;
});
KOKEN_MESSAGE(mm_done, { uint64_t elements; });

struct matrices {
    double *a;
    double *b;
    double *product;
    uint32_t size;
};

struct worker {
    const struct matrices *m; /* the pieces are disjoint: no two workers write the same element */
    koken_ref master;
};

static void multiply(const struct matrices *m, const struct mm_piece *piece)
{
    for (uint32_t i = piece->row; i < piece->row + piece->size; i++) {
        double *out = &m->product[(size_t)i * m->size + piece->column];
        for (uint32_t k = 0; k < m->size; k++) {
            double left = m->a[(size_t)i * m->size + k];
            const double *right = &m->b[(size_t)k * m->size + piece->column];
            for (uint32_t j = 0; j < piece->size; j++) {
                out[j] += left * right[j];
            }
        }
    }
}

static int on_piece(koken_ctx *ctx, struct worker *self, const struct mm_piece *msg)
{
    (void)ctx;
    if (msg->size <= LEAF) {
        multiply(self->m, msg);
        return koken_signal(self->master, mm_done, .elements = (uint64_t)msg->size * msg->size);
    }
    uint32_t half = msg->size / 2;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < 4; i++) {
        rc = koken_signal(self->master, mm_piece, .row = msg->row + i / 2 * half,
                          .column = msg->column + i % 2 * half, .size = half);
    }
    return rc;
}

KOKEN_AGENT(worker, struct worker, KOKEN_ON(mm_piece, on_piece));

struct master {
    const struct matrices *m;
    koken_claim claim;
    koken_ref workers[WORKERS];
    uint32_t next;
    uint64_t done;
};

static int deal(koken_ctx *ctx, struct master *self, const struct mm_piece *msg)
{
    (void)ctx;
    koken_ref to = self->workers[self->next++ % WORKERS];
    return koken_send(to, mm_piece, msg);
}

static int on_go(koken_ctx *ctx, struct master *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    struct worker state = {self->m, koken_self(ctx)};
    for (unsigned i = 0; i < WORKERS; i++) {
        self->workers[i] = koken_spawn(ctx, worker, .arg = &state);
    }
    return deal(ctx, self, &(struct mm_piece){.size = (uint32_t)msg->n});
}

static int on_done(koken_ctx *ctx, struct master *self, const struct mm_done *msg)
{
    (void)ctx;
    self->done += msg->elements;
    uint64_t all = (uint64_t)self->m->size * self->m->size;
    return self->done == all ? bench_answer(self->claim, self->done) : 0;
}

KOKEN_AGENT(master, struct master, KOKEN_ON(bench_go, on_go), KOKEN_ON(mm_piece, deal),
            KOKEN_ON(mm_done, on_done));

static int fill(struct matrices *m)
{
    size_t elements = (size_t)m->size * m->size;
    m->a = malloc(elements * sizeof *m->a);
    m->b = malloc(elements * sizeof *m->b);
    m->product = calloc(elements, sizeof *m->product);
    if (m->a == NULL || m->b == NULL || m->product == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < elements; i++) {
        m->a[i] = (double)(i / m->size);
        m->b[i] = (double)(i % m->size);
    }
    return 0;
}

static uint64_t count_right(const struct matrices *m)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < (uint64_t)m->size * m->size; i++) {
        uint64_t expected = m->size * (i / m->size) * (i % m->size);
        right += (uint64_t)m->product[i] == expected ? 1 : 0;
    }
    return right;
}

int bench_matmul(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct matrices m = {.size = bench_size(run, 100) == 100 ? 1024 : 256};
    struct master state = {.m = &m};
    struct bench_done done;
    rc = bench_error(run, "matrices", fill(&m));
    uint64_t start_ns = koken_now();
    if (rc == 0) {
        rc =
            bench_ask(run, rt, koken_spawn(rt, master, .arg = &state), m.size, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "right elements", (uint64_t)m.size * m.size, count_right(&m));
    }
    if (rc == 0) {
        bench_report(run, "matmul", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    rc = bench_end(run, rt, rc);
    free(m.a);
    free(m.b);
    free(m.product);
    return rc;
}
