/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a service is made once, ended in reverse order, made again after an end, and that errors are not kept. */
#include <koken/services.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { THREADS = 8 };

static kn_atomic(uint32_t) made;
static char story[16];
static int told;
static int fail_with;

static int make_engine(struct koken_services *services, void *arg, void **ret_service)
{
    (void)services;
    (void)arg;
    (void)kn_add(&made, 1, relaxed);
    kn_thread_yield();
    *ret_service = story;
    return 0;
}

static void tell(void *service, void *arg)
{
    (void)service;
    story[told++] = *(char *)arg;
}

static char names[] = "EC";
static const struct koken_service engine = {"engine", make_engine, tell, &names[0]};

static int make_cache(struct koken_services *services, void *arg, void **ret_service)
{
    (void)arg;
    return fail_with ? fail_with : koken_services_get(services, &engine, ret_service);
}

static const struct koken_service cache = {"cache", make_cache, tell, &names[1]};

static struct koken_services *make(void)
{
    struct koken_services *services;
    cr_assert_eq(koken_services_new(&services), 0);
    return services;
}

static void ask(void *arg)
{
    void *pointer = NULL;
    cr_assert_eq(koken_services_get(arg, &cache, &pointer), 0);
    cr_assert_eq(pointer, (void *)story);
    cr_assert_null(koken_services_unref(arg));
}

Test(services, one_is_made_whoever_asks)
{
    struct kn_thread threads[THREADS] = {0};
    struct koken_services *services = make();
    for (int i = 0; i < THREADS; i++) {
        struct koken_services *mine = koken_services_ref(services);
        cr_assert_eq(kn_thread_start(&threads[i], "ask", ask, mine), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&made, relaxed), 1);
    told = 0;
    cr_assert_eq(koken_services_end(services), 0);
    cr_assert_eq(told, 2);
    cr_assert_eq(story[0], 'C', "the last made first");
    cr_assert_eq(story[1], 'E');
    void *pointer;
    cr_assert_eq(koken_services_get(services, &engine, &pointer), 0, "made again");
    cr_assert_eq(kn_load(&made, relaxed), 2);
    cr_assert_null(koken_services_unref(services));
    cr_assert_eq(told, 3);
}

static int make_itself(struct koken_services *services, void *arg, void **ret_service)
{
    cr_assert_eq(koken_services_end(services), -EINVAL);
    return koken_services_get(services, arg, ret_service);
}

static struct koken_service egg = {"egg", make_itself, NULL, NULL};
static struct koken_service hen = {"hen", make_itself, NULL, &egg};

Test(services, errors_are_answered_and_not_kept)
{
    struct koken_services *services = make();
    void *pointer = NULL;
    egg.arg = &hen;
    cr_assert_eq(koken_services_get(services, &hen, &pointer), -EDEADLK);
    fail_with = -EPERM;
    cr_assert_eq(koken_services_get(services, &cache, &pointer), -EPERM);
    fail_with = 0;
    cr_assert_eq(koken_services_get(services, &cache, &pointer), 0);
    cr_assert_eq(koken_services_new(NULL), -EINVAL);
    cr_assert_eq(koken_services_get(NULL, &cache, &pointer), -EINVAL);
    cr_assert_eq(koken_services_get(services, NULL, &pointer), -EINVAL);
    cr_assert_eq(koken_services_get(services, &cache, NULL), -EINVAL);
    cr_assert_eq(koken_services_end(NULL), -EINVAL);
    cr_assert_null(koken_services_ref(NULL));
    cr_assert_null(koken_services_unref(NULL));
#ifdef KN_DEBUG
    struct koken_services *none;
    cr_assert_eq(koken_services_end(services), 0);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_services_get(services, &engine, &pointer), -ENOMEM);
    kn_alloc_fail_after(0);
    cr_assert_eq(koken_services_new(&none), -ENOMEM);
    kn_alloc_fail_after(UINT64_MAX);
#endif
    cr_assert_null(koken_services_unref(services));
}
