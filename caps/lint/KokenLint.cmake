# SPDX-License-Identifier: Apache-2.0
#
# koken_lint(target [option...]) adds the target lint-TARGET, which reports what breaks the rules of koken/caps.h in the
# C sources of TARGET and fails when there is anything. Options are those of `koken lint`: --deep, --partial, --sarif FILE.
# Needs Python 3, gcc, clang, clang-query and objdump; with --partial at least gcc or clang.

include_guard(GLOBAL)
set(KOKEN_LINT_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/lint.py" CACHE INTERNAL "the capability lint")

function(koken_lint target)
  find_package(Python3 COMPONENTS Interpreter REQUIRED)
  get_target_property(sources ${target} SOURCES)
  get_target_property(folder ${target} SOURCE_DIR)
  set(files)
  foreach(source IN LISTS sources)
    get_filename_component(path "${source}" ABSOLUTE BASE_DIR "${folder}")
    if(path MATCHES "\\.c$")
      list(APPEND files "${path}")
    endif()
  endforeach()
  if(NOT files)
    message(FATAL_ERROR "koken_lint: ${target} has no C sources to look at")
  endif()
  set(includes "$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>")
  set(definitions "$<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>")
  add_custom_target(lint-${target}
    COMMAND "${Python3_EXECUTABLE}" "${KOKEN_LINT_SCRIPT}" ${ARGN} ${files} -- -std=gnu11
      "$<$<BOOL:${includes}>:-I$<JOIN:${includes},;-I>>"
      "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Checking the capabilities of ${target}")
endfunction()
