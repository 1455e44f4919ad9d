/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hierarchical timer wheel.
 *
 * Read a time as nine digits of six bits, above ten bits that name the place inside a slot. A timer
 * lies at the level of the highest digit in which its deadline differs from elapsed_ns, in the slot
 * of that digit of the deadline; at level 0 if they differ in none. From this follows, and
 * kn_wheel_check() verifies:
 *
 *   W1  At a level above 0 every used slot is later than elapsed's own digit there; at level
 *       0 it is not earlier.
 *
 *   W2  All timers of a level are earlier than all timers of the levels above it. So the first used
 *       slot of the lowest used level holds the earliest timer: two bit scans find it.
 *
 *   W3  elapsed_ns may move to any time before the start of that first slot without moving a timer,
 *       and at level 0 to any time inside it.
 *
 *   W4  Two timers with equal deadlines that are still to come are in the same list, in the order
 *       they were armed: their place is a function of the deadline and elapsed_ns, lists grow at
 *       the tail and are spread from the head. (A timer armed into the range of the slot that is
 *       just being spread goes to the end of that list.)
 *
 * When time reaches the first slot, its list becomes `moving` and is emptied step by step: at level
 * 0 what is due fires and the rest goes back to its slot; at a level above every timer moves down,
 * one level at least. So a timer moves at most eight times in its life, and arm and cancel are
 * O(1). A slot remembers its earliest deadline, so a sleeping owner wakes for a deadline, never to
 * spread a slot.
 *
 * Exactly one callback per arm: the state word leaves ARMED by one compare-and-swap, whoever does
 * it; the owner calls back at once, another thread hands the node to the owner through `cancelled`.
 */
#include "sched/timer.h"

#include "sched/worker.h"

enum { SLOT_NONE = UINT16_MAX }; /* timer->slot of a timer that is in no list */

/* Where a timer goes. */
struct place {
    uint32_t level;
    uint32_t slot;     /* index in wheel->slots */
    uint64_t start_ns; /* first nanosecond of the slot */
};

static struct kn_timer *timer_of(struct kn_list *link)
{
    return kn_container_of(link, struct kn_timer, link);
}

static uint32_t level_shift(uint32_t level)
{
    return KN_WHEEL_SLOT_BITS + level * KN_WHEEL_LEVEL_BITS;
}

static struct place place_of(const struct kn_wheel *wheel, uint64_t deadline_ns)
{
    uint64_t key = deadline_ns > wheel->elapsed_ns ? deadline_ns : wheel->elapsed_ns;
    uint64_t differs = (key ^ wheel->elapsed_ns) >> KN_WHEEL_SLOT_BITS;
    uint32_t level =
        differs == 0 ? 0 : (63 - (uint32_t)__builtin_clzll(differs)) / KN_WHEEL_LEVEL_BITS;
    uint32_t shift = level_shift(level);
    uint32_t digit = (uint32_t)(key >> shift) & (KN_WHEEL_SLOTS - 1);

    return (struct place){level, level * KN_WHEEL_SLOTS + digit, key >> shift << shift};
}

/* The first used slot of the lowest used level, which exists. */
static struct place first_place(const struct kn_wheel *wheel)
{
    uint32_t level = (uint32_t)__builtin_ctz(wheel->levels_used);
    uint32_t shift = level_shift(level);
    uint32_t digit = (uint32_t)__builtin_ctzll(wheel->slots_used[level]);
    uint64_t above = level + 1 == KN_WHEEL_LEVELS
                         ? 0
                         : wheel->elapsed_ns >> shift >> KN_WHEEL_LEVEL_BITS << KN_WHEEL_LEVEL_BITS
                                                                             << shift;

    return (struct place){level, level * KN_WHEEL_SLOTS + digit, above | (uint64_t)digit << shift};
}

/* When the wheel has to look at its first slot: a level-0 slot when it may hold something due. */
static uint64_t edge_of(const struct kn_wheel *wheel, struct place first)
{
    return first.level == 0 ? wheel->slots[first.slot].earliest_ns : first.start_ns;
}

