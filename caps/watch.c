/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debug half of capabilities, behind KOKEN_CAPS_DEBUG: every operation on a handle comes by
 * here.
 *
 *   a stale handle    its generation or the state of the payload says so
 *   a stale pointer   what is sent or frozen moves, the old place is poisoned and held back for a
 * while a written val     its hash changes
 *
 * The report names the rule, where it was broken and where the payload changed hands, and both
 * agents. Programs that are not built for it never get here, but for the test of one flag when a
 * payload is freed.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"
#include "caps/census.h"
#include "caps/payload.h"
#include "caps/poison.h"

#include <koken/caps.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { HELD_MAX = 4096, PASSES_MAX = 8192, FILL = 0xde, HASHED_MAX = 16 };

/*
 * Where a payload last changed hands. Its address is kept upside down: LeakSanitizer would take the table for a reference,
 * and not report what nobody else refers to.
 */
struct pass {
    uintptr_t name;
    struct koken_site site;
    uint64_t agent;
    enum koken_op op;
};

KN_TLS uint64_t kn_caps_agent;
KN_TLS_SIMULATED(kn_caps_agent);

void kn_caps_run(uint64_t agent)
{
    kn_caps_agent = agent;
}

static kn_atomic(bool) is_watched; /* (a) */
/* KN_RANK_WATCH, a leaf: nothing is locked inside. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kn_payload *held[HELD_MAX]; /* (m: lock) ring, oldest at held_next */
static unsigned held_next;                /* (m: lock) */
static struct pass
    passes[PASSES_MAX]; /* (m: lock) by address; a later one may push an earlier out */

static const char *const op_names[KOKEN_OP_COUNT_] = {
    "read", "written", "borrowed", "duplicated", "moved", "put", "sent", "frozen", "dropped",
};

_Static_assert(sizeof op_names / sizeof op_names[0] == KOKEN_OP_COUNT_, "a name per operation");

#ifdef KN_ASAN
static void explain(const char *report);
#endif

void kn_payload_watch(void)
{
#ifdef KN_ASAN
    if (!kn_payload_is_watched()) {
        __asan_set_error_report_callback(explain);
    }
#endif
    kn_store(&is_watched, true, relaxed); /* a switch that is never turned back; late is harmless */
}

bool kn_payload_is_watched(void)
{
    return kn_load(&is_watched, relaxed);
}

static void let_go(struct kn_payload *header)
{
    KN_ASSERT(header->state == KN_PAYLOAD_GONE || header->state == KN_PAYLOAD_MOVED);
    kn_asan_unpoison(kn_payload_data(header), header->type->size);
    if (header->has_pages) {
        kn_payload_pages_free(header);
    } else {
        kn_payload_memory_free(header);
    }
}

/* Spoils a payload that is not there any more. */
static void spoil(struct kn_payload *header, enum kn_payload_state as)
{
    KN_ASSERT(as == KN_PAYLOAD_GONE || as == KN_PAYLOAD_MOVED);
    KN_ASSERT(header->state != KN_PAYLOAD_GONE);
    header->generation++;
    header->state = (uint16_t)as;
    memset(kn_payload_data(header), FILL, header->type->size);
    kn_asan_poison(kn_payload_data(header), header->type->size);
}

/* Under the lock: holds it back, and answers who has been held for the longest. */
static struct kn_payload *hold(struct kn_payload *header)
{
    struct kn_payload *oldest = held[held_next];

    held[held_next] = header;
    held_next = (held_next + 1) % HELD_MAX;
    return oldest;
}

void kn_quarantine(struct kn_payload *header, enum kn_payload_state as)
{
    struct kn_payload *oldest;

    spoil(header, as);
    pthread_mutex_lock(&lock);
    oldest = hold(header);
    pthread_mutex_unlock(&lock);
    if (oldest != NULL) {
        let_go(oldest);
    }
}

/*
 * A send that is about to move its payload: entered with the move, under one lock. Read before that lock is wanted, so
 * that a simulated thread that waits for it need not keep this.
 */
static KN_TLS struct pass sending;

static uintptr_t name_of(const void *payload)
{
    return ~(uintptr_t)payload;
}

static struct pass *pass_of(const void *payload)
{
    return &passes[((uintptr_t)payload >> 5) % PASSES_MAX];
}

