/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutants: every atomic access that the scenarios execute is weakened in each way its kind allows, one
 * at a time, and so is each KN_MUTANT(n) in the sources. A mutant that no scenario notices has survived:
 * then test/model/MUTANTS.md must say why nobody could. Each runs in a process of its own, which may
 * crash.
 */
#include "test/model/lib/inside.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_EACH = 20, MUTANTS_MAX = 64 };

struct mutant model_mutant;
struct kn_site *kn_sites;
static bool numbers[MUTANTS_MAX]; /* KN_MUTANT(n) that the scenarios reach */

const char *order_name(enum kn_mo order)
{
    static const char *const names[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};
    return names[order];
}

void know_site(struct kn_site *site)
{
    if (!site->is_known) {
        site->is_known = true;
        site->next = kn_sites;
        kn_sites = site;
    }
}

bool kn_model_mutant(int n)
{
    if (n >= 0 && n < MUTANTS_MAX) {
        numbers[n] = true;
    }
    return model_mutant.kind == MUTATION_NONE && model_mutant.number == n && n != 0;
}

/* Without its light fence, a function's relaxed stores may come after what follows them. */
bool is_mutated(const struct kn_site *site, enum mutation kind)
{
    const struct kn_site *target = model_mutant.site;
    if (!target || model_mutant.kind == MUTATION_NONE) {
        return false;
    }
    if (kind == MUTATION_LATE && model_mutant.kind == MUTATION_DROP &&
        target->op == KN_OP_FENCE_LIGHT) {
        return strcmp(site->file, target->file) == 0 && strcmp(site->func, target->func) == 0 &&
               site->line < target->line && target->line - site->line < 4;
    }
    return site == target && model_mutant.kind == kind;
}

/* 0: survived, 1: killed, 2: killed by a crash, 3: by running for ever. */
static int try_mutant(const struct kn_scenario *scenarios)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_EACH);
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) {
            _exit(0);
        }
        _exit(explore_all(scenarios, /* is_quiet= */ true) ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        return 0;
    }
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGALRM ? 3 : 2;
    }
    return WEXITSTATUS(status);
}

static const char *const verdicts[] = {"survived", "killed", "killed (crash)", "unfinished"};

static const char *op_name(const struct kn_site *site)
{
    static const char *const names[] = {"load",  "store",       "rmw",        "cas",
                                        "fence", "light fence", "membarrier", "wake"};
    return names[site->op];
}

static unsigned tried, survived;

static void judge(const struct kn_scenario *scenarios, const char *change)
{
    const struct kn_site *site = model_mutant.site;
    if (model_mutant.kind == MUTATION_ORDER) {
        model_mutant.site->now = model_mutant.order;
    } else if (model_mutant.kind == MUTATION_ORDER_FAIL) {
        model_mutant.site->now_fail = model_mutant.order;
    }
    model_mutant.distance = 1;
    int verdict = try_mutant(scenarios);
    if (verdict == 0 && model_mutant.kind == MUTATION_LATE) { /* an assertion may lie between */
        model_mutant.distance = 2;
        verdict = try_mutant(scenarios);
    }
    model_mutant.site->now = site->order;
    model_mutant.site->now_fail = site->order_fail;
    const char *file = strstr(site->file, "koken/") ? strstr(site->file, "koken/") : site->file;
    for (const char *p = file; (p = strchr(p, '/')) != NULL; p++) {
        static const char *const floors[] = {"/base/",  "/caps/",   "/mailbox/",
                                             "/sched/", "/actors/", "/orchestration/"};
        for (unsigned i = 0; i < sizeof floors / sizeof floors[0]; i++) {
            if (strncmp(p, floors[i], strlen(floors[i])) == 0) {
                file = p + 1;
            }
        }
    }
    printf("%s | %s | %s %s | %s | %s\n", file, site->func, op_name(site), site->text, change,
           verdicts[verdict]);
    tried++;
    survived += verdict == 0 || verdict == 3;
}

