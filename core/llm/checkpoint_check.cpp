#include "core/llm/checkpoint_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <map>
#include <mutex>
#include <numeric>
#include <span>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/file_hashes.h"
#include "core/llm/gguf_split.h"
#include "core/llm/model_folder.h"
#include "core/llm/safetensors.h"
#include "core/llm/shard_index.h"
#include "core/parallel.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr uint64_t kReadBytes = 1 << 20;

// What the checkpoint's files list, as far as they can be read.
struct Directory {
  std::vector<InputFile> files;
  std::vector<TensorEntry> tensors;
  std::vector<std::string> findings;

  void find(const std::string& where, const std::string& found, const std::string& expected) {
    findings.push_back(fmt::format("{}: found {}; expected {}", where, found, expected));
  }
  void add_safetensors(const ModelFolder& folder, const std::string& name) {
    try {
      InputFile file = folder.open(name);
      const std::vector<TensorEntry> listed = read_safetensors(file, static_cast<int>(files.size()));
      tensors.insert(tensors.end(), listed.begin(), listed.end());
      files.push_back(std::move(file));
    } catch (const Error& error) {
      findings.emplace_back(error.what());
    }
  }
};

// What the index says, against what the files that could be read have.
void compare(const ShardIndex& index, const std::string& where, Directory& directory) {
  std::map<std::string, std::vector<std::string>> found;  // tensor -> names of the files that have it
  uint64_t bytes = 0;
  for (const TensorEntry& tensor : directory.tensors) {
    const std::string& path = directory.files[static_cast<size_t>(tensor.file)].path();
    found[tensor.name].push_back(std::filesystem::path(path).filename().string());
    bytes += tensor.bytes;
  }
  for (const auto& [tensor, file] : index.files) {
    const auto there = found.find(tensor);
    if (there == found.end()) {
      directory.find(where, fmt::format("tensor {} in {}", printable(tensor), printable(file)),
                     "only tensors that the files hold");
    } else if (std::count(there->second.begin(), there->second.end(), file) == 0) {
      directory.find(where, fmt::format("tensor {} in {}", printable(tensor), printable(file)),
                     "it in " + printable(there->second.front()));
    }
  }
  for (const auto& [tensor, files] : found) {
    if (!index.files.contains(tensor)) {
      directory.find(where, "no tensor " + printable(tensor),
                     "it, as " + printable(files.front()) + " has it");
    }
    if (files.size() > 1) {
      directory.find(
          where,
          fmt::format("tensor {} in {} and {}", printable(tensor), printable(files[0]), printable(files[1])),
          "it in one file");
    }
  }
  if (index.total_size && *index.total_size != bytes) {
    directory.find(where, fmt::format("total_size {}", *index.total_size),
                   fmt::format("{}, the bytes of all tensors", bytes));
  }
}

Directory read_folder(const std::string& path) {
  const ModelFolder folder(path);
  Directory directory;
  if (folder.has("model.safetensors")) {
    directory.add_safetensors(folder, "model.safetensors");
  } else if (folder.has(kIndexName)) {
    const InputFile file = folder.open(kIndexName);
    const ShardIndex index = read_shard_index(file);
    for (const std::string& name : index.file_names()) directory.add_safetensors(folder, name);
    compare(index, file.name(), directory);
  }
  return directory;
}

Directory read_gguf_files(const std::string& path) {
  Directory directory;
  directory.files.push_back(InputFile::open(path));
  GgufFile gguf = read_gguf(directory.files.front());
  try {
    read_other_parts(gguf, directory.files);
  } catch (const Error& error) {
    directory.findings.emplace_back(error.what());
  }
  directory.tensors = std::move(gguf.tensors);
  return directory;
}

// Adds up what the threads have read.
class ByteCounter {
 public:
  ByteCounter(uint64_t total, const std::function<void(uint64_t, uint64_t)>& on_progress)
      : total_(total), on_progress_(on_progress) {}
  void add(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    if (on_progress_) on_progress_(done_, total_);
  }

