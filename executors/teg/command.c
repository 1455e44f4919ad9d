/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: a node that is a child process. A thread of the pool starts it in a process group of its own, reads
 * what it writes until nobody has the pipe open any more, and reaps it. A cancelled call kills the group.
 *
 * The group's number may be given to somebody else as soon as the child is reaped, so the child is waited for
 * first without reaping (WNOWAIT), then the hook is taken back, which waits for one that runs, and only then it
 * is reaped.
 */
#include "executors/teg/graph.h"

#include "base/alloc.h"
#include "orchestration/either.h"

#include <koken/teg_io.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MOST = 4096, OUTPUT_FIRST = 4096, OUTPUT_MOST = 1 << 20 };

extern char **environ;

struct output {
    char *bytes;
    size_t size, room;
};

/* Starts argv with its output into `fd`. Errors: -EINVAL it cannot be; -EAGAIN no process, -ENOMEM. */
static int start(char *const *argv, int fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, some;
    KN_ASSERT(argv[0] && fd >= 0);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return -ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    (void)sigemptyset(&none);
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGPIPE);
    int rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, fd, STDERR_FILENO);
    rc = rc ? rc : posix_spawnattr_setsigmask(&attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(&attributes, &some);
    rc = rc ? rc
            : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc : posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (rc == ENOMEM || rc == EAGAIN) {
        return -rc;
    }
    KN_ASSERT(rc || *ret_pid > 0); /* a group of its own: never 0, which would be ours */
    return rc ? -EINVAL : 0;
}

/* Room for more output; without memory what is there is used again and again. */
static void make_room(struct output *output)
{
    KN_ASSERT(output->size == output->room);
    size_t room = output->room ? output->room * 2 : (size_t)OUTPUT_FIRST;
    char *bytes = room <= OUTPUT_MOST ? kn_alloc(room, 1, -1) : NULL;
    if (bytes) {
        if (output->bytes) {
            memcpy(bytes, output->bytes, output->size);
            kn_free(output->bytes, output->room, 1);
        }
        output->bytes = bytes;
        output->room = room;
    }
}

/* Reads until the pipe is closed; what is too much is read and dropped. */
static void read_all(int fd, struct output *output)
{
    char rest[OUTPUT_FIRST];
    ssize_t got = 1;
    while (got > 0 || (got < 0 && errno == EINTR)) { /* ends: nobody writes any more */
        if (output->size == output->room) {
            make_room(output);
        }
        bool has_room = output->size < output->room;
        got = has_room ? read(fd, output->bytes + output->size, output->room - output->size)
                       : read(fd, rest, sizeof rest);
        output->size += got > 0 && has_room ? (size_t)got : 0;
        KN_ASSERT(output->size <= output->room);
    }
}

static void kill_group(void *arg)
{
    (void)kill(-*(const pid_t *)arg, SIGKILL);
}

/* Waits for the child and reaps it. Answers its exit status, or 128 and the signal that ended it. */
static int reap(struct koken_teg_call *call, pid_t pid)
{
    KN_ASSERT(pid > 0);
    siginfo_t info;
    int status = 0;
    int rc;
    do { /* ends: it has ended */
        rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    } while (rc < 0 && errno == EINTR);
    kn_either_way(koken_teg_on_cancel(call, NULL, NULL)); /* on the pool it does not fail */
    do {                                                  /* ends: it has ended */
        rc = (int)waitpid(pid, &status, 0);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        return 127; /* somebody else in this process has reaped it */
    }
    KN_ASSERT(WIFSIGNALED(status) || WIFEXITED(status));
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_command(struct koken_teg_call *call)
{
    char *argv[ARGS_MOST + 1];
    union {
        const char *from;
        char *to; /* posix_spawn does not write to it */
    } arg = {koken_teg_arg(call)};
    const char *end = arg.from + koken_teg_arg_size(call);
    struct output output = {0};
    int pipes[2], count = 0;
    pid_t pid = 0;
    while (arg.from < end && count < ARGS_MOST) {
        argv[count++] = arg.to;
        arg.from += strlen(arg.from) + 1;
    }
    KN_ASSERT(count > 0 && arg.from == end); /* as koken_teg_add_command has packed them */
    argv[count] = NULL;
    if (pipe2(pipes, O_CLOEXEC) < 0) {
        return -EAGAIN;
    }
    int rc = start(argv, pipes[1], &pid);
    (void)close(pipes[1]);
    if (rc == 0) {
        kn_either_way(koken_teg_on_cancel(call, kill_group, &pid)); /* likewise */
        read_all(pipes[0], &output);
        int status = reap(call, pid);
        koken_teg_answer(call, status);
        rc = status == 0 ? 0 : -EPROTO;
    }
    (void)close(pipes[0]);
    if (output.bytes) {
        int kept = koken_teg_answer_bytes(call, output.bytes, output.size);
        rc = rc < 0 ? rc : kept;
        kn_free(output.bytes, output.room, 1);
    }
    return rc;
}

koken_teg_node koken_teg_add_command(struct koken_teg *teg, const struct koken_teg_effect *effect,
                                     const char *const *argv)
{
    struct koken_teg_effect whole = effect ? *effect : (struct koken_teg_effect){0};
    size_t size = 0, at = 0;
    uint32_t count = 0;
    koken_teg_node node = {0};
    for (; argv && argv[count] && count < ARGS_MOST; count++) {
        size += strlen(argv[count]) + 1;
    }
    if (count == 0 || argv[count]) {
        kn_teg_note(teg, KOKEN_TEG_BAD_NODE, teg->count + 1, 0);
        return node;
    }
    char *packed = kn_alloc(size, 1, -1);
    if (!packed) {
        kn_teg_note(teg, KOKEN_TEG_NO_MEMORY, 0, 0);
        return node;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t len = strlen(argv[i]) + 1;
        memcpy(packed + at, argv[i], len);
        at += len;
    }
    KN_ASSERT(at == size);
    whole.run = run_command;
    whole.place = KOKEN_TEG_ON_POOL;
    whole.tag = whole.tag ? whole.tag : argv[0];
    whole.arg = packed;
    whole.arg_size = size;
    node = koken_teg_add(teg, &whole);
    kn_free(packed, size, 1);
    return node;
}
