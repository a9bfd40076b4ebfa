// Makes checkpoint files for tests, good and bad.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ra {

// A folder of a test's own, removed with what it holds. On disk: some files are larger than a container's /dev/shm.
class CheckpointFolder {
 public:
  CheckpointFolder();
  ~CheckpointFolder();
  CheckpointFolder(const CheckpointFolder&) = delete;
  CheckpointFolder& operator=(const CheckpointFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  // Returns the file's path.
  std::string write(const std::string& name, const std::string& bytes) const;

 private:
  std::string path_;
};

// Bytes in little-endian order.
std::string u32(uint32_t value);
std::string u64(uint64_t value);

// A safetensors file of this header and data; the other form states another length.
std::string safetensors_bytes(const std::string& header, const std::string& data);
std::string safetensors_bytes(uint64_t length, const std::string& header, const std::string& data);

// A llama with one layer, hidden 8, 2 heads of 4, 1 key-value head, ffn 8 and 16 tokens, tied. All weights 0.5, F32.
struct TinyTensor {
  std::string name;
  std::vector<uint64_t> dims;
};
std::vector<TinyTensor> tiny_safetensors_tensors();
// Header and data of these tensors, one after the other.
std::pair<std::string, std::string> tiny_safetensors(const std::vector<TinyTensor>& tensors);
// config.json's members, as key and JSON text; a later one replaces an earlier one of the same key.
using Members = std::vector<std::pair<std::string, std::string>>;
std::string tiny_config(const Members& changes = {});
// A whole folder: config.json and model.safetensors.
void write_tiny_folder(const CheckpointFolder& folder);

// A GGUF file, written entry by entry. bytes() may be called with parts changed by hand before.
struct GgufParts {
  uint32_t version = 3;
  std::vector<std::string> keys;     // each a whole key-value entry
  std::vector<std::string> tensors;  // each a whole entry of the directory
  uint64_t n_tensors = UINT64_MAX;   // what the file says; UINT64_MAX: the truth
  uint64_t n_keys = UINT64_MAX;
  uint64_t alignment = 32;  // of the data's start
  std::string data;

  std::string bytes() const;
};
std::string gguf_string(const std::string& text);
std::string gguf_key(const std::string& key, uint32_t type, const std::string& value);
std::string gguf_tensor(const std::string& name, const std::vector<uint64_t>& ne, uint32_t type,
                        uint64_t offset);
// The tiny model as GGUF: what bytes() writes is a good file. Keys in kTinyKeys' order can be found by their text.
GgufParts tiny_gguf();
std::vector<TinyTensor> tiny_gguf_tensors();  // dimensions as GGUF has them, the fastest first
// Replaces the entry of that key, or adds it.
void set_key(GgufParts& parts, const std::string& key, uint32_t type, const std::string& value);
// The tiny model in three parts: all metadata and one tensor, five, five.
std::vector<GgufParts> tiny_gguf_split();
void set_split(GgufParts& part, uint32_t number, uint32_t count, uint32_t tensors);  // its split.* keys

// Opening a checkpoint in a process of its own.
struct Opening {
  int status = -1;      // 0, or Error's exit status; 128 + signal if it died
  std::string message;  // Error's; of a good one: its warnings, one a line
  double seconds = 0;  // of CPU time, which other processes do not prolong; one that waits for ever runs into
                       // the test's own limit
  uint64_t peak_bytes = 0;  // of resident memory, beyond what this process had
};
Opening open_apart(const std::string& path);

// Opens it twice and expects what the list of bad inputs asks for: refused as bad input, with one and the same line
// that begins with `file` and holds `what`, within the time and 256 MiB beside the file. (AddressSanitizer's own
// needs are not measured.)
void expect_refusal(const std::string& path, const std::string& file, const std::string& what,
                    double seconds = 2);

}  // namespace ra
