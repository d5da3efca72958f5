#include "runtime/files.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/new_file.h"
#include "runtime/utf8.h"
#include "tests/failure.h"
#include "tests/temporary_directory.h"

namespace weft::test {

TEST_CASE("any part of a file can be read") {
  const TemporaryDirectory directory;
  const File file(directory.write("a.bin", "0123456789"));
  CHECK(file.size() == 10);
  std::string part(4, '?');
  file.read(3, 4, part.data());
  CHECK(part == "3456");
  file.read(10, 0, part.data());
  CHECK(part == "3456");
}

TEST_CASE("what is not a regular file is refused without waiting") {
  const TemporaryDirectory directory;
  const auto fifo = directory.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  WEFT_CHECK_FAILS(File(fifo), "IO_ERROR", "found a FIFO");
  WEFT_CHECK_FAILS(File(directory.path()), "IO_ERROR", "found a directory");
  WEFT_CHECK_FAILS(File("/dev/zero"), "IO_ERROR", "found a device");
  WEFT_CHECK_FAILS(File(directory.path() / "none"), "NOT_FOUND", "none: no such file");
  WEFT_CHECK_FAILS(File(directory.write("f", "x") / "g"), "NOT_FOUND", "no such file");
  WEFT_CHECK_FAILS(File(std::string("a\0b", 3)), "NOT_FOUND", "NUL");
}

TEST_CASE("a file that becomes shorter after it was opened is an error") {
  const TemporaryDirectory directory;
  const auto path = directory.write("a.bin", std::string(100, 'x'));
  const File file(path);
  std::filesystem::resize_file(path, 60);
  std::string bytes(100, '?');
  WEFT_CHECK_FAILS(file.read(0, 100, bytes.data()), "IO_ERROR", "short read");
  WEFT_CHECK_FAILS(file.read(80, 20, bytes.data()), "IO_ERROR", "at byte 80, found 0");
}

TEST_CASE("a file that is replaced after it was opened is read as it was") {
  const TemporaryDirectory directory;
  const auto path = directory.write("a.bin", "old");
  const File file(path);
  std::filesystem::rename(directory.write("b.bin", "new!"), path);
  std::string bytes(3, '?');
  file.read(0, 3, bytes.data());
  CHECK(bytes == "old");
}

TEST_CASE("text files are bounded and known when they are something else") {
  const TemporaryDirectory directory;
  CHECK(read_text_file(directory.write("a", "{}"), 2) == "{}");
  CHECK(read_text_file(directory.write("empty", ""), 2).empty());
  WEFT_CHECK_FAILS(read_text_file(directory.write("b", "{} "), 2), "CORRUPT_FILE",
                   "at most 2 bytes, found 3");
  WEFT_CHECK_FAILS(
      read_text_file(
          directory.write("c", "version https://git-lfs.github.com/spec/v1\noid sha256:"), 1000),
      "CORRUPT_FILE", "Git LFS pointer");
  WEFT_CHECK_FAILS(read_text_file(directory.write("d", "\n<!DOCTYPE HTML><html>"), 1000),
                   "CORRUPT_FILE", "HTML page");
}

TEST_CASE("wrong files are recognised by their first bytes") {
  CHECK(describe_wrong_file("PK\x03\x04\x14").find("zip") != std::string::npos);
  CHECK(describe_wrong_file("\x80\x02\x8A\x0A").find("pickle") != std::string::npos);
  CHECK(describe_wrong_file("\x80\x04\x95\x10").find("pickle") != std::string::npos);
  CHECK(describe_wrong_file("<HTML>").find("HTML") != std::string::npos);
  CHECK(describe_wrong_file("{\"a\": 1}").empty());
  CHECK(describe_wrong_file("").empty());
}

TEST_CASE("plain file names cannot leave a directory") {
  for (const char* name : {"model.safetensors", "a b", ".hidden", "...", "\xC3\xA9"}) {
    CHECK(is_plain_file_name(name));
  }
  for (const char* name : {"", ".", "..", "/etc/passwd", "../x", "a/b", "a\\b", "a/"}) {
    CHECK_FALSE(is_plain_file_name(name));
  }
  CHECK_FALSE(is_plain_file_name(std::string_view("a\0b", 3)));
}

TEST_CASE("a new file is there whole after the commit and not before") {
  const TemporaryDirectory directory;
  const auto path = directory.write("out", "before");
  {
    NewFile file(path);
    file.write("after", 5);
    CHECK(read_text_file(path, 100) == "before");
    file.commit();
  }
  CHECK(read_text_file(path, 100) == "after");
  CHECK(directory.entries().size() == 1);
  {
    NewFile file(path);
    file.write("never", 5);
  }
  CHECK(read_text_file(path, 100) == "after");
  CHECK(directory.entries().size() == 1);
}

TEST_CASE("a new file that cannot be made or written leaves nothing behind") {
  const TemporaryDirectory directory;
  WEFT_CHECK_FAILS(NewFile(directory.path() / "none" / "out"), "IO_ERROR", "cannot create");
  WEFT_CHECK_FAILS(NewFile("/dev/null"), "IO_ERROR", "regular file");
  WEFT_CHECK_FAILS(NewFile(directory.path()), "IO_ERROR", "regular file");

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{1000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string bytes(5000, 'x');
  const Failure failure = failure_of([&] {
    NewFile file(directory.path() / "out");
    file.write(bytes.data(), bytes.size());
    file.commit();
  });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK(failure.reason == "IO_ERROR");
  CHECK(failure.says("cannot write"));
  CHECK(directory.entries().size() == 0);
}

TEST_CASE("quoted names are on one line, well-formed and short") {
  CHECK(in_quotes("a\nb") == "\"a\\u000ab\"");
  CHECK(in_quotes("a\xFFz") == "\"a\\xffz\"");
  CHECK(in_quotes("\xC3\xA9") == "\"\xC3\xA9\"");
  CHECK(in_quotes(std::string(1'000'000, 'x')).size() < 200);
}

}  // namespace weft::test
