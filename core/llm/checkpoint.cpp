#include "core/llm/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <filesystem>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/checkpoint_source.h"
#include "core/llm/dummy_weights.h"
#include "core/llm/file_hashes.h"
#include "core/llm/hub_cache.h"
#include "kernels/bf16.h"

namespace ra {
namespace {

constexpr size_t kReadBytes = 1 << 18;  // raw bytes a read takes at once, some rows at least

bool has_non_finite(const float* values, int64_t count) {
  uint32_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    found |= (std::bit_cast<uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
  }
  return found != 0;
}

// What a dummy model is called: its folder's name, and what it is.
std::string dummy_name(const std::string& path, uint64_t seed) {
  const std::filesystem::path file(path);
  std::error_code unresolved;
  const bool alone = file.filename() == "config.json";
  const std::filesystem::path folder =
      alone ? std::filesystem::absolute(file, unresolved).parent_path() : file;
  return fmt::format("{} (dummy weights, seed {})", model_name(folder.string()), seed);
}

// Makes `count` elements from number `first` on.
void make_dummy(const DummyTensor& tensor, uint64_t first, uint64_t count, float* out) {
  for (uint64_t i = 0; i < count; ++i) out[i] = widen(dummy_bf16(tensor, first + i));
}

// GGUF keeps each head of llama's q and k as pairs (0, d/2), (1, d/2 + 1), ...; the model has the halves one
// after the other. Where the model's row lies in the file.
int64_t permuted_row(int64_t row, int64_t head_dim) {
  const int64_t within = row % head_dim, half = head_dim / 2;
  return row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
}

}  // namespace

struct Checkpoint::State {
  std::string name, family, format;
  ModelShape shape;
  TokenizerSource tokenizer;
  std::vector<InputFile> inputs;
  std::vector<CheckpointFile> files;
  std::vector<std::string> digests;  // of files, once they were asked for
  WeightTable weights;
  bool permutes_rows = false;
  std::optional<uint64_t> dummy_seed;
  std::unique_ptr<std::atomic<bool>[]> non_finite;  // [tensors], set by reads

  explicit State(CheckpointSource& source)
      : family(source.config.family->name),
        shape(source.config.shape),
        tokenizer(std::move(source.tokenizer)),
        inputs(std::move(source.files)) {
    tokenizer.stop_tokens = source.config.stop_tokens;
    tokenizer.vocab = shape.vocab;
    for (const InputFile& input : inputs) files.push_back({input.path(), input.size()});
  }

  void take(WeightTable table, const std::vector<std::string>& earlier_warnings) {
    weights = std::move(table);
    weights.warnings.insert(weights.warnings.begin(), earlier_warnings.begin(), earlier_warnings.end());
    non_finite = std::make_unique<std::atomic<bool>[]>(weights.tensors.size());
  }

  // Reads rows [first, first + count) of a tensor as stored.
  void read_rows(size_t index, int64_t first, int64_t count, float* out) {
    const StoredTensor& tensor = weights.tensors[index];
    const uint64_t row_bytes = tensor.bytes / static_cast<uint64_t>(tensor.rows);
    const int64_t at_once = std::max<int64_t>(1, static_cast<int64_t>(kReadBytes / row_bytes));
    const std::unique_ptr<uint8_t[]> raw(
        new uint8_t[static_cast<size_t>(std::min(at_once, count)) * row_bytes]);
    for (int64_t done = 0; done < count; done += at_once) {
      const int64_t rows = std::min(at_once, count - done);
      float* values = out + done * tensor.columns;
      inputs[static_cast<size_t>(tensor.file)].read(
          tensor.offset + static_cast<uint64_t>(first + done) * row_bytes, raw.get(),
          static_cast<size_t>(rows) * row_bytes);
      dequantize(tensor.type, raw.get(), rows * tensor.columns, values);
      if (has_non_finite(values, rows * tensor.columns))
        non_finite[index].store(true, std::memory_order_relaxed);
    }
  }

  // The same in the model's order, for tensors whose rows are permuted.
  void read_permuted_rows(size_t index, int64_t first, int64_t count, float* out) {
    for (int64_t row = first; row < first + count; ++row, out += weights.tensors[index].columns) {
      read_rows(index, permuted_row(row, shape.head_dim), 1, out);
    }
  }

  // A bias, one value a row of its matrix.
  void read_bias(size_t index, bool permuted, float* out) {
    const int64_t count = weights.tensors[index].columns;
    if (!permuted) return read_rows(index, 0, 1, out);
    std::vector<float> stored(static_cast<size_t>(count));
    read_rows(index, 0, 1, stored.data());
    for (int64_t row = 0; row < count; ++row) {
      out[row] = stored[static_cast<size_t>(permuted_row(row, shape.head_dim))];
    }
  }

  // What a part reads its rows with, from a file or from nothing but a seed.
  void read_stored(RowSource& source, const WeightPlace& place, bool permuted) {
    source.read = [this, index = place.weight, permuted](int first, int count, float* out) {
      check(first >= 0 && count >= 0 && count <= weights.tensors[index].rows - first, "rows of the tensor");
      permuted ? read_permuted_rows(index, first, count, out) : read_rows(index, first, count, out);
    };
    if (!place.bias) return;
    source.read_bias = [this, bias = *place.bias, permuted](float* out) { read_bias(bias, permuted, out); };
  }

