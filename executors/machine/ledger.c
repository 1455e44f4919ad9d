/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: a table of open addresses under a lock, that grows and forgets nothing. */
#include "executors/machine/ledger.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "sched/lock.h"

#include <errno.h>
#include <string.h>

enum { ENTRIES_MAX = 1 << 20, ROOM_FIRST = 64 };

struct entry {
    uint64_t origin, serial;
    uint32_t next; /* the lowest hop that is not spent */
    bool is_used;
};

struct koken_ledger {
    kn_atomic(uint32_t) refs; /* (a) */
    uint32_t entries_max;     /* (c) */
    struct kn_lock lock;
    struct entry *entries; /* (m) room of them, a power of two, at most three quarters used */
    uint32_t room, count;  /* (m) */
};

int koken_ledger_new(uint32_t entries_max, struct koken_ledger **ret_ledger)
{
    struct koken_ledger *ledger = kn_alloc(sizeof *ledger, _Alignof(struct koken_ledger), -1);
    if (!ledger) {
        return -ENOMEM;
    }
    memset(ledger, 0, sizeof *ledger);
    kn_atomic_init(&ledger->refs, 1);
    ledger->entries_max =
        entries_max && entries_max < ENTRIES_MAX ? entries_max : (uint32_t)ENTRIES_MAX;
    *ret_ledger = ledger;
    return 0;
}

struct koken_ledger *koken_ledger_ref(struct koken_ledger *ledger)
{
    uint32_t before = kn_add(&ledger->refs, 1, relaxed); /* who takes one has one */
    KN_ASSERT(before > 0 && before < UINT32_MAX);
    (void)before;
    return ledger;
}

void koken_ledger_free(struct koken_ledger *ledger)
{
    /* [ML1] acquire, release: the last one sees all that others did with it. */
    if (!ledger || kn_sub(&ledger->refs, 1, acq_rel) > 1) {
        return;
    }
    kn_free(ledger->entries, ledger->room * sizeof *ledger->entries, 16);
    kn_free(ledger, sizeof *ledger, _Alignof(struct koken_ledger));
}

uint32_t koken_ledger_count(struct koken_ledger *ledger)
{
    kn_lock(&ledger->lock);
    uint32_t count = ledger->count;
    kn_unlock(&ledger->lock);
    return count;
}

/* ---- the table; all of this under the lock ---- */

static uint64_t mixed(uint64_t word)
{
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

/* The entry of a resource, or the place where it would be. */
static struct entry *place_of(struct entry *entries, uint32_t room, uint64_t origin,
                              uint64_t serial)
{
    uint32_t i = (uint32_t)mixed(origin + mixed(serial)) & (room - 1);
    KN_ASSERT(room > 0 && (room & (room - 1)) == 0);
    while (entries[i].is_used && (entries[i].origin != origin ||
                                  entries[i].serial != serial)) { /* ends: a quarter is free */
        i = (i + 1) & (room - 1);
    }
    return &entries[i];
}

static struct entry *find(const struct koken_ledger *ledger, uint64_t origin, uint64_t serial)
{
    struct entry *at =
        ledger->room ? place_of(ledger->entries, ledger->room, origin, serial) : NULL;
    return at && at->is_used ? at : NULL;
}

static bool grow(struct koken_ledger *ledger)
{
    KN_ASSERT(ledger->count <= ledger->room);
    uint32_t room = ledger->room ? 2 * ledger->room : (uint32_t)ROOM_FIRST;
    struct entry *fresh = kn_alloc(room * sizeof *fresh, 16, -1);
    if (!fresh) {
        return false;
    }
    memset(fresh, 0, room * sizeof *fresh);
    for (uint32_t i = 0; i < ledger->room; i++) {
        const struct entry *old = &ledger->entries[i];
        if (old->is_used) {
            *place_of(fresh, room, old->origin, old->serial) = *old;
        }
    }
    kn_free(ledger->entries, ledger->room * sizeof *fresh, 16);
    ledger->entries = fresh;
    ledger->room = room;
    return true;
}

static int spend(struct koken_ledger *ledger, uint64_t origin, uint64_t serial, uint32_t hop,
                 uint32_t next)
{
    KN_ASSERT(ledger->count <= ledger->entries_max);
    struct entry *at = find(ledger, origin, serial);
    if (at && at->next > hop) {
        return -EPERM;
    }
    if (!at) {
        if (ledger->count >= ledger->entries_max ||
            (4 * (ledger->count + 1) > 3 * ledger->room && !grow(ledger))) {
            return -ENOMEM;
        }
        at = place_of(ledger->entries, ledger->room, origin, serial);
        KN_ASSERT(!at->is_used);
        *at = (struct entry){.origin = origin, .serial = serial, .is_used = true};
        ledger->count++;
    }
    at->next = next;
    return 0;
}

int kn_ledger_spend(struct koken_ledger *ledger, uint64_t origin, uint64_t serial, uint32_t hop,
                    uint32_t next)
{
    KN_ASSERT(next > hop);
    kn_lock(&ledger->lock);
    int rc = spend(ledger, origin, serial, hop, next);
    KN_ASSERT(4 * ledger->count <= 3 * ledger->room);
    kn_unlock(&ledger->lock);
    return rc;
}

void kn_ledger_undo(struct koken_ledger *ledger, uint64_t origin, uint64_t serial, uint32_t hop)
{
    KN_ASSERT(ledger->room > 0);
    kn_lock(&ledger->lock);
    struct entry *at = find(ledger, origin, serial);
    KOKEN_CHECK(at && at->next > hop); /* what was spent stays spent until then */
    at->next = hop;
    kn_unlock(&ledger->lock);
}

bool kn_ledger_is_fresh(struct koken_ledger *ledger, uint64_t origin, uint64_t serial, uint32_t hop)
{
    kn_lock(&ledger->lock);
    const struct entry *at = find(ledger, origin, serial);
    bool is_fresh = !at || at->next <= hop;
    kn_unlock(&ledger->lock);
    return is_fresh;
}
