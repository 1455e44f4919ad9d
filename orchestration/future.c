/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures and promises. What waits for a future is a list under its lock. Completing it writes error and value, takes the
 * whole list off, and says DONE in one hold of the lock; from then on nobody hangs anything on, and the list is the
 * completer's. So each waiter is called once: by the completer that found it in the list, or by itself if it found DONE.
 *
 * The completer calls them in a *wave*: a queue of completed futures of the calling thread. If a function completes another
 * future, that goes to the end of the queue of the wave under way instead of onto the stack.
 */
#include "orchestration/future.h"

#include "actors/bell.h"
#include "actors/request.h"
#include "base/alloc.h"

#include <errno.h>
#include <string.h>

enum { MAGIC = 0x4b4e4655, GONE = 0x656e6f67 };

struct wave {
    struct koken_future *first, *last;
    struct kn_list late; /* of thens that found their future complete */
};

static KN_TLS struct wave *wave_here; /* under way on this thread */
KN_TLS_SIMULATED(wave_here);

/* ---- counting -------------------------------------------------------------------------------- */

bool kn_is_future(const struct koken_future *future)
{
    return future && future->magic == MAGIC;
}

struct koken_future *kn_future_new(size_t value_size)
{
    if (value_size > UINT32_MAX - sizeof(struct koken_future)) {
        return NULL;
    }
    struct koken_future *future =
        kn_alloc(sizeof *future + value_size, _Alignof(struct koken_future), -1);
    if (future) {
        kn_atomic_init(&future->owners, 2);
        kn_atomic_init(&future->state, KN_FUTURE_PENDING);
        future->lock = (struct kn_lock){0};
        future->magic = MAGIC;
        future->error = 0;
        future->size = (uint32_t)value_size;
        future->index = 0;
        kn_list_init(&future->thens);
    }
    return future;
}

struct koken_future *koken_future_keep(struct koken_future *future)
{
    if (future) {
        KOKEN_CHECK(kn_is_future(future));
        (void)kn_add(&future->owners, 1, relaxed); /* relaxed: by one who has a share */
    }
    return future;
}

void koken_future_drop(struct koken_future *future)
{
    if (!future) {
        return;
    }
    KOKEN_CHECK(kn_is_future(future));
    /* [OF2] acquire: what the others did, release: what this one did. The last one needs no exchange. */
    if (kn_load(&future->owners, acquire) == 1 || kn_sub(&future->owners, 1, acq_rel) == 1) {
        KN_ASSERT(kn_list_is_empty(&future->thens));
        future->magic = GONE;
        kn_free(future, sizeof *future + future->size, _Alignof(struct koken_future));
    }
}

/* ---- completing ------------------------------------------------------------------------------ */

/* All that hangs on it is called. */
static void call_thens(struct koken_future *future)
{
    while (!kn_list_is_empty(&future->thens)) { /* ends: nothing is hung on after DONE */
        struct kn_then *then = kn_container_of(future->thens.next, struct kn_then, link);
        kn_list_remove(&then->link);
        then->fn(then, future);
    }
}

static void run_wave(struct wave *wave)
{
    kn_callback_begin();
    for (;;) { /* ends: each future is completed once, and each then called once */
        struct koken_future *future = wave->first;
        if (future) {
            call_thens(future);
            wave->first = future->next; /* not before: it may have been the last */
            koken_future_drop(future);
        } else if (!kn_list_is_empty(&wave->late)) {
            struct kn_then *then = kn_container_of(wave->late.next, struct kn_then, link);
            kn_list_remove(&then->link);
            future = then->done;
            then->fn(then, future);
            koken_future_drop(future);
        } else {
            break;
        }
    }
    kn_callback_end();
}

/* Into the wave under way, or one of its own: the future's thens, or that one. */
static KN_NOINLINE void enter_wave(struct koken_future *take_future, struct kn_then *then)
{
    struct wave mine = {NULL, NULL, KN_LIST_INIT(mine.late)};
    struct wave *wave = wave_here ? wave_here : &mine;
    if (then) {
        then->done = take_future;
        kn_list_push_back(&wave->late, &then->link);
    } else {
        take_future->next = NULL;
        if (wave->first) {
            wave->last->next = take_future;
        } else {
            wave->first = take_future;
        }
        wave->last = take_future;
    }
    if (wave == &mine) {
        wave_here = wave;
        run_wave(wave);
        wave_here = NULL;
    }
}

