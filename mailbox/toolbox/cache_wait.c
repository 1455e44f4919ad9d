/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom at the computing of a cache's values, so that nobody waits in a circle. */
#include "mailbox/toolbox/cache.h"

static struct kn_cache_wait *waits; /* of all caches, under waits_lock */
static pthread_mutex_t waits_lock =
    PTHREAD_MUTEX_INITIALIZER; /* rank 45, nothing is locked inside */

static const struct kn_cache_wait *wait_of(uint64_t thread)
{
    const struct kn_cache_wait *w = waits;
    /* [TC3] acquire: what has landed holds nobody up. */
    while (w && (w->thread != thread || kn_load(&w->flight->done, acquire) != 0)) {
        w = w->next;
    }
    return w;
}

/*
 * Whoever is on the way from the flight to this thread goes on only when a flight of the next one lands, and the last
 * of those is this thread's own: so a refusal stays true.
 */
bool kn_cache_wait_begin(struct kn_cache_wait *wait)
{
    uint64_t thread = wait->flight->thread;
    const struct kn_cache_wait *other;
    (void)pthread_mutex_lock(&waits_lock);
    while (thread != wait->thread &&
           (other = wait_of(thread)) != NULL) { /* ends: there is no circle yet */
        thread = other->flight->thread;
    }
    bool is_circle = thread == wait->thread;
    if (!is_circle) {
        wait->next = waits;
        waits = wait;
    }
    (void)pthread_mutex_unlock(&waits_lock);
    return !is_circle;
}

void kn_cache_wait_end(struct kn_cache_wait *wait)
{
    struct kn_cache_wait **at = &waits;
    (void)pthread_mutex_lock(&waits_lock);
    while (*at != wait) { /* ends: it is in the list */
        at = &(*at)->next;
    }
    *at = wait->next;
    (void)pthread_mutex_unlock(&waits_lock);
}
