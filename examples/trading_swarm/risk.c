/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place where three streams become one. The analysts of a symbol work side by side, and their
 * orders arrive in whatever order the scheduler made; but the exposure limit is common to them, so
 * their order decides who is refused. Therefore orders wait at the symbol's desk, sorted by (tick,
 * strategy), until all three analysts have marked a tick; then everything up to it is judged, in
 * logical time, and no later order can come before it. A mark goes on only when what it stands for
 * has been judged.
 */
#include "risk.h"

#include "messages.h"
#include "strategy.h"

#include <errno.h>
#include <stdlib.h>

#define STOP_LOSS 4 /* a position is closed when it has lost a fourth of its account's capital */
#define OPENINGS_MAX 2u /* positions opened per symbol and bar */

/* What risk knows of one symbol. */
struct desk {
    struct order *waiting; /* sorted by (tick, strategy) */
    uint32_t count, room;
    uint32_t marked[STRATEGY_COUNT_]; /* ticks that each analyst is done with */
    uint32_t bar, openings;           /* how many positions were opened in that bar */
    int64_t shares[STRATEGY_COUNT_];  /* positions, tickets under way included */
    money paid[STRATEGY_COUNT_];      /* for them, at the prices of the tickets */
};

struct risk {
    struct risk_plan plan;
    struct desk *desks;
    struct risk_answer count;
};

/* ---- the decision ---- */

static int64_t size_of(int64_t shares)
{
    return shares < 0 ? -shares : shares;
}

/* What the symbol would be exposed to if the account of strategy held shares. */
static money exposure_with(const struct desk *desk, uint32_t strategy, int64_t shares, money price)
{
    int64_t sum = size_of(shares);

    for (uint32_t i = 0; i < STRATEGY_COUNT_; i++) {
        sum += i == strategy ? 0 : size_of(desk->shares[i]);
    }
    return sum * price;
}

/* The counter of the reason why a position may not be opened now; NULL: it may, and was counted. */
static uint64_t *find_refusal(struct risk *self, struct desk *desk, const struct order *order,
                              int64_t shares)
{
    money limit = self->plan.capital / 4 * 5;

    if (order->bar != desk->bar) {
        desk->bar = order->bar;
        desk->openings = 0;
    }
    if (exposure_with(desk, order->strategy, shares, order->price) > limit) {
        return &self->count.too_big;
    }
    if (desk->openings == OPENINGS_MAX) {
        return &self->count.too_fast;
    }
    desk->openings++;
    return NULL;
}

static int send_ticket(struct risk *self, struct desk *desk, const struct ticket *ticket)
{
    int64_t *held = &desk->shares[ticket->strategy], before = *held;
    money *paid = &desk->paid[ticket->strategy];
    bool is_same_side;

    *held += ticket->shares;
    is_same_side = (*held > 0 && before > 0) || (*held < 0 && before < 0);
    *paid = is_same_side ? *paid + ticket->shares * ticket->price : *held * ticket->price;
    self->count.tickets++;
    self->count.shares += size_of(ticket->shares);
    return koken_send(self->plan.execution, ticket, ticket);
}

/* Sizes an order to half of the account's capital. A refused turn-around still closes what is open.
 */
static int judge_order(struct risk *self, struct desk *desk, const struct order *order)
{
    int64_t held = desk->shares[order->strategy];
    int64_t wanted = order->target * (self->plan.capital / 2 / order->price);
    uint64_t *refusal = NULL;
    struct ticket ticket = {.decided_at = order->decided_at,
                            .price = order->price,
                            .tick = order->tick,
                            .symbol = order->symbol,
                            .strategy = order->strategy};

    self->count.orders++;
    if (wanted != 0 && wanted != held) {
        refusal = find_refusal(self, desk, order, wanted);
    }
    if (refusal != NULL) {
        wanted = (held > 0) == (wanted > 0) ? held : 0;
    }
    if (wanted == held) {
        ++*(refusal != NULL ? refusal : &self->count.idle);
        return 0;
    }
    ticket.shares = wanted - held;
    return send_ticket(self, desk, &ticket);
}

/* Closes what has lost too much at the price of mark. Its analyst hears of it by nobody: see
 * analyst.c. */
static int stop_losses(struct risk *self, struct desk *desk, const struct mark *mark)
{
    int rc = 0;

    for (uint32_t i = 0; rc >= 0 && i < STRATEGY_COUNT_; i++) {
        money worth = desk->shares[i] * mark->price - desk->paid[i];
        struct ticket ticket = {.decided_at = koken_now(),
                                .price = mark->price,
                                .shares = -desk->shares[i],
                                .tick = mark->tick,
                                .symbol = mark->symbol,
                                .strategy = i};

        if (worth < -self->plan.capital / STOP_LOSS) {
            self->count.stops++;
            rc = send_ticket(self, desk, &ticket);
        }
    }
    return rc;
}

