/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an answer of a vote is read after the vote was given back */
/* CLASS: use-after-drop */
#include "market.h"
#include <koken/quorum.h>

static void trade(koken_ref *members)
{
    struct koken_quorum *vote;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_val(quote, v) = koken_freeze(q);
    if (koken_quorum_val((struct koken *)NULL, members, 2, KOKEN_S(1), NULL, &vote, v) == 0) {
        const struct quote_val *said = koken_quorum_ballot(vote, 0)->answer;
        const struct quote *best = koken_peek(*said);
        koken_quorum_free(vote);
        market_use(best->bid); /* BAD: it lasted as long as the vote */
    }
    koken_drop(v);
}

int main(void)
{
    koken_ref members[2] = {market_sink(), market_sink()};
    trade(members);
    return market_run();
}
