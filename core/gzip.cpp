#include "core/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // the largest window, in gzip's format instead of zlib's
constexpr int kMemoryLevel = 9;
constexpr size_t kPart = 1 << 16;  // bytes that one call makes at most

// zlib counts in 32 bits: how much of `bytes` it gets in one call.
uInt share(size_t bytes) {
  return static_cast<uInt>(std::min<size_t>(bytes, std::numeric_limits<uInt>::max()));
}

// zlib reads through a pointer that is not const.
Bytef* input_of(std::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

struct Deflation {
  z_stream stream{};
  Deflation() {
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw Error(Exit::device, "not enough memory to compress");
  }
  ~Deflation() { deflateEnd(&stream); }
  Deflation(const Deflation&) = delete;
  Deflation& operator=(const Deflation&) = delete;
};

struct Inflation {
  z_stream stream{};
  Inflation() {
    if (inflateInit2(&stream, kGzipWindowBits) != Z_OK)
      throw Error(Exit::device, "not enough memory to decompress");
  }
  ~Inflation() { inflateEnd(&stream); }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
};

}  // namespace

std::string gzip(std::string_view bytes) {
  Deflation deflation;
  z_stream& stream = deflation.stream;
  stream.next_in = input_of(bytes);
  size_t left = bytes.size();
  std::string file;
  std::string part(kPart, '\0');
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      stream.avail_in = share(left);
      left -= stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = kPart;
    code = deflate(&stream, left == 0 ? Z_FINISH : Z_NO_FLUSH);
    check(code == Z_OK || code == Z_STREAM_END, "zlib to compress");
    file.append(part, 0, kPart - stream.avail_out);
  }
  return file;
}

std::string gunzip(std::string_view file, std::string_view name, size_t max_bytes) {
  Inflation inflation;
  z_stream& stream = inflation.stream;
  stream.next_in = input_of(file);
  size_t left = file.size();
  const auto refuse = [&](std::string_view found, const std::string& expected) {
    const size_t offset = file.size() - left - stream.avail_in;
    throw Error(Exit::bad_input,
                fmt::format("{}@{}: {}; expected {}", printable(name, 300), offset, found, expected));
  };
  if (!file.starts_with("\x1f\x8b")) refuse("no gzip file", "one that begins with 1f 8b");
  std::string bytes;
  std::string part(kPart, '\0');
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      if (left == 0) refuse("the file ends early", "a whole gzip file");
      stream.avail_in = share(left);
      left -= stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = kPart;
    code = inflate(&stream, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) throw Error(Exit::device, "not enough memory to decompress");
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      refuse(fmt::format("damaged: {}", stream.msg != nullptr ? stream.msg : "no deflate data"),
             "a whole gzip file");
    bytes.append(part, 0, kPart - stream.avail_out);
    if (bytes.size() > max_bytes) refuse(fmt::format("more than {} bytes when unpacked", max_bytes), "fewer");
  }
  if (stream.avail_in + left > 0) refuse("bytes behind the end", "none");
  return bytes;
}

}  // namespace ra
