#include "runtime/models/rotary_config.h"

#include <fmt/format.h>

#include <cmath>

namespace weft {

Config section_of(const Config& config, std::string_view key) {
  const Json* value = config.find(key);
  if (value == nullptr || !value->is_object()) {
    config.invalid(key, fmt::format("expected an object, found {}",
                                    value == nullptr ? "nothing" : value->preview()));
  }
  return {*value, fmt::format("{}: {}", config.source(), key)};
}

RotaryTableOptions read_rotary_section(const Config& section, double theta,
                                       std::int64_t head_size) {
  RotaryTableOptions options;
  options.base = section.positive_or("rope_theta", theta);
  if (section.positive_or("partial_rotary_factor", 1) != 1) {
    section.unsupported("partial_rotary_factor", "only 1 is supported");
  }
  const char* key = section.has("rope_type") ? "rope_type" : "type";
  const std::string type = section.text_or(key, "default");
  if (type == "default" || type == "dynamic") return options;
  if (type != "linear" && type != "ntk") {
    section.unsupported(key, fmt::format("\"{}\" is not supported, only default, linear, ntk and "
                                         "dynamic",
                                         type));
  }
  if (!section.has("factor")) section.invalid("factor", "expected a number above 0, found nothing");
  if (section.has("mixed_b")) section.unsupported("mixed_b", "is not supported");
  const double factor = section.positive_or("factor", 1);
  if (type == "linear") {
    options.slowed_by = factor;
  } else if (factor > 1) {
    options.base *= factor;
    options.slowed_by = std::pow(factor, 2.0 / static_cast<double>(head_size));
  }
  return options;
}

RotaryTableOptions read_rotary(const Config& config, double default_theta, std::int64_t head_size) {
  const double theta = config.positive_or("rope_theta", default_theta);
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (config.has(key)) return read_rotary_section(section_of(config, key), theta, head_size);
  }
  RotaryTableOptions options;
  options.base = theta;
  return options;
}

}  // namespace weft
