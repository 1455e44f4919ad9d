/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a text is read by a parser that lives in the block that borrows it */
#include "market.h"

struct lexer {
    const char *at, *end;
};

static int next(struct lexer *lexer)
{
    return lexer->at < lexer->end ? *lexer->at++ : -1;
}

static long sum_of(text_iso t, koken_ref archive)
{
    koken_owned(t);
    long sum = 0;

    KOKEN_WITH(text, t)
    {
        struct lexer lexer = {text->letters, text->letters + text->length};
        for (int letter = next(&lexer); letter >= 0; letter = next(&lexer)) {
            sum += letter - '0';
        }
        char *last = text->letters + text->length;
        *last = 0;
    }
    koken_mut(t)->length = (int)sum;
    koken_post(archive, t);
    return sum;
}

int main(void)
{
    koken_ref archive = market_sink();
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "123");
    koken_mut(t)->length = 3;
    market_use(sum_of(koken_move(t), archive));
    return market_run();
}
