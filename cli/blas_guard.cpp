#include "cli/blas_guard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "core/error.h"

namespace ra {
namespace {

constexpr const char* kVariable = "OPENBLAS_CORETYPE";
constexpr const char* kSafeCore = "Haswell";  // AVX2 kernels, which every supported processor runs

// This process's arguments as it was started with.
std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> arguments;
  for (size_t at = 0; at < bytes.size(); at += arguments.back().size() + 1)
    arguments.emplace_back(bytes.c_str() + at);
  return arguments;
}

}  // namespace

void require_right_blas(const ModelShape& shape, int threads) {
  const char* const stated = std::getenv(kVariable);
  std::string fault = stated == nullptr ? blas_lag() : "";
  if (fault.empty()) fault = blas_fault(shape, threads);
  if (fault.empty()) return;
  if (stated != nullptr) {
    throw Error(Exit::device,
                fmt::format("OpenBLAS with {}={}: {}; expected right products", kVariable, stated, fault));
  }
  std::vector<std::string> arguments = own_arguments();
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  setenv(kVariable, kSafeCore, 1);
  execv("/proc/self/exe", pointers.data());
  throw Error(Exit::device, fmt::format("OpenBLAS: {}; expected to start anew with {}={}, but: {}", fault,
                                        kVariable, kSafeCore, strerror(errno)));
}

}  // namespace ra
