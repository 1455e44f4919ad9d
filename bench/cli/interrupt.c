/* SPDX-License-Identifier: Apache-2.0 */
/* A thread waits for the signals, which all others have blocked: so what they call may take locks. */
#include "bench/cli/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static sigset_t watched, before;
static bool is_watching, is_ending; /* (m) */
static int came;                    /* (m) the first one's number */
static void (*aim)(void *arg);      /* (m) */
static void *aim_arg;

/* As if it had not been caught. Comes back only if it is ignored. */
static void do_as_before(int number)
{
    sigset_t one;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, number);
    (void)pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    (void)raise(number);
}

static void *watch(void *arg)
{
    bool is_over = false;
    while (!is_over) { /* ends: cli_interrupt_end says so */
        int number = 0;
        if (sigwait(&watched, &number) != 0) {
            return arg;
        }
        (void)pthread_mutex_lock(&lock);
        bool is_second = came != 0;
        is_over = is_ending;
        if (!is_over && !is_second) {
            came = number;
            if (aim) {
                aim(aim_arg);
            }
        }
        (void)pthread_mutex_unlock(&lock);
        if (!is_over && is_second) {
            do_as_before(number);
        }
    }
    return arg;
}

int cli_interrupt_begin(void)
{
    (void)sigemptyset(&watched);
    (void)sigaddset(&watched, SIGINT);
    (void)sigaddset(&watched, SIGTERM);
    (void)sigaddset(&watched, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &watched, &before);
    is_watching = pthread_create(&thread, NULL, watch, NULL) == 0;
    if (!is_watching) {
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return is_watching ? 0 : -1;
}

void cli_interrupt_aim(void (*fn)(void *arg), void *arg)
{
    (void)pthread_mutex_lock(&lock);
    aim = fn;
    aim_arg = arg;
    if (fn && came) {
        fn(arg);
    }
    (void)pthread_mutex_unlock(&lock);
}

int cli_interrupt_came(void)
{
    (void)pthread_mutex_lock(&lock);
    int number = came;
    (void)pthread_mutex_unlock(&lock);
    return number;
}

void cli_interrupt_end(void)
{
    if (!is_watching) {
        return;
    }
    (void)pthread_mutex_lock(&lock);
    is_ending = true;
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_kill(thread, SIGTERM); /* to this thread: it looks */
    (void)pthread_join(thread, NULL);
    is_watching = false;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (came) {
        (void)fflush(NULL);
        do_as_before(came);
    }
}
