# SPDX-License-Identifier: Apache-2.0
# Warnings, sanitizers, hardening, and koken_compile(), which gives them to a target of ours.

# For programs written against the public headers: what a careful user would switch on.
set(KOKEN_WARNINGS_PUBLIC -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes)
set(KOKEN_WARNINGS ${KOKEN_WARNINGS_PUBLIC}
  -Wconversion -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wundef)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND KOKEN_WARNINGS -Wno-gnu-statement-expression -Wno-gnu-zero-variadic-macro-arguments)
endif()
if(KOKEN_WERROR)
  list(APPEND KOKEN_WARNINGS -Werror)
  list(APPEND KOKEN_WARNINGS_PUBLIC -Werror)
endif()

set(KOKEN_SANITIZE_FLAGS)
set(KOKEN_DEFINES _GNU_SOURCE)
if(KOKEN_SANITIZE STREQUAL "address")
  set(KOKEN_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all)
  list(APPEND KOKEN_DEFINES KN_ASAN)
elseif(KOKEN_SANITIZE STREQUAL "thread")
  set(KOKEN_SANITIZE_FLAGS -fsanitize=thread)
  list(APPEND KOKEN_DEFINES KN_TSAN)
elseif(KOKEN_SANITIZE STREQUAL "memory")
  set(KOKEN_SANITIZE_FLAGS -fsanitize=memory -fsanitize-memory-track-origins
    -fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/msan.txt)
  list(APPEND KOKEN_DEFINES KN_MSAN)
elseif(KOKEN_SANITIZE)
  message(FATAL_ERROR "KOKEN_SANITIZE is '${KOKEN_SANITIZE}': not one of address, thread, memory")
endif()
if(KOKEN_COVERAGE)
  list(APPEND KOKEN_SANITIZE_FLAGS --coverage -fprofile-update=atomic) # many threads count
endif()
if(KOKEN_FUZZ)
  list(APPEND KOKEN_SANITIZE_FLAGS -fsanitize=fuzzer-no-link) # the library tells the fuzzer which branches it took
endif()
if(KOKEN_DEBUG)
  list(APPEND KOKEN_DEFINES KN_DEBUG)
endif()
if(KOKEN_SIM)
  list(APPEND KOKEN_DEFINES KN_SIM)
endif()
if(NOT KOKEN_JEMALLOC)
  list(APPEND KOKEN_DEFINES KN_NO_JEMALLOC)
endif()

# Not with sanitizers, which replace the functions that FORTIFY redirects.
set(KOKEN_HARDENING_COMPILE)
set(KOKEN_HARDENING_LINK)
if(KOKEN_HARDENING AND NOT KOKEN_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(KOKEN_HARDENING_COMPILE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
    -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND KOKEN_HARDENING_COMPILE -fcf-protection)
  endif()
  set(KOKEN_HARDENING_LINK LINKER:-z,relro,-z,now,-z,noexecstack)
endif()

# One line for koken_build_info() and for the environment that a benchmark records.
string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
string(JOIN " " KOKEN_FLAGS_TEXT ${CMAKE_BUILD_TYPE} ${CMAKE_C_FLAGS_${type}} ${KOKEN_SANITIZE_FLAGS}
  ${KOKEN_HARDENING_COMPILE})

# Checked builds keep frame pointers for their reports; elsewhere they cost 6 % of a message, and a profiler unwinds
# by DWARF (perf record --call-graph dwarf).
if(KOKEN_SANITIZE_FLAGS)
  set(KOKEN_FRAME_POINTER -fno-omit-frame-pointer)
else()
  set(KOKEN_FRAME_POINTER
    $<IF:$<CONFIG:Release,RelWithDebInfo>,-fomit-frame-pointer,-fno-omit-frame-pointer>)
endif()

# Compiles a target of ours: private headers by their path from the root, all warnings, all switches.
function(koken_compile target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON C_VISIBILITY_PRESET hidden)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" ${KOKEN_PUBLIC_DIRS})
  target_compile_definitions(${target} PRIVATE ${KOKEN_DEFINES})
  # No vectors made of neighbouring words: a payload is stored field by field just before it is copied, and a
  # load that spans two stores waits until both have left the store buffer (5 ns per message).
  target_compile_options(${target} PRIVATE -fno-tree-slp-vectorize
    ${KOKEN_FRAME_POINTER}
    -fno-semantic-interposition
    ${KOKEN_SANITIZE_FLAGS} "$<$<COMPILE_LANGUAGE:C>:${KOKEN_WARNINGS}>"
    "$<$<COMPILE_LANGUAGE:C>:${KOKEN_HARDENING_COMPILE}>")
  target_link_options(${target} PRIVATE ${KOKEN_SANITIZE_FLAGS} ${KOKEN_HARDENING_LINK})
  if(KOKEN_SIM)
    koken_compile_sim(${target})
  endif()
endfunction()

# The library of a build with KOKEN_TSAN_AGENTS, koken_compile() has been called for: not instrumented, see
# base/edges.h and base/quiet.h.
function(koken_compile_agents target)
  target_compile_definitions(${target} PRIVATE KN_TSAN_AGENTS)
  target_compile_options(${target} PRIVATE -fno-sanitize=thread "$<$<COMPILE_LANGUAGE:C>:-Wno-shadow>"
    "$<$<COMPILE_LANGUAGE:C>:SHELL:-include base/quiet.h>"
    # No loop becomes a call of memcpy(), which the sanitizer would see.
    "$<$<COMPILE_LANG_AND_ID:C,GNU>:-fno-tree-loop-distribute-patterns>"
    "$<$<COMPILE_LANG_AND_ID:C,Clang>:-fno-builtin-memcpy;-fno-builtin-memset;-fno-builtin-memmove>")
endfunction()

# Compiles a target of ours, koken_compile() has been called for, for the simulator; optimised in any case, as
# it runs millions of schedules.
function(koken_compile_sim target)
  target_compile_definitions(${target} PRIVATE KN_SIM KN_DEBUG KN_NO_JEMALLOC)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:-O2>"
    "$<$<COMPILE_LANGUAGE:C>:SHELL:-include base/mutex_sim.h>") # before every source: see there
endfunction()
