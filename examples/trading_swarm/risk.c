/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place where three streams become one. The analysts of a symbol work side by side, and their
 * orders arrive in whatever order the scheduler made; but the exposure limit is common to them, so
 * their order decides who is refused. Therefore orders wait at the symbol's desk, sorted by (tick,
 * strategy), until all three analysts have marked a tick; then everything up to it is judged, in
 * logical time, and no later order can come before it. A mark goes on only when what it stands for
 * has been judged.
 *
 * A desk may have to wait in the middle of that: for the committee's verdict on a large order, or
 * for the bulletin with the limits of a term. Then it stands still, marks that come are kept in
 * their order, and it goes on where it was. Other desks do not wait with it.
 */
#include "risk.h"

#include "bulletin.h"
#include "feed.h"
#include "messages.h"
#include "strategy.h"

#include <errno.h>
#include <stdlib.h>

#define STOP_LOSS 4 /* a position is closed when it has lost a fourth of its account's capital */
#define OPENINGS_MAX 2u /* positions opened per symbol and bar */
#define VOTE_WITHIN KOKEN_S(60)
#define MARKS_MAX (FEED_WINDOW / FEED_BATCH + 1) /* batches that can be under way */

/* What risk knows of one symbol. */
struct desk {
    struct order *waiting; /* sorted by (tick, strategy) */
    uint32_t count, room;
    uint32_t marked[STRATEGY_COUNT_]; /* ticks that each analyst is done with */
    uint32_t bar, openings;           /* how many positions were opened in that bar */
    int64_t shares[STRATEGY_COUNT_];  /* positions, tickets under way included */
    money paid[STRATEGY_COUNT_];      /* for them, at the prices of the tickets */
    struct mark marks[MARKS_MAX];     /* of batches that are not judged to the end */
    uint32_t mark_count;
    int vote;           /* the number of the vote that it waits for; 0: none */
    struct ticket open; /* that the vote is about */
};

struct risk {
    struct risk_plan plan;
    struct desk *desks;
    uint32_t *percents; /* limits by term */
    uint32_t heard;     /* terms */
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
    money limit = bulletin_limit(self->plan.capital, self->percents[bulletin_term(order->bar)]);

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

/* Large is what turns a position around: then more than half of an account's capital is traded. */
static bool is_large(const struct risk *self, const struct ticket *ticket)
{
    return size_of(ticket->shares) * ticket->price > self->plan.capital / 4 * 3;
}

/* The desk waits for the verdict of most officers. */
static int ask_committee(koken_ctx *ctx, struct risk *self, struct desk *desk,
                         const struct order *order, const struct ticket *ticket, money exposure)
{
    struct koken_quorum_options most = {.accept = committee_approves};
    int number = koken_quorum_request(ctx, self->plan.officers, COMMITTEE_OFFICERS, VOTE_WITHIN,
                                      &most, large_order, .exposure = exposure, .bar = order->bar);

    if (number < 0) {
        return number;
    }
    desk->vote = number;
    desk->open = *ticket;
    self->count.large++;
    return 0;
}

/* Sizes an order to half of the account's capital. A refused turn-around still closes what is open.
 */
static int judge_order(koken_ctx *ctx, struct risk *self, struct desk *desk,
                       const struct order *order)
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
    return is_large(self, &ticket)
               ? ask_committee(ctx, self, desk, order, &ticket,
                               exposure_with(desk, order->strategy, wanted, order->price))
               : send_ticket(self, desk, &ticket);
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

/* Whether the first order after `done` is for a tick before `tick`. */
static bool has_order(const struct desk *desk, uint32_t done, uint32_t tick)
{
    return done < desk->count && desk->waiting[done].tick < tick;
}

/* Judges what waits for ticks before `tick`, and takes it away, as far as it can. */
static int judge_until(koken_ctx *ctx, struct risk *self, struct desk *desk, uint32_t tick)
{
    uint32_t done = 0;
    int rc = 0;

    while (rc >= 0 && desk->vote == 0 && has_order(desk, done, tick) &&
           bulletin_term(desk->waiting[done].bar) < self->heard) {
        rc = judge_order(ctx, self, desk, &desk->waiting[done++]);
    }
    desk->count -= done;
    for (uint32_t i = 0; i < desk->count; i++) {
        desk->waiting[i] = desk->waiting[i + done];
    }
    return rc;
}

/* Judges the batches that have been marked by all, until there are no more or the desk must wait. */
static int go_on(koken_ctx *ctx, struct risk *self, struct desk *desk)
{
    int rc = 0;

    while (rc >= 0 && desk->vote == 0 && desk->mark_count > 0) {
        struct mark mark = desk->marks[0];

        rc = judge_until(ctx, self, desk, mark.tick + 1);
        if (rc < 0 || desk->vote != 0 || has_order(desk, 0, mark.tick + 1)) {
            return rc;
        }
        desk->mark_count--;
        for (uint32_t i = 0; i < desk->mark_count; i++) {
            desk->marks[i] = desk->marks[i + 1];
        }
        rc = stop_losses(self, desk, &mark);
        rc = rc < 0 ? rc : koken_send(self->plan.execution, mark, &mark);
    }
    return rc;
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

    desk->marked[mark->strategy] += mark->ticks;
    if (desk->marked[mark->strategy] != mark->tick + 1) {
        return -EPROTO; /* a tick was lost or came twice */
    }
    if (least_marked(desk) != mark->tick + 1) {
        return 0;
    }
    if (desk->mark_count == MARKS_MAX) {
        return -EPROTO; /* more ticks than the window lets through */
    }
    desk->marks[desk->mark_count++] = *mark;
    return go_on(ctx, self, desk);
}

/* ---- news ---- */

static struct desk *find_vote(struct risk *self, int number)
{
    uint32_t i = 0;

