/* SPDX-License-Identifier: Apache-2.0 */
/* Options with a value each, in one table; a value may follow as the next word or after '='. */
#include "options.h"

#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_DEFAULT 1170u
#define SHARDS_DEFAULT 4u
#define SHARDS_MAX 256u
#define WORKERS_MAX 1024u
#define MAILBOX_MAX 100000u

static const char usage[] =
    "Usage: trading_swarm [OPTION...]\n"
    "A swarm of agents trades real prices: feeds, analysts, risk managers, execution, a ledger.\n"
    "Large orders need a quorum of five officers, the limits of risk go round by gossip, and who\n"
    "executes has a lease on the desk.\n"
    "\n"
    "  --csv FILE     bars to trade; may be given again (default: the data of this example)\n"
    "                 columns date, open, high, low, close, and symbol unless the file is one "
    "symbol's\n"
    "  --ticks N      prices made of each bar, 4 to 1000000 (default 390, the minutes of a "
    "session)\n"
    "  --seed N       of all that is random (default 1); the same seed gives the same ledger\n"
    "  --workers N    threads that run agents (default: what the machine allows)\n"
    "  --shards N     risk and execution agents, symbols are spread over them (default 4)\n"
    "  --mailbox N    messages that an agent's mailbox holds (default: as many as can come);\n"
    "                 with less, senders wait, and the ledger is the same\n"
    "  --json FILE    write the results to FILE too, - is standard output\n"
    "  --help         this text\n"
    "\n"
    "Exit status: 0 the books balance, 1 they do not or the run failed, 2 bad options or bad "
    "bars.\n";

static int parse_number(const char *name, const char *text, uint64_t min, uint64_t max,
                        uint64_t *ret_number)
{
    char *end;
    uint64_t number;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < min ||
        number > max) {
        fprintf(stderr, "trading_swarm: --%s '%s' is not a number from %llu to %llu\n", name, text,
                (unsigned long long)min, (unsigned long long)max);
        return -EINVAL;
    }
    *ret_number = number;
    return 0;
}

static int set_file(struct options *options, const char *file)
{
    if (options->file_count == OPTIONS_FILES_MAX) {
        fprintf(stderr, "trading_swarm: more than %d files\n", OPTIONS_FILES_MAX);
        return -EINVAL;
    }
    options->files[options->file_count++] = file;
    return 0;
}

static int set_option(struct options *options, const char *name, const char *value)
{
    uint64_t number = 0;
    int rc;

    if (strcmp(name, "csv") == 0) {
        return set_file(options, value);
    }
    if (strcmp(name, "json") == 0) {
        options->json = value;
        return 0;
    }
    if (strcmp(name, "seed") == 0) {
        return parse_number(name, value, 0, UINT64_MAX, &options->seed);
    }
    if (strcmp(name, "ticks") == 0) {
        rc = parse_number(name, value, PATH_TICKS_MIN, PATH_TICKS_MAX, &number);
        options->ticks = (uint32_t)number;
        return rc;
    }
    if (strcmp(name, "mailbox") == 0) {
        rc = parse_number(name, value, 1, MAILBOX_MAX, &number);
        options->mailbox = (uint32_t)number;
        return rc;
    }
    if (strcmp(name, "workers") == 0) {
        rc = parse_number(name, value, 1, WORKERS_MAX, &number);
        options->workers = (unsigned)number;
        return rc;
    }
    rc = parse_number(name, value, 1, SHARDS_MAX, &number);
    options->shards = (uint32_t)number;
    return rc;
}

/* The option's name in the table, or NULL. */
static const char *find_name(const char *word, size_t len)
{
    static const char *const names[] = {"csv",    "json",  "mailbox", "seed",
                                        "shards", "ticks", "workers"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0) {
            return names[i];
        }
    }
    return NULL;
}

/* Reads one option with its value, *at is the place of its last word. */
static int read_option(struct options *options, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *name, *equals = strchr(word, '=');

    name = strncmp(word, "--", 2) != 0 ? NULL : find_name(word + 2, strcspn(word, "=") - 2);
    if (name == NULL) {
        fprintf(stderr, "trading_swarm: %s: no such option (try --help)\n", word);
        return -EINVAL;
    }
    if (equals == NULL && ++*at == argc) {
        fprintf(stderr, "trading_swarm: --%s: its value is missing\n", name);
        return -EINVAL;
    }
    return set_option(options, name, equals != NULL ? equals + 1 : argv[*at]);
}

int options_read(int argc, char **argv, struct options *ret_options)
{
    struct options options = {.ticks = TICKS_DEFAULT, .shards = SHARDS_DEFAULT, .seed = 1};

    for (int at = 1; at < argc; at++) {
        int rc;

        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            fputs(usage, stdout);
            return 1;
        }
        rc = read_option(&options, argc, argv, &at);
        if (rc < 0) {
            return rc;
        }
    }
    *ret_options = options;
    return 0;
}
