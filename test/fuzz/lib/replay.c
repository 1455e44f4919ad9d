/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands for libFuzzer where the compiler has none, and under the sanitizers of gcc: runs a target on each file of
 * a corpus, and on so many inputs made of them by chance, the same each time.
 *
 *     TARGET -runs=N -seed=S [IGNORED...] CORPUS
 */
#include "base/world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 256, SIZE_MAX_ = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint8_t bytes[SIZE_MAX_];
    size_t size;
} files[FILES_MAX];
static size_t file_count;

static void read_file(const char *folder, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file != NULL && file_count < FILES_MAX) {
        files[file_count].size = fread(files[file_count].bytes, 1, SIZE_MAX_, file);
        file_count++;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void read_corpus(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            read_file(folder, entries[i]->d_name);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

/* One of the corpus with some bytes changed, cut, grown by noise, or by a part of another. */
static size_t make(uint64_t *rng, uint8_t *ret)
{
    size_t which = file_count ? kn_random(rng) % file_count : 0, size = 0;
    if (file_count) {
        size = files[which].size;
        memcpy(ret, files[which].bytes, size);
    }
    if (kn_random(rng) % 3 == 0) {
        size = size ? kn_random(rng) % size : 0;
    }
    while (size < SIZE_MAX_ && kn_random(rng) % 32 != 0) { /* ends: by chance */
        ret[size++] = (uint8_t)kn_random(rng);
    }
    if (file_count && kn_random(rng) % 3 == 0) {
        size_t other = kn_random(rng) % file_count, from = kn_random(rng) % (files[other].size + 1);
        size_t n = files[other].size - from;
        n = n < SIZE_MAX_ - size ? n : SIZE_MAX_ - size;
        memcpy(ret + size, files[other].bytes + from, n);
        size += n;
    }
    for (uint64_t n = kn_random(rng) % 8; size && n > 0; n--) {
        ret[kn_random(rng) % size] = (uint8_t)kn_random(rng);
    }
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[SIZE_MAX_];
    uint64_t runs = 0, seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0) {
            runs = strtoull(argv[i] + 6, NULL, 10);
        } else if (strncmp(argv[i], "-seed=", 6) == 0) {
            seed = strtoull(argv[i] + 6, NULL, 10);
        } else if (argv[i][0] != '-') {
            read_corpus(argv[i]);
        }
    }
    for (size_t i = 0; i < file_count; i++) {
        (void)LLVMFuzzerTestOneInput(files[i].bytes, files[i].size);
    }
    uint64_t rng = kn_random_seed(seed);
    for (uint64_t i = 0; i < runs; i++) {
        size_t size = make(&rng, bytes);
        (void)LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%zu of the corpus, %llu made of them\n", file_count, (unsigned long long)runs);
    return 0;
}
