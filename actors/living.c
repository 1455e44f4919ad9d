/* SPDX-License-Identifier: Apache-2.0 */
/* See living.h. */
#include "actors/living.h"

#include "actors/agent.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* rank 80 */
static struct koken *living;                             /* (m) lock: linked by next_living */
static bool is_orphan;                                   /* (m) lock */
static bool is_watching;                                 /* (m) lock: forks */

/* Around a fork, so that the child has a lock that is free and a list that is whole. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    is_orphan = is_orphan || living;
    pthread_mutex_unlock(&lock);
}

struct koken *kn_living_first(void)
{
    return living;
}

int kn_living_check(void)
{
    pthread_mutex_lock(&lock);
    int rc = is_orphan ? -ENOTSUP : 0;
    pthread_mutex_unlock(&lock);
    return rc;
}

int kn_living_enter(struct koken *rt)
{
    int rc = 0;
    KOKEN_CHECK(rt != NULL);
    pthread_mutex_lock(&lock);
    if (!is_watching) {
        rc = pthread_atfork(before_fork, in_parent, in_child) == 0 ? 0 : -ENOMEM;
        is_watching = rc == 0;
    }
    rc = is_orphan ? -ENOTSUP : rc;
    if (rc == 0) {
        rt->next_living = living;
        rt->is_claimed = false;
        living = rt;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* What leads to rt, or to the end. Under the lock; rt itself is not touched. */
static struct koken **find(const struct koken *rt)
{
    struct koken **link = &living;
    while (*link && *link != rt) { /* ends: the list is finite */
        link = &(*link)->next_living;
    }
    return link;
}

int kn_living_claim(struct koken *rt)
{
    int rc = -EINVAL;
    pthread_mutex_lock(&lock);
    if (is_orphan) {
        rc = -ENOTSUP;
    } else if (*find(rt)) {
        rc = rt->is_claimed ? -EBUSY : 0;
        rt->is_claimed = true;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void kn_living_leave(struct koken *rt)
{
    pthread_mutex_lock(&lock);
    struct koken **link = find(rt);
    KOKEN_CHECK(*link == rt);
    KOKEN_CHECK(rt->is_claimed);
    *link = rt->next_living;
    pthread_mutex_unlock(&lock);
}

void kn_living_unclaim(struct koken *rt)
{
    pthread_mutex_lock(&lock);
    KOKEN_CHECK(*find(rt) == rt);
    KOKEN_CHECK(rt->is_claimed);
    rt->is_claimed = false;
    pthread_mutex_unlock(&lock);
}
