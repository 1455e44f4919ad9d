/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uct: an unbalanced tree (the suite's "unbalanced cobwebbed tree") of 172 751 agents. A node
 * computes for a while, draws whether it has ten children or none, and reports the size of its
 * subtree to its parent. What a node draws depends on its place only, so the same tree grows in any
 * order and its size is known by a plain recursion. Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum {
    ROOT_CHILDREN = 500,
    CHILDREN = 10,
    CHANCE = 59025, /* of 2^16, for "none": just enough for the tree to end */
    STEPS = 500     /* computed per node */
};

KOKEN_MESSAGE(uct_grow, { uint64_t place; });
KOKEN_MESSAGE(uct_size, { uint64_t size; });

struct node {
    koken_ref parent;
    koken_claim claim; /* of the root only */
    uint64_t size;
    uint32_t waiting;
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t child_place(uint64_t place, uint64_t i)
{
    return mix(place + (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* The computing is part of the draw, so it cannot be left out. */
static uint64_t count_children(uint64_t place)
{
    for (int i = 0; i < STEPS; i++) {
        place = mix(place);
    }
    return (place & 65535) < CHANCE ? 0 : CHILDREN;
}

static int on_grow(koken_ctx *ctx, struct node *self, const struct uct_grow *msg);
static int on_size(koken_ctx *ctx, struct node *self, const struct uct_size *msg);
static int on_go(koken_ctx *ctx, struct node *self, const struct bench_go *msg);

KOKEN_AGENT(node, struct node, KOKEN_ON(uct_grow, on_grow), KOKEN_ON(uct_size, on_size),
            KOKEN_ON(bench_go, on_go));

static int report(struct node *self)
{
    int rc = self->claim.number != 0 ? bench_answer(self->claim, self->size)
                                     : koken_signal(self->parent, uct_size, .size = self->size);
    return rc < 0 ? rc : KOKEN_STOP;
}

static int grow(koken_ctx *ctx, struct node *self, uint64_t place, uint64_t children)
{
    self->size = 1;
    self->waiting = (uint32_t)children;
    for (uint64_t i = 0; i < children; i++) {
        koken_ref child;
        int rc = koken_try_spawn(ctx, &child, node);
        if (rc == 0) {
            rc = koken_signal(child, uct_grow, .place = child_place(place, i));
        }
        if (rc < 0) {
            return rc;
        }
    }
    return children == 0 ? report(self) : 0;
}

static int on_grow(koken_ctx *ctx, struct node *self, const struct uct_grow *msg)
{
    self->parent = koken_sender(ctx);
    return grow(ctx, self, msg->place, count_children(msg->place));
}

static int on_go(koken_ctx *ctx, struct node *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    return grow(ctx, self, msg->n, ROOT_CHILDREN);
}

static int on_size(koken_ctx *ctx, struct node *self, const struct uct_size *msg)
{
    (void)ctx;
    self->size += msg->size;
    self->waiting--;
    return self->waiting > 0 ? 0 : report(self);
}

/* Depth is the tree's: 227 with this chance and root. */
static uint64_t plain_size(uint64_t place, uint64_t children)
{
    uint64_t size = 1;
    for (uint64_t i = 0; i < children; i++) {
        uint64_t child = child_place(place, i);
        size += plain_size(child, count_children(child));
    }
    return size;
}

int bench_uct(struct bench_run *run, unsigned arg)
{
    (void)arg;
    enum { PLACE = 2 };
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, node), PLACE, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "nodes", plain_size(PLACE, ROOT_CHILDREN), done.value);
    }
    if (rc == 0) {
        bench_report(run, "uct", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
