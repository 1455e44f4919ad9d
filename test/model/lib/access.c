/* SPDX-License-Identifier: Apache-2.0 */
/* The accesses: what each may read, where it may write, what it learns and publishes. */
#include "test/model/lib/memory.h"

#include "base/align.h"

#include <stdio.h>
#include <string.h>

enum { STALE_READS = 2 };

/* ---- reading and writing --------------------------------------------------------------------- */

static bool acquires(enum kn_mo order)
{
    return order == KN_MO_acquire || order == KN_MO_acq_rel || order == KN_MO_seq_cst;
}

static bool releases(enum kn_mo order)
{
    return order == KN_MO_release || order == KN_MO_acq_rel || order == KN_MO_seq_cst;
}

/* The oldest place that this thread may read, or write behind. */
static unsigned floor_of(const struct loc *loc, enum kn_mo order)
{
    size_t index = (size_t)(loc - locs);
    unsigned place = place_of(kn_x.threads[kn_x.self].now.seen[index]);
    unsigned by_sc = place_of(sc.seen[index]);
    if (kn_x.self == MAIN || kn_x.threads[kn_x.self].is_fresh) {
        return loc->count - 1u;
    }
    return order == KN_MO_seq_cst && by_sc > place ? by_sc : place;
}

static void see(struct thread *me, struct store *s, enum kn_mo order)
{
    uint16_t index = (uint16_t)(s - stores);
    if (s->place >= place_of(me->now.seen[s->loc])) {
        me->now.seen[s->loc] = index;
    }
    join(acquires(order) ? &me->now : &me->fence, &s->message);
}

static void publish(struct thread *me, struct store *s, enum kn_mo order, const struct store *read)
{
    uint16_t index = (uint16_t)(s - stores);
    me->now.seen[s->loc] = index;
    if (releases(order)) {
        s->message = me->now;
    } else {
        s->message = me->release;
        s->message.seen[s->loc] = index;
    }
    if (read) { /* a read-modify-write goes on with the release sequence */
        join(&s->message, &read->message);
        s->message.seen[s->loc] = index;
    }
    if (order == KN_MO_seq_cst) {
        sc.seen[s->loc] = index;
    }
    kn_x.stores_done++;
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        kn_x.threads[i].fresh_run = 0;
    }
}

static void tick(struct thread *me)
{
    me->now.clock[kn_x.self]++;
    me->is_fresh = false;
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static void trace_access(const struct kn_site *site, const char *what, uint64_t value,
                         bool is_stale)
{
    if (kn_likely(!kn_x.is_tracing)) {
        return;
    }
    trace("%-5s %s:%d %s(%s, %s) %s %#llx%s", kn_x.self == MAIN ? "main" : "",
          base_name(site->file), site->line, site->func, site->text, order_name(site->now), what,
          (unsigned long long)value, is_stale ? " (old)" : "");
}

static struct store *read_one(struct loc *loc, unsigned place)
{
    struct store *s = &stores[loc->order[place]];
    if (place + 1u < loc->count && s->stale_reads[kn_x.self] < 255) {
        s->stale_reads[kn_x.self]++;
    }
    return s;
}

/*
 * Whether this thread is to read the store at place. If the location has been written since the thread
 * was about to read it, then only what was written last is new: to read another one is the same as to
 * have read earlier, which is another execution (DESIGN.md, "What need not be tried").
 */
static bool is_readable(const struct loc *loc, unsigned place, enum kn_mo order)
{
    const struct thread *me = &kn_x.threads[kn_x.self];
    uint16_t index = loc->order[place];
    if (me->announced != 0 && me->announced != changes_of(loc->p) && order != KN_MO_seq_cst &&
        me->announced_barriers == barriers && !me->is_fresh) {
        return index == loc->last;
    }
    return place + 1u == loc->count || stores[index].stale_reads[kn_x.self] < STALE_READS;
}

/* No store is left to read: this execution is another one's double. */
static unsigned choose_place(const unsigned *places, unsigned n)
{
    if (n == 0) {
        cut_execution();
    }
    return places[choose(n)];
}

static void prepare(struct kn_site *site, const void *p, size_t size, bool is_write)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    if (me->late.left && me->late.p == p) {
        memory_flush_late(me);
    }
    know_site(site);
    bool is_sc =
        site->now == KN_MO_seq_cst || (site->op == KN_OP_CAS && site->now_fail == KN_MO_seq_cst);
    bool is_shared = memory_is_shared(p, is_write);
    site->is_shared |= is_shared;
    (void)loc_of(p, size);
    me->announced = changes_of(p);
    me->announced_barriers = barriers;
    if (is_shared) {
        announce((struct step){is_write ? KIND_WRITE : KIND_READ, is_sc, (uintptr_t)p >> 1});
    }
}

