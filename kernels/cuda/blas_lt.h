// cuBLASLt, opened when a GPU is: it is half a gigabyte, so nothing links it.
#pragma once

#include <cublasLt.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "kernels/cuda/device_memory.h"

namespace ra::cuda {

// y [m, n] = x [m, k] times w [n, k] transposed; bf16 in, bf16 or fp32 out, fp32 accumulation.
struct LtShape {
  int m = 0;
  int n = 0;
  int k = 0;
  bool fp32_out = false;
  auto operator<=>(const LtShape&) const = default;
};

// A kernel that the library offers for a shape.
struct LtCandidate {
  cublasLtMatmulAlgo_t algorithm = {};
  size_t workspace = 0;
  std::array<int, 9> config = {};  // as kLtConfigNames

  // Whether its sums are of the class flat-k16: one fp32 accumulator over all of k in ascending k16 steps. Measured over
  // every such candidate at seven shapes and 1 to 1000 rows; certified again at start-up.
  bool is_flat() const;
  std::string text() const;  // all nine fields
};
extern const std::array<const char*, 9> kLtConfigNames;

class BlasLt {
 public:
  // Error(device) naming the library if it is not there, or of another major version.
  BlasLt();
  ~BlasLt();
  BlasLt(const BlasLt&) = delete;
  BlasLt& operator=(const BlasLt&) = delete;

  const std::string& version() const { return version_; }
  // The library's version without a handle. Error(device) if it is not there.
  static std::string find_version();

  // What the heuristic offers, best first, at most `most`. Without `any_scheme` only what needs no reduction between
  // blocks. Takes some 70 us: never in a captured step.
  std::vector<LtCandidate> candidates(const LtShape& shape, bool any_scheme, int most);
  // Queues the product on the stream. Error(device) if the library refuses.
  void run(const LtShape& shape, const LtCandidate& candidate, const uint16_t* w, const uint16_t* x, void* y,
           cudaStream_t stream);

  static constexpr size_t kWorkspaceBytes = size_t{32} << 20;

 private:
  struct Functions;
  struct Layouts {
    cublasLtMatmulDesc_t product = nullptr;
    cublasLtMatrixLayout_t w = nullptr, x = nullptr, y = nullptr;
  };
  const Layouts& layouts(const LtShape& shape);

  const Functions* functions_;
  cublasLtHandle_t handle_ = nullptr;
  std::string version_;
  DeviceBuffer<unsigned char> workspace_;
  std::map<LtShape, Layouts> layouts_;
};

}  // namespace ra::cuda
