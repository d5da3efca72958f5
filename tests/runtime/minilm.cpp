#include "tests/runtime/minilm.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/isa_under_test.h"
#include "tests/paths.h"

namespace weft::test {

Encoder load_minilm(ComputeType dtype, ComputeType attention) {
  const auto directory = source_directory() / "models" / "all-MiniLM-L6-v2";
  if (!std::filesystem::exists(directory / "model.safetensors")) {
    std::printf("SKIPPED: %s is absent; scripts/fetch_model.sh brings it\n",
                directory.string().c_str());
    std::exit(77);
  }
  LoadOptions options;
  options.compile.isa = isa_under_test();
  options.compile.dtype = dtype;
  options.compile.attention_dtype = attention;
  return Encoder::load(directory, options);
}

}  // namespace weft::test
