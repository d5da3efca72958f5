// Runs the tests of one program. WEFT_ISA forces a level; one that this machine lacks is a skip
// (exit code 77), never a pass.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ops/isa.h"
#include "tests/isa_under_test.h"

namespace weft::test {

Isa isa_under_test() {
  const char* forced = std::getenv("WEFT_ISA");
  const bool is_forced = forced != nullptr && *forced != '\0';
  for (auto isa = kIsas.rbegin(); isa != kIsas.rend(); ++isa) {
    if (is_forced ? std::string(forced) == to_string(*isa) : isa_available(*isa)) return *isa;
  }
  std::fprintf(stderr, "WEFT_ISA=%s names no level\n", forced);
  std::exit(1);
}

}  // namespace weft::test

int main(int argc, char** argv) {
  // --isa=LEVEL is WEFT_ISA=LEVEL for programs that run where no environment reaches them.
  constexpr std::string_view kIsaOption = "--isa=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kIsaOption)) setenv("WEFT_ISA", argv[i] + kIsaOption.size(), 1);
  }
  const weft::Isa isa = weft::test::isa_under_test();
  if (!weft::isa_available(isa)) {
    std::printf("SKIPPED: this machine has no %s\n", to_string(isa));
    return 77;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