uint64_t kn_model_load(const volatile void *vp, size_t size, struct kn_site *site)
{
    const void *p = (const void *)(uintptr_t)vp;
    prepare(site, p, size, false);
    struct thread *me = &kn_x.threads[kn_x.self];
    struct loc *loc = loc_of(p, size);
    atomic_access(p, false);
    unsigned places[STORES_OF_LOC], n = 0, low = floor_of(loc, site->now);
    for (unsigned i = loc->count; i-- > low;) {
        if (is_readable(loc, i, site->now)) {
            places[n++] = i;
        }
    }
    unsigned place = choose_place(places, n);
    struct store *s = read_one(loc, place);
    see(me, s, site->now);
    trace_access(site, "reads", s->value, place + 1u < loc->count);
    tick(me);
    memory_count_late(me);
    return s->value;
}

/*
 * What the futex compares: as a relaxed load that need not wait for its turn. Waiting and waking at a word go through one
 * lock of the system, so who waits has seen what they had who woke there before; that orders no plain accesses.
 */
uint64_t memory_futex_load(const void *p, size_t size)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    struct loc *loc = loc_of(p, size);
    memory_futex_sync(p);
    unsigned places[STORES_OF_LOC], n = 0, low = floor_of(loc, KN_MO_relaxed);
    for (unsigned i = loc->count; i-- > low;) {
        uint16_t index = loc->order[i];
        if (i + 1u == loc->count || stores[index].stale_reads[kn_x.self] < STALE_READS) {
            places[n++] = i;
        }
    }
    struct store *s = read_one(loc, choose_place(places, n));
    see(me, s, KN_MO_relaxed);
    return s->value;
}

static void store_now(struct thread *me, const void *p, size_t size, uint64_t value,
                      struct kn_site *site)
{
    struct loc *loc = loc_of(p, size);
    atomic_access(p, true);
    unsigned places[STORES_OF_LOC], n = 0, low = floor_of(loc, site->now);
    for (unsigned i = loc->count; i > low; i--) {
        bool is_split = i < loc->count && stores[loc->order[i - 1u]].is_taken;
        if (!is_split && (i == loc->count || !kn_x.scenario->orders_stores)) {
            places[n++] = i;
        }
    }
    unsigned place = choose_place(places, n);
    struct store *s = new_store(loc, value, place);
    publish(me, s, site->now, NULL);
    to_memory(loc);
    trace_access(site, "writes", value, place + 1u < loc->count);
    tick(me);
}

/* The store that a mutant has put behind its successor. */
void memory_flush_late(struct thread *me)
{
    if (me->late.left) {
        me->late.left = 0;
        if (memory_is_shared(me->late.p, true)) {
            announce((struct step){KIND_WRITE, me->late.site->now == KN_MO_seq_cst,
                                   (uintptr_t)me->late.p >> 1});
        }
        store_now(me, me->late.p, me->late.size, me->late.value, me->late.site);
    }
}

void memory_count_late(struct thread *me)
{
    if (me->late.left > 1) {
        me->late.left--;
    } else {
        memory_flush_late(me);
    }
}

void kn_model_store(const volatile void *vp, size_t size, uint64_t value, struct kn_site *site)
{
    void *p = (void *)(uintptr_t)vp;
    struct thread *me = &kn_x.threads[kn_x.self];
    bool is_late = is_mutated(site, MUTATION_LATE) && !me->late.left && kn_x.self != MAIN;
    if (is_late) {
        know_site(site);
        (void)memory_is_shared(p, true);
        me->late.left = model_mutant.distance ? model_mutant.distance : 1;
        me->late.p = p;
        me->late.size = size;
        me->late.value = value;
        me->late.site = site;
        return;
    }
    prepare(site, p, size, true);
    store_now(me, p, size, value, site);
    memory_count_late(me);
}

static uint64_t changed(uint64_t old, uint64_t value, enum kn_rmw rmw, size_t size)
{
    uint64_t mask = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
    switch (rmw) {
    case KN_RMW_SWAP: return value;
    case KN_RMW_ADD: return (old + value) & mask;
    case KN_RMW_SUB: return (old - value) & mask;
    case KN_RMW_OR: return old | value;
    case KN_RMW_AND: return old & value;
    }
    return value;
}

/* The write half of a read-modify-write that has read what lies at place. */
static void write_behind(struct thread *me, struct loc *loc, unsigned place, uint64_t value,
                         struct kn_site *site)
{
    struct store *read = &stores[loc->order[place]];
    uint16_t read_index = loc->order[place];
    struct store *s = new_store(loc, value, place + 1);
    read = &stores[read_index];
    read->is_taken = true;
    s->is_rmw = true;
    publish(me, s, site->now, read);
    to_memory(loc);
}

static bool is_free_place(const struct loc *loc, unsigned place)
{
    return !stores[loc->order[place]].is_taken &&
           (place + 1u == loc->count || !kn_x.scenario->orders_stores);
}

