/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the longest word of a text is handed out by its address */
/* CLASS: borrow-escape */
#include "market.h"

static size_t longest_word(const char *letters, const char **ret_word)
{
    size_t longest = 0;
    const char *at = letters;

    while (*at != 0) {
        const size_t length = strcspn(at, " ");
        if (length > longest) {
            longest = length;
            *ret_word = at;
        }
        at += length + (at[length] == ' ');
    }
    return longest;
}

static void trade(koken_ref archive)
{
    const char *word = NULL;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    strcpy(koken_mut(t)->letters, "to be or not to be");
    const size_t length = longest_word(koken_get(t)->letters, &word);
    koken_post(archive, t);
    if (length > 0) {
        market_use(word[0]); /* BAD */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
