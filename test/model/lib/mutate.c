/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutants: every atomic access that the scenarios execute is weakened in each way its kind allows, one
 * at a time, and so is each KN_MUTANT(n) in the sources. A mutant that no scenario notices has survived:
 * then test/model/MUTANTS.md must say why nobody could. Each runs in a process of its own, which may
 * crash.
 *
 * With the files of what is known (mutants.py), only what it takes to see that it still holds is run: a mutant
 * that is explained, or that another model kills, not at all; one that this model kills, first in the scenario
 * that did.
 */
#include "test/model/lib/inside.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_EACH = 20, MUTANTS_MAX = 64, SCENARIOS_MAX = 64, KILLED = 4, KNOWN_MAX = 1 << 18 };

/* So many interleavings of each scenario, then so many: most mutants die early. */
static const unsigned limits[] = {200, 2000, 12 * 1000};

struct mutant model_mutant;
struct kn_site *kn_sites;
static bool numbers[MUTANTS_MAX]; /* KN_MUTANT(n) that the scenarios reach */
static const struct kn_scenario
    *by_success[SCENARIOS_MAX + 1]; /* the last that has killed comes first */
static const char *this_model;
static char known[KNOWN_MAX]; /* the files of what is known */

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

/* The scenario that notices, or -1: none. */
static int noticed_by(void)
{
    for (unsigned k = 0; k < sizeof limits / sizeof limits[0]; k++) {
        for (int i = 0; by_success[i]; i++) {
            if (!explore_quietly(by_success[i], limits[k])) {
                return i;
            }
        }
    }
    return -1;
}

static void to_front(unsigned i)
{
    const struct kn_scenario *s = by_success[i];
    memmove(by_success + 1, by_success, i * sizeof s);
    by_success[0] = s;
}

/* 0: survived, 1: by a crash, 2: by running for ever; from KILLED on: killed, by the scenario that is now first. */
static int try_mutant(void)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_EACH);
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) {
            _exit(0);
        }
        int i = noticed_by();
        _exit(i < 0 ? 0 : KILLED + i);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        return 0;
    }
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGALRM ? 2 : 1;
    }
    if (WEXITSTATUS(status) >= KILLED) {
        to_front((unsigned)(WEXITSTATUS(status) - KILLED));
    }
    return WEXITSTATUS(status);
}

static const char *verdict_of(int verdict)
{
    static const char *const verdicts[] = {"survived", "killed (crash)", "unfinished"};
    return verdict >= KILLED ? "killed" : verdicts[verdict];
}

static bool read_known(char *const *files)
{
    size_t length = 0;
    for (; files && *files; files++) {
        FILE *file = fopen(*files, "r");
        if (!file) {
            perror(*files);
            return false;
        }
        length += fread(known + length, 1, KNOWN_MAX - 1 - length, file);
        fclose(file);
        KOKEN_CHECK(length < KNOWN_MAX - 1);
    }
    return true;
}

/*
 * What is known of a mutant: a line "KEY | model | scenario" says who killed it, MUTANTS.md that it is equivalent.
 * True: it need not be tried here.
 */
static bool is_settled(const char *key)
{
    char text[512];
    snprintf(text, sizeof text, "\n%s | ", key);
    const char *at = strstr(known, text);
    if (at) {
        char scenario[128] = "";
        char model[64] = "";
        if (sscanf(at + strlen(text), "%63[^|]| %127[^\n]", model, scenario) != 2 ||
            strncmp(model, this_model, strlen(this_model)) != 0) {
            return true;
        }
        for (unsigned i = 0; by_success[i]; i++) {
            if (strcmp(by_success[i]->name, scenario) == 0) {
                to_front(i);
                return false;
            }
        }
        return false;
    }
    char row[640] = "\n| `";
    size_t n = strlen(row);
    for (const char *p = key; *p && n < sizeof row - 16; p++) { /* ` | ` becomes `` ` | ` `` */
        if (strncmp(p, " | ", 3) == 0) {
            n += (size_t)snprintf(row + n, sizeof row - n, "` | `");
            p += 2;
        } else {
            row[n++] = *p;
            row[n] = 0;
        }
    }
    snprintf(row + n, sizeof row - n, "` |");
    return strstr(known, row) != NULL;
}

static unsigned tried, survived, settled;

static void tell(const char *key, int verdict)
{
    printf("%s | %s%s%s\n", key, verdict_of(verdict), verdict >= KILLED ? " | " : "",
           verdict >= KILLED ? by_success[0]->name : "");
    tried++;
    survived += verdict == 0 || verdict == 2;
}

static const char *op_name(const struct kn_site *site)
{
    static const char *const names[] = {"load",  "store",       "rmw",        "cas",
                                        "fence", "light fence", "membarrier", "wake"};
    return names[site->op];
}

/* The path from the root of the sources. */
static const char *path_of(const char *file)
{
    const char *path = strstr(file, "koken/") ? strstr(file, "koken/") : file;
    for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
        static const char *const floors[] = {"/base/",  "/caps/",   "/mailbox/",      "/executors/",
                                             "/sched/", "/actors/", "/orchestration/"};
        for (unsigned i = 0; i < sizeof floors / sizeof floors[0]; i++) {
            if (strncmp(p, floors[i], strlen(floors[i])) == 0) {
                path = p + 1;
            }
        }
    }
    return path;
}

