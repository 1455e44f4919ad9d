/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars come out as they are written, whatever the columns' order, the line ends and the quotes.
 * What is refused, and how, is in test/examples/bad.
 */
#include "examples/trading_swarm/bars.c"

#include "examples/trading_swarm/csv.c"
#include "examples/trading_swarm/money.c"

#include <criterion/criterion.h>

/* Reads text as if it were a file; complaints of it go to a file that nobody reads. */
static unsigned read_text(struct market *market, const char *text, size_t len)
{
    char path[] = "/tmp/koken-bars-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w"), *complaints = tmpfile();
    unsigned count;

    cr_assert_eq(fwrite(text, 1, len, file), len);
    cr_assert_eq(fclose(file), 0);
    count = bars_read(market, path, complaints);
    fclose(complaints);
    remove(path);
    return count;
}

Test(bars, columns_in_any_order_with_quotes_blanks_and_crlf)
{
    static const char text[] = "\xef\xbb\xbf\"volume\",close,low,\"high\",open,date,symbol\r\n"
                               "7, 11 ,9,\"12\",10,2000-01-03,AB\r\n"
                               "7,8,8,8,8,2000-02-29,AB\r\n\r\n";
    struct market market = {0};

    cr_assert_eq(read_text(&market, text, sizeof text - 1), 0u);
    cr_assert_eq(market.count, 1u);
    cr_assert_eq(market_bars(&market), 2u);
    cr_assert_str_eq(market.series[0].symbol, "AB");
    cr_assert_eq(market.series[0].bars[0].date, 20000103u);
    cr_assert_eq(market.series[0].bars[0].open, 10 * MONEY_DOLLAR);
    cr_assert_eq(market.series[0].bars[0].high, 12 * MONEY_DOLLAR);
    cr_assert_eq(market.series[0].bars[0].low, 9 * MONEY_DOLLAR);
    cr_assert_eq(market.series[0].bars[0].close, 11 * MONEY_DOLLAR);
    market_free(&market);
    cr_assert_eq(market_bars(&market), 0u);
}

Test(bars, columns_of_other_tools)
{
    static const char text[] =
        "Date,Open,High,Low,Close,Adj Close,Volume\n"
        "2000-01-03,104.875000,118.500000,102.000000,116.562500,77.0,53228400\n"
        "2000-01-04,113.562500,117.125000,112.250000,112.625000,75.0,54119000\n";
    struct market market = {0};

    cr_assert_eq(read_text(&market, text, sizeof text - 1), 0u);
    cr_assert_eq(market_bars(&market), 2u);
    cr_assert_eq(market.series[0].bars[0].open, 104 * MONEY_DOLLAR + 8750 * MONEY_DOLLAR / 10000);
    cr_assert_eq(market.series[0].bars[1].close, 112 * MONEY_DOLLAR + 6250 * MONEY_DOLLAR / 10000);
    market_free(&market);
}

Test(bars, half_a_pair_of_quotes_is_refused)
{
    static const char *const texts[] = {
        "symbol,date,open,high,low,close\n\"AAA,2000-01-03,1,1,1,1\n",
        "symbol,date,open,high,low,close\nAAA\",2000-01-03,1,1,1,1\n",
        "symbol,date,open,high,low,close\nAAA,2000-01-03,1,1,1,\"1\n",
        "symbol,date,open,high,low,close,volume\nAAA,2000-01-03,1,1,1,1,\"7\n",
        "symbol,date,open,high,low,\"close\nAAA,2000-01-03,1,1,1,1\n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct market market = {0};

        cr_assert_eq(read_text(&market, texts[i], strlen(texts[i])), 1u, "text %zu", i);
        cr_assert_eq(market_bars(&market), 0u);
        market_free(&market);
    }
}

Test(bars, many_symbols_may_take_turns)
{
    struct market market = {0};
    char text[40000];
    size_t len = (size_t)sprintf(text, "symbol,date,open,high,low,close");

    for (unsigned day = 1; day <= 28; day++) {
        for (unsigned symbol = 0; symbol < 26; symbol++) {
            len += (size_t)sprintf(text + len, "\n%c,2000-01-%02u,1,2,1,2", 'A' + symbol, day);
        }
    }
    cr_assert_eq(read_text(&market, text, len), 0u);
    cr_assert_eq(market.count, 26u);
    for (size_t i = 0; i < market.count; i++) {
        cr_assert_eq(market.series[i].count, 28u);
    }
    market_free(&market);
}

Test(bars, nothing_of_any_prefix_or_damage_is_out_of_bounds)
{
    static const char text[] = "symbol,date,open,high,low,close\nA,2000-01-03,10,12,9,11\n"
                               "\"B\",2000-01-03,10,12,9,11\n";
    char damaged[sizeof text];

    for (size_t len = 0; len < sizeof text; len++) {
        struct market market = {0};

        cr_assert_leq(read_text(&market, text, len), CSV_COMPLAINTS_MAX);
        market_free(&market);
    }
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (const char *byte = ",\n\"\r-.A9"; *byte != '\0'; byte++) {
            struct market market = {0};

            memcpy(damaged, text, sizeof text);
            damaged[at] = *byte;
            cr_assert_leq(read_text(&market, damaged, sizeof text - 1), CSV_COMPLAINTS_MAX);
            market_free(&market);
        }
    }
}

Test(bars, complaints_end_after_twenty)
{
    struct market market = {0};
    char text[4000];
    size_t len = (size_t)sprintf(text, "symbol,date,open,high,low,close\n");

    for (unsigned line = 0; line < 100; line++) {
        len += (size_t)sprintf(text + len, "A,x,1,1,1,1\n");
    }
    cr_assert_eq(read_text(&market, text, len), CSV_COMPLAINTS_MAX + 1);
    market_free(&market);
}
