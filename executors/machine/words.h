/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a program's text, for the assembler: each reader takes what it reads, or says what is wrong with it. */
#ifndef KN_EXECUTORS_MACHINE_WORDS_H
#define KN_EXECUTORS_MACHINE_WORDS_H

#include "executors/machine/code.h"

#include <errno.h>
#include <string.h>

struct assembler {
    struct koken_program *program;
    struct koken_machine_error *error;
    const char *at, *end;
    uint32_t line;
    bool is_second; /* .isa 5 */
};

enum { WORD_MAX = 64 };

static inline int wrong(struct assembler *as, const char *what, const char *word)
{
    return kn_machine_fail(as->error, KOKEN_CODE_SYNTAX, NULL, as->line, KOKEN_NO_REGISTER,
                           "Machine error: line %u: %s%s%s%s", as->line, what, *word ? " '" : "",
                           word, *word ? "'" : "");
}

static inline int full(struct assembler *as)
{
    return kn_machine_fail(as->error, KOKEN_CODE_PROGRAM_TOO_LARGE, NULL, as->line,
                           KOKEN_NO_REGISTER, "Machine error: line %u: too much of it", as->line);
}

/* ---- words ---- */

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline void skip_blanks(struct assembler *as)
{
    KN_ASSERT(as->at <= as->end);
    while (as->at < as->end && (*as->at == ' ' || *as->at == '\t' || *as->at == '\r')) {
        as->at++;
    }
    if (as->at < as->end && *as->at == ';') {
        while (as->at < as->end && *as->at != '\n') {
            as->at++;
        }
    }
}

static inline bool accept(struct assembler *as, char c)
{
    skip_blanks(as);
    bool is_there = as->at < as->end && *as->at == c;
    as->at += is_there;
    return is_there;
}

static inline bool is_over(struct assembler *as)
{
    skip_blanks(as);
    return as->at >= as->end || *as->at == '\n';
}

/* The next word, "" if there is none. */
static inline void read_word(struct assembler *as, char word[WORD_MAX])
{
    size_t len = 0;
    skip_blanks(as);
    while (as->at < as->end && (is_letter(*as->at) || (len > 0 && is_digit(*as->at)))) {
        if (len + 1 < WORD_MAX) {
            word[len++] = *as->at;
        }
        as->at++;
    }
    word[len] = '\0';
    KN_ASSERT(len < WORD_MAX);
}

/* Takes the word if it is the next one. */
static inline bool accept_word(struct assembler *as, const char *word)
{
    const char *before = as->at;
    char next[WORD_MAX];
    read_word(as, next);
    if (strcmp(next, word) == 0) {
        return true;
    }
    as->at = before;
    return false;
}

static inline int read_number(struct assembler *as, uint32_t most, uint32_t *ret_number)
{
    uint64_t number = 0;
    skip_blanks(as);
    if (as->at >= as->end || !is_digit(*as->at)) {
        return wrong(as, "a number is missing", "");
    }
    while (as->at < as->end && is_digit(*as->at)) {
        number = number * 10 + (uint64_t)(*as->at++ - '0');
        if (number > most) {
            return wrong(as, "the number is too large", "");
        }
    }
    *ret_number = (uint32_t)number;
    KN_ASSERT(number <= most);
    return 0;
}

static inline int read_register(struct assembler *as, uint32_t *ret_reg)
{
    KN_ASSERT(as->at <= as->end);
    skip_blanks(as);
    if (as->at + 1 >= as->end || *as->at != 'r' || !is_digit(as->at[1])) {
        return wrong(as, "a register is missing", "");
    }
    as->at++;
    int rc = read_number(as, UINT32_MAX, ret_reg);
    if (rc == 0 && *ret_reg >= KN_REGISTERS_MAX) {
        return kn_machine_fail(as->error, KOKEN_CODE_INVALID_INSTRUCTION, NULL, as->line,
                               *ret_reg < KOKEN_NO_REGISTER ? *ret_reg : KOKEN_NO_REGISTER,
                               "Machine error: line %u: invalid register r%u, at most r%d",
                               as->line, *ret_reg, KN_REGISTERS_MAX - 1);
    }
    return rc;
}

static inline int hex(char c)
{
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A quoted text, or a word; as a symbol. */
static inline int read_symbol(struct assembler *as, uint32_t *ret_symbol)
{
    char text[KN_SYMBOL_MAX + 1];
    size_t len = 0;
    if (!accept(as, '"')) {
        read_word(as, text);
        len = strlen(text);
        if (len == 0) {
            return wrong(as, "a name is missing", "");
        }
    } else {
        while (as->at < as->end && *as->at != '"' && *as->at != '\n') {
            char c = *as->at++;
            if (c == '\\' && as->end - as->at >= 3 && *as->at == 'x' && hex(as->at[1]) >= 0 &&
                hex(as->at[2]) >= 0) {
                c = (char)(hex(as->at[1]) * 16 + hex(as->at[2]));
                as->at += 3;
            } else if (c == '\\' && as->at < as->end && (*as->at == '"' || *as->at == '\\')) {
                c = *as->at++;
            } else if (c == '\\') {
                return wrong(as, "an escape that nobody knows", "");
            }
            if (len >= KN_SYMBOL_MAX) {
                return wrong(as, "the text is too long", "");
            }
            text[len++] = c;
        }
        if (as->at >= as->end || *as->at++ != '"') {
            return wrong(as, "the text does not end", "");
        }
    }
    *ret_symbol = kn_program_symbol(as->program, text, len);
    return *ret_symbol == UINT32_MAX ? full(as) : 0;
}

static inline int expect(struct assembler *as, char c)
{
    char word[2] = {c, '\0'};
    return accept(as, c) ? 0 : wrong(as, "missing", word);
}

static inline int find(const char *const *names, unsigned count, const char *word)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(names[i], word) == 0) {
            return (int)i;
        }
    }
    return -ESRCH;
}

static inline uint8_t read_kind(struct assembler *as)
{
    if (accept(as, '!')) {
        return KOKEN_KIND_UNRESTRICTED;
    }
    for (uint8_t kind = 0; kind < 4; kind++) {
        if (accept_word(as, kn_kind_names[kind])) {
            return kind;
        }
    }
    return KOKEN_KIND_AFFINE;
}

#endif
