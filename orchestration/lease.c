/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease keeper. An entry is there while its name is held; who waits for it is in its line. All of
 * it belongs to the keeper, and is touched in its handlers only, so a lease has one holder because an
 * entry has one token. Tokens come from one counter of the keeper, so an entry need not be remembered
 * when it is free.
 *
 * Some are all the same, until their timer goes off: an entry that is taken again has its timer and
 * its monitor already, if it is the same holder. A timer that is early for the present lease is set
 * again for the rest, so who renews or takes again sets none.
 *
 * Time: one timer per entry, and one per waiter that does not wait for ever. A timer's message names
 * the timer or ticket that it is for, and changes nothing when that is not the present one.
 */
#include <koken/lease.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/list.h"
#include "orchestration/either.h"

#include <koken/link.h>
#include <koken/shard.h>
#include <koken/time.h>

#include <errno.h>
#include <string.h>

enum { BUCKETS_FIRST = 64, FREE_MAX = 256 /* entries remembered */ };

KOKEN_MESSAGE(kn_lease_due, {
    char name[KOKEN_LEASE_NAME_MAX];
    uint64_t number; /* of the entry's timer, or 0: */
    uint64_t ticket; /* of who waits */
});

struct waiter {
    struct kn_list link; /* in its entry's line */
    koken_claim claim;
    koken_ref holder;
    koken_timer timer;
    uint64_t ticket, ttl_ns;
};

struct entry {
    struct entry *next; /* in its bucket */
    struct kn_list line;
    koken_ref holder;
    koken_timer timer;
    int monitor;  /* of the holder, or of the last one; number, 0 none */
    bool is_held; /* else it is only remembered */
    uint64_t hash, token, expires_ns;
    uint64_t timer_number, timer_ns; /* its name in kn_lease_due, and when it goes off */
    char name[KOKEN_LEASE_NAME_MAX];
};

struct keeper {
    struct entry **buckets;        /* NULL before the first lease */
    struct entry *last;            /* found, or NULL: who takes a lease gives it back next */
    uint64_t token, ticket, timer; /* the newest given */
    uint32_t bucket_count, entry_count, free_count;
};

static struct koken_lease answer_of(const char *name, uint64_t token, uint64_t expires_ns,
                                    int error)
{
    struct koken_lease lease = {.token = token, .expires_ns = expires_ns, .error = error};
    memcpy(lease.name, name, sizeof lease.name);
    return lease;
}

static int reply(koken_ctx *ctx, const char *name, uint64_t token, uint64_t expires_ns, int error)
{
    struct koken_lease lease = answer_of(name, token, expires_ns, error);
    /* Who asked may have gone; that is not the keeper's failure. */
    kn_either_way(koken_reply_(ctx, &koken_type_koken_lease, &lease));
    return 0;
}

static bool is_name(const char *name)
{
    return name[0] != '\0' && memchr(name, '\0', KOKEN_LEASE_NAME_MAX) != NULL;
}

static struct entry **place_of(const struct keeper *self, const char *name)
{
    uint64_t hash = koken_hash_text(name);
    struct entry **at = &self->buckets[hash & (self->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || strcmp((*at)->name, name) != 0)) {
        at = &(*at)->next; /* ends: the bucket does */
    }
    return at;
}

/* Whether two have the same bytes, those behind the end too: then they are the same name. By words, not by a call. */
static bool is_same(const char *a, const char *b)
{
    uint64_t differs = 0, one, other;
    for (size_t i = 0; i < KOKEN_LEASE_NAME_MAX; i += sizeof one) {
        memcpy(&one, a + i, sizeof one);
        memcpy(&other, b + i, sizeof other);
        differs |= one ^ other;
    }
    return differs == 0;
}
_Static_assert(KOKEN_LEASE_NAME_MAX % sizeof(uint64_t) == 0, "a name is words");

