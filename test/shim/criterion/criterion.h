/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of Criterion that the unit tests use, in one process, for the builds with sanitizers: under
 * TSan and MSan Criterion cannot run, and under ASan a process for each test costs 45 ms and hides what it
 * leaks. The same test file compiles against either. What is here is the whole subset: a test that
 * needs more does not belong into test/unit.
 *
 * Tests run in the order of the file. A failed cr_assert ends its test: the program starts itself
 * again at the next one (test/shim/shim.c), so that threads and stacks of the broken test are gone.
 * A test with .signal runs in a process of its own.
 */
#ifndef KN_TEST_SHIM_CRITERION_H
#define KN_TEST_SHIM_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shim_options {
    char first_; /* so that the list of options may be empty */
    void (*init)(void);
    void (*fini)(void);
    double timeout; /* seconds; 0: the default of shim.c */
    int signal;     /* expected; the test gets a process of its own */
    int exit_code;  /* the same */
    bool disabled;
    const char *description;
};

struct shim_test {
    struct shim_test *next;
    const char *suite;
    const char *name;
    void (*run)(void);
    struct shim_options options;
};

void shim_register(struct shim_test *test);

/* Reports a failure; when fatal it does not return. */
void shim_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#define Test(suite_, name_, ...)                                                                   \
    static void suite_##_##name_##_run(void);                                                      \
    static struct shim_test suite_##_##name_##_test = {                                            \
        .suite = #suite_,                                                                          \
        .name = #name_,                                                                            \
        .run = suite_##_##name_##_run,                                                             \
        .options = {.first_ = 0, __VA_ARGS__},                                                     \
    };                                                                                             \
    __attribute__((constructor)) static void suite_##_##name_##_register(void)                     \
    {                                                                                              \
        shim_register(&suite_##_##name_##_test);                                                   \
    }                                                                                              \
    static void suite_##_##name_##_run(void)

#define SHIM_CHECK(fatal, condition, what, ...)                                                    \
    ((condition) ? (void)0 : shim_fail((fatal), __FILE__, __LINE__, (what), " " __VA_ARGS__))

#define cr_assert(c, ...) SHIM_CHECK(true, c, #c, __VA_ARGS__)
#define cr_assert_not(c, ...) SHIM_CHECK(true, !(c), "!(" #c ")", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) SHIM_CHECK(true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) SHIM_CHECK(true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) SHIM_CHECK(true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) SHIM_CHECK(true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) SHIM_CHECK(true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) SHIM_CHECK(true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(p, ...) SHIM_CHECK(true, (p) == NULL, #p " is null", __VA_ARGS__)
#define cr_assert_not_null(p, ...) SHIM_CHECK(true, (p) != NULL, #p " is not null", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                                                \
    SHIM_CHECK(true, strcmp((a), (b)) == 0, #a " is the string " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)                                                               \
    SHIM_CHECK(true, strcmp((a), (b)) != 0, #a " is not the string " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...)                                                          \
    SHIM_CHECK(true, memcmp((a), (b), (size)) == 0, #a " is the array " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, epsilon, ...)                                                     \
    SHIM_CHECK(true, (a) - (b) <= (epsilon) && (b) - (a) <= (epsilon), #a " == " #b, __VA_ARGS__)
#define cr_fail(...) shim_fail(true, __FILE__, __LINE__, "fail", " " __VA_ARGS__)

#define cr_expect(c, ...) SHIM_CHECK(false, c, #c, __VA_ARGS__)
#define cr_expect_not(c, ...) SHIM_CHECK(false, !(c), "!(" #c ")", __VA_ARGS__)
#define cr_expect_eq(a, b, ...) SHIM_CHECK(false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) SHIM_CHECK(false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) SHIM_CHECK(false, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) SHIM_CHECK(false, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) SHIM_CHECK(false, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) SHIM_CHECK(false, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_null(p, ...) SHIM_CHECK(false, (p) == NULL, #p " is null", __VA_ARGS__)
#define cr_expect_not_null(p, ...) SHIM_CHECK(false, (p) != NULL, #p " is not null", __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)                                                                \
    SHIM_CHECK(false, strcmp((a), (b)) == 0, #a " is the string " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...)                                                          \
    SHIM_CHECK(false, memcmp((a), (b), (size)) == 0, #a " is the array " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, epsilon, ...)                                                     \
    SHIM_CHECK(false, (a) - (b) <= (epsilon) && (b) - (a) <= (epsilon), #a " == " #b, __VA_ARGS__)

#endif
