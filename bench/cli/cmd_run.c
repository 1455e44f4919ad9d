/* SPDX-License-Identifier: Apache-2.0 */
/* koken run: a program of the register machine, from its text or from its bytes. */
#include "bench/cli/cli.h"

#include <koken/machine.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16 << 20, VALUE_ROOM = 4096 };

static const char help_text[] =
    "usage: koken run [OPTION...] PROGRAM\n"
    "\n"
    "Reads a program of the register machine, checks it, runs it and prints what it returns. "
    "PROGRAM is\n"
    "a text, or what --output has written; - is standard input.\n"
    "\n"
    "  -t, --trace        each instruction before it is done, on stderr\n"
    "  -g, --gas COUNT    at most so much gas (default 1000000)\n"
    "  -s, --strict       witnesses must be given, and all that must be used is used in the end\n"
    "  -w, --witness N    the number that each WITNESS gives (default 42)\n"
    "  -j, --json         result or error as JSON\n"
    "  -p, --print        the program as the machine understands it, and do not run it\n"
    "  -d, --disassemble  the same\n"
    "  -o, --output FILE  the program as bytes, in FILE, and do not run it; - is standard output\n"
    "\n"
    "Exit status: 0 it has returned, 1 it has failed, 2 the command line is wrong.\n";

struct options {
    const char *path, *output;
    struct koken_machine_config config;
    uint32_t witness;
    bool is_json, is_print;
};

static int give_number(void *arg, struct koken_machine *machine, uint32_t reg,
                       struct koken_value *ret_value)
{
    (void)machine;
    (void)reg;
    *ret_value = koken_value_int(*(const uint32_t *)arg);
    return 0;
}

static void print_step(void *arg, const struct koken_machine_step *step)
{
    (void)arg;
    fprintf(stderr, "%6" PRIu64 "  %*s%4u  %-40s gas %" PRIu64 "\n", step->step,
            (int)(2 * (step->depth < 20 ? step->depth : 20)), "", step->pc, step->text,
            step->gas_left);
}

