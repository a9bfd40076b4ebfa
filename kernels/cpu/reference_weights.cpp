#include "kernels/cpu/reference_weights.h"

#include <string>
#include <utility>

#include "core/error.h"
#include "kernels/bias.h"

namespace ra {
namespace {

// The parts' rows one after the other, and their biases likewise.
ReferenceMatrix read_matrix(const Parts& parts, int n, int k, ThreadPool& pool, bool biased = false) {
  ReferenceMatrix matrix{n, k, AlignedBuffer<float>(static_cast<size_t>(n) * k), read_bias(parts, biased)};
  float* out = matrix.values.data();
  int first = 0;
  for (const RowSource& part : parts) {
    check(part.columns == k && part.rows <= n - first, "a matrix of the model's shape");
    pool.run([&](int thread) {
      const Range rows = share(part.rows, thread, pool.threads());
      if (rows.begin == rows.end) return;
      part.read(rows.begin, rows.end - rows.begin, out + static_cast<size_t>(first + rows.begin) * k);
    });
    first += part.rows;
  }
  check(first == n, "a matrix of the model's shape");
  return matrix;
}

std::vector<float> read_vector(const RowSource& source, int size) {
  check(source.rows == 1 && source.columns == size, "a norm of the model's shape");
  std::vector<float> values(size);
  source.read(0, 1, values.data());
  return values;
}

}  // namespace

void ReferenceWeights::load(Role role, int layer, const Parts& parts, ThreadPool& pool) {
  const Widths widths(shape_);
  const int hidden = shape_.hidden;
  ReferenceLayer& l = layers_.at(layer);
  switch (role) {
    case Role::embed:
      embedding_ = read_matrix(parts, shape_.vocab, hidden, pool);
      return;
    case Role::lm_head:
      lm_head_ = read_matrix(parts, shape_.vocab, hidden, pool);
      return;
    case Role::final_norm:
      final_norm_ = read_vector(parts.at(0), hidden);
      return;
    case Role::attention_norm:
      l.attention_norm = read_vector(parts.at(0), hidden);
      return;
    case Role::ffn_norm:
      l.ffn_norm = read_vector(parts.at(0), hidden);
      return;
    case Role::qk_norm_rope:
      l.q_norm = read_vector(parts.at(0), shape_.head_dim);
      l.k_norm = read_vector(parts.at(1), shape_.head_dim);
      return;
    case Role::qkv:
      l.qkv = read_matrix(parts, widths.qkv, hidden, pool, shape_.qkv_bias);
      return;
    case Role::o:
      l.o = read_matrix(parts, hidden, widths.attention, pool, shape_.o_bias);
      return;
    case Role::gate_up:
      l.gate_up = read_matrix(parts, 2 * shape_.ffn, hidden, pool);
      return;
    case Role::down:
      l.down = read_matrix(parts, hidden, shape_.ffn, pool);
      return;
    case Role::attention:
    case Role::swiglu:
      break;
  }
  throw Error(Exit::bug,
              std::string("internal error: expected an operation with weights, not ") + role_name(role));
}

}  // namespace ra
