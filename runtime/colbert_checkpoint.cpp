#include "runtime/colbert_checkpoint.h"

#include <algorithm>
#include <string>

#include "runtime/config.h"
#include "runtime/files.h"

namespace weft {
namespace {

constexpr const char* kProjection = "linear.weight";

}  // namespace

bool is_colbert_checkpoint(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "config.json";
  if (!is_there(file)) return false;
  const std::vector<std::string> names = Config::load(file).texts_or_empty("architectures");
  return std::find(names.begin(), names.end(), kColbertArchitecture) != names.end();
}

std::vector<SentenceModule> read_colbert_modules(const Weights& checkpoint,
                                                 std::int64_t hidden_size) {
  std::vector<SentenceModule> modules(2);
  modules[0].kind = SentenceModule::Kind::kDense;
  const std::int64_t columns = checkpoint.get(kProjection).rows();
  modules[0].dense.weight = checkpoint.get(kProjection, {columns, hidden_size});
  modules[1].kind = SentenceModule::Kind::kNormalize;
  return modules;
}

}  // namespace weft
