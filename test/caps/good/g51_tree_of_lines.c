/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a tree is built, walked by recursion, pruned, and shared */
#include "market.h"

KOKEN_PAYLOAD_NAME(node);
KOKEN_PAYLOAD_FIELDS(node, (plain, int, key), (iso, node, left), (iso, node, right));

static node_iso insert(node_iso tree, int key)
{
    koken_owned(tree);
    koken_slot(node, child);

    if (key < koken_get(tree)->key && koken_has(koken_get(tree)->left)) {
        koken_iso(node, left) = koken_take(koken_mut(tree)->left);
        koken_iso(node, grown) = insert(koken_move(left), key);
        koken_put(koken_mut(tree)->left, grown);
        return koken_move(tree);
    }
    if (key >= koken_get(tree)->key && koken_has(koken_get(tree)->right)) {
        koken_iso(node, right) = koken_take(koken_mut(tree)->right);
        koken_iso(node, grown) = insert(koken_move(right), key);
        koken_put(koken_mut(tree)->right, grown);
        return koken_move(tree);
    }
    koken_iso(node, fresh) = koken_new(node);
    if (koken_none(fresh)) {
        return koken_move(tree);
    }
    koken_mut(fresh)->key = key;
    if (key < koken_get(tree)->key) {
        koken_put(koken_mut(tree)->left, fresh);
    } else {
        koken_put(child, fresh);
        koken_iso(node, again) = koken_take(child);
        koken_put(koken_mut(tree)->right, again);
    }
    return koken_move(tree);
}

static int depth(const struct node *node)
{
    int left = koken_has(node->left) ? depth(koken_peek(node->left)) : 0;
    int right = koken_has(node->right) ? depth(koken_peek(node->right)) : 0;

    return 1 + (left > right ? left : right);
}

static void prune(struct node *node, int below)
{
    if (koken_has(node->left)) {
        if (koken_peek(node->left)->key < below) {
            koken_iso(node, gone) = koken_take(node->left);
            koken_drop(gone);
        } else {
            prune(koken_poke(node->left), below);
        }
    }
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_iso(node, tree) = koken_new(node);
    if (koken_none(tree)) {
        return 1;
    }
    koken_mut(tree)->key = 50;
    for (int i = 0; i < 20; i++) {
        koken_iso(node, grown) = insert(koken_move(tree), i * 37 % 101);
        koken_set(tree, koken_move(grown));
    }
    prune(koken_mut(tree), 20);
    market_use(depth(koken_get(tree)));
    koken_val(node, v) = koken_freeze(tree);
    market_use(depth(koken_get(v)));
    koken_post(sink, v);
    return market_run();
}
