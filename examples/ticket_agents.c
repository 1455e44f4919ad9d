/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ticket that cannot be transferred twice. The box office and the door are agents that run programs of the
 * register machine. The office makes a ticket, which is linear: used exactly once. It leaves the office in a
 * parcel and enters the door's machine; the office has it no more. Somebody copies the parcel's bytes, as bytes
 * can be copied: the two share a ledger, and the copy is refused.
 */
#include <koken.h>

#include <stdio.h>
#include <string.h>

static const char make[] = "const r0, type int\n"
                           "const r1, 7\n"
                           "alloc r0, r1, r2\n"; /* r2 holds ticket 7 */
static const char send[] = "move r2, r3\n";
static const char enter[] = "consume r1, r2\n"
                            "return r2\n";

/* Runs a text and says how it went. */
static struct koken_task *run(struct koken *rt, const char *who, koken_ref executor,
                              const char *text, struct koken_task_options *options)
{
    struct koken_task *task = NULL;
    int rc = koken_task_start_bytes(executor, text, strlen(text), options, &task);
    rc = rc < 0 ? rc : koken_task_wait(rt, task, KOKEN_S(10));
    if (rc < 0) {
        printf("%s: %s\n", who, koken_strerror(rc));
        koken_task_free(task);
        return NULL;
    }
    if (koken_task_status(task) == 0) {
        printf("%s: done, %s\n", who, koken_task_text(task));
    } else {
        printf("%s: refused, %s\n", who,
               koken_machine_code_name(koken_task_result(task)->error.code));
    }
    return task;
}

static void play(struct koken *rt, koken_ref office, koken_ref door)
{
    struct koken_task_options none = {0}, leave = {.out_count = 1, .out = {3}};
    koken_task_free(run(rt, "office makes a ticket ", office, make, &none));
    struct koken_task *sale = run(rt, "office sends it       ", office, send, &leave);
    struct koken_parcel *ticket = sale ? koken_task_parcel(sale, 0) : NULL, *copy;
    size_t size;
    koken_task_free(sale);
    koken_task_free(run(rt, "office sends it again ", office, send, &leave));
    const void *bytes = ticket ? koken_parcel_bytes(ticket, &size) : NULL;
    if (bytes && koken_parcel_of_bytes(bytes, size, &copy) == 0) {
        struct koken_task_options first = {.in_count = 1, .in = {{1, ticket}}};
        koken_task_free(run(rt, "door takes the ticket ", door, enter, &first));
        struct koken_task_options second = {.in_count = 1, .in = {{1, copy}}};
        koken_task_free(run(rt, "door takes its copy   ", door, enter, &second));
        koken_parcel_free(first.in[0].parcel); /* NULL, unless the task was not accepted */
        koken_parcel_free(second.in[0].parcel);
    } else {
        koken_parcel_free(ticket);
    }
}

int main(void)
{
    struct koken_executor_config config = {.machine.keeps_state = true}; /* sessions */
    struct koken_executor_stats stats;
    koken_ref both[2];
    struct koken *rt;
    int rc = koken_start(NULL, &rt);
    if (rc < 0) {
        return 1;
    }
    rc = koken_executor_pool(rt, &config, 2, both);
    if (rc == 0) {
        play(rt, both[0], both[1]);
        rc = koken_executor_collect(rt, both, 2, KOKEN_S(10), &stats);
    }
    if (rc == 0) {
        printf("tickets made: %d, used: %d\n", (int)stats.resources_made,
               (int)stats.resources_consumed);
    }
    int stopped = koken_stop(rt, KOKEN_S(10));
    return rc < 0 || stopped < 0;
}
