// SPDX-License-Identifier: Apache-2.0
// Contents of the mount's own files.
#include "vfs/virtual_files.h"

#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "vfs/node_table.h"

namespace headrace::vfs {
namespace {

constexpr std::size_t kAccessLogMax = 10u << 20;  // bytes a reader may be behind
constexpr std::size_t kRequestHead = 8;           // command and length of the body
constexpr std::size_t kConversationMax = 64u << 20;

struct Row {
  Ino ino;
  std::string_view name;
  std::uint16_t mode;
};
constexpr Row kRows[] = {{kAccessLogIno, ".accesslog", 0400},
                         {kControlIno, ".control", 0666},
                         {kStatsIno, ".stats", 0444},
                         {kConfigIno, ".config", 0400}};

}  // namespace

// The access log.

AccessLog::Reader::Reader(AccessLog& log) : log_(log) {
  MutexLock lock(log_.mutex_);
  log_.list_.push_back(this);
  log_.readers_.fetch_add(1, std::memory_order_relaxed);
}

AccessLog::Reader::~Reader() {
  MutexLock lock(log_.mutex_);
  std::erase(log_.list_, this);
  log_.readers_.fetch_sub(1, std::memory_order_relaxed);
}

void AccessLog::append(const std::string& line) {
  {
    MutexLock lock(mutex_);
    for (Reader* reader : list_) {
      if (reader->text_.size() > kAccessLogMax)
        reader->text_.erase(0, reader->text_.find('\n', reader->text_.size() / 2) + 1);
      reader->text_ += line;
      reader->text_ += '\n';
    }
  }
  arrived_->notify_all();
}

std::size_t AccessLog::Reader::read(const Scope& scope, const Clock& clock, MutableByteSpan into) {
  MutexLock lock(log_.mutex_);
  const Result<void> waited = log_.arrived_->wait(scope.until(clock.now() + std::chrono::seconds(1)), log_.mutex_,
                                                  [this] { return !text_.empty(); });
  static constexpr std::string_view kNothing = "#\n";  // so that a reader does not take silence for the end
  const std::string_view text = waited ? std::string_view(text_) : kNothing;
  const std::size_t size = std::min(text.size(), into.size());
  std::memcpy(into.data(), text.data(), size);
  if (waited) text_.erase(0, size);
  return size;
}

// Conversations.

void Conversation::say(std::string_view bytes) {
  MutexLock lock(mutex_);
  text_.append(bytes);
}

void Conversation::finish() {
  MutexLock lock(mutex_);
  is_answering_ = false;
  request_start_ = text_.size();
}

std::size_t Conversation::copy(std::uint64_t offset, MutableByteSpan into) const {
  MutexLock lock(mutex_);
  if (offset >= text_.size()) return 0;
  const std::size_t size = std::min<std::size_t>(into.size(), text_.size() - offset);
  std::memcpy(into.data(), text_.data() + offset, size);
  return size;
}

Result<std::string> Conversation::hear(ByteSpan bytes) {
  MutexLock lock(mutex_);
  if (is_answering_) return Code::kBusy;
  if (text_.size() + bytes.size() > kConversationMax) return Code::kFileTooBig;
  text_.append(text_view(bytes));
  const std::string_view request = std::string_view(text_).substr(request_start_);
  if (request.size() < kRequestHead) return std::string();
  const std::size_t whole = kRequestHead + load_big_endian<std::uint32_t>(request.data() + 4);
  if (request.size() > whole) {
    text_.push_back(static_cast<char>(errno_of(Code::kIo)));  // bytes of more than one request
    request_start_ = text_.size();
    return Code::kInvalid;
  }
  if (request.size() < whole) return std::string();
  is_answering_ = true;
  return std::string(request);
}

// The files.

VirtualFiles::VirtualFiles(const Context& context, const Providers& providers, ControlHandler control, AccessLog& log)
    : context_(context),
      providers_(providers),
      control_(std::move(control)),
      log_(log),
      mounted_(context.scheduler.clock().wall()),
      uid_(getuid()),
      gid_(getgid()) {}

std::optional<Ino> VirtualFiles::lookup(Ino directory, std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name && (directory == kRootIno || row.ino == kControlIno)) return row.ino;
  }
  return std::nullopt;
}

Attr VirtualFiles::attr(Ino ino) const {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows), [ino](const Row& r) { return r.ino == ino; });
  Attr attr;
  attr.mode = row == std::end(kRows) ? 0 : row->mode;
  attr.uid = uid_;
  attr.gid = gid_;
  attr.atime = attr.mtime = attr.ctime = mounted_;
  attr.parent = kRootIno;
  if (ino == kConfigIno && providers_.config_json) attr.length = providers_.config_json().size();
  return attr;
}

std::vector<ExtraEntry> VirtualFiles::listed() const {
  if (context_.options.hide_internal) return {};
  std::vector<ExtraEntry> entries{{".accesslog", kAccessLogIno, FileType::kRegular},
                                  {".stats", kStatsIno, FileType::kRegular},
                                  {".config", kConfigIno, FileType::kRegular}};
  return entries;
}

Result<std::unique_ptr<VirtualHandle>> VirtualFiles::open(Ino ino, bool writes) const {
  if (writes && ino != kControlIno) return Code::kAccess;
  auto handle = std::make_unique<VirtualHandle>();
  handle->ino = ino;
  if (ino == kStatsIno && providers_.stats_text) handle->content = providers_.stats_text();
  if (ino == kConfigIno && providers_.config_json) handle->content = providers_.config_json();
  if (ino == kControlIno) handle->conversation = std::make_shared<Conversation>();
  if (ino == kAccessLogIno) handle->reader = std::make_unique<AccessLog::Reader>(log_);
  return handle;
}

Result<std::size_t> VirtualFiles::read(const Scope& scope, VirtualHandle& handle, std::uint64_t offset,
                                       MutableByteSpan into) const {
  if (handle.reader != nullptr) return handle.reader->read(scope, context_.scheduler.clock(), into);
  if (handle.conversation != nullptr) return handle.conversation->copy(offset, into);
  if (offset >= handle.content.size()) return 0;
  const std::size_t size = std::min<std::size_t>(into.size(), handle.content.size() - offset);
  std::memcpy(into.data(), handle.content.data() + offset, size);
  return size;
}

Result<std::size_t> VirtualFiles::write(const Scope& scope, VirtualHandle& handle, std::uint64_t,
                                        ByteSpan bytes) const {
  if (handle.conversation == nullptr) return Code::kAccess;
  const Result<std::string> request = handle.conversation->hear(bytes);
  if (!request) return request.code() == Code::kInvalid ? Result<std::size_t>(bytes.size()) : request.error();
  if (!request->empty()) {
    control_(scope, load_big_endian<std::uint32_t>(request->data()), request->substr(kRequestHead),
             handle.conversation);
  }
  return bytes.size();
}

}  // namespace headrace::vfs
