/* SPDX-License-Identifier: Apache-2.0 */
/* Preprocessor helpers of the public headers. Nothing here is for users; all names end in _. */
#ifndef KOKEN_MACROS_H
#define KOKEN_MACROS_H

#define KOKEN_CAT_(a, b) KOKEN_CAT2_(a, b)
#define KOKEN_CAT2_(a, b) a##b

/* 1 if there is no argument after the first, else N: KOKEN_MORE_(x) -> 0, KOKEN_MORE_(x, y, ...)
 * -> 1. */
#define KOKEN_MORE_(...)                                                                           \
    KOKEN_PICK_(__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  \
                1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)
#define KOKEN_PICK_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16,     \
                    a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31,     \
                    a32, n, ...)                                                                   \
    n

/* The value (struct NAME){ fields }, or all zero when no field is given. */
#define KOKEN_VALUE_(...) KOKEN_CAT_(KOKEN_VALUE_, KOKEN_MORE_(__VA_ARGS__))(__VA_ARGS__)
#define KOKEN_VALUE_0(NAME) ((struct NAME){0})
#define KOKEN_VALUE_1(NAME, ...) ((struct NAME){__VA_ARGS__})

/* The first of several arguments. */
#define KOKEN_FIRST_(...) KOKEN_FIRST2_(__VA_ARGS__, 0)
#define KOKEN_FIRST2_(first, ...) first

/* A pointer to options { fields }, or NULL when no field is given. The first argument is skipped.
 */
#define KOKEN_OPTIONS_(TYPE, ...)                                                                  \
    KOKEN_CAT_(KOKEN_OPTIONS_, KOKEN_MORE_(__VA_ARGS__))(TYPE, __VA_ARGS__)
#define KOKEN_OPTIONS_0(TYPE, skipped) ((const TYPE *)NULL)
#define KOKEN_OPTIONS_1(TYPE, skipped, ...) (&(const TYPE){__VA_ARGS__})

/* KOKEN_EACH_(M, a, b, (k, x, y), ...) -> M(a, b, k, x, y) for each parenthesised row; up to 32
 * rows. */
#define KOKEN_COUNT_(...)                                                                          \
    KOKEN_PICK_(0, __VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,    \
                16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define KOKEN_EACH_(M, a, b, ...)                                                                  \
    KOKEN_CAT_(KOKEN_EACH_, KOKEN_COUNT_(__VA_ARGS__))(M, a, b, __VA_ARGS__)
#define KOKEN_ROW_(M, a, b, row) KOKEN_ROW2_(M, a, b, KOKEN_UNWRAP_ row)
#define KOKEN_UNWRAP_(...) __VA_ARGS__
#define KOKEN_ROW2_(M, ...) M(__VA_ARGS__)
#define KOKEN_EACH_1(M, a, b, r) KOKEN_ROW_(M, a, b, r)
#define KOKEN_EACH_2(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_1(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_3(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_2(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_4(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_3(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_5(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_4(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_6(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_5(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_7(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_6(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_8(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_7(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_9(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_8(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_10(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_9(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_11(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_10(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_12(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_11(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_13(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_12(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_14(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_13(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_15(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_14(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_16(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_15(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_17(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_16(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_18(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_17(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_19(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_18(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_20(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_19(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_21(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_20(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_22(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_21(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_23(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_22(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_24(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_23(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_25(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_24(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_26(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_25(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_27(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_26(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_28(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_27(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_29(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_28(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_30(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_29(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_31(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_30(M, a, b, __VA_ARGS__)
#define KOKEN_EACH_32(M, a, b, r, ...) KOKEN_ROW_(M, a, b, r) KOKEN_EACH_31(M, a, b, __VA_ARGS__)

#endif
