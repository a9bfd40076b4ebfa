#include "core/llm/gguf_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace ra {
namespace {

// Everything before the tensors' data; a vocabulary of 262,144 takes some 20 MB.
constexpr uint64_t kMaxMetadataBytes = uint64_t{256} << 20;
constexpr uint64_t kBufferBytes = 1 << 20;

}  // namespace

GgufReader::GgufReader(const InputFile& file)
    : file_(file), end_(std::min(file.size(), kMaxMetadataBytes)), buffer_(new uint8_t[kBufferBytes]) {}

void GgufReader::fail(uint64_t offset, const std::string& found, const std::string& expected) const {
  throw Error(Exit::bad_input,
              fmt::format("{}@{}: found {}; expected {}", file_.name(), offset, found, expected));
}

void GgufReader::require(uint64_t count, const char* what) const {
  if (count <= remaining()) return;
  if (end_ < file_.size()) {
    fail(position_, fmt::format("{} of {} bytes", what, count),
         fmt::format("at most {} bytes before the tensors' data", kMaxMetadataBytes));
  }
  fail(position_, fmt::format("the file's end after {} bytes", remaining()),
       fmt::format("{} of {} bytes", what, count));
}

void GgufReader::bytes(void* out, uint64_t count, const char* what) {
  require(count, what);
  auto* to = static_cast<uint8_t*>(out);
  while (count > 0) {
    if (position_ < buffer_start_ || position_ >= buffer_end_) refill();
    const uint64_t part = std::min(count, buffer_end_ - position_);
    std::memcpy(to, buffer_.get() + (position_ - buffer_start_), part);
    to += part;
    position_ += part;
    count -= part;
  }
}

void GgufReader::skip(uint64_t count, const char* what) {
  require(count, what);
  position_ += count;
}

void GgufReader::require_zeros(uint64_t offset, uint64_t count) const {
  std::vector<uint8_t> padding(static_cast<size_t>(count));
  file_.read(offset, padding.data(), padding.size());
  const auto other = std::find_if(padding.begin(), padding.end(), [](uint8_t byte) { return byte != 0; });
  if (other == padding.end()) return;
  fail(offset + static_cast<uint64_t>(other - padding.begin()), fmt::format("{:#04x} as padding", *other),
       "zeros between tensors");
}

std::string GgufReader::string(const char* what, uint64_t maximum) {
  const uint64_t at = position_;
  const auto length = number<uint64_t>("a string's length");
  if (length > maximum)
    fail(at, fmt::format("{} of {} bytes", what, length), fmt::format("at most {}", maximum));
  require(length, what);
  std::string text(static_cast<size_t>(length), '\0');
  bytes(text.data(), length, what);
  return text;
}

void GgufReader::refill() {
  buffer_start_ = position_;
  buffer_end_ = std::min(end_, position_ + kBufferBytes);
  file_.read(buffer_start_, buffer_.get(), static_cast<size_t>(buffer_end_ - buffer_start_));
}

}  // namespace ra
