/* SPDX-License-Identifier: Apache-2.0 */
/* Two renderings of one audit. */
#include "report.h"

#include "strategy.h"

#define TEXT(amount) money_text((amount), (char[MONEY_TEXT_SIZE]){0})
#define EXACT(amount) money_exact((amount), (char[MONEY_TEXT_SIZE]){0})

typedef unsigned long long wide; /* what printf can print everywhere */

static money last_price(const struct floor *floor, uint32_t symbol)
{
    const struct series *series = &floor->market->series[symbol];

    return series->bars[series->count - 1].close;
}

/* The accounts of one strategy together; *ret_profit counts positions at their last price. */
static struct account sum_strategy(const struct floor *floor, const struct audit *audit,
                                   uint32_t strategy, money *ret_profit)
{
    struct account sum = {0};

    *ret_profit = 0;
    for (uint32_t i = strategy; i < audit->account_count; i += STRATEGY_COUNT_) {
        const struct account *account = &audit->accounts[i];

        sum.realised += account->realised;
        sum.fees += account->fees;
        sum.fills += account->fills;
        *ret_profit += account_profit(account, last_price(floor, i / STRATEGY_COUNT_));
    }
    return sum;
}

/* ---- for people ---- */

static void print_strategies(FILE *out, const struct floor *floor, const struct audit *audit)
{
    money all = 0;

    fprintf(out, "\n%-10s %10s %14s %14s %14s %14s\n", "strategy", "fills", "realised",
            "unrealised", "fees", "profit");
    for (uint32_t strategy = 0; strategy < STRATEGY_COUNT_; strategy++) {
        money profit;
        struct account sum = sum_strategy(floor, audit, strategy, &profit);

        all += profit;
        fprintf(out, "%-10s %10llu %14s %14s %14s %14s\n",
                strategy_name((enum strategy_kind)strategy), (wide)sum.fills, TEXT(sum.realised),
                TEXT(profit - sum.realised), TEXT(sum.fees), TEXT(profit));
    }
    fprintf(out, "%-10s %10llu %14s %14s %14s %14s\n", "all", (wide)audit->sum.fills,
            TEXT(audit->sum.realised), TEXT(all - audit->sum.realised), TEXT(audit->sum.fees),
            TEXT(all));
}

static void print_positions(FILE *out, const struct floor *floor, const struct audit *audit)
{
    fprintf(out, "\n%-10s %10s", "position", "price");
    for (uint32_t strategy = 0; strategy < STRATEGY_COUNT_; strategy++) {
        fprintf(out, " %14s", strategy_name((enum strategy_kind)strategy));
    }
    fprintf(out, " %14s\n", "profit");
    for (uint32_t symbol = 0; symbol < floor->market->count; symbol++) {
        const struct account *accounts = &audit->accounts[symbol * STRATEGY_COUNT_];
        money price = last_price(floor, symbol), profit = 0;

        fprintf(out, "%-10s %10s", floor->market->series[symbol].symbol, TEXT(price));
        for (uint32_t strategy = 0; strategy < STRATEGY_COUNT_; strategy++) {
            profit += account_profit(&accounts[strategy], price);
            fprintf(out, " %14lld", (long long)accounts[strategy].shares);
        }
        fprintf(out, " %14s\n", TEXT(profit));
    }
}

static void print_latency(FILE *out, const char *name, const struct latency_answer *latency)
{
    fprintf(out, "%-24s p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f us (%llu samples)\n",
            name, (double)latency->p50 / 1e3, (double)latency->p99 / 1e3,
            (double)latency->p999 / 1e3, (double)latency->max / 1e3, (wide)latency->count);
}

static void print_checks(FILE *out, const struct audit *audit)
{
    const struct account *sum = &audit->sum;
    const struct koken_metrics *metrics = &audit->metrics;

    fprintf(out, "\nmoney     cash %s + positions at cost %s = start %s + realised %s: %s\n",
            TEXT(sum->cash), TEXT(sum->cost), TEXT(sum->start), TEXT(sum->realised),
            audit_money_balances(audit) ? "balances" : "DOES NOT BALANCE");
    fprintf(
        out, "messages  sent %llu = received %llu + dropped %llu + dead %llu (refused %llu): %s\n",
        (wide)metrics->sent, (wide)metrics->received, (wide)metrics->dropped, (wide)metrics->dead,
        (wide)metrics->refused, audit_messages_balance(audit) ? "balances" : "DOES NOT BALANCE");
    fprintf(out, "ledger    %016llx\n", (wide)sum->digest);
}

static void print_agreements(FILE *out, const struct floor *floor, const struct audit *audit)
{
    const struct risk_answer *risk = &audit->risk;

    fprintf(out, "%-24s %llu: approved by most of %u officers %llu, else only closed %llu\n",
            "large orders", (wide)risk->large, COMMITTEE_OFFICERS,
            (wide)(risk->large - risk->denied), (wide)risk->denied);
    fprintf(out, "%-24s %llu bulletins, gossiped to %u members: %llu messages, %u rounds at most\n",
            "risk limits", (wide)audit->chief.bulletins, floor->shard_count + COMMITTEE_OFFICERS,
            (wide)audit->chief.messages, audit->chief.rounds);
    fprintf(out,
            "%-24s %u, leased %llu times, newest token %llu; refused for a spent token: %llu\n",
            "execution desks", floor->shard_count, (wide)audit->execution.leases,
            (wide)audit->execution.token, (wide)audit->fills_refused);
}

