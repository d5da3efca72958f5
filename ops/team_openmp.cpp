// Team on OpenMP. The one file that includes omp.h.
#include <omp.h>
#include <unistd.h>

#include <algorithm>

#include "ops/floating_point_state.h"
#include "ops/parallel.h"

namespace weft {
namespace {

class OpenMpTeam final : public Team {
 public:
  explicit OpenMpTeam(int threads) : threads_(std::max(1, threads)), process_(getpid()) {}

  void run(int n, TeamBody body) override {
    n = std::clamp(n, 1, threads_);
    // libgomp's threads do not survive fork; waking them in the child would wait for ever.
    // Inside a caller's own parallel region a nested team would oversubscribe: run serially too.
    if (n > 1 && (getpid() != process_ || omp_in_parallel() != 0)) n = 1;
    if (n == 1) {
      FloatingPointState state;
      body.call(body.context, 0, 1);
      return;
    }
    const int dynamic = omp_get_dynamic();
    omp_set_dynamic(0);
#pragma omp parallel num_threads(n) default(none) shared(body)
    {
      FloatingPointState state;
      body.call(body.context, omp_get_thread_num(), omp_get_num_threads());
    }
    omp_set_dynamic(dynamic);
  }

  int size() const noexcept override { return threads_; }

 private:
  int threads_;
  pid_t process_;
};

}  // namespace

std::unique_ptr<Team> Team::create(int threads) { return std::make_unique<OpenMpTeam>(threads); }

const char* Team::backend() noexcept { return "openmp"; }

SerialOpenMp::SerialOpenMp() noexcept : threads_(omp_get_max_threads()) { omp_set_num_threads(1); }
SerialOpenMp::~SerialOpenMp() { omp_set_num_threads(threads_); }

}  // namespace weft
