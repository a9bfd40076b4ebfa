#include "core/llm/hub_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "core/llm/gguf_split.h"
#include "core/llm/model_folder.h"
#include "core/printable.h"

namespace ra {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxNameBytes = 96;       // huggingface_hub's validate_repo_id
constexpr size_t kMaxRevisionBytes = 255;  // a file's name
constexpr size_t kCommitDigits = 40;
constexpr size_t kMaxListed = 4;
constexpr std::string_view kPrefix = "models--";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

// huggingface_hub's rule for each half of an id.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), is_name_character) && text.front() != '-' &&
         text.front() != '.' && text.back() != '-' && text.back() != '.' && text.find("--") == text.npos &&
         text.find("..") == text.npos;
}

// Names with slashes between them, none of which leads elsewhere.
bool is_revision(std::string_view text) {
  if (text.empty() || text.size() > kMaxRevisionBytes) return false;
  while (true) {
    const std::string_view part = text.substr(0, text.find('/'));
    if (part.empty() || part == "." || part == ".." ||
        !std::all_of(part.begin(), part.end(), is_name_character)) {
      return false;
    }
    if (part.size() == text.size()) return true;
    text.remove_prefix(part.size() + 1);
  }
}

bool is_commit(std::string_view text) {
  return text.size() == kCommitDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

class Finder {
 public:
  Finder(const HubId& id, const std::string& cache)
      : id_(id), model_(fs::path(cache) / fmt::format("{}{}--{}", kPrefix, id.organisation, id.name)) {}

  std::string find() const {
    if (!is_folder(model_)) {
      fail(fmt::format("neither a file or folder of this name nor {}", shown(model_)),
           "one of them: nothing is downloaded");
    }
    const std::string commit = commit_of_revision();
    const fs::path snapshot = model_ / "snapshots" / commit;
    if (!is_folder(snapshot))
      fail("no " + shown(snapshot), "the files of that commit: nothing is downloaded");
    if (!is_inside(fs::canonical(snapshot), fs::canonical(model_))) {
      fail(shown(snapshot) + " elsewhere", "a folder inside " + shown(model_));
    }
    const ModelFolder folder(snapshot.string());
    return folder.has("config.json") ? snapshot.string() : only_gguf(folder, snapshot);
  }

 private:
  [[noreturn]] void fail(const std::string& found, const std::string& expected) const {
    throw Error(Exit::bad_input,
                fmt::format("{}/{}: found {}; expected {}", id_.organisation, id_.name, found, expected));
  }
  static std::string shown(const fs::path& path) { return printable(path.string(), 300); }

  std::string commit_of_revision() const {
    if (is_commit(id_.revision)) return id_.revision;
    const fs::path ref = model_ / "refs" / id_.revision;
    std::error_code ignored;
    if (!fs::exists(ref, ignored)) {
      fail("no " + shown(ref),
           "a revision that the cache has, or a whole commit hash: nothing is downloaded");
    }
    const ModelFolder refs(ref.parent_path().string());
    const InputFile file = refs.open(ref.filename().string());
    std::string commit = file.read_text(kMaxRevisionBytes);
    while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
    if (!is_commit(commit)) {
      throw Error(Exit::bad_input, fmt::format("{}: found \"{}\"; expected a commit hash of {} digits",
                                               file.name(), printable(commit), kCommitDigits));
    }
    return commit;
  }

  // Repositories of GGUF files have no configuration.
  std::string only_gguf(const ModelFolder& folder, const fs::path& snapshot) const {
    std::vector<std::string> names = folder.names();
    std::erase_if(names, [](const std::string& name) {
      const auto split = parse_split_name(name);
      return !name.ends_with(".gguf") || (split && split->number != 1);
    });
    if (names.empty()) return snapshot.string();
    if (names.size() > 1) {
      const size_t listed = std::min(names.size(), kMaxListed);
      std::string text;
      for (size_t i = 0; i < listed; ++i) text += (i ? ", " : "") + printable(names[i]);
      fail(fmt::format("{} GGUF files in {} ({}{})", names.size(), shown(snapshot), text,
                       names.size() > listed ? ", ..." : ""),
           "one; give the path of the one that is meant");
    }
    folder.open(names.front());
    return folder.path_of(names.front());
  }

  const HubId& id_;
  fs::path model_;
};

}  // namespace

std::optional<HubId> parse_hub_id(std::string_view text) {
  HubId id;
  if (const size_t at = text.find('@'); at != text.npos) {
    if (!is_revision(text.substr(at + 1))) return std::nullopt;
    id.revision = text.substr(at + 1);
    text = text.substr(0, at);
  }
  const size_t slash = text.find('/');
  if (slash == text.npos || !is_name(text.substr(0, slash)) || !is_name(text.substr(slash + 1)))
    return std::nullopt;
  if (text.ends_with(".gguf")) return std::nullopt;  // a file, though it may not be there
  id.organisation = text.substr(0, slash);
  id.name = text.substr(slash + 1);
  return id;
}

std::string find_in_hub_cache(const HubId& id, const std::string& cache) {
  return Finder(id, cache).find();
}

std::string model_name(const std::string& path) {
  fs::path whole(path);
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string model = hub_folder_of(whole).filename().string();
  const size_t middle = model.find("--", kPrefix.size());
  if (middle == model.npos || !is_folder(whole)) return whole.filename().string();
  return model.substr(kPrefix.size(), middle - kPrefix.size()) + "/" + model.substr(middle + 2);
}

}  // namespace ra
