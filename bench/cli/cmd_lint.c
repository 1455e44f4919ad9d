/* SPDX-License-Identifier: Apache-2.0 */
/*
 * koken lint: who may touch this memory. The work is done by lint.py, which is looked for beside the
 * tool: in PREFIX/share/koken/lint of an installation, in caps/lint of a source tree, or where
 * KOKEN_LINT says.
 */
#include "bench/cli/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, WORDS_MAX = 4096 };

static const char help_text[] =
    "usage: koken lint [OPTION...] FILE... [-- COMPILER-OPTION...]\n"
    "       koken lint [OPTION...] -p BUILD-FOLDER [FILE...]\n"
    "\n"
    "Reports what breaks the rules of koken/caps.h, one line per place, with advice. Runs gcc,\n"
    "clang with its thread-safety analysis, clang-query and objdump over each file.\n"
    "\n"
    "  -p FOLDER      how files are compiled: the folder of compile_commands.json, or the file\n"
    "  --deep         gcc -fanalyzer too: finds more, takes longer\n"
    "  --sarif FILE   write the reports as SARIF 2.1.0 too\n"
    "  --partial      go on when clang or clang-query is missing\n"
    "  -j COUNT       files at the same time\n"
    "\n"
    "Exit status: 0 nothing to report, 1 something, 2 it could not be checked.\n";

/* Is the script in this folder? */
static bool try_folder(char *path, const char *folder, size_t length, const char *below)
{
    int written = snprintf(path, PATH_ROOM, "%.*s/%slint.py", (int)length, folder, below);
    return written > 0 && written < PATH_ROOM && access(path, R_OK) == 0;
}

static bool find_script(char *path)
{
    static const char *const below[] = {"share/koken/lint/", "caps/lint/"};
    const char *told = getenv("KOKEN_LINT");
    if (told != NULL) {
        return try_folder(path, told, strlen(told), "");
    }
    char self[PATH_ROOM];
    ssize_t got = readlink("/proc/self/exe", self, sizeof self - 1);
    if (got <= 0) {
        return false;
    }
    self[got] = '\0';
    for (char *end = strrchr(self, '/'); end != NULL; end = strrchr(self, '/')) {
        *end = '\0';
        for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
            if (try_folder(path, self, strlen(self), below[i])) {
                return true;
            }
        }
    }
    return false;
}

int cli_lint(int argc, char **argv)
{
    static char script[PATH_ROOM];
    static char *words[WORDS_MAX];
    static char python[] = "python3";
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help_text, stdout);
        return CLI_OK;
    }
    if (argc + 2 > WORDS_MAX) {
        return cli_misused("lint", "too many words, the last is", argv[argc - 1]);
    }
    if (!find_script(script)) {
        fputs("koken lint: lint.py is neither installed nor in a source tree around this program; "
              "KOKEN_LINT=FOLDER says where it is\n",
              stderr);
        return CLI_MISUSED;
    }
    words[0] = python;
    words[1] = script;
    for (int i = 1; i < argc; i++) {
        words[i + 1] = argv[i];
    }
    fflush(stdout);
    execvp(words[0], words); /* its exit status is ours */
    fprintf(stderr, "koken lint: needs python3, which cannot be run: %s\n", strerror(errno));
    return CLI_MISUSED;
}