static void weaken(const struct kn_scenario *scenarios, enum mutation kind, enum kn_mo order)
{
    char change[64];
    model_mutant.kind = kind;
    model_mutant.order = order;
    snprintf(change, sizeof change, "%s%s", kind == MUTATION_ORDER_FAIL ? "on failure " : "",
             order_name(order));
    judge(scenarios, change);
}

static void change(const struct kn_scenario *scenarios, enum mutation kind, const char *what)
{
    model_mutant.kind = kind;
    judge(scenarios, what);
}

static void mutate_order(const struct kn_scenario *scenarios, const struct kn_site *site)
{
    bool is_load = site->op == KN_OP_LOAD, is_store = site->op == KN_OP_STORE;
    switch (site->order) {
    case KN_MO_relaxed: break;
    case KN_MO_acquire:
    case KN_MO_release: weaken(scenarios, MUTATION_ORDER, KN_MO_relaxed); break;
    case KN_MO_acq_rel:
        weaken(scenarios, MUTATION_ORDER, KN_MO_acquire);
        weaken(scenarios, MUTATION_ORDER, KN_MO_release);
        break;
    case KN_MO_seq_cst:
        weaken(scenarios, MUTATION_ORDER,
               is_load    ? KN_MO_acquire
               : is_store ? KN_MO_release
                          : KN_MO_acq_rel);
        break;
    }
}

static void mutate_site(const struct kn_scenario *scenarios, struct kn_site *site)
{
    model_mutant.site = site;
    switch (site->op) {
    case KN_OP_LOAD: mutate_order(scenarios, site); break;
    case KN_OP_STORE:
        mutate_order(scenarios, site);
        change(scenarios, MUTATION_LATE, "swapped with what follows");
        break;
    case KN_OP_CAS:
        if (site->order_fail != KN_MO_relaxed) {
            weaken(scenarios, MUTATION_ORDER_FAIL, KN_MO_relaxed);
        }
        __attribute__((fallthrough));
    case KN_OP_RMW:
        mutate_order(scenarios, site);
        change(scenarios, MUTATION_TORN, "load, then store");
        break;
    case KN_OP_FENCE:
    case KN_OP_FENCE_LIGHT:
    case KN_OP_MEMBARRIER:
    case KN_OP_WAKE: change(scenarios, MUTATION_DROP, "left out"); break;
    }
    model_mutant = (struct mutant){0};
}

static int compare_sites(const void *a, const void *b)
{
    const struct kn_site *x = *(struct kn_site *const *)a, *y = *(struct kn_site *const *)b;
    int by_file = strcmp(x->file, y->file);
    return by_file ? by_file : (x->line > y->line) - (x->line < y->line);
}

int run_mutants(const struct kn_scenario *scenarios)
{
    static struct kn_site *sites[512];
    unsigned count = 0;
    if (!explore_all(scenarios, /* is_quiet= */ true)) {
        printf("the sources fail without a mutation: run without --mutants\n");
        return 1;
    }
    for (struct kn_site *site = kn_sites; site && count < 512; site = site->next) {
        sites[count++] = site;
    }
    qsort(sites, count, sizeof sites[0], compare_sites);
    for (unsigned i = 0; i < count; i++) {
        if (!strstr(sites[i]->file, "test/model/") &&
            (sites[i]->is_shared || sites[i]->op > KN_OP_CAS)) {
            mutate_site(scenarios, sites[i]);
        }
    }
    for (int n = 1; n < MUTANTS_MAX; n++) {
        if (numbers[n]) {
            model_mutant = (struct mutant){.number = n};
            int verdict = try_mutant(scenarios);
            printf("KN_MUTANT(%d) | | | see MUTANTS.md | %s\n", n, verdicts[verdict]);
            tried++;
            survived += verdict == 0 || verdict == 3;
        }
    }
    printf("%u mutants, %u killed, %u not\n", tried, tried - survived, survived);
    return 0;
}
