/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parallel word count: the bytes of a text (this project's licence, or the file that is named) are counted by koken_reduce on all
 * workers; each participant has a sum of its own, and the sums are put together at the end. Then some words are
 * looked for by koken_for_each, one search per word.
 */
#include <koken.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *bytes;
    size_t size;
};

struct sum {
    size_t words, lines, capitals;
};

static int read_text(const char *path, struct text *ret_text)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
        rewind(file);
    }
    ret_text->bytes = size >= 0 ? malloc((size_t)size + 1) : NULL;
    ret_text->size = ret_text->bytes ? fread(ret_text->bytes, 1, (size_t)size, file) : 0;
    if (file) {
        (void)fclose(file);
    }
    return ret_text->bytes ? 0 : -1;
}

static bool is_letter(const struct text *text, size_t at)
{
    return at < text->size && isalpha((unsigned char)text->bytes[at]);
}

/* A word belongs to the range in which it begins, so ranges may cut words anywhere. */
static int count_range(void *arg, size_t begin, size_t end, void *into)
{
    const struct text *text = arg;
    struct sum *sum = into;
    for (size_t i = begin; i < end; i++) {
        bool begins = is_letter(text, i) && !(i > 0 && is_letter(text, i - 1));
        sum->words += begins;
        sum->capitals += begins && isupper((unsigned char)text->bytes[i]);
        sum->lines += text->bytes[i] == '\n';
    }
    return 0;
}

static void add(void *arg, void *into, const void *other)
{
    struct sum *sum = into;
    const struct sum *more = other;
    (void)arg;
    sum->words += more->words;
    sum->lines += more->lines;
    sum->capitals += more->capitals;
}

struct search {
    const struct text *text;
    const char *const *words;
    size_t *found; /* one per word: nobody shares */
};

static int find_word(void *arg, size_t index)
{
    const struct search *search = arg;
    const char *word = search->words[index];
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= search->text->size; i++) {
        bool is_whole =
            !(i > 0 && is_letter(search->text, i - 1)) && !is_letter(search->text, i + length);
        search->found[index] += is_whole && memcmp(search->text->bytes + i, word, length) == 0;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const words[] = {"the", "of", "to", "and", "any", "License", "Work"};
    enum { WORDS = sizeof words / sizeof words[0] };
    size_t found[WORDS] = {0};
    struct text text;
    struct sum sum = {0, 0, 0}, check = {0, 0, 0};
    struct search search = {&text, words, found};
    struct koken *rt;
    struct koken_group *group;
    if (read_text(argc > 1 ? argv[1] : "LICENSE", &text) < 0 || koken_start(NULL, &rt) < 0) {
        return 1;
    }
    int rc = koken_group_new(rt, NULL, &group);
    if (rc == 0) {
        rc = koken_reduce(group, text.size, &sum, sizeof sum, count_range, add, &text);
        rc = rc < 0 ? rc : koken_for_each(group, WORDS, find_word, &search);
        koken_group_free(group);
    }
    (void)count_range(&text, 0, text.size, &check);
    printf("%zu words, %zu of them with a capital, in %zu lines; counted alone: %zu\n", sum.words,
           sum.capitals, sum.lines, check.words);
    for (size_t i = 0; i < WORDS; i++) {
        printf("%s %zu\n", words[i], found[i]);
    }
    free(text.bytes);
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0 || sum.words != check.words;
}