static void remember(const void *payload, enum koken_op op, const struct koken_site *site)
{
    pthread_mutex_lock(&lock);
    *pass_of(payload) = (struct pass){name_of(payload), *site, kn_caps_agent, op};
    pthread_mutex_unlock(&lock);
}

/* Says what is wrong and ends the program. */
_Noreturn static void report(const char *rule, const void *payload, const struct koken_site *site)
{
    static char text[512];
    struct pass pass;
    int used;

    pthread_mutex_lock(&lock); /* held until the end: one report */
    pass = *pass_of(payload);
    used = snprintf(text, sizeof text, "koken caps: %s: '%s' by agent %llu", rule, site->what,
                    (unsigned long long)kn_caps_agent);
    if (pass.name == name_of(payload) && payload != NULL && used > 0 &&
        (size_t)used < sizeof text) {
        snprintf(text + used, sizeof text - (size_t)used,
                 "; it was %s as '%s' at %s:%d by agent %llu", op_names[pass.op], pass.site.what,
                 pass.site.file, pass.site.line, (unsigned long long)pass.agent);
    }
    kn_panic(text, site->file, site->line);
}

#ifdef KN_ASAN
/*
 * AddressSanitizer has told of an access to memory that is not there. If it was a payload, tells whose, and where it went:
 * the pointer is older than that.
 */
static void explain(const char *said)
{
    static char place[256]; /* one report: the program ends */
    const char *at = __asan_get_report_address();
    const void *payload = NULL;

    (void)said;
    if (pthread_mutex_trylock(&lock) != 0) {
        return; /* busy, or ours: the sanitizer's report must do */
    }
    for (unsigned i = 0; i < HELD_MAX && payload == NULL; i++) {
        const char *data = held[i] == NULL ? NULL : kn_payload_data(held[i]);

        if (data != NULL && at >= data && at < data + held[i]->type->size) {
            payload = data;
        }
    }
    pthread_mutex_unlock(&lock);
    if (payload != NULL) {
        const struct koken_site site = {"a pointer", place, 0};

        kn_payload_place(__asan_get_report_pc(), place, sizeof place);
        report("R3 a pointer outlived its statement", payload, &site);
    }
}
#endif

/* Of the bytes of a payload and of the isos inside it, the first few: they are immutable with it. */
static uint32_t hash_of(const struct kn_payload *header)
{
    const struct kn_payload *todo[HASHED_MAX] = {header};
    unsigned known = 1;
    uint32_t hash = 2166136261u;

    for (unsigned n = 0; n < known; n++) {
        const unsigned char *at = (const unsigned char *)(todo[n] + 1);
        const struct koken_type *type = todo[n]->type;

        for (uint32_t i = 0; i < type->size; i++) {
            hash = (hash ^ at[i]) * 16777619u;
        }
        for (uint32_t i = 0; i < type->field_count; i++) {
            const void *inner;

            if (type->fields[i].kind != KOKEN_FIELD_ISO) {
                continue;
            }
            memcpy(&inner, at + type->fields[i].offset, sizeof inner);
            if (inner != NULL && known < HASHED_MAX) {
                todo[known++] = kn_payload_of(inner);
            }
        }
    }
    return hash;
}

/*
 * The first agent that touches a ref keeps it; made outside of agents, it belongs to nobody yet. So does an iso, until it
 * is sent: it moves then, and what is new has no owner. (What is in a val is read by many, and not asked.)
 */
static bool is_foreign(struct kn_payload *header)
{
    uint32_t agent = (uint32_t)(kn_caps_agent ^ (kn_caps_agent >> 32));

    if (agent != 0 && header->hash == 0) {
        header->hash = agent;
    }
    return agent != 0 && header->hash != agent;
}

static const char *broken_rule(struct kn_payload *header, uint32_t generation, enum koken_op op)
{
    if (header->state == KN_PAYLOAD_GONE) {
        return "R1 used after it was given back";
    }
    if (header->state == KN_PAYLOAD_MOVED || header->generation != generation) {
        return "R1/R2 used through a handle that no longer owns it";
    }
    if (header->state == KN_PAYLOAD_LOCAL && is_foreign(header)) {
        return "a ref is local: another agent had it before";
    }
    if (header->state == KN_PAYLOAD_ISO && op != KOKEN_OP_READ && is_foreign(header)) {
        return "R1 an iso has one owner: another agent had it, and did not send it";
    }
    if (header->state == KN_PAYLOAD_VAL && header->hash != hash_of(header)) {
        return "a val was written after it was frozen";
    }
    return NULL;
}

