/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory: of each location all stores in their modification order, of each thread what it may no
 * longer miss. See test/model/DESIGN.md for the model.
 */
#include "test/model/lib/memory.h"

#include "base/align.h"

#include <stdio.h>
#include <string.h>

/* The shadow lies in blocks, like the memory: what is close there is close here. */
enum { BLOCKS = 1 << 13, CELLS_OF_BLOCK = 32, FUTEXES_MAX = 32 };

struct block {
    uintptr_t key; /* of 64 bytes; 0: free */
    struct cell cells[CELLS_OF_BLOCK];
};

static struct block blocks[BLOCKS], *last_block = blocks;
static struct block *used_blocks[BLOCKS];
static unsigned block_count;
struct loc locs[LOCS_MAX];
struct store stores[STORES_MAX];
static unsigned loc_count, store_count;
unsigned barriers; /* membarriers in this execution */
struct view sc;    /* what fences and stores that are seq_cst have published; no clocks */

static KN_NOINLINE struct block *find_block(uintptr_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) % BLOCKS;
    while (blocks[i].key != key && blocks[i].key != 0) { /* ends: they are never all in use */
        i = (i + 1) % BLOCKS;
    }
    if (blocks[i].key == 0) {
        KOKEN_CHECK(block_count < BLOCKS - 1);
        blocks[i].key = key;
        used_blocks[block_count++] = &blocks[i];
    }
    return last_block = &blocks[i];
}

static inline struct cell *cell_of(uintptr_t address)
{
    uintptr_t key = address >> 6;
    struct block *block = kn_likely(last_block->key == key) ? last_block : find_block(key);
    struct cell *cell = &block->cells[address >> 1 & (CELLS_OF_BLOCK - 1)];
    if (kn_unlikely(cell->execution != (uint32_t)kn_x.execution)) {
        *cell = (struct cell){.execution = (uint32_t)kn_x.execution,
                              .loc = -1,
                              .touched = cell->touched,
                              .written = cell->written};
    }
    return cell;
}

void memory_forget(void)
{
    while (block_count > 0) {
        memset(used_blocks[--block_count], 0, sizeof *used_blocks[0]);
    }
}

/* What those have seen who have waited or woken at a word. */
static struct {
    const void *word;
    struct view view;
} futexes[FUTEXES_MAX];
static unsigned futex_count;

static void clear_view(struct view *view)
{
    memset(view->clock, 0, sizeof view->clock);
    memset(view->seen, 0, sizeof view->seen);
}

void memory_reset(void)
{
    loc_count = barriers = futex_count = 0;
    store_count = 1; /* 0: none */
    clear_view(&sc);
    for (unsigned i = 0; i < TIDS; i++) {
        clear_view(&kn_x.threads[i].now);
        clear_view(&kn_x.threads[i].fence);
        clear_view(&kn_x.threads[i].release);
        kn_x.threads[i].now.clock[i] = 1;
    }
}

uint16_t place_of(uint16_t store)
{
    const struct store *s = &stores[store];
    return store == 0 || s->life != locs[s->loc].life ? 0 : s->place;
}

void join_seen(struct view *to, const struct view *from)
{
    for (unsigned i = 0; i < loc_count; i++) {
        if (from->seen[i] != to->seen[i] && place_of(from->seen[i]) >= place_of(to->seen[i])) {
            to->seen[i] = from->seen[i];
        }
    }
}

void join(struct view *to, const struct view *from)
{
    for (unsigned i = 0; i < TIDS; i++) {
        if (from->clock[i] > to->clock[i]) {
            to->clock[i] = from->clock[i];
        }
    }
    join_seen(to, from);
}

void memory_futex_sync(const void *word)
{
    struct view *now = &kn_x.threads[kn_x.self].now;
    unsigned i = 0;
    while (i < futex_count && futexes[i].word != word) {
        i++;
    }
    if (i == futex_count) {
        KOKEN_CHECK(futex_count < FUTEXES_MAX);
        futexes[futex_count].word = word;
        clear_view(&futexes[futex_count++].view);
    }
    join_seen(now, &futexes[i].view);
    join_seen(&futexes[i].view, now);
}

void memory_start_thread(unsigned tid)
{
    struct view *now = &kn_x.threads[tid].now;
    *now = kn_x.threads[MAIN].now;
    now->clock[tid] = 1;
}

void memory_join_all(void)
{
    kn_x.threads[MAIN].now.clock[MAIN]++;
    for (unsigned i = 0; i < kn_x.thread_count; i++) {
        join(&kn_x.threads[MAIN].now, &kn_x.threads[i].now);
    }
}

/* ---- locations ------------------------------------------------------------------------------- */

static uint64_t memory_bits(const void *p, size_t size)
{
    uint64_t bits = 0;
    memcpy(&bits, p, size);
    return bits;
}

struct store *new_store(struct loc *loc, uint64_t value, unsigned place)
{
    if (store_count == STORES_MAX || loc->count == STORES_OF_LOC) {
        cut_execution(); /* an unfair schedule goes round for ever */
    }
    uint16_t index = (uint16_t)store_count++;
    struct store *s = &stores[index];
    s->value = value;
    s->loc = (uint16_t)(loc - locs);
    s->life = loc->life;
    s->is_taken = s->is_rmw = false;
    memset(s->stale_reads, 0, sizeof s->stale_reads);
    for (unsigned i = loc->count; i > place; i--) {
        loc->order[i] = loc->order[i - 1];
        stores[loc->order[i]].place = (uint16_t)i;
    }
    loc->order[place] = index;
    loc->last = index;
    loc->count++;
    s->place = (uint16_t)place;
    clear_view(&s->message);
    return s;
}

