/* SPDX-License-Identifier: Apache-2.0 */
/* See why.h. All of it is a report of a moment: fields are read relaxed while their owners go on. */
#include "actors/why.h"

#include "actors/kn_rcu.h"
#include "actors/park.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "base/look.h"
#include "base/world.h"

#include <koken/why.h>

#include <errno.h>
#include <stdio.h>

enum { CHAIN_MAX = 8 };

static unsigned long long ms(uint64_t since_ns)
{
    uint64_t now = kn_now();
    return since_ns && now > since_ns ? (now - since_ns) / 1000000u : 0;
}

/* The worker that runs the agent now, or NULL. */
static const struct kn_local *runs_on(const struct koken *rt, uint64_t id)
{
    for (unsigned i = 0; i < rt->worker_count; i++) {
        if (kn_load(&rt->locals[i].self_id, relaxed) == id) { /* relaxed: see above */
            return &rt->locals[i];
        }
    }
    return NULL;
}

/* What one agent does, and *next for whom it waits, or 0. As snprintf. */
static int describe(const struct kn_agent *a, char *text, size_t size, uint64_t *next)
{
    struct koken *rt = kn_agent_runtime(a);
    uint64_t id = kn_agent_id(a);
    uint32_t queued = kn_mailbox_queued(&a->mailbox);
    const struct kn_local *local = runs_on(rt, id);
    struct kn_outbox edge;
    char what[128];
    *next = 0;
    if (local) {
        const struct koken_type *type =
            kn_load(&local->running_type, relaxed); /* relaxed: see above */
        (void)snprintf(what, sizeof what, "runs for %llu ms, last in its handler of %s",
                       ms(kn_load(&local->running_since, relaxed)), /* relaxed: see above */
                       type ? type->name : "nothing");
    } else if (kn_park_edge(rt, id, &edge)) {
        *next = edge.to;
        (void)snprintf(what, sizeof what, "waits %llu ms for %s %llx", ms(edge.since_ns),
                       edge.number ? "the answer of" : "room at", (unsigned long long)edge.to);
    } else {
        bool is_ready =
            kn_load(&a->mailbox.word, relaxed) & KN_MB_SCHEDULED; /* relaxed: see above */
        (void)snprintf(what, sizeof what, "%s", is_ready ? "waits for a worker" : "is idle");
    }
    return snprintf(text, size, "agent %s %llx: %s, %u message%s for it\n",
                    kn_agent_behaviour(a)->name, (unsigned long long)id, what, (unsigned)queued,
                    queued == 1 ? " waits" : "s wait");
}

bool kn_why_is_alive(const struct kn_agent *a, bool *ret_is_asleep)
{
    uint64_t word = kn_load(&a->mailbox.word, relaxed); /* relaxed: see above */
    struct kn_outbox edge;
    uint64_t id = kn_agent_id(a);
    *ret_is_asleep = !(word & KN_MB_SCHEDULED) && kn_mailbox_queued(&a->mailbox) == 0 &&
                     !kn_park_edge(kn_agent_runtime(a), id, &edge);
    return !(word & KN_MB_CLOSED) && kn_resolve(id) == a;
}

int kn_why_line(const struct kn_agent *a, char *text, size_t size)
{
    uint64_t next;
    int rc = describe(a, text, size, &next);
    return rc < 0 || (size_t)rc < size ? rc : (int)size - 1;
}

int koken_why(koken_ref who, char *text, size_t size)
{
    bool is_outside = kn_local_here() == NULL;
    if (!text || size == 0) {
        return -EINVAL;
    }
    if (is_outside) {
        kn_rcu_visit();
    }
    uint64_t id = who.id;
    size_t len = 0;
    const struct kn_agent *a = kn_resolve(id);
    int rc = a ? 0 : -ESRCH;
    for (int i = 0; a && i < CHAIN_MAX && len < size; i++) {
        rc = describe(a, text + len, size - len, &id);
        len += rc > 0 ? (size_t)rc : 0;
        a = id ? kn_resolve(id) : NULL;
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    return rc < 0 ? rc : (int)(len < size ? len : size - 1);
}

void kn_why_stuck(struct kn_worker *worker, uint64_t for_ns, void *runtime)
{
    struct koken *rt = runtime;
    const struct kn_local *local = worker->local;
    if (!rt->options.log || !local) {
        return;
    }
    kn_rcu_visit();
    /* Relaxed, both: see above. */
    uint64_t id = kn_load(&local->self_id, relaxed);
    const struct koken_type *type = kn_load(&local->running_type, relaxed);
    const struct kn_agent *a = id ? kn_resolve_in(rt, id) : NULL;
    if (a) {
        char line[200];
        (void)snprintf(
            line, sizeof line,
            "koken: agent %s %llx runs for %llu ms on worker %u, last in its handler of %s, "
            "%u messages wait for it",
            kn_agent_behaviour(a)->name, (unsigned long long)id,
            (unsigned long long)(for_ns / 1000000u), worker->index, type ? type->name : "nothing",
            (unsigned)kn_mailbox_queued(&a->mailbox));
        rt->options.log(rt->options.log_arg, line);
    }
    kn_rcu_depart();
}

void kn_why_stack(struct kn_worker *worker, const void *const *frames, unsigned count,
                  void *runtime)
{
    struct koken *rt = runtime;
    const struct kn_local *local = worker->local;
    /* Relaxed: the dispatch still lasts, or a line is about the agent of the next one. */
    unsigned long long id = local ? kn_load(&local->self_id, relaxed) : 0;
    for (unsigned i = 0; i < count; i++) {
        char line[240], where[200];
        (void)kn_look_name(frames[i], where, sizeof where);
        (void)snprintf(line, sizeof line, "koken: agent %llx is at #%u %s", id, i, where);
        rt->options.log(rt->options.log_arg, line);
    }
}
