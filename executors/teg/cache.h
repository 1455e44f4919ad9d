/* SPDX-License-Identifier: Apache-2.0 */
/* The result cache, as runs use it. */
#ifndef KN_TEG_CACHE_H
#define KN_TEG_CACHE_H

#include "executors/teg/run.h"

#include <koken/teg_learn.h>

/*
 * Asks the cache for the result of a node that has just begun under word. True: it is taken care of, from the cache
 * or by waiting for who makes it. False: the node must run; if it makes a result for the cache, that is noted in
 * run->making.
 */
bool kn_teg_cache_ask(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word);

/* The effect of a node has returned: if it made a result for the cache, that is kept, or given up if rc < 0. */
void kn_teg_cache_made(struct koken_teg_run *run, const struct koken_teg_call *call, int rc);

#endif
