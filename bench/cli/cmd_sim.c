/* SPDX-License-Identifier: Apache-2.0 */
/*
 * koken sim: the whole runtime under many seeds. The work is done by koken-sim, which lies beside the tool: it is
 * linked with the library that holds the simulator, and one program cannot hold both.
 */
#include "bench/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

int cli_sim(int argc, char **argv)
{
    static char name[] = "koken-sim";
    char path[PATH_ROOM + sizeof name];
    ssize_t got = readlink("/proc/self/exe", path, PATH_ROOM);
    (void)argc;
    if (got > 0) {
        path[got] = '\0';
        char *slash = strrchr(path, '/');
        memcpy(slash != NULL ? slash + 1 : path, name, sizeof name);
        argv[0] = name;
        (void)execv(path, argv);
    }
    fprintf(stderr, "koken sim: %s: %s\n", got > 0 ? path : name, strerror(errno));
    return CLI_FAILED;
}
