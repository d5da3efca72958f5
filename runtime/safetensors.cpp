#include "weft/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/checked_size.h"
#include "runtime/new_file.h"
#include "runtime/safetensors_header.h"
#include "runtime/utf8.h"
#include "weft/error.h"

namespace weft {
namespace {

std::string json_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + "\"";
}

void check_writable(const std::filesystem::path& file, const std::string& name,
                    const Array& array) {
  const auto invalid = [&](const std::string& problem) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: tensor {}: {}", file.string(), in_quotes(name), problem));
  };
  if (name == "__metadata__" || !is_utf8(name)) invalid("not a possible name");
  if (array.shape.size() > kMaxRank) {
    invalid(fmt::format("expected at most {} dimensions, found {}", kMaxRank, array.shape.size()));
  }
  const std::optional<std::int64_t> elements = checked_elements(array.shape);
  const std::optional<std::int64_t> bytes =
      elements ? checked_bytes(*elements, array.dtype) : std::nullopt;
  if (!bytes || static_cast<std::size_t>(*bytes) != array.data.size()) {
    invalid(fmt::format("shape {} of {} does not fit {} bytes of data", format_shape(array.shape),
                        to_string(array.dtype), array.data.size()));
  }
}

}  // namespace

NamedArrays read_safetensors(const std::filesystem::path& path) {
  const File file(path);
  NamedArrays arrays;
  for (TensorEntry& entry : read_safetensors_header(file)) {
    if (!entry.dtype) {
      throw Error(Reason::kUnsupported,
                  fmt::format("{}: tensor {}: unknown dtype {}", path.string(),
                              in_quotes(entry.name), in_quotes(entry.dtype_name)));
    }
    Array& array = arrays[std::move(entry.name)];
    array.dtype = *entry.dtype;
    array.shape = std::move(entry.shape);
    array.data.resize(static_cast<std::size_t>(entry.bytes));
    file.read(entry.offset, array.data.size(), array.data.data());
  }
  return arrays;
}

// The widest elements first, so that every tensor is aligned to its element; then by name.
void write_safetensors(const std::filesystem::path& path, const NamedArrays& arrays) {
  std::vector<const NamedArrays::value_type*> order;
  for (const auto& named : arrays) {
    check_writable(path, named.first, named.second);
    order.push_back(&named);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return bits_of(a->second.dtype) > bits_of(b->second.dtype);
  });

  std::string header = "{";
  std::uint64_t offset = 0;
  for (const auto* named : order) {
    const auto& [name, array] = *named;
    header += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                          header.size() == 1 ? "" : ",", json_string(name), to_string(array.dtype),
                          format_shape(array.shape), offset, offset + array.data.size());
    offset += array.data.size();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');  // the data begin at a multiple of 8
  if (header.size() > kMaxHeaderBytes) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("{}: header of {} bytes, at most {} are possible", path.string(),
                            header.size(), kMaxHeaderBytes));
  }

  NewFile file(path);
  const std::uint64_t header_bytes = header.size();
  file.write(&header_bytes, sizeof header_bytes);
  file.write(header.data(), header.size());
  for (const auto* named : order) file.write(named->second.data.data(), named->second.data.size());
  file.commit();
}

}  // namespace weft
