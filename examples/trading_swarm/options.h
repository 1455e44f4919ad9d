/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#ifndef SWARM_OPTIONS_H
#define SWARM_OPTIONS_H

#include <stdint.h>

#define OPTIONS_FILES_MAX 64

struct options {
    const char *files[OPTIONS_FILES_MAX]; /* none: the data that comes with the example */
    unsigned file_count;
    unsigned workers; /* 0: as many as the machine gives us */
    uint32_t ticks;   /* per bar */
    uint32_t shards;
    uint32_t mailbox; /* messages that a mailbox holds; 0: what the windows need */
    uint64_t seed;
    const char *json; /* NULL: none, "-": standard output */
};

/* options_read answers 0 to go on, 1 when all is said (--help), -EINVAL after having said what is
 * wrong. */
int options_read(int argc, char **argv, struct options *ret_options);

#endif
