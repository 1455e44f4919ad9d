/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circular doubly linked list whose links live inside its items. One thread at a time, O(1)
 * everywhere. The head and an item that is on no list point at themselves, so removing twice is
 * harmless.
 */
#ifndef KN_BASE_LIST_H
#define KN_BASE_LIST_H

#include "base/align.h"
#include "base/assert.h"

#include <stdbool.h>

struct kn_list {
    struct kn_list *next;
    struct kn_list *prev;
};

#define KN_LIST_INIT(name)                                                                         \
    {                                                                                              \
        &(name), &(name)                                                                           \
    }

static inline void kn_list_init(struct kn_list *list)
{
    list->next = list;
    list->prev = list;
}

/* Of a head: nothing on it. Of an item: it is on no list. */
static inline bool kn_list_is_empty(const struct kn_list *list)
{
    return list->next == list;
}

/* Puts an item, which is on no list, right before another or, given the head, at the end. */
static inline void kn_list_push_back(struct kn_list *list, struct kn_list *item)
{
    KN_ASSERT(list->prev->next == list);
    item->next = list;
    item->prev = list->prev;
    list->prev->next = item;
    list->prev = item;
}

/* Puts an item, which is on no list, right behind another or, given the head, at the front. */
static inline void kn_list_push_front(struct kn_list *list, struct kn_list *item)
{
    kn_list_push_back(list->next, item);
}

static inline void kn_list_remove(struct kn_list *item)
{
    KN_ASSERT(item->next->prev == item);
    KN_ASSERT(item->prev->next == item);
    item->next->prev = item->prev;
    item->prev->next = item->next;
    kn_list_init(item);
}

/* The first item, or NULL. */
static inline struct kn_list *kn_list_first(const struct kn_list *list)
{
    return kn_list_is_empty(list) ? NULL : list->next;
}

/* Takes the first item off, or NULL. */
static inline struct kn_list *kn_list_pop(struct kn_list *list)
{
    struct kn_list *item = kn_list_first(list);
    if (item != NULL) {
        kn_list_remove(item);
    }
    return item;
}

/* Moves all of source behind the items of target. */
static inline void kn_list_splice(struct kn_list *target, struct kn_list *source)
{
    if (kn_list_is_empty(source)) {
        return;
    }
    KN_ASSERT(source->prev->next == source);
    KN_ASSERT(target->prev->next == target);
    source->next->prev = target->prev;
    target->prev->next = source->next;
    source->prev->next = target;
    target->prev = source->prev;
    kn_list_init(source);
}

/* For each item; the list must not change meanwhile. */
#define kn_list_each(item, list)                                                                   \
    for (struct kn_list *item = (list)->next; item != (list); item = item->next)

/* For each item; the body may remove the item it is at. */
#define kn_list_each_safe(item, list)                                                              \
    for (struct kn_list *item = (list)->next, *item##_next = item->next; item != (list);           \
         item = item##_next, item##_next = item->next)

#endif
