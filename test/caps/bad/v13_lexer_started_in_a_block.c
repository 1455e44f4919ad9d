/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a lexer is started in a block that borrows, and goes on behind it */
/* CLASS: borrow-escape */
#include "market.h"

struct lexer {
    const char *at;
    int line;
};

static void lexer_start(struct lexer *lexer, const char *text)
{
    lexer->at = text;
    lexer->line = 1;
}

static int lexer_next(struct lexer *lexer)
{
    int letter = *lexer->at;

    if (letter != 0) {
        lexer->at++;
        lexer->line += letter == '\n';
    }
    return letter;
}

static long sum_of(text_iso t, koken_ref archive)
{
    koken_owned(t);
    struct lexer lexer;
    long sum = 0;

    KOKEN_WITH(text, t)
    {
        text->letters[sizeof text->letters - 1] = 0;
        lexer_start(&lexer, text->letters);
    }
    koken_post(archive, t);
    for (int letter = lexer_next(&lexer); letter != 0; letter = lexer_next(&lexer)) { /* BAD */
        sum += letter;
    }
    return sum;
}

int main(void)
{
    koken_ref archive = market_sink();
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "1 + 2");
    market_use(sum_of(koken_move(t), archive));
    return market_run();
}
