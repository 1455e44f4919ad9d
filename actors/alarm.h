/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms: what an agent has under way. A timer, a request that waits for its answer, a sleep: each
 * is an entry in the agent's table, found in O(1) by the lowest bits of its id, as many as the size of
 * the table, a power of two, has. The other bits count the alarms of the agent: an id is used once. When
 * the table doubles, each entry stays or goes as far up as the old size, and no two meet. Envelopes have
 * room for 31 bits of the id, its number, which comes again after 2^31 / size alarms in one place.
 *
 * An alarm has two owners, the table and the wheel it is armed on (perhaps another worker's), each
 * of which lets go once; the second to let go frees it. Whether its message is still wanted is
 * decided by the table alone: a message whose entry is gone is thrown away on arrival. So a
 * cancelled timer stays silent even when its message was on its way already.
 *
 * A fiber's deadlines share one alarm, its *clock*, which sends nothing: it marks itself and nudges its agent.
 * It is never cancelled for the end of a wait. A wait that ends later than what the clock is set to leaves it
 * alone; when it goes off too early, the fiber sets it anew (timers that are re-armed lazily: an await that
 * is answered in time costs the wheel nothing). As the wheel's callback still owns the alarm when the fiber
 * sets it again, on another worker perhaps, there may be more than two owners for a moment. (D-AC-33)
 */
#ifndef KN_ACTORS_ALARM_H
#define KN_ACTORS_ALARM_H

#include "actors/agent.h"
#include "actors/pending.h"
#include "sched/timer.h"

enum kn_alarm_kind {
    KN_ALARM_MESSAGE, /* sends its message to its agent */
    KN_ALARM_OTHER,   /* sends its message to another agent */
    KN_ALARM_REQUEST, /* its agent waits for an answer; the message is koken_failed */
    KN_ALARM_WAIT,    /* the clock of a fiber; it has no message */
    KN_ALARM_MONITOR, /* no alarm, but an entry: the agent is to hear of the end of `to`; link.h */
    KN_ALARM_LINK,    /* likewise */
};

struct kn_alarm {
    struct kn_timer timer;      /* the wheel's while armed */
    kn_atomic(uint32_t) owners; /* (a) table and wheel */
    uint64_t id;                /* (c) */
    uint32_t number;            /* (c) the lowest 31 bits of it, never 0 */
    uint64_t agent;             /* (c) id of the agent whose table it is in */
    uint64_t to;                /* (c), but of a bond set when its target has been born */
    /* The wheel's: what is sent at the deadline, without a type: koken_failed, still to be filled in. A bond's reserve. */
    struct kn_envelope *envelope;
    uint64_t period_ns;         /* (c) 0: once */
    struct kn_pending *pending; /* (c) of a request that a floor above serves, or NULL */
    kn_atomic(uint32_t)
        is_waiting; /* (a) a periodic one's message is under way, a clock has gone off: set by the
                     * wheel */
    uint8_t kind;   /* (c) enum kn_alarm_kind */
};
_Static_assert(sizeof(struct kn_alarm) <= 128, "an alarm is a block of the second class");

struct kn_alarm_entry {
    struct kn_alarm *alarm; /* NULL: free */
    uint32_t next_free;     /* of a free one: index of the next + 1, 0: none */
};

enum { KN_ALARMS_MAX = 0xffff, KN_ALARM_NUMBER = INT32_MAX };

/*
 * Makes an alarm and, unless delay_ns is KOKEN_NO_DEADLINE, arms it. Answers its number, or 0: no
 * memory, and the envelope is the caller's. Thread: holder of S.
 */
uint32_t kn_alarm_new(struct kn_local *local, struct kn_agent *a, enum kn_alarm_kind kind,
                      uint64_t to, uint64_t delay_ns, uint64_t period_ns,
                      struct kn_envelope *take_envelope);

/*
 * The same for the deadline of a request of the agent's; koken_failed is sent when it comes. *ret_deadline_ns: when,
 * 0 never. 0: no memory. Thread: holder of S.
 */
uint32_t kn_alarm_request(struct kn_local *local, struct kn_agent *a, uint64_t timeout_ns,
                          uint64_t *ret_deadline_ns);

/* The end of a delay that begins now; the end of time if it never ends, but for KN_NEVER itself. */
uint64_t kn_alarm_deadline(uint64_t delay_ns);

/*
 * Sees that the fiber of agent a has a clock, *clock, which goes off at deadline_ns or before. False: no
 * memory for one, or for another, as the one there was cannot be had back from another worker's wheel.
 * Needs no memory for a clock that has gone off. Thread: holder of S.
 */
bool kn_clock_set(struct kn_local *local, struct kn_agent *a, struct kn_alarm **clock,
                  uint64_t deadline_ns);

/* Whether the clock has gone off since it was set. Thread: holder of S. */
static inline bool kn_clock_is_over(const struct kn_alarm *clock)
{
    return kn_load(&clock->is_waiting, acquire) != 0; /* [AL2] acquire: the timer is ours again */
}

/* The alarm of that number in the agent's table, or NULL. Thread: holder of S. */
struct kn_alarm *kn_alarm_find(const struct kn_agent *a, uint32_t number);

/*
 * Takes an alarm out of the table and stops its timer. True: it will not go off (again); false: it
 * has, or just does. Thread: holder of S.
 */
bool kn_alarm_end(struct kn_local *local, struct kn_agent *a, struct kn_alarm *alarm);

/* Ends all alarms of an agent and frees the table. Thread: holder of S. */
void kn_alarms_end(struct kn_local *local, struct kn_agent *a);

#endif
