// Whether AMX tiles really work here. A virtual machine may advertise them and fault, so a child
// process tries: it shares this process's memory but none of its signal handlers, and no signal
// tells of its end.
#include "ops/tile_probe.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace weft {
namespace {

constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
constexpr long kTileData = 18;               // XFEATURE_XTILEDATA

struct alignas(64) Tiles {
  std::uint8_t palette[64];
  std::uint16_t a[16][32];  // bf16, all 2
  std::uint16_t b[16][32];  // bf16, all 1
  float sum[16][16];
  std::int32_t dot[16][16];
};

// c = c + a b on two kinds of elements. Instructions by their names: the level's compiler flags
// would let the compiler use them elsewhere in this file.
void multiply(Tiles* tiles) {
  const std::int64_t stride = 64;
  asm volatile(
      "ldtilecfg (%[palette])\n\t"
      "tilezero %%tmm0\n\t"
      "tilezero %%tmm1\n\t"
      "tileloadd (%[a], %[stride], 1), %%tmm2\n\t"
      "tileloadd (%[b], %[stride], 1), %%tmm3\n\t"
      "tdpbf16ps %%tmm3, %%tmm2, %%tmm0\n\t"
      "tdpbssd %%tmm3, %%tmm2, %%tmm1\n\t"
      "tilestored %%tmm0, (%[sum], %[stride], 1)\n\t"
      "tilestored %%tmm1, (%[dot], %[stride], 1)\n\t"
      "tilerelease"
      :
      : [palette] "r"(tiles->palette), [a] "r"(tiles->a), [b] "r"(tiles->b), [sum] "r"(tiles->sum),
        [dot] "r"(tiles->dot), [stride] "r"(stride)
      : "memory");
}

int try_tiles(void* tiles) {
  signal(SIGILL, SIG_DFL);
  signal(SIGSEGV, SIG_DFL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  sigset_t faults;
  sigemptyset(&faults);
  sigaddset(&faults, SIGILL);
  sigaddset(&faults, SIGSEGV);
  sigprocmask(SIG_UNBLOCK, &faults, nullptr);
  multiply(static_cast<Tiles*>(tiles));
  return 0;
}

}  // namespace

bool tiles_work() noexcept {
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0) return false;
  Tiles tiles{};
  tiles.palette[0] = 1;
  for (int i = 0; i < 8; ++i) {
    tiles.palette[16 + 2 * i] = 64;  // bytes of a row
    tiles.palette[48 + i] = 16;      // rows
  }
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 32; ++j) {
      tiles.a[i][j] = 0x4000;
      tiles.b[i][j] = 0x3f80;
    }
  }
  alignas(64) std::byte stack[32768];
  // No termination signal: the parent's SIGCHLD handler and its waits for any child see nothing.
  const int child = clone(try_tiles, stack + sizeof stack, CLONE_VM | CLONE_VFORK, &tiles);
  if (child < 0) return false;
  int status = 0;
  while (waitpid(child, &status, __WCLONE) != child) {
    if (errno != EINTR) return false;
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return false;
  // Bytes of a: 0x00, 0x40; of b: 0x80 (-128), 0x3f. 32 pairs: 32 * (0x40 * 0x3f) and 32 * (2 * 1).
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) {
      if (tiles.sum[i][j] != 64.0f || tiles.dot[i][j] != 32 * 0x40 * 0x3f) return false;
    }
  }
  return true;
}

}  // namespace weft
