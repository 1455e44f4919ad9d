/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who goes on, and what goes wrong. Each strategy says for a step whether it wants to be asked there
 * (kn_sim_steps.next) and whom it takes; what is not the standard is written down.
 *
 * PCT (Burckhardt et al., 2010): random priorities, the highest runs, d - 1 changes at random steps. Spins
 * are not in that paper: who pauses, yields, or passes many points without waiting, goes to the lowest.
 */
#include "sched/sim/task.h"

#ifdef KN_SIM

#include "base/assert.h"

enum { SPINS_MAX = 4000, PAUSES_MAX = 16 };

/* What misfortunes may measure, ns. */
static const uint64_t delays[] = {1000, 20 * 1000, 300 * 1000, 2 * 1000 * 1000};

static uint64_t draw(struct sim *sim, uint64_t limit)
{
    return limit == 0 ? 0 : kn_random(&sim->rng) % limit;
}

static void draw_faults(struct sim *sim)
{
    static const uint32_t rates[] = {3, 20, 100, 1000};
    for (unsigned i = 0; i < KN_FAULT_COUNT_; i++) {
        bool is_taken = draw(sim, 2) == 0;
        uint32_t rate = rates[draw(sim, 4)];
        sim->rate[i] = (sim->plan->faults >> i & 1) && is_taken ? rate : 0;
    }
    /* Asked often, or hard: rarer. */
    sim->rate[KN_FAULT_ALLOC] *= 10;
    sim->rate[KN_FAULT_STALL] *= 10;
    sim->rate[KN_FAULT_CLOCK_JUMP] *= 10;
    sim->rate[KN_FAULT_HANDLER] *= 5;
    sim->rate[KN_FAULT_SLOW] *= 5;
    sim->rate[KN_FAULT_FULL] *= 2;
    sim->rate[KN_FAULT_SPURIOUS] += sim->rate[KN_FAULT_SPURIOUS] > 0; /* never each time */
}

void sim_choose_init(struct sim *sim)
{
    static const uint32_t gaps[] = {1, 4, 20, 100, 500};
    static const uint64_t ticks[] = {20, 50, 100, 400};
    const struct sim_plan *plan = sim->plan;
    KN_ASSERT(plan->length > 0);
    KN_ASSERT(plan->steps_max > 0);
    sim->mean_gap = gaps[draw(sim, 5)];
    sim->tick_ns = ticks[draw(sim, 4)];
    sim->base_ns = 1000 * 1000 * 1000 + draw(sim, 1000) * 999983;
    sim->grain_ns = 1;
    bool is_pct = draw(sim, 3) == 0;
    sim->strategy = plan->strategy;
    if (plan->strategy == KOKEN_SIM_MIXED) {
        sim->strategy = is_pct ? KOKEN_SIM_PCT : KOKEN_SIM_RANDOM;
    }
    draw_faults(sim);
    if (sim->rate[KN_FAULT_CLOCK_COARSE] != 0) {
        sim->grain_ns = delays[draw(sim, 3)];
        sim->base_ns -= sim->base_ns % sim->grain_ns;
    }
    sim->lowest = UINT32_C(1) << 30;
    sim->changes = plan->depth > 0 ? plan->depth - 1 : 0;
    sim->changes = sim->changes < SIM_DEPTH_MAX ? sim->changes : SIM_DEPTH_MAX;
    for (unsigned i = 0; i < sim->changes; i++) {
        uint64_t at = draw(sim, plan->length) + 1;
        unsigned j = i;
        for (; j > 0 && sim->change_at[j - 1] > at; j--) {
            sim->change_at[j] = sim->change_at[j - 1];
        }
        sim->change_at[j] = at;
    }
    if (plan->is_replay) {
        sim->strategy = KOKEN_SIM_EXHAUSTIVE;
    }
}

/* ---- writing down -------------------------------------------------------------------------- */

static void write_down(struct sim *sim, const struct sim_choice *choice)
{
    struct sim_result *result = sim->result;
    KN_ASSERT(choice->task < SIM_TASKS_MAX);
    KN_ASSERT(choice->kind < KN_FAULT_COUNT_);
    if (result->choice_count < SIM_CHOICES_MAX) {
        result->choices[result->choice_count++] = *choice;
    }
}