    while (i < self->plan.symbol_count && self->desks[i].vote != number) {
        i++;
    }
    return i < self->plan.symbol_count ? &self->desks[i] : NULL;
}

/* Most officers are for it, or cannot be any more: then the ticket only closes what is open. */
static int on_verdict(koken_ctx *ctx, struct risk *self, const struct koken_quorum_result *result)
{
    struct koken_quorum_tally tally = koken_quorum_tally(result->vote);
    struct desk *desk = find_vote(self, (int)koken_request_number(ctx));
    int rc;

    if (desk == NULL || result->error == -ETIMEDOUT || (result->error < 0 && tally.failed > 0)) {
        return -ECANCELED; /* an officer who has failed is no verdict */
    }
    if (result->error < 0) {
        self->count.denied++;
        desk->open.shares = -desk->shares[desk->open.strategy];
    }
    desk->vote = 0;
    rc = send_ticket(self, desk, &desk->open);
    return rc < 0 ? rc : go_on(ctx, self, desk);
}

static int on_bulletin(koken_ctx *ctx, struct risk *self, const struct bulletin *bulletin)
{
    int rc = 0;

    if (bulletin->term != self->heard || self->heard == self->plan.terms) {
        return -EPROTO; /* one was lost or came twice */
    }
    self->percents[self->heard++] = bulletin->percent;
    for (uint32_t i = 0; rc >= 0 && i < self->plan.symbol_count; i++) {
        rc = go_on(ctx, self, &self->desks[i]);
    }
    return rc;
}

/* The committee could not even be asked. */
static int on_failed(koken_ctx *ctx, struct risk *self, const struct koken_failed *failed)
{
    (void)ctx;
    (void)self;
    return failed->error;
}

/* ---- the agent ---- */

static int on_question(koken_ctx *ctx, struct risk *self, const struct risk_question *question)
{
    const struct risk_answer *count = &self->count;

    (void)question;
    return koken_reply(ctx, risk_answer, .orders = count->orders, .tickets = count->tickets,
                       .idle = count->idle, .too_big = count->too_big, .too_fast = count->too_fast,
                       .stops = count->stops, .large = count->large, .denied = count->denied,
                       .shares = count->shares);
}

static int risk_init(koken_ctx *ctx, struct risk *self, const void *arg)
{
    (void)ctx;
    self->plan = *(const struct risk_plan *)arg;
    self->desks = calloc(self->plan.symbol_count, sizeof *self->desks);
    self->percents = calloc(self->plan.terms, sizeof *self->percents);
    if (self->desks == NULL || self->percents == NULL) { /* what fails here has no exit */
        free(self->desks);
        free(self->percents);
        return -ENOMEM;
    }
    return 0;
}

static void risk_exit(koken_ctx *ctx, struct risk *self, int reason)
{
    (void)ctx;
    (void)reason;
    for (uint32_t i = 0; self->desks != NULL && i < self->plan.symbol_count; i++) {
        free(self->desks[i].waiting);
    }
    free(self->desks);
    free(self->percents);
}

KOKEN_AGENT(risk, struct risk, KOKEN_INIT(risk_init), KOKEN_EXIT(risk_exit),
            KOKEN_ON(order, on_order), KOKEN_ON(mark, on_mark), KOKEN_ON(bulletin, on_bulletin),
            KOKEN_ON(koken_quorum_result, on_verdict), KOKEN_ON(koken_failed, on_failed),
            KOKEN_ON(risk_question, on_question));

int risk_open(struct koken *rt, const struct risk_plan *plan, koken_ref *ret_risk)
{
    return koken_try_spawn(rt, ret_risk, risk, KOKEN_ARG(*plan), .capacity = plan->capacity,
                           .high = plan->capacity, .policy = KOKEN_POLICY_PARK);
}