/* ---- the order of decisions ---- */

static bool comes_before(const struct order *one, const struct order *other)
{
    return one->tick != other->tick ? one->tick < other->tick : one->strategy < other->strategy;
}

static int make_room(struct desk *desk)
{
    uint32_t room = desk->room == 0 ? 64 : desk->room * 2;
    struct order *waiting;

    if (desk->count < desk->room) {
        return 0;
    }
    waiting = realloc(desk->waiting, room * sizeof *waiting);
    if (waiting == NULL) {
        return -ENOMEM;
    }
    desk->waiting = waiting;
    desk->room = room;
    return 0;
}

static int on_order(koken_ctx *ctx, struct risk *self, const struct order *order)
{
    struct desk *desk = &self->desks[order->symbol];
    uint32_t at;

    (void)ctx;
    if (make_room(desk) < 0) {
        return -ENOMEM;
    }
    for (at = desk->count++; at > 0 && comes_before(order, &desk->waiting[at - 1]); at--) {
        desk->waiting[at] = desk->waiting[at - 1];
    }
    desk->waiting[at] = *order;
    return 0;
}

/* Judges what waits for ticks before `tick`, and takes it away. */
static int judge_until(struct risk *self, struct desk *desk, uint32_t tick)
{
    uint32_t done = 0;

    while (done < desk->count && desk->waiting[done].tick < tick) {
        int rc = judge_order(self, desk, &desk->waiting[done++]);

        if (rc < 0) {
            return rc;
        }
    }
    desk->count -= done;
    for (uint32_t i = 0; i < desk->count; i++) {
        desk->waiting[i] = desk->waiting[i + done];
    }
    return 0;
}

/* The ticks that all three analysts are done with. */
static uint32_t least_marked(const struct desk *desk)
{
    uint32_t least = desk->marked[0];

    for (uint32_t i = 1; i < STRATEGY_COUNT_; i++) {
        least = desk->marked[i] < least ? desk->marked[i] : least;
    }
    return least;
}

/* The last of the three marks of a batch is the one that lets it be judged. */
static int on_mark(koken_ctx *ctx, struct risk *self, const struct mark *mark)
{
    struct desk *desk = &self->desks[mark->symbol];
    int rc;

    (void)ctx;
    desk->marked[mark->strategy] += mark->ticks;
    if (desk->marked[mark->strategy] != mark->tick + 1) {
        return -EPROTO; /* a tick was lost or came twice */
    }
    if (least_marked(desk) != mark->tick + 1) {
        return 0;
    }
    rc = judge_until(self, desk, mark->tick + 1);
    rc = rc < 0 ? rc : stop_losses(self, desk, mark);
    return rc < 0 ? rc : koken_send(self->plan.execution, mark, mark);
}

/* ---- the agent ---- */

static int on_question(koken_ctx *ctx, struct risk *self, const struct risk_question *question)
{
    const struct risk_answer *count = &self->count;

    (void)question;
    return koken_reply(ctx, risk_answer, .orders = count->orders, .tickets = count->tickets,
                       .idle = count->idle, .too_big = count->too_big, .too_fast = count->too_fast,
                       .stops = count->stops, .shares = count->shares);
}

static int risk_init(koken_ctx *ctx, struct risk *self, const void *arg)
{
    (void)ctx;
    self->plan = *(const struct risk_plan *)arg;
    self->desks = calloc(self->plan.symbol_count, sizeof *self->desks);
    return self->desks == NULL ? -ENOMEM : 0;
}

static void risk_exit(koken_ctx *ctx, struct risk *self, int reason)
{
    (void)ctx;
    (void)reason;
    for (uint32_t i = 0; self->desks != NULL && i < self->plan.symbol_count; i++) {
        free(self->desks[i].waiting);
    }
    free(self->desks);
}

KOKEN_AGENT(risk, struct risk, KOKEN_INIT(risk_init), KOKEN_EXIT(risk_exit),
            KOKEN_ON(order, on_order), KOKEN_ON(mark, on_mark),
            KOKEN_ON(risk_question, on_question));

int risk_open(struct koken *rt, const struct risk_plan *plan, koken_ref *ret_risk)
{
    return koken_try_spawn(rt, ret_risk, risk, KOKEN_ARG(*plan), .capacity = plan->capacity,
                           .high = plan->capacity, .policy = KOKEN_POLICY_PARK);
}
