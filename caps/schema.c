/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over objects by their descriptions. Every recursion here ends at KOKEN_DEPTH_MAX. */
#include <koken/schema.h>

#include "base/assert.h"
#include "caps/payload.h"
#include "caps/schema.h"

#include <koken/caps.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- reading a field ---- */

static const char *at(const struct koken_field *field, const void *object)
{
    return (const char *)object + field->offset;
}

/* What a handle field points to; NULL for an empty one and for other kinds. */
static const void *target(const struct koken_field *field, const void *object)
{
    const void *found = NULL;

    KN_ASSERT(field->kind < KOKEN_FIELD_KIND_COUNT_);
    if (field->type != NULL) {
        KN_ASSERT(field->size >= sizeof found);
        memcpy(&found, at(field, object), sizeof found);
    }
    return found;
}

/* The bytes that count: the pointer of own memory and of nothing else, never a debug handle's rest.
 */
static size_t plain_size(const struct koken_field *field)
{
    return field->kind == KOKEN_FIELD_OWN ? sizeof(void *) : field->size;
}

static bool is_long_double(const struct koken_field *field)
{
    return field->number == KOKEN_NUMBER_FLOAT && field->size / field->count > sizeof(double);
}

static uint64_t read_unsigned(const char *from, size_t size)
{
    uint64_t value = 0;

    KN_ASSERT(size <= sizeof value);
    /* Little end first, on the machines that koken runs on. */
    memcpy(&value, from, size);
    return value;
}

static int64_t read_signed(const char *from, size_t size)
{
    unsigned shift = (unsigned)(8 * (sizeof(int64_t) - size));

    return (int64_t)(read_unsigned(from, size) << shift) >> shift;
}

/* ---- printing ---- */

struct printer {
    char *buffer;
    size_t size;
    size_t used;   /* with room enough */
    bool is_brief; /* what does not fit is not looked at */
};

static bool is_over(const struct printer *out)
{
    return out->is_brief && out->used >= out->size;
}

__attribute__((format(printf, 2, 3))) static void put(struct printer *out, const char *format, ...)
{
    size_t room = out->used < out->size ? out->size - out->used : 0;
    va_list args;
    int written;

    va_start(args, format);
    written = vsnprintf(room > 0 ? out->buffer + out->used : NULL, room, format, args);
    va_end(args);
    out->used += written > 0 ? (size_t)written : 0;
}

static void print_number(struct printer *out, const char *from, size_t size, unsigned number)
{
    float narrow;
    double wide;
    long double widest;

    switch ((enum koken_number)number) {
    case KOKEN_NUMBER_UNSIGNED: put(out, "%" PRIu64, read_unsigned(from, size)); return;
    case KOKEN_NUMBER_BOOL: put(out, "%s", *from != 0 ? "true" : "false"); return;
    case KOKEN_NUMBER_FLOAT: break;
    case KOKEN_NUMBER_NONE:
    case KOKEN_NUMBER_SIGNED:
    case KOKEN_NUMBER_CHAR: put(out, "%" PRId64, read_signed(from, size)); return;
    }
    if (size == sizeof narrow) {
        memcpy(&narrow, from, size);
        put(out, "%.9g", (double)narrow);
    } else if (size == sizeof wide) {
        memcpy(&wide, from, size);
        put(out, "%.17g", wide);
    } else {
        memcpy(&widest, from, sizeof widest);
        put(out, "%.21Lg", widest);
    }
}

static void print_text(struct printer *out, const char *from, size_t count)
{
    put(out, "\"");
    for (size_t i = 0; i < count && from[i] != 0 && !is_over(out); i++) {
        if (isprint((unsigned char)from[i]) && from[i] != '"' && from[i] != '\\') {
            put(out, "%c", from[i]);
        } else {
            put(out, "\\x%02x", (unsigned)(unsigned char)from[i]);
        }
    }
    put(out, "\"");
}

static void print_plain(struct printer *out, const struct koken_field *field, const void *object)
{
    size_t size = field->size / field->count;

    KN_ASSERT(field->count > 0);
    KN_ASSERT(size > 0);
    if (field->kind == KOKEN_FIELD_TAG) {
        put(out, "agent:%" PRIx64, read_unsigned(at(field, object), size));
    } else if (field->kind == KOKEN_FIELD_OWN) {
        put(out, "%s", read_unsigned(at(field, object), sizeof(void *)) == 0 ? "-" : "own");
    } else if (field->kind == KOKEN_FIELD_ARRAY && field->number == KOKEN_NUMBER_CHAR) {
        print_text(out, at(field, object), field->count);
    } else if (field->kind == KOKEN_FIELD_ARRAY) {
        put(out, "[");
        for (uint32_t i = 0; i < field->count && !is_over(out); i++) {
            put(out, "%s", i > 0 ? ", " : "");
            print_number(out, at(field, object) + i * size, size, field->number);
        }
        put(out, "]");
    } else {
        print_number(out, at(field, object), size, field->number);
    }
}

static void print_bytes(struct printer *out, const struct koken_type *type, const void *object)
{
    put(out, "%s{", type->name);
    for (uint32_t i = 0; i < type->size; i++) {
        put(out, "%02x", (unsigned)((const unsigned char *)object)[i]);
    }
    put(out, "}");
}

