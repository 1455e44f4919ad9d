/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: A64: what patterns match, and what they tell; and that what is no pattern is none. */
#include "test/support/machine.h"

#include <koken/pattern.h>

static struct koken_pattern *pattern_of(const char *text)
{
    struct koken_pattern *pattern = NULL;
    int rc = koken_pattern_new(text, strlen(text), &pattern);
    cr_assert_eq(rc, 0, "%s", text);
    return pattern;
}

/* Whether the value that a constant makes looks like that. */
static bool is_like(const char *constant, const char *text)
{
    char program[300];
    (void)snprintf(program, sizeof program, "const r1, %s\nreturn r1\n", constant);
    struct bench_of bench = ran(program);
    cr_assert_eq(bench.rc, 0, "%s", bench.result.error.text);
    struct koken_pattern *pattern = pattern_of(text);
    bool is_match = koken_pattern_matches(pattern, bench.machine, bench.result.value, NULL, 0);
    koken_pattern_free(pattern);
    over(&bench);
    return is_match;
}

static uint32_t complexity_of(const char *text)
{
    struct koken_pattern *pattern = pattern_of(text);
    uint32_t complexity = koken_pattern_complexity(pattern);
    koken_pattern_free(pattern);
    return complexity;
}

Test(pattern, a64_what_matches)
{
    cr_assert(is_like("42", "_") && is_like("unit", "_") && is_like("\"x\"", " _ "));
    cr_assert(is_like("42", "42") && !is_like("43", "42") && !is_like("true", "1"));
    cr_assert(is_like("sum(some, 42)", "some(42)") && is_like("sum(some, 42)", "sum(\"some\", _)"));
    cr_assert(!is_like("sum(none, unit)", "some(42)") && !is_like("sum(some, 41)", "some(42)"));
    cr_assert(is_like("sum(none, unit)", "none(unit)"));
    cr_assert(is_like("product(1, true)", "product(1, true)"));
    cr_assert(!is_like("product(2, true)", "product(1, true)"));
    cr_assert(!is_like("tensor(1, true)", "product(1, true)"));
    cr_assert(
        is_like("tensor(product(1, \"a\"), inl(false))", "tensor(product(_, \"a\"), inl(false))"));
    cr_assert(!is_like("true", "false") && is_like("unit", "unit"));
}

Test(pattern, a64_exhaustive_and_complexity)
{
    struct koken_pattern *pattern = pattern_of("_");
    cr_assert(koken_pattern_is_exhaustive(pattern));
    cr_assert_eq(koken_pattern_complexity(pattern), 1);
    koken_pattern_free(pattern);
    pattern = pattern_of("product(_, true)");
    cr_assert(!koken_pattern_is_exhaustive(pattern));
    koken_pattern_free(pattern);
    cr_assert_eq(complexity_of("product(_, true)"), 3);
    cr_assert_eq(complexity_of("some(product(_, true))"), 4);
}

Test(pattern, names_tell_what_they_match)
{
    struct bench_of bench = ran("const r1, product(1, sum(some, 42))\nreturn r1\n");
    struct koken_pattern *pattern = pattern_of("product(x, some(y))");
    struct koken_value values[2];
    cr_assert_eq(koken_pattern_names(pattern), 2);
    cr_assert(koken_pattern_matches(pattern, bench.machine, bench.result.value, values, 2));
    cr_assert_eq(values[0].data, 1);
    cr_assert_eq(values[1].data, 42);
    cr_assert(koken_pattern_matches(pattern, bench.machine, bench.result.value, values, 1));
    koken_pattern_free(pattern);
    pattern = pattern_of("x");
    cr_assert(!koken_pattern_matches(pattern, bench.machine, (struct koken_value){0}, values, 2));
    koken_pattern_free(pattern);
    over(&bench);
}

Test(pattern, what_is_none_is_refused)
{
    static const char *const bad[] = {"",       "product(1)", "product(1, 2", "sum(1, 2)", "42 43",
                                      "\"open", "4294967296", "some()",       "(_)",       "?"};
    struct koken_pattern *pattern;
    char deep[1000];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(koken_pattern_new(bad[i], strlen(bad[i]), &pattern), -EINVAL, "%s", bad[i]);
    }
    memset(deep, 'a', sizeof deep);
    cr_assert_eq(koken_pattern_new(deep, 64, &pattern), -E2BIG);
    for (size_t i = 0; i + 1 < sizeof deep; i += 2) {
        deep[i] = 'a';
        deep[i + 1] = '(';
    }
    cr_assert_eq(koken_pattern_new(deep, sizeof deep, &pattern), -E2BIG);
    cr_assert_eq(koken_pattern_new(NULL, 0, &pattern), -EINVAL);
    koken_pattern_free(NULL);
}
