/* SPDX-License-Identifier: Apache-2.0 */
/* See overflow.h. */
#include "mailbox/overflow.h"

#include "base/alloc.h"
#include "base/assert.h"

/* In the word of the bytes. */
#define PRESSED ((uint64_t)1 << 63)

struct kn_overflow *kn_overflow_new(uint64_t bytes_max, uint64_t bytes_low)
{
    KN_ASSERT(bytes_low <= bytes_max);
    KN_ASSERT(bytes_max < PRESSED);
    struct kn_overflow *o = kn_alloc(sizeof *o, KN_CACHE_LINE, -1);
    if (!o) {
        return NULL;
    }
    *o = (struct kn_overflow){.bytes_max = bytes_max, .bytes_low = bytes_low};
    o->waiters_end = &o->waiters;
    int rc = pthread_mutex_init(&o->lock, NULL);
    KOKEN_CHECK(rc == 0); /* a default mutex takes no resource on any platform we support */
    return o;
}

void kn_overflow_free(struct kn_overflow *o)
{
    if (!o) {
        return;
    }
    KN_ASSERT(!o->waiters);
    KN_ASSERT(!o->oldest);
    pthread_mutex_destroy(&o->lock);
    kn_free(o, sizeof *o, KN_CACHE_LINE);
}

bool kn_overflow_wait(struct kn_overflow *o, struct kn_room_waiter *waiter)
{
    pthread_mutex_lock(&o->lock);
    bool open = !o->closed;
    if (open) {
        waiter->next = NULL;
        *o->waiters_end = waiter;
        o->waiters_end = &waiter->next;
        o->waiter_count++;
    }
    pthread_mutex_unlock(&o->lock);
    return open;
}

/* Unlinks what *link points to. Under the lock. */
static struct kn_room_waiter *unlink_waiter(struct kn_overflow *o, struct kn_room_waiter **link)
{
    struct kn_room_waiter *waiter = *link;
    KN_ASSERT(waiter != NULL);
    KN_ASSERT(o->waiter_count > 0);
    o->waiter_count--;
    *link = waiter->next;
    if (o->waiters_end == &waiter->next) {
        o->waiters_end = link;
    }
    return waiter;
}

bool kn_overflow_unwait(struct kn_overflow *o, struct kn_room_waiter *waiter)
{
    bool found = false;
    pthread_mutex_lock(&o->lock);
    for (struct kn_room_waiter **link = &o->waiters; *link; link = &(*link)->next) {
        if (*link == waiter) {
            unlink_waiter(o, link);
            found = true;
            break;
        }
    }
    pthread_mutex_unlock(&o->lock);
    return found;
}

uint32_t kn_overflow_waiters(struct kn_overflow *o)
{
    pthread_mutex_lock(&o->lock);
    uint32_t count = o->waiter_count;
    pthread_mutex_unlock(&o->lock);
    return count;
}

uint32_t kn_overflow_wave(struct kn_overflow *o, uint32_t first, bool *ret_all)
{
    pthread_mutex_lock(&o->lock);
    uint32_t wave = first ? first : 2 * o->wave;
    *ret_all = wave >= o->waiter_count || wave == 0;
    if (*ret_all) {
        wave = o->waiter_count;
    }
    o->wave = wave;
    pthread_mutex_unlock(&o->lock);
    return wave;
}

bool kn_overflow_pop_waiter(struct kn_overflow *o, uint64_t *ret_who, uint64_t *ret_cookie)
{
    pthread_mutex_lock(&o->lock);
    bool found = o->waiters != NULL;
    if (found) {
        struct kn_room_waiter *waiter = unlink_waiter(o, &o->waiters);
        *ret_who = waiter->who;
        *ret_cookie = waiter->cookie;
    }
    pthread_mutex_unlock(&o->lock);
    return found;
}

void kn_overflow_close(struct kn_overflow *o)
{
    pthread_mutex_lock(&o->lock);
    o->closed = true;
    pthread_mutex_unlock(&o->lock);
}

