/* SPDX-License-Identifier: Apache-2.0 */
/* What was built, and how. Strings put together by the preprocessor: nothing to initialise. */
#include <koken/version.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#define VERSION                                                                                    \
    TEXT(KOKEN_VERSION_MAJOR) "." TEXT(KOKEN_VERSION_MINOR) "." TEXT(KOKEN_VERSION_PATCH)

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* From the build system: the type of build and the compiler's flags. */
#ifndef KN_BUILD_FLAGS
#define KN_BUILD_FLAGS "flags unknown"
#endif

#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#else
#define ARCHITECTURE "aarch64"
#endif

#if defined(KN_SIM)
#define KIND "simulator"
#elif defined(KN_DEBUG)
#define KIND "debug"
#else
#define KIND "release"
#endif

#if defined(KN_ASAN)
#define SANITIZER " asan"
#elif defined(KN_TSAN)
#define SANITIZER " tsan"
#elif defined(KN_MSAN)
#define SANITIZER " msan"
#else
#define SANITIZER ""
#endif

#if defined(KN_NO_JEMALLOC)
#define ALLOCATOR "malloc"
#else
#define ALLOCATOR "jemalloc"
#endif

const char *koken_version(void)
{
    return VERSION;
}

int koken_version_num(void)
{
    return KOKEN_VERSION_NUM;
}

const char *koken_build_info(void)
{
    return "koken " VERSION ", " ARCHITECTURE ", " COMPILER ", " KIND SANITIZER ", " ALLOCATOR
           ", " KN_BUILD_FLAGS;
}
