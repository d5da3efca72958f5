// The packed cache of one model: a file from which its packed memory is mapped, checked part by
// part, or into which it is written once it has been packed.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/packed.h"
#include "runtime/pack_keys.h"
#include "runtime/packed_file.h"
#include "weft/model.h"

namespace weft {

/// Raised whenever anything is packed or laid out otherwise for the same PackKey, so that older
/// caches are packed anew; packed_cache_test fails when that is forgotten.
inline constexpr std::uint64_t kPackedLayout = 1;

class PackedCache final : public PackStore {
 public:
  /// Opens the file of this model in options.cache_directory, if it is there and right; if not,
  /// everything will be packed. `keys` must outlive this.
  PackedCache(const CompileOptions& options, const PackKeys& keys, const Model::Impl& model);

  /// The store of a part, for as long as that part is compiled; null if its key is 0.
  PackStore* part(std::uint64_t key);
  Packed get(std::size_t size, const Fill& fill) override;

  /// Writes the file unless all was there. Never throws but for want of memory: what went wrong is
  /// in the notes.
  CacheReport finish();

 private:
  void open(CacheCheck check);
  void check_sources(const std::filesystem::path& path, CacheCheck check) const;
  void write() const;

  std::filesystem::path path_;
  const PackKeys& keys_;
  std::uint64_t file_key_;
  std::string problem_;                       // with the file that was there
  PackedHeader header_;                       // of the file in use
  std::shared_ptr<const std::byte> mapping_;  // null: no file is in use
  std::size_t next_ = 0;                      // section
  std::uint64_t key_ = 0;                     // of the part being compiled
  std::vector<PackedPart> parts_;             // all so far
};

}  // namespace weft
