/* SPDX-License-Identifier: Apache-2.0 */
/* See registry.h. */
#include "actors/registry.h"

#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"

#include <koken/registry.h>

#include <errno.h>
#include <string.h>

_Static_assert(KOKEN_NAME_MAX == KN_NAME_MAX, "as documented");

/* Payload of both messages. */
struct named {
    struct kn_name *name;
    struct kn_cold *spare; /* for an agent without a cold part; NULL once it is there */
};

static void drop_named(void *payload)
{
    struct named *named = payload;
    kn_free(named->spare, sizeof *named->spare, _Alignof(struct kn_cold));
    named->spare = NULL;
}

const struct koken_type kn_type_named = {"koken.named", sizeof(struct named), 8, NULL, 0, 0,
                                         drop_named};
const struct koken_type kn_type_unnamed = {
    "koken.unnamed", sizeof(struct named), 8, NULL, 0, 0, NULL};

void kn_registry_message(struct koken *rt, struct kn_agent *a, struct kn_envelope *e)
{
    struct named *named = (struct named *)(void *)e->payload;
    if (e->type == &kn_type_named) {
        kn_agent_cold_from(a, named->spare);
        named->spare = NULL;
        named->name->next = a->cold->names;
        a->cold->names = named->name;
        return;
    }
    KN_ASSERT(e->type == &kn_type_unnamed);
    KN_ASSERT(a->cold != NULL);
    struct kn_name **link = &a->cold->names;
    while (*link && *link != named->name) { /* ends: the list is finite */
        link = &(*link)->next;
    }
    KN_ASSERT(*link != NULL);
    *link = named->name->next;
    kn_name_free(&rt->reclaimer, named->name);
}

bool kn_registry_late(struct kn_envelope *e, struct kn_name **names)
{
    struct named *named = (struct named *)(void *)e->payload;
    if (e->type == &kn_type_named) {
        drop_named(named);
        named->name->next = *names;
        *names = named->name;
    }
    return e->type == &kn_type_named || e->type == &kn_type_unnamed;
}

void kn_registry_end(struct koken *rt, struct kn_name *name)
{
    if (!name) {
        return;
    }
    struct kn_names *names; /* made, as there is a name in it */
    pthread_mutex_lock(&rt->names_lock);
    names = kn_load(&rt->names, relaxed); /* relaxed: changed under the lock */
    for (struct kn_name *n = name; n; n = n->next) {
        kn_names_remove(names, n);
    }
    pthread_mutex_unlock(&rt->names_lock);
    while (name) { /* ends: the list is finite */
        struct kn_name *next = name->next;
        kn_name_free(&rt->reclaimer, name);
        name = next;
    }
}

/* ---- what everybody may call ---------------------------------------------------------------------------- */

static bool is_name(const char *text)
{
    return text && *text && strnlen(text, KN_NAME_MAX + 1) <= KN_NAME_MAX;
}

/* The calling thread's local if it is a worker of rt; *is_outside: it was made a visitor of RCU. */
static struct kn_local *begin(struct koken *rt, bool *is_outside)
{
    struct kn_local *local = kn_local_here();
    *is_outside = local == NULL;
    if (*is_outside) {
        kn_rcu_visit();
    }
    return local && local->rt == rt ? local : NULL;
}

static void end(bool is_outside)
{
    if (is_outside) {
        kn_rcu_depart();
    }
}

/* The table, made now if need be; NULL: no memory. Under names_lock. */
static struct kn_names *get_names(struct koken *rt)
{
    struct kn_names *names = kn_load(&rt->names, relaxed); /* relaxed: changed under the lock */
    if (!names) {
        names = kn_names_new();
        kn_store(&rt->names, names, release); /* [AN1] release: its making */
    }
    return names;
}

