# SPDX-License-Identifier: Apache-2.0
# How tests are declared. A test has exactly one kind (its ctest label), which ./test.sh runs by name; the target
# tests_<kind> builds everything that kind needs. Unit tests of the rooms with threads have the label tsan as well,
# in the build that has ThreadSanitizer; a few tests of mounts are there for that build alone.
find_package(GTest REQUIRED)

# The distribution's own Python: the packages that tests import (numpy) are installed for that one.
find_program(HEADRACE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT HEADRACE_PYTHON)
  find_program(HEADRACE_PYTHON python3 REQUIRED)
endif()

set(HEADRACE_TSAN_ROOMS base net object records block meta vfs fuse)
# What the caller has asked of a sanitizer stays: ./test.sh says where reports go.
set(HEADRACE_SANITIZER_OPTIONS
  "ASAN_OPTIONS=string_append::detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
  "UBSAN_OPTIONS=string_append::print_stacktrace=1"
  "TSAN_OPTIONS=string_append::halt_on_error=1:second_deadlock_stack=1")
set(HEADRACE_TEST_ENVIRONMENT)
find_program(HEADRACE_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer)
if(HEADRACE_SYMBOLIZER)
  foreach(tool IN ITEMS ASAN UBSAN TSAN)
    list(APPEND HEADRACE_TEST_ENVIRONMENT "${tool}_SYMBOLIZER_PATH=${HEADRACE_SYMBOLIZER}")
  endforeach()
endif()

# The kinds there are, from the one list of them.
file(STRINGS "${PROJECT_SOURCE_DIR}/tests/kinds.txt" HEADRACE_KINDS REGEX "^[a-z]")
list(TRANSFORM HEADRACE_KINDS REPLACE " .*" "")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/kinds.txt")

# headrace_test(NAME <name> KIND <label> [TIMEOUT <seconds>] [SERIAL] [SKIPPABLE] [DEPENDS <targets>]
#               [ENVIRONMENT <K=V>...] COMMAND <command...>)
# SERIAL: never beside another test. SKIPPABLE: exit status 77 means skipped; the test must print why.
function(headrace_test)
  cmake_parse_arguments(PARSE_ARGV 0 T "SERIAL;SKIPPABLE" "NAME;KIND;TIMEOUT" "DEPENDS;ENVIRONMENT;COMMAND")
  if(T_UNPARSED_ARGUMENTS OR NOT T_NAME OR NOT T_KIND OR NOT T_COMMAND)
    message(FATAL_ERROR "headrace_test: NAME, KIND and COMMAND are needed, and I do not know '${T_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT T_KIND IN_LIST HEADRACE_KINDS)
    message(FATAL_ERROR "headrace_test: ${T_NAME}: the kind '${T_KIND}' is not in tests/kinds.txt")
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  add_test(NAME ${T_NAME} COMMAND ${T_COMMAND})
  set_tests_properties(${T_NAME} PROPERTIES
    LABELS "${T_KIND}" TIMEOUT ${T_TIMEOUT} ENVIRONMENT "${HEADRACE_TEST_ENVIRONMENT};${T_ENVIRONMENT}"
    ENVIRONMENT_MODIFICATION "${HEADRACE_SANITIZER_OPTIONS}")
  if(T_SERIAL)
    set_tests_properties(${T_NAME} PROPERTIES RUN_SERIAL ON)
  endif()
  if(T_SKIPPABLE)
    set_tests_properties(${T_NAME} PROPERTIES SKIP_RETURN_CODE 77)
  endif()
  if(NOT TARGET tests_${T_KIND})
    add_custom_target(tests_${T_KIND})
  endif()
  if(T_DEPENDS)
    add_dependencies(tests_${T_KIND} ${T_DEPENDS})
  endif()
endfunction()

# <room>_test out of the room's *_test.cc files.
function(headrace_unit_test room sources libs)
  if(NOT sources)
    return()
  endif()
  add_executable(${room}_test ${sources})
  target_link_libraries(${room}_test PRIVATE
    headrace_${room}_testing headrace_${room} GTest::gmock GTest::gtest_main ${libs})
  target_compile_options(${room}_test PRIVATE ${HEADRACE_TEST_OPTIONS})
  if(HEADRACE_PCH)
    target_precompile_headers(${room}_test REUSE_FROM headrace_test_pch)
  endif()
  headrace_test(NAME unit.${room} KIND unit TIMEOUT 900 DEPENDS ${room}_test COMMAND ${room}_test)
  if(HEADRACE_SANITIZE STREQUAL "thread" AND room IN_LIST HEADRACE_TSAN_ROOMS)
    set_tests_properties(unit.${room} PROPERTIES LABELS "unit;tsan")
    if(NOT TARGET tests_tsan)
      add_custom_target(tests_tsan)
    endif()
    add_dependencies(tests_tsan ${room}_test)
  endif()
endfunction()

# <room>_<x>_fuzz out of one x_fuzz.cc; seeds for it lie in x_fuzz_seeds/ beside it, if there are any.
function(headrace_fuzz_target room source libs)
  if(NOT HEADRACE_FUZZ)
    return()
  endif()
  get_filename_component(stem "${source}" NAME_WE)
  get_filename_component(folder "${source}" DIRECTORY)
  string(REGEX REPLACE "_fuzz$" "" short "${stem}")
  set(target ${room}_${stem})
  add_executable(${target} "${source}")
  target_link_libraries(${target} PRIVATE headrace_${room}_testing headrace_${room} ${libs})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  headrace_test(NAME fuzz.${room}.${short} KIND fuzz DEPENDS ${target} TIMEOUT 3600
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/fuzz-one.sh" $<TARGET_FILE:${target}> "${folder}/${stem}_seeds")
  headrace_test(NAME long.fuzz.${room}.${short} KIND long-asan DEPENDS ${target} TIMEOUT 3600 ENVIRONMENT HEADRACE_FUZZ_SECONDS=120
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/fuzz-one.sh" $<TARGET_FILE:${target}> "${folder}/${stem}_seeds")
endfunction()
