#include "kernels/cuda/cuda_weights.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "kernels/bf16.h"
#include "kernels/bias.h"
#include "kernels/cuda/dummy_fill.h"
#include "kernels/product_shape.h"

namespace ra::cuda {
namespace {

constexpr size_t kBlockValues = size_t{1} << 20;  // that a thread reads and copies at once

bool is_norm(Role role) {
  return role == Role::attention_norm || role == Role::ffn_norm || role == Role::final_norm;
}

struct MatrixShape {
  int rows = 0;
  int columns = 0;
};

// What load(role) brings.
MatrixShape matrix_shape(const ModelShape& shape, Role role) {
  if (is_norm(role)) return {1, shape.hidden};
  if (role == Role::qk_norm_rope) return {2, shape.head_dim};
  if (role == Role::embed) return {shape.vocab, shape.hidden};
  return {product_outputs(shape, role), product_inputs(shape, role)};
}

}  // namespace

// What a thread rounds into and copies from: one block on its way while the next is read.
struct CudaWeights::Staging {
  explicit Staging(size_t size)
      : values(size), rounded{PinnedBuffer<uint16_t>(size), PinnedBuffer<uint16_t>(size)} {}
  std::vector<float> values;
  PinnedBuffer<uint16_t> rounded[2];
  Stream stream;
  Event copied[2];
};

CudaWeights::~CudaWeights() = default;

CudaWeights::CudaWeights(const ModelShape& shape, const Launch& launch, int threads)
    : shape_(shape),
      launch_(launch),
      pool_(threads),
      staging_(static_cast<size_t>(threads)),
      entries_(static_cast<size_t>(shape.layers) * kRoles) {}

void CudaWeights::upload(const Parts& parts, int columns, uint16_t* to) {
  struct Block {
    const RowSource* part;
    int first, count;
    uint16_t* to;
  };
  std::vector<Block> blocks;
  const int rows_a_block = static_cast<int>(std::max<size_t>(1, kBlockValues / static_cast<size_t>(columns)));
  for (const RowSource& part : parts) {
    if (part.dummy) {
      const int64_t count = static_cast<int64_t>(part.rows) * columns;
      fill_dummy(launch_, *part.dummy, count, to);
      to += count;
      continue;
    }
    for (int first = 0; first < part.rows; first += rows_a_block) {
      const int count = std::min(rows_a_block, part.rows - first);
      blocks.push_back({&part, first, count, to});
      to += static_cast<size_t>(count) * columns;
    }
  }
  if (blocks.empty()) return;
  const size_t most = std::max(kBlockValues, static_cast<size_t>(columns));
  int device = 0;
  cuda_check(cudaGetDevice(&device), "the device");
  pool_.run([&](int thread) {
    if (thread >= static_cast<int>(blocks.size())) return;
    const DefaultFloatEnvironment environment;
    cuda_check(cudaSetDevice(device), "the device");
    std::unique_ptr<Staging>& mine = staging_[static_cast<size_t>(thread)];
    if (mine == nullptr || mine->values.size() < most) mine = std::make_unique<Staging>(most);
    int turn = 0;
    for (size_t i = thread; i < blocks.size(); i += static_cast<size_t>(pool_.threads()), turn ^= 1) {
      const Block& block = blocks[i];
      const size_t count = static_cast<size_t>(block.count) * columns;
      block.part->read(block.first, block.count, mine->values.data());
      mine->copied[turn].wait();
      std::transform(mine->values.data(), mine->values.data() + count, mine->rounded[turn].data(),
                     ra::round_bf16);
      cuda_check(cudaMemcpyAsync(block.to, mine->rounded[turn].data(), count * sizeof(uint16_t),
                                 cudaMemcpyHostToDevice, mine->stream.get()),
                 "a weight's copy");
      mine->copied[turn].record(mine->stream.get());
    }
    mine->stream.wait();
  });
}

void CudaWeights::load_bias(const Parts& parts, Role role, Entry& e) {
  if (has_bias(shape_, role) && std::all_of(parts.begin(), parts.end(), [](const RowSource& part) {
        return part.dummy_bias.has_value();
      })) {
    e.bias = DeviceBuffer<float>(static_cast<size_t>(product_outputs(shape_, role)));
    float* to = e.bias.data();
    for (const RowSource& part : parts) {
      fill_dummy(launch_, *part.dummy_bias, part.rows, to);
      to += part.rows;
    }
    return;
  }
  std::vector<float> bias = read_bias(parts, has_bias(shape_, role));
  for (float& value : bias) value = widen(ra::round_bf16(value));
  e.bias = DeviceBuffer<float>(bias.size());
  if (bias.empty()) return;
  cuda_check(
      cudaMemcpyAsync(e.bias.data(), bias.data(), e.bias.bytes(), cudaMemcpyHostToDevice, launch_.stream),
      "a bias's copy");
  cuda_check(cudaStreamSynchronize(launch_.stream), "a bias's copy");
}

void CudaWeights::load(Role role, int layer, const Parts& parts) {
  check(layer >= 0 && layer < shape_.layers, "a layer of the model");
  check(role != Role::lm_head || !shape_.tied, "no head of its own in a tied model");
  const MatrixShape expected = matrix_shape(shape_, role);
  int rows = 0;
  for (const RowSource& part : parts) {
    check(part.columns == expected.columns, "parts as wide as the model's shape says");
    rows += part.rows;
  }
  check(rows == expected.rows, "as many rows as the model's shape says");
  Entry& e = entry(role, layer);
  e.values = DeviceBuffer<uint16_t>(static_cast<size_t>(rows) * expected.columns);
  upload(parts, expected.columns, e.values.data());
  load_bias(parts, role, e);
  matrices_[static_cast<size_t>(role)].push_back(e.values.data());
  if (role == Role::embed && shape_.tied) matrices_[static_cast<size_t>(Role::lm_head)] = {e.values.data()};
}

const uint16_t* CudaWeights::matrix(Role role, int layer) const {
  const Entry& e = entry(role == Role::lm_head && shape_.tied ? Role::embed : role, layer);
  check(e.values.size() > 0, "a weight that was loaded");
  return e.values.data();
}

const float* CudaWeights::bias(Role role, int layer) const {
  return entry(role, layer).bias.data();
}

const uint16_t* CudaWeights::norm(Role role, int layer) const {
  return matrix(role, layer);
}

const uint16_t* CudaWeights::q_norm(int layer) const {
  return shape_.qk_norm ? matrix(Role::qk_norm_rope, layer) : nullptr;
}

const uint16_t* CudaWeights::k_norm(int layer) const {
  return shape_.qk_norm ? matrix(Role::qk_norm_rope, layer) + shape_.head_dim : nullptr;
}

uint64_t CudaWeights::bytes(const ModelShape& shape) {
  uint64_t total = 0;
  const auto add = [&](Role role, uint64_t copies) {
    const MatrixShape m = matrix_shape(shape, role);
    total += copies * static_cast<uint64_t>(m.rows) * static_cast<uint64_t>(m.columns) * sizeof(uint16_t);
    if (has_bias(shape, role)) total += copies * static_cast<uint64_t>(m.rows) * sizeof(float);
  };
  const auto layers = static_cast<uint64_t>(shape.layers);
  for (const Role role :
       {Role::attention_norm, Role::qkv, Role::o, Role::ffn_norm, Role::gate_up, Role::down})
    add(role, layers);
  if (shape.qk_norm) add(Role::qk_norm_rope, layers);
  add(Role::embed, 1);
  add(Role::final_norm, 1);
  if (!shape.tied) add(Role::lm_head, 1);
  return total;
}

}  // namespace ra::cuda
