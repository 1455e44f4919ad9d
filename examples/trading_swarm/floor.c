/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring. A symbol belongs to the shard that its name hashes to, and a shard has a risk manager and
 * an execution agent: everything about a symbol goes one way, so the number of shards, like the
 * number of workers, changes who works side by side and not what comes out.
 *
 * Why nothing is ever lost and nothing is ever stuck: a feed has at most FEED_WINDOW ticks under
 * way, so each mailbox behind it can be given a bound that it never reaches (see mailbox_bound). If
 * one were reached all the same (a market of thousands of symbols: capacities end at
 * KOKEN_CAPACITY_MAX), its policy is PARK: the sender waits. Waiting cannot go in a circle:
 * messages flow from feed to ledger and gauge only, and the one that flows back, credit, goes to a
 * mailbox that holds all the credits there can be.
 *
 * Beside that flow there are a committee of officers, who vote on large orders, and a chief of risk,
 * who tells risks and officers by gossip what the limits are. An officer waits for nobody's mailbox,
 * and his own grows: he may be behind with what the others have decided.
 */
#include "floor.h"

#include "analyst.h"
#include "bulletin.h"
#include "execution.h"
#include "feed.h"
#include "gauge.h"
#include "ledger.h"
#include "random.h"
#include "risk.h"

#include <errno.h>
#include <stdlib.h>

#define CLOSE_WITHIN KOKEN_S(10)

static uint64_t hash_symbol(const char *symbol)
{
    uint64_t hash = 0;

    for (; *symbol != '\0'; symbol++) {
        hash = random_stream(hash, (unsigned char)*symbol);
    }
    return hash;
}

static uint32_t shard_of(const struct floor *floor, uint32_t symbol)
{
    return (uint32_t)(hash_symbol(floor->market->series[symbol].symbol) % floor->shard_count);
}

/* All that the windows of so many symbols may send: `each` messages for a tick, marks for a batch.
 */
static uint32_t mailbox_bound(const struct floor *floor, uint32_t symbol_count, uint32_t each)
{
    uint64_t marks = FEED_WINDOW / FEED_BATCH * STRATEGY_COUNT_;
    uint64_t bound = (symbol_count + 1) * (FEED_WINDOW * each + marks);

    if (floor->mailbox > 0) {
        return floor->mailbox;
    }
    return bound < KOKEN_CAPACITY_MAX ? (uint32_t)bound : KOKEN_CAPACITY_MAX;
}

static uint32_t symbols_of(const struct floor *floor, uint32_t shard)
{
    uint32_t count = 0;

    for (uint32_t symbol = 0; symbol < floor->market->count; symbol++) {
        count += shard_of(floor, symbol) == shard;
    }
    return count;
}

static int open_ledger(struct floor *floor)
{
    uint32_t symbol_count = (uint32_t)floor->market->count;
    struct ledger_plan plan = {
        .gauge = floor->gauge,
        .symbol_count = symbol_count,
        .desk_count = floor->shard_count,
        .capacity = mailbox_bound(floor, symbol_count, STRATEGY_COUNT_ * EXECUTION_PARTS),
        .ticks = floor->ticks,
        .capital = FLOOR_CAPITAL,
    };

    return ledger_open(floor->rt, &plan, &floor->ledger);
}

static int open_shard(struct floor *floor, uint32_t shard)
{
    uint32_t capacity = mailbox_bound(floor, symbols_of(floor, shard), STRATEGY_COUNT_);
    struct execution_plan execution = {.ledger = floor->ledger,
                                       .keeper = floor->keeper,
                                       .seed = floor->seed,
                                       .desk = shard,
                                       .capacity = capacity};
    struct risk_plan risk = {.symbol_count = (uint32_t)floor->market->count,
                             .terms = floor->terms,
                             .capacity = capacity,
                             .capital = FLOOR_CAPITAL};
    int rc = execution_open(floor->rt, &execution, &floor->executions[shard]);

    risk.execution = floor->executions[shard];
    for (unsigned i = 0; i < COMMITTEE_OFFICERS; i++) {
        risk.officers[i] = floor->officers[i];
    }
    return rc < 0 ? rc : risk_open(floor->rt, &risk, &floor->risks[shard]);
}

static int open_committee(struct floor *floor)
{
    struct committee_plan plan = {.terms = floor->terms, .capital = FLOOR_CAPITAL};
    int rc = 0;

    for (uint32_t i = 0; rc >= 0 && i < COMMITTEE_OFFICERS; i++) {
        plan.number = i;
        rc = committee_open(floor->rt, &plan, &floor->officers[i]);
    }
    return rc;
}

