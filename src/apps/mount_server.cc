// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "apps/mount_config.h"
#include "base/uri.h"
#include "fuse/handlers.h"
#include "fuse/mount_probe.h"
#include "fuse/mountinfo.h"
#include "metrics/exposition.h"
#include "records/metered_engine.h"

namespace headrace::apps {
namespace {

constexpr std::uint32_t kFillThreadsMax = 32;

using cli::Exit;
using cli::Outcome;

constexpr Duration kStartMax = std::chrono::seconds(60);
constexpr std::uint32_t kReadAheadKib = 1024;
constexpr Duration kInitMax = std::chrono::seconds(10);
constexpr Duration kProbeMax = std::chrono::seconds(5);
/// How long written bytes may take to reach the bucket when the mount ends.
constexpr Duration kFlushMax = std::chrono::minutes(10);
constexpr Duration kEndMax = std::chrono::seconds(30);

unsigned processors() { return std::max(1u, std::thread::hardware_concurrency()); }

/// Once the volume is lost, nothing is what it was: EIO for all.
class UntilLost final : public fuse::RequestHandler {
 public:
  UntilLost(fuse::RequestHandler& handler, const std::atomic<bool>& is_lost) : handler_(handler), is_lost_(is_lost) {}
  void serve(const Scope& scope, const fuse::Request& request, MutableByteSpan scratch, fuse::Reply reply) override {
    if (is_lost_.load(std::memory_order_relaxed)) {
      reply.fail(Code::kIo);
    } else {
      handler_.serve(scope, request, scratch, std::move(reply));
    }
  }
  void forget(fuse::NodeId node, std::uint64_t lookups) override { handler_.forget(node, lookups); }
  void cancel(std::uint64_t unique) override { handler_.cancel(unique); }

