/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of an engine's work. A ticket is in its bucket until it is fetched or forgotten; it hangs on its work, then in the
 * list of results. Who waits has a share of the future, so a ticket may go while they do.
 */
#include "orchestration/engine.h"

#include "base/alloc.h"
#include "orchestration/either.h"
#include "orchestration/future.h"

#include <errno.h>
#include <string.h>

/* ---- tickets --------------------------------------------------------------------------------- */

struct kn_ticket *kn_ticket_new(void)
{
    struct kn_ticket *ticket = kn_alloc(sizeof *ticket, _Alignof(struct kn_ticket), -1);
    if (ticket) {
        *ticket = (struct kn_ticket){.id = 0};
    }
    return ticket;
}

static struct kn_ticket **place_of(struct koken_engine *engine, uint64_t id)
{
    struct kn_ticket **place = &engine->tickets[id & (engine->buckets - 1)];
    while (*place && (*place)->id != id) { /* ends: the chain is finite */
        place = &(*place)->next;
    }
    return place;
}

void kn_ticket_enter(struct koken_engine *engine, struct kn_ticket *ticket,
                     struct koken_future *future, struct kn_work *work)
{
    ticket->id = ++engine->last_id;
    ticket->future = koken_future_keep(future);
    ticket->work = work;
    struct kn_ticket **place = place_of(engine, ticket->id);
    KN_ASSERT(!*place); /* numbers are given once */
    *place = ticket;
    kn_list_push_back(work ? &work->tickets : &engine->results, &ticket->link);
    engine->stats.results += work ? 0 : 1;
}

/* Out of everything. */
static void forget(struct koken_engine *engine, struct kn_ticket *ticket)
{
    struct kn_ticket **place = place_of(engine, ticket->id);
    KN_ASSERT(*place == ticket);
    *place = ticket->next;
    kn_list_remove(&ticket->link);
    engine->stats.results -= ticket->work ? 0 : 1;
    kn_ticket_free(ticket);
}

void kn_ticket_free(struct kn_ticket *ticket)
{
    if (ticket) {
        koken_future_drop(ticket->future); /* calls nobody */
        kn_free(ticket, sizeof *ticket, _Alignof(struct kn_ticket));
    }
}

static void bound_results(struct koken_engine *engine)
{
    while (engine->stats.results > engine->results_max) { /* ends: each round forgets one */
        forget(engine, kn_container_of(engine->results.next, struct kn_ticket, link));
        engine->stats.forgotten++;
    }
}

void kn_tickets_file(struct koken_engine *engine, struct kn_work *work)
{
    while (!kn_list_is_empty(&work->tickets)) { /* ends: nobody adds any more */
        struct kn_ticket *ticket = kn_container_of(work->tickets.next, struct kn_ticket, link);
        KN_ASSERT(ticket->work == work);
        kn_list_remove(&ticket->link);
        ticket->work = NULL;
        kn_list_push_back(&engine->results, &ticket->link);
        engine->stats.results++;
    }
    bound_results(engine);
}

