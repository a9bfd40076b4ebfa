#include "reports/evidence/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMaxName = 100, kMaxPrefix = 155;
constexpr int64_t kMaxOctal11 = (int64_t{1} << 33) - 1;  // of size and time

struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100], magic[6],
      version[2], uname[32], gname[32], devmajor[8], devminor[8], prefix[155], padding[12];
};
static_assert(sizeof(Header) == kBlock);

template <size_t N>
void put(char (&field)[N], const std::string& text) {
  check(text.size() <= N, "a text that fits the header of a tar file");
  std::memcpy(field, text.data(), text.size());
}

std::string header_of(const std::string& root, const std::string& name, size_t size, int64_t seconds) {
  check(!name.empty() && name.size() <= kMaxName && !root.empty() && root.size() <= kMaxPrefix &&
            size <= static_cast<size_t>(kMaxOctal11) && seconds >= 0 && seconds <= kMaxOctal11,
        "a file that a tar file can hold");
  Header header{};
  put(header.name, name);
  put(header.mode, "0000644");
  put(header.uid, "0000000");
  put(header.gid, "0000000");
  put(header.size, fmt::format("{:011o}", size));
  put(header.mtime, fmt::format("{:011o}", seconds));
  std::memset(header.checksum, ' ', sizeof header.checksum);
  header.type = '0';
  put(header.magic, std::string("ustar\0", 6));
  put(header.version, "00");
  put(header.prefix, root);
  std::string bytes(reinterpret_cast<const char*>(&header), kBlock);
  uint32_t sum = 0;
  for (const char c : bytes) sum += static_cast<unsigned char>(c);
  const std::string checksum = fmt::format("{:06o}", sum) + std::string("\0 ", 2);
  std::copy(checksum.begin(), checksum.end(), bytes.begin() + offsetof(Header, checksum));
  return bytes;
}

// What a field has before its first zero byte.
template <size_t N>
std::string text_of(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

int64_t octal_of(const std::string& digits) {
  int64_t value = 0;
  for (const char c : digits) value = value * 8 + (c >= '0' && c <= '7' ? c - '0' : 0);
  return value;  // eleven digits at most; what is no digit makes another header
}

// A folder's name that leads nowhere else when the archive is unpacked.
bool is_plain_folder(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':' || c == '+';
  };
  return !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), plain);
}

class TarReader {
 public:
  TarReader(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(printable(name, 300)) {}

  TarContent read() {
    if (bytes_.size() % kBlock != 0) refuse(bytes_.size(), "part of a block", "blocks of 512 bytes");
    while (at_ < bytes_.size() && bytes_[at_] != '\0') read_file();
    if (content_.files.empty()) refuse(at_, "no file", "those of a bundle");
    const std::string_view rest = bytes_.substr(at_);
    if (rest.size() != 2 * kBlock || rest.find_first_not_of('\0') != rest.npos)
      refuse(at_, fmt::format("{} bytes behind the last file", rest.size()), "two blocks of zeros");
    return std::move(content_);
  }

 private:
  [[noreturn]] void refuse(size_t offset, const std::string& found, const std::string& expected) const {
    throw Error(Exit::evidence, fmt::format("{}@{}: {}; expected {}", name_, offset, found, expected));
  }

  void read_file() {
    const std::string_view block = bytes_.substr(at_, kBlock);
    Header header{};
    std::memcpy(&header, block.data(), kBlock);
    const std::string name = text_of(header.name), root = text_of(header.prefix);
    const int64_t size = octal_of(text_of(header.size)), seconds = octal_of(text_of(header.mtime));
    const bool fits = !name.empty() && is_plain_folder(root) && size <= kMaxOctal11 &&
                      seconds <= kMaxOctal11 &&
                      header_of(root, name, static_cast<size_t>(size), seconds) == block;
    if (!fits) refuse(at_, "another header than this program writes", "a regular file of a bundle");
    if (content_.files.empty()) {
      content_.root = root;
      content_.seconds_since_1970 = seconds;
    }
    if (root != content_.root || seconds != content_.seconds_since_1970)
      refuse(at_, "a file of another folder or time", "those of the first");
    if (!content_.files.empty() && name <= content_.files.rbegin()->first)
      refuse(at_, "\"" + printable(name) + "\" out of order or twice", "names that ascend");
    at_ += kBlock;
    const auto length = static_cast<size_t>(size);
    if (length > bytes_.size() - at_)
      refuse(at_, fmt::format("{} bytes of a file of {}", bytes_.size() - at_, length), "all of them");
    const size_t padded = (length + kBlock - 1) / kBlock * kBlock;
    const std::string_view padding = bytes_.substr(at_ + length, padded - length);
    if (padding.find_first_not_of('\0') != padding.npos) refuse(at_ + length, "bytes behind a file", "zeros");
    content_.files.emplace_hint(content_.files.end(), name, bytes_.substr(at_, length));
    at_ += padded;
  }

  std::string_view bytes_;
  std::string name_;
  size_t at_ = 0;
  TarContent content_;
};

}  // namespace

std::string tar_of(const BundleFiles& files, const std::string& root, int64_t seconds_since_1970) {
  std::string bytes;
  for (const auto& [name, content] : files) {
    bytes += header_of(root, name, content.size(), seconds_since_1970);
    bytes += content;
    bytes.append((kBlock - content.size() % kBlock) % kBlock, '\0');
  }
  return bytes.append(2 * kBlock, '\0');
}

TarContent read_tar(std::string_view bytes, const std::string& name) {
  return TarReader(bytes, name).read();
}

}  // namespace ra