static void insert(struct kn_wheel *wheel, struct kn_timer *timer)
{
    struct place place = place_of(wheel, timer->deadline_ns);
    struct kn_wheel_slot *slot = &wheel->slots[place.slot];
    uint64_t bit = 1ull << (place.slot % KN_WHEEL_SLOTS);
    uint64_t edge;

    if ((wheel->slots_used[place.level] & bit) == 0) {
        wheel->slots_used[place.level] |= bit;
        wheel->levels_used |= 1u << place.level;
        kn_list_init(&slot->timers);
        slot->earliest_ns = KN_NEVER;
    }
    kn_list_push_back(&slot->timers, &timer->link);
    timer->slot = place.slot;
    if (timer->deadline_ns < slot->earliest_ns) {
        slot->earliest_ns = timer->deadline_ns;
    }
    edge = edge_of(wheel, place);
    if (edge < wheel->edge_ns) {
        wheel->edge_ns = edge;
    }
}

static void clear_slot(struct kn_wheel *wheel, uint32_t slot)
{
    uint32_t level = slot / KN_WHEEL_SLOTS;

    wheel->slots_used[level] &= ~(1ull << (slot % KN_WHEEL_SLOTS));
    if (wheel->slots_used[level] == 0) {
        wheel->levels_used &= ~(1u << level);
    }
}

/*
 * Takes a timer out of the list it is in, if any. One that is in `moving` still names the slot it
 * was in: that slot is unused, and clearing it again is harmless, or used again and then not empty.
 * So the timers of a slot need not be marked when it is opened, which would walk the whole list.
 */
static void unlink_timer(struct kn_wheel *wheel, struct kn_timer *timer)
{
    if (timer->slot == SLOT_NONE) {
        return;
    }
    kn_list_remove(&timer->link);
    if (kn_list_is_empty(&wheel->slots[timer->slot].timers)) {
        clear_slot(wheel, timer->slot);
    }
    timer->slot = SLOT_NONE;
}

/* From here the node is the callback's: it is not touched again. */
static void call_back(struct kn_wheel *wheel, struct kn_timer *timer, bool cancelled)
{
    KN_ASSERT(timer->slot == SLOT_NONE);
    kn_count_add(cancelled ? &wheel->stats.cancelled : &wheel->stats.fired, 1);
    timer->fire(wheel->worker, timer, cancelled);
}

/* ARMED -> IDLE by the owner; false when another thread has been faster with CANCELLED. */
static bool settle(struct kn_timer *timer)
{
    uint32_t expected = KN_TIMER_ARMED;

    /* Relaxed: the owner armed it, and hands nothing over; only the choice itself must be atomic.
     */
    return kn_cas_strong(&timer->state, &expected, KN_TIMER_IDLE, relaxed, relaxed);
}

/* Calls back what other threads have cancelled. */
static unsigned reap(struct kn_wheel *wheel)
{
    /* [TM2] acquire: what the cancellers did, and their next_cancelled. Pairs with hand_over(). */
    struct kn_timer *timer = kn_swap(&wheel->cancelled, NULL, acquire);
    unsigned called = 0;

    while (timer != NULL) {
        struct kn_timer *next = timer->next_cancelled;

        KN_ASSERT(kn_load(&timer->state, relaxed) == KN_TIMER_CANCELLED);
        unlink_timer(wheel, timer);
        /* Relaxed: CANCELLED is left by the owner alone, and whoever arms it anew learnt of it from
         * us. */
        kn_store(&timer->state, KN_TIMER_IDLE, relaxed);
        call_back(wheel, timer, true);
        timer = next;
        called++;
    }
    return called;
}

