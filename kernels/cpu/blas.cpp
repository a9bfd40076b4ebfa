#include "kernels/cpu/blas.h"

#include <cblas.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "core/error.h"

namespace ra {

// [rows,k] x [n,k] -> [rows,n]. Order: the library's own, for this core, routine, m, n, k and threads.
void blas_product(const KernelChoice& choice, int rows, int n, int k, const float* x, const float* w,
                  float* y) {
  if (choice.algorithm == Algorithm::blas_gemv) {
    check(rows == 1, "one row in a matrix-vector product");
    cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1.0f, w, k, x, 1, 0.0f, y, 1);
    return;
  }
  check(choice.algorithm == Algorithm::blas_gemm, "a product by the BLAS");
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, n, k, 1.0f, x, k, w, k, 0.0f, y, n);
}

// openblas_get_config() begins "OpenBLAS 0.3.21 ...".
std::string blas_library() {
  static const std::string library = [] {
    std::istringstream config(openblas_get_config());
    std::string name, version;
    config >> name >> version;
    return "openblas " + version + " " + openblas_get_corename();
  }();
  return library;
}

std::string blas_description() {
  return std::string(openblas_get_config()) + ", core " + openblas_get_corename();
}

std::map<std::string, std::string> blas_environment() {
  const char* core_type = std::getenv("OPENBLAS_CORETYPE");
  return {{"blas", blas_description()},
          {"blas_core", openblas_get_corename()},
          {"OPENBLAS_CORETYPE", core_type ? core_type : "not set"}};
}

void set_blas_threads(int threads) {
  check(threads >= 1, "at least one thread for the BLAS");
  threads = std::min(threads, blas_max_threads());
  if (threads != blas_threads()) openblas_set_num_threads(threads);
}

int blas_threads() {
  return openblas_get_num_threads();
}

// "... MAX_THREADS=64": the build's limit.
int blas_max_threads() {
  static const int most = [] {
    const std::string config = openblas_get_config();
    const std::string key = "MAX_THREADS=";
    const size_t at = config.find(key);
    return at == std::string::npos ? 1 : std::max(1, std::atoi(config.c_str() + at + key.size()));
  }();
  return most;
}

}  // namespace ra
