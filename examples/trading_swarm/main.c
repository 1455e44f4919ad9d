/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A swarm that trades real prices.
 *
 *     feed --ticks--> analysts --orders--> risk --tickets--> execution --fills--> ledger
 *
 * Large orders need a quorum of a committee (committee.c), the limits of risk go round by gossip
 * (bulletin.c), and who trades has a lease on the desk, whose token the ledger checks (execution.c).
 *
 * One seed gives one ledger, whatever the number of workers and shards and however the scheduler
 * interleaves the agents. That is a property of the protocol, made of four rules:
 *
 * 1. Chance is named. Every random number comes from a stream named by what it is for (symbol and
 *    date of a path, ticket of a slip), never from a stream that agents share (random.h).
 *
 * 2. Time is logical. Every message carries the number of the tick that caused it; no decision
 *    looks at a clock, at a queue, or at what else happens to have arrived. What koken_now() says
 *    is reported, never acted upon.
 *
 * 3. Where streams meet, they are put in order. The three analysts of a symbol share one exposure
 *    limit; risk holds their orders until all three have marked a tick, then judges them by (tick,
 *    strategy) (risk.c). Who is ahead of a verdict or of news waits for it. Nothing flows back to a decision: a feed is paid in credit, which changes
 *    when it sends, not what (feed.c).
 *
 * 4. What is summed in any order is summed in whole numbers (money.h), and the fills of an account
 *    come from one sender, in order (ledger.c).
 *
 * Nothing is traded before every file has been read and found right. Afterwards the books must
 * balance, and so must the runtime's count of messages; otherwise the exit status is 1 (audit.c).
 */
#define _POSIX_C_SOURCE 200809L

#include "audit.h"
#include "floor.h"
#include "options.h"
#include "progress.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STALLED_AFTER KOKEN_S(60)
#define LOOK_EVERY KOKEN_MS(250)

static const char *const data_files[] = {"sp500-daily.csv", "stocks-monthly.csv"};

/* The data lies beside this source file, or below where the program is run. */
static unsigned read_default_bars(struct market *market)
{
    static const char *const places[] = {"examples/trading_swarm/data", "data", NULL};
    size_t here = strlen(__FILE__) - strlen("main.c");
    unsigned complaints = 0;
    char path[512];

    for (size_t file = 0; file < sizeof data_files / sizeof data_files[0]; file++) {
        FILE *found = NULL;

        snprintf(path, sizeof path, "%.*sdata/%s", (int)here, __FILE__, data_files[file]);
        for (size_t place = 0; (found = fopen(path, "r")) == NULL && places[place] != NULL;
             place++) {
            snprintf(path, sizeof path, "%s/%s", places[place], data_files[file]);
        }
        if (found != NULL) {
            fclose(found);
        }
        complaints += bars_read(market, path, stderr);
    }
    return complaints;
}

static int read_bars(struct market *market, const struct options *options)
{
    unsigned complaints = 0;

    if (options->file_count == 0) {
        complaints = read_default_bars(market);
    }
    for (unsigned i = 0; i < options->file_count; i++) {
        complaints += bars_read(market, options->files[i], stderr);
    }
    for (size_t i = 0; complaints == 0 && i < market->count; i++) {
        if (market->series[i].count * options->ticks > UINT32_MAX) {
            fprintf(stderr, "trading_swarm: %s: more than 2^32 ticks\n", market->series[i].symbol);
            complaints++;
        }
    }
    return complaints > 0 ? -EINVAL : 0;
}

/*
 * Waits for more than seen ticks to be booked, and looks up now and then: an agent that has failed
 * would let the others wait for ever. A thread outside cannot be parked as an agent can, so a
 * ledger with a full mailbox refuses its question, which is asked again a little later.
 */
