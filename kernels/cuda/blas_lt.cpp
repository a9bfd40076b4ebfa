#include "kernels/cuda/blas_lt.h"

#include <dlfcn.h>

#include <new>

#include "core/error.h"

namespace ra::cuda {

const std::array<const char*, 9> kLtConfigNames = {
    "id", "tile", "split_k", "reduction", "swizzle", "custom", "inner_shape", "cluster_shape", "stages"};

namespace {

constexpr const char* kLibrary = "libcublasLt.so.13";
constexpr std::array<cublasLtMatmulAlgoConfigAttributes_t, 9> kConfig = {
    CUBLASLT_ALGO_CONFIG_ID,
    CUBLASLT_ALGO_CONFIG_TILE_ID,
    CUBLASLT_ALGO_CONFIG_SPLITK_NUM,
    CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME,
    CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING,
    CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION,
    CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID,
    CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID,
    CUBLASLT_ALGO_CONFIG_STAGES_ID};
constexpr int kIdField = 0, kSplitField = 2, kReductionField = 3;

}  // namespace

// The library's functions that are called, by name.
struct BlasLt::Functions {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetVersion) get_version;
  decltype(&cublasLtMatmulDescCreate) create_product;
  decltype(&cublasLtMatmulDescDestroy) destroy_product;
  decltype(&cublasLtMatmulDescSetAttribute) set_product;
  decltype(&cublasLtMatrixLayoutCreate) create_layout;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference;
  decltype(&cublasLtMatmulAlgoGetHeuristic) get_heuristic;
  decltype(&cublasLtMatmulAlgoConfigGetAttribute) get_config;
  decltype(&cublasLtMatmul) multiply;

  // Opened once a process and never closed: its threads and contexts outlive any handle.
  static const Functions& open() {
    static const Functions functions = [] {
      void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
      if (library == nullptr) {
        throw Error(Exit::device, std::string(kLibrary) + ": " + dlerror() +
                                      "; expected cuBLASLt of CUDA 13 where the loader finds it");
      }
      const auto find = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
        if (function == nullptr)
          throw Error(Exit::device,
                      std::string(kLibrary) + ": has no " + name + "; expected cuBLASLt of CUDA 13");
      };
      Functions f{};
      find(f.create, "cublasLtCreate");
      find(f.destroy, "cublasLtDestroy");
      find(f.get_version, "cublasLtGetVersion");
      find(f.create_product, "cublasLtMatmulDescCreate");
      find(f.destroy_product, "cublasLtMatmulDescDestroy");
      find(f.set_product, "cublasLtMatmulDescSetAttribute");
      find(f.create_layout, "cublasLtMatrixLayoutCreate");
      find(f.destroy_layout, "cublasLtMatrixLayoutDestroy");
      find(f.create_preference, "cublasLtMatmulPreferenceCreate");
      find(f.destroy_preference, "cublasLtMatmulPreferenceDestroy");
      find(f.set_preference, "cublasLtMatmulPreferenceSetAttribute");
      find(f.get_heuristic, "cublasLtMatmulAlgoGetHeuristic");
      find(f.get_config, "cublasLtMatmulAlgoConfigGetAttribute");
      find(f.multiply, "cublasLtMatmul");
      return f;
    }();
    return functions;
  }
};

namespace {

void lt_check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  cuda_check(cudaPeekAtLastError(), what);  // a lost device shows here first
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw std::bad_alloc();
  throw Error(Exit::device,
              std::string("cuBLASLt: ") + what + ": status " + std::to_string(status) + "; expected success");
}

size_t config_bytes(cublasLtMatmulAlgoConfigAttributes_t field) {
  const bool is_shape =
      field == CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID || field == CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID;
  return is_shape ? sizeof(uint16_t) : sizeof(uint32_t);
}

std::string version_text(size_t version) {  // major * 10000 + minor * 100 + patch
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

}  // namespace

bool LtCandidate::is_flat() const {
  constexpr int kNvjet = 66;
  return config[kIdField] == kNvjet && config[kSplitField] <= 1 && config[kReductionField] == 0;
}

