/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: declared once, typed from the sender's fields to the receiver's handler.
 *
 *     KOKEN_MESSAGE(price, { uint32_t symbol; double bid; });
 *     KOKEN_EVENT(tick);
 *
 * declares `struct price` and its description koken_type_price. A message of up to 224 bytes
 * travels inside its envelope and is copied once, at the send. Larger data travels by an iso or val
 * handle.
 */
#ifndef KOKEN_MESSAGE_H
#define KOKEN_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct koken_field;

/* The largest payload that an envelope carries, in bytes. */
#define KOKEN_PAYLOAD_MAX 224u

/*
 * struct koken_type describes a message type. One object exists per type and process; its address
 * is the type's identity. Made by KOKEN_MESSAGE and its kin, never by hand.
 */
struct koken_type {
    const char *name;
    uint32_t size;  /* bytes of payload */
    uint32_t align; /* bytes; at most 32 */
    const struct koken_field
        *fields; /* description of the fields, NULL when declared as a plain struct */
    uint32_t field_count;
    uint32_t flags;              /* 0; room for later */
    void (*drop)(void *payload); /* gives back what an undelivered payload holds; NULL: nothing */
};

#if defined(__GNUC__)
#define KOKEN_WEAK_ __attribute__((weak, visibility("default")))
#else
#error "koken needs gcc or clang"
#endif

#ifdef __cplusplus
#define KOKEN_STATIC_ASSERT_(cond, text) static_assert(cond, text)
#define KOKEN_ALIGNOF_(T) alignof(T)
#else
#define KOKEN_STATIC_ASSERT_(cond, text) _Static_assert(cond, text)
#define KOKEN_ALIGNOF_(T) _Alignof(T)
#endif

/*
 * What is in a message crosses to another agent: a raw pointer in it does not compile. The compiler is shown an
 * initialiser that fits every number and no pointer, of a type whose name says so: a double for clang, an enum
 * for gcc, which would not print the former's name. It reaches into arrays and nested structs, and finds the pointer
 * in a handle (those travel by KOKEN_LETTER); of a union it sees the first member. C only.
 */
#ifdef __cplusplus
#define KOKEN_NO_POINTERS_(NAME)
#define KOKEN_PLAIN_(x) ((void)0)
#else
#ifdef __clang__
typedef double koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_;
typedef double koken_an_argument_holds_no_raw_pointer__use_koken_spawn_given_;
#define KOKEN_NUMBER_ ((koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_)0)
extern const koken_an_argument_holds_no_raw_pointer__use_koken_spawn_given_ koken_;
#else
enum koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_ { KOKEN_NUMBER_ONE_ = 1 };
enum koken_an_argument_holds_no_raw_pointer__use_koken_spawn_given_ { KOKEN_GIVEN_ONE_ = 1 };
#define KOKEN_NUMBER_ ((enum koken_a_message_holds_no_raw_pointer__use_iso_val_or_tag_)1)
extern const enum koken_an_argument_holds_no_raw_pointer__use_koken_spawn_given_ koken_;
#endif
#define KOKEN_X4_(x) x, x, x, x
#define KOKEN_X16_(x) KOKEN_X4_(x), KOKEN_X4_(x), KOKEN_X4_(x), KOKEN_X4_(x)
#define KOKEN_X64_(x) KOKEN_X16_(x), KOKEN_X16_(x), KOKEN_X16_(x), KOKEN_X16_(x)
#define KOKEN_X232_(x)                                                                             \
    KOKEN_X64_(x), KOKEN_X64_(x), KOKEN_X64_(x), KOKEN_X16_(x), KOKEN_X16_(x), KOKEN_X4_(x),       \
        KOKEN_X4_(x)
#define KOKEN_QUIET_                                                                               \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmissing-braces\"")          \
        _Pragma("GCC diagnostic ignored \"-Woverflow\"")                                           \
            _Pragma("GCC diagnostic ignored \"-Wenum-conversion\"")                                \
                _Pragma("GCC diagnostic error \"-Wint-conversion\"")
