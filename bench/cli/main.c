/* SPDX-License-Identifier: Apache-2.0 */
/* koken: the tool. */
#include "bench/cli/cli.h"

#include <koken.h>

#include <stdio.h>
#include <string.h>

static const char help_text[] =
    "koken, the tool of the koken actor runtime\n"
    "\n"
    "usage: koken COMMAND [OPTION...] [ARGUMENT...]\n"
    "\n"
    "commands:\n"
    "  bench [NAME...]    measure; without a name, list the benchmarks\n"
    "  bench all          every benchmark, each at least 10 times after a warm-up\n"
    "  doctor             look at this machine with the eyes of the runtime; advise\n"
    "  lint FILE...       report what breaks the rules of capabilities\n"
    "  run PROGRAM.kasm   run a program of the register machine\n"
    "  sim                run the whole runtime under many seeds, with misfortunes\n"
    "  stress             closed workloads on real threads, checked\n"
    "  teg FILE           run a task effect graph\n"
    "  why SOCKET [REF]   who waits for whom in a running program\n"
    "\n"
    "options:\n"
    "  --help             this text; also after a command\n"
    "  --version          version and build of the library\n"
    "\n"
    "Results go to stdout, progress and complaints to stderr.\n"
    "Exit status: 0 all well, 1 something failed, 2 the command line is wrong.\n"
    "See koken(1).\n";

int cli_misused(const char *command, const char *what, const char *word)
{
    fprintf(stderr, "koken%s%s: %s '%s'; see koken%s%s --help\n", command[0] != '\0' ? " " : "",
            command, what, word, command[0] != '\0' ? " " : "", command);
    return CLI_MISUSED;
}

/* Output that did not reach its file is a failure, not a success. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("koken: stdout");
        return status == CLI_OK ? CLI_FAILED : status;
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("koken: which command? see koken --help\n", stderr);
        return CLI_MISUSED;
    }
    const char *command = argv[1];
    if (strcmp(command, "bench") == 0) {
        return finish(cli_bench(argc - 1, argv + 1));
    }
    if (strcmp(command, "doctor") == 0) {
        return finish(cli_doctor(argc - 1, argv + 1));
    }
    if (strcmp(command, "lint") == 0) {
        return finish(cli_lint(argc - 1, argv + 1));
    }
    if (strcmp(command, "run") == 0) {
        return finish(cli_run(argc - 1, argv + 1));
    }
    if (strcmp(command, "sim") == 0) {
        return cli_sim(argc - 1, argv + 1);
    }
    if (strcmp(command, "stress") == 0) {
        return finish(cli_stress(argc - 1, argv + 1));
    }
    if (strcmp(command, "teg") == 0) {
        return finish(cli_teg(argc - 1, argv + 1));
    }
    if (strcmp(command, "why") == 0) {
        return finish(cli_why(argc - 1, argv + 1));
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        strcmp(command, "help") == 0) {
        fputs(help_text, stdout);
        return finish(CLI_OK);
    }
    if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0) {
        printf("%s\n", koken_build_info());
        return finish(CLI_OK);
    }
    return cli_misused("", command[0] == '-' ? "unknown option" : "unknown command", command);
}