 private:
  std::mutex mutex_;
  uint64_t done_ = 0, total_;
  const std::function<void(uint64_t, uint64_t)>& on_progress_;
};

void count_non_finite(const std::vector<float>& values, size_t count, CheckedTensor& tensor) {
  for (size_t i = 0; i < count; ++i) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(values[i]) & 0x7fffffffu;
    *tensor.nan += magnitude > 0x7f800000u;
    *tensor.infinite += magnitude == 0x7f800000u;
  }
}

void read_tensor(const InputFile& file, const TensorEntry& entry, ByteCounter& counter,
                 CheckedTensor& tensor) {
  // Whole blocks at a time.
  const auto block = static_cast<uint64_t>(entry.type ? block_bytes(*entry.type) : 1);
  const uint64_t at_once = std::min(std::max(kReadBytes / block, uint64_t{1}) * block, entry.bytes);
  std::vector<uint8_t> raw(static_cast<size_t>(at_once));
  std::vector<float> values;
  if (entry.type) {
    tensor.nan = tensor.infinite = 0;
    values.resize(static_cast<size_t>(at_once / block) * static_cast<size_t>(block_elements(*entry.type)));
  }
  Sha256 hash;
  for (uint64_t done = 0; done < entry.bytes; done += at_once) {
    const auto part = static_cast<size_t>(std::min(at_once, entry.bytes - done));
    file.read(entry.offset + done, raw.data(), part);
    hash.update(std::as_bytes(std::span(raw.data(), part)));
    if (entry.type) {
      const size_t count = part / block * static_cast<size_t>(block_elements(*entry.type));
      dequantize(*entry.type, raw.data(), static_cast<int64_t>(count), values.data());
      count_non_finite(values, count, tensor);
    }
    counter.add(part);
  }
  tensor.sha256 = hex(hash.finish());
}

}  // namespace

CheckpointCheck check_checkpoint(const std::string& path,
                                 const std::function<void(uint64_t done, uint64_t total)>& on_progress) {
  std::error_code ignored;
  Directory directory =
      std::filesystem::is_directory(path, ignored) ? read_folder(path) : read_gguf_files(path);
  CheckpointCheck check;
  check.findings = std::move(directory.findings);
  uint64_t total = 0;
  for (const InputFile& file : directory.files) {
    check.files.push_back({file.path(), file.size()});
    total += file.size();
  }
  for (const TensorEntry& entry : directory.tensors) {
    check.tensors.push_back({entry.name, entry.stored_type, entry.dims, static_cast<size_t>(entry.file),
                             entry.bytes, "", std::nullopt, std::nullopt});
    total += entry.bytes;
  }

  // The longest first, so that no thread is left with one at the end. Pieces below `files` are files.
  const size_t files = check.files.size();
  std::vector<size_t> order(files + check.tensors.size());
  std::iota(order.begin(), order.end(), 0);
  const auto bytes_of = [&](size_t piece) {
    return piece < files ? check.files[piece].bytes : check.tensors[piece - files].bytes;
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return bytes_of(a) > bytes_of(b); });
  check.sha256.resize(files);
  ByteCounter counter(total, on_progress);
  parallel_for(order.size(), 0, [&](size_t i) {
    const size_t piece = order[i];
    if (piece < files) {
      check.sha256[piece] = file_sha256(directory.files[piece], [&](size_t bytes) { counter.add(bytes); });
    } else {
      const TensorEntry& entry = directory.tensors[piece - files];
      read_tensor(directory.files[static_cast<size_t>(entry.file)], entry, counter,
                  check.tensors[piece - files]);
    }
  });

  for (const CheckedTensor& tensor : check.tensors) {
    if (tensor.nan.value_or(0) + tensor.infinite.value_or(0) == 0) continue;
    check.findings.push_back(
        fmt::format("{}: tensor {}: found {} NaN and {} infinite values; expected numbers",
                    printable(check.files[tensor.file].path, 300), printable(tensor.name), *tensor.nan,
                    *tensor.infinite));
  }
  return check;
}

}  // namespace ra