 private:
  fuse::RequestHandler& handler_;
  const std::atomic<bool>& is_lost_;
};

}  // namespace

MountServer::MountServer(MountSettings settings, Scheduler& scheduler, const Log& log, std::string version,
                         std::optional<Supervised> supervised)
    : settings_(std::move(settings)),
      scheduler_(scheduler),
      log_(log),
      version_(std::move(version)),
      supervised_(supervised) {}

MountServer::~MountServer() {
  abandon();
  if (session_ == nullptr) return;
  const Result<fuse::Ending> ended = session_->wait_ended({scheduler_.clock().now() + kEndMax, {}});
  if (!ended) log_.error("the connection to the kernel does not end", {{"err", ended.error().text()}});
}

Outcome MountServer::start(const Scope& scope) {
  const Scope limited = scope.until(scheduler_.clock().now() + kStartMax);
  if (Outcome machine = check_machine(); !machine) return machine;
  if (is_successor()) return take_over(limited);
  if (Outcome place = check_mount_point(); !place) return place;
  if (Outcome parts = open_parts(limited); !parts) {
    static_cast<void>(close_parts().has_value());
    return parts;
  }
  Outcome mounted = mount(limited);
  if (mounted) mounted = begin_session(limited);
  if (!mounted) {
    abandon();
    if (session_ != nullptr) session_->close();
    static_cast<void>(close_parts().has_value());
    return mounted;
  }
  log_.info("mounted", {{"mount", mounted_.mount_point},
                        {"volume", access_.format.name},
                        {"protocol", fmt::format("7.{}", session_->negotiated().minor)},
                        {"passthrough", session_->negotiated().has_passthrough() ? "on" : "off"},
                        {"cache", format_size(tier_->stats().bytes_max)}});
  return {};
}

Outcome MountServer::check_machine() {
  host_ = fuse::look_at_host();
  if (!host_.has_device) {
    const bool is_closed = access("/dev/fuse", F_OK) == 0 && access("/dev/fuse", R_OK | W_OK) != 0;
    return cli::fail(
        Exit::kConflict, fmt::format("no FUSE here: {}", host_.device_error),
        is_closed ? "/dev/fuse must be open to this user: as root, chmod 666 /dev/fuse; or mount as root"
                  : "load the module (modprobe fuse), or give the container /dev/fuse; headrace doctor says more");
  }
  const fuse::LaneReport lanes = fuse::report_lanes(host_, settings_.lanes, nullptr);
  if (settings_.lanes.passthrough == fuse::LaneChoice::Passthrough::kRequired && !lanes.passthrough.is_on) {
    return cli::fail(Exit::kConflict, fmt::format("--lanes asks for passthrough: {}", lanes.passthrough.why),
                     "--lanes auto uses what there is");
  }
  return {};
}

Outcome MountServer::check_mount_point() {
  const std::string& where = settings_.mount_point;
  const auto state = fuse::probe_path(where, kProbeMax);
  if (!state) return cli::fail(fmt::format("cannot mount on {}", where), state.error());
  switch (*state) {
    case fuse::PathState::kMissing:
      return cli::fail(Exit::kNotFound, fmt::format("the mount point {} does not exist", where),
                       fmt::format("mkdir {}", where));
    case fuse::PathState::kOther:
      return cli::fail(Exit::kUsage, fmt::format("the mount point {} is not a directory", where));
    case fuse::PathState::kSilent:
      return cli::fail(Exit::kConflict, fmt::format("{} is a mount that does not answer", where),
                       fmt::format("headrace umount --force {}", where));
    case fuse::PathState::kForbidden:
      return cli::fail(Exit::kPermission, fmt::format("the mount point {} may not be entered", where));
    case fuse::PathState::kDead:  // freed when mounting
    case fuse::PathState::kDirectory: break;
  }
  TRY(const std::string canonical, fuse::canonical_mount_point(where));
  TRY(const auto mounts, fuse::read_mountinfo());
  const auto there = fuse::top_mount_at(mounts, canonical);
  if (there && there->is_ours() && *state == fuse::PathState::kDirectory) {
    return cli::fail(Exit::kConflict, fmt::format("{} is already mounted on {}", there->source, where),
                     fmt::format("headrace umount {}", where));
  }
  return {};
}

Outcome MountServer::open_parts(const Scope& scope) {
  auto access = cli::open_volume(scope, scheduler_, settings_.meta_url, settings_.is_read_only, &engine_metrics_);
  if (!access) return std::unexpected<cli::Failure>(access.error());
  access_ = *std::move(access);
  const std::string& name = access_.format.name;
  registry_ = std::make_unique<metrics::Registry>(
      std::vector<metrics::Registry::Label>{{"vol_name", name}, {"mp", settings_.mount_point}});
  engine_metrics_.bind(*registry_);
  access_.engine =
      records::metered(std::move(access_.engine), registry_->histogram("juicefs_meta_ops_durations_histogram_seconds"),
                       scheduler_.clock());
  if (Outcome objects = open_objects(scope); !objects) return objects;
  if (Outcome metrics = start_metrics(); !metrics) return metrics;

  if (Outcome volume = open_volume(scope); !volume) return volume;
  build_files();
  return {};
}

Outcome MountServer::open_volume(const Scope& scope) {
  meta::VolumeOptions options;
  options.is_read_only = settings_.is_read_only;
  options.mount_point = settings_.mount_point;
  options.heartbeat = settings_.heartbeat;
  if (is_successor()) {
    const vfs::MountRecord record = supervised_->index.mount();
    options.takes_over = SessionId{record.session};
    if (std::string_view(record.volume_uuid.data()) != access_.format.uuid) {
      lose_volume(Error(Code::kStale, "another volume stands in this volume's place"));
      return cli::fail(Exit::kFailed, why_lost_);
    }
  }
  auto volume = meta::Volume::open(scope, *access_.engine, scheduler_, log_, options);
  if (!volume && volume.code() == Code::kStale) lose_volume(volume.error());
  if (!volume) return cli::fail(fmt::format("cannot use volume {}", access_.format.name), volume.error());
  volume_ = *std::move(volume);
  return {};
}

Outcome MountServer::open_objects(const Scope& scope) {
  store_metrics_ = std::make_unique<StoreMetrics>(*registry_);
  cli::VolumeStoreOptions options;
  options.bucket = settings_.bucket;
  options.observer = store_metrics_.get();
  options.retries.get_attempt_max = settings_.get_timeout;
  options.retries.put_attempt_max = settings_.put_timeout;
  auto store = cli::open_objects(scheduler_, access_.format, options);
  if (!store) return std::unexpected<cli::Failure>(store.error());
  store_ = *std::move(store);
  if (const auto listed = store_->objects().list(scope, "", "", 1); !listed) {
    return cli::fail(fmt::format("the bucket of volume {} cannot be read", access_.format.name), listed.error());
  }
  return {};
}

Outcome MountServer::start_metrics() {
  if (settings_.metrics_address.empty()) return {};
  const auto text = [](std::string body) { return net::HttpResponse{.body = std::move(body)}; };
  net::HttpRoutes routes;
  routes["/metrics"] = [this](const net::HttpRequest& request) {
    const metrics::TextFormat format = metrics::format_for(request.accept);
    return net::HttpResponse{.content_type = std::string(metrics::content_type_of(format)),
                             .body = metrics::metrics_text(*registry_, format)};
  };
  routes["/livez"] = [text](const net::HttpRequest&) { return text("ok\n"); };
  routes["/readyz"] = [this](const net::HttpRequest&) {
    if (is_serving_.load()) return net::HttpResponse{.body = "ok\n"};
    return net::HttpResponse{.status = 503, .body = "not serving\n"};
  };
  routes["/healthz"] = routes["/livez"];
  routes["/version"] = [text, this](const net::HttpRequest&) { return text(version_ + "\n"); };
  auto server = net::HttpServer::start(scheduler_, log_, settings_.metrics_address, routes);
  const bool may_move = !server && server.code() == Code::kBusy && !settings_.is_metrics_address_asked_for;
  if (may_move) server = net::HttpServer::start(scheduler_, log_, "127.0.0.1:0", routes);
  if (!server) return cli::fail("--metrics", server.error(), "--metrics off switches it off");
  http_ = *std::move(server);
  return {};
}

void MountServer::build_files() {
  block::NodeTierOptions tier_options;
  tier_options.bytes_max = settings_.cache_bytes;
  tier_ = block::new_node_tier(log_, tier_options);
  if (settings_.cache_bytes > 0)
    pressure_ = std::make_unique<block::PressureWatcher>(scheduler_, log_, *tier_, memory_);
  budget_ = std::make_unique<Budget>(scheduler_, settings_.buffer_bytes);
  block::BlockStoreOptions block_options;
  block_options.layout = {access_.format.block_bytes(), access_.format.hash_prefix};
  block_options.cache_large_writes = settings_.caches_large_writes;
  block_options.uploads_max = settings_.uploads_max;
  block_options.downloads_max = settings_.downloads_max;
  block_options.get_timeout = settings_.get_timeout;
  block_options.put_timeout = settings_.put_timeout;
  blocks_ = block::new_block_store(store_->objects(), *tier_, *budget_, scheduler_, log_, block_options);

  vfs::FileSystemOptions options;
  options.is_read_only = settings_.is_read_only;
  options.entry_ttl = settings_.entry_ttl;
  options.dir_entry_ttl = settings_.dir_entry_ttl;
  options.attr_ttl = settings_.attr_ttl;
  options.passthrough = settings_.lanes.passthrough != fuse::LaneChoice::Passthrough::kOff;
  // A distant bucket wants many requests under way; each holds a block of the budget, and other readers want
  // connections too.
  options.fill_threads = std::clamp<std::uint32_t>(settings_.downloads_max / 4, 1, kFillThreadsMax);
  options.xattrs = settings_.xattrs;
  options.hide_internal = settings_.hide_internal;
  options.background_jobs = settings_.background_jobs;
  options.heartbeat = settings_.heartbeat;
  options.volume_name = access_.format.name;
  if (supervised_) {
    options.index = &supervised_->index;
    options.keeper = &supervised_->link;
  }
  vfs::Providers providers;
  providers.volume_lost = [this](const Error& error) { lose_volume(error); };
  providers.stats_text = [this] { return metrics::stats_text(*registry_); };
  providers.config_json = [this] { return config_text_; };
  files_ = std::make_unique<vfs::FileSystem>(*volume_, *blocks_, *tier_, *budget_, scheduler_, log_, *registry_,
                                             options, std::move(providers));
  backup_ = std::make_unique<MetaBackup>(
      *volume_, store_->objects(), scheduler_, log_,
      BackupOptions{.interval = settings_.backup_interval, .skip_trash = settings_.backup_skips_trash});
  access_log_ = fuse::new_access_log(*files_, scheduler_.clock());
  handler_ = fuse::new_handler(*files_, *registry_, options.index);
  until_lost_ = std::make_unique<UntilLost>(*handler_, is_lost_);
  if (supervised_) registry_->counter("headrace_server_restarts_total").add(supervised_->index.restarts());
  mount_metrics_ = std::make_unique<MountMetrics>(
      *registry_, MountParts{*volume_, *tier_, *blocks_, *budget_, scheduler_, log_}, version_);
}

Outcome MountServer::mount(const Scope& scope) {
  fuse::MountOptions options;
  options.mount_point = settings_.mount_point;
  options.source = access_.format.name;
  options.allow_other = settings_.allow_other;
  options.read_only = settings_.is_read_only;
  auto mounted = fuse::mount_fuse(scope, log_, options);
  if (!mounted) return cli::fail(fmt::format("cannot mount on {}", settings_.mount_point), mounted.error());
  mounted_ = *std::move(mounted);
  is_mounted_ = true;
  return {};
}

fuse::SessionTools MountServer::session_tools() {
  return {.scheduler = scheduler_,
          .log = log_,
          .registry = *registry_,
          .access_log = access_log_.get(),
          .limits = fuse::default_lane_limits(processors()),
          .devices = fuse::default_device_count(processors())};
}

Outcome MountServer::begin_session(const Scope& scope) {
  const bool may_pass = fuse::may_pass_through(host_) && !mounted_.by_helper;
  fuse::Wish wish;
  wish.is_writable = !settings_.is_read_only;
  wish.passthrough = may_pass && settings_.lanes.passthrough != fuse::LaneChoice::Passthrough::kOff;
  const Scope limited = scope.until(scheduler_.clock().now() + kInitMax);
  auto session = fuse::Session::open(limited, std::move(mounted_.device), wish, session_tools());
  if (!session) return cli::fail("the kernel and this program do not come together", session.error());
  session_ = *std::move(session);
  if (supervised_) write_down_mount();
  return begin_to_serve(scope, {}, false);
}

/// From here on a successor has what it needs: before the first request is answered.
void MountServer::write_down_mount() {
  for (const int device : session_->devices()) supervised_->link.device_made(device);
  vfs::MountRecord record;
  record.session = volume_->session().value();
  static_assert(sizeof(fuse::Negotiated) <= sizeof record.negotiated);
  std::memcpy(record.negotiated.data(), &session_->negotiated(), sizeof(fuse::Negotiated));
  record.major = mounted_.major;
  record.minor = mounted_.minor;
  record.by_helper = mounted_.by_helper ? 1 : 0;
  record.mounted_seconds = scheduler_.clock().wall().seconds;
  access_.format.uuid.copy(record.volume_uuid.data(), record.volume_uuid.size() - 1);
  supervised_->index.set_mount(record);
}

Outcome MountServer::take_over(const Scope& scope) {
  Inheritance& inherited = supervised_->inherited;
  const vfs::MountRecord record = supervised_->index.mount();
  Outcome outcome = open_parts(scope);
  if (outcome) {
    mounted_.mount_point = settings_.mount_point;
    mounted_.major = record.major;
    mounted_.minor = record.minor;
    mounted_.by_helper = record.by_helper != 0;
    const Result<fuse::Negotiated> negotiated =
        fuse::adopt_negotiated(ByteSpan(record.negotiated).first(sizeof(fuse::Negotiated)));
    if (!negotiated) return cli::fail("the connection cannot be taken over", negotiated.error());
    auto session = fuse::Session::adopt(std::move(inherited.devices), *negotiated, session_tools());
    if (!session) return cli::fail("the connection cannot be taken over", session.error());
    session_ = *std::move(session);
    outcome = begin_to_serve(scope, std::move(inherited.backings), true);
  }
  if (outcome) {
    is_mounted_ = true;
    log_.info("the mount is served again", {{"mount", settings_.mount_point}});
    return outcome;
  }
  if (is_lost_) {
    is_mounted_ = true;
    abandon();
  }
  return outcome;
}

Outcome MountServer::begin_to_serve(const Scope& scope, std::map<std::int32_t, UniqueFd> backings, bool is_adopting) {
  const fuse::Negotiated& negotiated = session_->negotiated();
  const fuse::LaneReport lanes = fuse::report_lanes(host_, settings_.lanes, &negotiated);
  if (settings_.lanes.passthrough == fuse::LaneChoice::Passthrough::kRequired && !lanes.passthrough.is_on) {
    return cli::fail(Exit::kConflict, fmt::format("--lanes asks for passthrough: {}", lanes.passthrough.why),
                     "--lanes auto uses what there is");
  }
  notifier_ = std::make_unique<fuse::Notifier>(session_->device(), negotiated, scheduler_, log_, *registry_);
  files_->attach(notifier_.get());
  if (is_adopting) {
    registry_->gauge("headrace_fuse_backings").add(static_cast<std::int64_t>(backings.size()));
    if (const Result<void> adopted = files_->adopt(scope, std::move(backings)); !adopted) {
      return cli::fail("what the kernel holds cannot be taken over", adopted.error());
    }
  }
  config_text_ = config_document(
      {.settings = settings_,
       .format = access_.format,
       .session = volume_->session().value(),
       .pid = static_cast<int>(getpid()),
       .supervisor = supervised_ ? static_cast<int>(supervised_->inherited.supervisor) : 0,
       .restarts = supervised_ ? supervised_->index.restarts() : 0,
       .mounted_seconds = supervised_ ? supervised_->index.mount().mounted_seconds : scheduler_.clock().wall().seconds,
       .lanes = lanes,
       .tier_place = tier_->stats().place,
       .metrics_address = http_ == nullptr ? std::string() : http_->address(),
       .version = version_});
  TRY_OK(session_->start(*until_lost_));
  if (supervised_) supervised_->link.serving();
  // It costs speed alone where it cannot be set.
  (void)fuse::set_read_ahead(mounted_.major, mounted_.minor, kReadAheadKib);
  if (settings_.background_jobs) backup_->start();
  is_serving_ = true;
  return {};
}

Outcome MountServer::serve(const Scope& scope) {
  const std::stop_callback asked(scope.stop, [this] { end_.request_stop(); });
  Result<fuse::Ending> ending = session_->wait_ended({scope.deadline, end_.get_token()});
  bool was_asked = false;
  if (!ending && ending.code() == Code::kInterrupted) {
    was_asked = true;
    if (is_lost_) {
      leave_lost();
    } else {
      leave_on_request();
    }
    ending = session_->wait_ended({scheduler_.clock().now() + kEndMax, {}});
  }
  if (!ending) {
    log_.error("the connection to the kernel does not end; it is aborted", {{"err", ending.error().text()}});
    abandon();
    ending = session_->wait_ended({scheduler_.clock().now() + kEndMax, {}});
    if (!ending) return cli::fail("the connection to the kernel does not end", ending.error());
  }
  is_mounted_ = is_serving_ = false;
  session_->close();
  const Outcome closed = close_parts();
  if (is_lost_)
    return cli::fail(Exit::kFailed, fmt::format("the mount on {} has ended: {}", settings_.mount_point, why_lost_));
  if (!closed) return closed;
  if (*ending == fuse::Ending::kAborted && !was_asked) {
    return cli::fail(Exit::kFailed, fmt::format("the mount on {} was aborted", settings_.mount_point));
  }
  log_.info("unmounted", {{"mount", settings_.mount_point}});
  return {};
}

void MountServer::lose_volume(const Error& error) {
  why_lost_ = error.text();
  is_lost_ = true;
  log_.error("the volume is lost: every request fails, and the mount ends",
             {{"mount", settings_.mount_point}, {"why", why_lost_}});
  end_.request_stop();
}

void MountServer::leave_lost() {
  const Result<void> unmounted = fuse::unmount_fuse(settings_.mount_point, fuse::UnmountMode::kNormal);
  if (unmounted) return;
  const Result<void> forced = fuse::unmount_fuse(settings_.mount_point, fuse::UnmountMode::kForce);
  if (!forced) log_.error("cannot unmount by force", {{"err", forced.error().text()}});
}

void MountServer::leave_on_request() {
  log_.info("asked to end", {{"mount", settings_.mount_point}});
  const Result<void> unmounted = fuse::unmount_fuse(settings_.mount_point, fuse::UnmountMode::kNormal);
  if (unmounted) return;
  if (unmounted.code() != Code::kBusy) {
    log_.warn("cannot unmount", {{"err", unmounted.error().text()}});
  } else {
    log_.warn("files are open on the mount; they are cut off once what was written is stored");
    const Result<void> stored = files_->sync_all({scheduler_.clock().now() + kFlushMax, {}});
    if (!stored) log_.error("what was written last could not be stored", {{"err", stored.error().text()}});
  }
  const Result<void> forced = fuse::unmount_fuse(settings_.mount_point, fuse::UnmountMode::kForce);
  if (!forced) log_.error("cannot unmount by force", {{"err", forced.error().text()}});
}

void MountServer::abandon() {
  if (!is_mounted_.exchange(false)) return;
  const Result<void> gone = fuse::unmount_fuse(settings_.mount_point, fuse::UnmountMode::kForce);
  if (!gone) log_.error("cannot unmount by force", {{"err", gone.error().text()}});
}

Outcome MountServer::close_parts() {
  const Scope scope{scheduler_.clock().now() + (is_lost_ ? kEndMax : kFlushMax), {}};
  Outcome outcome;
  const auto keep = [&](std::string_view doing, const Result<void>& result) {
    if (!result && outcome) outcome = cli::fail(doing, result.error());
  };
  if (http_ != nullptr) http_->close();
  if (notifier_ != nullptr) notifier_->close();
  if (files_ != nullptr) keep("what was written last could not be stored", files_->close(scope));
  if (backup_ != nullptr) backup_->close();
  if (backup_ != nullptr && settings_.background_jobs) backup_->finish();
  if (pressure_ != nullptr) pressure_->close();
  if (blocks_ != nullptr) keep("what was written last could not be stored", blocks_->close(scope));
  if (volume_ != nullptr) keep("the session could not be ended", volume_->close(scope));
  if (access_.engine != nullptr) keep("the metadata could not be closed", access_.engine->close());
  return outcome;
}

}  // namespace headrace::apps