/* Takes the first desk's lease and gives it back: what it was good for must not be traded on. */
static int open_keeper(struct floor *floor)
{
    char name[KOKEN_LEASE_NAME_MAX];
    struct koken_lease lease = {.token = 0};
    int rc;

    execution_desk_name(0, name);
    floor->keeper = koken_lease_keeper(floor->rt);
    if (koken_is_nobody(floor->keeper)) {
        return -ENOMEM;
    }
    rc = koken_lease_acquire(floor->rt, floor->keeper, name, CLOSE_WITHIN, CLOSE_WITHIN, &lease);
    floor->spent_token = lease.token;
    return rc < 0 ? rc : koken_lease_end(floor->rt, floor->keeper, &lease);
}

/* The chief begins to tell at once. */
static int open_chief(struct floor *floor)
{
    struct bulletin_plan plan = {
        .members = floor->shard_count + COMMITTEE_OFFICERS,
        .terms = floor->terms,
        .seed = floor->seed,
    };
    struct koken_gossip_options how = {.seed = floor->seed | 1};
    koken_ref *members = calloc(plan.members, sizeof *members);
    int rc;

    if (members == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < plan.members; i++) {
        members[i] =
            i < floor->shard_count ? floor->risks[i] : floor->officers[i - floor->shard_count];
    }
    rc = koken_gossip_open(floor->rt, members, plan.members, &how, &floor->gossip);
    free(members);
    plan.group = floor->gossip;
    return rc < 0 ? rc : bulletin_open(floor->rt, &plan, &floor->chief);
}

static uint32_t count_terms(const struct market *market)
{
    uint32_t last = 0;

    for (size_t i = 0; i < market->count; i++) {
        uint32_t term = bulletin_term((uint32_t)market->series[i].count);

        last = term > last ? term : last;
    }
    return last + 1;
}

int floor_open(struct floor *floor, struct koken *rt, const struct market *market,
               const struct options *options)
{
    int rc;

    *floor = (struct floor){
        .rt = rt,
        .market = market,
        .ticks = (uint64_t)market_bars(market) * options->ticks,
        .seed = options->seed,
        .ticks_per_bar = options->ticks,
        .terms = count_terms(market),
        .shard_count = options->shards,
        .mailbox = options->mailbox,
        .risks = calloc(options->shards, sizeof(koken_ref)),
        .executions = calloc(options->shards, sizeof(koken_ref)),
    };
    if (floor->risks == NULL || floor->executions == NULL) {
        return -ENOMEM;
    }
    rc = gauge_open(rt, mailbox_bound(floor, (uint32_t)market->count, 1), &floor->gauge);
    rc = rc < 0 ? rc : open_ledger(floor);
    rc = rc < 0 ? rc : open_keeper(floor);
    rc = rc < 0 ? rc : open_committee(floor);
    for (uint32_t shard = 0; rc >= 0 && shard < floor->shard_count; shard++) {
        rc = open_shard(floor, shard);
    }
    return rc < 0 ? rc : open_chief(floor);
}

static int begin_symbol(struct floor *floor, uint32_t symbol)
{
    const struct series *series = &floor->market->series[symbol];
    struct analyst_plan analyst = {
        .risk = floor->risks[shard_of(floor, symbol)],
        .gauge = floor->gauge,
        .capacity = mailbox_bound(floor, 1, 1),
    };
    struct feed_plan feed = {
        .bar_count = (uint32_t)series->count,
        .seed = random_stream(floor->seed, hash_symbol(series->symbol)),
        .symbol = symbol,
        .ticks_per_bar = floor->ticks_per_bar,
    };

    for (unsigned kind = 0; kind < STRATEGY_COUNT_; kind++) {
        int rc;

        analyst.kind = (enum strategy_kind)kind;
        rc = analyst_open(floor->rt, &analyst, &feed.analysts[kind]);
        if (rc < 0) {
            return rc;
        }
    }
    return feed_open(floor->rt, &feed, series);
}

int floor_begin(struct floor *floor)
{
    int rc = 0;

    for (uint32_t symbol = 0; rc >= 0 && symbol < floor->market->count; symbol++) {
        rc = begin_symbol(floor, symbol);
    }
    return rc;
}

int floor_close(struct floor *floor)
{
    int rc = koken_exit(floor->keeper);

    for (uint32_t shard = 0; rc >= 0 && shard < floor->shard_count; shard++) {
        rc = koken_exit(floor->executions[shard]);
    }
    return rc < 0 ? rc : koken_drain(floor->rt, CLOSE_WITHIN);
}

void floor_free(struct floor *floor)
{
    free(floor->risks);
    free(floor->executions);
    *floor = (struct floor){0};
}