struct loc *loc_of(const void *p, size_t size)
{
    struct cell *cell = cell_of((uintptr_t)p);
    if (cell->is_freed) {
        fail("atomic access to freed memory");
    }
    if (cell->loc >= 0 && !locs[cell->loc].is_rewritten) {
        return &locs[cell->loc];
    }
    if (cell->loc < 0) {
        if (loc_count == LOCS_MAX) {
            fail("too many locations");
        }
        cell->loc = (int16_t)loc_count++;
        locs[cell->loc].life = 0;
        memset(locs[cell->loc].atomic_writes, 0, sizeof locs[0].atomic_writes);
        memset(locs[cell->loc].atomic_reads, 0, sizeof locs[0].atomic_reads);
    }
    struct loc *loc = &locs[cell->loc];
    loc->p = p;
    loc->size = size;
    loc->count = 0;
    loc->life++;
    loc->is_rewritten = false;
    (void)new_store(loc, memory_bits(p, size), 0);
    return loc;
}

void to_memory(const struct loc *loc)
{
    memcpy((void *)(uintptr_t)loc->p, &stores[loc->order[loc->count - 1]].value, loc->size);
}

/* How often a location has been written, as the thread sees that announces an access to it. */
unsigned changes_of(const void *p)
{
    const struct cell *cell = cell_of((uintptr_t)p);
    return cell->loc < 0 || locs[cell->loc].is_rewritten
               ? 1
               : locs[cell->loc].count + locs[cell->loc].life * (unsigned)STORES_OF_LOC;
}

/* Notes who touches a location. True: more than one thread does, and one of them writes. */
bool memory_is_shared(const void *p, bool is_write)
{
    struct cell *cell = cell_of((uintptr_t)p);
    unsigned self = kn_x.self;
    if (self == MAIN) {
        return false;
    }
    uint8_t me = (uint8_t)(1u << self);
    bool was = (cell->touched & (cell->touched - 1)) && cell->written;
    cell->touched |= me;
    if (is_write) {
        cell->written |= me;
    }
    bool is = (cell->touched & (cell->touched - 1)) && cell->written;
    kn_x.is_shared_new |= is && !was;
    return is;
}

/* ---- races ----------------------------------------------------------------------------------- */

static void race(const char *what, uintptr_t address, unsigned other)
{
    fail("data race: %s at %p by thread %u, not ordered with thread %u", what, (void *)address,
         kn_x.self, other);
}

static void check_clocks(const uint16_t *clocks, const char *what, uintptr_t address)
{
    const struct view *now = &kn_x.threads[kn_x.self].now;
    for (unsigned i = 0; i < TIDS; i++) {
        if (clocks[i] > now->clock[i]) {
            race(what, address, i);
        }
    }
}

/* The running thread's own time. */
static uint16_t clock_of(const struct view *now)
{
    KOKEN_CHECK(now->clock[kn_x.self] <= UINT16_MAX);
    return (uint16_t)now->clock[kn_x.self];
}

void plain_access(uintptr_t address, size_t size, bool is_write)
{
    const struct view *now = &kn_x.threads[kn_x.self].now;
    for (uintptr_t at = address & ~(uintptr_t)1; at < address + size; at += 2) {
        struct cell *cell = cell_of(at);
        if (cell->is_freed) {
            fail("plain access to freed memory at %p by thread %u", (void *)at, kn_x.self);
        }
        if (cell->write > now->clock[cell->writer]) {
            race(is_write ? "write after write" : "read after write", at, cell->writer);
        }
        if (kn_unlikely(cell->loc >= 0)) {
            check_clocks(locs[cell->loc].atomic_writes, "plain access after atomic write", at);
            if (is_write) {
                check_clocks(locs[cell->loc].atomic_reads, "plain write after atomic read", at);
            }
        }
        if (is_write) {
            check_clocks(cell->reads, "write after read", at);
            cell->writer = (uint8_t)kn_x.self;
            cell->write = clock_of(now);
            if (cell->loc >= 0) {
                locs[cell->loc].is_rewritten = true;
            }
        } else {
            cell->reads[kn_x.self] = clock_of(now);
        }
    }
}

void atomic_access(const void *p, bool is_write)
{
    struct cell *cell = cell_of((uintptr_t)p);
    const struct view *now = &kn_x.threads[kn_x.self].now;
    KOKEN_CHECK(cell->loc >= 0); /* by loc_of() */
    if (cell->write > now->clock[cell->writer]) {
        race("atomic access after plain write", (uintptr_t)p, cell->writer);
    }
    if (is_write) {
        check_clocks(cell->reads, "atomic write after plain read", (uintptr_t)p);
        locs[cell->loc].atomic_writes[kn_x.self] = clock_of(now);
    } else {
        locs[cell->loc].atomic_reads[kn_x.self] = clock_of(now);
    }
}

void kn_model_free(void *p, size_t size)
{
    plain_access((uintptr_t)p, size, true);
    for (uintptr_t at = (uintptr_t)p & ~(uintptr_t)1; at < (uintptr_t)p + size; at += 2) {
        cell_of(at)->is_freed = true;
    }
}

void kn_model_plain(const volatile void *p, size_t size, bool is_write)
{
    plain_access((uintptr_t)p, size, is_write);
}
