// How many threads a session gets when nobody says: what the process may really use.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "weft/session.h"

namespace weft {
namespace {

/// Processors in the affinity mask, for any number of processors.
int affinity_processors() {
  for (int processors = 1024; processors <= (1 << 20); processors *= 4) {
    cpu_set_t* set = CPU_ALLOC(processors);
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(processors);
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(1, count);
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// The first line of a small file of the kernel's, without its end; empty if there is none.
std::string first_line(const std::string& path) {
  std::string line;
  if (std::FILE* file = std::fopen(path.c_str(), "r")) {
    char buffer[4096];
    if (std::fgets(buffer, sizeof buffer, file) != nullptr) line = buffer;
    std::fclose(file);
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  return line;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

/// This process's group in a hierarchy of /proc/self/cgroup: "" selects the unified one (v2).
std::string own_group(std::string_view controller) {
  std::string group = "/";
  if (std::FILE* file = std::fopen("/proc/self/cgroup", "r")) {
    char buffer[4096];
    while (std::fgets(buffer, sizeof buffer, file) != nullptr) {
      std::string line(buffer);
      if (!line.empty() && line.back() == '\n') line.pop_back();
      const std::size_t first = line.find(':');
      const std::size_t second = line.find(':', first + 1);
      if (first == std::string::npos || second == std::string::npos) continue;
      const std::string list =
          fmt::format(",{},", std::string_view(line).substr(first + 1, second - first - 1));
      const bool match = controller.empty()
                             ? list == ",,"
                             : list.find(fmt::format(",{},", controller)) != std::string::npos;
      if (match) group = line.substr(second + 1);
    }
    std::fclose(file);
  }
  return group;
}

/// The smallest quota of a group and its ancestors, in processors.
template <typename ReadQuota>
std::optional<double> smallest_quota(const std::string& root, std::string group, ReadQuota read) {
  std::optional<double> smallest;
  while (true) {
    const std::optional<double> quota = read(root + (group == "/" ? "" : group));
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
    if (group.empty() || group == "/") return smallest;
    const std::size_t slash = group.rfind('/');
    group = slash == 0 || slash == std::string::npos ? "/" : group.substr(0, slash);
  }
}

std::optional<double> cgroup_quota() {
  const auto read_v2 = [](const std::string& directory) -> std::optional<double> {
    const std::string line = first_line(directory + "/cpu.max");  // "max 100000" or "50000 100000"
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) return std::nullopt;
    const auto quota = number(line.substr(0, space));
    const auto period = number(line.substr(space + 1));
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    return *quota / *period;
  };
  const auto read_v1 = [](const std::string& directory) -> std::optional<double> {
    const auto quota = number(first_line(directory + "/cpu.cfs_quota_us"));
    const auto period = number(first_line(directory + "/cpu.cfs_period_us"));
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    return *quota / *period;
  };
  auto quota = smallest_quota("/sys/fs/cgroup", own_group(""), read_v2);
  if (!quota) quota = smallest_quota("/sys/fs/cgroup/cpu", own_group("cpu"), read_v1);
  return quota;
}

}  // namespace

int default_threads() {
  const int processors = affinity_processors();
  const std::optional<double> quota = cgroup_quota();
  if (!quota) return processors;
  return std::clamp(static_cast<int>(std::ceil(*quota)), 1, processors);
}

std::string default_threads_reason() {
  const std::optional<double> quota = cgroup_quota();
  return fmt::format(
      "{} (affinity allows {}, {})", default_threads(), affinity_processors(),
      quota ? fmt::format("cgroup quota {:.2f}", *quota) : std::string("no cgroup quota"));
}

}  // namespace weft
