/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a thread which is asked answers with its stack, and that who serves nothing is left alone. */
#include "base/look.h"

#include "base/align.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct kn_look look;
static KN_TLS struct kn_look *served;
static kn_atomic(uint32_t) is_there, may_go;

static struct kn_look *where(void)
{
    return served;
}

KN_NOINLINE static void loiter(void)
{
    kn_store(&is_there, 1, release);
    while (kn_load(&may_go, acquire) == 0) {
        kn_thread_yield();
    }
    kn_store(&is_there, 0, release); /* not the last call: it stays on the stack */
}

static void watched(void *arg)
{
    struct kn_look_thread thread = {0};
    kn_look_enter(&thread);
    kn_look_serve(&look, &thread);
    served = arg;
    loiter();
    served = NULL;
    kn_look_leave(&thread);
    cr_expect_eq(thread.number, 0);
}

static void begin(struct kn_thread *thread, void *serves)
{
    kn_store(&is_there, 0, relaxed);
    kn_store(&may_go, 0, relaxed);
    memset(&look, 0, sizeof look);
    cr_assert_eq(kn_thread_start(thread, "watched", watched, serves), 0);
    while (kn_load(&is_there, acquire) == 0) {
        kn_thread_yield();
    }
}

static void end(struct kn_thread *thread)
{
    kn_store(&may_go, 1, release);
    kn_thread_join(thread);
}

static bool can_look(void)
{
    (void)kn_world_init();
    return kn_look_init(where) == 0;
}

Test(look, a_thread_says_where_it_is)
{
    struct kn_thread thread = {0};
    const void *frames[KN_LOOK_FRAMES];
    char text[200];
    if (!can_look()) {
        return; /* MemorySanitizer */
    }
    begin(&thread, &look);
    cr_assert_eq(kn_look_take(&look, frames), 0);
    for (int i = 0; i < 100; i++) {
        unsigned count = 0;
        bool is_named = false;
        cr_assert_eq(kn_look_ask(&look), 0);
        while ((count = kn_look_take(&look, frames)) == 0) { /* in vain: the test's time limit */
            kn_thread_yield();
        }
        cr_assert_leq(count, KN_LOOK_FRAMES);
        for (unsigned k = 0; k < count && i == 0; k++) {
            cr_assert_gt(kn_look_name(frames[k], text, sizeof text), 0);
            is_named = is_named || strstr(text, " loiter");
        }
        cr_assert(is_named || i > 0, "the last frame: %s", text);
    }
    end(&thread);
}

/* A signal that comes when another look is served, or none, writes nowhere. */
Test(look, who_serves_nothing_writes_nothing)
{
    struct kn_thread thread = {0};
    const void *frames[KN_LOOK_FRAMES];
    if (!can_look()) {
        return;
    }
    begin(&thread, NULL);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(kn_look_ask(&look), 0);
        cr_assert_eq(kn_look_ask(&look), -EBUSY);
        kn_thread_yield();
        cr_assert_eq(kn_look_take(&look, frames), 0);
        kn_look_drop(&look);
    }
    end(&thread);
    cr_assert_eq(kn_load(&look.state, relaxed), KN_LOOK_IDLE);
}

/* An answer that is dropped makes room for the next one; nobody to ask is an error. */
Test(look, answers_may_be_dropped)
{
    struct kn_thread thread = {0};
    struct kn_look nobody = {0};
    if (!can_look()) {
        return;
    }
    cr_assert_eq(kn_look_ask(&nobody), -ESRCH);
    kn_store(&nobody.thread, UINT32_MAX / 2, relaxed); /* beyond what the system counts to */
    cr_assert_eq(kn_look_ask(&nobody), -ESRCH);
    begin(&thread, &look);
    for (int i = 0; i < 100; i++) {
        int rc = kn_look_ask(&look);
        cr_assert(rc == 0 || rc == -EBUSY);
        while (rc == 0 && i % 2 == 0 && kn_load(&look.state, acquire) != KN_LOOK_DONE) {
            kn_thread_yield();
        }
        kn_look_drop(&look);
    }
    end(&thread);
}

Test(look, names_are_cut_and_never_missing)
{
    char text[200], small[8];
    int length = kn_look_name((const char *)(uintptr_t)can_look + 1, text, sizeof text);
    cr_assert_not_null(strstr(text, " can_look+0x1"), "%s", text);
    cr_assert_eq((size_t)length, strlen(text));
    cr_assert_eq(kn_look_name((const void *)(uintptr_t)can_look, small, sizeof small), 7);
    cr_assert_eq(strncmp(small, text, 7), 0);
    cr_assert_gt(kn_look_name((const void *)(uintptr_t)strlen, text, sizeof text),
                 0); /* a library's */
    cr_assert_gt(kn_look_name((const void *)(uintptr_t)16, text, sizeof text), 0);
    cr_assert_not_null(strstr(text, "0x10"), "%s", text);
}
