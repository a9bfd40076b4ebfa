// Models in the local Hugging Face cache, as huggingface_hub lays it out: models--<org>--<name>/refs/<revision> holds a
// commit, snapshots/<commit>/ the model's files, links to blobs/. Nothing is downloaded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ra {

struct HubId {
  std::string organisation, name;
  std::string revision = "main";  // a branch, a tag, "refs/pr/1", or a whole commit hash
};
// "org/name" or "org/name@revision"; none for any other text.
std::optional<HubId> parse_hub_id(std::string_view text);

// The path of the model: its snapshot's folder, or the one GGUF file in it. Error(bad_input) says where it was looked
// for. `cache` is the folder that has the models-- folders.
std::string find_in_hub_cache(const HubId& id, const std::string& cache);

// What to call the model at a path: "org/name" for a snapshot's folder, else the path's last part.
std::string model_name(const std::string& path);

}  // namespace ra
