# SPDX-License-Identifier: Apache-2.0
# What is in the tree: the library's sources and public folders, the examples.

set(KOKEN_MODULES base caps mailbox sched actors orchestration executors)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(KOKEN_ARCH x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(KOKEN_ARCH aarch64)
else()
  message(FATAL_ERROR "koken: no port for ${CMAKE_SYSTEM_PROCESSOR} (base/platform has the ports)")
endif()
string(TOLOWER "${CMAKE_SYSTEM_NAME}" KOKEN_OS)

set(KOKEN_PUBLIC_DIRS)
foreach(module IN LISTS KOKEN_MODULES)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${module}/include")
    list(APPEND KOKEN_PUBLIC_DIRS "${PROJECT_SOURCE_DIR}/${module}/include")
  endif()
endforeach()

function(koken_library_sources ret_sources)
  set(all)
  foreach(module IN LISTS KOKEN_MODULES)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${module}/*.c")
    list(FILTER sources EXCLUDE REGEX "/platform/")
    list(APPEND all ${sources})
    set(platform "${PROJECT_SOURCE_DIR}/${module}/platform")
    file(GLOB sources CONFIGURE_DEPENDS "${platform}/*.c" "${platform}/${KOKEN_OS}/*.c"
      "${platform}/${KOKEN_ARCH}/*.c" "${platform}/${KOKEN_ARCH}/*.S")
    list(APPEND all ${sources})
  endforeach()

  # Concurrency Kit and liburcu are opaque to TSan (inline assembly): the files that call them are leaves,
  # built without it, and tell it what they order by __tsan_acquire and __tsan_release (KN_TSAN is set).
  if(KOKEN_SANITIZE STREQUAL "thread")
    foreach(source IN LISTS all)
      if(source MATCHES "/kn_(ck|rcu)(_[^/]*)?\\.c$")
        set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS -fno-sanitize=thread)
      endif()
    endforeach()
  endif()
  # What orders the actions of users: there the atomics are said to ThreadSanitizer (base/atomic_edges.h).
  if(KOKEN_TSAN_AGENTS)
    foreach(source IN LISTS all)
      if(source MATCHES "/(orchestration|executors|mailbox/toolbox)/|/(channel|bell|waiter|payload|region)\\.c$")
        set_source_files_properties("${source}" PROPERTIES COMPILE_DEFINITIONS KN_TSAN_EDGES)
      endif()
    endforeach()
  endif()
  set_source_files_properties("${PROJECT_SOURCE_DIR}/base/version.c" PROPERTIES
    COMPILE_DEFINITIONS "KN_BUILD_FLAGS=\"${KOKEN_FLAGS_TEXT}\"")
  set(${ret_sources} ${all} PARENT_SCOPE)
endfunction()

# An example is examples/NAME.c, or a folder examples/NAME with at least one source.
function(koken_example_names ret_names)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/examples"
    "${PROJECT_SOURCE_DIR}/examples/*.c" "${PROJECT_SOURCE_DIR}/examples/*/*.c")
  list(TRANSFORM files REPLACE "(/.*|\\.c)$" "")
  list(REMOVE_DUPLICATES files)
  set(${ret_names} ${files} PARENT_SCOPE)
endfunction()

function(koken_example_sources name ret_sources)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/${name}.c"
    "${PROJECT_SOURCE_DIR}/examples/${name}/*.c")
  set(${ret_sources} ${sources} PARENT_SCOPE)
endfunction()
