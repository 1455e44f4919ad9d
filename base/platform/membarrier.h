/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heavy half of an asymmetric fence. After kn_membarrier() returns, every thread of the process
 * has passed a full memory barrier at some moment during the call; a thread that used only
 * kn_fence_light() (base/atomic.h) is then ordered as if that had been a full fence.
 */
#ifndef KN_BASE_PLATFORM_MEMBARRIER_H
#define KN_BASE_PLATFORM_MEMBARRIER_H

#include <stdbool.h>

/* Registers the process, once or again. False: the system has no such call, use ordered operations.
 */
bool kn_membarrier_register(void);

/* Only after kn_membarrier_register() returned true. Cost: an interrupt on each running thread's
 * core. */
void kn_membarrier(void);

#ifdef KN_MODEL
#include "base/world.h"
#define kn_membarrier()                                                                            \
    kn_model_membarrier(KN_SITE_(KN_OP_MEMBARRIER, "all threads", seq_cst, seq_cst))
#endif

#endif
