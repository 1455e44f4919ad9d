/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context of services that are made when they are first asked for, once, whoever asks, and ended in the
 * reverse order of their making: so a service may use, in its making, those that it needs.
 *
 *     static int make_cache(struct koken_services *services, void *arg, void **ret_service) { ... }
 *     static const struct koken_service cache = {"cache", make_cache, end_cache, NULL};
 *
 *     rc = koken_services_get(services, &cache, &pointer);
 *
 *              get  ref  unref  end        X: needs exclusion, -: may run at once
 *     get       -    -     -     -         get: wait-free once made, else blocking; ref, unref: lock-free
 *     end                        -         end: blocking
 *
 * After koken_services_end the same context makes them anew when they are asked for again.
 */
#ifndef KOKEN_SERVICES_H
#define KOKEN_SERVICES_H

#include <koken/error.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_services;

/* What a service is: its address is its name. It outlives the contexts that have been asked for it. */
struct koken_service {
    const char *name;
    /* Makes it. May ask services for others. 0, or an error, and then the next who asks tries again. */
    int (*make)(struct koken_services *services, void *arg, void **ret_service);
    void (*end)(void *service, void *arg); /* or NULL */
    void *arg;
};

/* koken_services_new makes a context without services, with one reference. Errors: -EINVAL, -ENOMEM. */
KOKEN_MUST_USE int koken_services_new(struct koken_services **ret_services);

/*
 * koken_services_get answers with the one service of that description, made now if it is the first. Of those
 * who ask at once one makes it, the others wait. Thread: any. Errors: -EINVAL; -ENOMEM; -EDEADLK its making
 * asks for itself, be it over others; what make answers. Order: the making happens-before each return.
 */
KOKEN_MUST_USE int koken_services_get(struct koken_services *services,
                                      const struct koken_service *service, void **ret_service);

/* koken_services_end ends all services, the last made first. Nobody uses them any more. Errors: -EINVAL. */
int koken_services_end(struct koken_services *services);

/* koken_services_ref adds a reference, and returns services. NULL is accepted. */
struct koken_services *koken_services_ref(struct koken_services *services);

/* koken_services_unref ends one; with the last all services are ended, and the context. Returns NULL. */
struct koken_services *koken_services_unref(struct koken_services *services);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
