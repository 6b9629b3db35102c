// SPDX-License-Identifier: Apache-2.0
// Folders for tests.
#include "records/testing/temp_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/check.h"

namespace headrace::records {

TempFolder::TempFolder() {
  path_ = testing::TempDir() + "records-XXXXXX";
  CHECK(::mkdtemp(path_.data()) != nullptr);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace headrace::records
