#include "ops/isa.h"

#include <doctest/doctest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "ops/simd/kernels.h"
#include "tests/isa_under_test.h"
#include "weft/error.h"
#include "weft/model.h"

namespace weft::test {
namespace {

// Sets WEFT_ISA for the time of a scope.
class ForcedIsa {
 public:
  explicit ForcedIsa(const char* value) {
    const char* before = std::getenv("WEFT_ISA");
    had_ = before != nullptr;
    if (had_) before_ = before;
    setenv("WEFT_ISA", value, 1);
  }
  ~ForcedIsa() { had_ ? setenv("WEFT_ISA", before_.c_str(), 1) : unsetenv("WEFT_ISA"); }

 private:
  bool had_ = false;
  std::string before_;
};

Reason reason_of_default_isa() {
  try {
    default_isa();
  } catch (const Error& error) {
    return error.reason();
  }
  return Reason::kInternal;
}

}  // namespace

TEST_CASE("the level that a model is compiled for is the one that is forced") {
  CHECK(default_isa() == isa_under_test());
}

TEST_CASE("every level that the machine has comes with a table, its own up to avx512") {
  for (Isa isa : available_isas()) {
    CHECK(isa_available(isa));
    const simd::Kernels* table = simd::kernels(isa);
    REQUIRE(table != nullptr);
    CHECK(table->isa == std::min(isa, Isa::kAvx512));
  }
  const bool baseline_is_avx2 =
      simd::kernels(Isa::kBaseline)->softmax == simd::kernels(Isa::kAvx2)->softmax;
  const bool avx2_is_avx512 =
      simd::kernels(Isa::kAvx2)->softmax == simd::kernels(Isa::kAvx512)->softmax;
  CHECK_FALSE(baseline_is_avx2);
  CHECK_FALSE(avx2_is_avx512);
}

TEST_CASE("levels are offered in rising order, the baseline always") {
  const std::vector<Isa> isas = available_isas();
  REQUIRE(!isas.empty());
  CHECK(isas[0] == Isa::kBaseline);
  for (std::size_t i = 1; i < isas.size(); ++i) CHECK(isas[i - 1] < isas[i]);
  for (std::size_t i = 1; i < kIsas.size(); ++i) {
    if (isa_available(kIsas[i])) CHECK(isa_available(kIsas[i - 1]));
  }
}

TEST_CASE("asking for the levels changes no signal handler and leaves no child behind") {
  struct sigaction before {};
  struct sigaction after {};
  REQUIRE(sigaction(SIGILL, nullptr, &before) == 0);
  available_isas();
  REQUIRE(sigaction(SIGILL, nullptr, &after) == 0);
  const bool same = after.sa_handler == before.sa_handler;
  CHECK(same);
  CHECK(waitpid(-1, nullptr, __WALL) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("where amx is available a thread of this process may use tiles") {
  if (!isa_available(Isa::kAmx)) {
    MESSAGE("SKIPPED: this machine has no amx");
    return;
  }
  unsigned long granted = 0;
  REQUIRE(syscall(SYS_arch_prctl, 0x1022 /* ARCH_GET_XCOMP_PERM */, &granted) == 0);
  CHECK((granted >> 18 & 1) == 1);
}

TEST_CASE("each level is chosen by its name and an unknown name is an error") {
  for (Isa isa : available_isas()) {
    const ForcedIsa forced(to_string(isa));
    CHECK(default_isa() == isa);
  }
  for (const char* wrong : {"AVX2", "sse", "avx2 "}) {
    const ForcedIsa forced(wrong);
    CHECK(reason_of_default_isa() == Reason::kInvalidArgument);
  }
  const ForcedIsa unset("");
  CHECK(default_isa() == available_isas().back());
}

}  // namespace weft::test
