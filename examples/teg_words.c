/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Map and reduce as a task effect graph: the words of some files are counted, a node that reads and a node that
 * counts per file, and merged pairwise up a tree. The sum must equal what one loop over all files counts.
 */
#define _GNU_SOURCE

#include <koken.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MOST = 64, WORD = 24, SHOWN = 5 };

struct entry {
    char word[WORD];
    uint64_t count;
};

/* On the pool, as files may block: the bytes of the file that the argument names. */
static int read_file(struct koken_teg_call *call)
{
    FILE *file = fopen(koken_teg_arg(call), "rb");
    size_t len = 0, room = 1 << 16, got = file != NULL;
    char *text = NULL;
    while (got > 0) {
        char *more = realloc(text, room *= 2);
        if (more == NULL) {
            break;
        }
        text = more;
        got = fread(text + len, 1, room - len, file);
        len += got;
    }
    int rc = file == NULL || ferror(file) ? -ESRCH : got > 0 ? -ENOMEM : 0;
    rc = rc == 0 ? koken_teg_answer_bytes(call, text, len) : rc;
    free(text);
    if (file != NULL) {
        fclose(file);
    }
    return rc;
}

static int by_word(const void *left, const void *right)
{
    return strcmp(((const struct entry *)left)->word, ((const struct entry *)right)->word);
}

/* Equal neighbours become one. */
static size_t squeeze(struct entry *entries, size_t count)
{
    size_t kept = 0;
    qsort(entries, count, sizeof *entries, by_word);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(entries[kept - 1].word, entries[i].word) == 0) {
            entries[kept - 1].count += entries[i].count;
        } else {
            entries[kept++] = entries[i];
        }
    }
    return kept;
}

static int answer(struct koken_teg_call *call, struct entry *entries, size_t count)
{
    count = squeeze(entries, count);
    return koken_teg_answer_bytes(call, entries, count * sizeof *entries);
}

static size_t count_words(const char *text, size_t size, struct entry *entries)
{
    size_t words = 0, len = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && isalpha((unsigned char)text[i])) {
            if (len == 0) {
                memset(&entries[words], 0, sizeof entries[words]);
                entries[words].count = 1;
            }
            if (len < WORD - 1) {
                entries[words].word[len++] = (char)tolower((unsigned char)text[i]);
            }
        } else if (len > 0) {
            words++;
            len = 0;
        }
    }
    return words;
}

static int map(struct koken_teg_call *call)
{
    struct koken_teg_value text = koken_teg_input(call, 0);
    struct entry *entries = calloc(text.size / 2 + 1, sizeof *entries);
    int rc = entries == NULL ? -ENOMEM
                             : answer(call, entries, count_words(text.bytes, text.size, entries));
    free(entries);
    return rc;
}

static int reduce(struct koken_teg_call *call)
{
    struct koken_teg_value left = koken_teg_input(call, 0), right = koken_teg_input(call, 1);
    struct entry *entries = malloc(left.size + right.size + 1);
    if (entries == NULL) {
        return -ENOMEM;
    }
    memcpy(entries, left.bytes, left.size);
    memcpy((char *)entries + left.size, right.bytes, right.size);
    int rc = answer(call, entries, (left.size + right.size) / sizeof *entries);
    free(entries);
    return rc;
}

static koken_teg_node add(struct koken_teg *teg, const char *path, koken_teg_node *ret_read)
{
    *ret_read = koken_teg_add(teg, &(struct koken_teg_effect){.run = read_file,
                                                              .tag = "read",
                                                              .place = KOKEN_TEG_ON_POOL,
                                                              .arg = path,
                                                              .arg_size = strlen(path) + 1});
    koken_teg_node count = koken_teg_add(
        teg,
        &(struct koken_teg_effect){.run = map, .id = path, .tag = "map", .kind = KOKEN_TEG_PURE});
    koken_teg_link(teg, *ret_read, count);
    return count;
}

static int by_count(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : strcmp(a->word, b->word);
}

/* The first words, and whether a loop over all files counts as many. */
static int report(const struct koken_teg_run *run, koken_teg_node sum, const koken_teg_node *reads,
                  int files)
{
    struct koken_teg_value value = koken_teg_value(run, sum);
    size_t count = value.size / sizeof(struct entry), checked = 0;
    struct entry *entries = malloc(value.size + 1);
    uint64_t total = 0;
    for (int i = 0; i < files; i++) {
        struct koken_teg_value text = koken_teg_value(run, reads[i]);
        struct entry *again = calloc(text.size / 2 + 1, sizeof *again);
        checked += again != NULL ? count_words(text.bytes, text.size, again) : 0;
        free(again);
    }
    if (entries == NULL || value.is_missing) {
        free(entries);
        return 1;
    }
    memcpy(entries, value.bytes, value.size);
    qsort(entries, count, sizeof *entries, by_count);
    for (size_t i = 0; i < count; i++) {
        total += entries[i].count;
        if (i < SHOWN) {
            printf("%8" PRIu64 " %s\n", entries[i].count, entries[i].word);
        }
    }
    printf("%" PRIu64 " words of %zu kinds in %d files: %s\n", total, count, files,
           total == checked ? "as one loop counts" : "WRONG");
    free(entries);
    return total != checked;
}

int main(int argc, char **argv)
{
    static const char *const ours[] = {"README.md",     "HACKING.md",      "ARCHITECTURE.md",
                                       "CHANGELOG.md",  "sched/DESIGN.md", "actors/DESIGN.md",
                                       "caps/DESIGN.md"};
    int files = argc > 1 ? argc - 1 : (int)(sizeof ours / sizeof ours[0]);
    koken_teg_node reads[FILES_MOST], level[FILES_MOST];
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run = NULL;
    struct koken *rt;
    if (teg == NULL || files > FILES_MOST || koken_start(NULL, &rt) < 0) {
        fprintf(stderr, "teg_words: no memory, or more than %d files\n", FILES_MOST);
        koken_teg_free(teg);
        return 1;
    }
    for (int i = 0; i < files; i++) {
        level[i] = add(teg, argc > 1 ? argv[i + 1] : ours[i], &reads[i]);
    }
    int width = files;
    for (; width > 1; width = (width + 1) / 2) {
        for (int i = 0; i < width / 2; i++) {
            koken_teg_node both[2] = {level[2 * i], level[2 * i + 1]};
            level[i] = koken_teg_add(
                teg,
                &(struct koken_teg_effect){.run = reduce, .tag = "reduce", .kind = KOKEN_TEG_PURE});
            koken_teg_link(teg, both[0], level[i]);
            koken_teg_link(teg, both[1], level[i]);
        }
        if (width % 2 == 1) {
            level[width / 2] = level[width - 1];
        }
    }
    koken_ref executor = koken_teg_executor(rt, NULL);
    int rc = koken_teg_run(rt, executor, teg, NULL, KOKEN_S(60), &run);
    for (int i = 0; rc == 0 && i < files; i++) {
        if (koken_teg_error(run, reads[i]) == -ESRCH) {
            fprintf(stderr, "teg_words: cannot read %s\n", argc > 1 ? argv[i + 1] : ours[i]);
        }
    }
    rc = rc < 0 ? rc : koken_teg_status(run);
    if (rc < 0 && rc != -ESRCH) {
        fprintf(stderr, "teg_words: %s\n", koken_strerror(rc));
    }
    int status = rc < 0 ? 1 : report(run, level[0], reads, files);
    koken_teg_run_free(run);
    koken_teg_free(teg);
    return koken_stop(rt, KOKEN_S(10)) < 0 ? 1 : status;
}
