/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: the best answer of a vote is kept by a second reference, which outlives the vote */
#include "market.h"
#include <koken/quorum.h>

static void trade(const koken_ref *members, koken_ref sink)
{
    struct koken_quorum *vote;
    koken_slot_val(quote, best);
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_val(quote, v) = koken_freeze(q);
    int rc = koken_quorum_val((struct koken *)NULL, members, 3, KOKEN_S(1), NULL, &vote, v);
    koken_drop(v);
    if (rc != 0) {
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        const struct quote_val *said = koken_quorum_ballot(vote, i)->answer;
        if (said == NULL || (koken_has(best) && koken_peek(best)->bid >= koken_peek(*said)->bid)) {
            continue;
        }
        if (koken_has(best)) {
            koken_val(quote, worse) = koken_take(best);
            koken_drop(worse);
        }
        koken_val(quote, better) = koken_dup_in(*said);
        koken_put(best, better);
    }
    koken_quorum_free(vote);
    koken_val(quote, kept) = koken_take(best);
    if (koken_none(kept)) {
        return;
    }
    market_use(koken_get(kept)->bid);
    koken_post(sink, kept);
}

int main(void)
{
    const koken_ref members[3] = {market_sink(), market_sink(), market_sink()};
    trade(members, members[0]);
    return market_run();
}
