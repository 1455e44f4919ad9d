/* SPDX-License-Identifier: Apache-2.0 */
/* See deadletter.h. */
#include "actors/deadletter.h"

#include "actors/link.h"
#include "actors/park.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/stamp.h"
#include "base/world.h"
#include "caps/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TYPES = 64, REASONS = KOKEN_DEAD_REASON_COUNT_ };

#define LOG_PERIOD_NS KOKEN_S(1)

struct type_count {
    const struct koken_type *type; /* (m) lock; NULL: free */
    uint64_t count[REASONS];       /* (m) lock */
};

struct kn_letters {
    pthread_mutex_t lock; /* rank 70, a leaf */
    uint64_t serial;      /* (m) lock: letters entered so far; the ring's next place */
    struct koken_dead_letter ring[KOKEN_DEAD_LETTERS_KEPT]; /* (m) lock */
    struct type_count types[TYPES];                         /* (m) lock: by hash, then linear */
};

static kn_atomic(struct kn_letters *) *place_of(struct koken *rt, struct kn_local *local)
{
    return local ? &local->letters : &rt->letters;
}

/* The ring of the worker, or of the threads outside; made now if need be. NULL: no memory. */
static struct kn_letters *get_letters(struct koken *rt, struct kn_local *local)
{
    kn_atomic(struct kn_letters *) *place = place_of(rt, local);
    struct kn_letters *letters = kn_load(place, acquire); /* [AD1] acquire */
    if (letters) {
        return letters;
    }
    struct kn_letters *fresh = kn_alloc(sizeof *fresh, KN_CACHE_LINE, -1);
    if (!fresh) {
        return NULL;
    }
    memset(fresh, 0, sizeof *fresh);
    pthread_mutex_init(&fresh->lock, NULL);
    /* [AD1] release: its making; acquire: another thread's outside, if that came first. */
    if (kn_cas_strong(place, &letters, fresh, acq_rel, acquire)) {
        return fresh;
    }
    pthread_mutex_destroy(&fresh->lock);
    kn_free(fresh, sizeof *fresh, KN_CACHE_LINE);
    return letters;
}

static void free_letters(struct kn_letters *letters)
{
    if (letters) {
        pthread_mutex_destroy(&letters->lock);
        kn_free(letters, sizeof *letters, KN_CACHE_LINE);
    }
}

void kn_letters_free(struct koken *rt)
{
    /* Relaxed, both: nobody else is left. */
    free_letters(kn_load(&rt->letters, relaxed));
    for (unsigned i = 0; i < rt->worker_count; i++) {
        free_letters(kn_load(&rt->locals[i].letters, relaxed));
    }
}

/* The counts of a type, NULL: not there. With is_new a free place is an answer too. Under the lock. */
static struct type_count *find_type(struct kn_letters *letters, const struct koken_type *type,
                                    bool is_new)
{
    uint32_t at = (uint32_t)((uintptr_t)type >> 4) % TYPES;
    for (uint32_t i = 0; i < TYPES; i++) {
        struct type_count *found = &letters->types[(at + i) % TYPES];
        if (found->type == type || (!found->type && is_new)) {
            return found;
        }
        if (!found->type) {
            return NULL;
        }
    }
    return NULL;
}

static void enter(struct kn_letters *letters, const struct koken_dead_letter *letter)
{
    pthread_mutex_lock(&letters->lock);
    letters->ring[letters->serial++ % KOKEN_DEAD_LETTERS_KEPT] = *letter;
    struct type_count *found = find_type(letters, letter->type, /* is_new= */ true);
    if (found) {
        found->type = letter->type;
        found->count[letter->reason]++;
    }
    pthread_mutex_unlock(&letters->lock);
}

static void count(struct koken *rt, struct kn_local *local, enum koken_dead_reason reason)
{
    if (local) {
        kn_count_add(&local->counters.letters[reason], 1);
        return;
    }
    pthread_mutex_lock(&rt->outside_lock);
    kn_count_add(&rt->outside.letters[reason], 1);
    pthread_mutex_unlock(&rt->outside_lock);
}

