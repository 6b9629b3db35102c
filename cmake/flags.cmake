# SPDX-License-Identifier: Apache-2.0
# Language, warnings, sanitizers, hardening, linker and compiler cache, for every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_compile_options(-Wall -Wextra -Wshadow -Wthread-safety $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Werror
                    -fno-omit-frame-pointer)
# Position independent by hand: CMake would compile libraries -fPIC and programs -fPIE, and a precompiled header
# serves only one of the two.
add_compile_options(-fPIC)
add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
add_compile_definitions(_GLIBCXX_ASSERTIONS)

# The flags are the same on every machine; the linker is the quickest one there is.
find_program(HEADRACE_MOLD mold)
find_program(HEADRACE_LLD NAMES ld.lld-19 ld.lld)
if(HEADRACE_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(HEADRACE_LLD)
  add_link_options("-fuse-ld=${HEADRACE_LLD}")
endif()

# ccache sees through a precompiled header only when told that its macros and time stamps do not matter. Without one
# (HEADRACE_PCH=OFF), two checkouts share what does not depend on where they lie. What a file includes it is told by the
# compiler (-MD), which spares it from preprocessing each file that it does not know.
option(HEADRACE_PCH "Compile once what nearly every file includes" ON)
find_program(HEADRACE_CCACHE ccache)
if(HEADRACE_CCACHE)
  set(HEADRACE_LAUNCHER ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros" CCACHE_DEPEND=true)
  if(NOT HEADRACE_PCH)
    list(APPEND HEADRACE_LAUNCHER "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=true)
  endif()
  set(CMAKE_C_COMPILER_LAUNCHER ${HEADRACE_LAUNCHER} ${HEADRACE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HEADRACE_LAUNCHER} ${HEADRACE_CCACHE})
endif()

if(HEADRACE_SANITIZE STREQUAL "address")
  set(HEADRACE_SANITIZER_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all
      "-fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/sanitizer_ignore.txt")
elseif(HEADRACE_SANITIZE STREQUAL "thread")
  set(HEADRACE_SANITIZER_FLAGS -fsanitize=thread)
elseif(NOT HEADRACE_SANITIZE STREQUAL "")
  message(FATAL_ERROR "HEADRACE_SANITIZE: '' (none), address or thread, got '${HEADRACE_SANITIZE}'")
endif()
if(HEADRACE_FUZZ AND NOT HEADRACE_SANITIZE STREQUAL "address")
  message(FATAL_ERROR "HEADRACE_FUZZ=ON needs HEADRACE_SANITIZE=address")
endif()
add_compile_options(${HEADRACE_SANITIZER_FLAGS})
add_link_options(${HEADRACE_SANITIZER_FLAGS})
if(HEADRACE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage counters everywhere; the driver only in X_fuzz
endif()

# Tests themselves under a sanitizer: unoptimized, which compiles four times as fast; what they test is not.
set(HEADRACE_TEST_OPTIONS)
if(HEADRACE_SANITIZE)
  set(HEADRACE_TEST_OPTIONS -O0)
endif()

if(HEADRACE_HARDEN)
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
