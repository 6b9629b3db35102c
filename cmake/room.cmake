# SPDX-License-Identifier: Apache-2.0
# headrace_room(NAME <room> [ROOMS <rooms it may use>] [LIBS <libraries of others>] [TEST_ROOMS <rooms>] [TEST_LIBS <libraries>])
#
# Makes of src/<room>, by name alone (a new file needs no edit here):
#   *.cc                   library headrace_<room>             (without the kinds below and main.cc)
#   testing/*.cc           library headrace_<room>_testing     fakes and shared suites for anybody's tests
#   *_test.cc              program <room>_test                 ctest unit.<room>, label unit
#   *_fuzz.cc              program <room>_<x>_fuzz             ctest fuzz.<room>.<x>, label fuzz; when HEADRACE_FUZZ
# A room without sources is an INTERFACE library. Tests of a room may also use the testing libraries of ROOMS and of
# TEST_ROOMS. Which room may include which is tests/tidy's to check; here it only decides what is linked.

function(headrace_room)
  cmake_parse_arguments(PARSE_ARGV 0 ROOM "" "NAME" "ROOMS;LIBS;TEST_ROOMS;TEST_LIBS")
  if(ROOM_UNPARSED_ARGUMENTS OR NOT ROOM_NAME)
    message(FATAL_ERROR "headrace_room: NAME is needed, and I do not know '${ROOM_UNPARSED_ARGUMENTS}'")
  endif()
  set(room_dir "${PROJECT_SOURCE_DIR}/src/${ROOM_NAME}")
  file(GLOB_RECURSE all CONFIGURE_DEPENDS "${room_dir}/*.cc")
  list(SORT all)

  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers ${all})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  set(helpers ${all})
  list(FILTER helpers INCLUDE REGEX "^${room_dir}/(.*/)?testing/")
  list(FILTER helpers EXCLUDE REGEX "_(test|fuzz)\\.cc$")
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test\\.cc|_fuzz\\.cc|^${room_dir}/main\\.cc)$")
  list(FILTER sources EXCLUDE REGEX "^${room_dir}/(.*/)?testing/")

  list(TRANSFORM ROOM_ROOMS PREPEND headrace_ OUTPUT_VARIABLE room_targets)
  headrace_library(headrace_${ROOM_NAME} "${sources}" "${room_targets}" "${ROOM_LIBS}")

  if(HEADRACE_TESTS)
    set(testing_targets ${ROOM_ROOMS} ${ROOM_TEST_ROOMS})
    list(REMOVE_DUPLICATES testing_targets)
    list(TRANSFORM testing_targets REPLACE "(.+)" "headrace_\\1_testing")
    headrace_library(headrace_${ROOM_NAME}_testing "${helpers}"
      "headrace_${ROOM_NAME};${testing_targets};GTest::gmock" "${ROOM_LIBS};${ROOM_TEST_LIBS}")
    headrace_unit_test(${ROOM_NAME} "${tests}" "${ROOM_LIBS};${ROOM_TEST_LIBS}")
    foreach(fuzzer IN LISTS fuzzers)
      headrace_fuzz_target(${ROOM_NAME} "${fuzzer}" "${ROOM_LIBS}")
    endforeach()
  endif()
endfunction()

# A library of ours: `uses` go on to whoever links it, `libs` stay inside.
function(headrace_library target sources uses libs)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PUBLIC ${uses} Threads::Threads PRIVATE ${libs})
    if(HEADRACE_PCH)
      target_precompile_headers(${target} REUSE_FROM headrace_pch)
    endif()
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} INTERFACE ${uses} Threads::Threads)
  endif()
endfunction()