static int await_progress(struct floor *floor, uint64_t seen, struct standing *ret_standing)
{
    const struct timespec little = {.tv_nsec = 1000 * 1000};
    uint64_t give_up_at = koken_now() + STALLED_AFTER;

    for (;;) { /* ends by an answer, a failure, or at give_up_at */
        struct koken_metrics metrics;
        int rc =
            koken_await(floor->rt, floor->ledger, LOOK_EVERY, ret_standing, watch, .seen = seen);

        if ((rc != -EAGAIN && rc != -ETIMEDOUT) || koken_now() > give_up_at) {
            return rc;
        }
        koken_metrics(floor->rt, &metrics);
        if (metrics.failed > 0) {
            return -ECANCELED;
        }
        nanosleep(&little, NULL);
    }
}

/* Lets the swarm trade, telling of its progress, until the last tick is booked. */
static int trade(struct floor *floor, struct audit *audit)
{
    struct progress progress;
    struct standing standing = {0};
    uint64_t started_at = koken_now();
    int rc = floor_begin(floor);

    progress_begin(&progress, floor->ticks);
    while (rc >= 0 && standing.ticks < floor->ticks) {
        rc = await_progress(floor, standing.ticks, &standing);
        progress_tell(&progress, standing.ticks, standing.fills);
    }
    progress_end(&progress);
    audit->duration_ns = koken_now() - started_at;
    return rc;
}

static int write_json(const char *path, const struct floor *floor, const struct audit *audit)
{
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(path, "w");
    bool is_written = out != NULL;

    if (is_written) {
        report_json(out, floor, audit);
        is_written = fflush(out) == 0 && !ferror(out);
    }
    if (!is_written) {
        fprintf(stderr, "trading_swarm: %s: %s\n", path, strerror(errno));
    }
    if (out != NULL && !is_stdout) {
        fclose(out);
    }
    return is_written ? 0 : -EIO;
}

static void write_log(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "trading_swarm: %s\n", line);
}

/* The whole life of a runtime. Answers the exit status. */
static int run(const struct market *market, const struct options *options)
{
    struct koken_options how = {
        .workers = options->workers, .seed = options->seed, .log = write_log};
    struct floor floor = {0};
    struct audit audit = {0};
    struct koken *rt;
    bool is_piped =
        options->json != NULL && strcmp(options->json, "-") == 0; /* stdout is for the JSON then */
    int status = EXIT_FAILURE;
    int rc = koken_start(&how, &rt);

    if (rc < 0) {
        fprintf(stderr, "trading_swarm: the runtime does not start: %s\n", koken_strerror(rc));
        return status;
    }
    rc = floor_open(&floor, rt, market, options);
    rc = rc < 0 ? rc : trade(&floor, &audit);
    rc = rc < 0 ? rc : audit_collect(&audit, &floor);
    if (rc < 0) {
        fprintf(stderr, "trading_swarm: the run failed: %s\n", koken_strerror(rc));
    } else {
        report_print(is_piped ? stderr : stdout, &floor, &audit);
        rc = options->json == NULL ? 0 : write_json(options->json, &floor, &audit);
        status = rc == 0 && audit_money_balances(&audit) && audit_messages_balance(&audit) &&
                         audit_desks_hold(&audit)
                     ? EXIT_SUCCESS
                     : EXIT_FAILURE;
    }
    rc = koken_stop(rt, KOKEN_S(10));
    if (rc < 0) {
        fprintf(stderr, "trading_swarm: the runtime does not stop: %s\n", koken_strerror(rc));
        status = EXIT_FAILURE;
    }
    audit_free(&audit);
    floor_free(&floor);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct market market = {0};
    int status = 2;
    int rc = options_read(argc, argv, &options);

    if (rc != 0) {
        return rc > 0 ? EXIT_SUCCESS : status;
    }
    if (read_bars(&market, &options) == 0) {
        status = run(&market, &options);
    } else {
        fputs("trading_swarm: nothing was traded\n", stderr);
    }
    market_free(&market);
    return status;
}
