/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads: data that agents pass to each other by handle instead of copying it. One list of fields
 * yields the struct, its handle types and its description:
 *
 *     KOKEN_PAYLOAD(order,
 *                   (plain, long, price),         a number
 *                   (array, char, symbol, 8),     numbers
 *                   (iso, leg, leg),              a payload that this one owns alone
 *                   (val, text, note),            an immutable payload, shared
 *                   (tag, reply_to));             the name of an agent
 *
 * declares struct order and
 *
 *     order_iso   unique, writable; may be sent, and is then gone from here
 *     order_val   immutable for ever, its whole graph too; may be sent and shared
 *     order_ref   local to one agent, writable, may have aliases; never sent
 *     order_box   local, read-only view
 *     order_tag   identity only: comparable, not readable; may be sent
 *
 * and the messages order_iso and order_val. There is no way to write a field that is a ref or a
 * raw pointer: what is inside a payload may cross to another agent. <koken/caps.h> has the
 * operations.
 *
 * In a release build a handle is one pointer. C only: a C++ program sees the descriptions.
 */
#ifndef KOKEN_PAYLOAD_H
#define KOKEN_PAYLOAD_H

#include <koken/error.h>
#include <koken/macros.h>
#include <koken/message.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* At most this many fields in a payload, letter or state. */
#define KOKEN_FIELDS_MAX 32

enum koken_field_kind {
    KOKEN_FIELD_PLAIN,
    KOKEN_FIELD_ARRAY,
    KOKEN_FIELD_ISO,
    KOKEN_FIELD_VAL,
    KOKEN_FIELD_TAG,
    KOKEN_FIELD_REF, /* states only */
    KOKEN_FIELD_OWN, /* states only: memory of the agent, of which koken knows nothing */
    KOKEN_FIELD_KIND_COUNT_
};

/* How the bytes of a plain field are to be read. */
enum koken_number {
    KOKEN_NUMBER_NONE,
    KOKEN_NUMBER_SIGNED,
    KOKEN_NUMBER_UNSIGNED,
    KOKEN_NUMBER_FLOAT,
    KOKEN_NUMBER_BOOL,
    KOKEN_NUMBER_CHAR,
};

/* struct koken_field describes one field. Made by the macros below. */
struct koken_field {
    const char *name;
    const struct koken_type *type; /* of what an iso, val or ref field points to; else NULL */
    uint32_t offset;
    uint32_t size;   /* bytes of the whole field */
    uint32_t count;  /* elements of an array, else 1 */
    uint16_t kind;   /* enum koken_field_kind */
    uint16_t number; /* enum koken_number */
};

/*
 * koken_payload_census writes up to room rows, one for each type of which there ever was a payload in this
 * process, and answers how many there are. A val counts once. The figures are exact while nobody makes or gives
 * back payloads; of more than 128 types the latest are left out. Thread: any.
 */
struct koken_census {
    const struct koken_type *type;
    uint64_t alive;
    uint64_t bytes; /* of the payloads themselves, without headers */
};
KOKEN_API size_t koken_payload_census(struct koken_census *ret_rows, size_t room);

#ifndef __cplusplus

#if defined(__clang__) && defined(KOKEN_LINT)
#define KOKEN_CAPABILITY_(name) __attribute__((capability(name)))
#else
#define KOKEN_CAPABILITY_(name)
#endif

/* Words that name a capability in _Generic and, under clang, a lock that a variable holds. */
struct KOKEN_CAPABILITY_("iso") koken_is_iso_;
struct KOKEN_CAPABILITY_("val") koken_is_val_;
struct koken_is_ref_;
struct koken_is_box_;
struct koken_is_tag_;

#ifdef KOKEN_CAPS_DEBUG
#define KOKEN_GENERATION_ uint32_t generation_;
#else
#define KOKEN_GENERATION_
#endif