void kn_tickets_end(struct koken_engine *engine)
{
    while (!kn_list_is_empty(&engine->results)) { /* ends: no work is left that could add */
        forget(engine, kn_container_of(engine->results.next, struct kn_ticket, link));
    }
    KN_ASSERT(engine->stats.results == 0);
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* What a future that is complete has for a buffer of that size; NULL: it is not wanted. */
static int result_of(struct koken_future *future, void *ret_value, size_t size)
{
    if (future->error == 0 && ret_value) {
        if (future->size != size) {
            return -EPROTO;
        }
        memcpy(ret_value, future->value, size);
    }
    return future->error;
}

/* The future of a number, with a share; what the caller may do itself is taken. */
static int look_up(struct koken_engine *engine, uint64_t id, struct koken_future **ret_future,
                   struct kn_work **ret_work)
{
    int rc = 0;
    *ret_work = NULL;
    kn_lock(&engine->lock);
    const struct kn_ticket *ticket = *place_of(engine, id);
    struct kn_work *work = ticket ? ticket->work : NULL;
    if (!ticket) {
        rc = -ESRCH;
    } else if (work && kn_engine_is_inside(engine, work)) {
        rc = -EDEADLK;
    } else {
        *ret_future = koken_future_keep(ticket->future);
        if (work && work->state == KN_WORK_QUEUED && kn_engine_is_inside(engine, NULL)) {
            kn_engine_take(work);
            *ret_work = work;
        }
    }
    kn_unlock(&engine->lock);
    return rc;
}

static int forget_id(struct koken_engine *engine, uint64_t id)
{
    kn_lock(&engine->lock);
    struct kn_ticket *ticket = *place_of(engine, id);
    if (ticket) {
        forget(engine, ticket);
    }
    kn_unlock(&engine->lock);
    return ticket ? 0 : -ESRCH;
}

static int fetch(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns, void *ret_value,
                 size_t size)
{
    struct koken_future *future;
    struct kn_work *mine;
    if (!kn_is_engine(engine)) {
        return -EINVAL;
    }
    int rc = look_up(engine, id, &future, &mine);
    if (rc < 0) {
        return rc;
    }
    (void)kn_engine_keep(engine); /* it may be given back meanwhile */
    if (mine) {
        kn_engine_do(mine);
    }
    rc = kn_future_is_done(future) ? 0 : koken_future_join(future, timeout_ns);
    if (kn_future_is_done(future)) { /* or else rc is why this wait is over */
        rc = result_of(future, ret_value, size);
        if (rc != -EPROTO || future->error == rc) {
            kn_either_way(
                forget_id(engine, id)); /* another waiter, or the bound, may have been first */
        }
    }
    koken_future_drop(future);
    kn_engine_drop(engine);
    return rc;
}

int koken_engine_wait_(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns,
                       void *ret_value, size_t size)
{
    return ret_value ? fetch(engine, id, timeout_ns, ret_value, size) : -EINVAL;
}

int koken_engine_join(struct koken_engine *engine, uint64_t id, uint64_t timeout_ns)
{
    return fetch(engine, id, timeout_ns, NULL, 0);
}

int koken_engine_future(struct koken_engine *engine, uint64_t id, struct koken_future **ret_future)
{
    if (!kn_is_engine(engine) || !ret_future) {
        return -EINVAL;
    }
    kn_lock(&engine->lock);
    const struct kn_ticket *ticket = *place_of(engine, id);
    if (ticket) {
        *ret_future = koken_future_keep(ticket->future);
    }
    kn_unlock(&engine->lock);
    return ticket ? 0 : -ESRCH;
}

int koken_engine_forget(struct koken_engine *engine, uint64_t id)
{
    return kn_is_engine(engine) ? forget_id(engine, id) : -EINVAL;
}

/* ---- cancelling ------------------------------------------------------------------------------ */

int koken_engine_cancel(struct koken_engine *engine, uint64_t id)
{
    struct kn_work *skipped = NULL;
    koken_token running = {NULL};
    if (!kn_is_engine(engine)) {
        return -EINVAL;
    }
    kn_lock(&engine->lock);
    struct kn_ticket *ticket = *place_of(engine, id);
    struct kn_work *work = ticket ? ticket->work : NULL;
    int rc = !ticket ? -ESRCH : !work ? -EALREADY : 0;
    if (work && work->wanted > 1) {
        work->wanted--;
        forget(engine, ticket);
    } else if (work && work->state == KN_WORK_QUEUED) {
        kn_engine_take(work);
        skipped = work;
    } else if (work) {
        rc = -EALREADY;
        running = koken_source_token(work->source);
    }
    kn_unlock(&engine->lock);
    if (skipped) {
        kn_engine_skip(skipped, -ECANCELED);
    }
    if (running.source) { /* outside of the lock: it calls callbacks */
        kn_either_way(koken_source_cancel(running.source, KOKEN_CANCEL_USER, NULL)); /* or before */
        koken_token_drop(&running);
    }
    return rc;
}
