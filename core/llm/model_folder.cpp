#include "core/llm/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "core/error.h"
#include "core/printable.h"

namespace ra {

namespace fs = std::filesystem;

ModelFolder::ModelFolder(std::string path) : path_(std::move(path)) {
  std::error_code absent;  // then nothing in it can be opened either
  boundary_ = fs::canonical(path_, absent);
  if (const fs::path hub = hub_folder_of(boundary_); !hub.empty()) boundary_ = hub;
}

std::string ModelFolder::path_of(const std::string& name) const {
  return (fs::path(path_) / name).string();
}

bool ModelFolder::has(const std::string& name) const {
  std::error_code ignored;
  return fs::symlink_status(path_of(name), ignored).type() != fs::file_type::not_found;
}

InputFile ModelFolder::open(const std::string& name) const {
  const std::string path = path_of(name);
  std::error_code unresolved;  // a broken link or a loop: opening says so
  const fs::path target = fs::canonical(path, unresolved);
  if (!unresolved && !is_inside(target, boundary_)) {
    throw Error(Exit::bad_input,
                fmt::format("{}: found a link to {}; expected a file inside {}", printable(path, 300),
                            printable(target.string(), 300), printable(boundary_.string(), 300)));
  }
  return InputFile::open(path);
}

std::vector<std::string> ModelFolder::names() const {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(path_, failure), end; !failure && entry != end; entry.increment(failure))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string ModelFolder::shown() const {
  return printable(path_, 200);
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

fs::path hub_folder_of(const fs::path& path) {
  const fs::path snapshots = path.parent_path(), model = snapshots.parent_path();
  if (snapshots.filename() != "snapshots" || !model.filename().string().starts_with("models--")) return {};
  return model;
}

}  // namespace ra
