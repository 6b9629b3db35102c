// SPDX-License-Identifier: Apache-2.0
// One mount, from its settings to its end: here the parts are chosen and put together.
//
//   metadata engine → Volume ────────────────────────────────────────┐
//   buckets → shards → metered → retrying → prefixed → BlockStore ───┤
//   NodeTier (RAM of this node), Budget (RAM of this process) ───────┴→ FileSystem → RequestHandler → fuse::Session
#pragma once

#include <atomic>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "apps/backup.h"
#include "apps/mount_metrics.h"
#include "apps/mount_options.h"
#include "apps/supervisor.h"
#include "base/budget.h"
#include "base/event.h"
#include "base/log.h"
#include "block/block_store.h"
#include "block/node_tier.h"
#include "block/pressure.h"
#include "cli/outcome.h"
#include "cli/volume_access.h"
#include "fuse/handler.h"
#include "fuse/mount.h"
#include "fuse/notifier.h"
#include "fuse/session.h"
#include "meta/volume.h"
#include "metrics/registry.h"
#include "net/http_server.h"
#include "vfs/file_system.h"

namespace headrace::apps {

class MountServer {
 public:
  /// Under a supervisor: what this server has from it, and where it writes down what its successor must know.
  struct Supervised {
    Inheritance& inherited;
    vfs::TakeoverIndex& index;
    ServerLink& link;
  };

  /// `scheduler`, `log` and what `supervised` names outlive the server; `version` is the program's.
  MountServer(MountSettings settings, Scheduler& scheduler, const Log& log, std::string version,
              std::optional<Supervised> supervised = std::nullopt);
  /// What still stands is taken away, unflushed: after stop() nothing does.
  ~MountServer();
  MountServer(const MountServer&) = delete;
  MountServer& operator=(const MountServer&) = delete;

  /// Looks at everything that can refuse, then mounts; when this is ok, the mount answers. A failure leaves nothing
  /// behind. A successor goes on with the mount that is there; where it fails the mount stays for the next one, unless
  /// has_lost_volume().
  cli::Outcome start(const Scope& scope);

  /// Until somebody unmounts (ok), the connection is aborted (a failure), or the scope is stopped: then it unmounts by
  /// itself, and what is still open is cut off after it was written. Either way everything written is stored before
  /// this returns; a failure says if it could not be. When the volume is lost (replaced, destroyed, the session cleaned
  /// up after), every request is EIO from then on, and the mount is taken away (a failure that says why).
  cli::Outcome serve(const Scope& scope);

  /// The volume is not the one that was mounted, or not this mount's any more: no successor can do better.
  bool has_lost_volume() const { return is_lost_.load(); }

  /// From any thread, once: takes the mount away without waiting for anything. For a person in a hurry.
  void abandon();

 private:
  cli::Outcome check_machine();
  cli::Outcome check_mount_point();
  cli::Outcome open_parts(const Scope& scope);
  cli::Outcome start_metrics();
  cli::Outcome open_objects(const Scope& scope);
  void build_files();
  cli::Outcome mount(const Scope& scope);
  bool is_successor() const { return supervised_ && supervised_->inherited.is_successor(); }
  cli::Outcome begin_session(const Scope& scope);
  cli::Outcome take_over(const Scope& scope);
  fuse::SessionTools session_tools();
  cli::Outcome begin_to_serve(const Scope& scope, std::map<std::int32_t, UniqueFd> backings, bool is_adopting);
  void write_down_mount();
  void lose_volume(const Error& error);
  cli::Outcome open_volume(const Scope& scope);
  void leave_on_request();
  void leave_lost();
  cli::Outcome close_parts();

  const MountSettings settings_;
  Scheduler& scheduler_;
  const Log& log_;
  const std::string version_;
  fuse::HostFacts host_;
  const std::optional<Supervised> supervised_;
  std::atomic<bool> is_mounted_ = false, is_serving_ = false, is_lost_ = false;
  std::stop_source end_;  // asked to end, or the volume is lost
  std::string why_lost_;  // before is_lost_
  std::string config_text_;

  // In the order in which each needs those before it.
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<StoreMetrics> store_metrics_;
  EngineMetrics engine_metrics_;
  cli::VolumeAccess access_;
  std::unique_ptr<cli::VolumeStore> store_;
  std::unique_ptr<meta::Volume> volume_;
  std::unique_ptr<block::NodeTier> tier_;
  const MemoryLimit memory_;
  std::unique_ptr<block::PressureWatcher> pressure_;
  std::unique_ptr<Budget> budget_;
  std::unique_ptr<block::BlockStore> blocks_;
  std::unique_ptr<vfs::FileSystem> files_;
  std::unique_ptr<MetaBackup> backup_;
  std::unique_ptr<fuse::AccessLog> access_log_;
  std::unique_ptr<fuse::RequestHandler> handler_, until_lost_;
  fuse::Mounted mounted_;
  std::unique_ptr<fuse::Session> session_;
  std::unique_ptr<fuse::Notifier> notifier_;
  std::unique_ptr<MountMetrics> mount_metrics_;
  std::unique_ptr<net::HttpServer> http_;
};

}  // namespace headrace::apps