#define KOKEN_TRAIT_iso_ KOKEN_CAPABILITY_("iso")
#define KOKEN_TRAIT_val_ KOKEN_CAPABILITY_("val")
#define KOKEN_TRAIT_ref_
#define KOKEN_TRAIT_box_
#define KOKEN_TRAIT_tag_

/*
 * A handle. Members of length zero carry what _Generic asks for: cap_ names the capability, and
 * turns const where the handle is reached through const, so that the language itself computes what
 * a field may be used for from where it is seen; the others name the sister types.
 */
#define KOKEN_HANDLE_(T, CAP, QUALIFIER, TARGET)                                                   \
    typedef struct KOKEN_TRAIT_##CAP##_ T##_##CAP {                                                \
        QUALIFIER struct TARGET *ptr_;                                                             \
        KOKEN_GENERATION_                                                                          \
        __extension__ struct koken_is_##CAP##_ *cap_[0];                                           \
        __extension__ struct T##_iso *as_iso_[0];                                                  \
        __extension__ struct T##_val *as_val_[0];                                                  \
        __extension__ struct T##_ref *as_ref_[0];                                                  \
        __extension__ struct T##_box *as_box_[0];                                                  \
        __extension__ struct T##_tag *as_tag_[0];                                                  \
    } T##_##CAP;

