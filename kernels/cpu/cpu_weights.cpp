#include "kernels/cpu/cpu_weights.h"

#include <string>

#include "core/error.h"
#include "kernels/bias.h"
#include "kernels/product_shape.h"

namespace ra {
namespace {

constexpr Role kProducts[] = {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head};

uint32_t bit(Role role) {
  return uint32_t{1} << static_cast<int>(role);
}

// The products for which a set calls the BLAS at some number of rows.
uint32_t roles_of_blas(const ModelShape& shape, const std::vector<KernelSet>& sets, int threads) {
  uint32_t roles = 0;
  for (const KernelSet& set : sets) {
    for (const Role role : kProducts) {
      for (const int rows : {1, 2, 3, 8, 16, 32, 64, 256, 1024}) {
        LaunchShape launch;
        launch.role = role;
        launch.rows = rows;
        launch.n = product_outputs(shape, role);
        launch.k = product_inputs(shape, role);
        launch.threads = threads;
        const Algorithm algorithm = set.choose(launch).algorithm;
        if (algorithm == Algorithm::blas_gemv || algorithm == Algorithm::blas_gemm) roles |= bit(role);
      }
    }
  }
  return roles;
}

void round_values(std::vector<float>& values) {
  for (float& value : values) value = widen(round_bf16(value));
}

std::vector<float> load_vector(const RowSource& source, int n) {
  if (source.rows != 1 || source.columns != n)
    throw Error(Exit::bad_input, "a norm's weight of " + std::to_string(source.rows) + " x " +
                                     std::to_string(source.columns) + "; expected 1 x " + std::to_string(n));
  std::vector<float> values(n);
  source.read(0, 1, values.data());
  round_values(values);
  return values;
}

}  // namespace

CpuWeights::CpuWeights(const ModelShape& shape, const std::vector<KernelSet>& sets, int threads)
    : shape_(shape), plain_roles_(roles_of_blas(shape, sets, threads)), layers_(shape.layers) {}

Projection& CpuWeights::projection_of(Role role, int layer) {
  if (role == Role::embed) return embedding_;
  if (role == Role::lm_head) return shape_.tied ? embedding_ : lm_head_;
  check(layer >= 0 && layer < shape_.layers, "a layer of the model");
  Layer& l = layers_[layer];
  switch (role) {
    case Role::qkv:
      return l.qkv;
    case Role::o:
      return l.o;
    case Role::gate_up:
      return l.gate_up;
    case Role::down:
      return l.down;
    default:
      throw Error(Exit::bug, std::string("internal error: expected a product, not ") + role_name(role));
  }
}

void CpuWeights::load(ThreadPool& pool, Role role, int layer, const Parts& parts) {
  check(layer >= 0 && layer < shape_.layers, "a layer of the model");
  check(!parts.empty(), "a part of every weight");
  switch (role) {
    case Role::attention_norm:
      layers_[layer].attention_norm = load_vector(parts[0], shape_.hidden);
      return;
    case Role::ffn_norm:
      layers_[layer].ffn_norm = load_vector(parts[0], shape_.hidden);
      return;
    case Role::final_norm:
      final_norm_ = load_vector(parts[0], shape_.hidden);
      return;
    case Role::qk_norm_rope:
      check(parts.size() == 2, "a q and a k norm");
      layers_[layer].q_norm = load_vector(parts[0], shape_.head_dim);
      layers_[layer].k_norm = load_vector(parts[1], shape_.head_dim);
      return;
    default:
      break;
  }
  check(role != Role::lm_head || !shape_.tied, "no head of its own in a tied model");
  Projection& projection = projection_of(role, layer);
  const Role product = role == Role::embed ? Role::lm_head : role;
  projection.n = product_outputs(shape_, product);
  projection.k = product_inputs(shape_, product);
  const bool is_product = role != Role::embed || shape_.tied;
  const bool plain = is_product && (plain_roles_ & bit(product));
  projection.packed = pack(pool, parts, projection.n, projection.k, plain ? &projection.plain : nullptr);
  projection.bias = read_bias(parts, has_bias(shape_, role));
  round_values(projection.bias);
}

const Projection& CpuWeights::projection(Role role, int layer) const {
  const Projection& projection = const_cast<CpuWeights*>(this)->projection_of(role, layer);
  check(projection.n > 0, "a weight that was loaded");
  return projection;
}

const float* CpuWeights::norm(Role role, int layer) const {
  const std::vector<float>& weight = role == Role::attention_norm ? layers_.at(layer).attention_norm
                                     : role == Role::ffn_norm     ? layers_.at(layer).ffn_norm
                                                                  : final_norm_;
  check(!weight.empty(), "a norm's weight that was loaded");
  return weight.data();
}

const float* CpuWeights::q_norm(int layer) const {
  return shape_.qk_norm ? layers_.at(layer).q_norm.data() : nullptr;
}

const float* CpuWeights::k_norm(int layer) const {
  return shape_.qk_norm ? layers_.at(layer).k_norm.data() : nullptr;
}

uint64_t CpuWeights::bytes(const ModelShape& shape, const std::vector<KernelSet>& sets, int threads) {
  const uint32_t plain = roles_of_blas(shape, sets, threads);
  uint64_t total = 0;
  for (const Role role : kProducts) {
    const int n = product_outputs(shape, role), k = product_inputs(shape, role);
    const uint64_t copies = role == Role::lm_head ? (shape.tied ? 1 : 2) : shape.layers;
    total += copies * packed_bytes(n, k);
    if (has_bias(shape, role)) total += copies * static_cast<uint64_t>(n) * sizeof(float);
    if (plain & bit(role))
      total += (role == Role::lm_head ? 1 : copies) * static_cast<uint64_t>(n) * k * sizeof(float);
  }
  return total;
}

}  // namespace ra
