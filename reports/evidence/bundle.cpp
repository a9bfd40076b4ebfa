#include "reports/evidence/bundle.h"

#include <algorithm>

#include "core/hash.h"

namespace ra {
namespace {

// "<n>.json" or "<n>.pub.pem", n from 1 to 99.
bool is_replay_file(std::string_view name) {
  const size_t dot = name.find('.');
  const std::string_view number = name.substr(0, dot);
  const bool numbered =
      dot >= 1 && dot <= 2 && number[0] != '0' &&
      std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  return numbered && (name.substr(dot) == ".json" || name.substr(dot) == ".pub.pem");
}

}  // namespace

bool is_bundle_file(const std::string& name) {
  const auto named = [&](const char* known) { return name == known; };
  if (std::any_of(std::begin(kRequiredFiles), std::end(kRequiredFiles), named)) return true;
  if (std::any_of(std::begin(kOptionalFiles), std::end(kOptionalFiles), named)) return true;
  const std::string_view folder = kReplayFolder;
  return name.starts_with(folder) && is_replay_file(std::string_view(name).substr(folder.size()));
}

bool is_bundle_folder(const std::string& name) {
  const std::string below = name + "/";
  const auto holds = [&](const char* known) { return std::string_view(known).starts_with(below); };
  return std::any_of(std::begin(kRequiredFiles), std::end(kRequiredFiles), holds) || below == kReplayFolder;
}

std::string sums_of(const BundleFiles& files) {
  std::string lines;
  for (const auto& [name, bytes] : files) {
    if (name == kSums || name.starts_with(kStatementFolder)) continue;
    lines += hex(sha256(bytes)) + "  " + name + "\n";
  }
  return lines;
}

}  // namespace ra
