#include "kernels/set_rules.h"

namespace ra {
namespace {

constexpr int kSegmentKeys = 256;

KernelChoice lanes(int count) {
  KernelChoice choice;
  choice.algorithm = Algorithm::lanes;
  choice.lanes = count;
  return choice;
}

}  // namespace

KernelChoice rowwise(const LaunchShape&) {
  return {};
}

KernelChoice norm_by_size(const LaunchShape& shape) {
  if (shape.n == 0) return {};
  return lanes(shape.n <= 2048 ? 256 : 1024);
}

KernelChoice norm_by_rows(const LaunchShape& shape) {
  if (shape.n == 0) return {};
  constexpr int kManyRows = 256;
  return lanes(shape.n <= 256 || shape.rows >= kManyRows ? 256 : 1024);
}

KernelChoice attention_by_segments(const LaunchShape&) {
  KernelChoice choice;
  choice.algorithm = Algorithm::segments;
  choice.split_keys = kSegmentKeys;
  return choice;
}

KernelSet make_kernel_set(const char* name, const char* sum_order_class, Storage storage, Rule norm,
                          Rule product, Rule attention) {
  KernelSet set;
  set.name = name;
  set.sum_order_class = sum_order_class;
  set.storage = storage;
  const auto rule = [&set](Role role) -> Rule& { return set.rules[static_cast<size_t>(role)]; };
  for (Role role : {Role::embed, Role::swiglu}) rule(role) = {"elementwise", rowwise};
  for (Role role : {Role::attention_norm, Role::qk_norm_rope, Role::ffn_norm, Role::final_norm})
    rule(role) = norm;
  for (Role role : {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head}) rule(role) = product;
  rule(Role::attention) = attention;
  return set;
}

}  // namespace ra
