// The file of a packed cache: a header with a checksum of its own, then sections of constant bytes,
// aligned as operators need them, so that the file can be used where it is mapped. Little-endian.
//
//   0   "weftpack"              40  key                     96  sources: 3 x 8 bytes each
//   8   format, sources,        48  checksum of the rest    ..  sections: 3 x 8 bytes each
//       sections, 0 (4 each)        of the file             ..  zeros up to `header bytes`, a
//   24  header bytes            56  version of weft (32)        multiple of 4096
//   32  file bytes              88  checksum of the header,
//                                   taken with 0 here
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ops/packed.h"
#include "runtime/files.h"

namespace weft {

/// A file whose weights were packed; numbers as WeightOrigin and File give them.
struct PackedSource {
  std::uint64_t identity = 0;
  std::int64_t modified = 0;
  std::uint64_t content = 0;
};

struct PackedSection {
  std::uint64_t key = 0;     // of the part of the model that it is packed memory of
  std::uint64_t offset = 0;  // in the file: aligned to 64, to 4096 from 4096 bytes on
  std::uint64_t bytes = 0;
};

struct PackedHeader {
  std::uint64_t key = 0;  // of the model
  std::uint64_t header_bytes = 0;
  std::uint64_t payload_checksum = 0;
  std::string version;
  std::vector<PackedSource> sources;
  std::vector<PackedSection> sections;
};

/// The header, checked: its checksum, and that sections lie within a file of this size as
/// write_packed_file() lays them out. Throws Error(kCorruptFile) naming the file, kIoError.
PackedHeader read_packed_header(const File& file);

/// What follows the header. Throws Error(kCorruptFile) naming the file unless it has the checksum
/// that the header gives. `bytes`: the mapped file.
void check_packed_payload(const File& file, const PackedHeader& header, const std::byte* bytes);

/// A section's key and bytes.
struct PackedPart {
  std::uint64_t key = 0;
  Packed bytes;
};

/// Writes under a temporary name in the same directory, to the disk, and renames. Throws
/// Error(kIoError) naming `path`, also where the process's limit on file sizes stands in the way;
/// then there is no new file.
void write_packed_file(const std::filesystem::path& path, std::uint64_t key,
                       const std::vector<PackedSource>& sources,
                       const std::vector<PackedPart>& parts);

}  // namespace weft
