/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of hosts: nothing of the machine's, and nothing that is shared. */
#include "base/alloc.h"
#include "base/assert.h"
#include "orchestration/hash.h"

#include <koken/context.h>

#include <errno.h>
#include <string.h>

/* ---- gas ---- */

struct koken_meter koken_meter_of(uint64_t limit)
{
    return (struct koken_meter){.limit = limit};
}

uint64_t koken_meter_left(const struct koken_meter *meter)
{
    KN_ASSERT(meter->used <= meter->limit);
    return meter->limit - meter->used;
}

int koken_meter_use(struct koken_meter *meter, uint64_t gas)
{
    if (gas > koken_meter_left(meter)) {
        return -EOVERFLOW;
    }
    meter->used += gas;
    KN_ASSERT(meter->used >= gas && meter->used <= meter->limit);
    return 0;
}

/* ---- registers ---- */

void koken_register_file_clear(struct koken_register_file *file)
{
    memset(file, 0, sizeof *file);
}

static int find_register(const struct koken_register_file *file, uint32_t reg)
{
    if (reg >= KOKEN_REGISTER_FILE) {
        return -EINVAL;
    }
    return file->is_used[reg / 64] >> (reg % 64) & 1 ? 0 : -ESRCH;
}

int koken_register_take(struct koken_register_file *file)
{
    KN_ASSERT(file->used <= KOKEN_REGISTER_FILE);
    for (uint32_t i = 0; i < KOKEN_REGISTER_FILE / 64; i++) {
        if (~file->is_used[i]) {
            uint32_t reg = 64 * i + (uint32_t)__builtin_ctzll(~file->is_used[i]);
            KN_ASSERT(find_register(file, reg) == -ESRCH);
            file->is_used[i] |= UINT64_C(1) << (reg % 64);
            file->names[reg] = 0;
            file->used++;
            return (int)reg;
        }
    }
    KN_ASSERT(file->used == KOKEN_REGISTER_FILE);
    return -E2BIG;
}

int koken_register_give(struct koken_register_file *file, uint32_t reg)
{
    int rc = find_register(file, reg);
    if (rc == 0) {
        KN_ASSERT(file->used > 0);
        file->is_used[reg / 64] &= ~(UINT64_C(1) << (reg % 64));
        file->used--;
    }
    return rc;
}

int koken_register_read(const struct koken_register_file *file, uint32_t reg, uint64_t *ret_name)
{
    int rc = find_register(file, reg);
    if (rc == 0) {
        *ret_name = file->names[reg];
    }
    return rc;
}

int koken_register_write(struct koken_register_file *file, uint32_t reg, uint64_t name)
{
    int rc = find_register(file, reg);
    if (rc == 0) {
        file->names[reg] = name;
    }
    return rc;
}

uint32_t koken_register_used(const struct koken_register_file *file)
{
    KN_ASSERT(file->used <= KOKEN_REGISTER_FILE);
    return file->used;
}

uint32_t koken_register_left(const struct koken_register_file *file)
{
    return KOKEN_REGISTER_FILE - koken_register_used(file);
}

/* ---- contexts ---- */

enum { ROOM_LEAST = 16 };

struct entry {
    uint64_t name; /* 0: free */
    enum koken_standing standing;
};

struct koken_context {
    struct koken_meter meter;
    uint32_t depth, count, room; /* room: a power of two, never full */
    struct entry *entries;
};

int koken_context_new(uint64_t gas, struct koken_context **ret_context)
{
    if (!ret_context) {
        return -EINVAL;
    }
    struct koken_context *context = kn_alloc(sizeof *context, _Alignof(struct koken_context), -1);
    if (!context) {
        return -ENOMEM;
    }
    *context =
        (struct koken_context){.meter = koken_meter_of(gas ? gas : (uint64_t)KOKEN_CONTEXT_GAS)};
    *ret_context = context;
    return 0;
}