void kn_future_call(struct koken_future *done, struct kn_then *then)
{
    KN_ASSERT(kn_future_is_done(done));
    enter_wave(koken_future_keep(done), then);
}

int kn_future_complete(struct koken_future *future, int error, const void *value)
{
    KN_ASSERT(error <= 0);
    kn_lock(&future->lock);
    if (kn_load(&future->state, relaxed) == KN_FUTURE_DONE) { /* relaxed: under the lock */
        kn_unlock(&future->lock);
        return -EALREADY;
    }
    future->error = error;
    if (value) {
        memcpy(future->value, value, future->size);
    }
    kn_list_each (link, &future->thens) {
        kn_container_of(link, struct kn_then, link)->is_on = false;
    }
    kn_store(&future->state, KN_FUTURE_DONE, release); /* [OF1] release: error and value */
    kn_unlock(&future->lock);
    if (kn_list_is_empty(&future->thens)) { /* ours now */
        koken_future_drop(future);
    } else {
        enter_wave(future, NULL);
    }
    return 0;
}

bool kn_future_attach(struct koken_future *future, struct kn_then *then)
{
    KN_ASSERT(then->fn != NULL);
    then->is_on = false;
    if (kn_future_is_done(future)) {
        return false;
    }
    kn_lock(&future->lock);
    /* Relaxed: under the lock it is written with. */
    then->is_on = kn_load(&future->state, relaxed) == KN_FUTURE_PENDING;
    bool is_on = then->is_on;
    if (is_on) {
        kn_list_push_back(&future->thens, &then->link);
    }
    kn_unlock(&future->lock);
    return is_on;
}

bool kn_future_detach(struct koken_future *future, struct kn_then *then)
{
    kn_lock(&future->lock);
    bool was_on = then->is_on;
    if (was_on) {
        then->is_on = false;
        kn_list_remove(&then->link);
    }
    kn_unlock(&future->lock);
    return was_on;
}

/* ---- promises -------------------------------------------------------------------------------- */

int koken_promise_new(size_t value_size, koken_promise *ret_promise,
                      struct koken_future **ret_future)
{
    if (!ret_promise || !ret_future) {
        return -EINVAL;
    }
    struct koken_future *future = kn_future_new(value_size);
    if (!future) {
        return -ENOMEM;
    }
    ret_promise->future = future;
    *ret_future = future;
    return 0;
}

static int use_up(koken_promise *promise, int error, const void *value, size_t size)
{
    if (!promise || (promise->future && !kn_is_future(promise->future))) {
        return -EINVAL;
    }
    if (!promise->future) {
        return -EALREADY;
    }
    if (error == 0 && (promise->future->size != size || (size && !value))) {
        return -EPROTO;
    }
    int rc = kn_future_complete(promise->future, error, value);
    if (rc == 0) {
        promise->future = NULL;
    }
    return rc;
}

int koken_promise_set_(koken_promise *promise, const void *value, size_t size)
{
    return use_up(promise, 0, value, size);
}

int koken_promise_done(koken_promise *promise)
{
    return use_up(promise, 0, NULL, 0);
}

int koken_promise_fail(koken_promise *promise, int error)
{
    return error < 0 ? use_up(promise, error, NULL, 0) : -EINVAL;
}

void koken_promise_drop(koken_promise *promise)
{
    if (promise && promise->future) {
        (void)use_up(promise, -EPROTO, NULL, 0); /* a copy has been used: its future is complete */
        promise->future = NULL;
    }
}

bool koken_promise_is_wanted(const koken_promise *promise)
{
    /* Relaxed: a moment's answer. */
    return promise && promise->future && kn_load(&promise->future->owners, relaxed) > 1;
}

static int made(int error, const void *value, size_t size, struct koken_future **ret_future)
{
    if (!ret_future || (size && !value)) {
        return -EINVAL;
    }
    struct koken_future *future = kn_future_new(size);
    if (!future) {
        return -ENOMEM;
    }
    (void)kn_future_complete(future, error, size ? value : NULL); /* the first time */
    *ret_future = future;
    return 0;
}

int koken_future_ready(const void *value, size_t size, struct koken_future **ret_future)
{
    return made(0, value, size, ret_future);
}

int koken_future_failed(int error, struct koken_future **ret_future)
{
    return error < 0 ? made(error, NULL, 0, ret_future) : -EINVAL;
}

