#include "runtime/packed_file.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "runtime/checksum.h"
#include "runtime/new_file.h"
#include "weft/error.h"
#include "weft/version.h"

namespace weft {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "weftpack";
constexpr std::uint32_t kFormat = 1;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLine = 64;
constexpr std::uint64_t kMostRecords = std::uint64_t{1} << 20;

struct Fixed {
  char magic[8];
  std::uint32_t format;
  std::uint32_t sources;
  std::uint32_t sections;
  std::uint32_t zero;
  std::uint64_t header_bytes;
  std::uint64_t file_bytes;
  std::uint64_t key;
  std::uint64_t payload_checksum;
  char version[32];  // zeros after it
  std::uint64_t header_checksum;
};
static_assert(sizeof(Fixed) == 96);
static_assert(sizeof(PackedSource) == 24 && std::is_trivially_copyable_v<PackedSource>);
static_assert(sizeof(PackedSection) == 24 && std::is_trivially_copyable_v<PackedSection>);

std::uint64_t round_up(std::uint64_t n, std::uint64_t grain) {
  return (n + grain - 1) / grain * grain;
}

std::uint64_t alignment_of(std::uint64_t bytes) { return bytes < kPage ? kLine : kPage; }

std::uint64_t header_bytes_of(std::uint64_t sources, std::uint64_t sections) {
  return round_up(sizeof(Fixed) + sources * sizeof(PackedSource) + sections * sizeof(PackedSection),
                  kPage);
}

[[noreturn]] void corrupt(const File& file, const std::string& problem) {
  throw Error(Reason::kCorruptFile, fmt::format("{}: {}", file.path().string(), problem));
}

std::uint64_t header_checksum_of(std::string header) {
  std::memset(header.data() + offsetof(Fixed, header_checksum), 0, sizeof(std::uint64_t));
  return Checksum().add(header).value();
}

template <typename Record>
std::vector<Record> records(const std::string& header, std::size_t begin, std::size_t count) {
  std::vector<Record> result(count);
  if (count > 0) std::memcpy(result.data(), header.data() + begin, count * sizeof(Record));
  return result;
}

Fixed read_fixed(const File& file) {
  if (file.size() < sizeof(Fixed)) {
    corrupt(file, fmt::format("expected a packed cache of at least {} bytes, found {}",
                              sizeof(Fixed), file.size()));
  }
  Fixed fixed;
  file.read(0, sizeof fixed, &fixed);
  if (std::string_view(fixed.magic, sizeof fixed.magic) != kMagic) {
    corrupt(file, "expected a packed cache, found another kind of file");
  }
  if (fixed.format != kFormat) {
    corrupt(file,
            fmt::format("expected format {} of packed caches, found {}", kFormat, fixed.format));
  }
  if (fixed.file_bytes != file.size()) {
    corrupt(file, fmt::format("expected {} bytes, found {}", fixed.file_bytes, file.size()));
  }
  if (fixed.sources > kMostRecords || fixed.sections > kMostRecords ||
      fixed.header_bytes != header_bytes_of(fixed.sources, fixed.sections) ||
      fixed.header_bytes > file.size()) {
    corrupt(file, fmt::format("a header of {} bytes for {} sources and {} sections does not fit",
                              fixed.header_bytes, fixed.sources, fixed.sections));
  }
  return fixed;
}

}  // namespace