std::string LtCandidate::text() const {
  std::string text;
  for (size_t i = 0; i < config.size(); ++i)
    text += std::string(i == 0 ? "" : " ") + kLtConfigNames[i] + "=" + std::to_string(config[i]);
  return text;
}

std::string BlasLt::find_version() {
  return version_text(Functions::open().get_version());
}

BlasLt::BlasLt() : functions_(&Functions::open()), workspace_(kWorkspaceBytes) {
  version_ = find_version();
  lt_check(functions_->create(&handle_), "a handle");
}

BlasLt::~BlasLt() {
  for (auto& [shape, l] : layouts_) {
    functions_->destroy_product(l.product);
    for (cublasLtMatrixLayout_t layout : {l.w, l.x, l.y}) functions_->destroy_layout(layout);
  }
  functions_->destroy(handle_);
}

const BlasLt::Layouts& BlasLt::layouts(const LtShape& shape) {
  const auto [entry, added] = layouts_.try_emplace(shape);
  Layouts& l = entry->second;
  if (!added) return l;
  // The library counts columns first: w is [k, n] and transposed, x is [k, m], y is [n, m].
  lt_check(functions_->create_product(&l.product, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a product");
  const cublasOperation_t transposed = CUBLAS_OP_T;
  lt_check(functions_->set_product(l.product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed)),
           "a product");
  const auto layout = [&](cublasLtMatrixLayout_t& made, cudaDataType_t type, int rows, int columns) {
    lt_check(functions_->create_layout(&made, type, static_cast<uint64_t>(rows),
                                       static_cast<uint64_t>(columns), rows),
             "a layout");
  };
  layout(l.w, CUDA_R_16BF, shape.k, shape.n);
  layout(l.x, CUDA_R_16BF, shape.k, shape.m);
  layout(l.y, shape.fp32_out ? CUDA_R_32F : CUDA_R_16BF, shape.n, shape.m);
  return l;
}

std::vector<LtCandidate> BlasLt::candidates(const LtShape& shape, bool any_scheme, int most) {
  const Layouts& l = layouts(shape);
  cublasLtMatmulPreference_t preference = nullptr;
  lt_check(functions_->create_preference(&preference), "a preference");
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t name, const auto& value) {
    lt_check(functions_->set_preference(preference, name, &value, sizeof(value)), "a preference");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
  const uint32_t schemes = any_scheme ? CUBLASLT_REDUCTION_SCHEME_MASK : CUBLASLT_REDUCTION_SCHEME_NONE;
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes);
  std::vector<cublasLtMatmulHeuristicResult_t> results(most);
  int count = 0;
  const cublasStatus_t status = functions_->get_heuristic(handle_, l.product, l.w, l.x, l.y, l.y, preference,
                                                          most, results.data(), &count);
  functions_->destroy_preference(preference);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  lt_check(status, "the heuristic");
  std::vector<LtCandidate> candidates;
  for (int i = 0; i < count; ++i) {
    if (results[i].state != CUBLAS_STATUS_SUCCESS) continue;
    LtCandidate candidate{results[i].algo, results[i].workspaceSize, {}};
    for (size_t field = 0; field < kConfig.size(); ++field) {
      uint32_t value = 0;  // little endian: a field of 16 bits fills the lower half
      size_t written = 0;
      lt_check(functions_->get_config(&candidate.algorithm, kConfig[field], &value,
                                      config_bytes(kConfig[field]), &written),
               "a kernel's configuration");
      candidate.config[field] = static_cast<int>(value);
    }
    candidates.push_back(candidate);
  }
  return candidates;
}

void BlasLt::run(const LtShape& shape, const LtCandidate& candidate, const uint16_t* w, const uint16_t* x,
                 void* y, cudaStream_t stream) {
  const Layouts& l = layouts(shape);
  const float one = 1, zero = 0;
  lt_check(functions_->multiply(handle_, l.product, &one, w, l.w, x, l.x, &zero, y, l.y, y, l.y,
                                &candidate.algorithm, workspace_.data(), workspace_.bytes(), stream),
           "a product");
}

}  // namespace ra::cuda
