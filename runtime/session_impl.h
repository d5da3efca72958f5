// What a Session holds, shared by the files that plan it and bind a run's inputs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ops/buffer.h"
#include "runtime/execute.h"
#include "weft/session.h"

namespace weft {

struct Session::Impl {
  std::shared_ptr<const Model> model;
  SessionLimits limits;
  Plan plan;
  Buffer memory;
  std::unique_ptr<Team> team;
  int threads = 1;
  Profile* profile = nullptr;
  RunState state;
  std::vector<std::vector<std::int32_t>> by_length;  // per ragged row space
  std::vector<std::int32_t> counting;                // 0, 1, 2, ...: offsets of single rows
  std::vector<std::vector<std::int32_t>> writers;    // per space of states: row + 1 of who writes a
                                                     // row, all 0 between checks
  std::vector<std::vector<std::int32_t>> fixed_offsets;  // per row space

  const Model::Impl& compiled() const { return model->impl(); }

  Impl(std::shared_ptr<const Model> compiled_model, const SessionLimits& asked,
       std::vector<std::string> outputs);

  void bind_memory();
  void set_rows(std::span<const RaggedRows> rows);
  void check_sequences() const;
  void set_ragged(const RaggedRows& given);
  void set_inputs(std::span<const Input> inputs);
  void check_ids(const ValueNode& value, std::span<const std::int32_t> ids) const;
  void check_lengths(const ValueNode& value, std::span<const std::int32_t> lengths) const;
  void check_appended(const ValueNode& value);
};

}  // namespace weft