static struct entry *find(struct keeper *self, const char *name)
{
    if (self->last && is_same(self->last->name, name)) {
        return self->last; /* thus a name */
    }
    if (!self->buckets || !is_name(name)) {
        return NULL;
    }
    self->last = *place_of(self, name);
    return self->last;
}

static struct entry *find_held(struct keeper *self, const char *name)
{
    struct entry *entry = find(self, name);
    return entry && entry->is_held ? entry : NULL;
}

/* Room for one more entry. Errors: -ENOMEM. */
static int reserve(struct keeper *self)
{
    if (self->buckets && self->entry_count < self->bucket_count) {
        return 0;
    }
    uint32_t count = self->buckets ? 2 * self->bucket_count : BUCKETS_FIRST;
    struct entry **fresh = kn_alloc(count * sizeof *fresh, _Alignof(struct entry *), -1);
    if (!fresh) {
        return self->buckets ? 0 : -ENOMEM; /* longer buckets will do */
    }
    memset(fresh, 0, count * sizeof *fresh);
    for (uint32_t i = 0; i < self->bucket_count; i++) {
        struct entry *entry = self->buckets[i];
        while (entry) { /* ends: the bucket does */
            struct entry *next = entry->next;
            struct entry **at = &fresh[entry->hash & (count - 1)];
            entry->next = *at;
            *at = entry;
            entry = next;
        }
    }
    if (self->buckets) {
        kn_free(self->buckets, self->bucket_count * sizeof *fresh, _Alignof(struct entry *));
    }
    self->buckets = fresh;
    self->bucket_count = count;
    return 0;
}

static struct entry *entry_new(struct keeper *self, const char *name)
{
    struct entry *entry =
        reserve(self) < 0 ? NULL : kn_alloc(sizeof *entry, _Alignof(struct entry), -1);
    if (entry) {
        *entry = (struct entry){.hash = koken_hash_text(name)};
        memcpy(entry->name, name, sizeof entry->name);
        kn_list_init(&entry->line);
        struct entry **at = place_of(self, name);
        KN_ASSERT(*at == NULL);
        *at = entry;
        self->entry_count++;
        self->free_count++;
    }
    return entry;
}

static void entry_free(struct keeper *self, struct entry *entry)
{
    struct entry **at = place_of(self, entry->name);
    KN_ASSERT(*at == entry);
    KN_ASSERT(kn_list_is_empty(&entry->line));
    KN_ASSERT(self->entry_count > 0);
    KN_ASSERT(entry->is_held || self->free_count > 0);
    *at = entry->next;
    self->last = self->last == entry ? NULL : self->last;
    self->entry_count--;
    self->free_count -= !entry->is_held;
    kn_free(entry, sizeof *entry, _Alignof(struct entry));
}

static void waiter_free(koken_ctx *ctx, struct waiter *waiter)
{
    kn_list_remove(&waiter->link);
    if (waiter->timer.id) {
        /* Gone off already: its ticket is nobody's now. */
        kn_either_way(koken_cancel(ctx, waiter->timer));
    }
    kn_free(waiter, sizeof *waiter, _Alignof(struct waiter));
}

static void set_held(struct keeper *self, struct entry *entry, bool is_held)
{
    KN_ASSERT(is_held || self->free_count < UINT32_MAX);
    self->free_count += entry->is_held && !is_held;
    self->free_count -= !entry->is_held && is_held;
    entry->is_held = is_held;
}

static void unset_timer(koken_ctx *ctx, struct entry *entry)
{
    if (entry->timer.id) { /* its message may be under way: see on_due */
        kn_either_way(koken_cancel(ctx, entry->timer));
        entry->timer = (koken_timer){0};
    }
}

static void unwatch(koken_ctx *ctx, struct entry *entry)
{
    if (entry->monitor) {
        kn_either_way(koken_demonitor(ctx, entry->monitor));
        entry->monitor = 0;
    }
}

