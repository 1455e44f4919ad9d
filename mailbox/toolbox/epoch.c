/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epoch reclamation as programs call it: the calling thread's records, one per domain, in a thread-local list.
 *
 * A domain may end before a thread that has used it, and the other way round. The list knows a domain by a
 * number that is never used again, and a record whose domain is gone is marked dead and freed by its thread.
 * A thread of the system gives its records back when it ends; a simulated thread has no such end, and calls
 * koken_epoch_leave().
 */
#include "mailbox/toolbox/epoch.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"
#include "mailbox/toolbox/barrier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

KN_TLS struct kn_epoch_membership *kn_epoch_memberships;
KN_TLS_SIMULATED(kn_epoch_memberships);

static kn_atomic(uint64_t) last_id;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit;
static bool has_key;

static void drop(struct kn_epoch_membership **at)
{
    struct kn_epoch_membership *m = *at;
    *at = m->next;
    kn_free(m, sizeof *m, _Alignof(struct kn_epoch_membership));
}

static void leave_all(void *unused)
{
    (void)unused;
    while (kn_epoch_memberships) { /* ends: one less each time */
        struct kn_epoch_record *record = kn_epoch_memberships->record;
        while (record->nest > 0) { /* who has ended reads nothing any more */
            kn_epoch_unpin(record);
        }
        (void)kn_epoch_part(record);
        drop(&kn_epoch_memberships);
    }
}

static void make_key(void)
{
    has_key = pthread_key_create(&at_exit, leave_all) == 0;
}

/* Frees what is left of domains that are gone. Thread: the list's. */
static void sweep(void)
{
    struct kn_epoch_membership **at = &kn_epoch_memberships;
    while (*at) {
        struct kn_epoch_record *record = (*at)->record;
        /* [EP4] acquire: kn_epoch_fini() is through with it. */
        if (kn_load(&record->use, acquire) == KN_EPOCH_DEAD) {
            (void)kn_epoch_part(record);
            drop(at);
        } else {
            at = &(*at)->next;
        }
    }
}

KN_NOINLINE struct kn_epoch_record *kn_epoch_enter(struct koken_epoch *epoch)
{
    sweep();
    struct kn_epoch_membership *m = kn_alloc(sizeof *m, _Alignof(struct kn_epoch_membership), -1);
    struct kn_epoch_record *record = m ? kn_epoch_join(epoch) : NULL;
    if (!record) {
        kn_free(m, sizeof *m, _Alignof(struct kn_epoch_membership));
        return NULL;
    }
    *m = (struct kn_epoch_membership){
        .next = kn_epoch_memberships, .id = epoch->id, .record = record};
    kn_epoch_memberships = m;
    if (has_key) {
        (void)pthread_setspecific(at_exit, m); /* not NULL: leave_all() is called */
    }
    return record;
}

int koken_epoch_new(struct koken_epoch **ret_epoch)
{
    if (!ret_epoch) {
        return -EINVAL;
    }
    struct koken_epoch *epoch = kn_alloc(sizeof *epoch, _Alignof(struct koken_epoch), -1);
    if (!epoch) {
        return -ENOMEM;
    }
    (void)pthread_once(&once, make_key);
    /* Relaxed: only that it differs matters. */
    kn_epoch_init(epoch, kn_add(&last_id, 1, relaxed) + 1, kn_barrier_init());
    *ret_epoch = epoch;
    return 0;
}

void koken_epoch_free(struct koken_epoch *epoch)
{
    if (epoch) {
        kn_epoch_fini(epoch);
        kn_free(epoch, sizeof *epoch, _Alignof(struct koken_epoch));
        sweep();
    }
}

KN_HOT int koken_epoch_pin(struct koken_epoch *epoch)
{
    if (kn_unlikely(!epoch)) {
        return -EINVAL;
    }
    struct kn_epoch_record *record = kn_epoch_mine(epoch);
    if (kn_unlikely(!record)) {
        return -ENOMEM;
    }
    kn_epoch_pin(epoch, record);
    return 0;
}

KN_HOT int koken_epoch_unpin(struct koken_epoch *epoch)
{
    struct kn_epoch_record *record = epoch ? kn_epoch_find(epoch) : NULL;
    if (kn_unlikely(!record || record->nest == 0)) {
        return -EINVAL;
    }
    kn_epoch_unpin(record);
    return 0;
}

int koken_epoch_retire(struct koken_epoch *epoch, struct koken_retired *retired,
                       void (*free_object)(struct koken_retired *retired))
{
    if (!epoch || !retired || !free_object) {
        return -EINVAL;
    }
    struct kn_epoch_record *record = kn_epoch_mine(epoch);
    if (!record) {
        return -ENOMEM;
    }
    kn_epoch_retire(epoch, record, retired, free_object);
    return 0;
}

int koken_epoch_stats_get(const struct koken_epoch *epoch, struct koken_epoch_stats *ret_stats)
{
    if (!epoch || !ret_stats) {
        return -EINVAL;
    }
    struct koken_epoch *e =
        (struct koken_epoch *)(uintptr_t)epoch; /* an atomic load wants no const */
    struct koken_epoch_stats stats = {
        .epoch = kn_load(&e->global, relaxed), /* relaxed, all: statistics */
        .blocked = kn_load(&e->blocked, relaxed),
    };
    /* [EP5] acquire: the records. */
    for (struct kn_epoch_record *r = kn_load(&e->records, acquire); r; r = r->next) {
        stats.freed += kn_count_read(&r->freed);
        stats.retired += kn_count_read(&r->retired);
        stats.threads += kn_load(&r->use, relaxed) == KN_EPOCH_USED;
    }
    *ret_stats = stats;
    return 0;
}

int64_t koken_epoch_flush(struct koken_epoch *epoch)
{
    if (!epoch) {
        return -EINVAL;
    }
    struct kn_epoch_record *record = kn_epoch_find(epoch);
    for (int i = 0; i < KN_EPOCH_LAG && kn_epoch_advance(epoch); i++) {}
    kn_epoch_adopt(epoch);
    if (record) {
        kn_epoch_reclaim(epoch, record);
    }
    struct koken_epoch_stats stats = {0};
    (void)koken_epoch_stats_get(epoch, &stats);
    return stats.retired > stats.freed ? (int64_t)(stats.retired - stats.freed) : 0;
}

int koken_epoch_leave(struct koken_epoch *epoch)
{
    for (struct kn_epoch_membership **at = &kn_epoch_memberships; epoch && *at; at = &(*at)->next) {
        if ((*at)->id == epoch->id) {
            if ((*at)->record->nest != 0) {
                return -EBUSY;
            }
            (void)kn_epoch_part((*at)->record);
            drop(at);
            return 0;
        }
    }
    return -EINVAL;
}
