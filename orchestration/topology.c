/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topology is a pointer to its present view. A change reads the view, makes the next one beside it, and swaps the
 * pointer if it is still the same; else somebody was faster, and it is made again from theirs. Everything that a
 * change depends on, chance included, is in the view, so there is no lock.
 *
 * Who reads the pointer may be about to count itself in when the view is replaced. So the topology's share of a
 * replaced view is given back after a grace period only: workers are readers between two turns at no cost, threads
 * outside for the moment of the call.
 */
#include "orchestration/topology.h"

#include "actors/request.h"
#include "actors/runtime.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"

#include <errno.h>

struct koken_topology {
    struct koken *rt;                    /* (c) */
    kn_atomic(struct koken_view *) view; /* (r) */
};

/* Frames the reading of the pointer. */
static bool begin_reading(void)
{
    bool is_outside = kn_local_here() == NULL;
    if (is_outside) {
        kn_rcu_visit();
    }
    return is_outside;
}

static void end_reading(bool is_outside)
{
    if (is_outside) {
        kn_rcu_depart();
    }
}

struct koken_view *kn_view_ref(const struct koken_view *view)
{
    struct koken_view *mine = (struct koken_view *)(uintptr_t)view;
    uint32_t before =
        kn_add(&mine->owners, 1, relaxed); /* relaxed: somebody's share is beside us */
    KN_ASSERT(before > 0);
    (void)before;
    return mine;
}

void koken_view_close(struct koken_view *view)
{
    /* [OT2] release: what this owner read; acquire: what the others did, before the memory goes. */
    if (view && kn_sub(&view->owners, 1, acq_rel) == 1) {
        kn_free(view, view->size, _Alignof(struct koken_view));
    }
}

static void after_grace(struct kn_rcu_head *head)
{
    koken_view_close(kn_container_of(head, struct koken_view, head));
}

static int check_options(struct koken_topology_options *o, size_t count)
{
    bool is_random = o->shape == KOKEN_RANDOM_REGULAR || o->shape == KOKEN_SMALL_WORLD;
    bool is_tree = o->shape == KOKEN_TREE;
    if ((unsigned)o->shape >= KOKEN_SHAPE_COUNT_ ||
        (o->struct_size != 0 && o->struct_size != sizeof *o)) {
        return -EINVAL;
    }
    o->degree = o->degree ? o->degree : (is_tree ? 2 : 4);
    if ((is_tree && o->degree > KN_TREE_DEGREE_MAX) ||
        (is_random && (o->degree > KN_DEGREE_MAX || o->degree % 2 != 0)) ||
        o->columns > KN_TOPOLOGY_MAX || o->shortcut_percent > 100) {
        return -EINVAL;
    }
    if (o->columns == 0) {
        for (o->columns = 1; (size_t)o->columns * o->columns < count; o->columns++) {}
    }
    o->shortcut_percent = o->shortcut_percent ? o->shortcut_percent : 25;
    return 0;
}

int koken_topology_new_(struct koken *rt, const struct koken_topology_options *options,
                        const koken_ref *members, size_t count,
                        struct koken_topology **ret_topology)
{
    struct koken_topology_options o = options ? *options : (struct koken_topology_options){0};
    struct koken_view *none, *view;
    if (!rt || !ret_topology || (!members && count)) {
        return -EINVAL;
    }
    int rc = count > KN_TOPOLOGY_MAX ? -E2BIG : check_options(&o, count);
    rc = rc < 0 ? rc : kn_view_new(&o, &none);
    if (rc < 0) {
        return rc;
    }
    struct kn_change change = {.added = members, .added_count = (uint32_t)count};
    rc = kn_view_derive(none, &change, &view);
    koken_view_close(none);
    if (rc < 0) {
        return rc;
    }
    struct koken_topology *topology =
        kn_alloc(sizeof *topology, _Alignof(struct koken_topology), /* node= */ -1);
    if (!topology) {
        koken_view_close(view);
        return -ENOMEM;
    }
    topology->rt = rt;
    kn_atomic_init(&topology->view, view);
    *ret_topology = topology;
    return 0;
}

void koken_topology_free(struct koken_topology *topology)
{
    if (topology) {
        koken_view_close(kn_load(&topology->view, relaxed)); /* relaxed: nobody uses it any more */
        kn_free(topology, sizeof *topology, _Alignof(struct koken_topology));
    }
}

struct koken_view *koken_view_open(struct koken_topology *topology)
{
    bool is_outside = begin_reading();
    /* [OT1] acquire: what is in the view. Pairs with publish(). */
    struct koken_view *view = kn_view_ref(kn_load(&topology->view, acquire));
    end_reading(is_outside);
    return view;
}

/* The next view takes the place of the one it was made from, if that is still there. */
static bool publish(struct koken_topology *topology, struct koken_view *from,
                    struct koken_view *take_view)
{
    struct koken_view *expected = from;
    /* [OT1] release: what is in the view. Relaxed: a failure is looked at anew. */
    if (!kn_cas_strong(&topology->view, &expected, take_view, release, relaxed)) {
        return false;
    }
    kn_rcu_defer(&topology->rt->reclaimer, &from->head, after_grace);
    return true;
}

/* Marks who goes: who, or everybody who has ended (nobody). Answers how many. */
static int mark_gone(const struct koken_view *view, koken_ref who, unsigned char *is_gone)
{
    int position = kn_view_position(view, who), gone = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        is_gone[i] = koken_is_nobody(who) ? !koken_alive(view->members[i]) : (int)i == position;
        gone += is_gone[i];
    }
    return gone;
}

/* One attempt. Answers how many come or go. -EAGAIN: somebody else's change came between. */
static int try_change(struct koken_topology *topology, koken_ref who, bool is_adding)
{
    /* [OT1] acquire: what is in the view. */
    struct koken_view *view = kn_load(&topology->view, acquire), *next;
    unsigned char *is_gone = kn_alloc(view->count + 1, 1, /* node= */ -1);
    if (!is_gone) {
        return -ENOMEM;
    }
    int n = is_adding ? 1 : mark_gone(view, who, is_gone);
    struct kn_change change = {.is_gone = is_gone};
    if (is_adding) {
        change = (struct kn_change){.added = &who, .added_count = 1};
    }
    int rc = n == 0 ? 0 : kn_view_derive(view, &change, &next);
    kn_free(is_gone, view->count + 1, 1);
    if (rc == 0 && n > 0 && !publish(topology, view, next)) {
        koken_view_close(next);
        rc = -EAGAIN;
    }
    return rc < 0 ? rc : n;
}

static int change(struct koken_topology *topology, koken_ref who, bool is_adding)
{
    int rc;
    do { /* ends: each time but the last, another change has succeeded */
        bool is_outside = begin_reading();
        rc = try_change(topology, who, is_adding);
        end_reading(is_outside);
    } while (rc == -EAGAIN);
    return rc;
}

int koken_topology_add(struct koken_topology *topology, koken_ref who)
{
    int rc = topology && !koken_is_nobody(who) ? change(topology, who, true) : -EINVAL;
    return rc < 0 ? rc : 0;
}

int koken_topology_remove(struct koken_topology *topology, koken_ref who)
{
    if (!topology) {
        return -EINVAL;
    }
    int rc = koken_is_nobody(who) ? 0 : change(topology, who, false);
    return rc > 0 ? 0 : (rc < 0 ? rc : -ESRCH);
}

int koken_topology_heal(struct koken_topology *topology)
{
    return topology ? change(topology, KOKEN_NOBODY, false) : -EINVAL;
}