static void forget(koken_ctx *ctx, struct keeper *self, struct entry *entry)
{
    unset_timer(ctx, entry);
    unwatch(ctx, entry);
    entry_free(self, entry);
}

/* A timer for the end of the lease, or before; then on_due sets the next one. Errors: -ENOMEM. */
static int set_timer(koken_ctx *ctx, struct keeper *self, struct entry *entry)
{
    bool is_endless = entry->expires_ns == KOKEN_NO_DEADLINE;
    if (is_endless || (entry->timer.id && entry->timer_ns <= entry->expires_ns)) {
        return 0;
    }
    struct kn_lease_due due = {.number = ++self->timer};
    memcpy(due.name, entry->name, sizeof due.name);
    uint64_t now = koken_now(), left_ns = entry->expires_ns > now ? entry->expires_ns - now : 1;
    koken_timer timer =
        koken_timer_(ctx, koken_self(ctx), left_ns, 0, &koken_type_kn_lease_due, &due);
    if (!timer.id) {
        return -ENOMEM;
    }
    unset_timer(ctx, entry);
    entry->timer = timer;
    entry->timer_number = due.number;
    entry->timer_ns = entry->expires_ns;
    return 0;
}

/* The lease ends ttl_ns from now. Errors: -ENOMEM; then nothing has changed. */
static int set_end(koken_ctx *ctx, struct keeper *self, struct entry *entry, uint64_t ttl_ns)
{
    uint64_t now = koken_now(), before = entry->expires_ns;
    entry->expires_ns = ttl_ns > UINT64_MAX - now ? KOKEN_NO_DEADLINE : now + ttl_ns;
    int rc = set_timer(ctx, self, entry);
    entry->expires_ns = rc < 0 ? before : entry->expires_ns;
    return rc;
}

/* The end of the holder is to be heard of. Errors: -ESRCH it has ended, -ENOMEM. */
static int watch(koken_ctx *ctx, struct entry *entry, koken_ref holder)
{
    if (entry->monitor && koken_ref_equal(entry->holder, holder)) {
        return 0; /* watched since it held the lease last; its end would have been told of */
    }
    unwatch(ctx, entry);
    entry->holder = holder;
    if (koken_is_nobody(holder) || koken_ref_equal(holder, koken_self(ctx))) {
        return 0;
    }
    int rc = koken_monitor(ctx, holder);
    entry->monitor = rc > 0 ? rc : 0;
    return rc == -ENOTSUP || rc > 0 ? 0 : rc; /* of another runtime: only its time counts */
}

/* Makes somebody the holder. Errors: -ESRCH it has ended, -ENOMEM; then nobody is. */
static int grant(koken_ctx *ctx, struct keeper *self, struct entry *entry, koken_ref holder,
                 uint64_t ttl_ns)
{
    int rc = watch(ctx, entry, holder);
    rc = rc < 0 ? rc : set_end(ctx, self, entry, ttl_ns);
    if (rc == 0) {
        entry->token = ++self->token;
    }
    set_held(self, entry, rc == 0);
    return rc;
}

/* The lease is free: it goes to the first in line who is still there, or is remembered for a while. */
static void pass_on(koken_ctx *ctx, struct keeper *self, struct entry *entry)
{
    set_held(self, entry, false);
    while (!kn_list_is_empty(&entry->line)) { /* ends: the line shrinks */
        struct waiter *first = kn_container_of(kn_list_first(&entry->line), struct waiter, link);
        int rc = grant(ctx, self, entry, first->holder, first->ttl_ns);
        struct koken_lease lease =
            answer_of(entry->name, rc < 0 ? 0 : entry->token, entry->expires_ns, rc);
        int told = koken_answer_(first->claim, &koken_type_koken_lease, &lease);
        waiter_free(ctx, first);
        if (rc == 0 && told == 0) {
            return;
        }
        set_held(self, entry, false);
    }
    if (!entry->timer.id || self->free_count > FREE_MAX) {
        forget(ctx, self, entry);
    }
}

