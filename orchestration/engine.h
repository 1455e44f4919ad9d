/* SPDX-License-Identifier: Apache-2.0 */
/* Between the engine's queue and its numbers. */
#ifndef KN_ORCHESTRATION_ENGINE_H
#define KN_ORCHESTRATION_ENGINE_H

#include "base/list.h"
#include "orchestration/cancel.h"
#include "sched/errand.h"
#include "sched/lock.h"

#include <koken/cache.h>
#include <koken/engine.h>

struct koken_engine;

enum kn_work_state { KN_WORK_QUEUED, KN_WORK_TAKEN };

/* What was submitted. In the queue the engine's, then of whoever took it. */
struct kn_work {
    struct kn_list link;         /* (m) of its level, while QUEUED */
    enum kn_work_state state;    /* (m) */
    uint32_t wanted;             /* (m) submissions that want it still */
    struct kn_list tickets;      /* (m) numbers that it has */
    struct kn_work *same_next;   /* (m) with a key, until it is over */
    struct koken_engine *engine; /* (c) */
    struct koken_future *future; /* its promise */
    struct koken_source *source; /* (c) its own */
    int (*fn)(koken_token token, void *arg, void *ret_value);
    void *arg;
    size_t size;       /* (c) of the block */
    enum kn_prio prio; /* (c) */
    bool has_key;      /* (c) */
    uint64_t since_ns; /* (c) */
    unsigned char
        key[sizeof(void *) + KOKEN_ENGINE_KEY_MAX]; /* (c) the function's address, the user's key */
    unsigned char bytes[] KN_ALIGNED(16);           /* the copy of arg */
};

/* A number that somebody may ask for. */
struct kn_ticket {
    struct kn_ticket *next;      /* (m) of its bucket */
    struct kn_list link;         /* (m) of its work, then of the engine's results */
    struct koken_future *future; /* (c) counted */
    struct kn_work *work;        /* (m) NULL: it is over */
    uint64_t id;                 /* (c) */
};

/* An errand that works off the queue. */
struct kn_engine_runner {
    struct kn_errand errand;
    struct koken_engine *engine;
    bool is_out; /* (m) */
};

struct koken_engine {
    uint32_t magic;
    kn_atomic(uint32_t) owners;  /* (a) the user, runners that are out, who waits */
    struct koken *rt;            /* (c) */
    size_t size;                 /* (c) of this block */
    unsigned max_threads;        /* (c) */
    uint32_t work_max;           /* (c) */
    uint32_t results_max;        /* (c) */
    size_t key_size;             /* (c) 0: no cache */
    size_t cached_size;          /* (c) */
    struct koken_cache *cache;   /* (c) */
    enum kn_prio prio;           /* (c) */
    struct koken_source *source; /* (c) */
    struct kn_hook hook;
    bool is_hooked; /* (c) */
    struct kn_lock lock;
    struct kn_list levels[KN_PRIO_COUNT_]; /* (m) not begun */
    uint32_t skipped[KN_PRIO_COUNT_];      /* (m) prio.h */
    unsigned busy;                         /* (m) runners that work */
    size_t pending;                        /* (m) work whose end has not been told */
    uint64_t last_id;                      /* (m) */
    struct kn_list results;                /* (m) tickets of what is over, oldest first */
    struct kn_list enders;                 /* (m) */
    struct koken_engine_stats stats;       /* (m) */
    size_t buckets;                        /* (c) a power of two, of both: */
    struct kn_ticket **tickets;            /* (m) by id */
    struct kn_work **same;                 /* (m) with a key, under way, by its hash */
    struct kn_engine_runner runners[];
};

bool kn_is_engine(const struct koken_engine *engine);
struct koken_engine *kn_engine_keep(struct koken_engine *engine);
void kn_engine_drop(struct koken_engine *engine);

/* Takes QUEUED work off its level. Called with the lock held. */
void kn_engine_take(struct kn_work *work);

/* Does TAKEN work, or ends it without doing it. Called without the lock; it is gone afterwards. */
void kn_engine_do(struct kn_work *take_work);
void kn_engine_skip(struct kn_work *take_work, int error);

/* Where same work is in the table of what is under way, or NULL is. Called with the lock held. */
struct kn_work **kn_engine_same(struct koken_engine *engine, const unsigned char *key);

/* One more runner if there is something to do for it, with the lock held; and sends it out, without. NULL: nothing. */
struct kn_engine_runner *kn_engine_next_runner(struct koken_engine *engine);
void kn_engine_post(struct koken_engine *engine, struct kn_engine_runner *runner);

/* Work that is in no list; its future is gone. */
void kn_work_free(struct kn_work *work);

enum kn_prio kn_engine_prio(enum koken_priority priority);

/* Whether this thread is in work of the engine; whether in that work. */
bool kn_engine_is_inside(const struct koken_engine *engine, const struct kn_work *work);

/* engine_result.c: tickets. _new and _free are for those that have not been entered; NULL: no memory, nothing. */
struct kn_ticket *kn_ticket_new(void);
void kn_ticket_free(struct kn_ticket *ticket);

/* Gives it a number. Called with the lock held, as the rest. */
void kn_ticket_enter(struct koken_engine *engine, struct kn_ticket *ticket,
                     struct koken_future *future, struct kn_work *work);

/* The work is over: its numbers wait to be asked for, the oldest of all are forgotten. */
void kn_tickets_file(struct koken_engine *engine, struct kn_work *work);

/* The engine ends. */
void kn_tickets_end(struct koken_engine *engine);

#endif
