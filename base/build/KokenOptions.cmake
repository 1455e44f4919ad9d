# SPDX-License-Identifier: Apache-2.0
# Every option of the build, with its default.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, RelWithDebInfo, Release, MinSizeRel" FORCE)
endif()
set(debug OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(debug ON)
endif()

option(KOKEN_BUILD_SHARED "Build libkoken.so" ON)
option(KOKEN_BUILD_STATIC "Build libkoken.a (the tool and the tests need it)" ON)
option(KOKEN_BUILD_TOOLS "Build the tool koken" ON)
option(KOKEN_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(KOKEN_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(KOKEN_WERROR "Treat warnings as errors" OFF)
option(KOKEN_DEBUG "Data-plane assertions and poisoning (KN_DEBUG)" ${debug})
option(KOKEN_SIM "Send clock, threads and waits through the replaceable world (KN_SIM)" OFF)
set(sim ON)
if(KOKEN_SANITIZE OR KOKEN_COVERAGE)
  set(sim OFF)
endif()
option(KOKEN_BUILD_SIM "Build libkoken-sim.a beside, and koken-sim" ${sim})
option(KOKEN_HARDENING "Hardening flags in optimised builds" ON)
option(KOKEN_COVERAGE "Instrument for gcov" OFF)
option(KOKEN_FUZZ "The fuzz targets with libFuzzer, and the library instrumented for it (clang)" OFF)
set(KOKEN_SANITIZE "" CACHE STRING "Empty, address (with undefined), thread, or memory (clang)")
set_property(CACHE KOKEN_SANITIZE PROPERTY STRINGS "" address thread memory)
option(KOKEN_TSAN_AGENTS "ThreadSanitizer takes each agent for a thread, and does not look at libkoken itself" OFF)
if(KOKEN_TSAN_AGENTS AND NOT KOKEN_SANITIZE STREQUAL "thread")
  message(FATAL_ERROR "KOKEN_TSAN_AGENTS needs KOKEN_SANITIZE=thread")
endif()

# Sanitizers must see every allocation, so those builds use malloc. So may you.
set(jemalloc ON)
if(KOKEN_SANITIZE)
  set(jemalloc OFF)
endif()
option(KOKEN_JEMALLOC "Allocate from jemalloc arenas" ${jemalloc})

# Criterion does not run under TSan and MSan, and takes 45 ms for each test under ASan: test/shim has the same macros
# in one process.
set(shim OFF)
if(KOKEN_SANITIZE)
  set(shim ON)
endif()
option(KOKEN_TEST_SHIM "Unit tests use test/shim instead of Criterion" ${shim})

set(KOKEN_REQUIRES ck liburcu-qsbr liburcu-cds hwloc jansson libcrypto)
if(KOKEN_JEMALLOC)
  list(APPEND KOKEN_REQUIRES jemalloc)
endif()