/* One line, unless there was one not long ago. */
static void log_letter(struct koken *rt, const struct koken_dead_letter *letter)
{
    /* Relaxed, all: who says it, and when, is all that hangs on it. */
    uint64_t last = kn_load(&rt->letters_logged, relaxed);
    if (!rt->options.log || kn_load(&rt->stopping, relaxed) ||
        (last && letter->at_ns - last < LOG_PERIOD_NS) ||
        !kn_cas_strong(&rt->letters_logged, &last, letter->at_ns, relaxed, relaxed)) {
        return;
    }
    uint64_t total = 0;
    for (int i = 0; i < REASONS; i++) {
        total += koken_dead_letter_count(rt, (enum koken_dead_reason)i);
    }
    char line[320];
    (void)snprintf(
        line, sizeof line,
        "koken: dead letter: %s from %llx to %llx, %s; %llu so far, told once a second at most",
        letter->text, (unsigned long long)letter->sender.id,
        (unsigned long long)letter->receiver.id, koken_dead_reason_name(letter->reason),
        (unsigned long long)total);
    rt->options.log(rt->options.log_arg, line);
}

/* Sends the letter to one who watches. Nobody waits for room here, and nobody hears of a refusal. */
static void tell(struct koken *rt, struct kn_local *local, struct kn_agent *to,
                 const struct koken_dead_letter *letter)
{
    if (!local) {
        struct kn_envelope *e = kn_message_new_outside(rt, &koken_type_koken_dead_letter, letter);
        if (e) {
            (void)kn_send_outside(rt, to, e);
        }
        return;
    }
    struct kn_envelope *e = kn_message_new(local, &koken_type_koken_dead_letter, letter);
    int rc = -EAGAIN;
    if (!e) {
        return;
    }
    if (to->policy != KOKEN_POLICY_PARK) {
        rc = kn_send(local, to, e);
    } else {
        bool opened = false;
        enum kn_push pushed = kn_mailbox_push(&to->mailbox, e, &opened);
        if (pushed <= KN_PUSH_WAKE) {
            rc = 0;
            kn_count_add(&local->counters.sent, 1);
        }
        if (pushed == KN_PUSH_WAKE) {
            kn_agent_wake(local, to);
        }
        if (opened) {
            kn_room_opened(local, to);
        }
    }
    if (rc < 0) {
        kn_envelope_free(&local->worker->pool, e);
    }
}

static void tell_watchers(struct koken *rt, struct kn_local *local,
                          const struct koken_dead_letter *letter)
{
    for (unsigned i = 0; i < KN_LETTER_WATCHERS; i++) {
        uint64_t id =
            kn_load(&rt->letter_watchers[i], relaxed); /* relaxed: a name, resolved below */
        struct kn_agent *to = id ? kn_resolve_in(rt, id) : NULL;
        if (to) {
            tell(rt, local, to, letter);
        } else if (id) {
            (void)kn_cas_strong(&rt->letter_watchers[i], &id, 0, relaxed,
                                relaxed); /* it has ended */
        }
    }
}

/* What the runtime sends to itself; and its news, which the death of their reader does not lose. */
static bool is_internal(const struct koken_type *type, enum koken_dead_reason reason)
{
    bool is_news = type == &koken_type_koken_down || type == &koken_type_koken_exited ||
                   type == &koken_type_koken_failed || type == &koken_type_koken_writable;
    return type == &koken_type_koken_dead_letter || (is_news && reason == KOKEN_DEAD_ENDED) ||
           strncmp(type->name, "koken.", 6) == 0;
}

