# SPDX-License-Identifier: Apache-2.0
# The libraries of others that we use; every one comes from the distribution (scripts/install-deps.sh).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(ZLIB REQUIRED)

find_path(HEADRACE_XXHASH_INCLUDE xxhash.h REQUIRED)
find_library(HEADRACE_XXHASH_LIBRARY xxhash REQUIRED)
add_library(xxhash::xxhash UNKNOWN IMPORTED)
set_target_properties(xxhash::xxhash PROPERTIES
  IMPORTED_LOCATION "${HEADRACE_XXHASH_LIBRARY}"
  INTERFACE_INCLUDE_DIRECTORIES "${HEADRACE_XXHASH_INCLUDE}")