/* Gives a timer whose state this thread has set to CANCELLED to its owner. */
static void hand_over(struct kn_timer *timer)
{
    /* Relaxed: our swap to CANCELLED acquired [TM1], and nobody changes it until the owner reaps.
     */
    struct kn_wheel *wheel = kn_load(&timer->wheel, relaxed);
    /* Relaxed: a hint for the compare-and-swap. */
    struct kn_timer *head = kn_load(&wheel->cancelled, relaxed);
    uint32_t before;

    do {
        timer->next_cancelled = head;
        /* [TM2] release: the link, and all that the canceller did before. Pairs with reap(). */
    } while (!kn_cas_weak(&wheel->cancelled, &head, timer, release, relaxed));

    /* Relaxed: it only spaces the wake-ups. */
    before = kn_add(&wheel->cancelled_count, 1, relaxed);
    if ((before + 1) % KN_WHEEL_REAP_WAKE == 0 && wheel->wake != NULL) {
        wheel->wake(wheel->worker);
    }
}

/* One step: a due timer is called back, another one goes to its place. True when a callback was
 * called. */
static bool step(struct kn_wheel *wheel, uint64_t now)
{
    struct kn_timer *timer = timer_of(wheel->moving.next);

    KN_ASSERT(timer->slot != SLOT_NONE);
    KN_ASSERT(timer->deadline_ns <= wheel->moving_last_ns);
    kn_list_remove(&timer->link);
    timer->slot = SLOT_NONE;
    if (wheel->moving_slot >= KN_WHEEL_SLOTS || timer->deadline_ns > now) {
        insert(wheel, timer);
        return false;
    }
    if (!settle(timer) && !KN_MUTANT(13)) {
        return false; /* on its way to reap() */
    }
    call_back(wheel, timer, false);
    return true;
}

/* Makes the first slot, which time has reached, the list that is being moved. */
static void open_slot(struct kn_wheel *wheel, struct place first)
{
    KN_ASSERT(kn_list_is_empty(&wheel->moving));
    KN_ASSERT(!kn_list_is_empty(&wheel->slots[first.slot].timers));
    KN_ASSERT(first.level == 0 || first.start_ns > wheel->elapsed_ns);
    kn_list_splice(&wheel->moving, &wheel->slots[first.slot].timers);
    clear_slot(wheel, first.slot);
    wheel->moving_slot = first.slot;
    wheel->moving_last_ns = first.start_ns | ((1ull << level_shift(first.level)) - 1);
    if (first.start_ns > wheel->elapsed_ns) {
        wheel->elapsed_ns = first.start_ns;
    }
}

/* Fires and spreads up to now; leaves edge_ns at 0 if the batch ends first. */
static unsigned turn(struct kn_wheel *wheel, uint64_t now)
{
    unsigned called = 0;
    unsigned steps;

    for (steps = 0; steps < KN_WHEEL_BATCH; steps++) {
        if (kn_list_is_empty(&wheel->moving)) {
            struct place first;

            if (wheel->levels_used == 0) {
                wheel->edge_ns = KN_NEVER;
                break;
            }
            first = first_place(wheel);
            wheel->edge_ns = edge_of(wheel, first);
            if (wheel->edge_ns > now) {
                break;
            }
            open_slot(wheel, first);
        }
        called += step(wheel, now);
    }
    if (steps == KN_WHEEL_BATCH) {
        wheel->edge_ns = 0;
    } else if (now > wheel->elapsed_ns) {
        wheel->elapsed_ns = now; /* W3 */
    }
    return called;
}

void kn_wheel_init(struct kn_wheel *wheel, struct kn_worker *keep_worker, uint64_t now,
                   void (*wake)(struct kn_worker *worker))
{
    wheel->edge_ns = KN_NEVER;
    wheel->elapsed_ns = now;
    wheel->moving_last_ns = 0;
    kn_list_init(&wheel->moving);
    wheel->moving_slot = 0;
    wheel->levels_used = 0;
    for (unsigned level = 0; level < KN_WHEEL_LEVELS; level++) {
        wheel->slots_used[level] = 0;
    }
    wheel->worker = keep_worker;
    wheel->wake = wake;
    wheel->is_advancing = false;
    wheel->is_closed = false;
    wheel->stats = (struct kn_wheel_stats){0};
    kn_atomic_init(&wheel->cancelled, NULL);
    kn_atomic_init(&wheel->cancelled_count, 0);
}

