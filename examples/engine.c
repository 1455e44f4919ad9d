/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine: computations are submitted with priorities and keys. What was computed before comes from the cache, what is under
 * way is joined; work may wait for other work, on one worker too; what nobody wants any more is cancelled before it begins.
 */
#include <koken.h>

#include <stdio.h>

struct number {
    struct koken_engine *engine;
    uint64_t n;
};

static int fibonacci(koken_token token, void *arg, void *ret_value);

/* By its key all ask for the same number only once. */
static int submit(struct koken_engine *engine, uint64_t n, uint64_t *ret_id)
{
    struct number number = {engine, n};
    struct koken_work work = {.fn = fibonacci,
                              .arg = &number,
                              .arg_size = sizeof number,
                              .value_size = sizeof n,
                              .key = &n};
    return koken_engine_submit(engine, &work, ret_id);
}

static int fibonacci(koken_token token, void *arg, void *ret_value)
{
    const struct number *number = arg;
    uint64_t sum = number->n;
    (void)token;
    if (number->n >= 2) {
        uint64_t ids[2], values[2] = {0, 0};
        sum = 0;
        for (uint64_t i = 0; i < 2; i++) {
            int rc = submit(number->engine, number->n - 1 - i, &ids[i]);
            rc = rc < 0 ? rc : koken_engine_wait(number->engine, ids[i], KOKEN_S(10), &values[i]);
            if (rc < 0) {
                return rc;
            }
            sum += values[i];
        }
    }
    *(uint64_t *)ret_value = sum;
    return 0;
}

static int compute(struct koken_engine *engine)
{
    uint64_t id = 0, value = 0;
    int rc = submit(engine, 80, &id);
    rc = rc < 0 ? rc : koken_engine_wait(engine, id, KOKEN_S(10), &value);
    printf("fibonacci(80) is %llu\n", (unsigned long long)value);
    rc = rc < 0 ? rc : submit(engine, 80, &id);
    rc = rc < 0 ? rc : koken_engine_wait(engine, id, KOKEN_S(10), &value);
    struct koken_engine_stats stats = {0};
    rc = rc < 0 ? rc : koken_engine_stats_get(engine, &stats);
    printf("%llu numbers were computed, the last answer came from the cache\n",
           (unsigned long long)stats.done);
    rc = rc < 0 ? rc : koken_engine_stop(engine);
    printf("after the end: %s\n", koken_errname(submit(engine, 90, &id)));
    return rc;
}

int main(void)
{
    struct koken *rt;
    struct koken_engine *engine = NULL;
    struct koken_engine_options options = {
        .cache_entries = 128, .key_size = sizeof(uint64_t), .cached_size = sizeof(uint64_t)};
    if (koken_start(NULL, &rt) < 0) {
        return 1;
    }
    int rc = koken_engine_new(rt, &options, &engine);
    rc = rc < 0 ? rc : compute(engine);
    koken_engine_free(engine);
    int stopped = koken_stop(rt, KOKEN_S(10));
    return rc < 0 || stopped < 0;
}
