/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns: what a value of the register machine looks like, as text.
 *
 *     struct koken_pattern *pattern;
 *     static const char text[] = "some(product(price, true))";
 *     int rc = koken_pattern_new(text, strlen(text), &pattern);
 *     if (rc == 0 && koken_pattern_matches(pattern, machine, value, &price, 1)) ...
 *
 * `_` is any value, a name any value that is told; `unit`, `true`, a number, a "text" themselves; `product(p, q)`
 * and `tensor(p, q)` pairs; any other `name(p)`, or `sum("name", p)`, a sum of that tag.
 *
 * To match is to look: what is linear is not used by it, and belongs to the machine as before.
 */
#ifndef KOKEN_PATTERN_H
#define KOKEN_PATTERN_H

#include <koken/machine.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct koken_pattern; /* opaque; does not change */

/*
 * koken_pattern_new makes a pattern of its text. Owner: yours until koken_pattern_free. Errors: -EINVAL the text is
 * none; -E2BIG more than 256 parts, 64 deep, or a name of more than 63 bytes; -ENOMEM.
 */
KOKEN_MUST_USE int koken_pattern_new(const char *text, size_t size,
                                     struct koken_pattern **ret_pattern);
void koken_pattern_free(struct koken_pattern *take_pattern);

/*
 * koken_pattern_matches tells whether a value of the machine looks like that. If it does the values of the pattern's
 * names are written, in the order of the text, as far as there is room; ret_values may be NULL. Thread: any, while
 * nobody runs the machine.
 */
bool koken_pattern_matches(const struct koken_pattern *pattern, const struct koken_machine *machine,
                           struct koken_value value, struct koken_value *ret_values, size_t room);

/* koken_pattern_names is how many names there are. */
uint32_t koken_pattern_names(const struct koken_pattern *pattern);

/* koken_pattern_is_exhaustive: every value matches. */
bool koken_pattern_is_exhaustive(const struct koken_pattern *pattern);

/* koken_pattern_complexity is the number of its parts, 1 for `_`. */
uint32_t koken_pattern_complexity(const struct koken_pattern *pattern);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