static int wait_in_line(koken_ctx *ctx, struct keeper *self, struct entry *entry,
                        const struct koken_lease_take *msg)
{
    struct waiter *waiter = kn_alloc(sizeof *waiter, _Alignof(struct waiter), -1);
    if (!waiter) {
        return reply(ctx, msg->name, 0, 0, -ENOMEM);
    }
    *waiter =
        (struct waiter){.holder = msg->holder, .ticket = ++self->ticket, .ttl_ns = msg->ttl_ns};
    kn_list_init(&waiter->link);
    if (msg->wait_ns != KOKEN_NO_DEADLINE) {
        struct kn_lease_due due = {.ticket = waiter->ticket};
        memcpy(due.name, msg->name, sizeof due.name);
        waiter->timer =
            koken_timer_(ctx, koken_self(ctx), msg->wait_ns, 0, &koken_type_kn_lease_due, &due);
    }
    waiter->claim = koken_defer(ctx);
    bool has_timer = msg->wait_ns == KOKEN_NO_DEADLINE || waiter->timer.id;
    if (!has_timer || waiter->claim.number == 0) {
        struct koken_lease lease = answer_of(msg->name, 0, 0, -ENOMEM);
        if (waiter->claim.number) {
            kn_either_way(koken_answer_(waiter->claim, &koken_type_koken_lease, &lease));
        } /* else not a request: nobody waits for the lease */
        waiter_free(ctx, waiter);
        return 0;
    }
    kn_list_push_back(&entry->line, &waiter->link);
    return 0;
}

static int on_take(koken_ctx *ctx, struct keeper *self, const struct koken_lease_take *msg)
{
    struct entry *entry = find(self, msg->name);
    if ((!entry && !is_name(msg->name)) || msg->ttl_ns == 0) {
        return reply(ctx, msg->name, 0, 0, -EINVAL);
    }
    if (entry && entry->is_held && msg->wait_ns == 0) {
        return reply(ctx, msg->name, 0, 0, -ETIMEDOUT);
    }
    if (entry && entry->is_held) {
        return wait_in_line(ctx, self, entry, msg);
    }
    entry = entry ? entry : entry_new(self, msg->name);
    int rc = entry ? grant(ctx, self, entry, msg->holder, msg->ttl_ns) : -ENOMEM;
    if (rc < 0) {
        if (entry) {
            forget(ctx, self, entry);
        }
        return reply(ctx, msg->name, 0, 0, rc);
    }
    struct koken_lease lease = answer_of(entry->name, entry->token, entry->expires_ns, 0);
    if (koken_reply_(ctx, &koken_type_koken_lease, &lease) < 0) {
        pass_on(ctx, self, entry); /* who took it has gone */
    }
    return 0;
}

/* Why a token is not that of the present lease. */
static int refusal(const struct keeper *self, const struct entry *entry, uint64_t token)
{
    bool was_given = token != 0 && token <= self->token;
    return was_given && (!entry || token < entry->token) ? -EALREADY : -EPERM;
}

static int on_renew(koken_ctx *ctx, struct keeper *self, const struct koken_lease_renew *msg)
{
    struct entry *entry = find_held(self, msg->name);
    if (!entry || entry->token != msg->token) {
        return reply(ctx, msg->name, msg->token, 0, refusal(self, entry, msg->token));
    }
    if (msg->ttl_ns == 0) {
        return reply(ctx, msg->name, msg->token, entry->expires_ns, -EINVAL);
    }
    if (koken_now() >= entry->expires_ns) { /* its timer is late */
        return reply(ctx, msg->name, msg->token, 0, -EALREADY);
    }
    int rc = set_end(ctx, self, entry, msg->ttl_ns);
    return reply(ctx, msg->name, msg->token, entry->expires_ns, rc);
}

