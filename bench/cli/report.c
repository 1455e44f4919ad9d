/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cli/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A rival that the tool itself measures: the row NAME-ck is what Concurrency Kit has in the place of NAME. */
static const char *const inside[] = {"-ck", "-urcu"};

/* How many times our time such a row's is, beside its line; nothing for others. */
static void print_ratio(FILE *out, const struct series_table *table, const struct series *rival)
{
    char name[64];
    size_t len = strlen(rival->name);
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        size_t end = strlen(inside[i]);
        if (len <= end || len >= sizeof name || strcmp(rival->name + len - end, inside[i]) != 0) {
            continue;
        }
        memcpy(name, rival->name, len - end);
        name[len - end] = '\0';
        const struct series *own = series_find(table, name, NULL);
        double theirs = series_summarise(rival).median;
        if (own != NULL && theirs > 0) {
            fprintf(out, "%s koken/%s %.2f ratio\n", name, inside[i] + 1,
                    series_summarise(own).median / theirs);
        }
    }
}

void report_lines(FILE *out, const struct series_table *table, size_t first)
{
    for (size_t i = first; i < table->count; i++) {
        const struct series *row = &table->rows[i];
        fprintf(out, "%s %s %.2f %s\n", row->name, row->peer, series_summarise(row).median,
                row->unit);
        print_ratio(out, table, row);
    }
    fflush(out);
}

void report_markdown(FILE *out, const struct environment *env, uint64_t seed, const char *command,
                     const struct series_table *table)
{
    char text[4][24];
    fprintf(out, "Machine: %s, %u cores, %lu MiB, %s. Load when it began: %s.\n\n", env->cpu,
            env->cores, env->memory_mib, env->kernel, env->load);
    fprintf(out, "Build: `%s`, commit %s.\n\n", env->build,
            env->git[0] != '\0' ? env->git : "unknown");
    fprintf(out, "Run: %s, seed %" PRIu64 ", `%s`.\n\n", env->date, seed, command);
    fputs("| benchmark | unit | median | p99 | min | max | n |\n", out);
    fputs("|---|---|---:|---:|---:|---:|---:|\n", out);
    for (size_t i = 0; i < table->count; i++) {
        const struct series *row = &table->rows[i];
        struct series_summary s = series_summarise(row);
        series_format(text[0], sizeof text[0], s.median, row->unit);
        series_format(text[1], sizeof text[1], s.p99, row->unit);
        series_format(text[2], sizeof text[2], s.min, row->unit);
        series_format(text[3], sizeof text[3], s.max, row->unit);
        fprintf(out, "| %s | %s | **%s** | %s | %s | %s | %zu |\n", row->name, row->unit, text[0],
                text[1], text[2], text[3], row->count);
    }
}

int report_read_peers(const char *path, bool with_koken, struct series_table *table)
{
    char line[256];
    char name[48];
    char peer[24];
    char unit[16];
    double value;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    int rc = 0;
    unsigned used = 0;
    while (rc == 0 && fgets(line, sizeof line, file) != NULL) {
        int end = 0;
        if (sscanf(line, "%47s %23s %lf %15s %n", name, peer, &value, unit, &end) == 4 &&
            line[end] == '\0' && (with_koken || strcmp(peer, "koken") != 0)) {
            rc = series_add(table, name, peer, unit, value);
            used++;
        }
    }
    fclose(file);
    if (rc != 0 || used == 0) {
        fprintf(stderr, "koken: %s: %s\n", path,
                rc != 0 ? "out of memory" : "no line NAME PEER VALUE UNIT");
        return -1;
    }
    return 0;
}

enum { PEERS_MAX = 32 };

/* The peers in the order of their appearance, koken first. */
static unsigned list_peers(const struct series_table *table, const char *peers[PEERS_MAX])
{
    unsigned count = 0;
    peers[count++] = "koken";
    for (size_t i = 0; i < table->count; i++) {
        unsigned known = 0;
        while (known < count && strcmp(peers[known], table->rows[i].peer) != 0) {
            known++;
        }
        if (known == count && count < PEERS_MAX) {
            peers[count++] = table->rows[i].peer;
        }
    }
    return count;
}

static bool has_peer(const struct series_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct series *row = &table->rows[i];
        if (strcmp(row->name, name) == 0 && strcmp(row->peer, "koken") != 0) {
            return true;
        }
    }
    return false;
}

