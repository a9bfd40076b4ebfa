// Reads every #include of the program against design.md's table: which folder may see which, and which external
// packages. A row of core holds for the folders below it too.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <vector>

namespace ra {
namespace {

namespace fs = std::filesystem;
using Prefixes = std::vector<std::string>;

struct Row {
  std::string area;    // a file belongs to the longest that it begins with
  Prefixes own;        // includes of ours that it may have: a folder and its files, or one file
  Prefixes externals;  // packages
};

const std::vector<Row> kTable = {
    {"cli/", {"cli/", "reports/", "core/", "kernels/ops.h", "kernels/kernel_choice.h"}, {"CLI11", "fmt"}},
    {"cli/toml_file", {"cli/", "core/"}, {"toml++", "fmt"}},
    {"reports/", {"reports/", "core/", "!core/llm/", "!core/remote/"}, {"fmt", "nlohmann/json"}},
    {"reports/evidence",
     {"reports/", "core/", "!core/llm/", "!core/remote/"},
     {"fmt", "nlohmann/json", "OpenSSL"}},
    {"core/", {"core/", "!core/audit/", "!core/llm/", "!core/remote/"}, {"fmt"}},
    {"core/json",
     {"core/json.h", "core/printable.h", "core/utf8.h", "core/error.h"},
     {"fmt", "nlohmann/json"}},
    {"core/gzip.cpp", {"core/gzip.h", "core/printable.h", "core/error.h"}, {"fmt", "zlib"}},
    {"core/hash.cpp", {"core/hash.h", "core/error.h"}, {"xxHash", "OpenSSL"}},
    {"core/audit/", {"core/", "!core/llm/", "!core/remote/"}, {"fmt"}},
    {"core/audit/store", {"core/", "!core/llm/", "!core/remote/"}, {"fmt", "SQLite"}},
    {"core/llm/",
     {"core/", "!core/audit/", "!core/remote/", "kernels/", "!kernels/cpu/", "!kernels/cuda/"},
     {"fmt", "PCRE2", "utf8proc"}},
    {"core/remote/", {"core/", "!core/audit/", "!core/llm/"}, {"fmt", "libcurl"}},
    {"kernels/", {"kernels/", "core/error.h"}, {"xxHash"}},
    {"kernels/cpu/", {"kernels/", "!kernels/cuda/", "core/error.h"}, {"xxHash", "OpenBLAS", "Highway"}},
    {"kernels/cuda/", {"kernels/", "!kernels/cpu/", "core/error.h"}, {"xxHash", "CUDA"}},
};

bool begins(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// The longest prefix decides; one with "!" forbids.
bool allowed(const Prefixes& prefixes, const std::string& path) {
  size_t longest = 0;
  bool verdict = false;
  for (const std::string& entry : prefixes) {
    const bool forbids = entry.front() == '!';
    const std::string prefix = forbids ? entry.substr(1) : entry;
    if (begins(path, prefix) && prefix.size() > longest) {
      longest = prefix.size();
      verdict = !forbids;
    }
  }
  return verdict;
}

// The package of a <header>: "" for the standard library's and the system's.
std::string package_of(const std::string& header) {
  const std::pair<const char*, const char*> packages[] = {
      {"CLI/", "CLI11"},        {"fmt/", "fmt"},
      {"toml++/", "toml++"},    {"nlohmann/", "nlohmann/json"},
      {"xxhash", "xxHash"},     {"openssl/", "OpenSSL"},
      {"sqlite3", "SQLite"},    {"pcre2", "PCRE2"},
      {"utf8proc", "utf8proc"}, {"curl/", "libcurl"},
      {"cblas", "OpenBLAS"},    {"openblas", "OpenBLAS"},
      {"hwy/", "Highway"},      {"cuda", "CUDA"},
      {"cublas", "CUDA"},       {"mma.h", "CUDA"},
      {"zlib", "zlib"},
  };
  for (const auto& [prefix, package] : packages) {
    if (begins(header, prefix)) return package;
  }
  const Prefixes system = {"sys/",     "linux/",  "gnu/",      "unistd.h", "fcntl.h",
                           "signal.h", "sched.h", "pthread.h", "dlfcn.h",  "dirent.h"};
  const bool standard = header.find_first_of("./") == std::string::npos;
  return standard || allowed(system, header) ? "" : header;
}

const Row& row_of(const std::string& file) {
  const Row* best = nullptr;
  for (const Row& row : kTable) {
    if (begins(file, row.area) && (best == nullptr || row.area.size() > best->area.size())) best = &row;
  }
  if (best == nullptr) throw std::invalid_argument(file + " is in no folder of the table");
  return *best;
}

// One of ours; Highway's own headers are customarily included with quotes.
bool is_own(const std::string& include) {
  return include.front() == '"' && !begins(include, "\"hwy/");
}

// What is wrong with this include; nothing if it is allowed. `include` has its quotes or brackets.
std::optional<std::string> violation(const std::string& file, const std::string& include) {
  const Row& row = row_of(file);
  const std::string path = include.substr(1, include.size() - 2);
  if (is_own(include)) {
    if (allowed(row.own, path)) return std::nullopt;
    return file + " may not include " + path;
  }
  const std::string package = package_of(path);
  if (package.empty() ||
      std::find(row.externals.begin(), row.externals.end(), package) != row.externals.end()) {
    return std::nullopt;
  }
  return file + " may not use " + package;
}

std::vector<std::string> includes_of(const fs::path& path) {
  static const std::regex include(R"re(^\s*#\s*include\s*(["<][^">]+[">]))re");
  std::vector<std::string> found;
  std::ifstream file(path);
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (std::regex_search(line, match, include)) found.push_back(match[1]);
  }
  return found;
}