/* Tells the agent; local NULL: from outside. 0, -ESRCH, -ENOMEM. */
static int tell(struct kn_local *local, uint64_t id, const struct koken_type *type,
                struct kn_name *name)
{
    struct named named = {.name = name};
    if (type == &kn_type_named) {
        named.spare = kn_alloc(sizeof *named.spare, _Alignof(struct kn_cold), -1);
        if (!named.spare) {
            return -ENOMEM;
        }
    }
    int rc = kn_post(local, id, type, &named, 0, 0);
    if (rc < 0) {
        drop_named(&named);
    }
    return rc;
}

static int add(struct koken *rt, const char *text, koken_ref who, bool is_group)
{
    bool is_outside;
    if (!rt || !is_name(text)) {
        return -EINVAL;
    }
    struct kn_local *local = begin(rt, &is_outside);
    const struct kn_agent *a = kn_resolve(who.id);
    int rc = a ? 0 : -ESRCH;
    if (a && (kn_agent_runtime(a) != rt || (a->flags & KN_AGENT_WAITER))) {
        rc = -EINVAL;
    }
    if (rc == 0) {
        struct kn_name *name;
        pthread_mutex_lock(&rt->names_lock);
        struct kn_names *names = get_names(rt);
        rc = names ? kn_names_add(names, text, who.id, is_group, &name) : -ENOMEM;
        if (rc == 0) {
            rc = tell(local, who.id, &kn_type_named, name);
            if (rc < 0) {
                kn_names_remove(names, name);
                kn_name_free(&rt->reclaimer, name);
            }
        }
        pthread_mutex_unlock(&rt->names_lock);
    }
    end(is_outside);
    return rc;
}

static int take_out(struct koken *rt, const char *text, uint64_t id, bool is_group)
{
    bool is_outside;
    int rc = -ESRCH;
    if (!rt || !is_name(text)) {
        return -EINVAL;
    }
    struct kn_local *local = begin(rt, &is_outside);
    pthread_mutex_lock(&rt->names_lock);
    struct kn_names *names = kn_load(&rt->names, relaxed); /* relaxed: changed under the lock */
    struct kn_name *name = names ? kn_names_find(names, text, id, is_group) : NULL;
    if (name) {
        kn_names_remove(names, name);
        (void)tell(local, name->id, &kn_type_unnamed, name);
        rc = 0; /* told or not: it has ended, or there is no memory; then its end frees the entry */
    }
    pthread_mutex_unlock(&rt->names_lock);
    end(is_outside);
    return rc;
}

int koken_register_(struct koken *rt, const char *name, koken_ref who)
{
    return add(rt, name, who, /* is_group= */ false);
}

int koken_unregister_(struct koken *rt, const char *name)
{
    return take_out(rt, name, 0, /* is_group= */ false);
}

koken_ref koken_whereis_(struct koken *rt, const char *name)
{
    bool is_outside;
    koken_ref ref = {0};
    if (!rt || !is_name(name)) {
        return ref;
    }
    (void)begin(rt, &is_outside);
    struct kn_names *names = kn_load(&rt->names, acquire); /* [AN1] acquire */
    uint64_t id = names ? kn_names_look_up(names, name) : 0;
    if (id && kn_resolve(id)) { /* not one that is just ending */
        ref.id = id;
    }
    end(is_outside);
    return ref;
}

int koken_join_(struct koken *rt, const char *group, koken_ref who)
{
    return add(rt, group, who, /* is_group= */ true);
}

int koken_leave_(struct koken *rt, const char *group, koken_ref who)
{
    return koken_is_nobody(who) ? -ESRCH : take_out(rt, group, who.id, /* is_group= */ true);
}

int koken_members_(struct koken *rt, const char *group, koken_ref *ret_refs, uint32_t n)
{
    bool is_outside;
    _Static_assert(sizeof(koken_ref) == sizeof(uint64_t), "a handle is its id");
    if (!rt || !is_name(group) || (!ret_refs && n)) {
        return -EINVAL;
    }
    (void)begin(rt, &is_outside);
    struct kn_names *names = kn_load(&rt->names, acquire); /* [AN1] acquire */
    uint32_t count = names ? kn_names_members(names, group, n ? &ret_refs->id : NULL, n) : 0;
    end(is_outside);
    return (int)count;
}