bool kn_overflow_append(struct kn_overflow *o, struct kn_envelope *e, uint32_t max,
                        struct kn_envelope **ret_victim)
{
    struct kn_envelope *victim = NULL;
    KN_ASSERT(max >= 1);
    pthread_mutex_lock(&o->lock);
    bool open = !o->closed;
    if (open) {
        e->next = NULL;
        if (o->oldest) {
            o->newest->next = e;
        } else {
            o->oldest = e;
        }
        o->newest = e;
        if (++o->count > max) {
            victim = o->oldest;
            o->oldest = victim->next;
            o->count--;
        }
        *ret_victim = victim;
        KN_ASSERT(o->count >= 1);
        KN_ASSERT(o->count <= max);
        KN_ASSERT(o->newest->next == NULL);
    }
    pthread_mutex_unlock(&o->lock);
    return open;
}

struct kn_envelope *kn_overflow_pop(struct kn_overflow *o)
{
    pthread_mutex_lock(&o->lock);
    struct kn_envelope *e = o->oldest;
    if (e) {
        KN_ASSERT(o->count > 0);
        o->oldest = e->next;
        o->count--;
    }
    KN_ASSERT((o->oldest == NULL) == (o->count == 0));
    pthread_mutex_unlock(&o->lock);
    return e;
}

struct kn_envelope *kn_overflow_pop_type(struct kn_overflow *o, const struct koken_type *type)
{
    struct kn_envelope *before = NULL;
    pthread_mutex_lock(&o->lock);
    struct kn_envelope *e = o->oldest;
    while (e && e->type != type) { /* ends: the list is bounded */
        before = e;
        e = e->next;
    }
    if (e) {
        KN_ASSERT(o->count > 0);
        *(before ? &before->next : &o->oldest) = e->next;
        o->newest = o->newest == e ? before : o->newest;
        o->count--;
    }
    pthread_mutex_unlock(&o->lock);
    return e;
}

uint32_t kn_overflow_count(struct kn_overflow *o)
{
    pthread_mutex_lock(&o->lock);
    uint32_t count = o->count;
    pthread_mutex_unlock(&o->lock);
    return count;
}

/*
 * Who is refused sets the mark, and who brings the sum to the low mark clears it. It is only set while bytes
 * are reserved, so a release is to come that sees it. What fits never, however empty, sets none.
 *
 * All of it relaxed: a sum is bounded, nothing is handed over, and the lock of the line orders the rest. Who
 * enters the line after the relief has looked into it, looks at the mark after the mark was cleared. Who
 * entered before is found there. (test/model/overflow.c)
 */
bool kn_overflow_reserve(struct kn_overflow *o, uint64_t n, bool *opened)
{
    uint64_t word =
        kn_load(&o->bytes, relaxed); /* relaxed: the swap says whether it still stands */
    for (;;) {
        bool is_pressed = word & PRESSED;
        uint64_t bytes = word & ~PRESSED, next = bytes + n;
        KN_ASSERT(bytes <= o->bytes_max);
        if (n > o->bytes_max - bytes || (is_pressed && bytes > o->bytes_low)) {
            if (is_pressed || bytes == 0) {
                return false;
            }
            next = word | PRESSED;
        }
        if (kn_cas_weak(&o->bytes, &word, next, relaxed, relaxed)) { /* relaxed: as said */
            *opened |= is_pressed;
            return !(next & PRESSED);
        }
    }
}

bool kn_overflow_release(struct kn_overflow *o, uint64_t n)
{
    uint64_t word = kn_sub(&o->bytes, n, relaxed); /* relaxed: as above */
    KN_ASSERT((word & ~PRESSED) >= n);
    word -= n;
    while ((word & PRESSED) && (word & ~PRESSED) <= o->bytes_low) { /* ends: cleared by somebody */
        if (kn_cas_weak(&o->bytes, &word, word & ~PRESSED, relaxed, relaxed)) { /* as above */
            return true;
        }
    }
    return false;
}

bool kn_overflow_is_pressed(struct kn_overflow *o)
{
    return kn_load(&o->bytes, relaxed) & PRESSED; /* relaxed: as above */
}
