/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: every function that can fail returns 0 or one of these as a negative errno. The list is
 * closed. There is no errno to read, no error queue, and no code outside the list.
 */
#ifndef KOKEN_ERROR_H
#define KOKEN_ERROR_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* On every function of the library that a program may call. */
#define KOKEN_API __attribute__((visibility("default")))

/* On every function whose error must not be overlooked. */
#define KOKEN_MUST_USE __attribute__((warn_unused_result))

/* X(NAME, meaning) for each code that the library returns, negated. */
#define KOKEN_ERRORS(X)                                                                            \
    X(EINVAL, "invalid argument or misuse")                                                        \
    X(ENOMEM, "out of memory")                                                                     \
    X(EAGAIN, "full, or it would block; try again")                                                \
    X(ETIMEDOUT, "the deadline has passed")                                                        \
    X(ESRCH, "no such agent: dead, or a stale handle")                                             \
    X(ECANCELED, "canceled")                                                                       \
    X(ESHUTDOWN, "the runtime is stopping or has stopped")                                         \
    X(EPERM, "a capability is missing")                                                            \
    X(EDEADLK, "waiting would close a cycle")                                                      \
    X(EALREADY, "already done or under way")                                                       \
    X(EBUSY, "in use")                                                                             \
    X(EOVERFLOW, "the value does not fit")                                                         \
    X(EPROTO, "not what the protocol expects")                                                     \
    X(ENOTSUP, "not supported here")                                                               \
    X(E2BIG, "too large")

/*
 * koken_errname returns the name of an error, "ESRCH" for -ESRCH; "OK" for 0; "UNKNOWN" for
 * anything that is not in the list. The sign does not matter. Thread: any. Owner: the string is
 * static.
 */
KOKEN_API const char *koken_errname(int error);

/* koken_strerror returns what an error means, in a few words. Otherwise like koken_errname. */
KOKEN_API const char *koken_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
