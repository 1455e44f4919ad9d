/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's subcommands. Results go to stdout, everything else to stderr. Exit: 0 well, 1 failed,
 * 2 misused. */
#ifndef BENCH_CLI_CLI_H
#define BENCH_CLI_CLI_H

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_MISUSED = 2 };

/* argv[0] is the subcommand's name. */
int cli_bench(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_lint(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_sim(int argc, char **argv);
int cli_stress(int argc, char **argv);
int cli_teg(int argc, char **argv);
int cli_why(int argc, char **argv);

/* cli_misused prints "koken COMMAND: WHAT 'WORD'; see ..." on stderr and answers CLI_MISUSED. */
int cli_misused(const char *command, const char *what, const char *word);

#endif
