/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ledger for all shards. An account gets its fills from one execution agent, hence in logical
 * time; fills of different accounts may mix as they like, since no account looks at another.
 *
 * Two kinds of waiting end here without anybody polling: a mark sends the feed its credit, and
 * main, which asked to be told of progress (struct watch), gets its answer when there is some: the
 * claim to it is kept.
 */
#include "ledger.h"

#include "messages.h"
#include "strategy.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS 200u /* how often at most the watcher is told */

struct ledger {
    struct ledger_plan plan;
    struct account *accounts; /* by symbol, then strategy */
    uint64_t ticks;           /* booked with all their consequences */
    uint64_t fills;
    struct koken_guard **guards; /* by desk */
    uint64_t refused;            /* fills, by their guard */
    uint64_t wake_at;            /* answer the watcher at so many ticks */
    koken_claim watcher;
};

static struct account *find_account(struct ledger *self, uint32_t symbol, uint32_t strategy)
{
    return &self->accounts[symbol * STRATEGY_COUNT_ + strategy];
}

static int on_fill(koken_ctx *ctx, struct ledger *self, const struct fill *fill)
{
    struct account *account = find_account(self, fill->symbol, fill->strategy);

    (void)ctx;
    if (koken_lease_guard(self->guards[fill->desk], fill->token) < 0) {
        self->refused++; /* who sent it has lost the desk since */
        return 0;
    }
    account_book(account, fill->tick, fill->shares, fill->price, fill->fee);
    if (!account_balances(account)) {
        return -EPROTO;
    }
    self->fills++;
    return koken_signal(self->plan.gauge, sample, .ns = koken_now() - fill->decided_at,
                        .kind = LATENCY_ORDER);
}

/* From now on fills of who had the desk before are refused. */
static int on_desk_taken(koken_ctx *ctx, struct ledger *self, const struct desk_taken *taken)
{
    (void)ctx;
    return koken_lease_guard(self->guards[taken->desk], taken->token);
}

/* Answers the watcher if there is one and it is time. */
static int tell_watcher(struct ledger *self)
{
    koken_claim watcher = self->watcher;

    if (watcher.number == 0 || self->ticks < self->wake_at) {
        return 0;
    }
    self->watcher = (koken_claim){0};
    return koken_answer(watcher, standing, .ticks = self->ticks, .fills = self->fills);
}

static int on_watch(koken_ctx *ctx, struct ledger *self, const struct watch *watch)
{
    uint64_t wake_at = watch->seen + self->plan.ticks / STEPS + 1;

    self->watcher = koken_defer(ctx);
    self->wake_at = wake_at < self->plan.ticks ? wake_at : self->plan.ticks;
    return tell_watcher(self);
}

static int on_mark(koken_ctx *ctx, struct ledger *self, const struct mark *mark)
{
    int rc = koken_signal(mark->feed, credit, .ticks = mark->ticks);

    (void)ctx;
    self->ticks += mark->ticks;
    return rc < 0 ? rc : tell_watcher(self);
}

static int on_question(koken_ctx *ctx, struct ledger *self, const struct account_question *question)
{
    if (question->symbol >= self->plan.symbol_count || question->strategy >= STRATEGY_COUNT_) {
        return -EINVAL;
    }
    return koken_reply(ctx, account_answer,
                       .account = *find_account(self, question->symbol, question->strategy));
}

static int on_guard_question(koken_ctx *ctx, struct ledger *self,
                             const struct guard_question *question)
{
    (void)question;
    return koken_reply(ctx, guard_answer, .refused = self->refused);
}

static int open_guards(struct ledger *self)
{
    int rc = 0;

    self->guards = calloc(self->plan.desk_count, sizeof *self->guards);
    if (self->guards == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; rc == 0 && i < self->plan.desk_count; i++) {
        rc = koken_guard_new(&self->guards[i]);
    }
    return rc;
}

static void free_all(struct ledger *self)
{
    for (uint32_t i = 0; self->guards != NULL && i < self->plan.desk_count; i++) {
        koken_guard_free(self->guards[i]);
    }
    free(self->guards);
    free(self->accounts);
}

/* What fails here has no exit. */
static int ledger_init(koken_ctx *ctx, struct ledger *self, const void *arg)
{
    size_t count;
    int rc;

    (void)ctx;
    self->plan = *(const struct ledger_plan *)arg;
    count = self->plan.symbol_count * (size_t)STRATEGY_COUNT_;
    self->accounts = calloc(count, sizeof *self->accounts);
    for (size_t i = 0; self->accounts != NULL && i < count; i++) {
        self->accounts[i] = account_open(self->plan.capital);
    }
    rc = self->accounts == NULL ? -ENOMEM : open_guards(self);
    if (rc < 0) {
        free_all(self);
    }
    return rc;
}

static void ledger_exit(koken_ctx *ctx, struct ledger *self, int reason)
{
    (void)ctx;
    (void)reason;
    free_all(self);
}

KOKEN_AGENT(ledger, struct ledger, KOKEN_INIT(ledger_init), KOKEN_EXIT(ledger_exit),
            KOKEN_ON(fill, on_fill), KOKEN_ON(desk_taken, on_desk_taken), KOKEN_ON(mark, on_mark),
            KOKEN_ON(watch, on_watch), KOKEN_ON(account_question, on_question),
            KOKEN_ON(guard_question, on_guard_question));

int ledger_open(struct koken *rt, const struct ledger_plan *plan, koken_ref *ret_ledger)
{
    return koken_try_spawn(rt, ret_ledger, ledger, KOKEN_ARG(*plan), .capacity = plan->capacity,
                           .high = plan->capacity, .policy = KOKEN_POLICY_PARK);
}
