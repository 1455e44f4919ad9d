/* SPDX-License-Identifier: Apache-2.0 */
/* What all workloads share: the runtime around them, and what holds whatever they do. */
#include "bench/workload/workload.h"

#include "sched/sim/sim.h"

#include <errno.h>
#include <string.h>

const struct workload workloads[] = {
    {"mesh", "messages at random between a few agents, some of them killed (P1 to P4)", load_mesh,
     NULL},
    {"fan_in", "many senders, one receiver, every policy of full mailboxes (P1, P3)", load_fan_in,
     NULL},
    {"churn", "agents that beget and stop each other (P5)", load_churn, load_churn_after},
    {"ask", "requests of threads, fibers and handlers, with deadlines (P9)", load_ask, NULL},
    {"timers", "timers armed and cancelled at random (P8)", load_timers, NULL},
    {"family", "supervisors, monitors and links over agents that fail (P13)", load_family, NULL},
    {"pipes", "fibers that wait for files", load_pipes, NULL},
    {"fibers", "fibers that receive, sleep and block, and are cancelled (P1, P3)", load_fibers,
     NULL},
    {"names", "names, groups, and waiting for room (P1)", load_names, NULL},
    {"links", "linked agents that fail, and a runtime that stops beside (P13)", load_links, NULL},
    {"agree", "votes, leases, gossip and waves among members that are killed", load_agree,
     load_agree_after},
    {"channels", "fibers and handlers in channels and selects, stopped anywhere (P1, P7, P14)",
     load_channels, load_channels_after},
    {"graphs", "task effect graphs whose nodes fail, time out, are undone and cancelled (P5, P8)",
     load_graphs, load_graphs_after},
    {"tickets", "linear values among executors that are stopped anywhere: each is used once",
     load_tickets, NULL},
    {"fair", "agents that would keep others from running, and those others (P6)", load_fair, NULL},
    {"futures", "futures, tasks, groups, pipelines, an engine, cancelled anywhere (P7, P14)",
     load_futures, load_futures_after},
    {NULL, NULL, NULL, NULL},
};

void load_sleep(uint64_t ns)
{
    kn_atomic(uint32_t) word = 0;
    uint64_t deadline = kn_now() + ns;
    while (kn_futex_wait(&word, 0, deadline) != -ETIMEDOUT) { /* ends: at the deadline */
    }
}

/* ---- deaths at each step ------------------------------------------------------------------------ */

uint64_t workload_deaths_every;

#ifdef KN_SIM

/* Of one run at a time, as a simulator's are. */
static struct doom {
    struct load *load;
    koken_ref who[LOAD_MORTALS_MAX];
    size_t count;
} doom;

static void reap(void *arg)
{
    struct doom *d = arg;
    if (sim_branch_at_steps(1, workload_deaths_every) != 0) {
        d->load->has_death = true;
        (void)!koken_exit(d->who[koken_sim_random(d->count)]);
    }
}

void load_doom(struct load *load, const koken_ref *who, size_t count)
{
    KOKEN_SIM_CHECK(count > 0 && count <= LOAD_MORTALS_MAX && !load->is_doomed);
    if (workload_deaths_every > 0 && koken_sim_is_running()) {
        memcpy(doom.who, who, count * sizeof *who);
        doom.count = count;
        doom.load = load;
        load->is_doomed = koken_sim_thread(reap, &doom, &load->reaper) == 0;
    }
}

#else

void load_doom(struct load *load, const koken_ref *who, size_t count)
{
    (void)load;
    (void)who;
    (void)count;
}

#endif

bool load_settle(struct load *load)
{
    if (load->is_cut) {
        load_sleep(load_below(load, KOKEN_US(300)));
        return false;
    }
    int rc = koken_drain(load->rt, KOKEN_NO_DEADLINE);
    KOKEN_SIM_CHECK(rc == 0);
    return true;
}

/* Options by chance: small numbers, so that bounds are met. */
static struct koken_options draw_options(struct load *load)
{
    return (struct koken_options){
        .workers = 1 + (unsigned)load_below(load, 4),
        .exact_workers = true,
        .mailbox_capacity = load_below(load, 2) ? 0 : 2 + (uint32_t)load_below(load, 30),
        .budget = load_below(load, 2) ? 0 : 1 + (uint32_t)load_below(load, 8),
        .no_spin = load_below(load, 2) == 0,
        .no_lifo = load_below(load, 4) == 0,
        .no_stealing = load_below(load, 4) == 0,
        .stack_size = 32 * 1024,
        .seed = load_below(load, UINT32_MAX) + 1,
    };
}

/*
 * P1: after a drain every accepted message is accounted for. A timer may wake an agent after the drain and before
 * the look; then it is looked at again.
 */
static void check_balance(struct load *load)
{
    struct koken_metrics m;
    bool is_balanced = false;
    for (unsigned i = 0; i < load_looks(50) && !is_balanced; i++) {
        int rc = koken_drain(load->rt, KOKEN_NO_DEADLINE);
        KOKEN_SIM_CHECK(rc == 0);
        koken_metrics(load->rt, &m);
        is_balanced = m.sent == m.received + m.dropped + m.dead;
        if (!is_balanced) {
            load_sleep(KOKEN_MS(1));
        }
    }
    KOKEN_SIM_CHECK(is_balanced);
    KOKEN_SIM_CHECK(m.spawned >= m.exited);
    KOKEN_SIM_CHECK(m.exited >= m.failed);
}

/* P11: a stop ends by its deadlines and says whom it cut short. */
static int stop(struct load *load)
{
    struct koken_stop_plan plan = {
        .drain_ns = load->is_cut || load_below(load, 3) == 0 ? load_below(load, 2) * KOKEN_US(200)
                                                             : KOKEN_S(10),
        .cancel_ns = load->is_killed ? 0 : KOKEN_S(100),
        .kill_ns = KOKEN_S(100),
    };
    struct koken_stop_report report;
    uint64_t before = koken_now();
    int rc = koken_stop_with(load->rt, &plan, &report);
    uint64_t took = koken_now() - before;
    KOKEN_SIM_CHECK(took <= plan.drain_ns + plan.cancel_ns + plan.kill_ns + KOKEN_S(1));
    /* Without memory some could not be asked. */
    KOKEN_SIM_CHECK(report.killed == 0 || load->is_killed || (load->faults & KOKEN_SIM_ALLOC));
    return rc;
}

int workload_run(const struct workload *workload, uint64_t seed, unsigned scale)
{
    struct load load = {.rng = kn_random_seed(seed), .scale = scale, .faults = koken_sim_faults()};
    struct koken_options options = draw_options(&load);
    int rc = koken_start(&options, &load.rt);
    if (rc < 0) {
        bool is_excused = (load.faults & (KOKEN_SIM_ALLOC | KOKEN_SIM_THREAD)) != 0;
        return is_excused && (rc == -ENOMEM || rc == -EAGAIN) ? 0 : rc;
    }
    load.is_cut = load_below(&load, 4) == 0;
    workload->run(&load);
    if (!load.is_cut && load_below(&load, 4) != 0) {
        check_balance(&load);
    }
    rc = stop(&load);
    if (load.is_doomed) {
        koken_sim_join(load.reaper);
    }
    if (workload->after != NULL) {
        workload->after(&load);
    }
    return rc;
}
