// Decode steps and prefills on a GPU with random weights: both kernel sets interleaved, medians of blocks of steps.
//
// usage: gpu_bench [--model samples/configs/Qwen3-8B] [--rows 1,8,64] [--context 100] [--repeats 7] [--device cuda:0]
//                  [--choices] [--operations | --episode TOKENS [--at-once N] | --prefill]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "core/audit/statistics.h"
#include "core/llm/checkpoint.h"
#include "core/llm/model.h"
#include "kernels/ops.h"
#include "kernels/product_shape.h"

namespace ra {
namespace {

constexpr int kPrefillRows = 2048;
constexpr int kPrompt = 12;      // tokens, of an episode
constexpr int kMostSteps = 128;  // past the context

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Bench {
 public:
  Bench(const std::string& device, const Checkpoint& model, int most_rows, int context, int positions,
        int prefill_rows)
      : shape_(model.shape()), context_(context) {
    sets_ = {find_kernel_set(device, "standard"), find_kernel_set(device, "invariant")};
    ops_ = open_ops(device, shape_, sets_, 0);
    const double begin = seconds_now();
    load_weights(model, *ops_);
    fmt::print("loaded in {:.1f} s\n", seconds_now() - begin);
    pages_a_slot_ = (positions + kPageKeys - 1) / kPageKeys;
    ops_->reserve({.rows = std::max(most_rows, prefill_rows),
                   .logit_rows = most_rows,
                   .slots = most_rows,
                   .pages = std::max(most_rows * pages_a_slot_, prefill_rows / kPageKeys + most_rows)});
    for (int slot = 0; slot < most_rows; ++slot) {
      pages_.emplace_back();
      for (int page = 0; page < pages_a_slot_; ++page) pages_.back().push_back(slot * pages_a_slot_ + page);
    }
  }

  // Seconds a decode step of `rows` sequences.
  double decode(size_t set, int rows, int steps) {
    return decode(set, rows, steps, [this] { forward(*ops_, shape_.layers); });
  }
  // The same of some operations alone: `body` as in Ops::step.
  double decode(size_t set, int rows, int steps, const std::function<void()>& body) {
    const double begin = seconds_now();
    int queued = 0;
    for (int step = 0; step < steps; ++step) {
      StepInput input;
      for (int slot = 0; slot < rows; ++slot) {
        input.slices.push_back({slot, context_ + step, 1, pages_[static_cast<size_t>(slot)].data()});
        input.tokens.push_back((slot * 7919 + step * 104729) % shape_.vocab);
        input.logit_rows.push_back(slot);
      }
      ops_->step(sets_[set], input, body);
      if (++queued > 1) {
        ops_->next_result();
        --queued;
      }
    }
    choice_set_ = ops_->next_result().choice_set;
    return (seconds_now() - begin) / steps;
  }

  // Seconds of a whole episode: `sequences` prompts of `prompt` tokens, prefilled in steps of at most `most_rows` rows, and
  // `tokens` tokens of each, chosen by the device.
  double episode(size_t set, int sequences, int prompt, int tokens, int most_rows) {
    const double begin = seconds_now();
    int queued = 0;
    const auto run_step = [&](const StepInput& input) {
      ops_->step(sets_[set], input, [this] { forward(*ops_, shape_.layers); });
      if (++queued > 1) {
        ops_->next_result();
        --queued;
      }
    };
    for (int first = 0; first < sequences;) {
      StepInput input;
      for (; first < sequences && static_cast<int>(input.tokens.size()) + prompt <= most_rows; ++first) {
        input.slices.push_back({first, 0, prompt, pages_[static_cast<size_t>(first)].data()});
        for (int i = 0; i < prompt; ++i) input.tokens.push_back((i * 7919 + 17) % shape_.vocab);
        input.logit_rows.push_back(static_cast<int32_t>(input.tokens.size()) - 1);
      }
      run_step(input);
    }
    for (int token = 1; token < tokens; ++token) {
      StepInput input;
      for (int slot = 0; slot < sequences; ++slot) {
        input.slices.push_back({slot, prompt + token - 1, 1, pages_[static_cast<size_t>(slot)].data()});
        input.tokens.push_back(kNextToken);
        input.logit_rows.push_back(slot);
      }
      run_step(input);
    }
    while (queued-- > 0) choice_set_ = ops_->next_result().choice_set;
    return seconds_now() - begin;
  }

  // Seconds of the products of a prefill of `rows` rows, all layers, the head left out; of each set. They multiply what a
  // whole step has left in their inputs: zeros would be faster.
  std::vector<double> prefill_products(int rows, int repeats) {
    std::vector<int32_t> pages;
    for (int page = 0; page * kPageKeys < rows; ++page) pages.push_back(page);
    StepInput input{{{0, 0, rows, pages.data()}}, {}, {}};
    for (int r = 0; r < rows; ++r) input.tokens.push_back((r * 7919 + 17) % shape_.vocab);
    const auto run_step = [&](size_t set, const std::function<void()>& body) {
      const double begin = seconds_now();
      ops_->step(sets_[set], input, body);
      ops_->next_result();
      return seconds_now() - begin;
    };
    const auto products = [this] {
      for (int layer = 0; layer < shape_.layers; ++layer) {
        for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down}) ops_->project(layer, role);
      }
    };
    std::vector<std::vector<double>> times(sets_.size());
    for (int i = 0; i <= repeats; ++i) {  // the first time plans
      for (size_t set = 0; set < sets_.size(); ++set) {
        run_step(set, [this] { forward(*ops_, shape_.layers); });
        const double seconds = run_step(set, products);
        if (i > 0) times[set].push_back(seconds);
      }
    }
    return {median(times[0]), median(times[1])};
  }

