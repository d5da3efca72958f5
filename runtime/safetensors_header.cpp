#include "runtime/safetensors_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

#include "runtime/checked_size.h"
#include "runtime/json.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are copied as they lie in the file, which is little-endian");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";
// "":{"dtype":"","shape":[],"data_offsets":[0,0]}
constexpr std::uint64_t kShortestEntry = 47;
// Of __metadata__ or an entry, 72 bytes each while they are parsed. Files in use have dozens.
constexpr std::size_t kMaxNestedMembers = 1 << 16;

constexpr std::array kDTypes = {
    DType::kF32,    DType::kF16,    DType::kBF16,       DType::kF64,        DType::kI64,
    DType::kI32,    DType::kI16,    DType::kI8,         DType::kU64,        DType::kU32,
    DType::kU16,    DType::kU8,     DType::kBool,       DType::kC64,        DType::kF8E5M2,
    DType::kF8E4M3, DType::kF8E8M0, DType::kF8E4M3FNUZ, DType::kF8E5M2FNUZ, DType::kF6E2M3,
    DType::kF6E3M2, DType::kF4,
};

[[noreturn]] void corrupt(const File& file, const std::string& problem) {
  throw Error(Reason::kCorruptFile, fmt::format("{}: {}", file.path().string(), problem));
}

[[noreturn]] void corrupt(const File& file, std::string_view tensor, const std::string& problem) {
  corrupt(file, fmt::format("tensor {}: {}", in_quotes(tensor), problem));
}

void check_metadata(const File& file, const Json& metadata) {
  if (!metadata.is_object()) {
    corrupt(file, fmt::format("__metadata__: expected an object, found {}", metadata.preview()));
  }
  for (const auto& [key, value] : metadata.members()) {
    if (!value.is_string()) {
      corrupt(file, fmt::format("__metadata__: {}: expected a string, found {}", in_quotes(key),
                                value.preview()));
    }
  }
}

// A list of integers >= 0.
std::vector<std::int64_t> read_sizes(const File& file, std::string_view tensor, const Json& entry,
                                     std::string_view field) {
  const Json* list = entry.find(field);
  if (list == nullptr || !list->is_array()) {
    corrupt(file, tensor,
            fmt::format("{}: expected an array of integers, found {}", field,
                        list == nullptr ? "nothing" : list->preview()));
  }
  std::vector<std::int64_t> sizes;
  sizes.reserve(list->items().size());
  for (const Json& item : list->items()) {
    if (!item.is_integer() || item.as_integer() < 0) {
      corrupt(
          file, tensor,
          fmt::format("{}: expected integers from 0 to 2^63 - 1, found {}", field, item.preview()));
    }
    sizes.push_back(item.as_integer());
  }
  return sizes;
}

TensorEntry read_entry(const File& file, const std::string& name, const Json& json,
                       std::uint64_t buffer_begin) {
  TensorEntry entry;
  const Json* dtype = json.find("dtype");
  if (dtype == nullptr || !dtype->is_string()) {
    corrupt(file, name,
            json.is_object() ? "dtype: expected a string"
                             : fmt::format("expected an object, found {}", json.preview()));
  }
  entry.dtype_name = dtype->as_string();
  entry.dtype = dtype_from_name(entry.dtype_name);
  entry.shape = read_sizes(file, name, json, "shape");
  const std::vector<std::int64_t> range = read_sizes(file, name, json, "data_offsets");
  if (range.size() != 2 || range[0] > range[1]) {
    corrupt(file, name,
            fmt::format("data_offsets: expected [begin, end], found {}", format_shape(range)));
  }
  entry.offset = buffer_begin + static_cast<std::uint64_t>(range[0]);
  entry.bytes = static_cast<std::uint64_t>(range[1] - range[0]);
  if (static_cast<std::uint64_t>(range[1]) > file.size() - buffer_begin) {
    corrupt(file, name,
            fmt::format("data_offsets: end {} is beyond the {} bytes of data: is the file cut off?",
                        range[1], file.size() - buffer_begin));
  }

  const std::optional<std::int64_t> elements = checked_elements(entry.shape);
  if (!elements) {
    corrupt(file, name, fmt::format("shape {} overflows", format_shape(entry.shape)));
  }
  if (!entry.dtype) return entry;
  const std::optional<std::int64_t> bytes = checked_bytes(*elements, *entry.dtype);
  if (!bytes || static_cast<std::uint64_t>(*bytes) != entry.bytes) {
    corrupt(file, name,
            fmt::format("{} {} takes {} bytes, data_offsets [{}, {}] hold {}", entry.dtype_name,
                        format_shape(entry.shape),
                        bytes ? fmt::format("{}", *bytes) : "no whole number of", range[0],
                        range[1], entry.bytes));
  }
  return entry;
}