void koken_trace_(const void *payload, uint32_t generation, enum koken_op op,
                  const struct koken_site *site)
{
    const char *rule;

    if (payload == NULL) {
        report("R1 an empty handle was used", NULL, site);
    }
    rule = broken_rule(kn_payload_of(payload), generation, op);
    if (rule != NULL) {
        report(rule, payload, site);
    }
    if (op == KOKEN_OP_SEND) {
        sending = (struct pass){name_of(payload), *site, kn_caps_agent, op};
    } else if (op >= KOKEN_OP_MOVE) {
        remember(payload, op, site);
    }
}

uint32_t koken_generation_(const void *payload)
{
    kn_payload_watch();
    return payload == NULL ? 0 : kn_payload_of(payload)->generation;
}

/* A val has many owners: its generation stays until the last one is gone. */
uint32_t koken_renew_(const void *payload)
{
    struct kn_payload *header = payload == NULL ? NULL : kn_payload_of(payload);

    if (header == NULL) {
        return 0;
    }
    return header->state == KN_PAYLOAD_VAL ? header->generation : ++header->generation;
}

void koken_vacant_(const void *payload, const struct koken_site *site)
{
    if (payload != NULL) {
        report("R1 put over what is there: it would leak", payload, site);
    }
}

void koken_left_behind_(const void *handle)
{
    void *payload;

    memcpy(&payload, handle, sizeof payload);
    if (payload != NULL) {
        const struct koken_site site = {"a variable", "its scope", 0};

        report("R1 never consumed", payload, &site);
    }
}

/* The handles of a letter are sent as one: each is checked, and its payload moves. */
void koken_letter_leaves_(const struct koken_type *type, void *letter,
                          const struct koken_site *site)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct koken_field *field = &type->fields[i];
        char *slot = (char *)letter + field->offset;
        struct kn_handle handle;

        if (field->kind != KOKEN_FIELD_ISO && field->kind != KOKEN_FIELD_VAL) {
            continue;
        }
        KN_ASSERT(field->size == sizeof handle);
        memcpy(&handle, slot, sizeof handle);
        if (handle.payload == NULL) {
            continue;
        }
        koken_trace_(handle.payload, handle.generation, KOKEN_OP_SEND, site);
        handle.payload = koken_relocate_(handle.payload);
        handle.generation = koken_renew_(handle.payload);
        memcpy(slot, &handle, sizeof handle);
    }
}

/* The state of the debug checks when an iso becomes a val. */
void kn_payload_frozen(struct kn_payload *header)
{
    KN_ASSERT(header->state == KN_PAYLOAD_VAL);
    header->hash = hash_of(header);
    if (header->has_pages) {
        kn_payload_seal(header);
    }
}

void kn_payload_frozen_within(const void *payload, const void *whole)
{
    pthread_mutex_lock(&lock);
    struct pass pass = *pass_of(whole);
    if (pass.name == name_of(whole)) {
        pass.name = name_of(payload);
        *pass_of(payload) = pass;
    }
    pthread_mutex_unlock(&lock);
}

void kn_payload_last_look(struct kn_payload *header)
{
    const struct koken_site site = {"its last reference", "its end", 0};

    KN_ASSERT(header->state == KN_PAYLOAD_VAL);
    if (header->hash != 0 && header->hash != hash_of(header)) { /* 0: frozen where nobody watched */
        report("a val was written after it was frozen", kn_payload_data(header), &site);
    }
}

void kn_payload_written(const void *payload, const char *place)
{
    const struct koken_site site = {"its bytes", place, 0};

    report("a val was written after it was frozen", payload, &site);
}

/* Under the lock: what was said of a payload's last change of hands goes with it. */
static void carry_pass(const struct pass *sent, const void *from, const void *to)
{
    struct pass pass = sent->name == name_of(from) ? *sent : *pass_of(from);

    if (pass.name == name_of(from)) {
        *pass_of(from) = pass;
        pass.name = name_of(to);
        *pass_of(to) = pass;
    }
}

/*
 * Under the lock: the block that has been held for the longest, if one of that type fits into it. It would be freed and
 * allocated again else, at each send.
 */
static struct kn_payload *reuse(const struct koken_type *type)
{
    struct kn_payload *oldest = held[held_next];