/* The standard when the running task cannot go on: the next one by number. NULL: none is ready. */
static struct task *standard(struct sim *sim)
{
    for (unsigned i = 1; i <= sim->task_count; i++) {
        struct task *task = &sim->tasks[(sim->running->id + i) % sim->task_count];
        if (task->state == TASK_READY) {
            return task;
        }
    }
    return NULL;
}

/* ---- whom ---------------------------------------------------------------------------------- */

static struct task *random_ready(struct sim *sim)
{
    struct task *ready[SIM_TASKS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < sim->task_count; i++) {
        if (sim->tasks[i].state == TASK_READY) {
            ready[count++] = &sim->tasks[i];
        }
    }
    KN_ASSERT(count <= sim->task_count);
    return count > 0 ? ready[draw(sim, count)] : NULL;
}

static struct task *highest_ready(struct sim *sim)
{
    struct task *best = NULL;
    for (unsigned i = 0; i < sim->task_count; i++) {
        struct task *task = &sim->tasks[i];
        if (task->state == TASK_READY && (best == NULL || task->priority > best->priority)) {
            best = task;
        }
    }
    return best;
}

static void lower(struct sim *sim, struct task *task)
{
    KN_ASSERT(sim->lowest > 0);
    task->priority = sim->lowest--;
    task->spins = 0;
}

/* The choice of a replayed schedule for this step, or NULL for the standard. */
static const struct sim_choice *replayed(struct sim *sim)
{
    const struct sim_plan *plan = sim->plan;
    while (sim->replayed < plan->choice_count) {
        const struct sim_choice *c = &plan->choices[sim->replayed];
        if (c->is_fault || c->at < kn_sim_steps.now) {
            sim->replayed++;
            continue;
        }
        return c->at == kn_sim_steps.now ? c : NULL;
    }
    return NULL;
}

static void plan_next_replayed(struct sim *sim)
{
    const struct sim_plan *plan = sim->plan;
    kn_sim_steps.next = sim->plan->steps_max;
    for (uint32_t i = sim->replayed; i < plan->choice_count; i++) {
        if (!plan->choices[i].is_fault && plan->choices[i].at > kn_sim_steps.now) {
            kn_sim_steps.next = plan->choices[i].at;
            return;
        }
    }
}

/* When the strategy wants to be asked again. */
static void plan_usual(struct sim *sim)
{
    uint64_t now = kn_sim_steps.now, next = sim->plan->steps_max;
    if (sim->strategy == KOKEN_SIM_RANDOM) {
        next = now + 1 + draw(sim, 2 * sim->mean_gap);
    } else if (sim->strategy == KOKEN_SIM_PCT) {
        next = now + 50 + draw(sim, 100); /* sleepers whose time has come, and spins */
        if (sim->next_change < sim->changes && sim->change_at[sim->next_change] < next) {
            next = sim->change_at[sim->next_change];
        }
    } else {
        plan_next_replayed(sim);
        return;
    }
    kn_sim_steps.next = next > now ? next : now + 1;
}

/* But earlier when somebody waits for a step. */
static void look_at_step(struct sim *sim)
{
    kn_sim_steps.next = sim->usual_next;
    if (sim->stepper != NULL && sim->step_at < sim->usual_next) {
        uint64_t now = kn_sim_steps.now;
        kn_sim_steps.next = sim->step_at > now ? sim->step_at : now + 1;
    }
}

static void plan_next(struct sim *sim)
{
    plan_usual(sim);
    sim->usual_next = kn_sim_steps.next;
    look_at_step(sim);
}

/*
 * At a point that came early: whether it was for a branch alone, so that the strategy is not to hear of it. In the
 * branch it is: there somebody is to go on now.
 */
static bool was_for_a_branch(struct sim *sim)
{
    bool is_early = sim->branch_stride > 0 && sim->stepper != NULL && kn_sim_steps.next > 0 &&
                    kn_sim_steps.now < sim->usual_next;
    if (!is_early || (kn_sim_steps.now >= sim->step_at && sim_branch(sim))) {
        return false;
    }
    look_at_step(sim);
    return true;
}

