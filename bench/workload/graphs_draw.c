/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs drawn by chance: plain nodes, races and parallels over earlier ones, conditions, an exclusive resource. */
#include "bench/workload/graphs.h"

#include <string.h>

static const char *const tags[] = {"a", "b"};

/* A step of its own: where it runs, how often it fails, how long it takes. */
static void draw_step(struct load *load, struct graph_step *step)
{
    step->kind = load_below(load, 2) ? KOKEN_TEG_PERFORM : KOKEN_TEG_PURE;
    step->place = (enum koken_teg_place)load_below(load, KOKEN_TEG_PLACE_COUNT_);
    step->number = (int64_t)load_below(load, 3);
    step->is_cached = step->kind == KOKEN_TEG_PURE && step->place != KOKEN_TEG_ELSEWHERE &&
                      load_below(load, 2) == 0;
    if (!step->is_cached) {
        step->retries = (uint32_t)load_below(load, GRAPH_RETRIES + 1);
        step->fails =
            load_below(load, 3) ? 0 : (uint32_t)load_below(load, (uint64_t)step->retries + 2);
        step->has_undo = load_below(load, 3) == 0;
        step->has_bytes = step->place != KOKEN_TEG_ELSEWHERE && load_below(load, 3) == 0;
        step->is_exclusive = load_below(load, 4) == 0;
        step->is_later = load_below(load, 2) == 0;
    }
    if (step->place == KOKEN_TEG_ON_POOL && load_below(load, 2) == 0) {
        step->sleep_ns = load_below(load, KOKEN_US(300));
    }
    if (step->place == KOKEN_TEG_ON_WORKER && !step->is_cached && koken_sim_is_running()) {
        step->is_keeper = load_below(load, 16) == 0;
        step->job->has_keepers |= step->is_keeper;
    }
    step->has_timeout = step->job->has_timeouts && load_below(load, 2) == 0;
}

static void add_step(struct load *load, struct graph_step *step)
{
    struct graph_job *job = step->job;
    step->timeout_ns = 1 + load_below(load, KOKEN_US(300));
    uint64_t delay = load_below(load, 2) ? 0 : 1 + load_below(load, KOKEN_US(100));
    if (load_below(load, 8) == 0 && koken_sim_is_running()) {
        delay = GRAPH_LONG_DELAY;
    }
    struct koken_teg_effect effect = {
        .tag = tags[load_below(load, 2)],
        .kind = step->kind,
        .place = step->place,
        .run = graph_effect,
        .undo = step->has_undo ? graph_undo : NULL,
        .arg = step,
        .timeout_ns = step->has_timeout ? step->timeout_ns : KOKEN_NO_DEADLINE,
        .retries = step->retries,
        .retry_delay_ns = delay,
        .cost = load_below(load, 4) ? 0 : load_below(load, 100),
    };
    if (step->is_cached) {
        effect.tag = "cached";
        effect.run = graph_cached_effect;
        effect.arg = &step->number;
        effect.arg_size = sizeof step->number;
        effect.is_cached = true;
    }
    koken_teg_node node = koken_teg_add(job->teg, &effect);
    if (step->is_exclusive) {
        koken_teg_needs(job->teg, node, "seat");
    }
}

/* Links a step to one of the earlier ones that no race owns. */
static void draw_link(struct load *load, struct graph_job *job, struct graph_step *to)
{
    struct graph_step *from = &job->steps[load_below(load, to->index)];
    if (from->is_entrant || job->link_count == GRAPH_LINKS) {
        return;
    }
    for (uint32_t i = 0; i < job->link_count; i++) {
        if (job->links[i].from == from->index && job->links[i].to == to->index) {
            return;
        }
    }
    struct graph_link *link = &job->links[job->link_count++];
    *link = (struct graph_link){.from = from->index, .to = to->index};
    from->is_linked = true;
    if (load_below(load, 3) == 0) {
        link->is_control = true;
        link->when = (enum koken_teg_when)load_below(load, KOKEN_TEG_WHEN_COUNT_);
        link->operand = (int64_t)load_below(load, 3);
        from->is_handled |= link->when == KOKEN_TEG_IS_FAILED;
        koken_teg_link_when(job->teg, (koken_teg_node){from->index + 1},
                            (koken_teg_node){to->index + 1}, link->when, link->operand);
    } else {
        koken_teg_link(job->teg, (koken_teg_node){from->index + 1},
                       (koken_teg_node){to->index + 1});
    }
}

/* A race or a parallel over some of the earlier steps. False: there are none. */
static bool draw_group(struct load *load, struct graph_job *job, struct graph_step *step)
{
    koken_teg_node nodes[3];
    uint32_t count = 0;
    step->kind = load_below(load, 2) ? KOKEN_TEG_RACE : KOKEN_TEG_PARALLEL;
    for (uint32_t i = step->index; i-- > 0 && count < 3 && job->link_count < GRAPH_LINKS;) {
        struct graph_step *from = &job->steps[i];
        bool is_free =
            !from->is_entrant && from->kind != KOKEN_TEG_RACE && from->kind != KOKEN_TEG_PARALLEL;
        if (step->kind == KOKEN_TEG_RACE) {
            is_free = is_free && !from->is_linked && !from->is_exclusive && !from->is_cached;
        }
        if (is_free && load_below(load, 3) != 0) {
            from->is_linked = true;
            from->is_entrant = step->kind == KOKEN_TEG_RACE;
            from->number = from->is_entrant ? step->number : from->number;
            job->links[job->link_count++] = (struct graph_link){.from = i, .to = step->index};
            nodes[count++] = (koken_teg_node){i + 1};
        }
    }
    if (count == 0) {
        return false;
    }
    if (step->kind == KOKEN_TEG_RACE) {
        (void)koken_teg_race(job->teg, NULL, nodes, count);
    } else {
        (void)koken_teg_parallel(job->teg, NULL, nodes, count);
        step->number = (int64_t)count;
    }
    return true;
}

void graph_draw(struct load *load, struct graph_job *job)
{
    memset(job, 0, sizeof *job);
    job->teg = koken_teg_new();
    if (job->teg == NULL) {
        return;
    }
    job->count = 1 + (uint32_t)load_below(load, GRAPH_STEPS);
    job->has_timeouts = load_below(load, 3) == 0;
    job->is_calm = load->faults == 0 && koken_sim_is_running();
    job->options.failure = (enum koken_teg_failure)load_below(load, 2);
    job->options.undo = load_below(load, 2) == 0;
    job->options.observe = graph_observe;
    job->options.observe_arg = job;
    koken_teg_resource(job->teg, "seat", KOKEN_TEG_EXCLUSIVE, true);
    for (uint32_t i = 0; i < job->count; i++) {
        struct graph_step *step = &job->steps[i];
        step->job = job;
        step->index = i;
        step->number = (int64_t)load_below(load, 3);
        if (load_below(load, 6) == 0 && draw_group(load, job, step)) {
            continue;
        }
        draw_step(load, step);
        add_step(load, step);
        for (uint64_t links = i > 0 ? load_below(load, 4) : 0; links > 0; links--) {
            draw_link(load, job, step);
        }
    }
}
