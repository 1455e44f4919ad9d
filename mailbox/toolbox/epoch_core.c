/* SPDX-License-Identifier: Apache-2.0 */
/* The core of epoch reclamation. The argument is in epoch.h. */
#include "mailbox/toolbox/epoch.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "mailbox/toolbox/barrier.h"

#include <errno.h>

void kn_epoch_init(struct koken_epoch *epoch, uint64_t id, bool is_biased)
{
    kn_atomic_init(&epoch->global, 1);
    kn_atomic_init(&epoch->records, NULL);
    kn_atomic_init(&epoch->blocked, 0);
    epoch->id = id;
    epoch->is_biased = is_biased;
}

static bool take_record(struct kn_epoch_record *record)
{
    uint32_t free_now = KN_EPOCH_FREE;
    /* [EP4] acquire: the bag as its last user left it. Pairs with release in kn_epoch_part(). */
    return kn_load(&record->use, relaxed) == KN_EPOCH_FREE &&
           kn_cas_strong(&record->use, &free_now, KN_EPOCH_USED, acquire, relaxed);
}

struct kn_epoch_record *kn_epoch_join(struct koken_epoch *epoch)
{
    /* [EP5] acquire: the record. Pairs with release below. */
    struct kn_epoch_record *head = kn_load(&epoch->records, acquire);
    for (struct kn_epoch_record *record = head; record; record = record->next) {
        if (take_record(record)) {
            return record;
        }
    }
    struct kn_epoch_record *record = kn_alloc(sizeof *record, _Alignof(struct kn_epoch_record), -1);
    if (!record) {
        return NULL;
    }
    kn_atomic_init(&record->state, 0);
    kn_atomic_init(&record->use, KN_EPOCH_USED);
    kn_atomic_init(&record->retired.value, 0);
    kn_atomic_init(&record->freed.value, 0);
    record->nest = record->since = 0;
    record->is_freeing = false;
    record->kept_len = 0;
    record->first = record->last = record->kept = NULL;
    do { /* ends: a failure means that another thread has come */
        record->next = head;
        /* [EP5] release: the record. Pairs with acquire wherever the list is read. */
    } while (!kn_cas_weak(&epoch->records, &head, record, release, relaxed));
    return record;
}

bool kn_epoch_part(struct kn_epoch_record *record)
{
    uint32_t used = KN_EPOCH_USED;
    KN_ASSERT(record->nest == 0);
    /* [EP4] release: the bag. Acquire, on failure: what kn_epoch_fini() did with it. */
    if (kn_cas_strong(&record->use, &used, KN_EPOCH_FREE, acq_rel, acquire)) {
        return true;
    }
    KN_ASSERT(used == KN_EPOCH_DEAD);
    kn_free(record, sizeof *record, _Alignof(struct kn_epoch_record));
    return false;
}

static void keep(struct kn_epoch_record *record, struct koken_retired *block)
{
    if (record->kept_len == KN_EPOCH_BLOCKS) {
        kn_epoch_block_free(block);
        return;
    }
    block->next_ = record->kept;
    record->kept = block;
    record->kept_len++;
}

static void free_kept(struct kn_epoch_record *record)
{
    while (record->kept) { /* ends: one less each time */
        kn_epoch_block_free(kn_epoch_block(record));
    }
}

/* Frees the oldest while they are of limit or before. */
static void free_until(struct kn_epoch_record *record, uint64_t limit)
{
    if (record->is_freeing) {
        return; /* called by a destructor: the caller below goes on */
    }
    record->is_freeing = true;
    while (record->first &&
           record->first->epoch_ <= limit) { /* ends: what is retired now is newer */
        struct koken_retired *retired = record->first;
        record->first = retired->next_;
        if (!record->first) {
            record->last = NULL;
        }
        kn_count_add(&record->freed, 1);
        if (retired->free_) {
            retired->free_(retired); /* may retire: it is not in the list any more */
        } else {
            keep(record, retired);
        }
    }
    record->is_freeing = false;
}

/* Frees all there is, and what that retires. */
static void free_everything(struct koken_epoch *epoch)
{
    bool is_empty;
    do { /* ends with what the destructors retire */
        is_empty = true;
        /* [EP5] acquire: the records. */
        for (struct kn_epoch_record *r = kn_load(&epoch->records, acquire); r; r = r->next) {
            is_empty = is_empty && !r->first;
            free_until(r, UINT64_MAX);
        }
    } while (!is_empty);
}

void kn_epoch_fini(struct koken_epoch *epoch)
{
    struct kn_epoch_record *next;
    /* [EP5] acquire: the records. */
    for (struct kn_epoch_record *r = kn_load(&epoch->records, acquire); r; r = r->next) {
        KOKEN_CHECK((kn_load(&r->state, acquire) & 1) == 0); /* [EP1]: a thread is still pinned */
    }
    free_everything(epoch);
    for (struct kn_epoch_record *r = kn_load(&epoch->records, acquire); r; r = next) {
        next = r->next;
        KN_ASSERT(!r->first);
        free_kept(r);
        /* [EP4] acq_rel: the bag is empty now, for a thread that parts later. */
        if (kn_swap(&r->use, KN_EPOCH_DEAD, acq_rel) == KN_EPOCH_FREE) {
            kn_free(r, sizeof *r, _Alignof(struct kn_epoch_record));
        }
    }
}

bool kn_epoch_advance(struct koken_epoch *epoch)
{
    uint64_t global = kn_load(&epoch->global, relaxed); /* relaxed: the swap below decides */
    if (epoch->is_biased) {
        kn_membarrier();
    } else {
        (void)kn_add(&epoch->global, 0, acquire); /* [EP3] acquire: the states of those pinned */
    }
    /* [EP5] acquire: the records. */
    for (struct kn_epoch_record *r = kn_load(&epoch->records, acquire); r; r = r->next) {
        /* [EP1] acquire: what was read before the last unpin. Pairs with release in kn_epoch_unpin(). */
        uint64_t state = kn_load(&r->state, acquire);
        if ((state & 1) != 0 && state >> 1 != global) {
            (void)kn_add(&epoch->blocked, 1, relaxed); /* relaxed: a statistic */
            return false;
        }
    }
    /* [EP2] release: what the scan has acquired. Pairs with acquire in kn_epoch_reclaim(), where it meets that of the
     * steps before: there are but read-modify-writes between. */
    if (!kn_cas_strong(&epoch->global, &global, global + 1, release, relaxed)) {
        return false;
    }
    kn_store(&epoch->blocked, 0, relaxed); /* relaxed: a statistic */
    return true;
}

void kn_epoch_reclaim(struct koken_epoch *epoch, struct kn_epoch_record *record)
{
    /* [EP2] acquire: the reading of all who were pinned is over. */
    uint64_t global = kn_load(&epoch->global, acquire);
    if (global > KN_EPOCH_LAG) {
        free_until(record, global - KN_EPOCH_LAG);
    }
}

void kn_epoch_adopt(struct koken_epoch *epoch)
{
    /* [EP5] acquire: the records. */
    for (struct kn_epoch_record *r = kn_load(&epoch->records, acquire); r; r = r->next) {
        if (take_record(r)) {
            kn_epoch_reclaim(epoch, r);
            kn_store(&r->use, KN_EPOCH_FREE, release); /* [EP4]: nobody ends a domain meanwhile */
        }
    }
}

KN_NOINLINE void kn_epoch_look(struct koken_epoch *epoch, struct kn_epoch_record *record)
{
    record->since = 0;
    if (kn_epoch_advance(epoch)) {
        kn_epoch_adopt(epoch);
    }
    kn_epoch_reclaim(epoch, record);
}
