/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of benchmark results (`koken bench --compare`): whatever the file, an answer and no harm. */
#include "bench/cli/json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct series_table table;
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("results", 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (fd < 0 || freopen("/dev/null", "w", stderr) == NULL) {
            return -1;
        }
    }
    memset(&table, 0, sizeof table);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return -1;
    }
    if (json_read(path, &table) == 0) {
        (void)json_write("/dev/null", &(struct environment){0}, 1, &table);
    }
    series_table_fini(&table);
    return 0;
}
