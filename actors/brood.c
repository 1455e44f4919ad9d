/* SPDX-License-Identifier: Apache-2.0 */
/* See brood.h. */
#include "actors/brood.h"

#include "actors/heirloom.h"
#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"

#include <errno.h>
#include <string.h>

static struct kn_brood **bucket_of(struct koken *rt, uint64_t who)
{
    return &rt->broods[(uint32_t)who % KN_BROOD_BUCKETS];
}

void kn_nestling_free(struct kn_nestling *child)
{
    if (child->is_added) {
        kn_free((void *)(uintptr_t)child->spec, sizeof *child->spec, _Alignof(struct koken_child));
    }
    kn_heirloom_free(child->heirloom);
    /* Not the id, which others may read: it is 0 since the child is not there (kn_nestling_set). */
    child->spec = NULL;
    child->heirloom = NULL;
    child->claim = (koken_claim){0};
    child->removal = (koken_timer){0};
    child->number = 0;
    child->is_wanted = child->is_added = child->is_leaving = false;
}

/* The block alone: what was in it is somebody else's. */
static void free_block(struct kn_brood *brood)
{
    kn_free(brood, brood->size, _Alignof(struct kn_brood));
}

static void free_brood(struct kn_brood *brood)
{
    for (uint32_t i = 0; i < brood->count; i++) {
        kn_nestling_free(&brood->children[i]);
    }
    while (brood->left) { /* ends: the list is finite */
        struct kn_heirloom *next = brood->left->next;
        kn_heirloom_free(brood->left);
        brood->left = next;
    }
    free_block(brood);
}

void kn_broods_free(struct koken *rt)
{
    for (unsigned i = 0; i < KN_BROOD_BUCKETS; i++) {
        while (rt->broods[i]) { /* ends: the list is finite */
            struct kn_brood *brood = rt->broods[i];
            rt->broods[i] = brood->next;
            free_brood(brood);
        }
    }
}

static struct kn_brood *new_brood(uint64_t who, uint32_t capacity, uint32_t intensity)
{
    size_t size = sizeof(struct kn_brood) + capacity * sizeof(struct kn_nestling) +
                  intensity * sizeof(uint64_t);
    struct kn_brood *brood = kn_alloc(size, _Alignof(struct kn_brood), -1);
    if (brood) {
        memset(brood, 0, size);
        brood->who = who;
        brood->capacity = capacity;
        brood->intensity = intensity;
        brood->size = size;
        brood->restarts = (uint64_t *)(void *)&brood->children[capacity];
    }
    return brood;
}

int kn_brood_make(koken_ctx *ctx, const struct koken_supervisor *spec, uint32_t intensity,
                  struct kn_brood **held)
{
    struct kn_brood *brood = new_brood(ctx->id, spec->child_count, intensity);
    if (!brood) {
        return -ENOMEM;
    }
    brood->count = spec->child_count;
    for (uint32_t i = 0; i < brood->count; i++) {
        brood->children[i].spec = &spec->children[i];
    }
    *held = brood;
    struct kn_brood **bucket = bucket_of(ctx->rt, ctx->id);
    pthread_mutex_lock(&ctx->rt->broods_lock);
    brood->next = *bucket;
    *bucket = brood;
    pthread_mutex_unlock(&ctx->rt->broods_lock);
    return 0;
}

/* What leads to the brood of who, or to NULL. Under the lock. */
static struct kn_brood **find_brood(struct koken *rt, uint64_t who)
{
    struct kn_brood **link = bucket_of(rt, who);
    while (*link && (*link)->who != who) { /* ends: the list is finite */
        link = &(*link)->next;
    }
    return link;
}

/* Puts the brood `fresh`, or (NULL) none, in the place of the supervisor's. */
static void replace_brood(koken_ctx *ctx, struct kn_brood **held, struct kn_brood *fresh)
{
    struct kn_brood *old = *held;
    pthread_mutex_lock(&ctx->rt->broods_lock);
    struct kn_brood **link = find_brood(ctx->rt, ctx->id);
    KN_ASSERT(*link == old);
    if (fresh) {
        fresh->left = old->left;
        old->left = NULL;
        fresh->next = old->next;
        *link = fresh;
    } else {
        *link = old->next;
    }
    pthread_mutex_unlock(&ctx->rt->broods_lock);
    *held = fresh;
}

void kn_brood_drop(koken_ctx *ctx, struct kn_brood **held)
{
    struct kn_brood *old = *held;
    replace_brood(ctx, held, NULL);
    free_brood(old);
}

int kn_brood_grow(koken_ctx *ctx, struct kn_brood **held)
{
    struct kn_brood *old = *held;
    uint32_t capacity = old->capacity ? old->capacity * 2 : 4;
    if (capacity > KN_BROOD_MAX) {
        return -EOVERFLOW;
    }
    struct kn_brood *fresh = new_brood(ctx->id, capacity, old->intensity);
    if (!fresh) {
        return -ENOMEM;
    }
    fresh->count = old->count;
    fresh->restart_serial = old->restart_serial;
    memcpy(fresh->restarts, old->restarts, old->intensity * sizeof(uint64_t));
    memcpy(fresh->children, old->children, old->count * sizeof(struct kn_nestling));
    replace_brood(ctx, held, fresh);
    free_block(old);
    return 0;
}

bool kn_brood_is(struct koken *rt, uint64_t who)
{
    pthread_mutex_lock(&rt->broods_lock);
    bool is_one = *find_brood(rt, who) != NULL;
    pthread_mutex_unlock(&rt->broods_lock);
    return is_one;
}

bool kn_brood_put(struct koken *rt, uint64_t who, struct kn_heirloom *heirloom)
{
    pthread_mutex_lock(&rt->broods_lock);
    struct kn_brood *brood = *find_brood(rt, who);
    if (brood) {
        heirloom->next = brood->left;
        brood->left = heirloom;
    }
    pthread_mutex_unlock(&rt->broods_lock);
    return brood != NULL;
}

struct kn_heirloom *kn_brood_take(koken_ctx *ctx, struct kn_brood **held, uint64_t who)
{
    pthread_mutex_lock(&ctx->rt->broods_lock);
    struct kn_heirloom **link = &(*held)->left;
    while (*link && (*link)->who != who) { /* ends: the list is finite */
        link = &(*link)->next;
    }
    struct kn_heirloom *found = *link;
    if (found) {
        *link = found->next;
    }
    pthread_mutex_unlock(&ctx->rt->broods_lock);
    return found;
}

void kn_nestling_set(koken_ctx *ctx, struct kn_nestling *child, uint64_t id)
{
    pthread_mutex_lock(&ctx->rt->broods_lock);
    child->id = id;
    pthread_mutex_unlock(&ctx->rt->broods_lock);
}

int koken_supervised(koken_ref who, uint32_t index, koken_ref *ret_ref)
{
    bool is_outside = kn_local_here() == NULL;
    int rc = -ESRCH;
    if (!ret_ref) {
        return -EINVAL;
    }
    if (is_outside) {
        kn_rcu_visit();
    }
    const struct kn_agent *a = kn_resolve(who.id);
    if (a) {
        struct koken *rt = kn_agent_runtime(a);
        pthread_mutex_lock(&rt->broods_lock);
        const struct kn_brood *brood = *find_brood(rt, who.id);
        if (brood && index >= brood->count) {
            rc = -EINVAL;
        } else if (brood && brood->children[index].id) {
            ret_ref->id = brood->children[index].id;
            rc = 0;
        }
        pthread_mutex_unlock(&rt->broods_lock);
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    return rc;
}
