// SPDX-License-Identifier: Apache-2.0
// The volume's description: the `setting` document (juicefs-volume-format, section 2), read tolerantly, written as the
// real client writes it, with members we do not know kept. And what this program may do with a volume of that
// description.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace headrace::meta {

struct VolumeFormat {
  std::string name, uuid, storage, bucket;
  std::string storage_class, access_key;
  std::uint32_t block_kib = 4096;
  std::string compression = "none";
  std::uint32_t shards = 0;
  bool hash_prefix = false;
  std::uint64_t capacity_bytes = 0;  // 0: unlimited
  std::uint64_t inodes_max = 0;      // 0: unlimited
  std::string encrypt_algorithm = "aes256gcm-rsa";
  bool is_encrypted = false;  // EncryptKey is set
  std::uint32_t trash_days = 1;
  int meta_version = 1;
  std::string min_client_version, max_client_version;
  bool dir_stats = true, user_group_quota = false, enable_acl = false, change_log = false;
  /// The document as it was read, with every member: what is written back is this, with the members above put in.
  std::string document;

  std::uint32_t block_bytes() const { return block_kib * 1024; }
  friend bool operator==(const VolumeFormat&, const VolumeFormat&) = default;
};

/// kDamaged: no JSON object, or a member of the wrong kind, or no Name/UUID/Storage/Bucket/BlockSize.
Result<VolumeFormat> parse_format(std::string_view json);
/// The document in the real client's form: a member a line, no indent, its order; unknown members behind.
std::string format_document(const VolumeFormat& format);

/// How far a volume of this format may be used, and why not further. `reason` is one sentence with what to do instead.
enum class Access { kReadWrite, kReadOnly, kRefused };
struct Admission {
  Access access = Access::kReadWrite;
  std::string reason;
};
/// ACLs, user/group quotas, change log: read-only. Compression, encryption, MetaVersion > 1, client version gates:
/// refused. Directory quotas are rows, not in the document: Volume::open looks for them (read-only too).
Admission admission(const VolumeFormat& format);

/// Volume names: ^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$. kInvalid with the sentence.
Result<void> check_volume_name(std::string_view name);

/// The version this program states in its session, in the form the real client parses ("1.4.0+2026-11-22.headrace").
extern const char* const kClientVersion;

}  // namespace headrace::meta
