/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as bytes: seven bits a byte, the lowest first, none longer than it must be, so that a number has one
 * form. A reader that stumbles answers zeros from there on and says so at the end; no count is believed that the
 * bytes which are left cannot hold.
 */
#ifndef KN_EXECUTORS_MACHINE_WIRE_H
#define KN_EXECUTORS_MACHINE_WIRE_H

#include "base/align.h"
#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct kn_writer {
    uint8_t *bytes;
    size_t room, len; /* len counts what did not fit, too */
};

static inline void kn_put(struct kn_writer *writer, const void *bytes, size_t size)
{
    if (size > 0 && writer->len + size <= writer->room) {
        memcpy(writer->bytes + writer->len, bytes, size);
    }
    writer->len += size;
}

static inline void kn_put_number(struct kn_writer *writer, uint64_t number)
{
    uint8_t bytes[10];
    size_t size = 0;
    do { /* ends: seven bits fewer each time */
        KN_ASSERT(size < sizeof bytes);
        bytes[size++] = (uint8_t)((number & 127) | (number > 127 ? 128 : 0));
        number >>= 7;
    } while (number > 0);
    kn_put(writer, bytes, size);
}

struct kn_reader {
    const uint8_t *at, *end;
    bool is_bad;
};

static inline uint64_t kn_get64(struct kn_reader *reader)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 10 && reader->at < reader->end; i++) {
        uint8_t byte = *reader->at++;
        number |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            if ((byte > 0 || i == 0) && (i < 9 || byte == 1)) {
                return number;
            }
            break;
        }
    }
    reader->is_bad = true;
    return 0;
}

/* A number of 32 bits. */
static inline uint32_t kn_get(struct kn_reader *reader)
{
    KN_ASSERT(reader->at <= reader->end);
    if (kn_likely(reader->at < reader->end && *reader->at < 128)) {
        return *reader->at++;
    }
    uint64_t number = kn_get64(reader);
    reader->is_bad |= number > UINT32_MAX;
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

/* A number that must fit a smaller field. */
static inline uint32_t kn_get_below(struct kn_reader *reader, uint32_t limit)
{
    uint32_t number = kn_get(reader);
    KN_ASSERT(limit > 0);
    reader->is_bad |= number >= limit;
    return number < limit ? number : 0;
}

/* How many items follow, of `least` bytes each or more. */
static inline uint32_t kn_get_count(struct kn_reader *reader, uint32_t most, size_t least)
{
    uint32_t count = kn_get(reader);
    KN_ASSERT(least > 0);
    if (count > most || count * least > (size_t)(reader->end - reader->at)) {
        reader->is_bad = true;
        return 0;
    }
    return count;
}

/* Whether the next bytes are these; then they are read. */
static inline bool kn_get_magic(struct kn_reader *reader, const uint8_t *magic, size_t size)
{
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, magic, size) != 0) {
        reader->is_bad = true;
        return false;
    }
    reader->at += size;
    return true;
}

#endif
