/* SPDX-License-Identifier: Apache-2.0 */
/* Work for the tests of the engine. */
#ifndef KN_TEST_SUPPORT_ENGINE_H
#define KN_TEST_SUPPORT_ENGINE_H

#include "test/support/runtime.h"

#include <koken/engine.h>
#include <koken/fiber.h>
#include <koken/group.h>

#include <string.h>

static kn_atomic(uint32_t) ran, at_once, gate, results;

static inline void clear(void)
{
    reset(&ran);
    reset(&at_once);
    reset(&gate);
    reset(&results);
}

static inline struct koken_engine *engine_of(struct koken *rt, struct koken_engine_options o)
{
    struct koken_engine *engine = NULL;
    cr_assert_eq(koken_engine_new(rt, &o, &engine), 0);
    return engine;
}

static inline int quick(koken_token token, void *arg, void *ret_value)
{
    (void)token;
    (void)arg;
    (void)ret_value;
    count(&ran);
    return 0;
}

/* Counts itself, and waits for the gate. */
static inline int gated(koken_token token, void *arg, void *ret_value)
{
    int rc = quick(token, arg, ret_value);
    wait_for(&gate, 1);
    return rc;
}

/* How many ran before. */
static inline int position(koken_token token, void *arg, void *ret_value)
{
    (void)token;
    (void)arg;
    *(uint32_t *)ret_value = count(&ran);
    return 0;
}

#endif