void kn_letter(struct koken *rt, struct kn_local *local, const struct kn_envelope *e, uint64_t to,
               enum koken_dead_reason reason)
{
    KN_ASSERT((unsigned)reason < REASONS);
    KN_ASSERT(!local || local->rt == rt);
    if (is_internal(e->type, reason)) {
        return;
    }
    /* Relaxed: a word in a report. */
    if (reason == KOKEN_DEAD_ENDED && kn_load(&rt->stopping, relaxed) > 1) {
        reason = KOKEN_DEAD_STOPPING;
    }
    uint64_t now = kn_now(), sent = kn_message_sent_at(e);
    struct koken_dead_letter letter = {.sender = {e->from},
                                       .receiver = {to},
                                       .type = e->type,
                                       .reason = reason,
                                       .at_ns = now,
                                       .age_ns = sent && now > sent ? now - sent : 0};
    struct kn_letters *letters = get_letters(rt, local);
    kn_print_brief(letter.text, sizeof letter.text, e->type, e->payload);
    count(rt, local, reason);
    if (letters) {
        enter(letters, &letter);
    }
    log_letter(rt, &letter);
    tell_watchers(rt, local, &letter);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* The i-th ring: the workers' and last the outside's. */
static struct kn_letters *nth_letters(struct koken *rt, unsigned i)
{
    /* [AD1] acquire: its making. */
    return kn_load(i < rt->worker_count ? &rt->locals[i].letters : &rt->letters, acquire);
}

/* Puts a letter into the answer where it belongs by its time; false: it is older than all of a full one. */
static bool insert(struct koken_dead_letter *ret, uint32_t *len, uint32_t n,
                   const struct koken_dead_letter *letter)
{
    uint32_t at = *len;
    while (at > 0 && ret[at - 1].at_ns < letter->at_ns) {
        at--;
    }
    if (at == n) {
        return false;
    }
    uint32_t moved = *len < n ? *len - at : n - 1 - at;
    memmove(&ret[at + 1], &ret[at], moved * sizeof *ret);
    ret[at] = *letter;
    *len += *len < n;
    return true;
}

int koken_dead_letters(struct koken *rt, struct koken_dead_letter *ret_letters, uint32_t n)
{
    uint32_t len = 0;
    if (!rt || !ret_letters || n == 0) {
        return -EINVAL;
    }
    n = n < INT32_MAX ? n : INT32_MAX;
    for (unsigned i = 0; i <= rt->worker_count; i++) {
        struct kn_letters *letters = nth_letters(rt, i);
        if (!letters) {
            continue;
        }
        pthread_mutex_lock(&letters->lock);
        uint64_t kept =
            letters->serial < KOKEN_DEAD_LETTERS_KEPT ? letters->serial : KOKEN_DEAD_LETTERS_KEPT;
        for (uint64_t k = 1; k <= kept; k++) {
            if (!insert(ret_letters, &len, n,
                        &letters->ring[(letters->serial - k) % KOKEN_DEAD_LETTERS_KEPT])) {
                break;
            }
        }
        pthread_mutex_unlock(&letters->lock);
    }
    return (int)len;
}

uint64_t koken_dead_letter_count(struct koken *rt, enum koken_dead_reason reason)
{
    uint64_t sum = 0;
    if (!rt || (unsigned)reason >= REASONS) {
        return 0;
    }
    for (unsigned i = 0; i < rt->worker_count; i++) {
        sum += kn_count_read(&rt->locals[i].counters.letters[reason]);
    }
    return sum + kn_count_read(&rt->outside.letters[reason]);
}

uint64_t koken_dead_letter_count_of_(struct koken *rt, enum koken_dead_reason reason,
                                     const struct koken_type *type)
{
    uint64_t sum = 0;
    if (!rt || !type || (unsigned)reason >= REASONS) {
        return 0;
    }
    for (unsigned i = 0; i <= rt->worker_count; i++) {
        struct kn_letters *letters = nth_letters(rt, i);
        if (letters) {
            pthread_mutex_lock(&letters->lock);
            const struct type_count *found = find_type(letters, type, /* is_new= */ false);
            sum += found ? found->count[reason] : 0;
            pthread_mutex_unlock(&letters->lock);
        }
    }
    return sum;
}

int koken_watch_dead_letters(koken_ctx *ctx, bool is_watching)
{
    struct koken *rt = ctx->rt;
    for (unsigned i = 0; i < KN_LETTER_WATCHERS; i++) {
        uint64_t id = ctx->id;
        (void)kn_cas_strong(&rt->letter_watchers[i], &id, 0, relaxed,
                            relaxed); /* relaxed: a name */
    }
    for (unsigned i = 0; is_watching && i < KN_LETTER_WATCHERS; i++) {
        uint64_t id = kn_load(&rt->letter_watchers[i], relaxed); /* relaxed: as above */
        if ((id == 0 || !kn_resolve_in(rt, id)) &&
            kn_cas_strong(&rt->letter_watchers[i], &id, ctx->id, relaxed, relaxed)) {
            return 0;
        }
    }
    return is_watching ? -EBUSY : 0;
}

const char *koken_dead_reason_name(enum koken_dead_reason reason)
{
    static const char *const names[] = {"ENDED", "FULL", "LATE", "STALE", "STOPPING", "UNHANDLED"};
    _Static_assert(sizeof names / sizeof names[0] == REASONS, "each reason has a name");
    return (unsigned)reason < REASONS ? names[reason] : "UNKNOWN";
}
