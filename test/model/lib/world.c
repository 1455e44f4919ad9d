/* SPDX-License-Identifier: Apache-2.0 */
/* The world of a model: a clock that moves by one at each look, memory that is given back at the end. */
#include "test/model/lib/inside.h"

#include "base/alloc.h"
#include "base/platform/membarrier.h"
#include "base/world.h"

#include <errno.h>
#include <string.h>

enum { ARENA = 1 << 20 };

static KN_ALIGNED(4096) unsigned char arenas[TIDS][ARENA];
static size_t used[TIDS];
static uint64_t used_in[TIDS]; /* the execution that `used` is of */
static uint64_t live,
    live_in; /* bytes that are not given back, and the execution that they are of */

/* From the thread's own arena, so that addresses do not hang on who was first. */
void *kn_alloc(size_t size, size_t align, int node)
{
    unsigned self = kn_x.self;
    (void)node;
    if (used_in[self] != kn_x.execution) {
        used_in[self] = kn_x.execution;
        used[self] = 0;
    }
    size_t at = kn_align_up(used[self], align > 64 ? align : 64);
    if (at + size > ARENA) {
        fail("the arena of a thread is full");
    }
    used[self] = at + size;
    live = live_in == kn_x.execution ? live + size : size;
    live_in = kn_x.execution;
    memset(arenas[self] + at, 0xa5, size);
    return arenas[self] + at;
}

void kn_free(void *memory, size_t size, size_t align)
{
    (void)align;
    if (memory) {
        kn_model_free(memory, size);
        live -= size;
    }
}

/* Of this execution, if it has asked for any. */
uint64_t kn_alloc_live(void)
{
    return live_in == kn_x.execution ? live : 0;
}

/* As the system gives it: zeros. */
void kn_map_prefer_huge(void *part, size_t size)
{
    (void)part, (void)size;
}

void *kn_map(size_t size, int node)
{
    return memset(kn_alloc(size, 4096, node), 0, size);
}

void kn_unmap(void *region, size_t size)
{
    kn_free(region, size, 4096);
}

/* What lies there, without any order: for reads that are thrown away if they were too late. */
uint64_t kn_model_peek(const void *p)
{
    uint64_t bits;
    memcpy(&bits, p, sizeof bits);
    return bits;
}

uint64_t kn_now(void)
{
    return kn_x.steps + 1;
}

/* Threads are the scenario's; sources that start one find that none can be had. */
int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg)
{
    (void)thread;
    (void)name;
    (void)fn;
    (void)arg;
    return -EAGAIN;
}

void kn_thread_join(struct kn_thread *thread)
{
    (void)thread;
}

int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns)
{
    return model_futex_wait(word, expected, deadline_ns != KN_NEVER) < 0 ? -ETIMEDOUT : 0;
}

void kn_model_wake(kn_atomic(uint32_t) *word, uint32_t count, struct kn_site *site)
{
    know_site(site);
    memory_flush_late(&kn_x.threads[kn_x.self]);
    if (!is_mutated(site, MUTATION_DROP)) {
        model_futex_wake(word, count);
    }
}

bool kn_membarrier_register(void)
{
    return true;
}

void kn_model_membarrier(struct kn_site *site)
{
    know_site(site);
    memory_flush_late(&kn_x.threads[kn_x.self]);
    if (!is_mutated(site, MUTATION_DROP)) {
        memory_barrier_all();
    }
}
