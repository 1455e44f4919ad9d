/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline of a group: lines are read by one, squared by as many as there are workers, and written in the order in which they
 * were read; no more than four are under way. With keep_going an item that fails is lost alone; the drop function gets it.
 */
#include <koken.h>

#include <errno.h>
#include <stdio.h>

struct line {
    int number;
    long square;
};

struct source {
    int last, lost;
};

static int read_line(void *arg, void *ret_item)
{
    struct source *source = arg;
    struct line *line = ret_item;
    line->number = ++source->last;
    return line->number <= 8;
}

static int square(void *arg, void *item)
{
    struct line *line = item;
    (void)arg;
    line->square = (long)line->number * line->number;
    return line->number == 5 ? -EPROTO : 0; /* this one is bad */
}

static int write_line(void *arg, void *item)
{
    const struct line *line = item;
    (void)arg;
    printf("%d squared is %ld\n", line->number, line->square);
    return 0;
}

static void count_lost(void *arg, void *item)
{
    struct source *source = arg;
    (void)item; /* it owns nothing */
    source->lost++;
}

int main(void)
{
    struct koken *rt;
    struct koken_group *group = NULL;
    const struct koken_stage stages[] = {{.fn = square}, {.fn = write_line, .in_order = true}};
    struct source source = {0, 0};
    uint64_t done = 0;
    struct koken_pipeline pipeline = {.next = read_line,
                                      .drop = count_lost,
                                      .arg = &source,
                                      .stages = stages,
                                      .stage_count = 2,
                                      .item_size = sizeof(struct line),
                                      .items_max = 4,
                                      .ret_done = &done};
    if (koken_start(NULL, &rt) < 0) {
        return 1;
    }
    int rc = koken_group_new(rt, &(struct koken_group_options){.keep_going = true}, &group);
    rc = rc < 0 ? rc : koken_pipeline_run(group, &pipeline);
    printf("%llu came through, %d was lost, the first error was %s\n", (unsigned long long)done,
           source.lost, koken_errname(rc));
    koken_group_free(group);
    int stopped = koken_stop(rt, KOKEN_S(10));
    return rc != -EPROTO || stopped < 0;
}
