/* SPDX-License-Identifier: Apache-2.0 */
/*
 * concdict: 20 workers send 10 000 requests each to one dictionary agent, one in ten a write; each
 * waits for the answer. A read must give 0 or the key itself, which is all that is ever written.
 * Figure: milliseconds. The dictionary is an open-addressed table for 65 536 keys, as in the driver
 * of Pony.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { CLIENTS = 20, KEYS = 65536 };

KOKEN_MESSAGE(dict_write, {
    uint64_t key;
    uint64_t value;
});
KOKEN_MESSAGE(dict_read, { uint64_t key; });
KOKEN_MESSAGE(dict_value, { uint64_t value; });

struct dict {
    uint64_t *table;
};

static int on_write(koken_ctx *ctx, struct dict *self, const struct dict_write *msg)
{
    self->table[msg->key] = msg->value;
    return koken_signal(koken_sender(ctx), dict_value, .value = msg->value);
}

static int on_read(koken_ctx *ctx, struct dict *self, const struct dict_read *msg)
{
    return koken_signal(koken_sender(ctx), dict_value, .value = self->table[msg->key]);
}

KOKEN_AGENT(dict, struct dict, KOKEN_ON(dict_write, on_write), KOKEN_ON(dict_read, on_read));

struct client {
    koken_ref dict;
    koken_ref sink;
    uint64_t random;
    uint64_t left;
    uint64_t key; /* asked for last */
};

static int ask(struct client *self)
{
    if (self->left == 0) {
        return koken_signal(self->sink, bench_tok, .value = 1);
    }
    self->left--;
    bool is_write = bench_random(&self->random) % 100 < 10;
    self->key = bench_random(&self->random);
    return is_write ? koken_signal(self->dict, dict_write, .key = self->key, .value = self->key)
                    : koken_signal(self->dict, dict_read, .key = self->key);
}

static int on_go(koken_ctx *ctx, struct client *self, const struct bench_go *msg)
{
    (void)ctx;
    self->left = msg->n;
    return ask(self);
}

static int on_value(koken_ctx *ctx, struct client *self, const struct dict_value *msg)
{
    (void)ctx;
    if (msg->value != 0 && msg->value != self->key) {
        return -EPROTO;
    }
    return ask(self);
}

KOKEN_AGENT(client, struct client, KOKEN_ON(bench_go, on_go), KOKEN_ON(dict_value, on_value));

int bench_concdict(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct dict dict_state = {calloc(KEYS, sizeof(uint64_t))};
    if (dict_state.table == NULL) {
        return bench_end(run, rt, bench_error(run, "table", -ENOMEM));
    }
    uint64_t n = bench_size(run, 10000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    koken_ref sink = bench_spawn_collector(rt);
    koken_ref dict_ref = koken_spawn(rt, dict, .arg = &dict_state);
    for (uint64_t i = 0; rc == 0 && i < CLIENTS; i++) {
        struct client state = {.dict = dict_ref, .sink = sink, .random = i + 10000 + 10};
        rc = koken_signal(koken_spawn(rt, client, .arg = &state), bench_go, .n = n);
    }
    if (rc == 0) {
        rc = bench_ask(run, rt, sink, CLIENTS, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "clients done", CLIENTS, done.value);
    }
    if (rc == 0) {
        bench_report(run, "concdict", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    rc = bench_end(run, rt, rc);
    free(dict_state.table);
    return rc;
}
