/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a thread by a real-time signal, and walking its stack in the handler. The walk is the compiler's own,
 * by its unwind tables (as C++ exceptions and the C library's backtrace() do it), so that code without frame
 * pointers is walked too; it ends where the tables say that there is no caller: at the first function of a
 * thread, and of a fiber (switch.S). The first walk may load or set up what it needs, so it is made here and not
 * in a handler.
 *
 * The handler has a stack of its own: a fiber's may be too full for it.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/platform/platform.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

enum { HANDLER_STACK = 64 * 1024, WALK_MAX = 64 };

static int kn_ask_signal; /* both written once, before anybody may be asked */
static void (*kn_ask_handler)(const void *interrupted);

struct walk {
    const void *frames[WALK_MAX];
    unsigned count, max;
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    int is_before = 0;
    uintptr_t ip = _Unwind_GetIPInfo(context, &is_before);

    if (ip == 0 || walk->count == walk->max) {
        return _URC_END_OF_STACK;
    }
    /* A return address may belong to the next function; what was interrupted has not been run yet. */
    walk->frames[walk->count++] = (const void *)(is_before ? ip : ip - 1);
    return _URC_NO_REASON;
}

unsigned kn_platform_unwind(const void *interrupted, const void **ret_frames, unsigned max)
{
    struct walk walk = {.max = WALK_MAX};
    unsigned first = 0, count;

    (void)_Unwind_Backtrace(note_frame, &walk);
    /* The handler's own frames come first. A sanitizer may have called it later, from elsewhere. */
    for (unsigned i = 0; i < walk.count && first == 0; i++) {
        first = walk.frames[i] == interrupted ? i : 0;
    }
    count = walk.count - first < max ? walk.count - first : max;
    for (unsigned i = 0; i < count; i++) {
        ret_frames[i] = walk.frames[first + i];
    }
    return count;
}

static const void *interrupted_at(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (const void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (const void *)context->uc_mcontext.pc;
#else
#error "no port"
#endif
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    int saved = errno;

    (void)number;
    (void)info;
    kn_ask_handler(interrupted_at(context));
    errno = saved;
}

/* The highest signal that has no meaning yet gets ours. The two above are other tools'. */
static int take_signal(void)
{
    struct sigaction ours = {.sa_sigaction = on_signal,
                             .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

    (void)sigfillset(&ours.sa_mask);
    for (int number = SIGRTMAX - 2; number >= SIGRTMIN; number--) { /* ends: some tens */
        struct sigaction old;
        if (sigaction(number, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) &&
            old.sa_handler == SIG_DFL && sigaction(number, &ours, NULL) == 0) {
            return number;
        }
    }
    return -EBUSY;
}

int kn_platform_ask_init(void (*handler)(const void *interrupted))
{
#ifdef KN_MSAN
    (void)handler, (void)take_signal; /* the walk writes in code that MemorySanitizer cannot see */
    return -ENOTSUP;
#else
    struct walk walk = {.max = 4};
    int rc;

    KN_ASSERT(handler != NULL);

    (void)_Unwind_Backtrace(note_frame, &walk);
    if (walk.count == 0) {
        return -ENOTSUP;
    }
    kn_ask_handler = handler;
    rc = take_signal();
    kn_ask_signal = rc > 0 ? rc : 0;
    return rc > 0 ? 0 : rc;
#endif
}

uint32_t kn_platform_ask_enter(void **ret_stack)
{
    stack_t had;
    sigset_t ours;

    KN_ASSERT(ret_stack != NULL);
    *ret_stack = NULL;
    if (sigaltstack(NULL, &had) != 0) {
        return 0;
    }
    if (had.ss_flags & SS_DISABLE) { /* else a sanitizer's */
        void *stack = kn_map(HANDLER_STACK, -1);
        stack_t own = {.ss_sp = stack, .ss_size = HANDLER_STACK};
        if (stack == NULL) {
            return 0;
        }
        if (sigaltstack(&own, NULL) != 0) {
            kn_unmap(stack, HANDLER_STACK);
            return 0;
        }
        *ret_stack = stack;
    }
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, kn_ask_signal);
    (void)pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    return (uint32_t)syscall(SYS_gettid);
}

void kn_platform_ask_leave(void *stack)
{
    sigset_t ours;

    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, kn_ask_signal);
    (void)pthread_sigmask(SIG_BLOCK, &ours, NULL);
    if (stack != NULL) {
        stack_t none = {.ss_flags = SS_DISABLE};
        int rc = sigaltstack(&none, NULL);
        KOKEN_CHECK(rc == 0);
        kn_unmap(stack, HANDLER_STACK);
    }
}

bool kn_platform_ask(uint32_t thread)
{
    return syscall(SYS_tgkill, getpid(), thread, kn_ask_signal) == 0;
}
