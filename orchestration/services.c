/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lazy services. The list of what is made grows at its front, so it is in the order of ending. Reading it takes
 * no lock: an entry is complete when it is linked, and stays until the end.
 *
 * One lock for all making, taken again by the same thread when a making asks for what it needs: who holds it
 * is a number, and the chain of makings under way says whether one asks for itself.
 */
#include <koken/services.h>

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

struct made {
    struct made *next; /* (c) made before */
    const struct koken_service *service;
    void *pointer;
};

struct making { /* on the stack of who makes */
    const struct making *outer;
    const struct koken_service *service;
};

/* (a) atomic  (m) the lock */
struct koken_services {
    kn_atomic(struct made *) made; /* (a) written (m) */
    kn_atomic(uint64_t)
        maker; /* (a) the thread that has the lock; only its own number tells it something */
    kn_atomic(uint32_t) refs;    /* (a) */
    const struct making *making; /* (m) */
    pthread_mutex_t lock;        /* rank 90: a making may take any other */
};

static KN_TLS uint64_t this_thread; /* a number of its own, 0: none yet */
KN_TLS_SIMULATED(this_thread);
static kn_atomic(uint64_t) last_thread;

int koken_services_new(struct koken_services **ret_services)
{
    if (!ret_services) {
        return -EINVAL;
    }
    struct koken_services *services =
        kn_alloc(sizeof *services, _Alignof(struct koken_services), -1);
    if (!services) {
        return -ENOMEM;
    }
    *services = (struct koken_services){.making = NULL};
    kn_atomic_init(&services->refs, 1);
    int rc = pthread_mutex_init(&services->lock, NULL);
    KOKEN_CHECK(rc == 0); /* a default mutex allocates nothing */
    *ret_services = services;
    return 0;
}

static struct made *find(struct koken_services *services, const struct koken_service *service)
{
    /* [OV1] acquire: the entry, and the service. Pairs with release in make(). */
    struct made *made = kn_load(&services->made, acquire);
    while (made && made->service != service) {
        made = made->next;
    }
    return made;
}

/* Under the lock. */
static int make(struct koken_services *services, const struct koken_service *service)
{
    for (const struct making *m = services->making; m; m = m->outer) {
        if (m->service == service) {
            return -EDEADLK;
        }
    }
    struct made *made = kn_alloc(sizeof *made, _Alignof(struct made), -1);
    if (!made) {
        return -ENOMEM;
    }
    struct making making = {services->making, service};
    *made = (struct made){.service = service};
    services->making = &making;
    int rc = service->make(services, service->arg, &made->pointer);
    services->making = making.outer;
    if (rc < 0) {
        kn_free(made, sizeof *made, _Alignof(struct made));
        return rc;
    }
    made->next = kn_load(&services->made, relaxed); /* relaxed: written under the lock */
    /* [OV1] release: the entry, and the service. Pairs with acquire in find(). */
    kn_store(&services->made, made, release);
    return 0;
}

/* False: this thread has the lock already, in a making further out. */
static bool lock(struct koken_services *services)
{
    if (this_thread == 0) {
        this_thread =
            kn_add(&last_thread, 1, relaxed) + 1; /* relaxed: only that it differs matters */
    }
    /* Relaxed: the own number can only have been written by this thread. */
    if (kn_load(&services->maker, relaxed) == this_thread) {
        return false;
    }
    (void)pthread_mutex_lock(&services->lock);
    kn_store(&services->maker, this_thread, relaxed); /* relaxed: as above */
    return true;
}

static void unlock(struct koken_services *services)
{
    kn_store(&services->maker, 0, relaxed); /* relaxed: as above */
    (void)pthread_mutex_unlock(&services->lock);
}

int koken_services_get(struct koken_services *services, const struct koken_service *service,
                       void **ret_service)
{
    if (!services || !service || !service->make || !ret_service) {
        return -EINVAL;
    }
    struct made *made = find(services, service);
    if (!made) {
        bool is_outer = lock(services);
        made = find(services, service);
        int rc = made ? 0 : make(services, service);
        made = made || rc < 0 ? made : find(services, service);
        if (is_outer) {
            unlock(services);
        }
        if (rc < 0) {
            return rc;
        }
    }
    KN_ASSERT(made != NULL);
    *ret_service = made->pointer;
    return 0;
}

int koken_services_end(struct koken_services *services)
{
    if (!services) {
        return -EINVAL;
    }
    if (!lock(services)) {
        return -EINVAL; /* from a making */
    }
    struct made *made;
    while ((made = kn_load(&services->made, relaxed)) !=
           NULL) { /* relaxed: written under the lock */
        if (made->service->end) {
            made->service->end(made->pointer, made->service->arg);
        }
        /* Still linked during its end: who asks for it there is given it, not a second one. Relaxed: nobody else
         * asks meanwhile. */
        kn_store(&services->made, made->next, relaxed);
        kn_free(made, sizeof *made, _Alignof(struct made));
    }
    unlock(services);
    return 0;
}

struct koken_services *koken_services_ref(struct koken_services *services)
{
    if (services) {
        (void)kn_add(&services->refs, 1, relaxed); /* relaxed: the caller has one already */
    }
    return services;
}

struct koken_services *koken_services_unref(struct koken_services *services)
{
    /* [OV2] release: what this holder did; acquire: what all the others did, for the last. */
    if (services && kn_sub(&services->refs, 1, acq_rel) == 1) {
        (void)koken_services_end(services);
        (void)pthread_mutex_destroy(&services->lock);
        kn_free(services, sizeof *services, _Alignof(struct koken_services));
    }
    return NULL;
}