PackedHeader read_packed_header(const File& file) {
  const Fixed fixed = read_fixed(file);
  std::string bytes(static_cast<std::size_t>(fixed.header_bytes), '\0');
  file.read(0, bytes.size(), bytes.data());
  if (header_checksum_of(bytes) != fixed.header_checksum) {
    corrupt(file, "the header does not have its checksum");
  }
  PackedHeader header;
  header.key = fixed.key;
  header.header_bytes = fixed.header_bytes;
  header.payload_checksum = fixed.payload_checksum;
  header.version.assign(fixed.version, strnlen(fixed.version, sizeof fixed.version));
  header.sources = records<PackedSource>(bytes, sizeof fixed, fixed.sources);
  header.sections = records<PackedSection>(
      bytes, sizeof fixed + fixed.sources * sizeof(PackedSource), fixed.sections);
  std::uint64_t end = fixed.header_bytes;
  for (std::size_t i = 0; i < header.sections.size(); ++i) {
    const PackedSection& section = header.sections[i];
    if (section.offset != round_up(end, alignment_of(section.bytes)) ||
        section.offset > file.size() || section.bytes > file.size() - section.offset) {
      corrupt(file, fmt::format("section {} of {} bytes at byte {} is out of place", i,
                                section.bytes, section.offset));
    }
    end = section.offset + section.bytes;
  }
  if (end != file.size()) {
    corrupt(file,
            fmt::format("expected sections up to byte {}, found them up to {}", file.size(), end));
  }
  return header;
}

void check_packed_payload(const File& file, const PackedHeader& header, const std::byte* bytes) {
  const std::uint64_t sum = Checksum()
                                .add(bytes + header.header_bytes,
                                     static_cast<std::size_t>(file.size() - header.header_bytes))
                                .value();
  if (sum != header.payload_checksum)
    corrupt(file, "the packed weights do not have their checksum");
}

void write_packed_file(const std::filesystem::path& path, std::uint64_t key,
                       const std::vector<PackedSource>& sources,
                       const std::vector<PackedPart>& parts) {
  constexpr std::byte kZeros[kPage] = {};
  Fixed fixed{};
  std::copy(kMagic.begin(), kMagic.end(), fixed.magic);
  fixed.format = kFormat;
  fixed.sources = static_cast<std::uint32_t>(sources.size());
  fixed.sections = static_cast<std::uint32_t>(parts.size());
  fixed.header_bytes = header_bytes_of(sources.size(), parts.size());
  fixed.key = key;
  const std::string_view version = std::string_view(kVersion).substr(0, sizeof fixed.version);
  std::copy(version.begin(), version.end(), fixed.version);

  std::vector<PackedSection> sections;
  std::uint64_t end = fixed.header_bytes;
  Checksum payload;
  for (const PackedPart& part : parts) {
    const std::uint64_t bytes = part.bytes.size();
    const std::uint64_t offset = round_up(end, alignment_of(bytes));
    payload.add(kZeros, static_cast<std::size_t>(offset - end));
    payload.add(part.bytes.data(), part.bytes.size());
    sections.push_back({part.key, offset, bytes});
    end = offset + bytes;
  }
  fixed.file_bytes = end;
  fixed.payload_checksum = payload.value();

  std::string header(static_cast<std::size_t>(fixed.header_bytes), '\0');
  char* next = header.data() + sizeof fixed;
  const std::size_t source_bytes = sources.size() * sizeof(PackedSource);
  if (source_bytes > 0) std::memcpy(next, sources.data(), source_bytes);
  if (!sections.empty()) {
    std::memcpy(next + source_bytes, sections.data(), sections.size() * sizeof(PackedSection));
  }
  std::memcpy(header.data(), &fixed, sizeof fixed);
  fixed.header_checksum = header_checksum_of(header);
  std::memcpy(header.data(), &fixed, sizeof fixed);

  // Beyond this limit write() sends a signal that ends a process which does not expect it.
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < end) {
    throw Error(Reason::kIoError, fmt::format("{}: cannot write: {} bytes are beyond the limit on "
                                              "file sizes, {}",
                                              path.string(), end, limit.rlim_cur));
  }
  NewFile file(path);
  file.write(header.data(), header.size());
  end = fixed.header_bytes;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    file.write(kZeros, static_cast<std::size_t>(sections[i].offset - end));
    file.write(parts[i].bytes.data(), parts[i].bytes.size());
    end = sections[i].offset + sections[i].bytes;
  }
  file.sync();
  file.commit();
}

}  // namespace weft
