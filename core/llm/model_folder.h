// A folder of a model's files, which are opened inside it only: a link that leads out of it is refused. In a snapshot of
// the Hugging Face cache (models--org--name/snapshots/<commit>) links reach that model's own folder, where the blobs are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/llm/input_file.h"

namespace ra {

class ModelFolder {
 public:
  explicit ModelFolder(std::string path);

  std::string path_of(const std::string& name) const;
  // Whether there is such an entry, be it a broken link: then opening it says what is wrong.
  bool has(const std::string& name) const;
  InputFile open(const std::string& name) const;  // Error(bad_input)
  std::vector<std::string> names() const;         // of its entries, sorted
  std::string shown() const;                      // the path, safe in a message

 private:
  std::string path_;
  std::filesystem::path boundary_;  // that links may not leave
};

// Whether `path` is `folder` or below it; both without links.
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

// The folder models--org--name of the snapshot that `path` is, which has no links; empty for any other path.
std::filesystem::path hub_folder_of(const std::filesystem::path& path);

}  // namespace ra