  void read_dummy(RowSource& source, const WeightName& weight, int layer, bool biased) const {
    const auto rows = static_cast<uint64_t>(source.rows), columns = static_cast<uint64_t>(source.columns);
    const DummyTensor made = dummy_weight(*dummy_seed, weight, layer, shape);
    source.dummy = made;
    source.read = [=](int first, int count, float* out) {
      check(first >= 0 && count >= 0 && count <= static_cast<int>(rows) - first, "rows of the tensor");
      make_dummy(made, static_cast<uint64_t>(first) * columns, static_cast<uint64_t>(count) * columns, out);
    };
    if (!biased) return;
    const DummyTensor bias = dummy_bias(*dummy_seed, weight, layer);
    source.dummy_bias = bias;
    source.read_bias = [=](float* out) { make_dummy(bias, 0, rows, out); };
  }
};

Checkpoint::Checkpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Checkpoint Checkpoint::open(const std::string& path) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  CheckpointSource source = folder ? open_folder(path) : open_gguf(InputFile::open(path));

  auto state = std::make_unique<State>(source);
  state->name = model_name(path);
  state->format = source.format == CheckpointFormat::gguf ? "GGUF v3" : "safetensors";
  state->permutes_rows = source.format == CheckpointFormat::gguf && source.config.family->gguf_permutes_rows;
  std::vector<std::string> paths;
  for (const InputFile& input : state->inputs) paths.push_back(input.path());
  state->take(make_weight_table(source.tensors, paths, source.format, *source.config.family, state->shape),
              source.warnings);
  return Checkpoint(std::move(state));
}

Checkpoint Checkpoint::open_dummy(const std::string& path, uint64_t seed) {
  CheckpointSource source = open_weightless(path);
  auto state = std::make_unique<State>(source);
  state->name = dummy_name(path, seed);
  state->format = "dummy";
  state->dummy_seed = seed;
  state->take(dummy_weight_table(state->shape), source.warnings);
  return Checkpoint(std::move(state));
}

const std::string& Checkpoint::name() const {
  return state_->name;
}
const std::string& Checkpoint::family() const {
  return state_->family;
}
const std::string& Checkpoint::format() const {
  return state_->format;
}
std::optional<uint64_t> Checkpoint::dummy_seed() const {
  return state_->dummy_seed;
}
const ModelShape& Checkpoint::shape() const {
  return state_->shape;
}
const TokenizerSource& Checkpoint::tokenizer() const {
  return state_->tokenizer;
}
const std::vector<CheckpointFile>& Checkpoint::files() const {
  return state_->files;
}
const std::vector<StoredTensor>& Checkpoint::tensors() const {
  return state_->weights.tensors;
}
const std::vector<std::string>& Checkpoint::warnings() const {
  return state_->weights.warnings;
}

std::vector<std::string> Checkpoint::non_finite_tensors() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < state_->weights.tensors.size(); ++i) {
    if (state_->non_finite[i].load(std::memory_order_relaxed))
      names.push_back(state_->weights.tensors[i].name);
  }
  return names;
}

const std::vector<std::string>& Checkpoint::file_digests(const std::string& cache) const {
  if (state_->digests.empty()) state_->digests = file_sha256(state_->inputs, cache);
  return state_->digests;
}

std::string Checkpoint::sha256(const std::string& cache) const {
  const std::string of_files = checkpoint_sha256(state_->files, file_digests(cache));
  if (!state_->dummy_seed) return of_files;
  return hex(ra::sha256(fmt::format("{} {} seed {}\n", of_files, kDummyGenerator, *state_->dummy_seed)));
}

std::string checkpoint_sha256(const std::vector<CheckpointFile>& files,
                              const std::vector<std::string>& digests) {
  if (digests.size() == 1) return digests[0];
  std::vector<std::pair<std::string, std::string>> lines;  // name, digest
  for (size_t i = 0; i < files.size(); ++i) lines.emplace_back(model_name(files[i].path), digests[i]);
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  for (const auto& [name, digest] : lines) hash.update(digest + "  " + name + "\n");
  return hex(hash.finish());
}

Parts Checkpoint::parts(Role role, int layer) const {
  Parts parts;
  const std::vector<WeightName> names = weight_names(state_->shape);
  for (const WeightName& weight : names) {
    if (weight.role != role) continue;
    const auto place = state_->weights.places.find({role, layer, static_cast<int>(parts.size())});
    check(place != state_->weights.places.end(), "a layer of the model");
    const StoredTensor& tensor = state_->weights.tensors[place->second.weight];
    RowSource& source = parts.emplace_back();
    source.rows = static_cast<int>(tensor.rows);
    source.columns = static_cast<int>(tensor.columns);
    state_->dummy_seed ? state_->read_dummy(source, weight, layer, place->second.bias.has_value())
                       : state_->read_stored(source, place->second, weight.rotated && state_->permutes_rows);
  }
  return parts;
}

}  // namespace ra
