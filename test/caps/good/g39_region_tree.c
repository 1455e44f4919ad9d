/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a document in a region: built in a loop, sent as one, counted where it arrives */
#include "market.h"

KOKEN_PAYLOAD(node, (array, char, title, 16), (iso, node, child), (iso, node, next));

static int count_of(const struct node *n)
{
    int sum = 1;
    if (koken_has(n->child)) {
        sum += count_of(koken_peek(n->child));
    }
    if (koken_has(n->next)) {
        sum += count_of(koken_peek(n->next));
    }
    return sum;
}

static int on_node(koken_ctx *ctx, struct desk *self, struct node_iso *msg)
{
    (void)ctx;
    koken_iso(node, root) = koken_take(*msg);
    market_use(count_of(koken_get(root)));
    self->count++;
    koken_drop(root);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, node_iso, on_node);
    koken_iso(node, root) = koken_new_region(node);
    if (koken_none(root)) {
        return 1;
    }
    for (int i = 0; i < 40; i++) {
        koken_iso(node, n) = koken_new_in(node, root);
        if (koken_none(n)) {
            break;
        }
        koken_mut(n)->title[0] = (char)('a' + i % 26);
        if (koken_has(koken_get(root)->child)) {
            koken_iso(node, rest) = koken_take(koken_mut(root)->child);
            koken_put(koken_mut(n)->next, rest);
        }
        koken_put(koken_mut(root)->child, n);
    }
    koken_post(desk, root);
    return market_run();
}
