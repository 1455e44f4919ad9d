/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous calls: two mirrors are asked for the same page at once, and the first answer counts; a third task is given up when
 * its time is over; the rest is cancelled with the set. The functions wait in plain C, and hold no worker.
 */
#include <koken.h>

#include <stdio.h>

struct mirror {
    const char *name;
    uint64_t takes_ns;
};

static int fetch(koken_ctx *ctx, void *arg, void *ret_value)
{
    const struct mirror *mirror = arg;
    int rc =
        koken_sleep(ctx, mirror->takes_ns); /* -ECANCELED as soon as nobody wants it any more */
    if (rc == 0) {
        *(const char **)ret_value = mirror->name;
    }
    return rc;
}

static struct koken_future *start(struct koken_async *async, struct mirror *mirror,
                                  uint64_t timeout_ns)
{
    struct koken_future *page = NULL;
    struct koken_task task = {
        .fn = fetch, .arg = mirror, .value_size = sizeof(const char *), .timeout_ns = timeout_ns};
    return koken_async_run(async, &task, &page) < 0 ? NULL : page;
}

static int ask(struct koken_async *async)
{
    struct mirror near = {"near", KOKEN_MS(5)}, far = {"far", KOKEN_S(3600)};
    struct koken_future *pages[] = {start(async, &far, 0), start(async, &near, 0)}, *first = NULL;
    struct koken_future *late = start(async, &far, KOKEN_MS(5));
    const char *name = NULL;
    int rc = koken_future_race(pages, 2, &first);
    rc = rc < 0 ? rc : koken_future_wait(first, KOKEN_S(5), &name);
    printf("the first page came from the %s mirror, number %zu\n", rc < 0 ? "?" : name,
           koken_future_index(first));
    printf("the third ended with %s\n", koken_errname(koken_future_join(late, KOKEN_S(5))));
    rc = rc < 0 ? rc : koken_async_cancel(async);
    printf("the slow mirror ended with %s\n",
           koken_errname(koken_future_join(pages[0], KOKEN_S(5))));
    koken_future_drop(first);
    koken_future_drop(late);
    koken_future_drop(pages[0]);
    koken_future_drop(pages[1]);
    return rc;
}

int main(void)
{
    struct koken *rt;
    struct koken_async *async;
    if (koken_start(NULL, &rt) < 0) {
        return 1;
    }
    int rc = koken_async_new(rt, NULL, &async);
    if (rc == 0) {
        struct koken_async_stats stats;
        rc = ask(async);
        int ended = koken_async_wait(async, KOKEN_S(5));
        rc = rc < 0 ? rc : ended;
        (void)koken_async_stats_get(async, &stats);
        printf("%d started, %d done, %d cancelled\n", (int)stats.started, (int)stats.done,
               (int)stats.cancelled);
        koken_async_free(async);
    }
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
