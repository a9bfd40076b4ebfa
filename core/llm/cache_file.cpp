#include "core/llm/cache_file.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/input_file.h"

namespace ra {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxCacheBytes = 4 << 20;
constexpr size_t kSumBytes = 17;  // of the last line

std::string sum_line(const std::string& body) {
  return hex(xxh3_64(std::as_bytes(std::span(body)))) + "\n";
}

}  // namespace

std::string read_cache_file(const std::string& path, const std::string& title) {
  if (path.empty()) return "";
  std::string text;
  try {
    text = InputFile::open(path).read_text(kMaxCacheBytes);
  } catch (const Error&) {
    return "";  // none, or not ours to read
  }
  if (text.size() < kSumBytes) return "";
  const std::string body = text.substr(0, text.size() - kSumBytes);
  const std::string first = title + "\n";
  if (text.substr(body.size()) != sum_line(body) || !body.starts_with(first)) return "";
  return body.substr(first.size());
}

void write_cache_file(const std::string& path, const std::string& title, const std::string& text) {
  if (path.empty()) return;
  const std::string body = title + "\n" + text;
  const std::string whole = body + sum_line(body);
  if (whole.size() > kMaxCacheBytes) return;
  std::error_code failure;
  fs::create_directories(fs::path(path).parent_path(), failure);
  std::string temporary = path + ".XXXXXX";
  const int descriptor = mkstemp(temporary.data());
  if (descriptor < 0) return;
  const bool written = ::write(descriptor, whole.data(), whole.size()) == static_cast<ssize_t>(whole.size());
  ::close(descriptor);
  if (!written || rename(temporary.c_str(), path.c_str()) != 0) unlink(temporary.c_str());
}

}  // namespace ra