/* Who waits for a step that has come, or (is_last) when nobody else can go on; made ready. NULL: nobody. */
static struct task *take_stepper(struct sim *sim, bool is_last)
{
    struct task *stepper = sim->stepper;
    if (stepper == NULL || (!is_last && kn_sim_steps.now < sim->step_at)) {
        return NULL;
    }
    if (sim->branch_stride > 0 && !is_last && !sim_branch(sim)) {
        return NULL;
    }
    KN_ASSERT(stepper->state == TASK_WAITING);
    sim->stepper = NULL;
    stepper->state = TASK_READY;
    stepper->on = NULL;
    return stepper;
}

static struct task *choose_pct(struct sim *sim, bool can_stay, bool is_pause)
{
    struct task *self = sim->running;
    while (sim->next_change < sim->changes &&
           sim->change_at[sim->next_change] <= kn_sim_steps.now) {
        sim->next_change++;
        if (can_stay) {
            lower(sim, self);
        }
    }
    self->spins += is_pause ? SPINS_MAX / PAUSES_MAX : 100;
    if (can_stay && self->spins > SPINS_MAX) {
        lower(sim, self);
    }
    return highest_ready(sim);
}

/* The ready task that a choice names, by number or as the n-th but the running one. */
static struct task *named_by(struct sim *sim, const struct sim_choice *c)
{
    if (!(c->task & SIM_NTH_READY)) {
        bool is_ready = c->task < sim->task_count && sim->tasks[c->task].state == TASK_READY;
        return is_ready ? &sim->tasks[c->task] : NULL;
    }
    unsigned left = c->task & ~(unsigned)SIM_NTH_READY;
    for (unsigned i = 0; i < sim->task_count; i++) {
        struct task *task = &sim->tasks[i];
        if (task->state == TASK_READY && task != sim->running && left-- == 0) {
            return task;
        }
    }
    return NULL;
}

/* Asks the strategy; can_stay: the running task is ready too. NULL: nobody is. */
static struct task *choose(struct sim *sim, bool can_stay, bool is_pause)
{
    struct task *self = sim->running;
    if (kn_sim_steps.now >= sim->plan->steps_max) {
        sim_fail(sim, "no end within %llu steps", (unsigned long long)sim->plan->steps_max);
    }
    sim_wake_due(sim);
    struct task *stepper = take_stepper(sim, /* is_last= */ false);
    if (stepper != NULL) {
        plan_next(sim);
        return stepper;
    }
    struct task *usual = can_stay && !is_pause ? self : standard(sim), *chosen = usual;
    if (sim->strategy == KOKEN_SIM_RANDOM) {
        chosen = random_ready(sim);
    } else if (sim->strategy == KOKEN_SIM_PCT) {
        chosen = choose_pct(sim, can_stay, is_pause);
    } else {
        const struct sim_choice *c = replayed(sim);
        struct task *named = c != NULL ? named_by(sim, c) : NULL;
        sim->result->has_missed |= c != NULL && named == NULL;
        chosen = named != NULL ? named : usual;
    }
    KN_ASSERT(!can_stay || chosen != NULL);
    KN_ASSERT(chosen == NULL || chosen->state == TASK_READY);
    if (chosen != usual) {
        write_down(sim, &(struct sim_choice){.at = kn_sim_steps.now, .task = (uint16_t)chosen->id});
    }
    plan_next(sim);
    return chosen;
}

/* ---- the places that ask ------------------------------------------------------------------- */

/*
 * How long the running task is to stop here. Not a question like other misfortunes: how often the
 * simulator is asked depends on the strategy, so the choice is written down with its step.
 */
static uint64_t stall_here(struct sim *sim)
{
    uint32_t rate = sim->rate[KN_FAULT_STALL];
    uint64_t ns = 0;
    if (rate == 0) {
        return 0;
    }
    if (sim->plan->is_replay) {
        const struct sim_choice *c = replayed(sim);
        ns = c != NULL ? c->value : 0;
    } else if (draw(sim, rate) == 0) {
        ns = delays[draw(sim, sizeof delays / sizeof delays[0])];
    }
    if (ns != 0) {
        write_down(sim, &(struct sim_choice){.at = kn_sim_steps.now,
                                             .value = ns,
                                             .task = (uint16_t)sim->running->id,
                                             .kind = KN_FAULT_STALL});
        sim->result->faults[KN_FAULT_STALL]++;
        sim_tell(sim, "misfortune: %s", sim_fault_name(KN_FAULT_STALL));
    }
    return ns;
}