void report_print(FILE *out, const struct floor *floor, const struct audit *audit)
{
    const struct risk_answer *risk = &audit->risk;
    double seconds = (double)audit->duration_ns / 1e9;

    fprintf(out, "%zu symbols, %zu bars, %llu ticks, %u workers, %u shards, seed %llu: %.2f s\n",
            floor->market->count, market_bars(floor->market), (wide)floor->ticks,
            audit->metrics.workers, floor->shard_count, (wide)floor->seed, seconds);
    print_strategies(out, floor, audit);
    print_positions(out, floor, audit);
    fprintf(out,
            "\n%-24s %llu: %llu traded, %llu already there, refused %llu (exposure) + %llu (pace); "
            "%llu stop losses\n",
            "orders", (wide)risk->orders, (wide)(risk->tickets - risk->stops), (wide)risk->idle,
            (wide)risk->too_big, (wide)risk->too_fast, (wide)risk->stops);
    print_agreements(out, floor, audit);
    fprintf(out, "%-24s %.2f M/s, ticks %.2f M/s\n", "messages",
            (double)audit->metrics.sent / seconds / 1e6, (double)floor->ticks / seconds / 1e6);
    print_latency(out, "tick, feed to analyst", &audit->latencies[LATENCY_TICK]);
    print_latency(out, "order, decided to booked", &audit->latencies[LATENCY_ORDER]);
    print_checks(out, audit);
}

/* ---- for programs ---- */

/* A symbol is what a file said: it may hold quotes or backslashes. */
static void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

static void json_account(FILE *out, const struct floor *floor, const struct audit *audit,
                         uint32_t i)
{
    const struct account *account = &audit->accounts[i];

    fputs("      {\"symbol\": ", out);
    json_string(out, floor->market->series[i / STRATEGY_COUNT_].symbol);
    fprintf(
        out,
        ", \"strategy\": \"%s\", \"fills\": %llu, \"shares\": %lld, \"cash\": %s, \"cost\": %s, ",
        strategy_name((enum strategy_kind)(i % STRATEGY_COUNT_)), (wide)account->fills,
        (long long)account->shares, EXACT(account->cash), EXACT(account->cost));
    fprintf(out, "\"realised\": %s, \"fees\": %s, \"profit\": %s, \"digest\": \"%016llx\"}%s\n",
            EXACT(account->realised), EXACT(account->fees),
            EXACT(account_profit(account, last_price(floor, i / STRATEGY_COUNT_))),
            (wide)account->digest, i + 1 < audit->account_count ? "," : "");
}

static void json_ledger(FILE *out, const struct floor *floor, const struct audit *audit)
{
    const struct risk_answer *risk = &audit->risk;

    fprintf(out, "  \"ledger\": {\n    \"seed\": %llu, \"bars\": %zu, \"ticks\": %llu,\n",
            (wide)floor->seed, market_bars(floor->market), (wide)floor->ticks);
    fprintf(out, "    \"orders\": %llu, \"tickets\": %llu, \"fills\": %llu,\n", (wide)risk->orders,
            (wide)risk->tickets, (wide)audit->sum.fills);
    fprintf(out, "    \"refused_exposure\": %llu, \"refused_pace\": %llu, \"stops\": %llu,\n",
            (wide)risk->too_big, (wide)risk->too_fast, (wide)risk->stops);
    fprintf(out, "    \"large\": %llu, \"large_denied\": %llu, \"bulletins\": %llu,\n",
            (wide)risk->large, (wide)risk->denied, (wide)audit->chief.bulletins);
    fprintf(out, "    \"digest\": \"%016llx\",\n    \"accounts\": [\n", (wide)audit->sum.digest);
    for (uint32_t i = 0; i < audit->account_count; i++) {
        json_account(out, floor, audit, i);
    }
    fputs("    ]\n  },\n", out);
}

static void json_latency(FILE *out, const char *name, const struct latency_answer *latency)
{
    fprintf(out,
            "  \"%s\": {\"samples\": %llu, \"p50\": %llu, \"p99\": %llu, \"p99.9\": %llu, \"max\": "
            "%llu},\n",
            name, (wide)latency->count, (wide)latency->p50, (wide)latency->p99, (wide)latency->p999,
            (wide)latency->max);
}

void report_json(FILE *out, const struct floor *floor, const struct audit *audit)
{
    const struct koken_metrics *metrics = &audit->metrics;
    double seconds = (double)audit->duration_ns / 1e9;

    fputs("{\n", out);
    json_ledger(out, floor, audit);
    json_latency(out, "tick_latency_ns", &audit->latencies[LATENCY_TICK]);
    json_latency(out, "order_latency_ns", &audit->latencies[LATENCY_ORDER]);
    fprintf(out,
            "  \"messages\": {\"sent\": %llu, \"received\": %llu, \"dropped\": %llu, \"dead\": "
            "%llu, \"refused\": %llu},\n",
            (wide)metrics->sent, (wide)metrics->received, (wide)metrics->dropped,
            (wide)metrics->dead, (wide)metrics->refused);
    fprintf(
        out,
        "  \"workers\": %u, \"shards\": %u, \"seconds\": %.6f, \"messages_per_second\": %.0f,\n",
        metrics->workers, floor->shard_count, seconds, (double)metrics->sent / seconds);
    fprintf(out, "  \"money_balances\": %s, \"messages_balance\": %s\n}\n",
            audit_money_balances(audit) ? "true" : "false",
            audit_messages_balance(audit) ? "true" : "false");
}