static void print_object(struct printer *out, const struct koken_type *type, const void *object,
                         unsigned depth)
{
    if (type->fields == NULL) {
        print_bytes(out, type, object);
        return;
    }
    if (depth == KOKEN_DEPTH_MAX) {
        put(out, "...");
        return;
    }
    put(out, "%s{", type->name);
    for (uint32_t i = 0; i < type->field_count && !is_over(out); i++) {
        const struct koken_field *field = &type->fields[i];
        const void *inner = target(field, object);

        put(out, "%s%s=", i > 0 ? ", " : "", field->name);
        if (field->type == NULL) {
            print_plain(out, field, object);
        } else if (inner == NULL) {
            put(out, "-");
        } else {
            print_object(out, field->type, inner, depth + 1);
        }
    }
    put(out, "}");
}

size_t koken_print(char *buffer, size_t size, const struct koken_type *type, const void *object)
{
    struct printer out = {buffer, size, 0, false};

    KN_ASSERT(buffer != NULL || size == 0);
    print_object(&out, type, object, 0);
    if (size > 0) {
        buffer[out.used < size ? out.used : size - 1] = 0;
    }
    return out.used;
}

void kn_print_brief(char *text, size_t size, const struct koken_type *type, const void *message)
{
    struct printer out = {text, size, 0, true};

    KN_ASSERT(size > 0);
    if (type->fields == NULL) { /* the usual case: of a storm of drops, too */
        size_t len = strlen(type->name);
        len = len < size ? len : size - 1;
        memcpy(text, type->name, len);
        text[len] = '\0';
    } else {
        print_object(&out, type, message, 0);
    }
}

/* ---- equality ---- */

static bool equal_plain(const struct koken_field *field, const void *left, const void *right)
{
    if (!is_long_double(field)) {
        return memcmp(at(field, left), at(field, right), plain_size(field)) == 0;
    }
    for (uint32_t i = 0; i < field->count; i++) {
        long double a;
        long double b;

        memcpy(&a, at(field, left) + i * sizeof a, sizeof a);
        memcpy(&b, at(field, right) + i * sizeof b, sizeof b);
        if (!(a == b) && !(a != a && b != b)) {
            return false;
        }
    }
    return true;
}

static int equal_objects(const struct koken_type *type, const void *left, const void *right,
                         unsigned depth)
{
    while (left != right) { /* ends: follows last fields, and a graph of isos has no cycle */
        const struct koken_type *next_type = NULL;
        const void *next_left = NULL;
        const void *next_right = NULL;

        if (left == NULL || right == NULL) {
            return 0;
        }
        if (type->fields == NULL) {
            return memcmp(left, right, type->size) == 0;
        }
        for (uint32_t i = 0; i < type->field_count; i++) {
            const struct koken_field *field = &type->fields[i];
            int rc;

            if (field->type == NULL) {
                rc = equal_plain(field, left, right);
            } else if (i + 1 == type->field_count) {
                next_type = field->type;
                next_left = target(field, left);
                next_right = target(field, right);
                rc = 1;
            } else if (depth == KOKEN_DEPTH_MAX) {
                rc = -E2BIG;
            } else {
                rc = equal_objects(field->type, target(field, left), target(field, right),
                                   depth + 1);
            }
            if (rc != 1) {
                return rc;
            }
        }
        type = next_type;
        left = next_left;
        right = next_right;
    }
    return 1;
}

int koken_equal(const struct koken_type *type, const void *left, const void *right)
{
    return equal_objects(type, left, right, 0);
}

/* ---- hash ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t mix_bytes(uint64_t hash, const char *from, size_t size)
{
    for (; size >= sizeof hash; from += sizeof hash, size -= sizeof hash) {
        hash = mix(hash, read_unsigned(from, sizeof hash));
    }
    return size > 0 ? mix(hash, read_unsigned(from, size)) : hash;
}

static uint64_t hash_plain(uint64_t hash, const struct koken_field *field, const void *object)
{
    if (!is_long_double(field)) {
        return mix_bytes(hash, at(field, object), plain_size(field));
    }
    for (uint32_t i = 0; i < field->count; i++) {
        long double wide;
        double narrow;

        memcpy(&wide, at(field, object) + i * sizeof wide, sizeof wide);
        narrow = wide != wide ? 0.5 : wide == 0 ? 0.0 : (double)wide;
        hash = mix_bytes(hash, (const char *)&narrow, sizeof narrow);
    }
    return hash;
}

static uint64_t hash_object(uint64_t hash, const struct koken_type *type, const void *object,
                            unsigned depth)
{
    while (object != NULL) { /* ends: as in equal_objects() */
        const struct koken_type *next_type = NULL;
        const void *next = NULL;

        if (type->fields == NULL) {
            return mix_bytes(hash, object, type->size);
        }
        for (uint32_t i = 0; i < type->field_count; i++) {
            const struct koken_field *field = &type->fields[i];

            if (field->type == NULL) {
                hash = hash_plain(hash, field, object);
            } else if (i + 1 == type->field_count) {
                next_type = field->type;
                next = target(field, object);
            } else if (depth < KOKEN_DEPTH_MAX) {
                hash = hash_object(mix(hash, i), field->type, target(field, object), depth + 1);
            }
        }
        hash = mix(hash, next != NULL);
        type = next_type;
        object = next;
    }
    return hash;
}

uint64_t koken_hash(const struct koken_type *type, const void *object)
{
    return hash_object(UINT64_C(0x6b6f6b656e), type, object, 0);
}

/* ---- copy ---- */

int koken_copy(const struct koken_type *type, void *ret_object, const void *object)
{
    KN_ASSERT(ret_object != object);
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].kind == KOKEN_FIELD_REF || type->fields[i].kind == KOKEN_FIELD_OWN) {
            return -ENOTSUP;
        }
    }
    return kn_payload_copy_fields(type, ret_object, object);
}