/* Takes all timers of a list out and calls them back as cancelled. */
static unsigned cancel_all(struct kn_wheel *wheel, struct kn_list *head)
{
    unsigned called = 0;

    while (!kn_list_is_empty(head)) {
        struct kn_timer *timer = timer_of(head->next);
        bool is_settled = settle(timer);

        KOKEN_CHECK(is_settled); /* nobody cancels any more, and reap() has been */
        kn_list_remove(&timer->link);
        timer->slot = SLOT_NONE;
        call_back(wheel, timer, true);
        called++;
    }
    return called;
}

unsigned kn_wheel_fini(struct kn_wheel *wheel)
{
    unsigned called;

    KOKEN_CHECK(!wheel->is_advancing);
    wheel->is_closed = true;
    called = reap(wheel) + cancel_all(wheel, &wheel->moving);
    while (wheel->levels_used != 0) {
        uint32_t slot = first_place(wheel).slot;
        struct kn_list rest;

        /* Onto a head of our own: a callback may cancel its neighbours, and the last one clears the
         * slot. */
        kn_list_init(&rest);
        kn_list_splice(&rest, &wheel->slots[slot].timers);
        clear_slot(wheel, slot);
        called += cancel_all(wheel, &rest);
    }
    wheel->edge_ns = KN_NEVER;
    return called;
}

unsigned kn_wheel_advance(struct kn_wheel *wheel, uint64_t now)
{
    unsigned called = 0;

    KN_ASSERT(!wheel->is_advancing);
    wheel->is_advancing = true;
    /* Relaxed: a hint; reap() acquires. */
    if (kn_unlikely(kn_load(&wheel->cancelled, relaxed) != NULL)) {
        called = reap(wheel);
    }
    if (kn_unlikely(now >= wheel->edge_ns)) {
        called += turn(wheel, now);
    } else if (now > wheel->elapsed_ns) {
        wheel->elapsed_ns = now; /* W3 */
    }
    wheel->is_advancing = false;
    return called;
}

uint64_t kn_wheel_next(const struct kn_wheel *wheel)
{
    if (!kn_list_is_empty(&wheel->moving)) {
        return 0;
    }
    if (wheel->levels_used == 0) {
        return KN_NEVER;
    }
    return wheel->slots[first_place(wheel).slot].earliest_ns;
}

void kn_wheel_arm(struct kn_wheel *wheel, struct kn_timer *keep_timer, uint64_t deadline_ns,
                  void (*fire)(struct kn_worker *worker, struct kn_timer *self, bool cancelled))
{
    struct kn_timer *timer = keep_timer;

    /* Relaxed: idle, hence ours. */
    KN_ASSERT(kn_load(&timer->state, relaxed) == KN_TIMER_IDLE);
    timer->deadline_ns = deadline_ns;
    timer->fire = fire;
    timer->slot = SLOT_NONE;
    kn_count_add(&wheel->stats.armed, 1);
    if (kn_unlikely(wheel->is_closed)) {
        call_back(wheel, timer, true);
        return;
    }
    if (kn_unlikely(!kn_list_is_empty(&wheel->moving) && deadline_ns <= wheel->moving_last_ns)) {
        timer->slot = wheel->moving_slot;
        kn_list_push_back(&wheel->moving, &timer->link);
    } else {
        insert(wheel, timer);
    }
    /* Relaxed: published by the state. */
    kn_store(&timer->wheel, wheel, relaxed);
    /* [TM1] release: the wheel to which a canceller hands it. Pairs with kn_wheel_cancel(). */
    kn_store(&timer->state, KN_TIMER_ARMED, release);
}

