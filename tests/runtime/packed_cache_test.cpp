// Models whose packed weights come from a cache: the same bits, and never a wrong file's.
#include "runtime/packed_cache.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/failure.h"
#include "tests/paths.h"
#include "tests/temporary_directory.h"
#include "weft/encoder_decoder.h"
#include "weft/transformer_model.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

NamedArrays outputs(const TransformerModel& model, const std::string& name) {
  for (const char* form :
       {"ragged.input", "images.input", "vectors.input", "logits.ragged.input"}) {
    const fs::path input = golden(name) / fmt::format("{}.safetensors", form);
    if (fs::exists(input)) return model.forward(read_safetensors(input));
  }
  FAIL("no input for " << name);
  return {};
}

bool same_bits(const NamedArrays& a, const NamedArrays& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.shape == other.second.shape &&
           std::ranges::equal(one.second.data, other.second.data);
  });
}

/// A copy of a tiny model, a cache directory, and what the model computes without a cache.
class Place : public TemporaryDirectory {
 public:
  explicit Place(std::string name = "bert/gelu_new") : name_(std::move(name)) {
    fs::copy(golden(name_), model(), fs::copy_options::recursive);
    expected_ = outputs(*TransformerModel::load(model()), name_);
  }
  fs::path model() const { return path() / "model"; }
  fs::path weights() const { return model() / "model.safetensors"; }
  fs::path cache() const { return path() / "cache"; }
  LoadOptions options(CacheCheck check = CacheCheck::kHeader) const {
    LoadOptions options;
    options.compile.cache_directory = cache();
    options.compile.cache_check = check;
    return options;
  }
  /// Loads with the cache; the outputs are those without it.
  ModelInfo load(CacheCheck check = CacheCheck::kHeader) const {
    const auto loaded = TransformerModel::load(model(), options(check));
    CHECK(same_bits(outputs(*loaded, name_), expected_));
    return loaded->info();
  }
  /// The only file in the cache directory.
  fs::path file() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(cache())) found.push_back(entry.path());
    REQUIRE(found.size() == 1);
    return found[0];
  }
  std::string bytes() const { return read(file()); }
  /// Changes the model's weights where no sample is taken: in the middle half of its largest
  /// tensor.
  void change_unsampled(float value) const {
    std::string all = read(weights());
    const NamedArrays arrays = read_safetensors(weights());
    const auto& largest = std::max_element(arrays.begin(), arrays.end(), [](auto& a, auto& b) {
                            return a.second.data.size() < b.second.data.size();
                          })->second.data;
    REQUIRE(largest.size() >= 4096);
    const std::string_view content(reinterpret_cast<const char*>(largest.data()), largest.size());
    const std::size_t begin = all.find(content);
    REQUIRE(begin != std::string::npos);
    std::memcpy(all.data() + begin + largest.size() / 16 * 4, &value, sizeof value);
    write(weights(), all);
  }
  void recompute() { expected_ = outputs(*TransformerModel::load(model()), name_); }

 private:
  std::string name_;
  NamedArrays expected_;
};

std::string only(const std::vector<std::string>& notes) {
  REQUIRE(notes.size() == 1);
  return notes[0];
}

