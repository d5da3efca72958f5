// The file of a packed cache, byte by byte: reliability of what is mapped.
#include "runtime/packed_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/checksum.h"
#include "tests/failure.h"
#include "tests/temporary_directory.h"

namespace weft::test {
namespace {

Packed bytes_of(const std::string& text) {
  return get_packed(nullptr, text.size(),
                    [&](std::byte* out) { std::ranges::copy(text, reinterpret_cast<char*>(out)); });
}

/// Two sources and four parts: short, empty, longer than a page, short.
std::vector<std::string> part_texts() {
  return {"first", "", std::string(5000, 'x'), std::string(64, 'y')};
}

std::string write_sample(const TemporaryDirectory& directory) {
  std::vector<PackedPart> parts;
  std::uint64_t key = 10;
  for (const std::string& text : part_texts()) parts.push_back({key++, bytes_of(text)});
  write_packed_file(directory.path() / "sample.weft", 77, {{1, -2, 3}, {4, 5, 6}}, parts);
  return directory.read("sample.weft");
}

PackedHeader read(const std::filesystem::path& path) { return read_packed_header(File(path)); }

}  // namespace

TEST_CASE("a packed file gives back its sources and parts, aligned as operators need them") {
  const TemporaryDirectory directory;
  write_sample(directory);
  const File file(directory.path() / "sample.weft");
  const PackedHeader header = read_packed_header(file);
  CHECK(header.key == 77);
  REQUIRE(header.sources.size() == 2);
  CHECK(header.sources[0].modified == -2);
  CHECK(header.sources[1].content == 6);
  const auto mapped = file.map();
  const std::vector<std::string> texts = part_texts();
  REQUIRE(header.sections.size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const PackedSection& section = header.sections[i];
    CHECK(section.key == 10 + i);
    const std::byte* begin = mapped.get() + section.offset;
    CHECK(std::string(reinterpret_cast<const char*>(begin), section.bytes) == texts[i]);
    const std::uintptr_t alignment = section.bytes < 4096 ? 64 : 4096;
    CHECK(reinterpret_cast<std::uintptr_t>(begin) % alignment == 0);
  }
  check_packed_payload(file, header, mapped.get());
  CHECK(directory.entries() == std::vector<std::string>{"sample.weft"});
}

TEST_CASE("a packed file cut off anywhere up to its last byte is refused") {
  const TemporaryDirectory directory;
  const std::string whole = write_sample(directory);
  std::vector<std::size_t> cuts;
  for (std::size_t cut = 0; cut <= 96 + 6 * 24 + 8; ++cut) cuts.push_back(cut);
  for (const std::size_t cut : {4095, 4096, 4097, 8191, 8192, 8193}) cuts.push_back(cut);
  cuts.push_back(whole.size() - 64);
  cuts.push_back(whole.size() - 1);
  for (const std::size_t cut : cuts) {
    CAPTURE(cut);
    const auto file = directory.write("cut.weft", whole.substr(0, cut));
    WEFT_CHECK_FAILS(read(file), "CORRUPT_FILE", "cut.weft: ");
  }
  const auto longer = directory.write("cut.weft", whole + '\0');
  WEFT_CHECK_FAILS(read(longer), "CORRUPT_FILE", "bytes");
}

TEST_CASE("a packed file with any bit of its header flipped is refused") {
  const TemporaryDirectory directory;
  std::string bytes = write_sample(directory);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < 4096; ++at) {
    // Every bit of what is used, one of each byte of the zeros after it.
    for (int bit = 0; bit < (at < 96 + 6 * 24 ? 8 : 1); ++bit) {
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      const auto file = directory.write("flipped.weft", bytes);
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      CAPTURE(at);
      CAPTURE(bit);
      WEFT_CHECK_FAILS(read(file), "CORRUPT_FILE", "flipped.weft: ");
      ++refused;
    }
  }
  CHECK(refused == 4096 + 7 * (96 + 6 * 24));
}

