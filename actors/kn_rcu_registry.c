/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See kn_rcu_registry.h. Built without -fsanitize=thread; nothing that is changed while others read it is
 * touched by code outside this file, and the grace period's edge is told by kn_rcu.c.
 */
#define _LGPL_SOURCE 1
#include "actors/kn_rcu_registry.h"

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>
#include <urcu/urcu-qsbr.h>

#include <urcu/rculfhash.h>

#if defined(__SANITIZE_THREAD__) || defined(KN_TSAN)
#define KN_RCU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KN_RCU_TSAN 1
#endif
#endif

/* What the table orders: an entry's fields are written before it is entered, and read once it is found. */
#if defined(KN_RCU_TSAN) && !defined(KN_TSAN_AGENTS)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define ENTRY_RELEASE(node) __tsan_release(node)
#define ENTRY_ACQUIRE(node) __tsan_acquire(node)
#else
#define ENTRY_RELEASE(node) ((void)0)
#define ENTRY_ACQUIRE(node) ((void)0)
#endif

enum { BUCKETS = 4096 };

struct kn_names {
    struct cds_lfht *table;
};

struct entry {
    struct cds_lfht_node node;
    struct kn_rcu_head head;
    struct kn_name name;
};

/* What a lookup compares with. */
struct key {
    const char *text;
    uint64_t id; /* 0: any */
    bool is_group;
};

static const struct entry *entry_of(const struct cds_lfht_node *node)
{
    return (const struct entry *)(const void *)((const char *)node - offsetof(struct entry, node));
}

static unsigned long hash_of(const char *text, bool is_group)
{
    uint64_t hash = 0xcbf29ce484222325u + is_group; /* FNV-1a */
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return (unsigned long)(hash ^ hash >> 32);
}

static int matches(struct cds_lfht_node *node, const void *with)
{
    const struct kn_name *name = &entry_of(node)->name;
    const struct key *key = with;
    ENTRY_ACQUIRE(node);
    return name->is_group == key->is_group && (key->id == 0 || name->id == key->id) &&
           strcmp(name->text, key->text) == 0;
}

struct kn_names *kn_names_new(void)
{
    struct kn_names *names = kn_alloc(sizeof *names, _Alignof(struct kn_names), -1);
    if (names) {
        names->table = cds_lfht_new_flavor(BUCKETS, BUCKETS, BUCKETS, 0, &urcu_qsbr_flavor, NULL);
        if (!names->table) {
            kn_free(names, sizeof *names, _Alignof(struct kn_names));
            names = NULL;
        }
    }
    return names;
}

void kn_names_free(struct kn_names *names)
{
    if (names) {
        int rc = cds_lfht_destroy(names->table, NULL);
        KOKEN_CHECK(rc == 0); /* each agent has taken its names out */
        kn_free(names, sizeof *names, _Alignof(struct kn_names));
    }
}

static const struct entry *find(struct kn_names *names, const struct key *key,
                                struct cds_lfht_iter *iter)
{
    cds_lfht_lookup(names->table, hash_of(key->text, key->is_group), matches, key, iter);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(iter);
    return node ? entry_of(node) : NULL;
}

struct kn_name *kn_names_find(struct kn_names *names, const char *text, uint64_t id, bool is_group)
{
    struct cds_lfht_iter iter;
    struct key key = {text, is_group ? id : 0, is_group};
    const struct entry *found = find(names, &key, &iter);
    return found ? (struct kn_name *)(uintptr_t)&found->name : NULL;
}

int kn_names_add(struct kn_names *names, const char *text, uint64_t id, bool is_group,
                 struct kn_name **ret_name)
{
    KN_ASSERT(strlen(text) <= KN_NAME_MAX);
    if (kn_names_find(names, text, id, is_group)) {
        return -EALREADY;
    }
    struct entry *entry = kn_alloc(sizeof *entry, _Alignof(struct entry), -1);
    if (!entry) {
        return -ENOMEM;
    }
    memset(entry, 0, sizeof *entry);
    cds_lfht_node_init(&entry->node);
    entry->name.id = id;
    entry->name.is_group = is_group;
    memcpy(entry->name.text, text, strlen(text));
    ENTRY_RELEASE(&entry->node);
    cds_lfht_add(names->table, hash_of(text, is_group), &entry->node);
    *ret_name = &entry->name;
    return 0;
}

void kn_names_remove(struct kn_names *names, struct kn_name *name)
{
    struct entry *entry = kn_container_of(name, struct entry, name);
    (void)cds_lfht_del(names->table, &entry->node); /* -ENOENT: out already */
}

static void free_entry(struct kn_rcu_head *head)
{
    struct entry *entry = kn_container_of(head, struct entry, head);
    kn_free(entry, sizeof *entry, _Alignof(struct entry));
}

void kn_name_free(struct kn_reclaimer *reclaimer, struct kn_name *name)
{
    struct entry *entry = kn_container_of(name, struct entry, name);
    kn_rcu_defer(reclaimer, &entry->head, free_entry);
}

uint64_t kn_names_look_up(struct kn_names *names, const char *text)
{
    struct cds_lfht_iter iter;
    struct key key = {text, 0, false};
    const struct entry *found = find(names, &key, &iter);
    return found ? found->name.id : 0;
}

uint32_t kn_names_members(struct kn_names *names, const char *text, uint64_t *ret_ids, uint32_t n)
{
    struct cds_lfht_iter iter;
    struct key key = {text, 0, true};
    uint32_t count = 0;
    const struct entry *found = find(names, &key, &iter);
    while (found) { /* ends: the chain of its bucket is finite */
        if (count < n) {
            ret_ids[count] = found->name.id;
        }
        count++;
        cds_lfht_next_duplicate(names->table, matches, &key, &iter);
        struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
        found = node ? entry_of(node) : NULL;
    }
    return count;
}