std::uint64_t bytes_in(const std::vector<std::string>& files) {
  std::uint64_t sum = 0;
  for (const std::string& file : files) {
    for (const PackedSection& section : read_packed_header(File(file)).sections) {
      sum += section.bytes;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("every tiny model computes the same bits from a cache, which holds all it packs") {
  for (const std::string& name : golden_cases()) {
    CAPTURE(name);
    const Place place(name);
    const ModelInfo first = place.load();
    CHECK(first.cache_state == CacheState::kWritten);
    const ModelInfo second = place.load();
    CHECK(second.cache_state == CacheState::kRead);
    CHECK(second.warnings == first.warnings);
    CHECK(second.packed_bytes == first.packed_bytes);
    CHECK(bytes_in(second.cache_files) == second.packed_bytes);
    CHECK(place.load(CacheCheck::kPayload).cache_state == CacheState::kRead);
  }
}

TEST_CASE("encoder-decoders compute the same bits from caches, one for each of their graphs") {
  for (const std::string& name : golden_cases({"sources_ragged", "ragged_targets"})) {
    CAPTURE(name);
    const bool recurrent = fs::exists(golden(name) / "ragged_targets.input.safetensors");
    const NamedArrays input =
        read_safetensors(golden(name) / (recurrent ? "ragged_targets.input.safetensors"
                                                   : "sources_ragged.input.safetensors"));
    const TemporaryDirectory directory;
    LoadOptions options;
    const NamedArrays expected = EncoderDecoder::load(golden(name), options)->forward(input);
    options.compile.cache_directory = directory.path();
    for (const CacheState state : {CacheState::kWritten, CacheState::kRead}) {
      const auto model = EncoderDecoder::load(golden(name), options);
      const EncoderDecoderInfo info = model->info();
      CHECK(info.cache_state == state);
      CHECK(info.cache_files.size() == directory.entries().size());
      // Additive attention's vector alone is read at every load.
      if (!recurrent) CHECK(bytes_in(info.cache_files) == info.packed_bytes);
      CHECK(same_bits(model->forward(input), expected));
    }
  }
}

TEST_CASE("each level and each dtype has a cache of its own, with the bits of that dtype") {
  for (const char* name : {"bert/gelu_new", "heads/bert_masked_lm"}) {
    const Place place(name);
    std::size_t files = 0;
    for (const Isa isa : available_isas()) {
      for (const ComputeType dtype : {ComputeType::kF32, ComputeType::kBf16, ComputeType::kInt8}) {
        CAPTURE(to_string(isa));
        CAPTURE(to_string(dtype));
        LoadOptions options = place.options();
        options.compile.isa = isa;
        options.compile.dtype = dtype;
        LoadOptions without = options;
        without.compile.cache_directory.clear();
        const NamedArrays expected = outputs(*TransformerModel::load(place.model(), without), name);
        for (const CacheState state : {CacheState::kWritten, CacheState::kRead}) {
          const auto model = TransformerModel::load(place.model(), options);
          CHECK(model->info().cache_state == state);
          CHECK(same_bits(outputs(*model, name), expected));
          if (state == CacheState::kRead) files += model->info().cache_files.size();
        }
      }
    }
    const auto found = std::distance(fs::directory_iterator(place.cache()), {});
    CHECK(static_cast<std::size_t>(found) == files);
  }
}

TEST_CASE("a damaged cache is never used: it is packed anew, replaced and told") {
  const Place place;
  place.load();
  const std::string right = place.bytes();
  std::vector<std::string> wrong = {"",
                                    "weftpack",
                                    std::string(20000, 'x'),
                                    right + "x",
                                    right.substr(0, 96),
                                    right.substr(0, 4096),
                                    right.substr(0, right.size() - 1)};
  for (const std::size_t at : {0, 8, 24, 40, 60, 90, 100, 130, 4000}) {
    wrong.push_back(right);
    wrong.back()[at] = static_cast<char>(wrong.back()[at] ^ 1);
  }
  const fs::path file = place.file();
  for (const std::string& bytes : wrong) {
    place.write(file, bytes);
    const ModelInfo info = place.load();
    CHECK(info.cache_state == CacheState::kWritten);
    const std::string note = only(info.warnings);
    CAPTURE(note);
    CHECK(note.find(file.string()) == 0);
    CHECK(note.ends_with("; packed anew and replaced"));
    CHECK(place.bytes() == right);
    CHECK(place.load().warnings.empty());
  }
}

TEST_CASE("damaged weights in a cache are found when all of it is checked") {
  const Place place;
  place.load();
  const std::string right = place.bytes();
  std::string bytes = right;
  bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
  place.write(place.file(), bytes);
  const ModelInfo info = place.load(CacheCheck::kPayload);
  CHECK(info.cache_state == CacheState::kWritten);
  CHECK(only(info.warnings).find("do not have their checksum") != std::string::npos);
  CHECK(place.bytes() == right);
}

TEST_CASE("a cache of another version or layout is replaced") {
  const Place place;
  place.load();
  const std::string right = place.bytes();
  const PackedHeader header = read_packed_header(File(place.file()));
  write_packed_file(place.file(), header.key + 1, header.sources, {});
  const ModelInfo info = place.load();
  CHECK(info.cache_state == CacheState::kWritten);
  CHECK(only(info.warnings).find("expected a cache packed as weft") != std::string::npos);
  CHECK(place.bytes() == right);
  // The right key with other parts: a fault in the keys themselves.
  write_packed_file(place.file(), header.key, header.sources, {{1, Packed(Buffer(64))}});
  CHECK(only(place.load().warnings).find("section 0 is not what") != std::string::npos);
  CHECK(place.bytes() == right);
}

TEST_CASE("a model is known again by its content, wherever it lies and whenever it was copied") {
  Place place;
  place.load();
  const auto time = fs::last_write_time(place.weights());
  fs::last_write_time(place.weights(), time + std::chrono::hours(1));
  CHECK(place.load().cache_state == CacheState::kRead);
  fs::rename(place.model(), place.path() / "elsewhere");
  fs::copy(place.path() / "elsewhere", place.model());
  CHECK(place.load().cache_state == CacheState::kRead);
}

TEST_CASE("a cache of weights that have changed since is replaced") {
  Place place;
  place.load();
  const auto time = fs::last_write_time(place.weights());
  place.change_unsampled(3.5f);
  place.recompute();
  fs::last_write_time(place.weights(), time + std::chrono::seconds(1));
  const ModelInfo changed = place.load();
  CHECK(changed.cache_state == CacheState::kWritten);
  CHECK(only(changed.warnings).find("has changed since it was packed") != std::string::npos);
  CHECK(place.load().cache_state == CacheState::kRead);

  // Size, time and samples do not tell: only reading everything does.
  place.change_unsampled(-3.5f);
  fs::last_write_time(place.weights(), time + std::chrono::seconds(1));
  CHECK(place.load().cache_state == CacheState::kRead);  // the outputs are still those expected
  place.recompute();
  const ModelInfo checked = place.load(CacheCheck::kPayload);
  CHECK(checked.cache_state == CacheState::kWritten);
  CHECK(only(checked.warnings).find("has changed since it was packed") != std::string::npos);
}

TEST_CASE("a cache that cannot be written is a note, never a failure") {
  const Place place;
  place.write("file", "not a directory");
  for (const fs::path& directory : {place.path() / "file", place.path() / "file" / "deeper",
                                    fs::path("/proc/weft-cache"), fs::path("/proc/self/fd")}) {
    CAPTURE(directory);
    LoadOptions options = place.options();
    options.compile.cache_directory = directory;
    const ModelInfo info = TransformerModel::load(place.model(), options)->info();
    CHECK(info.cache_state == CacheState::kNotWritten);
    REQUIRE(!info.warnings.empty());
    CHECK(info.warnings.back().find("packed cache not written: ") == 0);
  }
  if (geteuid() != 0) {  // nothing is read-only to root
    fs::create_directory(place.cache());
    fs::permissions(place.cache(), fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(place.load().cache_state == CacheState::kNotWritten);
    fs::permissions(place.cache(), fs::perms::owner_all);
    CHECK(fs::is_empty(place.cache()));
  }
}

TEST_CASE("oneDNN's products are not cached, which is told") {
  const Place place;
  LoadOptions options = place.options();
  options.compile.gemm = GemmBackend::kOneDnn;
  const ModelInfo info = TransformerModel::load(place.model(), options)->info();
  CHECK(info.cache_state == CacheState::kNotWritten);
  CHECK(only(info.warnings).find("onednn") != std::string::npos);
  CHECK(!fs::exists(place.cache()));
}

TEST_CASE("many loaders at once write one right file and leave nothing else") {
  for (int round = 0; round < 3; ++round) {
    const Place place;
    std::vector<std::thread> loaders;
    std::vector<ModelInfo> infos(6);
    for (ModelInfo& info : infos) {
      loaders.emplace_back(
          [&] { info = TransformerModel::load(place.model(), place.options())->info(); });
    }
    for (std::thread& loader : loaders) loader.join();
    for (const ModelInfo& info : infos) {
      CHECK((info.cache_state == CacheState::kWritten || info.cache_state == CacheState::kRead));
      CHECK(info.warnings.empty());
    }
    place.file();
    CHECK(place.load(CacheCheck::kPayload).cache_state == CacheState::kRead);
  }
}

TEST_CASE("a model that uses a file keeps working when that file is replaced or removed") {
  const Place place;
  place.load();
  const auto model = TransformerModel::load(place.model(), place.options());
  const NamedArrays before = outputs(*model, "bert/gelu_new");
  place.write("other", std::string(20000, 'x'));
  fs::rename(place.path() / "other", place.file());
  CHECK(same_bits(outputs(*model, "bert/gelu_new"), before));
  fs::remove(place.file());
  CHECK(same_bits(outputs(*model, "bert/gelu_new"), before));
}

TEST_CASE("processes share the memory of a cache, and none writes to it") {
  const Place place;
  place.load();
  const fs::path file = place.file();
  int ready[2], done[2];
  REQUIRE((pipe(ready) == 0 && pipe(done) == 0));
  const pid_t child = fork();
  if (child == 0) {
    const File mine(file);
    const auto bytes = mine.map();
    unsigned sum = 0;
    for (std::uint64_t i = 0; i < mine.size(); i += 512) {
      sum += static_cast<unsigned>(bytes.get()[i]);
    }
    char byte = static_cast<char>(sum);
    const bool told = ::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) == 1;
    _exit(told ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  const auto model = TransformerModel::load(place.model(), place.options(CacheCheck::kPayload));
  outputs(*model, "bert/gelu_new");
  std::uint64_t shared = 0, own = 0;
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) inside = line.ends_with(file.string());
    std::uint64_t kilobytes = 0;
    if (!inside || std::sscanf(line.c_str(), "%*s %lu kB", &kilobytes) != 1) continue;
    if (line.starts_with("Shared_")) shared += kilobytes;
    if (line.starts_with("Private_")) own += kilobytes;
  }
  CHECK(::write(done[1], &byte, 1) == 1);
  CHECK(waitpid(child, nullptr, 0) == child);
  for (const int end : {ready[0], ready[1], done[0], done[1]}) close(end);
  CHECK(own == 0);
  CHECK(shared * 1024 >= model->model().packed_bytes());
}

}  // namespace weft::test
