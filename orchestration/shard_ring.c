/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: a sorted array of points. A key belongs to the first point at or behind its hash. A
 * directory by the highest bits of the hash, with about half as many places as there are points, says
 * where to begin; as points are uniform, the search ends a few steps from there. (To begin where the
 * point should be without a directory misses it by sqrt(points) / 2.)
 *
 * A member's points depend on its name alone, so that the members' order of coming does not matter;
 * of two points at one place the one of the larger name counts.
 */
#include <koken/shard.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "orchestration/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_DEFAULT = 160, POINTS_MAX = 4096, WEIGHT_MAX = 64, LOAD_DEFAULT = 125 };

struct point {
    uint64_t at;
    uint64_t name;
};

struct member {
    uint64_t name;
    uint64_t load;
    uint32_t weight;
};

struct koken_ring {
    struct point *points;
    uint32_t *directory; /* by hash >> shift: the first point at or behind the place's beginning */
    unsigned shift;      /* 64 - log2 of its places */
    struct member *members; /* sorted by name */
    size_t point_count, member_count, point_room, member_room;
    uint64_t load;   /* of all members */
    uint64_t weight; /* likewise */
    struct koken_ring_options options;
};

int koken_ring_new(const struct koken_ring_options *options, struct koken_ring **ret_ring)
{
    struct koken_ring_options o = options ? *options : (struct koken_ring_options){0};
    o.points = o.points ? o.points : POINTS_DEFAULT;
    o.load_percent = o.load_percent ? o.load_percent : LOAD_DEFAULT;
    if (!ret_ring || o.points > POINTS_MAX || o.load_percent < 100 ||
        (o.struct_size != 0 && o.struct_size != sizeof o)) {
        return -EINVAL;
    }
    struct koken_ring *ring = kn_alloc(sizeof *ring, _Alignof(struct koken_ring), -1);
    if (!ring) {
        return -ENOMEM;
    }
    *ring = (struct koken_ring){.options = o};
    *ret_ring = ring;
    return 0;
}

static size_t places_of(const struct koken_ring *ring)
{
    return (size_t)1 << (64 - ring->shift);
}

void koken_ring_free(struct koken_ring *ring)
{
    if (ring) {
        if (ring->points) {
            kn_free(ring->points, ring->point_room * sizeof *ring->points, _Alignof(struct point));
        }
        if (ring->directory) {
            kn_free(ring->directory, places_of(ring) * sizeof *ring->directory, _Alignof(uint32_t));
        }
        if (ring->members) {
            kn_free(ring->members, ring->member_room * sizeof *ring->members,
                    _Alignof(struct member));
        }
        kn_free(ring, sizeof *ring, _Alignof(struct koken_ring));
    }
}

static void write_directory(struct koken_ring *ring)
{
    size_t place = 0;
    for (size_t i = 0; i < ring->point_count; i++) {
        for (; place <= ring->points[i].at >> ring->shift; place++) {
            ring->directory[place] = (uint32_t)i;
        }
    }
    for (; place < places_of(ring); place++) {
        ring->directory[place] = (uint32_t)ring->point_count;
    }
}

/* An array of another size, with the same beginning; NULL: no memory, and the old one stays. */
static void *resize(void *old, size_t old_size, size_t size, size_t align)
{
    void *fresh = kn_alloc(size, align, -1);
    if (fresh && old) {
        memcpy(fresh, old, old_size < size ? old_size : size);
        kn_free(old, old_size, align);
    }
    return fresh;
}

/* Room for points, and a directory of half as many places. */
static int reserve_points(struct koken_ring *ring, size_t room)
{
    unsigned shift = 63;
    while (((size_t)1 << (64 - shift)) < room / 2) { /* ends: it doubles */
        shift--;
    }
    uint32_t *directory =
        kn_alloc(((size_t)1 << (64 - shift)) * sizeof *directory, _Alignof(uint32_t), -1);
    if (!directory) {
        return -ENOMEM;
    }
    struct point *points = resize(ring->points, ring->point_room * sizeof *points,
                                  room * sizeof *points, _Alignof(struct point));
    if (!points) {
        kn_free(directory, ((size_t)1 << (64 - shift)) * sizeof *directory, _Alignof(uint32_t));
        return -ENOMEM;
    }
    if (ring->directory) {
        kn_free(ring->directory, places_of(ring) * sizeof *directory, _Alignof(uint32_t));
    }
    ring->points = points;
    ring->point_room = room;
    ring->directory = directory;
    ring->shift = shift;
    write_directory(ring);
    return 0;
}