void check_coverage(const File& file, const std::vector<TensorEntry>& entries,
                    std::uint64_t buffer_begin) {
  std::uint64_t end = buffer_begin;
  for (const TensorEntry& entry : entries) {
    if (entry.offset != end) {
      corrupt(
          file, entry.name,
          fmt::format("begins at byte {} of the data, expected {}: {}", entry.offset - buffer_begin,
                      end - buffer_begin, entry.offset > end ? "a hole" : "tensors overlap"));
    }
    end += entry.bytes;
  }
  if (end != file.size()) {
    corrupt(file, fmt::format("{} bytes at byte {} belong to no tensor", file.size() - end, end));
  }
}

void check_names(const File& file, const std::vector<TensorEntry>& entries) {
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return entries[a].name < entries[b].name; });
  const auto twin = std::adjacent_find(order.begin(), order.end(), [&](auto a, auto b) {
    return entries[a].name == entries[b].name;
  });
  if (twin == order.end()) return;
  corrupt(file, fmt::format("header: has the key {} twice", in_quotes(entries[*twin].name)));
}

std::vector<TensorEntry> read_header(const File& file) {
  if (file.size() < kLengthBytes) {
    corrupt(file, fmt::format("{} bytes, shorter than the 8 of a safetensors header's length",
                              file.size()));
  }
  std::uint64_t header_bytes = 0;
  file.read(0, sizeof header_bytes, &header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > file.size() - kLengthBytes) {
    corrupt(file,
            fmt::format("not a safetensors file or cut off: header of {} bytes, file of {} bytes",
                        header_bytes, file.size()));
  }
  std::string text(static_cast<std::size_t>(header_bytes), '\0');
  file.read(kLengthBytes, text.size(), text.data());
  const std::uint64_t buffer_begin = kLengthBytes + header_bytes;
  std::vector<TensorEntry> entries;
  entries.reserve(static_cast<std::size_t>(header_bytes / kShortestEntry));
  int metadata = 0;
  Json::parse_members(text, fmt::format("{}: header", file.path().string()),
                      {.array_items = kMaxRank, .depth = 3, .nested_members = kMaxNestedMembers},
                      [&](std::string& name, const Json& json) {
                        if (name == kMetadata) {
                          check_metadata(file, json);
                          ++metadata;
                          return;
                        }
                        entries.push_back(read_entry(file, name, json, buffer_begin));
                        entries.back().name = std::move(name);
                      });
  if (metadata > 1) corrupt(file, "header: has the key \"__metadata__\" twice");
  check_names(file, entries);
  std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  check_coverage(file, entries, buffer_begin);
  return entries;
}

}  // namespace

std::vector<TensorEntry> read_safetensors_header(const File& file) {
  try {
    return read_header(file);
  } catch (const Error& error) {
    if (error.reason() != Reason::kCorruptFile) throw;
    std::string first_bytes(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 256)),
                            '\0');
    file.read(0, first_bytes.size(), first_bytes.data());
    const std::string wrong = describe_wrong_file(first_bytes);
    if (wrong.empty()) throw;
    corrupt(file, fmt::format("expected a safetensors file, this is {}", wrong));
  }
}

std::optional<DType> dtype_from_name(std::string_view name) noexcept {
  for (const DType dtype : kDTypes) {
    if (name == to_string(dtype)) return dtype;
  }
  return std::nullopt;
}

std::string format_shape(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace weft
