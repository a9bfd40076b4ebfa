// One k16 step of the tensor cores, and the loads and stores of its operands in shared memory.
//
// Of a fragment with 16 rows and 8 columns lane l has rows l / 4 and l / 4 + 8, columns 2 (l mod 4) and the next.
#pragma once

#include <cstdint>

namespace ra::cuda {

// D = step(C, A, B): one k16 step of rule 2 for 16 rows and 8 columns.
__device__ inline void k16_step(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}
// Four matrices of 8 x 8 16-bit values; lane l gives the address of row l mod 8 of matrix l / 8.
__device__ inline void load_matrices(uint32_t (&m)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(row));
}
__device__ inline void load_matrices(uint32_t (&m)[4], const void* row) {
  load_matrices(m, shared_address(row));
}
__device__ inline void load_matrices_transposed(uint32_t (&m)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(shared_address(row)));
}
// Stores of the same: of each matrix row r of shared memory holds column r of the fragments, eight 16-bit values. Lane l gives
// the address of row l mod 8 of matrix l / 8; of two matrices the lanes below 16 do.
__device__ inline void store_matrices_transposed(uint32_t row, uint32_t a, uint32_t b, uint32_t c,
                                                 uint32_t d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1,%2,%3,%4};" ::"r"(row), "r"(a),
               "r"(b), "r"(c), "r"(d)
               : "memory");
}
__device__ inline void store_matrices_transposed(uint32_t row, uint32_t a, uint32_t b) {
  asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1,%2};" ::"r"(row), "r"(a), "r"(b)
               : "memory");
}

}  // namespace ra::cuda
