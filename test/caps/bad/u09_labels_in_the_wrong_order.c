/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the labels of the clean-up are in the wrong order */
/* CLASS: double-drop */
#include "market.h"

static int load(koken_ref to, int fails)
{
    int rc = -ENOMEM;
    koken_iso(text, head) = koken_new(text);
    if (koken_none(head)) {
        return rc;
    }
    koken_iso(text, body) = koken_new(text);
    if (koken_none(body)) {
        goto no_body;
    }
    if (fails) {
        rc = -EINVAL;
        koken_drop(head);
        goto no_head;
    }
    koken_post(to, head);
    koken_post(to, body);
    return 0;
no_head:
    koken_drop(body);
no_body:
    koken_drop(head); /* BAD: from no_head it is gone */
    return rc;
}

int main(void)
{
    koken_ref sink = market_sink();
    market_use(load(sink, 1));
    return market_run();
}
