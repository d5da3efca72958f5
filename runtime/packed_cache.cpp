#include "runtime/packed_cache.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "runtime/checksum.h"
#include "weft/error.h"
#include "weft/version.h"

namespace weft {
namespace {

std::string file_name(const Model::Impl& model, const PackKeys& keys) {
  return fmt::format("{}-{}-{:016x}.weft", to_string(model.isa), to_string(model.dtype),
                     keys.model);
}

[[noreturn]] void stale(const std::filesystem::path& path, const std::string& problem) {
  throw Error(Reason::kFailedPrecondition, fmt::format("{}: {}", path.string(), problem));
}

}  // namespace

PackedCache::PackedCache(const CompileOptions& options, const PackKeys& keys,
                         const Model::Impl& model)
    : path_(options.cache_directory / file_name(model, keys)),
      keys_(keys),
      file_key_(Checksum(1).add(keys.model).add(kPackedLayout).add(kVersion).value()) {
  try {
    open(options.cache_check);
  } catch (const Error& error) {
    mapping_.reset();
    if (error.reason() != Reason::kNotFound) problem_ = error.what();
  }
}

void PackedCache::open(CacheCheck check) {
  const File file(path_);
  header_ = read_packed_header(file);
  if (header_.key != file_key_) {
    stale(path_, fmt::format("expected a cache packed as weft {} packs this model, found one of "
                             "weft {}",
                             kVersion, header_.version));
  }
  check_sources(path_, check);
  mapping_ = file.map();
  if (check == CacheCheck::kPayload) check_packed_payload(file, header_, mapping_.get());
}

void PackedCache::check_sources(const std::filesystem::path& path, CacheCheck check) const {
  if (header_.sources.size() != keys_.origins.size()) {
    stale(path, fmt::format("expected {} weight files, found {}", keys_.origins.size(),
                            header_.sources.size()));
  }
  for (std::size_t i = 0; i < header_.sources.size(); ++i) {
    const PackedSource& source = header_.sources[i];
    const WeightOrigin& origin = *keys_.origins[i];
    // The time spares reading the file; where it differs, as for a copy, the content decides.
    const bool same =
        source.identity == origin.identity() &&
        ((source.modified == origin.file().modified() && check == CacheCheck::kHeader) ||
         source.content == origin.content());
    if (!same) {
      stale(path, fmt::format("{} has changed since it was packed", origin.file().path().string()));
    }
  }
}

PackStore* PackedCache::part(std::uint64_t key) {
  key_ = key;
  return key == 0 ? nullptr : this;
}

Packed PackedCache::get(std::size_t size, const Fill& fill) {
  const bool cached = mapping_ != nullptr && next_ < header_.sections.size() &&
                      header_.sections[next_].key == key_ && header_.sections[next_].bytes == size;
  if (cached) {
    const std::byte* begin = mapping_.get() + header_.sections[next_++].offset;
    parts_.push_back({key_, Packed({mapping_, begin}, size)});
  } else {
    if (mapping_ != nullptr) {
      problem_ = fmt::format("{}: section {} is not what this model packs", path_.string(), next_);
      mapping_.reset();  // parts that were taken from it keep it
    }
    parts_.push_back({key_, get_packed(nullptr, size, fill)});
  }
  return parts_.back().bytes;
}

void PackedCache::write() const {
  std::error_code error;
  std::filesystem::create_directories(path_.parent_path(), error);
  if (error) {
    throw Error(Reason::kIoError, fmt::format("{}: cannot create: {}", path_.parent_path().string(),
                                              error.message()));
  }
  std::vector<PackedSource> sources;
  for (const auto& origin : keys_.origins) {
    sources.push_back({origin->identity(), origin->file().modified(), origin->content()});
    if (origin->file().modified_now() != origin->file().modified()) {
      throw Error(Reason::kIoError, fmt::format("{}: was modified while it was packed",
                                                origin->file().path().string()));
    }
  }
  write_packed_file(path_, file_key_, sources, parts_);
}

CacheReport PackedCache::finish() {
  CacheReport report;
  report.file = path_.string();
  if (mapping_ != nullptr && next_ == header_.sections.size()) {
    report.state = CacheState::kRead;
    return report;
  }
  if (mapping_ != nullptr) {
    problem_ = fmt::format("{}: {} sections are more than this model packs, {}", path_.string(),
                           header_.sections.size(), next_);
  }
  try {
    write();
    report.state = CacheState::kWritten;
    if (!problem_.empty()) report.notes.push_back(problem_ + "; packed anew and replaced");
  } catch (const Error& error) {
    report.state = CacheState::kNotWritten;
    if (!problem_.empty()) report.notes.push_back(problem_ + "; packed anew");
    report.notes.push_back(fmt::format("packed cache not written: {}", error.what()));
  }
  return report;
}

}  // namespace weft