TEST(Layering, EveryIncludeIsInTheTable) {
  int files = 0;
  for (const char* folder : {"cli", "core", "kernels", "reports"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(RA_SOURCE) / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
      ++files;
      const std::string file = fs::relative(entry.path(), RA_SOURCE).string();
      for (const std::string& include : includes_of(entry.path())) {
        const auto wrong = violation(file, include);
        EXPECT_FALSE(wrong) << *wrong;
        if (is_own(include)) {
          EXPECT_TRUE(fs::exists(fs::path(RA_SOURCE) / include.substr(1, include.size() - 2)))
              << file << " includes " << include << ", which is not a path from the root";
        }
      }
    }
  }
  EXPECT_GT(files, 50);
}

TEST(Layering, WhatTheTableForbidsIsFound) {
  EXPECT_TRUE(violation("core/audit/plan.cpp", "\"kernels/ops.h\""));
  EXPECT_TRUE(violation("core/audit/plan.cpp", "\"core/llm/engine.h\""));
  EXPECT_TRUE(violation("core/audit/analysis.cpp", "<sqlite3.h>"));
  EXPECT_FALSE(violation("core/audit/store.cpp", "<sqlite3.h>"));
  EXPECT_TRUE(violation("core/llm/model.cpp", "\"core/audit/plan.h\""));
  EXPECT_TRUE(violation("core/llm/model.cpp", "\"kernels/cpu/blas.h\""));
  EXPECT_FALSE(violation("core/llm/model.cpp", "\"kernels/ops.h\""));
  EXPECT_TRUE(violation("core/schedule.cpp", "\"core/audit/plan.h\""));
  EXPECT_TRUE(violation("kernels/cpu/norm.cpp", "\"core/hash.h\""));
  EXPECT_TRUE(violation("kernels/ops.h", "<fmt/format.h>"));
  EXPECT_TRUE(violation("kernels/kernel_choice.cpp", "<cblas.h>"));
  EXPECT_TRUE(violation("kernels/kernel_choice.cpp", "\"hwy/highway.h\""));
  EXPECT_TRUE(violation("core/audit/export_write.cpp", "<zlib.h>"));
  EXPECT_TRUE(violation("reports/html.cpp", "\"core/llm/tokenizer.h\""));
  EXPECT_TRUE(violation("reports/json.cpp", "<openssl/evp.h>"));
  EXPECT_TRUE(violation("cli/run.cpp", "<nlohmann/json.hpp>"));
  EXPECT_TRUE(violation("cli/run.cpp", "<toml++/toml.h>"));
  EXPECT_TRUE(violation("cli/run.cpp", "\"kernels/cpu/blas.h\""));
  EXPECT_TRUE(violation("cli/run.cpp", "<boost/asio.hpp>")) << "a package that is in no row";
}

}  // namespace
}  // namespace ra
