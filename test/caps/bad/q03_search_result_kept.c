/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what a search in a payload found is used after the drop */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk)
{
    (void)risk;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    strcpy(koken_mut(t)->letters, "key=value");
    const char *value = strchr(koken_get(t)->letters, '=');
    koken_drop(t);
    if (value != NULL) {
        market_use(value[1]); /* BAD */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
