#include "kernels/cpu/packed_matrix.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"

namespace ra {
namespace {

constexpr int kRowsRead =
    64;  // rows asked of a source at once: few calls, and they stay in the second-level cache

// Rows [first, first + count) of all parts together.
void read_rows(const Parts& parts, int first, int count, float* out) {
  int part_begin = 0;
  for (const RowSource& part : parts) {
    const int begin = std::max(first, part_begin), end = std::min(first + count, part_begin + part.rows);
    if (begin < end)
      part.read(begin - part_begin, end - begin, out + static_cast<size_t>(begin - first) * part.columns);
    part_begin += part.rows;
  }
}

}  // namespace

uint64_t packed_bytes(int n, int k) {
  PackedMatrix m;
  m.n = n;
  m.k = k;
  return static_cast<uint64_t>(m.tiles()) * m.tile_size() * sizeof(Bf16);
}

PackedMatrix pack(ThreadPool& pool, const Parts& parts, int n, int k, AlignedBuffer<float>* plain) {
  int64_t rows = 0;
  for (const RowSource& part : parts) {
    rows += part.rows;
    if (part.columns != k)
      throw Error(Exit::bad_input,
                  "a weight of " + std::to_string(part.columns) + " columns; expected " + std::to_string(k));
  }
  if (rows != n)
    throw Error(Exit::bad_input,
                "a weight of " + std::to_string(rows) + " rows; expected " + std::to_string(n));

  PackedMatrix m;
  m.n = n;
  m.k = k;
  m.values = AlignedBuffer<Bf16>(static_cast<size_t>(m.tiles()) * m.tile_size());
  if (plain != nullptr) *plain = AlignedBuffer<float>(static_cast<size_t>(n) * k);
  const int blocks = (n + kRowsRead - 1) / kRowsRead;
  pool.run([&](int thread) {
    std::vector<float> read(static_cast<size_t>(kRowsRead) * k);
    const Range mine = share(blocks, thread, pool.threads());
    for (int block = mine.begin; block < mine.end; ++block) {
      const int first = block * kRowsRead, count = std::min(kRowsRead, n - first);
      read_rows(parts, first, count, read.data());
      for (int r = 0; r < count; ++r) {
        const int row = first + r;
        const float* from = read.data() + static_cast<size_t>(r) * k;
        Bf16* tile = m.values.data() + static_cast<size_t>(row / kTileOutputs) * m.tile_size();
        Bf16* lane = tile + row % kTileOutputs * 2;
        for (int column = 0; column < k; ++column) {
          lane[static_cast<size_t>(column / 2) * kTileOutputs * 2 + column % 2] = round_bf16(from[column]);
        }
        if (plain != nullptr) {
          float* to = plain->data() + static_cast<size_t>(row) * k;
          for (int column = 0; column < k; ++column) to[column] = widen(round_bf16(from[column]));
        }
      }
    }
  });
  return m;
}

}  // namespace ra
