/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a program that broke one of our own invariants. This is the only place of the library
 * that writes to a file descriptor nobody handed it: the alternative is to die in silence. No
 * stdio, no allocation: the heap or a lock may be what is broken.
 */
#include "base/assert.h"

#include "base/world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void append(char *line, size_t size, size_t *len, const char *text)
{
    size_t n = strlen(text);
    size_t room = size - *len;
    n = n < room ? n : room;
    memcpy(line + *len, text, n);
    *len += n;
}

static void append_number(char *line, size_t size, size_t *len, unsigned number)
{
    char digits[16];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    append(line, size, len, digits + at);
}

_Noreturn void kn_panic(const char *what, const char *file, int line_number)
{
    kn_world_panic(what, file, line_number); /* does not return if a simulator wants to know */
    char line[512];
    size_t len = 0;
    size_t size = sizeof line - 1; /* room for the end of the line, whatever was cut */
    append(line, size, &len, "koken: ");
    append(line, size, &len, file);
    if (line_number > 0) { /* else file is a place without one */
        append(line, size, &len, ":");
        append_number(line, size, &len, (unsigned)line_number);
    }
    append(line, size, &len, ": ");
    append(line, size, &len, what);
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* nobody is left to tell */
    abort();
}
