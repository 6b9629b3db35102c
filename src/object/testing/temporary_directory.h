// SPDX-License-Identifier: Apache-2.0
// A new directory below HEADRACE_TEST_DIR, TMPDIR or /tmp, removed with all that is in it at the end.
#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace headrace::object {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : TemporaryDirectory(default_parent()) {}
  explicit TemporaryDirectory(const std::string& parent) : path_(parent + "/headrace-test.XXXXXX") {
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  static std::string default_parent() {
    for (const char* name : {"HEADRACE_TEST_DIR", "TMPDIR"}) {
      const char* value = std::getenv(name);
      if (value != nullptr && *value != '\0') return value;
    }
    return "/tmp";
  }
  std::string path_;
};

}  // namespace headrace::object
