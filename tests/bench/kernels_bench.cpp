// Speed of the CPU's kernels at SmolLM2-135M's shapes with random weights. README.md says how to repeat it.
//
//   Products/<set>/<rows>            one pass over every product of a step, head included
//   Step/<set>/<rows>                a whole decode step, each row a sequence of about 100 positions
//   Prefill/<set>/<rows>             one sequence from position 0, one logit row
//   Load                             every weight from memory into the layouts of both sets
//
// tokens/s counts rows. Threads: RA_BENCH_THREADS, default one for each core.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/llm/model.h"
#include "kernels/ops.h"

namespace ra {
namespace {

constexpr int kContext = 100;
constexpr int kMaxRows = 512;
constexpr int kSlots = 64;
constexpr int kPagesASlot = 2;

ModelShape smollm2() {
  ModelShape shape;
  shape.layers = 30;
  shape.hidden = 576;
  shape.heads = 9;
  shape.kv_heads = 3;
  shape.head_dim = 64;
  shape.ffn = 1536;
  shape.vocab = 49152;
  shape.norm_eps = 1e-5f;
  shape.tied = true;
  shape.max_positions = 8192;
  shape.rope.base = 100000;
  return shape;
}

// Random weights of about the size that keeps activations near 1; norms are ones.
RowSource random_rows(int rows, int columns) {
  return {rows, columns, [rows, columns](int first, int count, float* out) {
            uint64_t state = 0x9e3779b97f4a7c15u * static_cast<uint64_t>(first + 1);
            for (int i = 0; i < count * columns; ++i) {
              state ^= state << 13;
              state ^= state >> 7;
              state ^= state << 17;
              out[i] = rows == 1 ? 1.0f : static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-35f;
            }
          }};
}

void load_random(Ops& ops) {
  const ModelShape& s = ops.shape();
  const int q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  const Parts norm = {random_rows(1, s.hidden)};
  ops.load(Role::embed, 0, {random_rows(s.vocab, s.hidden)});
  for (int layer = 0; layer < s.layers; ++layer) {
    ops.load(Role::attention_norm, layer, norm);
    ops.load(Role::qkv, layer,
             {random_rows(q, s.hidden), random_rows(kv, s.hidden), random_rows(kv, s.hidden)});
    ops.load(Role::o, layer, {random_rows(s.hidden, q)});
    ops.load(Role::ffn_norm, layer, norm);
    ops.load(Role::gate_up, layer, {random_rows(s.ffn, s.hidden), random_rows(s.ffn, s.hidden)});
    ops.load(Role::down, layer, {random_rows(s.hidden, s.ffn)});
  }
  ops.load(Role::final_norm, 0, norm);
}

std::vector<KernelSet> both_sets() {
  return {find_kernel_set("cpu", "standard"), find_kernel_set("cpu", "invariant")};
}

int bench_threads() {
  const char* threads = std::getenv("RA_BENCH_THREADS");
  return threads ? std::atoi(threads) : 0;
}

Ops& loaded_ops() {
  static const std::unique_ptr<Ops> ops = [] {
    auto opened = open_ops("cpu", smollm2(), both_sets(), bench_threads());
    load_random(*opened);
    opened->reserve({.rows = kMaxRows, .logit_rows = kSlots, .slots = kSlots, .pages = kSlots * kPagesASlot});
    return opened;
  }();
  return *ops;
}

const std::vector<int32_t>& pages_of(int slot) {
  static const std::vector<std::vector<int32_t>> pages = [] {
    std::vector<std::vector<int32_t>> all(kSlots);
    for (int s = 0; s < kSlots; ++s) {
      for (int page = 0; page < kPagesASlot; ++page) all[s].push_back(s * kPagesASlot + page);
    }
    return all;
  }();
  return pages[slot];
}

// `rows` sequences of one row each, at the position that ends a context of kContext.
StepInput decode(int rows) {
  StepInput input;
  for (int r = 0; r < rows; ++r) {
    input.slices.push_back({r, kContext - 1, 1, pages_of(r).data()});
    input.tokens.push_back(100 + r);
    input.logit_rows.push_back(r);
  }
  return input;
}

// One sequence over all pages.
StepInput prefill(int rows) {
  static std::vector<int32_t> pages;
  pages.clear();
  for (int page = 0; page * kPageKeys < rows; ++page) pages.push_back(page);
  StepInput input;
  input.slices.push_back({0, 0, rows, pages.data()});
  for (int r = 0; r < rows; ++r) input.tokens.push_back(r);
  input.logit_rows.push_back(rows - 1);
  return input;
}

void products(Ops& ops) {
  for (int layer = 0; layer < ops.shape().layers; ++layer) {
    for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down}) ops.project(layer, role);
  }
}

void report(benchmark::State& state, int rows) {
  state.counters["tokens/s"] = benchmark::Counter(
      static_cast<double>(rows) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void run_step(benchmark::State& state, const std::string& set_name, const StepInput& input,
              bool products_only) {
  Ops& ops = loaded_ops();
  const KernelSet set = find_kernel_set("cpu", set_name);
  const auto body = [&] {
    if (!products_only) return forward(ops, ops.shape().layers);
    products(ops);
    ops.head();
  };
  const auto run = [&] {
    ops.step(set, input, body);
    benchmark::DoNotOptimize(ops.next_result());
  };
  run();  // touches the pages of the cache
  for (auto _ : state) run();
  report(state, static_cast<int>(input.tokens.size()));
}

void load(benchmark::State& state) {
  for (auto _ : state) {
    const auto ops = open_ops("cpu", smollm2(), both_sets(), bench_threads());
    load_random(*ops);
  }
}

void add_benchmarks() {
  const auto add = [](const std::string& name, const std::string& set, StepInput input, bool products_only) {
    benchmark::RegisterBenchmark((name + "/" + set + "/" + std::to_string(input.tokens.size())).c_str(),
                                 [=](benchmark::State& state) { run_step(state, set, input, products_only); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const std::string set : {"invariant", "standard"}) {
    for (const int rows : {1, 2, 4, 8, 16, 32, 64}) add("Products", set, decode(rows), true);
    add("Products", set, prefill(kMaxRows), true);
    for (const int rows : {1, 2, 4, 8, 12, 16, 24, 32}) add("Step", set, decode(rows), false);
    add("Prefill", set, prefill(kMaxRows), false);
  }
  benchmark::RegisterBenchmark("Load", load)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(2);
}

}  // namespace
}  // namespace ra

int main(int argc, char** argv) {
  ra::add_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
