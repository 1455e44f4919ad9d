/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: semantic; nothing breaks inside one major version, and while that is 0, inside one
 * minor. */
#ifndef KOKEN_VERSION_H
#define KOKEN_VERSION_H

#include <koken/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KOKEN_VERSION_MAJOR 0
#define KOKEN_VERSION_MINOR 1
#define KOKEN_VERSION_PATCH 0

/* The version of the headers, one number that grows: 1.2.3 is 10203. */
#define KOKEN_VERSION_NUM                                                                          \
    (KOKEN_VERSION_MAJOR * 10000 + KOKEN_VERSION_MINOR * 100 + KOKEN_VERSION_PATCH)

/* koken_version returns the version of the library that is loaded, as "1.2.3". Thread: any. */
KOKEN_API const char *koken_version(void);

/* koken_version_num returns the same as KOKEN_VERSION_NUM of the library that is loaded. Thread:
 * any. */
KOKEN_API int koken_version_num(void);

/*
 * koken_build_info returns one line about how the library was built: version, architecture,
 * compiler, kind of build, allocator, flags. It is the same for the same sources and options.
 * Thread: any.
 */
KOKEN_API const char *koken_build_info(void);

#ifdef __cplusplus
}
#endif

#endif
