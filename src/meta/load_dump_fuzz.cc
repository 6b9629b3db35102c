// SPDX-License-Identifier: Apache-2.0
// Any text as a dump: it is refused, or it is a volume that agrees with itself and is dumped and loaded again as the
// same.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "base/check.h"
#include "base/event.h"
#include "meta/check.h"
#include "meta/dump.h"
#include "meta/load_dump.h"

namespace {

using namespace headrace;

std::uint64_t digest_of(records::RecordEngine& engine, const Clock& clock, std::string& text) {
  const auto summary = meta::dump_volume(Scope{}, engine, clock, {}, [&](std::string_view piece) -> Result<void> {
    text += piece;
    return {};
  });
  CHECK(summary.has_value() || summary.code() == Code::kNotSupported);
  return summary ? summary->digest : 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SystemScheduler scheduler;
  const auto engine = records::open_engine("memory://", {}, scheduler).value();
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  if (!meta::load_dump(Scope{}, *engine, scheduler.clock(), in)) return 0;
  const auto report = meta::check_volume(Scope{}, *engine, {});
  CHECK(report.has_value());
  // Chunks may show bytes behind a file's length, or be too long; all that is counted is right.
  for (const meta::Finding& finding : report->findings) {
    CHECK(finding.kind == meta::FindingKind::kDataBeyondLength || finding.kind == meta::FindingKind::kLongList ||
          finding.kind == meta::FindingKind::kDeletedInode || finding.kind == meta::FindingKind::kWrongSliceRefs);
  }
  std::string text, again_text;
  const std::uint64_t digest = digest_of(*engine, scheduler.clock(), text);
  if (digest == 0) return 0;
  const auto again = records::open_engine("memory://", {}, scheduler).value();
  std::istringstream second(text);
  CHECK(meta::load_dump(Scope{}, *again, scheduler.clock(), second).has_value());
  CHECK(digest_of(*again, scheduler.clock(), again_text) == digest);
  return 0;
}