  // What each operation takes, in a step of that operation alone in every layer, less an empty step.
  void print_operations(size_t set, int rows) {
    Ops& ops = *ops_;
    const auto in_all_layers = [&](auto operation) {
      return [&ops, this, operation] {
        for (int layer = 0; layer < shape_.layers; ++layer) operation(ops, layer);
      };
    };
    const auto time = [&](const std::function<void()>& body) {
      decode(set, rows, 3, body);
      std::vector<double> times;
      for (int i = 0; i < 5; ++i) times.push_back(decode(set, rows, 8, body));
      return median(times);
    };
    const double empty = time([] {});
    const auto show = [&](const char* name, const std::function<void()>& body) {
      fmt::print("  {:<16} {:8.1f} us\n", name, (time(body) - empty) * 1e6);
    };
    fmt::print(" {} of {} rows, all layers; an empty step {:.1f} us\n", sets_[set].name, rows, empty * 1e6);
    show("embed", [&] { ops.embed(); });
    show("ffn_norm", in_all_layers([](Ops& o, int l) { o.add_norm(l, Role::ffn_norm); }));
    for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down})
      show(role_name(role), in_all_layers([role](Ops& o, int l) { o.project(l, role); }));
    show("qk_norm_rope", in_all_layers([](Ops& o, int l) { o.qk_norm_rope_store(l); }));
    show("attention", in_all_layers([](Ops& o, int l) { o.attend(l); }));
    show("swiglu", in_all_layers([](Ops& o, int l) { o.swiglu(l); }));
    show("gate_up, swiglu", in_all_layers([](Ops& o, int l) {
           o.project(l, Role::gate_up);
           o.swiglu(l);
         }));
    show("head's product", [&] { ops.project(0, Role::lm_head); });
    show("head", [&] { ops.head(); });
  }

  // Weights of all layers' products.
  double layer_weights() const {
    double weights = 0;
    for (const Role role : {Role::qkv, Role::o, Role::gate_up, Role::down})
      weights += static_cast<double>(product_outputs(shape_, role)) * product_inputs(shape_, role);
    return weights * shape_.layers;
  }

  void print_choices() const {
    for (const auto& [role, choice] : ops_->choice_set(choice_set_))
      fmt::print("  {:<16} {}\n", role_name(role), choice.text());
  }

  const ModelShape shape_;
  const int context_;
  std::vector<KernelSet> sets_;
  std::unique_ptr<Ops> ops_;
  int pages_a_slot_ = 0;
  int choice_set_ = 0;
  std::vector<std::vector<int32_t>> pages_;
};