// A header that is wrong but has a right checksum: another program's, or an attack's.
TEST_CASE("sizes in a packed file's header are believed only where they fit the file") {
  const TemporaryDirectory directory;
  const std::string whole = write_sample(directory);
  const auto forged = [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
    std::string file = whole;
    std::memcpy(file.data() + at, &value, bytes);
    std::memset(file.data() + 88, 0, 8);
    const std::uint64_t sum = Checksum().add(file.data(), 4096).value();
    std::memcpy(file.data() + 88, &sum, 8);
    return directory.write("forged.weft", file);
  };
  CHECK(read(forged(40, 78, 8)).key == 78);  // what is forged is otherwise believed
  const std::uint64_t huge = ~std::uint64_t{0};
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{3}, huge}) {
    CAPTURE(value);
    WEFT_CHECK_FAILS(read(forged(12, value, 4)), "CORRUPT_FILE", "");   // sources
    WEFT_CHECK_FAILS(read(forged(16, value, 4)), "CORRUPT_FILE", "");   // sections
    WEFT_CHECK_FAILS(read(forged(24, value, 8)), "CORRUPT_FILE", "");   // header bytes
    WEFT_CHECK_FAILS(read(forged(32, value, 8)), "CORRUPT_FILE", "");   // file bytes
    WEFT_CHECK_FAILS(read(forged(152, value, 8)), "CORRUPT_FILE", "");  // offset of a section
    WEFT_CHECK_FAILS(read(forged(208, value, 8)), "CORRUPT_FILE", "");  // bytes of a section
  }
  WEFT_CHECK_FAILS(read(forged(8, 2, 4)), "CORRUPT_FILE", "format");
}

TEST_CASE("what follows the header is checked against its checksum when that is asked for") {
  const TemporaryDirectory directory;
  const std::string whole = write_sample(directory);
  for (const std::size_t at : {std::size_t{4096}, std::size_t{4200}, whole.size() - 1}) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    const File file(directory.write("flipped.weft", bytes));
    const PackedHeader header = read_packed_header(file);
    WEFT_CHECK_FAILS(check_packed_payload(file, header, file.map().get()), "CORRUPT_FILE",
                     "checksum");
  }
}

TEST_CASE("other files are not packed files") {
  const TemporaryDirectory directory;
  WEFT_CHECK_FAILS(read(directory.write("a", "")), "CORRUPT_FILE", "found 0");
  WEFT_CHECK_FAILS(read(directory.write("b", std::string(5000, ' '))), "CORRUPT_FILE",
                   "another kind of file");
  WEFT_CHECK_FAILS(read(directory.path()), "IO_ERROR", "directory");
  WEFT_CHECK_FAILS(read(directory.path() / "none"), "NOT_FOUND", "none");
}

TEST_CASE("a packed file that cannot be written leaves nothing behind") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "sample.weft";
  const auto write = [&] { write_packed_file(path, 1, {}, {{1, bytes_of("some")}}); };
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit tiny{1000, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tiny) == 0);
  WEFT_CHECK_FAILS(write(), "IO_ERROR", "limit on file sizes");
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(directory.entries().empty());
  std::filesystem::create_directory(path);
  WEFT_CHECK_FAILS(write(), "IO_ERROR", "regular file");
  CHECK(directory.entries() == std::vector<std::string>{"sample.weft"});
}

TEST_CASE("a checksum depends on every bit, on the order and on the length, not on the calls") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 37);
  const std::uint64_t whole = Checksum().add(text).value();
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(Checksum().add(text.substr(0, cut)).add(text.substr(cut)).value() == whole);
    if (cut < text.size()) CHECK(Checksum().add(text.substr(0, cut)).value() != whole);
  }
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string other = text;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    CHECK(Checksum().add(other).value() != whole);
  }
  std::string swapped = text;
  std::swap_ranges(swapped.begin(), swapped.begin() + 64, swapped.begin() + 64);
  CHECK(Checksum().add(swapped).value() != whole);
  CHECK(Checksum(1).add(text).value() != whole);
  CHECK(Checksum().add(std::string(64, '\0')).value() !=
        Checksum().add(std::string(128, '\0')).value());
}

}  // namespace weft::test