    if (oldest == NULL || oldest->has_pages || oldest->is_in_region ||
        oldest->type->size != type->size || kn_payload_protects()) {
        return NULL;
    }
    KN_ASSERT(oldest->state == KN_PAYLOAD_GONE || oldest->state == KN_PAYLOAD_MOVED);
    kn_asan_unpoison(kn_payload_data(oldest), type->size);
    kn_payload_begin(oldest, type, KN_PAYLOAD_ISO);
    return oldest;
}

/* Moves one payload; NULL: no memory, it stays. The copy waits in the list for its fields to follow. */
static struct kn_payload *move_one(struct kn_payload *from, const struct pass *sent,
                                   struct kn_payload **todo)
{
    struct kn_payload *oldest = NULL;
    struct kn_payload *to;

    pthread_mutex_lock(&lock);
    to = reuse(from->type);
    if (to == NULL) {
        pthread_mutex_unlock(&lock);
        to = kn_payload_protects() ? kn_payload_pages_new(from->type)
                                   : kn_payload_new(from->type, KN_PAYLOAD_ISO);
        if (to == NULL) {
            return NULL;
        }
        kn_census(from->type, -1); /* there is one more of them, and soon one less */
        pthread_mutex_lock(&lock);
        oldest = held[held_next];
    }
    memcpy(kn_payload_data(to), kn_payload_data(from), from->type->size);
    spoil(from, KN_PAYLOAD_MOVED);
    (void)hold(from); /* in the place of what was reused, or of oldest */
    carry_pass(sent, kn_payload_data(from), kn_payload_data(to));
    pthread_mutex_unlock(&lock);
    if (oldest != NULL) {
        let_go(oldest);
    }
    to->link = *todo;
    *todo = to;
    return to;
}

/* Moves what the iso fields of a copy refer to, and renews their handles. */
static void move_fields(struct kn_payload *copy, struct kn_payload **todo)
{
    for (uint32_t i = 0; i < copy->type->field_count; i++) {
        const struct koken_field *field = &copy->type->fields[i];
        char *slot = (char *)kn_payload_data(copy) + field->offset;
        struct kn_payload *inner;
        void *payload;
        const struct pass nothing = {0};

        memcpy(&payload, slot, sizeof payload);
        if (field->kind != KOKEN_FIELD_ISO || payload == NULL) {
            continue;
        }
        inner = move_one(kn_payload_of(payload), &nothing, todo);
        if (inner == NULL) {
            continue;
        }
        payload = kn_payload_data(inner);
        memcpy(slot, &payload, sizeof payload);
        if (field->size >= sizeof payload + sizeof inner->generation) {
            memcpy(slot + sizeof payload, &inner->generation, sizeof inner->generation);
        }
    }
}

/*
 * Moves an iso to fresh memory, with the isos inside it, so that every pointer into the graph is stale. A val
 * stays: others read it where it is. No memory: what cannot be moved stays too.
 */
void *koken_relocate_(const void *payload)
{
    struct kn_payload *from = kn_payload_of(payload);
    struct kn_payload *todo = NULL;
    struct kn_payload *to = NULL;
    const struct pass sent = sending;

    sending.name = 0;
    if (from->state == KN_PAYLOAD_ISO) {
        to = move_one(from, &sent, &todo);
    }
    if (to == NULL && from->state == KN_PAYLOAD_ISO) {
        from->hash = 0; /* it has no memory to move to, and leaves its agent all the same */
    }
    if (to == NULL && sent.name == name_of(payload)) {
        remember(payload, sent.op, &sent.site);
    }
    if (to == NULL) {
        return kn_payload_data(from);
    }
    while (todo != NULL) { /* ends: a graph of isos is finite and has no cycle */
        struct kn_payload *copy = todo;

        todo = copy->link;
        move_fields(copy, &todo);
    }
    return kn_payload_data(to);
}

void kn_payload_claim(const struct koken_type *type, const void *message)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct koken_field *field = &type->fields[i];
        void *payload;

        if (field->kind != KOKEN_FIELD_ISO && field->kind != KOKEN_FIELD_VAL) {
            continue;
        }
        memcpy(&payload, (const char *)message + field->offset, sizeof payload);
        if (payload != NULL) {
            kn_tsan_claim(payload, field->type->size, field->kind == KOKEN_FIELD_ISO);
        }
    }
}