int run(const std::map<std::string, std::string>& options) {
  const auto option = [&](const char* name, const char* otherwise) {
    const auto found = options.find(name);
    return found == options.end() ? std::string(otherwise) : found->second;
  };
  const Checkpoint model = Checkpoint::open_dummy(option("--model", "samples/configs/Qwen3-8B"), 1);
  const int context = std::stoi(option("--context", "100")), repeats = std::stoi(option("--repeats", "7"));
  std::vector<int> row_counts;
  std::stringstream list(option("--rows", "1,2,4,8,16,32,64,128,256,512,1000"));
  for (std::string item; std::getline(list, item, ',');) row_counts.push_back(std::stoi(item));
  const int most_rows = *std::max_element(row_counts.begin(), row_counts.end());
  const int at_once = options.contains("--at-once") ? std::stoi(option("--at-once", "")) : most_rows;
  Bench bench(option("--device", "cuda:0"), model, at_once, context,
              std::max(context + kMostSteps, kPrompt + std::stoi(option("--episode", "0"))), kPrefillRows);
  if (options.contains("--episode")) {
    const int sequences = row_counts.back(), tokens = std::stoi(option("--episode", "100"));
    for (int repeat = 0; repeat <= repeats; ++repeat) {  // the first one plans
      for (size_t set = 0; set < 2; ++set) {
        double seconds = 0;
        for (int first = 0; first < sequences; first += at_once)
          seconds += bench.episode(set, std::min(at_once, sequences - first), kPrompt, tokens, kPrefillRows);
        fmt::print("{} sequences x {} tokens, {} at once, {}: {:.3f} s\n", sequences, tokens, at_once,
                   bench.sets_[set].name, seconds);
        if (repeat == 0 && options.contains("--choices")) bench.print_choices();
      }
    }
    return 0;
  }
  if (options.contains("--prefill")) {
    const double flops = 2.0 * kPrefillRows * bench.layer_weights();
    const std::vector<double> times = bench.prefill_products(kPrefillRows, repeats);
    for (size_t set = 0; set < 2; ++set) {
      fmt::print("prefill of {} rows, products, {}: {:.2f} ms, {:.0f} TFLOP/s, {:.1f}% of 989\n",
                 kPrefillRows, bench.sets_[set].name, times[set] * 1e3, flops / times[set] / 1e12,
                 flops / times[set] / 989e12 * 100);
    }
    return 0;
  }
  const bool choices = options.contains("--choices"), operations = options.contains("--operations");
  for (const int rows : row_counts) {
    constexpr int kSteps = 8;
    std::vector<double> times[2];
    const double begin = seconds_now();
    for (size_t set = 0; set < 2; ++set) {
      bench.decode(set, rows, 3);  // plans, and captures the graph
      if (choices) bench.print_choices();
    }
    const double planned = seconds_now() - begin;
    if (operations) bench.print_operations(1, rows);
    for (int repeat = 0; repeat < repeats; ++repeat) {
      for (size_t i = 0; i < 2; ++i) {
        const size_t set = (i + static_cast<size_t>(repeat)) % 2;
        times[set].push_back(bench.decode(set, rows, kSteps));
      }
    }
    const double standard = median(times[0]), invariant = median(times[1]);
    fmt::print(
        "rows {:>5}  standard {:.3f} ms  invariant {:.3f} ms  ratio {:.3f}  (invariant {:.3f} to {:.3f}; "
        "planned in {:.2f} s)\n",
        rows, standard * 1e3, invariant * 1e3, invariant / standard,
        *std::min_element(times[1].begin(), times[1].end()) * 1e3,
        *std::max_element(times[1].begin(), times[1].end()) * 1e3, planned);
  }
  return 0;
}

}  // namespace
}  // namespace ra

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // a long measurement that is cut off has what it had
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc && std::strncmp(argv[i + 1], "--", 2) != 0;
    options[argv[i]] = has_value ? argv[i + 1] : "";
    i += has_value ? 1 : 0;
  }
  try {
    return ra::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "gpu_bench: {}\n", error.what());
    return 1;
  }
}
