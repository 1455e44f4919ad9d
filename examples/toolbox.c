/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The toolbox in a few lines: a group works on five items in parallel, at most four at once; a number goes through a bounded queue; a
 * pool of memory that fits best lends a buffer; and what is needed lazily is made once, whoever asks first.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int process(void *arg, size_t index)
{
    const uint32_t *items = arg;
    printf("Processing: %" PRIu32 "\n", items[index]);
    return 0;
}

static int in_parallel(struct koken *rt)
{
    uint32_t items[] = {1, 2, 3, 4, 5};
    const struct koken_group_options options = {.max_threads = 4};
    struct koken_group *group;
    int rc = koken_group_new(rt, &options, &group);
    if (rc == 0) {
        rc = koken_for_each(group, 5, process, items);
        koken_group_free(group);
    }
    return rc;
}

static int through_a_queue(void)
{
    struct koken_queue *queue;
    uint32_t sent = 42, received;
    int rc = koken_queue_new(100, sizeof sent, &queue);
    if (rc == 0) {
        rc = koken_queue_push(queue, &sent);
        rc = rc == 0 ? koken_queue_pop(queue, &received) : rc;
        if (rc == 0) {
            printf("Received: %" PRIu32 "\n", received);
        }
        koken_queue_free(queue);
    }
    return rc;
}

static int make_pool(struct koken_services *services, void *arg, void **ret_service)
{
    const struct koken_memory_options options = {.strategy = KOKEN_FIT_BEST, .auto_defrag = true};
    struct koken_memory *pool = NULL;
    (void)services;
    (void)arg;
    int rc = koken_memory_new(&options, &pool);
    *ret_service = pool;
    return rc;
}

static void free_pool(void *service, void *arg)
{
    (void)arg;
    koken_memory_free(service);
}

/* The pool is made by who asks first, and ends with the services. */
static int from_a_pool(struct koken_services *services)
{
    static const struct koken_service memory = {
        .name = "memory", .make = make_pool, .end = free_pool};
    void *pool;
    int rc = koken_services_get(services, &memory, &pool);
    if (rc == 0) {
        void *buffer = koken_memory_alloc(pool, 32768);
        if (!buffer) {
            return -1;
        }
        memset(buffer, 0, 32768);
        rc = koken_memory_release(pool, buffer);
    }
    return rc;
}

int main(void)
{
    struct koken_services *services;
    struct koken *rt;
    int rc = koken_start(NULL, &rt);
    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    rc = in_parallel(rt);
    rc = rc == 0 ? through_a_queue() : rc;
    if (rc == 0) {
        rc = koken_services_new(&services);
        if (rc == 0) {
            rc = from_a_pool(services);
            (void)koken_services_unref(services);
        }
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
