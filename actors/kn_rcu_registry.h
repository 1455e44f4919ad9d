/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table behind the registry: liburcu's lock-free hash table cds_lfht, QSBR flavour. Finding is wait-free
 * for a reader that is online; entries that were taken out are freed after a grace period. Adding and taking
 * out are done under the runtime's names_lock.
 *
 * The number of buckets does not change: cds_lfht resizes by a thread of its own that aborts the process
 * when it cannot be started, as call_rcu does (D-AC-2). With 4096 buckets a million names are chains of 250.
 */
#ifndef KN_ACTORS_KN_RCU_REGISTRY_H
#define KN_ACTORS_KN_RCU_REGISTRY_H

#include "actors/kn_rcu.h"

#include <stdbool.h>
#include <stdint.h>

enum { KN_NAME_MAX = 63 };

struct kn_names;

/* A name or membership, as its agent keeps it. */
struct kn_name {
    struct kn_name *next;       /* (s) of the agent, in its list */
    uint64_t id;                /* (c) the agent */
    uint32_t is_group;          /* (c) */
    char text[KN_NAME_MAX + 1]; /* (c) zero-padded */
};

/* NULL: no memory. */
struct kn_names *kn_names_new(void);

/* The table is empty. Nothing else uses it. */
void kn_names_free(struct kn_names *names);

/*
 * Enters id under text, a member if is_group. Errors: -EALREADY the name is taken, or it is a member;
 * -ENOMEM. Thread: online, under names_lock.
 */
int kn_names_add(struct kn_names *names, const char *text, uint64_t id, bool is_group,
                 struct kn_name **ret_name);

/* The name, or the membership of id. NULL: there is none. Thread: online, under names_lock. */
struct kn_name *kn_names_find(struct kn_names *names, const char *text, uint64_t id, bool is_group);

/* Takes it out unless it is out already. Thread: online, under names_lock. */
void kn_names_remove(struct kn_names *names, struct kn_name *name);

/* Frees a name that is out, after a grace period. Thread: any. */
void kn_name_free(struct kn_reclaimer *reclaimer, struct kn_name *take_name);

/* Who has the name; 0: nobody. Thread: online. */
uint64_t kn_names_look_up(struct kn_names *names, const char *text);

/* Copies up to n members of a group, and answers how many there are. Thread: online. */
uint32_t kn_names_members(struct kn_names *names, const char *text, uint64_t *ret_ids, uint32_t n);

#endif