uint64_t kn_model_rmw(const volatile void *vp, size_t size, uint64_t value, enum kn_rmw rmw,
                      struct kn_site *site)
{
    const void *p = (const void *)(uintptr_t)vp;
    if (is_mutated(site, MUTATION_TORN)) {
        uint64_t old = kn_model_load(vp, size, site);
        kn_model_store(vp, size, changed(old, value, rmw, size), site);
        return old;
    }
    prepare(site, p, size, true);
    struct thread *me = &kn_x.threads[kn_x.self];
    struct loc *loc = loc_of(p, size);
    atomic_access(p, true);
    unsigned places[STORES_OF_LOC], n = 0, low = floor_of(loc, site->now);
    for (unsigned i = loc->count; i-- > low;) {
        if (is_free_place(loc, i)) {
            places[n++] = i;
        }
    }
    unsigned place = choose_place(places, n);
    struct store *read = read_one(loc, place);
    uint64_t old = read->value;
    see(me, read, site->now);
    write_behind(me, loc, place, changed(old, value, rmw, size), site);
    trace_access(site, "finds", old, place + 2u < loc->count);
    tick(me);
    memory_count_late(me);
    return old;
}

bool kn_model_cas(const volatile void *vp, size_t size, uint64_t *expected, uint64_t value,
                  struct kn_site *site)
{
    const void *p = (const void *)(uintptr_t)vp;
    if (is_mutated(site, MUTATION_TORN)) {
        uint64_t old = kn_model_load(vp, size, site);
        bool is_equal = old == *expected;
        *expected = old;
        if (is_equal) {
            kn_model_store(vp, size, value, site);
        }
        return is_equal;
    }
    prepare(site, p, size, true);
    struct thread *me = &kn_x.threads[kn_x.self];
    struct loc *loc = loc_of(p, size);
    unsigned places[STORES_OF_LOC], n = 0, low = floor_of(loc, site->now);
    unsigned low_fail = floor_of(loc, site->now_fail);
    for (unsigned i = loc->count; i-- > (low < low_fail ? low : low_fail);) {
        bool is_equal = stores[loc->order[i]].value == *expected;
        if (is_equal ? i >= low && is_free_place(loc, i)
                     : i >= low_fail && is_readable(loc, i, site->now_fail)) {
            places[n++] = i;
        }
    }
    unsigned place = choose_place(places, n);
    struct store *read = read_one(loc, place);
    bool is_swapped = read->value == *expected;
    uint64_t found = read->value;
    atomic_access(p, is_swapped);
    see(me, read, is_swapped ? site->now : site->now_fail);
    if (is_swapped) {
        write_behind(me, loc, place, value, site);
    }
    *expected = found;
    trace_access(site, is_swapped ? "swaps" : "fails on", is_swapped ? value : found,
                 place + (is_swapped ? 2u : 1u) < loc->count);
    tick(me);
    memory_count_late(me);
    return is_swapped;
}

/* ---- fences, locks --------------------------------------------------------------------------- */

static void fence_of(struct thread *thread, enum kn_mo order)
{
    if (acquires(order)) {
        join(&thread->now, &thread->fence);
    }
    if (order == KN_MO_seq_cst) {
        join_seen(&thread->now, &sc);
        join_seen(&sc, &thread->now);
    }
    if (releases(order)) {
        thread->release = thread->now;
    }
}

void kn_model_fence(struct kn_site *site)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    know_site(site);
    if (is_mutated(site, MUTATION_DROP)) {
        return;
    }
    if (site->op == KN_OP_FENCE_LIGHT) {
        return; /* stops the compiler, which the explorer is not; see is_mutated() */
    }
    memory_flush_late(me);
    if (kn_x.self != MAIN && site->now == KN_MO_seq_cst) {
        announce((struct step){KIND_FENCE, true, 0});
    }
    trace("fence %s:%d %s", base_name(site->file), site->line, order_name(site->now));
    fence_of(me, site->now);
    tick(me);
}

/* A full fence in each thread, at one moment. */
void memory_barrier_all(void)
{
    if (kn_x.self != MAIN) {
        announce((struct step){KIND_ALL, true, 0});
    }
    trace("membarrier");
    barriers++;
    fence_of(&kn_x.threads[kn_x.self], KN_MO_seq_cst);
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        fence_of(&kn_x.threads[i], KN_MO_seq_cst);
        kn_x.threads[i].now.clock[i]++;
    }
    fence_of(&kn_x.threads[kn_x.self], KN_MO_seq_cst);
    tick(&kn_x.threads[kn_x.self]);
}

/* A lock's hand-over: the view travels in a location at the mutex's address. */
void memory_sync(const void *mutex, bool is_release)
{
    struct thread *me = &kn_x.threads[kn_x.self];
    struct loc *loc = loc_of(mutex, 4);
    struct store *s = &stores[loc->order[loc->count - 1]];
    if (is_release) {
        s = new_store(loc, s->value, loc->count);
        publish(me, s, KN_MO_release, NULL);
    } else {
        see(me, s, KN_MO_acquire);
    }
    tick(me);
}

void kn_model_init(const volatile void *p, size_t size)
{
    plain_access((uintptr_t)p, size, true);
}
