/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that the agents of the swarm say to each other, in the order in which it flows:
 *
 *     feed --tick--> analyst --order--> risk --ticket--> execution --fill--> ledger
 *       ^               `-----mark------> `-----mark------> `----mark------> |
 *       `-----------------------------credit---------------------------------'
 *
 *     chief --bulletin, by gossip--> risk, officers
 *     risk --large_order, for a quorum--> officers --opinion--> risk
 *
 * A symbol is its index in the market, a strategy an enum strategy_kind, `tick` the number of a
 * tick within its symbol: together they are the swarm's logical time, and every decision is a
 * function of it alone.
 */
#ifndef SWARM_MESSAGES_H
#define SWARM_MESSAGES_H

#include "account.h"

#include <koken.h>

/* The last tick of a bar; the last tick of a batch: its mark must follow. */
#define TICK_CLOSES_BAR (1u << 0)
#define TICK_ENDS_BATCH (1u << 1)

/* 32 bytes: with its envelope, one cache line. */
KOKEN_MESSAGE(tick, {
    uint64_t sent_at; /* koken_now() for one tick of each batch, else 0 */
    money price;
    uint32_t number;
    uint32_t bar;
    uint32_t symbol;
    uint32_t flags;
});

/*
 * "All I have to say about this batch of ticks is said." What follows it concerns later ticks only.
 */
KOKEN_MESSAGE(mark, {
    koken_ref feed; /* who is owed the credit */
    money price;    /* of the last tick of the batch */
    uint32_t tick;  /* the number of that tick */
    uint32_t symbol;
    uint32_t strategy;
    uint32_t ticks; /* how many were handled since the mark before */
});

/* An analyst wants its account to be long (1), short (-1) or flat (0). */
KOKEN_MESSAGE(order, {
    uint64_t decided_at;
    money price;
    uint32_t tick;
    uint32_t bar;
    uint32_t symbol;
    uint16_t strategy;
    int16_t target;
});

/* An order that risk let pass, with its size. */
KOKEN_MESSAGE(ticket, {
    uint64_t decided_at;
    money price;
    int64_t shares; /* bought, or sold if negative */
    uint32_t tick;
    uint32_t symbol;
    uint32_t strategy;
});

/* A part of a ticket, traded. */
KOKEN_MESSAGE(fill, {
    uint64_t decided_at;
    money price;
    money fee;
    int64_t shares;
    uint64_t token; /* of the lease of its desk */
    uint32_t tick;
    uint32_t symbol;
    uint32_t strategy;
    uint32_t desk;
});

/* From execution to the ledger, before its first fill: who has the desk now. */
KOKEN_MESSAGE(desk_taken, {
    uint64_t token;
    uint32_t desk;
});

/* From the chief to all who judge: how far a symbol may be exposed in that term of its bars. */
KOKEN_MESSAGE(bulletin, {
    uint32_t term;
    uint32_t percent; /* of an account's capital */
});

/* What risk asks the committee, and what each officer answers. */
KOKEN_MESSAGE(large_order, {
    money exposure; /* of the symbol, if it is traded */
    uint32_t bar;
});
KOKEN_MESSAGE(opinion, { uint32_t is_yes; });

/* From the ledger to a feed: the consequences of so many ticks are booked, send as many more. */
KOKEN_MESSAGE(credit, { uint32_t ticks; });

/*
 * From main to the ledger: answer as soon as more than `seen` ticks are booked, and tell how many.
 */
KOKEN_MESSAGE(watch, { uint64_t seen; });
KOKEN_MESSAGE(standing, {
    uint64_t ticks;
    uint64_t fills;
});

/* From anywhere to the gauge: something took so long. */
enum latency_kind {
    LATENCY_TICK,  /* from the feed's send to the analyst's handler */
    LATENCY_ORDER, /* from the analyst's decision to the ledger's booking */
    LATENCY_COUNT_
};
KOKEN_MESSAGE(sample, {
    uint64_t ns;
    uint32_t kind;
});

/* Questions that main asks when the last tick is booked, and their answers. */
KOKEN_MESSAGE(account_question, {
    uint32_t symbol;
    uint32_t strategy;
});
KOKEN_MESSAGE(account_answer, { struct account account; });

KOKEN_EVENT(risk_question);
KOKEN_MESSAGE(risk_answer, {
    uint64_t orders;   /* all that came */
    uint64_t idle;     /* the account was there already */
    uint64_t too_big;  /* refused: the symbol's exposure would pass its limit */
    uint64_t too_fast; /* refused: too many openings within one bar */
    uint64_t stops;    /* positions that risk closed itself */
    uint64_t large;    /* orders that the committee was asked about */
    uint64_t denied;   /* large ones that were only closed, by its verdict */
    uint64_t tickets;  /* orders that were none of these, and stops */
    int64_t shares;    /* of all tickets, bought or sold */
});

KOKEN_EVENT(execution_question);
KOKEN_MESSAGE(execution_answer, {
    uint64_t tickets;
    uint64_t fills;
    int64_t shares;
    money paid;
    money fees;
    uint64_t token;  /* of the desk's lease */
    uint64_t leases; /* how often it was taken */
});

/* From main to the ledger: how many fills were refused for their token? */
KOKEN_EVENT(guard_question);
KOKEN_MESSAGE(guard_answer, { uint64_t refused; });

/* From main to the chief, who answers when all is told. */
KOKEN_EVENT(chief_question);
KOKEN_MESSAGE(chief_answer, {
    uint64_t bulletins;
    uint64_t delivered; /* of each bulletin to each member, once */
    uint64_t messages;  /* that it took */
    uint32_t rounds;    /* of telling and asking, at most */
});

KOKEN_MESSAGE(latency_question, { uint32_t kind; });
KOKEN_MESSAGE(latency_answer, {
    uint64_t count;
    uint64_t p50;
    uint64_t p99;
    uint64_t p999;
    uint64_t max;
});

#endif