void sim_point(void *self, bool is_pause)
{
    struct sim *sim = self;
    if (!kn_sim_steps.is_on) {
        return;
    }
    KN_ASSERT(sim == kn_sim);
    KN_ASSERT(sim->running->state == TASK_READY);
    if (is_pause) {
        kn_sim_steps.now++;
    }
    if (!is_pause && was_for_a_branch(sim)) {
        return;
    }
    uint64_t stall = stall_here(sim);
    if (stall != 0) {
        sim_wait(sim, "time", NULL, sim_now(sim) + stall);
        return;
    }
    struct task *next = choose(sim, /* can_stay= */ true, is_pause);
    if (next != sim->running) {
        sim_switch_to(sim, next);
    }
}

/* The next task that looks at files again because others have moved since it looked. */
static struct task *ready_for_files(struct sim *sim)
{
    for (unsigned i = 0; i < sim->task_count; i++) {
        struct task *t = &sim->tasks[i];
        if (t->state == TASK_WAITING && t->looked_at != 0 && t->looked_at < sim->moves) {
            t->state = TASK_READY;
            return t;
        }
    }
    return NULL;
}

struct task *sim_choose_blocked(struct sim *sim)
{
    KN_ASSERT(sim->running->state != TASK_READY);
    KN_ASSERT(sim->moves > 0);
    sim->moves += sim->running->looked_at == 0;
    for (;;) { /* ends: somebody is ready, or the run fails */
        struct task *next = choose(sim, /* can_stay= */ false, /* is_pause= */ false);
        if (next != NULL) {
            return next;
        }
        next = ready_for_files(sim);
        if (next != NULL) {
            return next;
        }
        uint64_t first = KN_NEVER;
        for (unsigned i = 0; i < sim->task_count; i++) {
            struct task *task = &sim->tasks[i];
            if (task->state == TASK_WAITING && task->deadline_ns < first) {
                first = task->deadline_ns;
            }
        }
        next = first == KN_NEVER ? take_stepper(sim, /* is_last= */ true) : NULL;
        if (next != NULL) {
            return next;
        }
        if (first == KN_NEVER) {
            sim_fail(sim, "deadlock: every thread waits, and nothing can come");
        }
        KN_ASSERT(kn_sim_steps.is_on);
        uint64_t now = sim_now(sim), late = sim_ask(sim, KN_FAULT_TIMER_LATE);
        uint64_t leap = (first > now ? first - now : 0) + late;
        sim->leapt_ns += (leap + sim->grain_ns - 1) / sim->grain_ns * sim->grain_ns + sim->grain_ns;
        kn_sim_steps.now++;
    }
}

/* The replayed misfortune for this question, or 0. */
static uint64_t replayed_fault(struct sim *sim, enum kn_fault kind)
{
    const struct sim_plan *plan = sim->plan;
    while (sim->replayed_faults < plan->choice_count) {
        const struct sim_choice *c = &plan->choices[sim->replayed_faults];
        if (!c->is_fault || c->at < sim->questions) {
            sim->replayed_faults++;
            continue;
        }
        return c->at == sim->questions && c->kind == (uint8_t)kind ? c->value : 0;
    }
    return 0;
}

uint64_t sim_ask(void *self, enum kn_fault kind)
{
    struct sim *sim = self;
    KN_ASSERT(kind < KN_FAULT_COUNT_);
    if (!kn_sim_steps.is_on || sim->rate[kind] == 0) {
        return 0;
    }
    uint64_t value = 0;
    sim->questions++; /* in a replay the same, as the rates come from the seed alone */
    if (sim->plan->is_replay) {
        value = replayed_fault(sim, kind);
    } else if (draw(sim, sim->rate[kind]) == 0) {
        value = delays[draw(sim, sizeof delays / sizeof delays[0])];
    }
    if (value != 0) {
        write_down(sim, &(struct sim_choice){.at = sim->questions,
                                             .value = value,
                                             .task = (uint16_t)sim->running->id,
                                             .is_fault = 1,
                                             .kind = (uint8_t)kind});
        sim->result->faults[kind]++;
        sim_mix(sim, sim->questions << 8 | (uint64_t)kind);
        sim_tell(sim, "misfortune: %s", sim_fault_name((unsigned)kind));
    }
    return value;
}

#endif
