/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the words of a text are used after the text was sent */
/* CLASS: borrow-escape */
#include "market.h"

static size_t split(char *line, char **words, size_t room)
{
    size_t count = 0;

    for (char *at = line; *at != '\0' && count < room; at++) {
        words[count++] = at;
        while (*at != ',' && at[1] != '\0') {
            at++;
        }
        if (*at == ',') {
            *at = '\0';
        }
    }
    return count;
}

static void trade(koken_ref archive)
{
    char *words[4];
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    strcpy(koken_mut(t)->letters, "buy,100,acme");
    size_t count = split(koken_mut(t)->letters, words, 4);
    koken_post(archive, t);
    if (count == 3) {
        market_use(atol(words[1])); /* BAD */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
