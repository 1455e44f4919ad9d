/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the explorer know of each other. */
#ifndef KN_TEST_MODEL_LIB_INSIDE_H
#define KN_TEST_MODEL_LIB_INSIDE_H

#include "test/model/lib/model.h"

enum {
    MAIN = KN_MODEL_THREADS, /* the thread of setup and check */
    TIDS = KN_MODEL_THREADS + 1,
    LOCS_MAX = 160,
    STORES_MAX = 4096,  /* of an execution */
    STORES_OF_LOC = 96, /* of one location in an execution */
};

/* What a thread knows: of each location the newest store it may not go behind, of each thread its clock. */
struct view {
    uint32_t clock[TIDS];
    uint16_t seen[LOCS_MAX]; /* index of a store; 0: none */
};

enum kind { KIND_NONE, KIND_READ, KIND_WRITE, KIND_FENCE, KIND_ALL };

/* What a thread will do next. */
struct step {
    enum kind kind;
    bool is_sc;
    uintptr_t cell;
};

enum thread_state { THREAD_READY, THREAD_LOCKED, THREAD_ASLEEP, THREAD_ENDED };

struct thread {
    struct view now;     /* what happened before, and was read */
    struct view fence;   /* what an acquire fence would add */
    struct view release; /* what the last release fence published */
    void *sp;
    unsigned char locals[64]; /* of thread-local variables, while others run */
    enum thread_state state;
    const void *waits_for; /* mutex, or futex word */
    struct step next;
    unsigned announced, announced_barriers; /* how often the location it goes to had been written */
    uint64_t pause_step, pause_stores;      /* not before the others have come on from here */
    bool is_paused, is_pausing_long;
    bool is_fresh;      /* reads the newest only: its turn came because nobody else had one */
    unsigned fresh_run; /* so many times since the last store */
    struct {
        unsigned left; /* so many accesses come before it; 0: there is none */
        void *p;
        size_t size;
        uint64_t value;
        struct kn_site *site;
    } late; /* a store that a mutant puts behind its successor */
};

struct explorer {
    const struct kn_scenario *scenario;
    struct thread threads[TIDS];
    unsigned thread_count;
    unsigned self;      /* who runs */
    uint64_t execution; /* number of the present one; stamps shadow cells */
    uint64_t steps, stores_done;
    bool is_stopped;    /* the execution is over before its end */
    bool is_shared_new; /* a location turned out to be shared: start again */
    bool is_tracing;
    char failure[512];
    void *home; /* context of the explorer */
};

extern struct explorer kn_x;

bool is_thread_local(uintptr_t address);

/* explore.c */
unsigned choose(unsigned n);
void announce(struct step step);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void stop_execution(void);
_Noreturn void cut_execution(void);

/* memory.c */
void memory_reset(void);
void memory_forget(void);
void memory_start_thread(unsigned tid);
void memory_join_all(void);
bool memory_is_shared(const void *p, bool is_write);
uint64_t memory_futex_load(const void *p, size_t size);
void memory_futex_sync(const void *word);
void memory_sync(const void *mutex, bool is_release);
void plain_access(uintptr_t address, size_t size, bool is_write);
void memory_barrier_all(void);
void memory_flush_late(struct thread *thread);
void memory_count_late(struct thread *thread);

/* wait.c */
int model_futex_wait(const void *word, uint32_t expected, bool has_deadline);
void model_futex_wake(const void *word, unsigned count);

/* mutate.c */
enum mutation {
    MUTATION_NONE,
    MUTATION_ORDER,      /* another order */
    MUTATION_ORDER_FAIL, /* of a failed compare and swap */
    MUTATION_LATE,       /* a store after its successor */
    MUTATION_TORN,       /* a read-modify-write as a load and a store */
    MUTATION_DROP,       /* a fence, a wake */
};
struct mutant {
    enum mutation kind;
    unsigned distance; /* of MUTATION_LATE */
    struct kn_site *site;
    enum kn_mo order;
    int number; /* KN_MUTANT(number) */
};
extern struct mutant model_mutant;
extern struct kn_site *kn_sites;
void know_site(struct kn_site *site);
bool is_mutated(const struct kn_site *site, enum mutation kind);
int run_mutants(const struct kn_scenario *scenarios, const char *model, char *const *files);
bool explore_all(const struct kn_scenario *scenarios);
bool explore_quietly(const struct kn_scenario *scenario, uint64_t limit);
const char *order_name(enum kn_mo order);

#endif
