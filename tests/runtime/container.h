// safetensors files made byte by byte, right or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::test {

/// The 8-byte length, the header, the data.
inline std::string container(std::uint64_t header_bytes, std::string_view header,
                             std::string_view data) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header_bytes >> (8 * i) & 0xFF);
  return file.append(header).append(data);
}

inline std::string container(std::string_view header, std::string_view data = "") {
  return container(header.size(), header, data);
}

/// `"name":{"dtype":"F32","shape":[...],"data_offsets":[...]}`.
inline std::string entry(std::string_view name, std::string_view shape, std::string_view offsets,
                         std::string_view dtype = "F32") {
  return std::string("\"")
      .append(name)
      .append("\":{\"dtype\":\"")
      .append(dtype)
      .append("\",\"shape\":")
      .append(shape)
      .append(",\"data_offsets\":")
      .append(offsets)
      .append("}");
}

}  // namespace weft::test