/* The best of the others is in bold; the last column is how many times better koken is. */
static double print_peer_row(FILE *out, const struct series_table *table,
                             const struct series *koken, const char *const *peers, unsigned count)
{
    char text[24];
    bool up = series_more_is_better(koken->unit);
    double own = series_summarise(koken).median;
    const struct series *best = NULL;
    double best_value = 0;
    for (unsigned p = 1; p < count; p++) {
        const struct series *row = series_find(table, koken->name, peers[p]);
        double value = row != NULL ? series_summarise(row).median : 0;
        if (row != NULL && (best == NULL || (up ? value > best_value : value < best_value))) {
            best = row;
            best_value = value;
        }
    }
    series_format(text, sizeof text, own, koken->unit);
    fprintf(out, "| %s (%s) | %s |", koken->name, koken->unit, text);
    for (unsigned p = 1; p < count; p++) {
        const struct series *row = series_find(table, koken->name, peers[p]);
        if (row == NULL) {
            fputs(" - |", out);
            continue;
        }
        series_format(text, sizeof text, series_summarise(row).median, row->unit);
        fprintf(out, row == best ? " **%s** |" : " %s |", text);
    }
    double times = best == NULL || own <= 0 || best_value <= 0 ? 0
                   : up                                        ? own / best_value
                                                               : best_value / own;
    fprintf(out, times > 0 ? " %.2f |\n" : " - |\n", times);
    return times;
}

void report_peers(FILE *out, const struct series_table *table)
{
    const char *peers[PEERS_MAX];
    unsigned count = list_peers(table, peers);
    double log_sum = 0;
    unsigned rows = 0;
    fputs("| benchmark |", out);
    for (unsigned p = 0; p < count; p++) {
        fprintf(out, " %s |", peers[p]);
    }
    fputs(" best peer / koken |\n|---|", out);
    for (unsigned p = 0; p <= count; p++) {
        fputs("---:|", out);
    }
    fputc('\n', out);
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].peer, "koken") != 0 || !has_peer(table, table->rows[i].name)) {
            continue;
        }
        double times = print_peer_row(out, table, &table->rows[i], peers, count);
        log_sum += times > 0 ? log(times) : 0;
        rows += times > 0 ? 1 : 0;
    }
    if (rows > 0) {
        fprintf(out, "\nGeometric mean over %u rows: %.2f times the best peer of each.\n", rows,
                exp(log_sum / rows));
    }
}

static bool compare_row(FILE *out, const struct series *before, const struct series *after)
{
    char old_text[24];
    char new_text[24];
    double old_median = series_summarise(before).median;
    double new_median = series_summarise(after).median;
    double p = series_mann_whitney(before, after);
    double change = old_median != 0 ? (new_median / old_median - 1) * 100 : 0;
    double worse = series_more_is_better(after->unit) ? -change : change;
    const char *verdict = "";
    if (p < 0.05) {
        verdict = worse > 10 ? "WORSE" : worse < -10 ? "better" : "";
    }
    series_format(old_text, sizeof old_text, old_median, before->unit);
    series_format(new_text, sizeof new_text, new_median, after->unit);
    fprintf(out, "%-24s %12s %12s %-10s %+8.1f %%  p %.4f  %s\n", after->name, old_text, new_text,
            after->unit, change, p, verdict);
    return strcmp(verdict, "WORSE") == 0;
}

unsigned report_compare(FILE *out, const struct series_table *before,
                        const struct series_table *after)
{
    unsigned worse = 0;
    fprintf(out, "%-24s %12s %12s %-10s %10s\n", "benchmark", "old", "new", "unit", "change");
    for (size_t i = 0; i < after->count; i++) {
        const struct series *old = series_find(before, after->rows[i].name, NULL);
        if (old == NULL) {
            fprintf(out, "%-24s only in the new run\n", after->rows[i].name);
        } else if (compare_row(out, old, &after->rows[i])) {
            worse++;
        }
    }
    for (size_t i = 0; i < before->count; i++) {
        if (series_find(after, before->rows[i].name, NULL) == NULL) {
            fprintf(out, "%-24s only in the old run\n", before->rows[i].name);
        }
    }
    return worse;
}
