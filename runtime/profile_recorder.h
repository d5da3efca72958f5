// The executor's side of a Profile: threads append to their own lists, merged after the run.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/op.h"
#include "runtime/model_impl.h"
#include "weft/profile.h"

namespace weft {

class ProfileRecorder {
 public:
  ProfileRecorder(Profile& profile, const Model::Impl& model, int threads);
  /// Adds what was recorded to the profile. Not thread-safe with add().
  void finish();

  static std::int64_t now_ns() noexcept;  // steady clock
  /// One call of a node by one thread.
  void add(int thread, std::int32_t node, std::int64_t begin_ns, std::int64_t end_ns,
           const Work& work) noexcept;

 private:
  struct Call {
    std::int32_t node;
    std::int64_t begin_ns, end_ns;
    Work work;
  };
  Profile& profile_;
  const Model::Impl& model_;
  std::int64_t begin_ns_;
  std::vector<std::vector<Call>> calls_;  // per thread
};

}  // namespace weft