static int reserve(struct koken_ring *ring, size_t points)
{
    if (ring->point_count + points > ring->point_room) {
        int rc = reserve_points(ring, 2 * (ring->point_count + points));
        if (rc < 0) {
            return rc;
        }
    }
    if (ring->member_count == ring->member_room) {
        size_t room = ring->member_room ? 2 * ring->member_room : 8;
        struct member *fresh = resize(ring->members, ring->member_room * sizeof *fresh,
                                      room * sizeof *fresh, _Alignof(struct member));
        if (!fresh) {
            return -ENOMEM;
        }
        ring->members = fresh;
        ring->member_room = room;
    }
    return 0;
}

/* The place of a member, or where it would be. */
static size_t place_of(const struct koken_ring *ring, uint64_t name)
{
    size_t low = 0, high = ring->member_count;
    while (low < high) { /* ends: the interval shrinks */
        size_t middle = low + (high - low) / 2;
        if (ring->members[middle].name < name) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct member *member_of(const struct koken_ring *ring, uint64_t name)
{
    size_t place = place_of(ring, name);
    bool is_there = place < ring->member_count && ring->members[place].name == name;
    return is_there ? &ring->members[place] : NULL;
}

static int compare(const void *left, const void *right)
{
    const struct point *l = left, *r = right;
    if (l->at != r->at) {
        return l->at < r->at ? -1 : 1;
    }
    return l->name > r->name ? -1 : l->name < r->name;
}

/* Sorts the new points at the end of the array, where there is room twice, and merges from behind. */
static void add_points(struct koken_ring *ring, uint64_t name, size_t count)
{
    struct point *points = ring->points;
    size_t old = ring->point_count, all = old + count, fresh = all + count;
    uint64_t hash = kn_hash_number(&ring->options.key, name);
    KN_ASSERT(fresh <= ring->point_room);
    for (size_t i = 0; i < count; i++) {
        points[all + i] = (struct point){kn_hash_mix(hash ^ kn_hash_mix(i + 1)), name};
    }
    qsort(&points[all], count, sizeof *points, compare);
    for (size_t to = all; fresh > all; to--) { /* ends: when the new ones are in place */
        KN_ASSERT(to > 0);
        bool is_old = old > 0 && compare(&points[old - 1], &points[fresh - 1]) > 0;
        points[to - 1] = is_old ? points[--old] : points[--fresh];
    }
    ring->point_count = all;
    write_directory(ring);
}

int koken_ring_add(struct koken_ring *ring, uint64_t name, uint32_t weight)
{
    weight = weight ? weight : 1;
    if (!ring || weight > WEIGHT_MAX) {
        return -EINVAL;
    }
    if (member_of(ring, name)) {
        return -EALREADY;
    }
    size_t fresh = (size_t)weight * ring->options.points;
    int rc = reserve(ring, 2 * fresh);
    if (rc < 0) {
        return rc;
    }
    add_points(ring, name, fresh);
    size_t place = place_of(ring, name);
    memmove(&ring->members[place + 1], &ring->members[place],
            (ring->member_count - place) * sizeof *ring->members);
    ring->members[place] = (struct member){name, 0, weight};
    ring->member_count++;
    ring->weight += weight;
    return 0;
}

int koken_ring_remove(struct koken_ring *ring, uint64_t name)
{
    struct member *member = ring ? member_of(ring, name) : NULL;
    if (!member) {
        return ring ? -ESRCH : -EINVAL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < ring->point_count; i++) {
        if (ring->points[i].name != name) {
            ring->points[kept++] = ring->points[i];
        }
    }
    KN_ASSERT(ring->point_count - kept == (size_t)member->weight * ring->options.points);
    ring->point_count = kept;
    write_directory(ring);
    ring->load -= member->load;
    ring->weight -= member->weight;
    size_t place = (size_t)(member - ring->members);
    memmove(member, member + 1, (ring->member_count - place - 1) * sizeof *member);
    ring->member_count--;
    return 0;
}

size_t koken_ring_count(const struct koken_ring *ring)
{
    return ring ? ring->member_count : 0;
}

/* The first point at or behind hash. The ring is not empty. */
static size_t search(const struct koken_ring *ring, uint64_t hash)
{
    size_t count = ring->point_count, at = ring->directory[hash >> ring->shift];
    KN_ASSERT(at <= count);
    while (at < count && ring->points[at].at < hash) { /* ends: at the end of the hash's place */
        at++;
    }
    return at == count ? 0 : at;
}

int koken_ring_find(const struct koken_ring *ring, uint64_t key, uint64_t *ret_name)
{
    if (!ring || !ret_name) {
        return -EINVAL;
    }
    if (ring->point_count == 0) {
        return -ESRCH;
    }
    *ret_name = ring->points[search(ring, kn_hash_number(&ring->options.key, key))].name;
    return 0;
}

/* The load a member may have when there is one load more: rounded up, so that there is always room. */
static uint64_t bound_of(const struct koken_ring *ring, const struct member *member)
{
    uint64_t share = (ring->load + 1) * member->weight * ring->options.load_percent;
    uint64_t divisor = ring->weight * 100;
    return (share + divisor - 1) / divisor;
}

int koken_ring_assign(struct koken_ring *ring, uint64_t key, uint64_t *ret_name)
{
    if (!ring || !ret_name) {
        return -EINVAL;
    }
    if (ring->point_count == 0) {
        return -ESRCH;
    }
    size_t at = search(ring, kn_hash_number(&ring->options.key, key));
    struct member *member = member_of(ring, ring->points[at].name);
    /* Ends: not all members can be at their bounds, which together exceed the load. */
    while (member->load >= bound_of(ring, member)) {
        at = at + 1 == ring->point_count ? 0 : at + 1;
        member = member_of(ring, ring->points[at].name);
    }
    member->load++;
    ring->load++;
    *ret_name = member->name;
    return 0;
}

int koken_ring_unassign(struct koken_ring *ring, uint64_t name)
{
    struct member *member = ring ? member_of(ring, name) : NULL;
    if (!member || member->load == 0) {
        return ring ? -ESRCH : -EINVAL;
    }
    KN_ASSERT(ring->load >= member->load);
    member->load--;
    ring->load--;
    return 0;
}

int koken_ring_moves(const struct koken_ring *before, const struct koken_ring *after,
                     const uint64_t *keys, uint32_t key_count, koken_ring_moved *moved, void *arg)
{
    int moves = 0;
    if (!before || !after || !keys || !moved || key_count > INT32_MAX) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < key_count; i++) {
        uint64_t from, to;
        if (koken_ring_find(before, keys[i], &from) < 0 ||
            koken_ring_find(after, keys[i], &to) < 0) {
            return -ESRCH;
        }
        if (from != to) {
            moved(arg, keys[i], from, to);
            moves++;
        }
    }
    return moves;
}

int koken_ring_copy(const struct koken_ring *ring, struct koken_ring **ret_ring)
{
    struct koken_ring *copy;
    int rc = ring && ret_ring ? koken_ring_new(&ring->options, &copy) : -EINVAL;
    for (size_t i = 0; rc == 0 && i < ring->member_count; i++) {
        rc = koken_ring_add(copy, ring->members[i].name, ring->members[i].weight);
        if (rc < 0) {
            koken_ring_free(copy);
        }
    }
    if (rc == 0) {
        for (size_t i = 0; i < ring->member_count; i++) {
            copy->members[i].load = ring->members[i].load;
        }
        copy->load = ring->load;
        *ret_ring = copy;
    }
    return rc;
}
