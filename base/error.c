/* SPDX-License-Identifier: Apache-2.0 */
/* Names and meanings of the closed list of errors, all from KOKEN_ERRORS. */
#include <koken/error.h>

#include <stddef.h>

struct error_text {
    int error;
    const char *name;
    const char *meaning;
};

#define ERROR_TEXT(NAME, MEANING) {NAME, #NAME, MEANING},
static const struct error_text error_texts[] = {{0, "OK", "no error"}, KOKEN_ERRORS(ERROR_TEXT)};
#undef ERROR_TEXT

static const struct error_text *find_text(int error)
{
    static const struct error_text unknown = {-1, "UNKNOWN", "not an error of koken"};
    for (size_t i = 0; i < sizeof error_texts / sizeof error_texts[0]; ++i) {
        if (error_texts[i].error == error || -error_texts[i].error == error) {
            return &error_texts[i];
        }
    }
    return &unknown;
}

const char *koken_errname(int error)
{
    return find_text(error)->name;
}

const char *koken_strerror(int error)
{
    return find_text(error)->meaning;
}
