// SPDX-License-Identifier: Apache-2.0
// The limit of what a FUSE server on this kernel can do with one message a request: it knows the answer to everything
// and does nothing.
//
//   null_fuse MOUNTPOINT FILES BYTES THREADS     until it is unmounted; needs root
//
// The root holds the files 0 … FILES-1, of BYTES zeros each, to be read. Each thread has a device of its own, looks at
// it for 50 µs before it sleeps, as src/fuse/classic_requests.cc does, and answers what it read. Attributes and names
// are good for a minute; pages stay in the kernel's cache.
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kDataBytesMax = 1u << 20;
constexpr std::uint64_t kFirstFile = 2;
constexpr std::uint64_t kSecondsValid = 60;

std::uint64_t files = 0, file_bytes = 0;
const std::vector<char> zeros(kDataBytesMax);

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "null_fuse: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

fuse_attr attr_of(std::uint64_t node) {
  const bool is_directory = node == FUSE_ROOT_ID;
  fuse_attr attr{};
  attr.ino = node;
  attr.mode = is_directory ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr.nlink = 1;
  attr.size = is_directory ? 0 : file_bytes;
  attr.blksize = 4096;
  return attr;
}

fuse_entry_out entry_of(std::uint64_t node) {
  fuse_entry_out entry{};
  entry.nodeid = node;
  entry.entry_valid = entry.attr_valid = kSecondsValid;
  entry.attr = attr_of(node);
  return entry;
}

fuse_init_out init_answer(const fuse_init_in& in) {
  fuse_init_out out{};
  out.major = FUSE_KERNEL_VERSION;
  out.minor = FUSE_KERNEL_MINOR_VERSION;
  out.max_readahead = in.max_readahead;
  out.flags = in.flags & (FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_NO_OPENDIR_SUPPORT);
  out.max_background = 64;
  out.congestion_threshold = 48;
  out.max_write = kDataBytesMax;
  out.max_pages = kDataBytesMax / 4096;
  out.time_gran = 1;
  return out;
}

class Server {
 public:
  explicit Server(int device) : device_(device), request_(kDataBytesMax + 65536) {}

  void run() {
    for (;;) {
      look();
      const ssize_t got = read(device_, request_.data(), request_.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
      if (got < static_cast<ssize_t>(sizeof(fuse_in_header))) return;  // ENODEV: unmounted
      answer(*reinterpret_cast<const fuse_in_header*>(request_.data()), request_.data() + sizeof(fuse_in_header));
    }
  }

 private:
  void look() const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    pollfd one{device_, POLLIN, 0};
    while (poll(&one, 1, 0) == 0 && std::chrono::steady_clock::now() < until) sched_yield();
  }

  void answer(const fuse_in_header& in, const char* body) const {
    switch (in.opcode) {
      case FUSE_INIT: return send(in, init_answer(*reinterpret_cast<const fuse_init_in*>(body)));
      case FUSE_LOOKUP: return look_up(in, body);
      case FUSE_GETATTR: return send(in, fuse_attr_out{kSecondsValid, 0, 0, attr_of(in.nodeid)});
      case FUSE_OPEN: return send(in, fuse_open_out{1, FOPEN_KEEP_CACHE, 0});
      case FUSE_READ: return send_bytes(in, *reinterpret_cast<const fuse_read_in*>(body));
      case FUSE_FLUSH:
      case FUSE_RELEASE: return send_head(in, 0, nullptr, 0);
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT: return;
      default: return send_head(in, -ENOSYS, nullptr, 0);
    }
  }

  void look_up(const fuse_in_header& in, const char* name) const {
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(name, &end, 10);
    if (in.nodeid != FUSE_ROOT_ID || end == name || *end != '\0' || number >= files)
      return send_head(in, -ENOENT, nullptr, 0);
    send(in, entry_of(kFirstFile + number));
  }

  void send_bytes(const fuse_in_header& in, const fuse_read_in& ask) const {
    const std::uint64_t left = ask.offset < file_bytes ? file_bytes - ask.offset : 0;
    send_head(in, 0, zeros.data(), std::min<std::uint64_t>({ask.size, left, kDataBytesMax}));
  }

  template <class Body>
  void send(const fuse_in_header& in, const Body& body) const {
    send_head(in, 0, &body, sizeof body);
  }

  void send_head(const fuse_in_header& in, int error, const void* body, std::size_t size) const {
    fuse_out_header out{static_cast<std::uint32_t>(sizeof out + size), error, in.unique};
    iovec parts[] = {{&out, sizeof out}, {const_cast<void*>(body), size}};
    if (writev(device_, parts, size == 0 ? 1 : 2) < 0 && errno != ENOENT && errno != ENODEV)
      fail("writing to the device");
  }

  const int device_;
  std::vector<char> request_;
};

int clone_device(int device) {
  const int clone = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  std::uint32_t number = static_cast<std::uint32_t>(device);
  if (clone < 0 || ioctl(clone, FUSE_DEV_IOC_CLONE, &number) != 0) fail("a second descriptor of the device");
  return clone;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "null_fuse: MOUNTPOINT FILES BYTES THREADS\n");
    return 2;
  }
  files = std::strtoull(argv[2], nullptr, 10);
  file_bytes = std::strtoull(argv[3], nullptr, 10);
  const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) fail("/dev/fuse");
  const std::string options =
      "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other";
  if (mount("null_fuse", argv[1], "fuse.null_fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) fail(argv[1]);
  std::vector<std::thread> threads;
  for (int i = 1; i < std::atoi(argv[4]); ++i) threads.emplace_back([fd = clone_device(device)] { Server(fd).run(); });
  Server(device).run();
  for (std::thread& thread : threads) thread.join();
}
