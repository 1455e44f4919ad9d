/* SPDX-License-Identifier: Apache-2.0 */
/* Money as text, both ways, without the C library's floating point. */
#include "money.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *money_parse(const char *text, size_t len, money *ret_amount)
{
    size_t at = 0, digits = 0;
    money amount = 0, scale = MONEY_DOLLAR;
    bool is_negative = len > 0 && text[0] == '-';

    for (at = is_negative; at < len && is_digit(text[at]); at++, digits++) {
        amount = amount * 10 + (text[at] - '0') * MONEY_DOLLAR;
        if (amount > MONEY_PRICE_MAX) {
            return "too large";
        }
    }
    if (at < len && text[at] == '.') {
        for (at++; at < len && is_digit(text[at]); at++, digits++) {
            amount += scale >= 10 ? (text[at] - '0') * (scale / 10) : scale == 1 && text[at] >= '5';
            scale /= 10;
        }
    }
    if (at < len || digits == 0) {
        return "not a number";
    }
    *ret_amount = is_negative ? -amount : amount;
    return NULL;
}

/* The magnitude in units of 1/100 cent: unsigned, so that the most negative amount has one too. */
static uint64_t magnitude(money amount)
{
    return amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
}

const char *money_text(money amount, char text[MONEY_TEXT_SIZE])
{
    uint64_t cents = (magnitude(amount) + 50) / 100;
    uint64_t dollars = cents / 100;
    char *at = text + MONEY_TEXT_SIZE;

    *--at = '\0';
    *--at = (char)('0' + cents % 10);
    *--at = (char)('0' + cents / 10 % 10);
    *--at = '.';
    for (unsigned place = 0; place == 0 || dollars > 0; place++, dollars /= 10) {
        if (place > 0 && place % 3 == 0) {
            *--at = ',';
        }
        *--at = (char)('0' + dollars % 10);
    }
    if (amount < 0 && cents > 0) {
        *--at = '-';
    }
    return at;
}

const char *money_exact(money amount, char text[MONEY_TEXT_SIZE])
{
    uint64_t units = magnitude(amount);

    snprintf(text, MONEY_TEXT_SIZE, "%s%llu.%04llu", amount < 0 ? "-" : "",
             (unsigned long long)(units / MONEY_DOLLAR),
             (unsigned long long)(units % MONEY_DOLLAR));
    return text;
}
