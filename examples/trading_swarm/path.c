/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each leg is a random walk that is pulled to its target: a step goes the straight way that is
 * left, divided by the ticks that are left, plus a random stray, and is held inside [low, high].
 * The last step of a leg has one tick left and no stray, so it lands on the target exactly, in
 * whole numbers. The stray is about range / sqrt(ticks), which gives the leg a width of a fraction
 * of the range however many ticks it has.
 */
#include "path.h"

#include "random.h"

#include <assert.h>

static uint32_t square_root(uint32_t number)
{
    uint32_t root = 0;

    for (uint32_t bit = 1u << 15; bit > 0; bit >>= 1) {
        uint32_t more = root | bit;

        root = (uint64_t)more * more <= number ? more : root;
    }
    return root;
}

static void begin_leg(struct path *path, uint32_t leg)
{
    path->leg = leg;
    path->left = path->leg_ticks[leg];
    path->swing = (path->high - path->low) / (money)(square_root(path->left) + 1);
}

void path_begin(struct path *path, const struct bar *bar, uint32_t tick_count, uint64_t seed)
{
    uint64_t chance = random_stream(seed, bar->date);
    uint32_t inner =
        tick_count - 2; /* places for the extremes: all but the first and the last tick */
    bool is_high_first = random_next(&chance) & 1;
    uint32_t first = 1 + random_below(&chance, inner);
    uint32_t second = 1 + random_below(&chance, inner - 1);

    assert(tick_count >= PATH_TICKS_MIN);
    second += second >= first; /* two different places, each pair as likely */
    if (second < first) {
        uint32_t swap = first;

        first = second;
        second = swap;
    }
    *path = (struct path){
        .chance = chance,
        .price = bar->open,
        .low = bar->low,
        .high = bar->high,
        .target = {is_high_first ? bar->high : bar->low, is_high_first ? bar->low : bar->high,
                   bar->close},
        .leg_ticks = {first, second - first, tick_count - 1 - second},
    };
    begin_leg(path, 0);
    path->left++; /* the open itself is the first tick of the first leg */
}

/* A number in [-swing, swing], small ones likelier: the sum of two. */
static money draw_stray(struct path *path)
{
    uint64_t draw = random_next(&path->chance);
    int64_t sum = (int64_t)(draw >> 48) + (int64_t)(draw >> 32 & 0xffff) - 0xffff;

    return sum * path->swing / 0xffff;
}

static money hold(money price, money low, money high)
{
    return price < low ? low : price > high ? high : price;
}

money path_next(struct path *path)
{
    money target = path->target[path->leg];

    if (path->left > path->leg_ticks[path->leg]) { /* only before the first tick: the open */
        path->left--;
        return path->price;
    }
    if (path->left > 1) {
        money straight = (target - path->price) / (money)path->left;

        path->price = hold(path->price + straight + draw_stray(path), path->low, path->high);
        path->left--;
        return path->price;
    }
    path->price = target;
    if (path->leg < 2) {
        begin_leg(path, path->leg + 1);
    }
    return target;
}
