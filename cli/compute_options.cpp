#include "cli/compute_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weft/error.h"

namespace weft::cli {
namespace {

constexpr std::array<ComputeType, 3> kDtypes = {ComputeType::kF32, ComputeType::kBf16,
                                                ComputeType::kInt8};
constexpr std::array<ComputeType, 2> kAttentionDtypes = {ComputeType::kF32, ComputeType::kBf16};
constexpr std::array<GemmBackend, 2> kBackends = {GemmBackend::kNative, GemmBackend::kOneDnn};
constexpr std::int64_t kMostThreads = 1024;

template <typename Enum, std::size_t n>
std::array<std::string_view, n> names_of(const std::array<Enum, n>& values) {
  std::array<std::string_view, n> names;
  std::transform(values.begin(), values.end(), names.begin(),
                 [](Enum value) { return std::string_view(to_string(value)); });
  return names;
}

Isa checked_isa(Isa isa) {
  const std::vector<Isa> available = available_isas();
  if (std::find(available.begin(), available.end(), isa) == available.end()) {
    std::vector<std::string_view> names;
    for (const Isa level : available) names.emplace_back(to_string(level));
    throw Error(Reason::kUnsupported, fmt::format("--isa: expected {} on this machine, found '{}'",
                                                  listed(names), to_string(isa)));
  }
  return isa;
}

ComputeType checked_dtype(ComputeType dtype, GemmBackend gemm) {
  if (!dtype_available(dtype, gemm)) {
    std::vector<std::string_view> names;
    for (const ComputeType other : kDtypes) {
      if (dtype_available(other, gemm)) names.emplace_back(to_string(other));
    }
    throw Error(Reason::kUnsupported,
                fmt::format("--dtype: {} is not supported yet with {} products, expected {}",
                            to_string(dtype), to_string(gemm), listed(names)));
  }
  return dtype;
}

ComputeType checked_attention_dtype(ComputeType attention, const CompileOptions& compile) {
  const Isa isa = compile.isa ? *compile.isa : default_isa();
  if (!attention_dtype_available(attention, compile.dtype, isa)) {
    throw Error(Reason::kUnsupported,
                fmt::format("--attention-dtype: expected f32 with products in {} on {}, found '{}'",
                            to_string(compile.dtype), to_string(isa), to_string(attention)));
  }
  return attention;
}

}  // namespace

std::vector<Option> with_compute_options(std::vector<Option> own) {
  own.insert(
      own.end(),
      {
          {"--dtype", "D", "precision of the large products: f32 (default), bf16 or int8"},
          {"--attention-dtype", "D",
           "precision of attention's products: f32 (default) or bf16, which needs --dtype bf16 or "
           "int8\nand an instruction set with bf16 arithmetic (avx512_bf16, amx)"},
          {"--threads", "N", "threads (default: the processors that this process may use)"},
          {"--isa", "LEVEL",
           "instruction set: baseline, avx2, avx512, avx512_vnni, avx512_bf16, amx (default: "
           "WEFT_ISA, else the best)"},
          {"--gemm", "BACKEND",
           "matrix products: native (default) or onednn, which gives up same bits"},
          {"--cache", "DIR",
           "keep packed weights in DIR: a load maps them from there, which takes a few ms and "
           "shares\n"
           "them among processes; what is missing, stale or damaged is packed anew and replaced"},
          {"--cache-verify", "", "with --cache: check every byte of it and of the weights' files"},
      });
  return own;
}

LoadOptions load_options(const Arguments& arguments) {
  LoadOptions options;
  const auto dtype = arguments.choice("--dtype", names_of(kDtypes));
  options.limits.threads = static_cast<int>(arguments.integer("--threads", 1, kMostThreads, 0));
  const auto isa = arguments.choice("--isa", names_of(kIsas));
  const auto gemm = arguments.choice("--gemm", names_of(kBackends));
  if (isa) options.compile.isa = checked_isa(kIsas[*isa]);
  if (gemm) options.compile.gemm = kBackends[*gemm];
  if (dtype) options.compile.dtype = checked_dtype(kDtypes[*dtype], options.compile.gemm);
  if (const auto attention = arguments.choice("--attention-dtype", names_of(kAttentionDtypes))) {
    options.compile.attention_dtype =
        checked_attention_dtype(kAttentionDtypes[*attention], options.compile);
  }
  if (const auto cache = arguments.value("--cache")) {
    if (cache->empty()) throw UsageError("--cache: expected a directory, found ''");
    options.compile.cache_directory = *cache;
  }
  if (arguments.given("--cache-verify")) {
    if (!arguments.given("--cache"))
      throw UsageError("--cache-verify: expected with --cache alone");
    options.compile.cache_check = CacheCheck::kPayload;
  }
  return options;
}

}  // namespace weft::cli
