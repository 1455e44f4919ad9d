/* SPDX-License-Identifier: Apache-2.0 */
/* The effects that the JSON form knows by name. Numbers wrap at 64 bits, so that nothing is undefined. */
#include "executors/teg/effects.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"

#include <koken/time.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int64_t number_of(const struct koken_teg_call *call)
{
    int64_t number = 0;
    if (koken_teg_arg_size(call) == sizeof number) {
        memcpy(&number, koken_teg_arg(call), sizeof number);
    }
    return number;
}

static int do_number(struct koken_teg_call *call)
{
    koken_teg_answer(call, number_of(call));
    return 0;
}

static int do_text(struct koken_teg_call *call)
{
    return koken_teg_answer_bytes(call, koken_teg_arg(call), koken_teg_arg_size(call));
}

enum fold { FOLD_SUM, FOLD_PRODUCT, FOLD_MIN, FOLD_MAX };

static int fold(struct koken_teg_call *call, enum fold what)
{
    uint64_t value = what == FOLD_PRODUCT;
    bool is_first = true;
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        bool is_better =
            what == FOLD_MIN ? input.number < (int64_t)value : input.number > (int64_t)value;
        if (input.is_missing) {
            continue;
        }
        if (what == FOLD_SUM) {
            value += (uint64_t)input.number;
        } else if (what == FOLD_PRODUCT) {
            value *= (uint64_t)input.number;
        } else if (is_first || is_better) {
            value = (uint64_t)input.number;
        }
        is_first = false;
    }
    koken_teg_answer(call, (int64_t)value);
    return 0;
}

static int do_sum(struct koken_teg_call *call)
{
    return fold(call, FOLD_SUM);
}

static int do_product(struct koken_teg_call *call)
{
    return fold(call, FOLD_PRODUCT);
}

static int do_min(struct koken_teg_call *call)
{
    return fold(call, FOLD_MIN);
}

static int do_max(struct koken_teg_call *call)
{
    return fold(call, FOLD_MAX);
}

static int do_concat(struct koken_teg_call *call)
{
    size_t size = 0, at = 0;
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        size += koken_teg_input(call, i).size;
    }
    char *bytes = kn_alloc(size + 1, 1, -1);
    if (!bytes) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        if (input.size) {
            memcpy(bytes + at, input.bytes, input.size);
            at += input.size;
        }
    }
    KN_ASSERT(at == size);
    int rc = koken_teg_answer_bytes(call, bytes, size);
    kn_free(bytes, size + 1, 1);
    return rc;
}

static int do_words(struct koken_teg_call *call)
{
    int64_t words = 0;
    for (uint32_t i = 0; i < koken_teg_input_count(call); i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        const unsigned char *text = input.bytes;
        bool is_inside = false;
        for (size_t k = 0; k < input.size; k++) {
            bool is_letter = !isspace(text[k]);
            words += is_letter && !is_inside;
            is_inside = is_letter;
        }
    }
    koken_teg_answer(call, words);
    return 0;
}

static int do_spin(struct koken_teg_call *call)
{
    int64_t us = number_of(call);
    uint64_t end = kn_now() + KOKEN_US(us > 0 ? (uint64_t)us : 0);
    while (kn_now() < end && !koken_teg_cancelled(call)) { /* ends: time passes */
        kn_pause();
    }
    return 0;
}

static int do_sleep(struct koken_teg_call *call)
{
    int64_t ms = number_of(call);
    return koken_teg_sleep(call, KOKEN_MS(ms > 0 && ms < 1000000000000 ? (uint64_t)ms : 0));
}

static int do_fail(struct koken_teg_call *call)
{
    koken_teg_answer(call, koken_teg_attempt(call));
    return koken_teg_attempt(call) < (uint64_t)number_of(call) ? -EPROTO : 0;
}

const struct koken_teg_named *kn_teg_effects(void)
{
    static const struct koken_teg_named effects[] = {
        {"number", {.run = do_number, .kind = KOKEN_TEG_PURE}},
        {"text", {.run = do_text, .kind = KOKEN_TEG_PURE}},
        {"sum", {.run = do_sum, .kind = KOKEN_TEG_PURE}},
        {"product", {.run = do_product, .kind = KOKEN_TEG_PURE}},
        {"min", {.run = do_min, .kind = KOKEN_TEG_PURE}},
        {"max", {.run = do_max, .kind = KOKEN_TEG_PURE}},
        {"concat", {.run = do_concat, .kind = KOKEN_TEG_PURE}},
        {"words", {.run = do_words, .kind = KOKEN_TEG_PURE}},
        {"spin", {.run = do_spin}},
        {"sleep", {.run = do_sleep, .place = KOKEN_TEG_ON_POOL}},
        {"fail", {.run = do_fail}},
        {NULL, {.run = NULL}},
    };
    return effects;
}
