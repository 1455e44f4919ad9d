/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for agents: one agent under a name, or a group of agents under one. Each runtime has its own. A
 * name has 1 to 63 bytes. Names and memberships end with their agent: after its last handler and exit hook,
 * before its monitors hear of it.
 *
 * where is a runtime or a context. Thread: any. Finding takes no lock; changing takes one of the runtime.
 */
#ifndef KOKEN_REGISTRY_H
#define KOKEN_REGISTRY_H

#include <koken/agent.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define KOKEN_NAME_MAX 63u

/*
 * koken_register(where, name, who) gives who a name; it may have many.
 * Errors: -EALREADY the name is taken; -EINVAL no name, or who is of another runtime; -ESRCH; -ENOMEM.
 */
#define koken_register(where, name, who) koken_register_(KOKEN_RT_OF_(where), (name), (who))
KOKEN_MUST_USE int koken_register_(struct koken *rt, const char *name, koken_ref who);

/* koken_unregister(where, name) frees a name. Errors: -ESRCH nobody has it; -EINVAL. */
#define koken_unregister(where, name) koken_unregister_(KOKEN_RT_OF_(where), (name))
KOKEN_MUST_USE int koken_unregister_(struct koken *rt, const char *name);

/* koken_whereis(where, name) is who has the name now, or nobody. */
#define koken_whereis(where, name) koken_whereis_(KOKEN_RT_OF_(where), (name))
koken_ref koken_whereis_(struct koken *rt, const char *name);

/*
 * koken_join(where, group, who) makes who a member of a group, which exists while it has members.
 * Errors: as koken_register; -EALREADY it is one.
 */
#define koken_join(where, group, who) koken_join_(KOKEN_RT_OF_(where), (group), (who))
KOKEN_MUST_USE int koken_join_(struct koken *rt, const char *group, koken_ref who);

/* koken_leave(where, group, who) ends a membership. Errors: -ESRCH it was none; -EINVAL. */
#define koken_leave(where, group, who) koken_leave_(KOKEN_RT_OF_(where), (group), (who))
KOKEN_MUST_USE int koken_leave_(struct koken *rt, const char *group, koken_ref who);

/*
 * koken_members(where, group, refs, n) copies the members of a group, n at most: all who are members
 * throughout the call, and perhaps those who join or leave meanwhile. Answers how many there are, which
 * may be more than n. Errors: -EINVAL.
 */
#define koken_members(where, group, ret_refs, n)                                                   \
    koken_members_(KOKEN_RT_OF_(where), (group), (ret_refs), (n))
KOKEN_MUST_USE int koken_members_(struct koken *rt, const char *group, koken_ref *ret_refs,
                                  uint32_t n);

/* The runtime of a runtime or a context. */
#define KOKEN_RT_OF_(where) KOKEN_WHERE_(where, koken_same_runtime_, koken_runtime)(where)
static inline struct koken *koken_same_runtime_(struct koken *rt)
{
    return rt;
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
