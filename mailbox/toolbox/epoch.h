/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core of epoch reclamation, with the records of threads said openly. epoch.c finds a thread's own.
 *
 *      pin                                     go on from epoch g
 *      state = {global, pinned}                g = global
 *      light fence                             membarrier
 *      global another? state again             every record unpinned, or pinned at g?
 *                                              compare and swap global: g -> g + 1
 *      retire: unlinked before; tag = global
 *      freed when global >= tag + 3
 *
 * Why nobody reads what is freed. Let M be the barrier of the step from tag + 1 to tag + 2: a moment at which
 * each thread passes a full fence, after its maker has read tag + 1. The retirer read tag before that moment,
 * else it would have read tag + 1; so it unlinked before it. A reader that got the object found it linked, so
 * it did so before that moment too, and its state, written even earlier, holds at most tag + 1. The scan of the
 * step from tag + 2 to tag + 3 sees that state, or a later one of the same reader: it waits for the unpin.
 * Two epochs would do if no tag were old when it is read; the third is the price of reading it without a fence.
 *
 * Without membarrier every `barrier` is a read-modify-write of global itself, in pin, retire and scan alike:
 * they are in one order. A pin behind the retirement acquires the unlinking; who found the object has pinned ahead
 * of it, so ahead of the scans that matter, which acquire its state.
 *
 * The data goes over the unpin's release, which the scan acquires, and the step's release, which whoever frees
 * acquires; nothing hangs on a fence.
 */
#ifndef KN_MAILBOX_TOOLBOX_EPOCH_H
#define KN_MAILBOX_TOOLBOX_EPOCH_H

#include <koken/epoch.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/stats.h"

#include <stdbool.h>
#include <stddef.h>

enum kn_epoch_use { KN_EPOCH_FREE, KN_EPOCH_USED, KN_EPOCH_DEAD };

enum { KN_EPOCH_LAG = 3, KN_EPOCH_BATCH = KN_MODEL_SIZE(64, 1) };

/* Blocks that a thread keeps, once nobody reads them, instead of giving them back to the allocator. */
enum { KN_EPOCH_BLOCK = 48, KN_EPOCH_BLOCKS = 4 * KN_EPOCH_BATCH };

/* (o) who has it USED  (a) atomic  (c) const once linked */
struct kn_epoch_record {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) state; /* (a) epoch << 1 | 1, or even */
    uint32_t nest;                                          /* (o) pins */
    uint32_t since;                                         /* (o) retirements since it looked */
    bool is_freeing;                                        /* (o) a destructor may retire */
    uint32_t kept_len;                                      /* (o) */
    struct koken_retired *first, *last;                     /* (o) oldest first: tags only grow */
    struct koken_retired *kept;                             /* (o) blocks, to be used again */
    struct kn_count retired, freed;                         /* (o) */
    kn_atomic(uint32_t) use;                                /* (a) kn_epoch_use */
    struct kn_epoch_record *next;                           /* (c) */
};

struct koken_epoch {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint64_t) global;                  /* (a) */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(struct kn_epoch_record *) records; /* (a) only grows */
    kn_atomic(uint64_t) blocked;                                              /* (a) */
    uint64_t id;                                                              /* (c) never again */
    bool is_biased;                                                           /* (c) */
};

void kn_epoch_init(struct koken_epoch *epoch, uint64_t id, bool is_biased);

/* A record for the calling thread, used before or new. NULL: no memory. */
struct kn_epoch_record *kn_epoch_join(struct koken_epoch *epoch);

/* Gives it back, with what is in it. False: the domain is gone, and the record is now freed. */
bool kn_epoch_part(struct kn_epoch_record *record);

/* Frees everything. Records still used are freed by their part. */
void kn_epoch_fini(struct koken_epoch *epoch);

/* Every so many retirements: a step on, and what may be freed. */
void kn_epoch_look(struct koken_epoch *epoch, struct kn_epoch_record *record);

/* One step on. False: somebody is pinned at an older epoch, or another has made the step. */
bool kn_epoch_advance(struct koken_epoch *epoch);

/* Frees what may be freed of the record, which is the caller's. */
void kn_epoch_reclaim(struct koken_epoch *epoch, struct kn_epoch_record *record);

