// A checkpoint on disk, understood but not loaded: its family, shapes, tensors and tokenizer source. Reads GGUF v3 files
// and folders as Hugging Face saves them (safetensors). Everything in such files is untrusted: counts are checked
// against the bytes that remain before anything is allocated, and bytes are read with pread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/llm/tensor_type.h"
#include "kernels/ops.h"

namespace ra {

// A tensor as it is stored: the raw bytes of [rows, columns] in row order, in one file.
struct StoredTensor {
  std::string name;
  TensorType type = TensorType::f32;
  int64_t rows = 0;  // 1 for vectors
  int64_t columns = 0;
  int file = 0;         // index into Checkpoint::files
  uint64_t offset = 0;  // in that file
  uint64_t bytes = 0;
};

// Where the tokenizer and chat format come from.
struct TokenizerSource {
  std::string file;  // names the source in errors: the GGUF file, or the tokenizer.json
  std::optional<std::string> tokenizer_json;  // path of a tokenizer.json
  // else GGUF's metadata: tokenizer.ggml.*
  std::string pre;    // tokenizer.ggml.pre
  std::string model;  // tokenizer.ggml.model
  std::vector<std::string> tokens;
  std::vector<int32_t> token_types;
  std::vector<std::string> merges;
  std::vector<float> scores;
  std::optional<int32_t> bos, eos;
  // Many files don't say; then the usage of the model or the pre-tokenizer holds.
  std::optional<bool> add_bos, add_eos, add_space_prefix, remove_extra_whitespaces;
  int32_t vocab = 0;          // rows of the model's embedding, which no token's id may reach; 0: not known
  std::string chat_template;  // a template is data: its marks are looked for, it is never executed
  std::vector<int32_t> stop_tokens;  // ids that end a stream (eos of config, generation_config, GGUF)

  bool present() const { return tokenizer_json || !tokens.empty(); }
};

struct CheckpointFile {
  std::string path;
  uint64_t bytes = 0;
};

// What Checkpoint::sha256 is, made from the digests of the files.
std::string checkpoint_sha256(const std::vector<CheckpointFile>& files,
                              const std::vector<std::string>& digests);

class Checkpoint {
 public:
  // Opens a .gguf file or a folder. Error(bad_input) names the file, what was found and what is supported.
  static Checkpoint open(const std::string& path);
  // A folder's config.json, or a configuration alone, with weights drawn from a seed (core/llm/dummy_weights.h); weights
  // that are there are not read.
  static Checkpoint open_dummy(const std::string& path, uint64_t seed);
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  const std::string& name() const;    // last part of the path; of dummy weights it says so
  const std::string& family() const;  // "llama", "qwen3", ...: Family::name
  const std::string& format() const;  // "GGUF v3", "safetensors", "dummy"
  std::optional<uint64_t> dummy_seed() const;
  const ModelShape& shape() const;
  const TokenizerSource& tokenizer() const;
  const std::vector<CheckpointFile>& files() const;  // all that were read, those with tensors first
  const std::vector<StoredTensor>& tensors() const;  // those the model uses, in file order
  const std::vector<std::string>& warnings() const;  // "tensor X is not used", ...

  // SHA-256 (hex) of each of files(), computed at the first call. `cache` is a file that remembers digests
  // (core/llm/file_hashes.h); empty: none.
  const std::vector<std::string>& file_digests(const std::string& cache = "") const;
  // SHA-256 (hex) of the one file; of several (a folder's weights, configuration and tokenizer): of the lines
  // "<sha256>  <name>\n" in name order, which is what sha256sum prints. With dummy weights: of that of the files, a blank
  // and "repro-audit-dummy/1 seed <seed>\n".
  std::string sha256(const std::string& cache = "") const;

  // The parts of one operation's weight as Ops::load wants them: rows and biases in the model's order (GGUF's permutation
  // of llama's q and k rows undone), dequantised or made when read. The checkpoint must outlive their use. Roles without weights
  // have no parts.
  Parts parts(Role role, int layer) const;
  // The tensors in which reads of their parts have met a NaN or an infinity so far: allowed, but worth a word.
  std::vector<std::string> non_finite_tensors() const;

 private:
  struct State;
  explicit Checkpoint(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ra
