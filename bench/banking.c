/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banking: 1000 accounts, 50 000 transfers. A source account subtracts, sends a debit to the
 * destination and stashes everything until the reply has come, then tells the collector and goes
 * through its stash, message by message. Source is always below destination, so no cycle can wait for itself. The sum
 * of all balances must not change. Figure: milliseconds.
 *
 * The waiting state is a second behaviour (koken_become) that stashes credits and debits. The
 * teller and the tokens to the collector flow under the mailboxes' default bounds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>

enum { ACCOUNTS = 1000, SOURCES = 800, START_CENTS = 1000000000 };

KOKEN_MESSAGE(bank_credit, {
    uint64_t cents;
    koken_ref destination;
});
KOKEN_MESSAGE(bank_debit, {
    uint64_t cents;
    koken_ref source;
});
KOKEN_EVENT(bank_done);
KOKEN_EVENT(bank_balance);
KOKEN_MESSAGE(bank_is, { uint64_t cents; });

struct account {
    uint64_t cents;
    struct bench_flow flow; /* to the collector */
};

static int on_credit(koken_ctx *ctx, struct account *self, const struct bank_credit *msg);
static int on_debit(koken_ctx *ctx, struct account *self, const struct bank_debit *msg);
static int on_done(koken_ctx *ctx, struct account *self, const struct bank_done *msg);
static int on_writable(koken_ctx *ctx, struct account *self, const struct koken_writable *msg);
static int on_balance(koken_ctx *ctx, struct account *self, const struct bank_balance *msg);

static int put_off_credit(koken_ctx *ctx, struct account *self, const struct bank_credit *msg)
{
    (void)self;
    (void)msg;
    return koken_stash(ctx);
}

static int put_off_debit(koken_ctx *ctx, struct account *self, const struct bank_debit *msg)
{
    (void)self;
    (void)msg;
    return koken_stash(ctx);
}

KOKEN_AGENT(account, struct account, KOKEN_ON(bank_credit, on_credit),
            KOKEN_ON(bank_debit, on_debit), KOKEN_ON(koken_writable, on_writable),
            KOKEN_ON(bank_balance, on_balance));
KOKEN_BEHAVIOUR(waiting, struct account, KOKEN_ON(bank_credit, put_off_credit),
                KOKEN_ON(bank_debit, put_off_debit), KOKEN_ON(bank_done, on_done),
                KOKEN_ON(koken_writable, on_writable));

static int on_credit(koken_ctx *ctx, struct account *self, const struct bank_credit *msg)
{
    self->cents -= msg->cents;
    int rc =
        koken_signal(msg->destination, bank_debit, .cents = msg->cents, .source = koken_self(ctx));
    return rc < 0 ? rc : koken_become(ctx, waiting);
}

static int on_debit(koken_ctx *ctx, struct account *self, const struct bank_debit *msg)
{
    self->cents += msg->cents;
    (void)koken_unstash_one(ctx); /* a credit will keep it waiting, a debit not */
    return koken_signal(msg->source, bank_done);
}

static int on_done(koken_ctx *ctx, struct account *self, const struct bank_done *msg)
{
    (void)msg;
    int rc = bench_flow_send(ctx, &self->flow, 1);
    if (rc == 0) {
        rc = koken_become(ctx, account);
    }
    (void)koken_unstash_one(ctx);
    return rc;
}

static int on_writable(koken_ctx *ctx, struct account *self, const struct koken_writable *msg)
{
    (void)msg;
    return bench_flow_resume(ctx, &self->flow, 1);
}

static int on_balance(koken_ctx *ctx, struct account *self, const struct bank_balance *msg)
{
    (void)msg;
    return koken_reply(ctx, bank_is, .cents = self->cents);
}

struct teller {
    const koken_ref *accounts;
    uint64_t random;
    uint64_t left;
    struct bank_credit next; /* the transfer that was refused */
    koken_ref next_to;
};

static void draw(struct teller *self)
{
    uint64_t source = bench_random(&self->random) % SOURCES;
    uint64_t distance = bench_random(&self->random) % (ACCOUNTS - source);
    self->next_to = self->accounts[source];
    self->next.destination = self->accounts[source + (distance == 0 ? 1 : distance)];
    self->next.cents = bench_random(&self->random);
}

static int transfer(koken_ctx *ctx, struct teller *self)
{
    while (self->left > 0) {
        if (koken_is_nobody(self->next_to)) {
            draw(self);
        }
        int rc = koken_send(self->next_to, bank_credit, &self->next);
        if (rc == -EAGAIN) {
            return koken_notify_writable(ctx, self->next_to);
        }
        if (rc < 0) {
            return rc;
        }
        self->next_to = KOKEN_NOBODY;
        self->left--;
    }
    return KOKEN_STOP;
}

static int on_room(koken_ctx *ctx, struct teller *self, const struct koken_writable *msg)
{
    (void)msg;
    return transfer(ctx, self);
}

static int on_open(koken_ctx *ctx, struct teller *self, const struct bench_go *msg)
{
    self->left = msg->n;
    return transfer(ctx, self);
}

KOKEN_AGENT(teller, struct teller, KOKEN_ON(bench_go, on_open), KOKEN_ON(koken_writable, on_room));

static int check_balances(struct bench_run *run, struct koken *rt, const koken_ref *accounts)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct bank_is balance;
        int rc = koken_await(rt, accounts[i], KOKEN_S(10), &balance, bank_balance);
        if (rc < 0) {
            return bench_error(run, "balance of an account", rc);
        }
        sum += balance.cents;
    }
    return bench_check(run, "sum of balances", (uint64_t)ACCOUNTS * START_CENTS, sum);
}

int bench_banking(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 50000);
    koken_ref accounts[ACCOUNTS];
    struct bench_done done;
    uint64_t start_ns = koken_now();
    koken_ref collector = bench_spawn_collector(rt);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        struct account state = {.cents = START_CENTS, .flow = {.to = collector}};
        accounts[i] = koken_spawn(rt, account, .arg = &state);
    }
    struct teller state = {.accounts = accounts, .random = 12345};
    rc = bench_ask(run, rt, collector, n, koken_spawn(rt, teller, .arg = &state), &done);
    if (rc == 0) {
        rc = bench_check(run, "transfers", n, done.value);
    }
    if (rc == 0) {
        rc = check_balances(run, rt, accounts);
    }
    if (rc == 0) {
        bench_report(run, "banking", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
