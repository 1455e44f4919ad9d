/* SPDX-License-Identifier: Apache-2.0 */
/* See look.h. The port sends the signal and walks the stack; here is who may touch what, when. */
#include "base/look.h"

#include "base/assert.h"
#include "base/platform/platform.h"
#include "base/world.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t kn_look_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kn_look *(*kn_look_where)(void); /* written once, before the signal has a handler */
static int kn_look_result;                     /* (m) of the one attempt */

/* In a signal handler. */
static void on_ask(const void *interrupted)
{
    struct kn_look *look = kn_look_where();
    uint32_t state = KN_LOOK_ASKED;

    /* [BL1] acquire: who took the last answer has read it. */
    if (look == NULL || !kn_cas_strong(&look->state, &state, KN_LOOK_BUSY, acquire, relaxed)) {
        return;
    }
    look->count = kn_platform_unwind(interrupted, look->frames, KN_LOOK_FRAMES);
    KN_ASSERT(look->count <= KN_LOOK_FRAMES);
    kn_store(&look->state, KN_LOOK_DONE, release); /* [BL2] release: the frames */
}

int kn_look_init(struct kn_look *(*where)(void))
{
    int rc;

    KN_ASSERT(where != NULL);
    if (kn_world_is_simulated()) {
        return -ENOTSUP;
    }
    pthread_mutex_lock(&kn_look_lock);
    if (kn_look_where == NULL) {
        kn_look_where = where;
        kn_look_result = kn_platform_ask_init(on_ask);
    }
    rc = kn_look_result;
    pthread_mutex_unlock(&kn_look_lock);
    return rc;
}

void kn_look_enter(struct kn_look_thread *thread)
{
    KN_ASSERT(thread->number == 0);
    thread->number = kn_world_is_simulated() ? 0 : kn_platform_ask_enter(&thread->stack);
}

void kn_look_leave(struct kn_look_thread *thread)
{
    if (thread->number != 0) {
        kn_platform_ask_leave(thread->stack);
    }
    *thread = (struct kn_look_thread){0};
}

int kn_look_ask(struct kn_look *look)
{
    uint32_t thread = kn_load(&look->thread, relaxed); /* relaxed: see kn_look_serve() */
    uint32_t state = KN_LOOK_IDLE;

    if (thread == 0) {
        return -ESRCH;
    }
    /* [BL1] release: an earlier answer has been read. */
    if (!kn_cas_strong(&look->state, &state, KN_LOOK_ASKED, release, relaxed)) {
        return -EBUSY;
    }
    if (!kn_platform_ask(thread)) {
        kn_look_drop(look);
        return -ESRCH;
    }
    return 0;
}

unsigned kn_look_take(struct kn_look *look, const void *ret_frames[KN_LOOK_FRAMES])
{
    unsigned count;

    /* [BL2] acquire: the frames. */
    if (kn_load(&look->state, acquire) != KN_LOOK_DONE) {
        return 0;
    }
    count = look->count;
    KN_ASSERT(count <= KN_LOOK_FRAMES);
    for (unsigned i = 0; i < count; i++) {
        ret_frames[i] = look->frames[i];
    }
    kn_store(&look->state, KN_LOOK_IDLE, relaxed); /* relaxed: the next ask releases */
    return count;
}

void kn_look_drop(struct kn_look *look)
{
    uint32_t state = KN_LOOK_ASKED;

    /* Relaxed: nothing has been written. [BL2] acquire: the next to write may be another thread. */
    if (!kn_cas_strong(&look->state, &state, KN_LOOK_IDLE, relaxed, relaxed) &&
        kn_load(&look->state, acquire) == KN_LOOK_DONE) {
        kn_store(&look->state, KN_LOOK_IDLE, relaxed); /* relaxed: the next ask releases */
    }
}

int kn_look_name(const void *frame, char *text, size_t size)
{
    return kn_platform_symbol(frame, text, size);
}
