#include "kernels/cuda/tensor_map.h"

#include <cuda_runtime_api.h>

#include <string>

#include "core/error.h"
#include "kernels/cuda/check.h"

namespace ra::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's own function, through the runtime: nothing links the driver.
Encode encoder() {
  static const Encode found = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
    cuda_check(
        cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &result),
        "the driver");
    if (result != cudaDriverEntryPointSuccess || entry == nullptr)
      throw Error(Exit::device, "the driver: has no cuTensorMapEncodeTiled; expected a driver for CUDA 13");
    return reinterpret_cast<Encode>(entry);
  }();
  return found;
}

}  // namespace

CUtensorMap tensor_map(const uint16_t* base, int rows, int columns, int box_rows) {
  constexpr cuuint32_t kBoxColumns = 64, kEvery[] = {1, 1};
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t row_bytes[] = {sizes[0] * sizeof(uint16_t)};
  const cuuint32_t box[] = {kBoxColumns, static_cast<cuuint32_t>(box_rows)};
  CUtensorMap map;
  const CUresult result =
      encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<uint16_t*>(base), sizes, row_bytes, box,
                kEvery, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    throw Error(Exit::bug, "a tensor map of " + std::to_string(rows) + " x " + std::to_string(columns) +
                               ": driver status " + std::to_string(result) + "; expected success");
  }
  return map;
}

}  // namespace ra::cuda
