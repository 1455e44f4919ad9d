/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            fprintf(file, "\\%c", c);
        } else if (c < 0x20) {
            fprintf(file, "\\u%04x", c);
        } else {
            fputc(c, file);
        }
    }
    fputc('"', file);
}

static void write_field(FILE *file, const char *name, const char *value)
{
    fprintf(file, "    \"%s\": ", name);
    write_string(file, value);
    fputs(",\n", file);
}

static void write_environment(FILE *file, const struct environment *env, uint64_t seed)
{
    fputs("  \"environment\": {\n", file);
    write_field(file, "date", env->date);
    write_field(file, "cpu", env->cpu);
    write_field(file, "kernel", env->kernel);
    write_field(file, "compiler", env->compiler);
    write_field(file, "build", env->build);
    write_field(file, "git", env->git);
    write_field(file, "load", env->load);
    fprintf(file, "    \"cores\": %u,\n    \"memory_mib\": %lu,\n    \"seed\": %" PRIu64 "\n  },\n",
            env->cores, env->memory_mib, seed);
}

static void write_series(FILE *file, const struct series *row)
{
    struct series_summary s = series_summarise(row);
    fputs("    {\"name\": ", file);
    write_string(file, row->name);
    fputs(", \"unit\": ", file);
    write_string(file, row->unit);
    fprintf(file, ", \"median\": %.9g, \"p99\": %.9g, \"min\": %.9g, \"max\": %.9g,\n", s.median,
            s.p99, s.min, s.max);
    fputs("     \"samples\": [", file);
    for (size_t i = 0; i < row->count; i++) {
        fprintf(file, "%s%.9g", i > 0 ? ", " : "", row->samples[i]);
    }
    fputs("]}", file);
}

int json_write(const char *path, const struct environment *env, uint64_t seed,
               const struct series_table *table)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    fputs("{\n", file);
    write_environment(file, env, seed);
    fputs("  \"results\": [\n", file);
    for (size_t i = 0; i < table->count; i++) {
        write_series(file, &table->rows[i]);
        fputs(i + 1 < table->count ? ",\n" : "\n", file);
    }
    fputs("  ]\n}\n", file);
    int bad = ferror(file);
    if (fclose(file) != 0 || bad) {
        perror(path);
        return -1;
    }
    return 0;
}
