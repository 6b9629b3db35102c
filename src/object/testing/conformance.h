// SPDX-License-Identifier: Apache-2.0
// What every object store, and every stack of wrappers, must do. A room that has a store says
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
//                            testing::Values(StoreKind{"memory", [] { return ...; }}), kind_name);
//
// and each test runs with a fresh, empty store. Random tests print their seed; HEADRACE_TEST_SEED repeats one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/event.h"
#include "base/rng.h"
#include "object/object_store.h"
#include "object/testing/test_seed.h"

namespace headrace::object {

/// A store under test and whatever it needs to live.
class StoreSubject {
 public:
  virtual ~StoreSubject() = default;
  virtual ObjectStore& store() = 0;
  /// Changes a bit of a stored object behind the store's back; false: this store keeps no checksums, or cannot be
  /// damaged.
  virtual bool damage(const std::string& /*key*/) { return false; }
  /// Whether keys that no directory tree can hold are taken: "a" beside "a/b", "a//b", "a/", a component of more than
  /// 255 bytes.
  virtual bool takes_flat_keys() const { return true; }
  virtual std::size_t key_bytes_max() const { return 1024; }
  /// Whether keys may be any bytes, not only UTF-8.
  virtual bool takes_any_bytes() const { return true; }
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreSubject>()> make;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }
inline std::string kind_name(const testing::TestParamInfo<StoreKind>& info) { return info.param.name; }

class StoreConformance : public testing::TestWithParam<StoreKind> {
 protected:
  StoreConformance();

  ObjectStore& store() { return subject_->store(); }
  void put(const std::string& key, const std::string& bytes);
  std::string get(const std::string& key);
  /// All keys, page by page.
  std::vector<std::string> keys(const std::string& prefix = "", const std::string& after = "",
                                std::size_t limit = 1000);
  /// Pseudo-random bytes that begin with their own length and checksum, so that a mixture shows.
  std::string sealed_bytes(std::size_t size);
  static bool is_sealed(const std::string& bytes);

  SystemScheduler scheduler_;
  Scope scope_;
  std::uint64_t seed_;
  Rng rng_;
  std::unique_ptr<StoreSubject> subject_;
};

}  // namespace headrace::object
