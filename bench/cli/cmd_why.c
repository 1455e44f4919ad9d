/* SPDX-License-Identifier: Apache-2.0 */
/* koken why: who waits for whom in a running program. The other side is actors/window.c. */
#include "bench/cli/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char help_text[] =
    "usage: koken why SOCKET [REF]\n"
    "\n"
    "Asks a running program what its agents are doing. Start it with the environment variable\n"
    "KOKEN_WHY=SOCKET; the file is made by koken_start() and goes with koken_stop().\n"
    "\n"
    "  REF   a handle as koken_why() and the log write it: what that agent does, for whom it\n"
    "        waits and since when, and so on along the chain\n"
    "\n"
    "Without REF, a line for each agent that runs, waits, or has messages.\n"
    "Exit status: 0 answered, 1 no such agent or nobody there, 2 misuse.\n";

static int ask(const char *path, const char *question)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[4096];
    size_t room = sizeof address.sun_path - 1;
    int status = CLI_OK;
    if (strlen(path) > room) {
        fprintf(stderr, "koken why: %s: %s\n", path, strerror(ENAMETOOLONG));
        return CLI_FAILED;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        send(fd, question, strlen(question), MSG_NOSIGNAL) < 0 ||
        send(fd, "\n", 1, MSG_NOSIGNAL) < 0) {
        fprintf(stderr, "koken why: %s: %s\n", path, strerror(errno));
        status = CLI_FAILED;
    }
    bool is_first = true;
    while (status == CLI_OK || !is_first) { /* ends: the stream does */
        ssize_t got = read(fd, text, sizeof text);
        if (got <= 0) {
            status = got < 0 || is_first ? CLI_FAILED : status;
            break;
        }
        if (is_first && got >= 7 && memcmp(text, "koken: ", 7) == 0) {
            status = CLI_FAILED;
        }
        is_first = false;
        (void)fwrite(text, 1, (size_t)got, status == CLI_OK ? stdout : stderr);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

int cli_why(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help_text, stdout);
        return CLI_OK;
    }
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        return cli_misused("why", argc < 2 ? "missing" : "unknown argument",
                           argc < 2 ? "SOCKET" : argv[argc - 1]);
    }
    if (argc == 3 &&
        (argv[2][0] == '\0' || strspn(argv[2], "0123456789abcdefABCDEF") != strlen(argv[2]))) {
        return cli_misused("why", "not a handle", argv[2]);
    }
    return ask(argv[1], argc == 3 ? argv[2] : "");
}