/* The number of an access among those of its function that read alike: 1, 2, ... */
static unsigned ordinal(const struct kn_site *site)
{
    unsigned n = 1;
    for (const struct kn_site *other = kn_sites; other; other = other->next) {
        n += other->line < site->line && other->op == site->op &&
             strcmp(other->file, site->file) == 0 && strcmp(other->func, site->func) == 0 &&
             strcmp(other->text, site->text) == 0;
    }
    return n;
}

static void judge(const char *change)
{
    const struct kn_site *site = model_mutant.site;
    char key[384], number[16] = "";
    if (ordinal(site) > 1) {
        snprintf(number, sizeof number, " (%u)", ordinal(site));
    }
    snprintf(key, sizeof key, "%s | %s | %s %s%s | %s", path_of(site->file), site->func,
             op_name(site), site->text, number, change);
    if (is_settled(key)) {
        settled++;
        return;
    }
    if (model_mutant.kind == MUTATION_ORDER) {
        model_mutant.site->now = model_mutant.order;
    } else if (model_mutant.kind == MUTATION_ORDER_FAIL) {
        model_mutant.site->now_fail = model_mutant.order;
    }
    model_mutant.distance = 1;
    int verdict = try_mutant();
    if (verdict == 0 && model_mutant.kind == MUTATION_LATE) { /* an assertion may lie between */
        model_mutant.distance = 2;
        verdict = try_mutant();
    }
    model_mutant.site->now = site->order;
    model_mutant.site->now_fail = site->order_fail;
    tell(key, verdict);
}

static void weaken(enum mutation kind, enum kn_mo order)
{
    char change[64];
    model_mutant.kind = kind;
    model_mutant.order = order;
    snprintf(change, sizeof change, "%s%s", kind == MUTATION_ORDER_FAIL ? "on failure " : "",
             order_name(order));
    judge(change);
}

static void change(enum mutation kind, const char *what)
{
    model_mutant.kind = kind;
    judge(what);
}

static void mutate_order(const struct kn_site *site)
{
    bool is_load = site->op == KN_OP_LOAD, is_store = site->op == KN_OP_STORE;
    switch (site->order) {
    case KN_MO_relaxed: break;
    case KN_MO_acquire:
    case KN_MO_release: weaken(MUTATION_ORDER, KN_MO_relaxed); break;
    case KN_MO_acq_rel:
        weaken(MUTATION_ORDER, KN_MO_acquire);
        weaken(MUTATION_ORDER, KN_MO_release);
        break;
    case KN_MO_seq_cst:
        weaken(MUTATION_ORDER, is_load ? KN_MO_acquire : is_store ? KN_MO_release : KN_MO_acq_rel);
        break;
    }
}

static void mutate_site(struct kn_site *site)
{
    model_mutant.site = site;
    switch (site->op) {
    case KN_OP_LOAD: mutate_order(site); break;
    case KN_OP_STORE:
        mutate_order(site);
        change(MUTATION_LATE, "swapped with what follows");
        break;
    case KN_OP_CAS:
        if (site->order_fail != KN_MO_relaxed) {
            weaken(MUTATION_ORDER_FAIL, KN_MO_relaxed);
        }
        __attribute__((fallthrough));
    case KN_OP_RMW:
        mutate_order(site);
        change(MUTATION_TORN, "load, then store");
        break;
    case KN_OP_FENCE:
    case KN_OP_FENCE_LIGHT:
    case KN_OP_MEMBARRIER:
    case KN_OP_WAKE: change(MUTATION_DROP, "left out"); break;
    }
    model_mutant = (struct mutant){0};
}

static int compare_sites(const void *a, const void *b)
{
    const struct kn_site *x = *(struct kn_site *const *)a, *y = *(struct kn_site *const *)b;
    int by_file = strcmp(x->file, y->file);
    return by_file ? by_file : (x->line > y->line) - (x->line < y->line);
}

int run_mutants(const struct kn_scenario *scenarios, const char *model, char *const *files)
{
    static struct kn_site *sites[512];
    unsigned count = 0;
    this_model = model;
    if (!read_known(files)) {
        return 1;
    }
    for (unsigned i = 0; scenarios[i].name; i++) {
        KOKEN_CHECK(i < SCENARIOS_MAX);
        by_success[i] = &scenarios[i];
        if (!explore_quietly(&scenarios[i], limits[files ? 1 : 2])) {
            printf("the sources fail without a mutation: run without --mutants\n");
            return 1;
        }
    }
    for (struct kn_site *site = kn_sites; site && count < 512; site = site->next) {
        sites[count++] = site;
    }
    qsort(sites, count, sizeof sites[0], compare_sites);
    for (unsigned i = 0; i < count; i++) {
        if (!strstr(sites[i]->file, "test/model/") &&
            (sites[i]->is_shared || sites[i]->op > KN_OP_CAS)) {
            mutate_site(sites[i]);
        }
    }
    for (int n = 1; n < MUTANTS_MAX; n++) {
        char key[64];
        snprintf(key, sizeof key, "KN_MUTANT(%d) | - | - | as written there", n);
        if (numbers[n] && is_settled(key)) {
            settled++;
        } else if (numbers[n]) {
            model_mutant = (struct mutant){.number = n};
            tell(key, try_mutant());
        }
    }
    printf("%u mutants, %u killed, %u not; %u known\n", tried, tried - survived, survived, settled);
    return 0;
}