/* koken_rest takes what the message has no field for. */
#define KOKEN_NO_POINTERS_(NAME)                                                                   \
    KOKEN_QUIET_                                                                                   \
    KOKEN_STATIC_ASSERT_(sizeof((struct {                                                          \
                             struct NAME koken_message;                                            \
                             char koken_rest[240];                                                 \
                         }){KOKEN_X232_(KOKEN_NUMBER_)}) > 0,                                      \
                         "koken: message " #NAME " holds a raw pointer");                          \
    _Pragma("GCC diagnostic pop")
/*
 * The same of what x is, in an expression. gcc reports missing braces of the inner list at the end of the list around
 * it, unless another list began in between: hence the last one. koken_ is declared only, and has a short name because
 * macros that print their arguments print this list.
 */
#define KOKEN_X392_(x)                                                                             \
    KOKEN_X64_(x), KOKEN_X64_(x), KOKEN_X64_(x), KOKEN_X64_(x), KOKEN_X64_(x), KOKEN_X64_(x),      \
        KOKEN_X4_(x), KOKEN_X4_(x)
#define KOKEN_PLAIN_(x)                                                                            \
    __extension__({                                                                                \
        KOKEN_STATIC_ASSERT_(sizeof(x) <= 384,                                                     \
                             "koken: an argument of more than 384 bytes is given by an iso");      \
        typedef __typeof__(x) koken_argument_type_;                                                \
        KOKEN_QUIET_(void)                                                                         \
        sizeof((struct {                                                                           \
            koken_argument_type_ koken_argument;                                                   \
            char koken_rest[400];                                                                  \
        }){KOKEN_X392_(koken_)});                                                                  \
        _Pragma("GCC diagnostic pop")(void) sizeof((char[1]){0});                                  \
    })
#endif

/* The description of NAME, whose struct exists already. */
#define KOKEN_TYPE_OF_(NAME, FIELDS, COUNT, DROP)                                                  \
    KOKEN_STATIC_ASSERT_(sizeof(struct NAME) <= KOKEN_PAYLOAD_MAX,                                 \
                         "koken: message " #NAME                                                   \
                         " is larger than 224 bytes: send the data by an iso or val handle");      \
    KOKEN_STATIC_ASSERT_(KOKEN_ALIGNOF_(struct NAME) <= 32,                                        \
                         "koken: message " #NAME " needs more than 32-byte alignment");            \
    extern const struct koken_type koken_type_##NAME KOKEN_WEAK_;                                  \
    const struct koken_type koken_type_##NAME = {#NAME,                                            \
                                                 (uint32_t)sizeof(struct NAME),                    \
                                                 (uint32_t)KOKEN_ALIGNOF_(struct NAME),            \
                                                 FIELDS,                                           \
                                                 COUNT,                                            \
                                                 0,                                                \
                                                 DROP};                                            \
    enum { koken_holds_##NAME##_ = 0 }; /* no handles: may be sent by value */                     \
    struct NAME                         /* the user's semicolon ends this */

/* KOKEN_MESSAGE(name, { fields }) declares struct name as a message of plain data: numbers, names of agents, arrays
 * and structs of those. */
#define KOKEN_MESSAGE(NAME, ...)                                                                   \
    struct NAME __VA_ARGS__;                                                                       \
    KOKEN_NO_POINTERS_(NAME)                                                                       \
    KOKEN_TYPE_OF_(NAME, NULL, 0, NULL)

/*
 * KOKEN_MESSAGE_TRUSTED(name, { fields }) declares a message that may hold raw pointers, to what is made for being used
 * by many agents at once (a channel, a run of a task graph, a lock-free structure) or outlives them all. The compiler
 * checks nothing of it, and koken lint reports it (R4) unless a comment beside it says `trusted: reason`.
 */
#define KOKEN_MESSAGE_TRUSTED(NAME, ...)                                                           \
    struct NAME __VA_ARGS__;                                                                       \
    KOKEN_TYPE_OF_(NAME, NULL, 0, NULL)

/* KOKEN_EVENT(name) declares a message that carries nothing but its name. */
#define KOKEN_EVENT(NAME) KOKEN_MESSAGE(NAME, { char koken_nothing; })

#ifdef __cplusplus
}
#endif

#endif