bool kn_wheel_cancel(struct kn_wheel *own, struct kn_timer *timer)
{
    uint32_t expected = KN_TIMER_ARMED;

    /* [TM1] acquire: the wheel that belongs to this ARMED. Pairs with kn_wheel_arm(). */
    if (kn_load(&timer->state, acquire) != KN_TIMER_ARMED) {
        return false;
    }
    /*
     * Relaxed: after the acquire above. If it reads our own wheel the timer is ours and stays so,
     * for only the owner could end this ARMED and begin another elsewhere.
     */
    if (own != NULL && kn_load(&timer->wheel, relaxed) == own) {
        if (!settle(timer)) {
            return false;
        }
        unlink_timer(own, timer);
        call_back(own, timer, true);
        return true;
    }
    /* [TM1] acquire: it may be a later ARMED than the one seen above. */
    if (!kn_cas_strong(&timer->state, &expected, KN_TIMER_CANCELLED, acquire, relaxed)) {
        return false;
    }
    hand_over(timer);
    return true;
}

bool kn_wheel_take_back(struct kn_wheel *own, struct kn_timer *timer)
{
    /* [TM1] acquire: as in kn_wheel_cancel(). Relaxed: with the state, whose last writer is here if this is own. */
    if (kn_load(&timer->state, acquire) != KN_TIMER_ARMED ||
        kn_load(&timer->wheel, relaxed) != own) {
        return false;
    }
    KN_ASSERT(!own->is_advancing);
    /* Relaxed: nobody else would change it, neither an owner nor a canceller. */
    kn_store(&timer->state, KN_TIMER_IDLE, relaxed);
    unlink_timer(own, timer);
    kn_count_add(&own->stats.cancelled, 1);
    return true;
}

void kn_timer_arm(struct kn_worker *worker, struct kn_timer *keep_timer, uint64_t deadline_ns,
                  void (*fire)(struct kn_worker *worker, struct kn_timer *self, bool cancelled))
{
    kn_wheel_arm(&worker->wheel, keep_timer, deadline_ns, fire);
}

bool kn_timer_cancel(struct kn_worker *worker, struct kn_timer *timer)
{
    return kn_wheel_cancel(worker == NULL ? NULL : &worker->wheel, timer);
}

static void check_slot(const struct kn_wheel *wheel, uint32_t index)
{
    const struct kn_wheel_slot *slot = &wheel->slots[index];
    uint64_t elapsed_digit =
        wheel->elapsed_ns >> level_shift(index / KN_WHEEL_SLOTS) & (KN_WHEEL_SLOTS - 1);
    uint64_t digit = index % KN_WHEEL_SLOTS;

    KOKEN_CHECK(index < KN_WHEEL_SLOTS ? digit >= elapsed_digit : digit > elapsed_digit); /* W1 */
    KOKEN_CHECK(!kn_list_is_empty(&slot->timers));
    kn_list_each (link, &slot->timers) {
        const struct kn_timer *timer = timer_of(link);

        KOKEN_CHECK(link->next->prev == link);
        KOKEN_CHECK(timer->slot == index);
        KOKEN_CHECK(place_of(wheel, timer->deadline_ns).slot == index);
        KOKEN_CHECK(timer->deadline_ns >= slot->earliest_ns);
    }
}

void kn_wheel_check(const struct kn_wheel *wheel)
{
    for (uint32_t level = 0; level < KN_WHEEL_LEVELS; level++) {
        uint64_t used = wheel->slots_used[level];

        KOKEN_CHECK((wheel->levels_used >> level & 1u) == (used != 0));
        for (; used != 0; used &= used - 1) {
            check_slot(wheel, level * KN_WHEEL_SLOTS + (uint32_t)__builtin_ctzll(used));
        }
    }
    for (struct kn_list *link = wheel->moving.next; link != &wheel->moving; link = link->next) {
        KOKEN_CHECK(timer_of(link)->slot == wheel->moving_slot);
        KOKEN_CHECK(timer_of(link)->deadline_ns <= wheel->moving_last_ns);
    }
    KOKEN_CHECK(wheel->levels_used == 0 || wheel->edge_ns <= edge_of(wheel, first_place(wheel)));
    KOKEN_CHECK(kn_list_is_empty(&wheel->moving) || wheel->edge_ns == 0);
}
