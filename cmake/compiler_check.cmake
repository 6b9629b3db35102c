# SPDX-License-Identifier: Apache-2.0
# Only clang >= 19 compiles this project: the thread-safety annotations are part of its correctness.
set(HEADRACE_COMPILER_HINT "Headrace needs clang >= 19 (scripts/install-deps.sh build installs it)")

# Before project(): a compiler that is not there at all.
if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
  set(CMAKE_C_COMPILER clang-19)
  set(CMAKE_CXX_COMPILER clang++-19)
endif()
if(CMAKE_CXX_COMPILER)
  find_program(HEADRACE_COMPILER_PATH NAMES "${CMAKE_CXX_COMPILER}" NO_CACHE)
  if(NOT HEADRACE_COMPILER_PATH)
    message(FATAL_ERROR "${HEADRACE_COMPILER_HINT}: ${CMAKE_CXX_COMPILER} was not found.")
  endif()
endif()

# After project(): a compiler of another kind or age.
macro(headrace_check_compiler)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
    message(FATAL_ERROR
      "${HEADRACE_COMPILER_HINT}: found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}.")
  endif()
endmacro()
