/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: the longest word of a text is handed out by place and length, and copied */
#include "market.h"

static size_t longest_word(const char *letters, size_t *ret_at)
{
    size_t longest = 0;

    for (size_t at = 0; letters[at] != 0;) {
        const size_t length = strcspn(letters + at, " ");
        if (length > longest) {
            longest = length;
            *ret_at = at;
        }
        at += length + (letters[at + length] == ' ');
    }
    return longest;
}

static void copy_word(char *out, size_t room, const char *letters, size_t length)
{
    const size_t used = length < room ? length : room - 1;

    memcpy(out, letters, used);
    out[used] = 0;
}

static void trade(koken_ref archive)
{
    char word[12];
    size_t at = 0;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    strcpy(koken_mut(t)->letters, "to be or not to be");
    const size_t length = longest_word(koken_get(t)->letters, &at);
    copy_word(word, sizeof word, koken_get(t)->letters + at, length);
    koken_post(archive, t);
    market_use(word[0]);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