/* The same of records that nobody uses. */
void kn_epoch_adopt(struct koken_epoch *epoch);

/* (o) the thread: its record in a domain */
struct kn_epoch_membership {
    struct kn_epoch_membership *next;
    uint64_t id; /* of the domain */
    struct kn_epoch_record *record;
};

extern KN_TLS struct kn_epoch_membership *kn_epoch_memberships;

/* The calling thread's first call in a domain. NULL: no memory. */
struct kn_epoch_record *kn_epoch_enter(struct koken_epoch *epoch);

/* The calling thread's record, or NULL. */
static inline struct kn_epoch_record *kn_epoch_find(const struct koken_epoch *epoch)
{
    for (struct kn_epoch_membership *m = kn_epoch_memberships; m; m = m->next) {
        if (kn_likely(m->id == epoch->id)) {
            return m->record;
        }
    }
    return NULL;
}

/* The same, made if there is none. NULL: no memory. */
static inline struct kn_epoch_record *kn_epoch_mine(struct koken_epoch *epoch)
{
    struct kn_epoch_record *record = kn_epoch_find(epoch);
    return kn_likely(record) ? record : kn_epoch_enter(epoch);
}

static inline void kn_epoch_pin(struct koken_epoch *epoch, struct kn_epoch_record *record)
{
    if (record->nest++ != 0) {
        return;
    }
    uint64_t global =
        kn_load(&epoch->global, relaxed); /* relaxed: an old one only holds the others up */
    /* Release, as every store to state: it goes on saying that the pins before are over. [EP1] */
    kn_store(&record->state, global << 1 | 1, release);
    if (kn_likely(epoch->is_biased)) {
        kn_fence_light();
        uint64_t again =
            kn_load(&epoch->global, relaxed); /* relaxed: ordered by the scan's barrier */
        if (kn_unlikely(again != global)) {
            kn_store(&record->state, again << 1 | 1, release); /* [EP1] */
        }
    } else {
        (void)kn_add(&epoch->global, 0, acq_rel); /* [EP3] what is unlinked, for the scan: state */
    }
}

static inline void kn_epoch_unpin(struct kn_epoch_record *record)
{
    if (--record->nest == 0) {
        /* [EP1] release: the reading is over. Pairs with acquire in kn_epoch_advance(). */
        kn_store(&record->state, 0, release);
    }
}

/* KN_EPOCH_BLOCK bytes, which begin with a struct koken_retired. NULL: no memory. */
static inline void *kn_epoch_block(struct kn_epoch_record *record)
{
    struct koken_retired *block = record->kept;
    if (kn_unlikely(!block)) {
        return kn_alloc(KN_EPOCH_BLOCK, _Alignof(max_align_t), -1);
    }
    record->kept = block->next_;
    record->kept_len--;
    return block;
}

/* One that nobody else has seen, or sees any more. */
static inline void kn_epoch_block_free(void *block)
{
    kn_free(block, KN_EPOCH_BLOCK, _Alignof(max_align_t));
}

/* free_object NULL: it is such a block. */
static inline void kn_epoch_retire(struct koken_epoch *epoch, struct kn_epoch_record *record,
                                   struct koken_retired *retired,
                                   void (*free_object)(struct koken_retired *retired))
{
    /* Biased, relaxed: an old tag is one too small at most (the argument allows for it), read after the
     * unlinking, which the light fence says to the compiler. */
    if (kn_likely(epoch->is_biased)) {
        kn_fence_light();
    }
    uint64_t tag = epoch->is_biased ? kn_load(&epoch->global, relaxed)
                                    : kn_add(&epoch->global, 0, release); /* [EP3] the unlinking */
    *retired = (struct koken_retired){.next_ = NULL, .free_ = free_object, .epoch_ = tag};
    KN_ASSERT(!record->last || record->last->epoch_ <= tag);
    if (kn_likely(record->last)) {
        record->last->next_ = retired;
    } else {
        record->first = retired;
    }
    record->last = retired;
    kn_count_add(&record->retired, 1);
    if (kn_unlikely(++record->since >= KN_EPOCH_BATCH)) {
        kn_epoch_look(epoch, record);
    }
}

#endif
