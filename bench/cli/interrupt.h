/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C (SIGINT), SIGTERM and SIGHUP while something runs that has to be ended well: child processes, files. A second
 * signal ends the tool at once.
 */
#ifndef BENCH_CLI_INTERRUPT_H
#define BENCH_CLI_INTERRUPT_H

/* From now on these signals end nothing by themselves. Nonzero: there is no thread to wait for them, they do as before. */
int cli_interrupt_begin(void);

/*
 * What one calls: fn(arg), in a thread of its own; at once, if one has come already. NULL: nothing; fn is not running any
 * more then.
 */
void cli_interrupt_aim(void (*fn)(void *arg), void *arg);

/* Whether one has come. */
int cli_interrupt_came(void);

/* They are as before. If one has come it does now what it would have done then: the tool ends, and the shell sees why. */
void cli_interrupt_end(void);

#endif
