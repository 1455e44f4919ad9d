/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heirlooms: what a supervised agent leaves to the one that is started in its place.
 *
 *     a ends: its KOKEN_SAVE row fills in an heirloom --> the brood of its supervisor, by a's name
 *     the supervisor hears of the end: takes the heirloom --> the next birth of that child: KOKEN_LOAD
 *
 * It is put down before the news of the end are sent, under the lock of the broods, so that the supervisor
 * finds it whenever it hears. Nobody else may know of it, so what is not taken goes with the brood. Without memory
 * for it, it is as if the row had refused: the next life begins fresh.
 */
#ifndef KN_ACTORS_HEIRLOOM_H
#define KN_ACTORS_HEIRLOOM_H

#include "actors/agent.h"

struct kn_heirloom {
    struct kn_heirloom *next; /* (m) rt->broods_lock while it lies in a brood; else its owner's */
    uint64_t who;             /* (c) who left it */
    const struct koken_type *type; /* (c) of what is in it; NULL: it has been given back */
    bool is_used;                  /* (o) a KOKEN_LOAD row has seen it */
    unsigned char payload[] KN_ALIGNED(32);
};

/* Calls the KOKEN_SAVE row of an agent that ends and has a supervisor. Answers the worker on which it ended.
 * Thread: holder of S. */
struct kn_local *kn_heirloom_leave(struct kn_local *local, struct kn_agent *a,
                                   const struct koken_agent_type *type, int reason);

/* Calls the KOKEN_LOAD row of the newborn, if it has one for that type. 0, or what ends it. */
int kn_heirloom_load(struct koken_ctx *ctx, struct kn_agent *a, struct kn_heirloom *heirloom);

/* Drops what is in it, and frees it. NULL is accepted. */
void kn_heirloom_free(struct kn_heirloom *take_heirloom);

#endif
