// How long a checkpoint's weights take into the device's layouts, beside what cannot be done without: reading the file
// from the page cache, and packing rows that are in memory. README.md says how to repeat it.
//
//   load_bench [PATH]   a GGUF file or a folder; without, a folder of 1 GB in BF16 is made in $TMPDIR and removed
//
// Each line is one process of its own, so that its peak of memory is its own. Threads: RA_BENCH_THREADS, default one for
// each core.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "core/llm/input_file.h"
#include "core/llm/model.h"
#include "core/parallel.h"
#include "kernels/ops.h"

namespace ra {
namespace {

constexpr int kRepetitions = 5;
constexpr size_t kReadBytes = 1 << 20;

unsigned threads() {
  const char* text = std::getenv("RA_BENCH_THREADS");
  return text ? static_cast<unsigned>(std::atoi(text)) : std::thread::hardware_concurrency();
}

struct Measured {
  double seconds = 0;      // wall-clock time, the best of the repetitions
  double cpu_seconds = 0;  // of all threads, in that repetition
  uint64_t peak_bytes = 0;
};

double cpu_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// `once` in a process of its own.
Measured measure_once(const std::function<void()>& once) {
  int channel[2];
  check(pipe(channel) == 0, "a pipe");
  const pid_t child = fork();
  if (child == 0) {
    const double cpu = cpu_now();
    const auto begun = std::chrono::steady_clock::now();
    once();
    const double times[] = {std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(),
                            cpu_now() - cpu};
    _exit(write(channel[1], times, sizeof times) == sizeof times ? 0 : 1);
  }
  double times[2];
  check(read(channel[0], times, sizeof times) == sizeof times, "a measured time");
  close(channel[0]);
  close(channel[1]);
  rusage usage{};
  wait4(child, nullptr, 0, &usage);
  return {times[0], times[1], static_cast<uint64_t>(usage.ru_maxrss) * 1024};
}

Measured measure(const std::function<void()>& once) {
  Measured best = measure_once(once);
  for (int i = 1; i < kRepetitions; ++i) {
    const Measured again = measure_once(once);
    const uint64_t peak = std::max(best.peak_bytes, again.peak_bytes);
    if (again.seconds < best.seconds) best = again;
    best.peak_bytes = peak;
  }
  return best;
}

// All of the files, by all threads, in parts of a megabyte.
void read_files(const std::vector<CheckpointFile>& files) {
  for (const CheckpointFile& listed : files) {
    const InputFile file = InputFile::open(listed.path);
    const size_t parts = (file.size() + kReadBytes - 1) / kReadBytes;
    parallel_for(parts, threads(), [&](size_t part) {
      thread_local std::vector<char> buffer(kReadBytes);
      file.read(part * kReadBytes, buffer.data(),
                std::min<uint64_t>(kReadBytes, file.size() - part * kReadBytes));
    });
  }
}

// The model's shapes, each read giving the same few rows out of memory.
Parts parts_in_memory(const Checkpoint& checkpoint, Role role, int layer) {
  Parts parts = checkpoint.parts(role, layer);
  for (RowSource& part : parts) {
    const int columns = part.columns;
    part.read = [rows = std::vector<float>(static_cast<size_t>(columns), 0.5f), columns](int, int count,
                                                                                         float* out) {
      for (int r = 0; r < count; ++r)
        std::memcpy(out + static_cast<size_t>(r) * static_cast<size_t>(columns), rows.data(),
                    rows.size() * sizeof(float));
    };
  }
  return parts;
}

std::unique_ptr<Ops> open_device(const Checkpoint& checkpoint, const std::vector<std::string>& names) {
  std::vector<KernelSet> sets;
  for (const std::string& name : names) sets.push_back(find_kernel_set("cpu", name));
  return open_ops("cpu", checkpoint.shape(), sets, static_cast<int>(threads()));
}

void pack_from_memory(const Checkpoint& checkpoint, const std::vector<std::string>& sets) {
  const auto ops = open_device(checkpoint, sets);
  for_each_weight(checkpoint.shape(), [&](Role role, int layer) {
    ops->load(role, layer, parts_in_memory(checkpoint, role, layer));
  });
}

void say(const std::string& what, const Measured& m) {
  fmt::print("{:<28} {:8.3f} s  {:8.3f} s of CPU  {:8.1f} MiB at most\n", what, m.seconds, m.cpu_seconds,
             static_cast<double>(m.peak_bytes) / (1 << 20));
}

void bench(const std::string& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  uint64_t bytes = 0;
  for (const CheckpointFile& file : checkpoint.files()) bytes += file.bytes;
  fmt::print("{}: {:.1f} MiB, {} threads, the best of {}\n", checkpoint.name(),
             static_cast<double>(bytes) / (1 << 20), threads(), kRepetitions);
  const Measured reading = measure([&] { read_files(checkpoint.files()); });
  say("read the files", reading);
  for (const std::vector<std::string>& sets :
       {std::vector<std::string>{"invariant"}, std::vector<std::string>{"standard", "invariant"}}) {
    const std::string name = fmt::format("{}", fmt::join(sets, " and "));
    const Measured packing = measure([&] { pack_from_memory(checkpoint, sets); });
    say("pack for " + name, packing);
    const Measured loading = measure([&] {
      const Checkpoint own = Checkpoint::open(path);
      load_weights(own, *open_device(own, sets));
    });
    say("load for " + name, loading);
    fmt::print("  {:.2f} times reading and packing\n", loading.seconds / (reading.seconds + packing.seconds));
  }
}

// A llama of half a billion weights in BF16, small random numbers.
void write_synthetic(const std::filesystem::path& folder) {
  constexpr uint64_t kHidden = 2048, kFfn = 5632, kVocab = 32000, kLayers = 9, kKv = 512;
  std::ofstream(folder / "config.json") << fmt::format(
      R"({{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":{},"intermediate_size":{},)"
      R"("num_hidden_layers":{},"num_attention_heads":32,"num_key_value_heads":8,"vocab_size":{},)"
      R"("max_position_embeddings":2048,"rms_norm_eps":1e-05,"torch_dtype":"bfloat16","tie_word_embeddings":true}})",
      kHidden, kFfn, kLayers, kVocab);
  std::vector<std::pair<std::string, std::vector<uint64_t>>> tensors = {
      {"model.embed_tokens.weight", {kVocab, kHidden}}};
  for (uint64_t layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    tensors.insert(tensors.end(), {{prefix + "input_layernorm.weight", {kHidden}},
                                   {prefix + "self_attn.q_proj.weight", {kHidden, kHidden}},
                                   {prefix + "self_attn.k_proj.weight", {kKv, kHidden}},
                                   {prefix + "self_attn.v_proj.weight", {kKv, kHidden}},
                                   {prefix + "self_attn.o_proj.weight", {kHidden, kHidden}},
                                   {prefix + "post_attention_layernorm.weight", {kHidden}},
                                   {prefix + "mlp.gate_proj.weight", {kFfn, kHidden}},
                                   {prefix + "mlp.up_proj.weight", {kFfn, kHidden}},
                                   {prefix + "mlp.down_proj.weight", {kHidden, kFfn}}});
  }
  tensors.push_back({"model.norm.weight", {kHidden}});
  std::string header;
  uint64_t end = 0;
  for (const auto& [name, dims] : tensors) {
    uint64_t bytes = 2;
    for (const uint64_t extent : dims) bytes *= extent;
    header += fmt::format("{}\"{}\":{{\"dtype\":\"BF16\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          header.empty() ? "{" : ",", name, fmt::join(dims, ","), end, end + bytes);
    end += bytes;
  }
  header += "}";
  std::ofstream file(folder / "model.safetensors", std::ios::binary);
  const uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header;
  std::vector<uint16_t> values(1 << 20);
  uint64_t state = 1;
  for (uint64_t done = 0; done < end; done += values.size() * sizeof values[0]) {
    for (uint16_t& value : values) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      value = static_cast<uint16_t>(0x3c00 | (state >> 33 & 0x80ff));  // 0.0078 to 0.0156, either sign
    }
    file.write(
        reinterpret_cast<const char*>(values.data()),
        static_cast<std::streamsize>(std::min<uint64_t>(values.size() * sizeof values[0], end - done)));
  }
  check(file.good(), "the synthetic weights written");
}

void bench_synthetic() {
  std::string folder = (std::filesystem::temp_directory_path() / "load-bench-XXXXXX").string();
  check(mkdtemp(folder.data()) != nullptr, "a temporary folder");
  try {
    write_synthetic(folder);
    bench(folder);
  } catch (...) {
    std::filesystem::remove_all(folder);
    throw;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ra

int main(int argc, char** argv) {
  try {
    argc > 1 ? ra::bench(argv[1]) : ra::bench_synthetic();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