static int on_release(koken_ctx *ctx, struct keeper *self, const struct koken_lease_release *msg)
{
    struct entry *entry = find_held(self, msg->name);
    if (!entry || entry->token != msg->token) {
        return reply(ctx, msg->name, msg->token, 0, refusal(self, entry, msg->token));
    }
    kn_either_way(reply(ctx, msg->name, msg->token, 0, 0));
    pass_on(ctx, self, entry);
    return 0;
}

static void give_up(koken_ctx *ctx, struct entry *entry, uint64_t ticket)
{
    kn_list_each_safe (link, &entry->line) {
        struct waiter *waiter = kn_container_of(link, struct waiter, link);
        if (waiter->ticket == ticket) {
            struct koken_lease lease = answer_of(entry->name, 0, 0, -ETIMEDOUT);
            kn_either_way(koken_answer_(waiter->claim, &koken_type_koken_lease, &lease));
            waiter_free(ctx, waiter);
            return;
        }
    }
}

/* The time is over; or there is no memory for a timer, and it ends early rather than never. */
static void expire(koken_ctx *ctx, struct keeper *self, struct entry *entry)
{
    if (!koken_is_nobody(entry->holder)) {
        struct koken_lease_expired expired = {.token = entry->token};
        memcpy(expired.name, entry->name, sizeof expired.name);
        /* A holder that is full or gone learns it from its token. */
        kn_either_way(koken_send(entry->holder, koken_lease_expired, &expired));
    }
    pass_on(ctx, self, entry);
}

static int on_due(koken_ctx *ctx, struct keeper *self, const struct kn_lease_due *msg)
{
    struct entry *entry = find(self, msg->name);
    if (!entry) {
        return 0;
    }
    if (msg->number == 0) {
        give_up(ctx, entry, msg->ticket);
        return 0;
    }
    if (entry->timer_number != msg->number) {
        return 0; /* another one has been set since */
    }
    entry->timer = (koken_timer){0};
    if (!entry->is_held) {
        forget(ctx, self, entry);
        return 0;
    }
    if (koken_now() < entry->expires_ns && set_timer(ctx, self, entry) == 0) {
        return 0; /* renewed or taken again meanwhile */
    }
    expire(ctx, self, entry);
    return 0;
}

static int on_down(koken_ctx *ctx, struct keeper *self, const struct koken_down *msg)
{
    for (uint32_t i = 0; i < self->bucket_count; i++) {
        for (struct entry *entry = self->buckets[i]; entry; entry = entry->next) {
            if (entry->monitor == (int)msg->number) {
                entry->monitor = 0;
                if (entry->is_held) {
                    pass_on(ctx, self, entry);
                } else {
                    forget(ctx, self, entry);
                }
                return 0;
            }
        }
    }
    return 0;
}

static void on_exit(koken_ctx *ctx, struct keeper *self, int reason)
{
    (void)reason;
    for (uint32_t i = 0; i < self->bucket_count; i++) {
        while (self->buckets[i]) { /* ends: each round frees one */
            struct entry *entry = self->buckets[i];
            kn_list_each_safe (link, &entry->line) { /* the runtime answers their claims */
                waiter_free(ctx, kn_container_of(link, struct waiter, link));
            }
            entry_free(self, entry);
        }
    }
    if (self->buckets) {
        kn_free(self->buckets, self->bucket_count * sizeof *self->buckets,
                _Alignof(struct entry *));
    }
}

KOKEN_AGENT(keeper, struct keeper, KOKEN_ON(koken_lease_take, on_take),
            KOKEN_ON(koken_lease_renew, on_renew), KOKEN_ON(koken_lease_release, on_release),
            KOKEN_ON(kn_lease_due, on_due), KOKEN_ON(koken_down, on_down), KOKEN_EXIT(on_exit));

koken_ref koken_lease_keeper_rt_(struct koken *rt)
{
    return koken_spawn(rt, keeper);
}

koken_ref koken_lease_keeper_ctx_(koken_ctx *ctx)
{
    return koken_spawn(ctx, keeper);
}