/* KOKEN_PAYLOAD_NAME(name) declares the handle types of a payload whose fields follow later. */
#define KOKEN_PAYLOAD_NAME(T)                                                                      \
    struct T;                                                                                      \
    struct T##_nobody_reads_;                                                                      \
    struct T##_iso;                                                                                \
    struct T##_val;                                                                                \
    struct T##_ref;                                                                                \
    struct T##_box;                                                                                \
    struct T##_tag;                                                                                \
    KOKEN_HANDLE_(T, iso, , T)                                                                     \
    KOKEN_HANDLE_(T, val, const, T)                                                                \
    KOKEN_HANDLE_(T, ref, , T)                                                                     \
    KOKEN_HANDLE_(T, box, const, T)                                                                \
    KOKEN_HANDLE_(T, tag, , T##_nobody_reads_)                                                     \
    extern const struct koken_type koken_payload_##T KOKEN_WEAK_

/* KOKEN_PAYLOAD_FIELDS(name, fields...) is the second half of KOKEN_PAYLOAD, for mutual recursion.
 */
#define KOKEN_PAYLOAD_FIELDS(T, ...)                                                               \
    KOKEN_CHECK_FIELDS_(T, PAYLOAD, __VA_ARGS__)                                                   \
    struct T {                                                                                     \
        __extension__ char koken_payload_[0];                                                      \
        KOKEN_LIST_(KOKEN_DECLARE_, T, PAYLOAD, __VA_ARGS__)                                       \
    };                                                                                             \
    extern const struct koken_type koken_type_##T##_iso KOKEN_WEAK_;                               \
    extern const struct koken_type koken_type_##T##_val KOKEN_WEAK_;                               \
    KOKEN_DESCRIBE_(koken_payload_##T, T, PAYLOAD, koken_release_##T##_, &koken_type_##T##_iso,    \
                    &koken_type_##T##_val, __VA_ARGS__)                                            \
    KOKEN_HANDLE_MESSAGE_(T, iso, KOKEN_FIELD_ISO)                                                 \
    KOKEN_HANDLE_MESSAGE_(T, val, KOKEN_FIELD_VAL)                                                 \
    struct T /* the user's semicolon ends this */

/* KOKEN_PAYLOAD(name, fields...) declares a payload. */
#define KOKEN_PAYLOAD(T, ...)                                                                      \
    KOKEN_PAYLOAD_NAME(T);                                                                         \
    KOKEN_PAYLOAD_FIELDS(T, __VA_ARGS__)

/*
 * KOKEN_LETTER(name, fields...) declares a message by its fields, some of which may be handles.
 * What is still in it after it was handled, or when it cannot be delivered, is given back by the
 * runtime. koken_give_letter sends it from a variable.
 */
#define KOKEN_LETTER(T, ...)                                                                       \
    struct T;                                                                                      \
    extern const struct koken_type koken_type_##T KOKEN_WEAK_;                                     \
    KOKEN_CHECK_FIELDS_(T, LETTER, __VA_ARGS__)                                                    \
    struct T {                                                                                     \
        KOKEN_LIST_(KOKEN_DECLARE_, T, LETTER, __VA_ARGS__)                                        \
    };                                                                                             \
    KOKEN_STATIC_ASSERT_(sizeof(struct T) <= KOKEN_PAYLOAD_MAX,                                    \
                         "koken: letter " #T " is larger than 224 bytes: put the data into a "     \
                         "payload and send its iso or val");                                       \
    enum { koken_holds_##T##_ = 0 KOKEN_LIST_(KOKEN_HOLDS_, T, LETTER, __VA_ARGS__) };             \
    KOKEN_DESCRIBE_(koken_type_##T, T, LETTER, koken_release_##T##_, NULL, NULL, __VA_ARGS__)      \
    struct T /* the user's semicolon ends this */

/*
 * KOKEN_STATE(name, fields...) declares the private state of an agent: the kinds of a payload, and
 * (ref, payload, name) and (own, type, name), a pointer to memory that only this agent uses.
 * koken_state_NAME describes it; koken_release(NAME, self) gives back its handles.
 */
#define KOKEN_STATE(T, ...)                                                                        \
    struct T;                                                                                      \
    extern const struct koken_type koken_state_##T KOKEN_WEAK_;                                    \
    KOKEN_CHECK_FIELDS_(T, STATE, __VA_ARGS__)                                                     \
    struct T {                                                                                     \
        KOKEN_LIST_(KOKEN_DECLARE_, T, STATE, __VA_ARGS__)                                         \
    };                                                                                             \
    KOKEN_DESCRIBE_(koken_state_##T, T, STATE, koken_release_##T##_, NULL, NULL, __VA_ARGS__)      \
    struct T /* the user's semicolon ends this */

/* koken_release(name, self) gives back every iso and val in a state and empties its fields. */
#define koken_release(T, self) koken_release_fields_(&koken_state_##T, (struct T *){(self)})

/* Gives back every iso and val in an object of that type, and empties the fields. */
KOKEN_API void koken_release_fields_(const struct koken_type *type, void *object);

/* ---- what a field list expands to ---- */

/* Marks code of this library for the lint, which looks only at what is outside of it. */
#define KOKEN_CAPS_(...) __VA_ARGS__

#define KOKEN_LIST_(M, T, WHERE, ...)                                                              \
    KOKEN_CAT_(KOKEN_LIST_, KOKEN_FITS_(__VA_ARGS__))(M, T, WHERE, __VA_ARGS__)
#define KOKEN_LIST_1(M, T, WHERE, ...) KOKEN_EACH_(M, T, WHERE, __VA_ARGS__)
#define KOKEN_LIST_0(M, T, WHERE, ...)

/* 1 for 1 to 32 rows, 0 for more; of more than 64 the pick is the row at that place. */
#define KOKEN_FITS_(...) KOKEN_FITS2_(KOKEN_FITS64_(__VA_ARGS__))
#define KOKEN_FITS2_(n) KOKEN_CAT_(KOKEN_FITS_ROW_, KOKEN_IS_ROW_(n))(n)
#define KOKEN_FITS_ROW_0(n) n
#define KOKEN_FITS_ROW_1(n) 0
#define KOKEN_IS_ROW_(x) KOKEN_SECOND_(KOKEN_ROW_BEGINS_ x, 0, 0)
#define KOKEN_ROW_BEGINS_(...) , 1
#define KOKEN_FITS64_(...)                                                                         \
    KOKEN_PICK64_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   \
                  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, \
                  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
#define KOKEN_PICK64_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16,   \
                      a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31,   \
                      a32, a33, a34, a35, a36, a37, a38, a39, a40, a41, a42, a43, a44, a45, a46,   \
                      a47, a48, a49, a50, a51, a52, a53, a54, a55, a56, a57, a58, a59, a60, a61,   \
                      a62, a63, n, ...)                                                            \
    n

/* A kind that exists where it is used has a macro that starts with a comma. */
#define KOKEN_KNOWN_PAYLOAD_plain_ , 1
#define KOKEN_KNOWN_PAYLOAD_array_ , 1
#define KOKEN_KNOWN_PAYLOAD_iso_ , 1
#define KOKEN_KNOWN_PAYLOAD_val_ , 1
#define KOKEN_KNOWN_PAYLOAD_tag_ , 1
#define KOKEN_KNOWN_LETTER_plain_ , 1
#define KOKEN_KNOWN_LETTER_array_ , 1
#define KOKEN_KNOWN_LETTER_iso_ , 1
#define KOKEN_KNOWN_LETTER_val_ , 1
#define KOKEN_KNOWN_LETTER_tag_ , 1
#define KOKEN_KNOWN_STATE_plain_ , 1
#define KOKEN_KNOWN_STATE_array_ , 1
#define KOKEN_KNOWN_STATE_iso_ , 1
#define KOKEN_KNOWN_STATE_val_ , 1
#define KOKEN_KNOWN_STATE_tag_ , 1
#define KOKEN_KNOWN_STATE_ref_ , 1
#define KOKEN_KNOWN_STATE_own_ , 1
#define KOKEN_IS_KNOWN_(WHERE, KIND) KOKEN_SECOND_(KOKEN_KNOWN_##WHERE##_##KIND##_, 0, 0)
#define KOKEN_SECOND_(...) KOKEN_SECOND2_(__VA_ARGS__)
#define KOKEN_SECOND2_(first, second, ...) second

/* Checks that need no complete type come first: theirs is the first line that a mistake prints. */
#define KOKEN_CHECK_FIELDS_(T, WHERE, ...)                                                         \
    KOKEN_STATIC_ASSERT_(KOKEN_IS_ROW_(KOKEN_FIRST_(__VA_ARGS__)),                                 \
                         "koken: " #T " holds nothing, or fields that are not rows in "            \
                         "parentheses: (plain, long, price)");                                     \
    KOKEN_STATIC_ASSERT_(KOKEN_FITS_(__VA_ARGS__),                                                 \
                         "koken: " #T " has more than 32 fields: move some into a payload of "     \
                         "their own and refer to it by iso or val");                               \
    KOKEN_LIST_(KOKEN_CHECK_, T, WHERE, __VA_ARGS__)
#define KOKEN_CHECK_(T, WHERE, KIND, ...)                                                          \
    KOKEN_STATIC_ASSERT_(KOKEN_IS_KNOWN_(WHERE, KIND),                                             \
                         "koken: " #T ": there is no field kind '" #KIND                           \
                         "' here: a payload has plain, array, iso, val, tag; a state also ref, "   \
                         "own");                                                                   \
    KOKEN_CAT_(KOKEN_CHECK_KIND_, KOKEN_IS_KNOWN_(WHERE, KIND))(T, KIND, __VA_ARGS__)
#define KOKEN_CHECK_KIND_0(T, KIND, ...)
#define KOKEN_CHECK_KIND_1(T, KIND, ...) KOKEN_CHECK_##KIND##_(T, __VA_ARGS__)
#define KOKEN_CHECK_plain_(T, TYPE, NAME)                                                          \
    KOKEN_STATIC_ASSERT_(!__builtin_types_compatible_p(TYPE, struct T),                            \
                         "koken: " #T ": field '" #NAME "' contains the type that is being "       \
                         "declared: use (iso, " #T ", " #NAME ")");
#define KOKEN_CHECK_array_(T, TYPE, NAME, COUNT) KOKEN_CHECK_plain_(T, TYPE, NAME)
#define KOKEN_CHECK_iso_(T, OF, NAME)
#define KOKEN_CHECK_val_(T, OF, NAME)
#define KOKEN_CHECK_tag_(T, NAME)
#define KOKEN_CHECK_ref_(T, OF, NAME)
#define KOKEN_CHECK_own_(T, TYPE, NAME)

/* The members. */
#define KOKEN_DECLARE_(T, WHERE, KIND, ...)                                                        \
    KOKEN_CAT_(KOKEN_DECLARE_KIND_, KOKEN_IS_KNOWN_(WHERE, KIND))(KIND, __VA_ARGS__)
#define KOKEN_DECLARE_KIND_0(KIND, ...)
#define KOKEN_DECLARE_KIND_1(KIND, ...) KOKEN_DECLARE_##KIND##_(__VA_ARGS__)
#define KOKEN_DECLARE_plain_(TYPE, NAME) TYPE NAME;
#define KOKEN_DECLARE_array_(TYPE, NAME, COUNT) TYPE NAME[COUNT];
#define KOKEN_DECLARE_iso_(OF, NAME) OF##_iso NAME;
#define KOKEN_DECLARE_val_(OF, NAME) OF##_val NAME;
#define KOKEN_DECLARE_tag_(NAME) koken_ref NAME;
#define KOKEN_DECLARE_ref_(OF, NAME) OF##_ref NAME;
#define KOKEN_DECLARE_own_(TYPE, NAME) TYPE NAME;

/* What a plain field may be: numbers. 5 is a pointer, 12 a struct, 13 a union for the compilers. */
#define KOKEN_VERIFY_(T, WHERE, KIND, ...)                                                         \
    KOKEN_CAT_(KOKEN_VERIFY_KIND_, KOKEN_IS_KNOWN_(WHERE, KIND))(T, WHERE, KIND, __VA_ARGS__)
#define KOKEN_VERIFY_KIND_0(T, WHERE, KIND, ...)
#define KOKEN_VERIFY_KIND_1(T, WHERE, KIND, ...) KOKEN_VERIFY_##KIND##_(T, WHERE, __VA_ARGS__)
#define KOKEN_VERIFY_plain_(T, WHERE, TYPE, NAME)                                                  \
    KOKEN_STATIC_ASSERT_(__builtin_classify_type((TYPE){0}) != 5,                                  \
                         KOKEN_NO_POINTER_##WHERE##_(T, TYPE, NAME));                              \
    KOKEN_STATIC_ASSERT_(                                                                          \
        __builtin_classify_type((TYPE){0}) == 5 || __builtin_classify_type((TYPE){0}) < 12,        \
        "koken: " #T ": field '" #NAME "' (" #TYPE ") is not a number: a payload "                 \
        "inside is (iso, ...) or (val, ...), an agent (tag, ...); a ref or box "                   \
        "is local to its agent");
#define KOKEN_NO_POINTER_PAYLOAD_(T, TYPE, NAME)                                                   \
    "koken: " #T ": field '" #NAME "' is a raw pointer (" #TYPE                                    \
    "): it may not travel between agents; use iso, val or tag"
#define KOKEN_NO_POINTER_LETTER_(T, TYPE, NAME) KOKEN_NO_POINTER_PAYLOAD_(T, TYPE, NAME)
#define KOKEN_NO_POINTER_STATE_(T, TYPE, NAME)                                                     \
    "koken: " #T ": field '" #NAME "' is a raw pointer (" #TYPE                                    \
    "): it could keep a borrowed payload; use iso, val, ref or tag, or (own, ...) for memory of "  \
    "the agent"
#define KOKEN_VERIFY_array_(T, WHERE, TYPE, NAME, COUNT) KOKEN_VERIFY_plain_(T, WHERE, TYPE, NAME)
#define KOKEN_VERIFY_iso_(T, WHERE, OF, NAME)
#define KOKEN_VERIFY_val_(T, WHERE, OF, NAME)
#define KOKEN_VERIFY_tag_(T, WHERE, NAME)
#define KOKEN_VERIFY_ref_(T, WHERE, OF, NAME)
#define KOKEN_VERIFY_own_(T, WHERE, TYPE, NAME)                                                    \
    KOKEN_STATIC_ASSERT_(__builtin_classify_type((TYPE){0}) == 5,                                  \
                         "koken: " #T ": field '" #NAME "' (" #TYPE ") is not a pointer: own is "  \
                         "for memory that the agent allocates");

/* Does a letter hold handles? Then it may not be sent by value. */
#define KOKEN_HOLDS_(T, WHERE, KIND, ...)                                                          \
    KOKEN_CAT_(KOKEN_HOLDS_KIND_, KOKEN_IS_KNOWN_(WHERE, KIND))(KIND)
#define KOKEN_HOLDS_KIND_0(KIND)
#define KOKEN_HOLDS_KIND_1(KIND) KOKEN_HOLDS_##KIND##_
#define KOKEN_HOLDS_plain_
#define KOKEN_HOLDS_array_
#define KOKEN_HOLDS_iso_ | 1
#define KOKEN_HOLDS_val_ | 1
#define KOKEN_HOLDS_tag_

/* One row of the description. */
#define KOKEN_ROW_OF_(T, WHERE, KIND, ...)                                                         \
    KOKEN_CAT_(KOKEN_ROW_KIND_, KOKEN_IS_KNOWN_(WHERE, KIND))(T, KIND, __VA_ARGS__)
#define KOKEN_ROW_KIND_0(T, KIND, ...)
#define KOKEN_ROW_KIND_1(T, KIND, ...) KOKEN_ROW_##KIND##_(T, __VA_ARGS__)
#define KOKEN_ROW_MAKE_(T, NAME, TYPE, COUNT, KIND, NUMBER)                                        \
    {#NAME,                                                                                        \
     TYPE,                                                                                         \
     (uint32_t)offsetof(struct T, NAME),                                                           \
     (uint32_t)KOKEN_CAPS_(sizeof(((struct T *)0)->NAME)),                                         \
     COUNT,                                                                                        \
     KIND,                                                                                         \
     NUMBER},
#define KOKEN_ROW_plain_(T, TYPE, NAME)                                                            \
    KOKEN_ROW_MAKE_(T, NAME, NULL, 1, KOKEN_FIELD_PLAIN, KOKEN_NUMBER_OF_(TYPE))
#define KOKEN_ROW_array_(T, TYPE, NAME, COUNT)                                                     \
    KOKEN_ROW_MAKE_(T, NAME, NULL, COUNT, KOKEN_FIELD_ARRAY, KOKEN_NUMBER_OF_(TYPE))
#define KOKEN_ROW_iso_(T, OF, NAME)                                                                \
    KOKEN_ROW_MAKE_(T, NAME, &koken_payload_##OF, 1, KOKEN_FIELD_ISO, KOKEN_NUMBER_NONE)
#define KOKEN_ROW_val_(T, OF, NAME)                                                                \
    KOKEN_ROW_MAKE_(T, NAME, &koken_payload_##OF, 1, KOKEN_FIELD_VAL, KOKEN_NUMBER_NONE)
#define KOKEN_ROW_tag_(T, NAME)                                                                    \
    KOKEN_ROW_MAKE_(T, NAME, NULL, 1, KOKEN_FIELD_TAG, KOKEN_NUMBER_UNSIGNED)
#define KOKEN_ROW_ref_(T, OF, NAME)                                                                \
    KOKEN_ROW_MAKE_(T, NAME, &koken_payload_##OF, 1, KOKEN_FIELD_REF, KOKEN_NUMBER_NONE)
#define KOKEN_ROW_own_(T, TYPE, NAME)                                                              \
    KOKEN_ROW_MAKE_(T, NAME, NULL, 1, KOKEN_FIELD_OWN, KOKEN_NUMBER_NONE)
#define KOKEN_NUMBER_OF_(TYPE)                                                                     \
    _Generic((TYPE){0}, char                                                                       \
             : KOKEN_NUMBER_CHAR, _Bool                                                            \
             : KOKEN_NUMBER_BOOL, float                                                            \
             : KOKEN_NUMBER_FLOAT, double                                                          \
             : KOKEN_NUMBER_FLOAT, long double                                                     \
             : KOKEN_NUMBER_FLOAT, unsigned char                                                   \
             : KOKEN_NUMBER_UNSIGNED, unsigned short                                               \
             : KOKEN_NUMBER_UNSIGNED, unsigned int                                                 \
             : KOKEN_NUMBER_UNSIGNED, unsigned long                                                \
             : KOKEN_NUMBER_UNSIGNED, unsigned long long                                           \
             : KOKEN_NUMBER_UNSIGNED, default                                                      \
             : KOKEN_NUMBER_SIGNED)

#define KOKEN_ALIGN_MAX_PAYLOAD_ 32
#define KOKEN_ALIGN_MAX_LETTER_ 32
#define KOKEN_ALIGN_MAX_STATE_ 64

/* Two more rows follow the last field: of a payload, the messages that its iso and val are. */
#define KOKEN_DESCRIBE_(OBJECT, T, WHERE, RELEASE, ISO, VAL, ...)                                  \
    KOKEN_LIST_(KOKEN_VERIFY_, T, WHERE, __VA_ARGS__)                                              \
    KOKEN_STATIC_ASSERT_(sizeof(struct T) > 0, "koken: " #T " holds nothing: give it a field");    \
    KOKEN_STATIC_ASSERT_(KOKEN_ALIGNOF_(struct T) <= KOKEN_ALIGN_MAX_##WHERE##_,                   \
                         "koken: " #T " needs an alignment of more than 32 bytes (a state: 64)");  \
    static const struct koken_field koken_fields_##T##_[] = {                                      \
        KOKEN_LIST_(KOKEN_ROW_OF_, T, WHERE, __VA_ARGS__){NULL, ISO, 0, 0, 0, 0, 0},               \
        {NULL, VAL, 0, 0, 0, 0, 0}};                                                               \
    static void RELEASE(void *object) __attribute__((unused));                                     \
    static void RELEASE(void *object)                                                              \
    {                                                                                              \
        koken_release_fields_(&OBJECT, object);                                                    \
    }                                                                                              \
    const struct koken_type OBJECT = {                                                             \
        #T,                                                                                        \
        (uint32_t)sizeof(struct T),                                                                \
        (uint32_t) _Alignof(struct T),                                                             \
        koken_fields_##T##_,                                                                       \
        (uint32_t)(sizeof koken_fields_##T##_ / sizeof koken_fields_##T##_[0] - 2),                \
        0,                                                                                         \
        RELEASE};

/* The message that is nothing but a handle: its payload is the handle, its drop gives it back. */
#define KOKEN_HANDLE_MESSAGE_(T, CAP, KIND)                                                        \
    enum { koken_holds_##T##_##CAP##_ = 1 };                                                       \
    static const struct koken_field koken_fields_##T##_##CAP##_[] = {                              \
        {#T, &koken_payload_##T, 0, (uint32_t)sizeof(struct T##_##CAP), 1, KIND, 0}};              \
    static void koken_release_##T##_##CAP##_(void *object) __attribute__((unused));                \
    static void koken_release_##T##_##CAP##_(void *object)                                         \
    {                                                                                              \
        koken_release_fields_(&koken_type_##T##_##CAP, object);                                    \
    }                                                                                              \
    const struct koken_type koken_type_##T##_##CAP = {#T "_" #CAP,                                 \
                                                      (uint32_t)sizeof(struct T##_##CAP),          \
                                                      (uint32_t) _Alignof(struct T##_##CAP),       \
                                                      koken_fields_##T##_##CAP##_,                 \
                                                      1,                                           \
                                                      0,                                           \
                                                      koken_release_##T##_##CAP##_};

#endif /* C */

#ifdef __cplusplus
}
#endif

#endif
