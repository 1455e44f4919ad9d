/* SPDX-License-Identifier: Apache-2.0 */
/* Threads, by pthread. */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/platform/platform.h"
#include "base/world.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

_Static_assert(sizeof(pthread_t) == sizeof(void *), "a pthread_t is kept in kn_thread.handle");

/* Handed to the new thread, which frees it. */
struct beginning {
    void (*fn)(void *);
    void *arg;
    char name[16]; /* the kernel shows 15 characters */
};

static void *begin(void *arg)
{
    struct beginning b = *(struct beginning *)arg;
    kn_free(arg, sizeof b, _Alignof(struct beginning));
    (void)pthread_setname_np(pthread_self(), b.name);
    /* The kernel may let a sleep last 50 us longer, to wake less often. Our sleeps are deadlines of
     * timers, and an idle thread has none: be on time. Refused (it never is): as late as before. */
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    b.fn(b.arg);
    return NULL;
}

/* A new thread inherits the mask of its maker: faults and profilers get through, all else stays
 * out. */
static void block_signals(sigset_t *ret_old)
{
    static const int let_through[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL,
                                      SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigset_t blocked;
    (void)sigfillset(&blocked);
    for (size_t i = 0; i < sizeof let_through / sizeof let_through[0]; ++i) {
        (void)sigdelset(&blocked, let_through[i]);
    }
    int rc = pthread_sigmask(SIG_SETMASK, &blocked, ret_old);
    KOKEN_CHECK(rc == 0);
}

int kn_platform_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *),
                             void *arg)
{
    KOKEN_CHECK(thread->handle == NULL);
    struct beginning *b = kn_alloc(sizeof *b, _Alignof(struct beginning), -1);
    if (b == NULL) {
        return -ENOMEM;
    }
    *b = (struct beginning){.fn = fn, .arg = arg};
    memcpy(b->name, name, strnlen(name, sizeof b->name - 1));

    sigset_t old;
    pthread_t self;
    block_signals(&old);
    int rc = pthread_create(&self, NULL, begin, b);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        kn_free(b, sizeof *b, _Alignof(struct beginning));
        return rc == ENOMEM ? -ENOMEM : -EAGAIN;
    }
    thread->handle = (void *)self;
    return 0;
}

void kn_platform_thread_join(struct kn_thread *thread)
{
    KOKEN_CHECK(thread->handle != NULL);
    int rc = pthread_join((pthread_t)thread->handle, NULL);
    KOKEN_CHECK(rc == 0); /* else joined twice, or by itself */
    thread->handle = NULL;
}

void kn_platform_thread_yield(void)
{
    (void)sched_yield();
}
