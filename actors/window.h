/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window: a socket of the file system through which `koken why` looks into a runtime, if the environment
 * variable KOKEN_WHY says where it shall be (of several runtimes in a process, the first has it).
 *
 * It is answered by a thread of its own, not by an agent: it is asked when nothing goes on. The thread sleeps in
 * poll() until somebody asks, runs nobody's code, and takes no lock longer than a report takes it. Without the
 * variable there is no thread and no socket.
 *
 *     question: a handle in hexadecimal, or an empty line for all agents that do not sleep; and a line feed
 *     answer:   the lines of koken_why, or one that begins with "koken: "; then the end of the stream
 */
#ifndef KN_ACTORS_WINDOW_H
#define KN_ACTORS_WINDOW_H

#include "base/world.h"

struct koken;

struct kn_window {
    struct kn_thread thread;
    struct koken *rt; /* (c) */
    int listener;     /* (c) -1: there is none */
    int bell;         /* (c) an eventfd: rings when the thread is to end */
    char path[108];   /* (c) what sockaddr_un has room for */
};

/* Opens the window at path; a failure is a line in the log, no more. path NULL or empty: none. */
void kn_window_open(struct koken *rt, const char *path);

/* Closes it. Thread: the one that stops the runtime, before its agents are freed. */
void kn_window_close(struct koken *rt);

#endif
