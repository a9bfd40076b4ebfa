// Tensor maps: how the copy engine sees a matrix in device memory.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace ra::cuda {

// Of a bf16 matrix [rows, columns] in boxes of 64 columns and `box_rows` rows (at most 256), which lie in shared memory in rows
// of 128 bytes, their 16-byte chunks swizzled by the row modulo 8. `base` to 16 bytes, `columns` a multiple of 8.
CUtensorMap tensor_map(const uint16_t* base, int rows, int columns, int box_rows);

}  // namespace ra::cuda