/* A number after an option. */
static bool read_count(const char *word, uint64_t most, uint64_t *ret_count)
{
    char *end;
    if (!word || word[0] < '0' || word[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long long count = strtoull(word, &end, 10);
    *ret_count = count;
    return errno == 0 && *end == '\0' && count > 0 && count <= most;
}

static bool is_option(const char *word, const char *brief, const char *full)
{
    return strcmp(word, brief) == 0 || strcmp(word, full) == 0;
}

/* 0, or the exit status + 1. */
static int read_options(int argc, char **argv, struct options *options)
{
    uint64_t count;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (is_option(word, "-h", "--help")) {
            fputs(help_text, stdout);
            return CLI_OK + 1;
        }
        if (is_option(word, "-t", "--trace")) {
            options->config.trace = print_step;
        } else if (is_option(word, "-j", "--json")) {
            options->is_json = true;
        } else if (is_option(word, "-p", "--print") || is_option(word, "-d", "--disassemble")) {
            options->is_print = true;
        } else if (is_option(word, "-o", "--output")) {
            if (i + 1 >= argc) {
                return cli_misused("run", "expected a file after", word) + 1;
            }
            options->output = argv[++i];
        } else if (is_option(word, "-s", "--strict")) {
            options->config.is_strict = true;
            options->config.end_check = KOKEN_END_STRICT;
        } else if (is_option(word, "-g", "--gas") || is_option(word, "-w", "--witness")) {
            bool is_gas = word[1] == 'g' || word[2] == 'g';
            const char *next = i + 1 < argc ? argv[++i] : NULL;
            if (!read_count(next, is_gas ? UINT64_MAX / 2 : UINT32_MAX, &count)) {
                return cli_misused("run", "expected a number in range after", word) + 1;
            }
            if (is_gas) {
                options->config.gas = count;
            } else {
                options->witness = (uint32_t)count;
                options->config.witness = give_number;
                options->config.witness_arg = &options->witness;
            }
        } else if (word[0] == '-' && word[1] != '\0') {
            return cli_misused("run", "unknown option", word) + 1;
        } else if (options->path) {
            return cli_misused("run", "one program at a time, not also", word) + 1;
        } else {
            options->path = word;
        }
    }
    return options->path ? 0 : cli_misused("run", "missing", "PROGRAM") + 1;
}

static char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *bytes = malloc(FILE_MAX);
    size_t size = 0;
    bool is_whole = false;
    if (file && bytes) {
        size = fread(bytes, 1, FILE_MAX, file);
        is_whole = !ferror(file) && feof(file);
        errno = is_whole || ferror(file) ? errno : EFBIG;
    }
    if (!is_whole) {
        fprintf(stderr, "koken run: %s: %s\n", path, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (file && file != stdin) {
        (void)fclose(file); /* it was only read */
    }
    *ret_size = size;
    return bytes;
}

static void print_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_error(const struct options *options, const struct koken_machine_error *error)
{
    const char *class_of = koken_machine_class_name(koken_machine_class_of(error->code));
    if (!options->is_json) {
        fprintf(stderr, "koken run: %s: %s (%s)", options->path, error->text,
                koken_machine_code_name(error->code));
        if (error->instruction[0] != '\0') {
            fprintf(stderr, "\n  at %u: %s", error->pc, error->instruction);
        }
        for (uint32_t i = 0; i < error->depth && i < KOKEN_ERROR_PATH; i++) {
            fprintf(stderr, "\n  called at %u", error->path[i]);
        }
        fputc('\n', stderr);
        return;
    }
    printf("{\"ok\": false, \"error\": \"%s\", \"code\": \"%s\", \"pc\": %u, ", class_of,
           koken_machine_code_name(error->code), error->pc);
    if (error->reg != KOKEN_NO_REGISTER) {
        printf("\"register\": %u, ", error->reg);
    }
    printf("\"instruction\": ");
    print_text(error->instruction);
    printf(", \"path\": [");
    for (uint32_t i = 0; i < error->depth && i < KOKEN_ERROR_PATH; i++) {
        printf("%s%u", i > 0 ? ", " : "", error->path[i]);
    }
    printf("], \"message\": ");
    print_text(error->text);
    printf("}\n");
}

static int run_program(const struct options *options, struct koken_program *program)
{
    struct koken_machine *machine;
    struct koken_machine_result result;
    char value[VALUE_ROOM];
    int rc = koken_machine_new(&options->config, &machine);
    if (rc < 0) {
        fprintf(stderr, "koken run: %s\n", koken_strerror(rc));
        return CLI_FAILED;
    }
    rc = koken_machine_run(machine, program, &result);
    if (rc < 0) {
        print_error(options, &result.error);
    } else {
        (void)koken_machine_print(machine, result.value, value, sizeof value);
        if (options->is_json) {
            printf("{\"ok\": true, \"value\": ");
            print_text(value);
            printf(", \"gas\": %" PRIu64 ", \"steps\": %" PRIu64 ", \"resources\": %u, "
                   "\"consumed\": %u, \"effects\": %u, \"constraints\": %u}\n",
                   result.gas_used, result.steps, result.resources_made, result.resources_consumed,
                   result.effects, result.constraints);
        } else {
            printf("%s\n", value);
        }
    }
    koken_machine_free(machine);
    return rc < 0 ? CLI_FAILED : CLI_OK;
}

static int print_program(const struct koken_program *program)
{
    size_t size = koken_program_print(program, NULL, 0) + 1;
    char *text = malloc(size);
    if (!text) {
        perror("koken run");
        return CLI_FAILED;
    }
    (void)koken_program_print(program, text, size);
    fputs(text, stdout);
    free(text);
    return CLI_OK;
}

static int write_program(const struct options *options, const struct koken_program *program)
{
    size_t size = koken_program_encode(program, NULL, 0);
    bool is_out = strcmp(options->output, "-") == 0;
    FILE *file = is_out ? stdout : fopen(options->output, "wb");
    char *bytes = malloc(size);
    bool is_written = false;
    if (file && bytes) {
        (void)koken_program_encode(program, bytes, size);
        is_written = fwrite(bytes, 1, size, file) == size;
    }
    if (file && !is_out) {
        is_written = fclose(file) == 0 && is_written;
    }
    if (!is_written) {
        fprintf(stderr, "koken run: %s: %s\n", options->output, strerror(errno));
    }
    free(bytes);
    return is_written ? CLI_OK : CLI_FAILED;
}

/* Bytes, if they begin as these do and no text does; else a text. */
static int read_program(const char *bytes, size_t size, struct koken_program **ret_program,
                        struct koken_machine_error *ret_error)
{
    static const char magic[4] = {'K', 'A', 'S', 'M'};
    bool is_code = size > sizeof magic && memcmp(bytes, magic, sizeof magic) == 0 &&
                   (unsigned char)bytes[sizeof magic] < ' ' && bytes[sizeof magic] != '\n' &&
                   bytes[sizeof magic] != '\t' && bytes[sizeof magic] != '\r';
    return is_code ? koken_program_decode(bytes, size, ret_program, ret_error)
                   : koken_program_assemble(bytes, size, ret_program, ret_error);
}

int cli_run(int argc, char **argv)
{
    struct options options = {0};
    struct koken_program *program;
    struct koken_machine_error error;
    size_t size;
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status - 1;
    }
    char *bytes = read_file(options.path, &size);
    if (!bytes) {
        return CLI_FAILED;
    }
    int rc = read_program(bytes, size, &program, &error);
    free(bytes);
    if (rc < 0) {
        print_error(&options, &error);
        return CLI_FAILED;
    }
    status = options.output     ? write_program(&options, program)
             : options.is_print ? print_program(program)
                                : run_program(&options, program);
    koken_program_free(program);
    return status;
}
