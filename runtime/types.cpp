// Names of the public enums, and the out-of-line pieces of small public types.
#include "weft/types.h"

#include "weft/error.h"
#include "weft/model.h"
#include "weft/weight.h"

namespace weft {

Error::~Error() = default;
WeightSource::~WeightSource() = default;

const char* to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::kInvalidArgument: return "INVALID_ARGUMENT";
    case Reason::kOutOfRange: return "OUT_OF_RANGE";
    case Reason::kNotFound: return "NOT_FOUND";
    case Reason::kCorruptFile: return "CORRUPT_FILE";
    case Reason::kUnsupported: return "UNSUPPORTED";
    case Reason::kResourceExhausted: return "RESOURCE_EXHAUSTED";
    case Reason::kIoError: return "IO_ERROR";
    case Reason::kFailedPrecondition: return "FAILED_PRECONDITION";
    case Reason::kCancelled: return "CANCELLED";
    case Reason::kDeadlineExceeded: return "DEADLINE_EXCEEDED";
    case Reason::kInternal: return "INTERNAL";
  }
  return "UNKNOWN";
}

int bits_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
    case DType::kU64:
    case DType::kC64: return 64;
    case DType::kF32:
    case DType::kI32:
    case DType::kU32: return 32;
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16:
    case DType::kU16: return 16;
    case DType::kF6E2M3:
    case DType::kF6E3M2: return 6;
    case DType::kF4: return 4;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
    case DType::kF8E5M2:
    case DType::kF8E4M3:
    case DType::kF8E8M0:
    case DType::kF8E4M3FNUZ:
    case DType::kF8E5M2FNUZ: return 8;
  }
  return 0;
}

const char* to_string(DType dtype) noexcept {
  switch (dtype) {
    case DType::kF32: return "F32";
    case DType::kF16: return "F16";
    case DType::kBF16: return "BF16";
    case DType::kF64: return "F64";
    case DType::kI64: return "I64";
    case DType::kI32: return "I32";
    case DType::kI16: return "I16";
    case DType::kI8: return "I8";
    case DType::kU64: return "U64";
    case DType::kU32: return "U32";
    case DType::kU16: return "U16";
    case DType::kU8: return "U8";
    case DType::kBool: return "BOOL";
    case DType::kC64: return "C64";
    case DType::kF8E5M2: return "F8_E5M2";
    case DType::kF8E4M3: return "F8_E4M3";
    case DType::kF8E8M0: return "F8_E8M0";
    case DType::kF8E4M3FNUZ: return "F8_E4M3FNUZ";
    case DType::kF8E5M2FNUZ: return "F8_E5M2FNUZ";
    case DType::kF6E2M3: return "F6_E2M3";
    case DType::kF6E3M2: return "F6_E3M2";
    case DType::kF4: return "F4";
  }
  return "UNKNOWN";
}

const char* to_string(Activation activation) noexcept {
  switch (activation) {
    case Activation::kNone: return "none";
    case Activation::kGelu: return "gelu";
    case Activation::kGeluTanh: return "gelu_tanh";
    case Activation::kRelu: return "relu";
    case Activation::kSilu: return "silu";
    case Activation::kTanh: return "tanh";
    case Activation::kSigmoid: return "sigmoid";
  }
  return "unknown";
}

const char* to_string(Pooling pooling) noexcept {
  switch (pooling) {
    case Pooling::kCls: return "cls";
    case Pooling::kMax: return "max";
    case Pooling::kMean: return "mean";
    case Pooling::kMeanSqrtLen: return "mean_sqrt_len_tokens";
    case Pooling::kWeightedMean: return "weightedmean";
    case Pooling::kLastToken: return "lasttoken";
  }
  return "unknown";
}

const char* to_string(Isa isa) noexcept {
  switch (isa) {
    case Isa::kBaseline: return "baseline";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
    case Isa::kAvx512Vnni: return "avx512_vnni";
    case Isa::kAvx512Bf16: return "avx512_bf16";
    case Isa::kAmx: return "amx";
  }
  return "unknown";
}

const char* to_string(ComputeType dtype) noexcept {
  switch (dtype) {
    case ComputeType::kF32: return "f32";
    case ComputeType::kBf16: return "bf16";
    case ComputeType::kInt8: return "int8";
  }
  return "unknown";
}

const char* to_string(GemmBackend backend) noexcept {
  switch (backend) {
    case GemmBackend::kNative: return "native";
    case GemmBackend::kOneDnn: return "onednn";
  }
  return "unknown";
}

const char* to_string(CacheState state) noexcept {
  switch (state) {
    case CacheState::kOff: return "off";
    case CacheState::kRead: return "read";
    case CacheState::kWritten: return "written";
    case CacheState::kNotWritten: return "not written";
  }
  return "unknown";
}

}  // namespace weft
