#include "core/llm/file_hashes.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/cache_file.h"
#include "core/parallel.h"

namespace ra {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kMaxEntries = 4096;
constexpr const char* kTitle = "repro-audit file hashes 1";
// A file that is changed twice within a tick of the file system's clock has the same time after both. One whose last
// change is this old is past that.
constexpr int64_t kSettledNanoseconds = 2'000'000'000;

struct Entry {
  std::string sha256;
  FileState state;
};

int64_t now_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool is_digest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// A line "<sha256> <bytes> <nanoseconds> <inode> <path>" for each file.
class HashCache {
 public:
  explicit HashCache(std::string path) : path_(std::move(path)) { parse(read_cache_file(path_, kTitle)); }

  std::optional<std::string> find(const std::string& file, const FileState& state) const {
    const auto entry = entries_.find(file);
    if (entry == entries_.end() || !(entry->second.state == state)) return std::nullopt;
    return entry->second.sha256;
  }
  void add(const std::string& file, Entry entry) {
    if (file.find('\n') != std::string::npos) return;
    if (entries_.size() >= kMaxEntries) entries_.clear();
    entries_[file] = std::move(entry);
  }

  void save() const {
    std::string text;
    for (const auto& [file, entry] : entries_) {
      text += fmt::format("{} {} {} {} {}\n", entry.sha256, entry.state.bytes, entry.state.modified_ns,
                          entry.state.inode, file);
    }
    write_cache_file(path_, kTitle, text);
  }

 private:
  void parse(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      Entry entry;
      std::string file;
      fields >> entry.sha256 >> entry.state.bytes >> entry.state.modified_ns >> entry.state.inode;
      fields.get();
      if (!fields || !std::getline(fields, file) || !is_digest(entry.sha256)) continue;
      entries_[file] = std::move(entry);
    }
  }

  std::string path_;
  std::map<std::string, Entry> entries_;  // by canonical path
};

std::string canonical_path(const InputFile& file) {
  std::error_code failure;
  const fs::path path = fs::canonical(file.path(), failure);
  return failure ? file.path() : path.string();
}

}  // namespace

std::string file_sha256(const InputFile& file, const std::function<void(size_t)>& on_bytes) {
  std::vector<std::byte> buffer(static_cast<size_t>(std::min<uint64_t>(kReadBytes, file.size())));
  Sha256 hash;
  for (uint64_t done = 0; done < file.size();) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(buffer.size(), file.size() - done));
    file.read(done, buffer.data(), part);
    hash.update(std::span(buffer.data(), part));
    done += part;
    if (on_bytes) on_bytes(part);
  }
  return hex(hash.finish());
}

std::vector<std::string> file_sha256(const std::vector<InputFile>& files, const std::string& cache_path) {
  HashCache cache(cache_path);
  std::vector<std::string> digests(files.size());
  std::vector<std::optional<Entry>> computed(files.size());
  parallel_for(files.size(), 0, [&](size_t i) {
    const FileState before = files[i].state();
    const int64_t now = now_nanoseconds();
    if (const auto known = cache.find(canonical_path(files[i]), before)) {
      digests[i] = *known;
      return;
    }
    digests[i] = file_sha256(files[i]);
    const bool settled = before.modified_ns < now - kSettledNanoseconds && files[i].state() == before;
    if (settled) computed[i] = Entry{digests[i], before};
  });
  bool changed = false;
  for (size_t i = 0; i < files.size(); ++i) {
    if (!computed[i]) continue;
    cache.add(canonical_path(files[i]), *computed[i]);
    changed = true;
  }
  if (changed) cache.save();
  return digests;
}

}  // namespace ra
