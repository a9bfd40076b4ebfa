// Where the user's files are, by the XDG base directory specification: relative values of its variables are
// ignored.
#pragma once

#include <string>

namespace ra {

// $XDG_CONFIG_HOME/repro-audit/config.toml, by default in ~/.config. Empty if neither variable nor $HOME is
// usable.
std::string config_path();

// $XDG_DATA_HOME/repro-audit, by default in ~/.local/share. Error(usage) if neither variable nor $HOME is
// usable.
std::string data_folder();

// Makes the folder of the default database, if that is `database`: it is ours to make. Error(storage) if it cannot.
void make_data_folder(const std::string& database);

// Where digests of files are remembered: $XDG_CACHE_HOME/repro-audit/sha256, by default in ~/.cache. Empty if neither
// variable nor $HOME is usable.
std::string hash_cache_path();

// Where timings of a GPU's kernels are: .../repro-audit/timings, beside the digests. Empty likewise.
std::string timings_path();

// Where huggingface_hub keeps models: $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, by default
// in ~/.cache. Empty if no variable is usable.
std::string hub_cache_folder();

// A data file that was installed with this program: share/repro-audit/<name> beside the folder that the program is in, as
// `cmake --install` and the build folder have it. Error(storage) if the system does not say where the program is.
std::string shared_file(const std::string& name);

// The whole of a file or pipe ("-": stdin) of at most `max_bytes`. Error(bad_input) if it cannot be read, is
// a directory, or is larger.
std::string read_text(const std::string& path, size_t max_bytes);

}  // namespace ra
