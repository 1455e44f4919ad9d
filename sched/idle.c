/* SPDX-License-Identifier: Apache-2.0 */
/* The idle set. The argument is in idle.h and in DESIGN.md, "No lost wake-up". */
#include "sched/idle.h"

#include "base/world.h"

enum { RISE_SPINS = KN_MODEL_SIZE(64, 0) };

void kn_idle_init(struct kn_idle *idle, unsigned workers)
{
    KOKEN_CHECK(workers >= 1 && workers <= KN_IDLE_WORKERS_MAX);
    idle->workers = workers;
    kn_atomic_init(&idle->word, workers * KN_IDLE_AWAKE);
    for (unsigned i = 0; i < KN_IDLE_BITS; i++) {
        kn_atomic_init(&idle->bits[i], 0);
    }
}

bool kn_idle_search_begin(struct kn_idle *idle)
{
    uint64_t word = kn_load(&idle->word, relaxed); /* relaxed: the compare and swap decides */

    do {
        unsigned searching = kn_idle_searching(word);

        if (searching > 0 && 2 * (searching + 1) > idle->workers) {
            return false;
        }
        /* [SI1] seq_cst, see search_end. */
    } while (!kn_cas_weak(&idle->word, &word, word + KN_IDLE_SEARCHING, seq_cst, relaxed));
    return true;
}

bool kn_idle_search_end(struct kn_idle *idle)
{
    /* [SI1] seq_cst: a publisher that saw this searcher and woke nobody did so before this; what it
     * published is seen by what the caller looks at next. Pairs with the load [SI1] in kn_notify().
     */
    uint64_t word = kn_sub(&idle->word, KN_IDLE_SEARCHING, seq_cst);

    KN_ASSERT(kn_idle_searching(word) > 0);
    return kn_idle_searching(word) == 1;
}

bool kn_idle_rest(struct kn_idle *idle, unsigned index, bool was_searching)
{
    uint64_t bit = UINT64_C(1) << (index % 64);
    uint64_t word;

    KN_ASSERT(index < idle->workers);
    /* [SI2] release (as seq_cst): a claimer that clears the bit gets the worker as it was left
     * here. */
    word = kn_or(&idle->bits[index / 64], bit, seq_cst);
    KOKEN_CHECK((word & bit) == 0);
    /* [SI1] seq_cst: before it, publishers saw this worker awake; after it, they wake somebody. */
    word = kn_sub(&idle->word, KN_IDLE_AWAKE + (was_searching ? KN_IDLE_SEARCHING : 0), seq_cst);
    KN_ASSERT(kn_idle_awake(word) > 0);
    KN_ASSERT(!was_searching || kn_idle_searching(word) > 0);
    return kn_idle_awake(word) == 1;
}

/* Raises awake and searching if a worker rests that no other claimer has reserved. */
static bool reserve(struct kn_idle *idle, bool is_forced)
{
    uint64_t word = kn_load(&idle->word, seq_cst); /* [SI1] */

    do {
        KN_ASSERT(kn_idle_awake(word) <= idle->workers);
        if (kn_idle_awake(word) >= idle->workers) {
            return false;
        }
        if (!is_forced && kn_idle_searching(word) > 0) {
            return false;
        }
    } while (!kn_cas_weak(&idle->word, &word,
                          word + KN_IDLE_SEQ + KN_IDLE_AWAKE + KN_IDLE_SEARCHING, seq_cst,
                          seq_cst));
    return true;
}

static bool clear_bit(struct kn_idle *idle, unsigned index)
{
    uint64_t bit = UINT64_C(1) << (index % 64);

    /* [SI2] acquire (as seq_cst): pairs with kn_idle_rest(). */
    return (kn_and(&idle->bits[index / 64], ~bit, seq_cst) & bit) != 0;
}

/* A reservation that is not used: the worker it was for is claimed by somebody else. */
static void unreserve(struct kn_idle *idle)
{
    uint64_t word = kn_sub(&idle->word, KN_IDLE_AWAKE + KN_IDLE_SEARCHING, seq_cst); /* [SI1] */

    KN_ASSERT(kn_idle_awake(word) > 0);
    KN_ASSERT(kn_idle_searching(word) > 0);
}

bool kn_idle_rise(struct kn_idle *idle, unsigned index)
{
    for (unsigned spins = 0;; spins++) { /* ends: whoever holds the reservations clears this bit, or
                                            one of a worker that then lowers awake */
        if (reserve(idle, /* is_forced= */ true)) {
            if (clear_bit(idle, index) || KN_MUTANT(14)) {
                return true;
            }
            unreserve(idle);
            return false;
        }
        if (!kn_idle_is_resting(idle, index)) {
            return false;
        }
        if (spins < RISE_SPINS) {
            kn_pause();
        } else {
            kn_thread_yield(); /* the claimer has been preempted between its two steps */
        }
    }
}

int kn_idle_claim(struct kn_idle *idle, unsigned near, bool is_forced)
{
    unsigned words = (idle->workers + 63) / 64;

    KN_ASSERT(near < idle->workers);
    if (!reserve(idle, is_forced)) {
        return -1;
    }
    for (unsigned i = near / 64;;
         i = (i + 1) % words) { /* ends: there is a bit for each reservation */
        uint64_t bits = kn_load(&idle->bits[i], relaxed); /* relaxed: clearing decides */

        while (bits != 0) {
            uint64_t upper = bits & (~UINT64_C(0) << (i == near / 64 ? near % 64 : 0));
            unsigned index = i * 64 + (unsigned)__builtin_ctzll(upper != 0 ? upper : bits);

            KN_ASSERT(index < idle->workers);
            if (clear_bit(idle, index)) {
                return (int)index;
            }
            bits = kn_load(&idle->bits[i], relaxed);
        }
    }
}

bool kn_idle_claim_one(struct kn_idle *idle, unsigned index)
{
    KN_ASSERT(index < idle->workers);
    if (!reserve(idle, /* is_forced= */ true)) {
        return false;
    }
    if (clear_bit(idle, index)) {
        return true;
    }
    unreserve(idle);
    return false;
}

bool kn_idle_is_resting(struct kn_idle *idle, unsigned index)
{
    /* [SI1] seq_cst: after a nudge; a worker sets the bit, then looks at its nudge. */
    return (kn_load(&idle->bits[index / 64], seq_cst) >> (index % 64) & 1) != 0;
}