void koken_context_free(struct koken_context *context)
{
    if (context) {
        kn_free(context->entries, context->room * sizeof *context->entries, _Alignof(struct entry));
        kn_free(context, sizeof *context, _Alignof(struct koken_context));
    }
}

int koken_context_use(struct koken_context *context, uint64_t gas)
{
    return context ? koken_meter_use(&context->meter, gas) : -EINVAL;
}

uint64_t koken_context_gas(const struct koken_context *context)
{
    return context ? koken_meter_left(&context->meter) : 0;
}

int koken_context_enter(struct koken_context *context)
{
    if (!context) {
        return -EINVAL;
    }
    KN_ASSERT(context->depth <= KOKEN_CONTEXT_DEPTH);
    if (context->depth >= KOKEN_CONTEXT_DEPTH) {
        return -EOVERFLOW;
    }
    return (int)++context->depth;
}

int koken_context_leave(struct koken_context *context)
{
    return context && context->depth > 0 ? (int)--context->depth : -EINVAL;
}

/* Where a name is, or would be. The table has room. */
static struct entry *place_of(const struct koken_context *context, uint64_t name)
{
    KN_ASSERT(context->count < context->room && (context->room & (context->room - 1)) == 0);
    uint64_t at = kn_hash_mix(name);
    while (context->entries[at & (context->room - 1)].name != name &&
           context->entries[at & (context->room - 1)].name != 0) {
        at++; /* ends: some are free */
    }
    return &context->entries[at & (context->room - 1)];
}

static int grow(struct koken_context *context)
{
    struct koken_context next = *context;
    if (2 * (context->count + 1) <= context->room) {
        return 0;
    }
    next.room = context->room ? 2 * context->room : (uint32_t)ROOM_LEAST;
    next.entries =
        next.room ? kn_alloc(next.room * sizeof *next.entries, _Alignof(struct entry), -1) : NULL;
    if (!next.entries) {
        return -ENOMEM;
    }
    memset(next.entries, 0, next.room * sizeof *next.entries);
    for (uint32_t i = 0; i < context->room; i++) {
        if (context->entries[i].name) {
            *place_of(&next, context->entries[i].name) = context->entries[i];
        }
    }
    kn_free(context->entries, context->room * sizeof *context->entries, _Alignof(struct entry));
    *context = next;
    return 0;
}

int koken_context_add(struct koken_context *context, uint64_t name)
{
    int rc = context && name ? grow(context) : -EINVAL;
    if (rc < 0) {
        return rc;
    }
    struct entry *entry = place_of(context, name);
    if (entry->name) {
        return -EALREADY;
    }
    *entry = (struct entry){name, KOKEN_STANDING_AVAILABLE};
    context->count++;
    return 0;
}

/* From one standing to another. */
static int change(struct koken_context *context, uint64_t name, enum koken_standing from,
                  enum koken_standing to)
{
    if (!context) {
        return -EINVAL;
    }
    struct entry *entry = context->room && name ? place_of(context, name) : NULL;
    if (!entry || !entry->name) {
        return -ESRCH;
    }
    KN_ASSERT(entry->standing != KOKEN_STANDING_UNKNOWN);
    if (entry->standing != from) {
        return -EPERM;
    }
    entry->standing = to;
    return 0;
}

int koken_context_consume(struct koken_context *context, uint64_t name)
{
    return change(context, name, KOKEN_STANDING_AVAILABLE, KOKEN_STANDING_CONSUMED);
}

int koken_context_borrow(struct koken_context *context, uint64_t name)
{
    return change(context, name, KOKEN_STANDING_AVAILABLE, KOKEN_STANDING_BORROWED);
}

int koken_context_return(struct koken_context *context, uint64_t name)
{
    return change(context, name, KOKEN_STANDING_BORROWED, KOKEN_STANDING_AVAILABLE);
}

enum koken_standing koken_context_standing(const struct koken_context *context, uint64_t name)
{
    const struct entry *entry = context && context->room && name ? place_of(context, name) : NULL;
    return entry && entry->name ? entry->standing : KOKEN_STANDING_UNKNOWN;
}
