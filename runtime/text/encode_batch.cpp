// Many texts on several threads.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "weft/error.h"
#include "weft/tokenizer.h"

namespace weft {
namespace {

constexpr std::size_t kAtOnce = 16;  // texts that a thread takes

struct Batch {
  const Tokenizer& tokenizer;
  std::span<const std::string_view> texts;
  const TokenizeOptions& options;
  std::vector<Encoding>& results;
  std::atomic<std::size_t> next{0};
  std::mutex mutex{};
  std::size_t failed = SIZE_MAX;  // the first text with an error
  std::exception_ptr error{};

  void encode(std::size_t i) noexcept {
    try {
      tokenizer.encode(texts[i], options, results[i]);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (i > failed) return;
      failed = i;
      error = std::current_exception();
    }
  }
};

void encode_some(Batch& batch) noexcept {
  while (true) {
    const std::size_t begin = batch.next.fetch_add(kAtOnce);
    if (begin >= batch.texts.size()) return;
    const std::size_t end = std::min(begin + kAtOnce, batch.texts.size());
    for (std::size_t i = begin; i < end; ++i) batch.encode(i);
  }
}

}  // namespace

std::vector<Encoding> Tokenizer::encode_batch(std::span<const std::string_view> texts,
                                              const TokenizeOptions& options, int threads) const {
  if (threads < 1) {
    throw Error(Reason::kInvalidArgument,
                fmt::format("[tokenizer] threads: expected at least 1, found {}", threads));
  }
  std::vector<Encoding> results(texts.size());
  Batch batch{*this, texts, options, results};
  const std::size_t useful = std::max<std::size_t>((texts.size() + kAtOnce - 1) / kAtOnce, 1);
  const std::size_t helpers = std::min(useful, static_cast<std::size_t>(threads)) - 1;
  {
    std::vector<std::jthread> team;
    team.reserve(helpers);
    try {
      while (team.size() < helpers) team.emplace_back([&batch] { encode_some(batch); });
    } catch (const std::system_error&) {
      // The system has no more threads: those that there are do the work.
    }
    encode_some(batch);
  }
  if (batch.error) std::rethrow_exception(batch.error);
  return results;
}

}  // namespace weft
