// Token ids to measure with: read from a file, or generated with lengths like real sentences'.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::cli {

/// Sequence i is ids[offsets[i]] to ids[offsets[i + 1] - 1].
struct Workload {
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> offsets = {0};

  std::int64_t sequences() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t tokens() const { return static_cast<std::int64_t>(ids.size()); }
  std::vector<std::int64_t> sorted_lengths() const;
};

/// A .safetensors file with integers (I64 or I32) `ids` [tokens] and `offsets` [sequences + 1].
/// Throws Error naming file, tensor and entry.
Workload read_workload(const std::string& file);

/// n lengths: all `fixed` if that is positive, else lognormal with median 32 and mean 45, within
/// [4, 256]. The same on every machine.
std::vector<std::int64_t> generate_lengths(std::int64_t n, std::int64_t fixed);
/// Sequences of these lengths, cut to `longest`, of ids drawn evenly from [0, vocabulary_size).
Workload generate_workload(std::span<const std::int64_t> lengths, std::int64_t longest,
                           std::int64_t vocabulary_size);

}  // namespace weft::cli