/* ---- looking and waiting --------------------------------------------------------------------- */

int koken_future_peek(struct koken_future *future, const void **ret_value)
{
    if (!kn_is_future(future)) {
        return -EINVAL;
    }
    if (!kn_future_is_done(future)) {
        return -EAGAIN;
    }
    if (ret_value && future->error == 0) {
        *ret_value = future->value;
    }
    return future->error;
}

size_t koken_future_index(struct koken_future *future)
{
    return kn_is_future(future) && kn_future_is_done(future) ? future->index : 0;
}

struct waiting {
    struct kn_then then;
    struct kn_bell bell;
    struct koken_future *future;
};

static void on_end(struct kn_then *then, struct koken_future *done)
{
    (void)done;
    kn_bell_ring(&kn_container_of(then, struct waiting, then)->bell);
}

static bool leave(struct kn_bell *bell)
{
    struct waiting *waiting = kn_container_of(bell, struct waiting, bell);
    return kn_future_detach(waiting->future, &waiting->then);
}

static int wait_for_end(struct koken_future *future, uint64_t timeout_ns)
{
    struct waiting waiting = {.then = {.fn = on_end}, .future = future};
    int rc = kn_is_future(future) ? kn_bell_init(&waiting.bell, leave) : -EINVAL;
    if (rc < 0 || !kn_future_attach(future, &waiting.then)) {
        return rc;
    }
    waiting.bell.on = future;
    return kn_bell_wait(&waiting.bell, timeout_ns);
}

int koken_future_wait_(struct koken_future *future, uint64_t timeout_ns, void *ret_value,
                       size_t size)
{
    int rc = ret_value ? wait_for_end(future, timeout_ns) : -EINVAL;
    if (rc == 0) {
        rc = future->error;
    }
    if (rc == 0 && kn_future_is_done(future)) {
        if (future->size != size) {
            return -EPROTO;
        }
        memcpy(ret_value, future->value, size);
    }
    return rc;
}

int koken_future_join(struct koken_future *future, uint64_t timeout_ns)
{
    int rc = wait_for_end(future, timeout_ns);
    return rc == 0 ? future->error : rc;
}

/* ---- functions and messages ------------------------------------------------------------------ */

struct told {
    struct kn_then then;
    void (*fn)(void *arg, struct koken_future *future);
    void *arg;
    koken_ref who;
    uint64_t cookie;
};

static void free_told(struct told *told)
{
    kn_free(told, sizeof *told, _Alignof(struct told));
}

static void on_hook(struct kn_then *then, struct koken_future *done)
{
    struct told *told = kn_container_of(then, struct told, then);
    void (*fn)(void *arg, struct koken_future *future) = told->fn;
    void *arg = told->arg;
    free_told(told);
    fn(arg, done);
}

static void on_tell(struct kn_then *then, struct koken_future *done)
{
    struct told *told = kn_container_of(then, struct told, then);
    struct koken_future_done message = {
        .cookie = told->cookie, .error = done->error, .size = done->size};
    struct kn_local *local = kn_local_here();
    if (done->error == 0) {
        memcpy(message.value, done->value,
               done->size < sizeof message.value ? done->size : sizeof message.value);
    }
    if (!local) {
        kn_rcu_visit();
    }
    /* Dead, or without memory: nobody to tell. */
    (void)kn_post(local, told->who.id, &koken_type_koken_future_done, &message, 0, 0);
    if (!local) {
        kn_rcu_depart();
    }
    free_told(told);
}

static int tell(struct koken_future *future, const struct told *what)
{
    if (!kn_is_future(future)) {
        return -EINVAL;
    }
    struct told *told = kn_alloc(sizeof *told, _Alignof(struct told), -1);
    if (!told) {
        return -ENOMEM;
    }
    *told = *what;
    if (!kn_future_attach(future, &told->then)) {
        kn_future_call(future, &told->then);
    }
    return 0;
}

int koken_future_hook(struct koken_future *future,
                      void (*fn)(void *arg, struct koken_future *future), void *arg)
{
    struct told told = {.then = {.fn = on_hook}, .fn = fn, .arg = arg};
    return fn ? tell(future, &told) : -EINVAL;
}

int koken_future_tell(struct koken_future *future, koken_ref who, uint64_t cookie)
{
    struct told told = {.then = {.fn = on_tell}, .who = who, .cookie = cookie};
    return tell(future, &told);
}
