/* SPDX-License-Identifier: Apache-2.0 */
/* The trading swarm's reader of CSV: any bytes give lines of fields that lie inside the file, or complaints. */
#include "examples/trading_swarm/csv.h"

#include "base/assert.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[] = "/tmp/koken-fuzz-XXXXXX";
    static FILE *file, *nowhere;
    if (!file) {
        int fd = mkstemp(path);
        KOKEN_CHECK(fd >= 0);
        file = fdopen(fd, "w");
        nowhere = fopen("/dev/null", "w");
        KOKEN_CHECK(file && nowhere);
    }
    rewind(file);
    KOKEN_CHECK(fwrite(data, 1, size, file) == size);
    KOKEN_CHECK(fflush(file) == 0);
    KOKEN_CHECK(ftruncate(fileno(file), (off_t)size) == 0);
    struct csv csv = {0};
    if (csv_open(&csv, path, nowhere)) {
        struct text fields[CSV_FIELDS_MAX];
        size_t count, sum = 0;
        while ((count = csv_next(&csv, fields)) > 0) { /* ends: each call moves on in the file */
            for (size_t i = 0; i < count && i < CSV_FIELDS_MAX; i++) {
                for (size_t k = 0; k < fields[i].len; k++) {
                    sum += (unsigned char)fields[i].at[k];
                }
            }
        }
        KOKEN_CHECK(sum != SIZE_MAX);
    }
    csv_close(&csv); /* in any case, as it says */
    return 0;
}
