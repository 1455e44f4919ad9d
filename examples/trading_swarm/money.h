/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money and prices: whole numbers of 1/100 cent. Sums are exact whatever order they are made in,
 * which is half of why two runs agree. No floating point touches a price.
 */
#ifndef SWARM_MONEY_H
#define SWARM_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t money;

#define MONEY_DOLLAR ((money)10000)
#define MONEY_PRICE_MAX (1000 * 1000 * 1000 * MONEY_DOLLAR)

#define MONEY_TEXT_SIZE 32

/* money_parse reads a decimal such as -1469.2500; digits after the fourth are rounded. Answers
 * NULL, or what is wrong with the text. */
const char *money_parse(const char *text, size_t len, money *ret_amount);

/* money_text writes amount to the cent with thousands apart, 1,234.56, and answers text. */
const char *money_text(money amount, char text[MONEY_TEXT_SIZE]);

/*
 * money_exact writes amount with all four decimals and nothing else, 1234.5678, and answers text.
 */
const char *money_exact(money amount, char text[MONEY_TEXT_SIZE]);

#endif
