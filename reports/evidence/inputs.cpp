#include "reports/evidence/inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "core/json_values.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr std::string_view kPolicySetting = "policy";
constexpr const char* kDummyGenerator = "repro-audit-dummy/1";

Json words(const std::map<std::string, std::string>& values) {
  Json::Object object;
  for (const auto& [name, value] : values) object.push_back({name, json_bytes(value)});
  return Json{std::move(object)};
}

int nibble(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string raw_digest(const ModelFile& file) {
  std::string bytes;
  for (size_t i = 0; i + 1 < file.sha256.size(); i += 2) {
    const int high = nibble(file.sha256[i]), low = nibble(file.sha256[i + 1]);
    if (high < 0 || low < 0) break;
    bytes += static_cast<char>(high << 4 | low);
  }
  if (file.sha256.size() != 64 || bytes.size() != 32) {
    throw Error(Exit::bad_input, fmt::format("the model's file {}: digest \"{}\"; expected a SHA-256",
                                             printable(file.name), printable(file.sha256)));
  }
  return bytes;
}

}  // namespace

std::vector<ModelFile> model_files(const Audit& audit) {
  std::vector<ModelFile> files;
  for (const auto& [name, value] : audit.subject.model) {
    if (name.starts_with(kModelFile)) files.push_back({name.substr(kModelFile.size()), value});
  }
  return files;  // by bytes, which is by code points in UTF-8
}

std::optional<std::string> model_root_digest(const std::vector<ModelFile>& files) {
  if (files.empty()) return std::nullopt;
  std::string digests;
  for (const ModelFile& file : files) digests += raw_digest(file);
  return hex(sha256(digests));
}

std::string model_sha256_of(const std::vector<ModelFile>& files,
                            const std::map<std::string, std::string>& settings) {
  std::string lines;
  for (const ModelFile& file : files) lines += fmt::format("{}  {}\n", file.sha256, file.name);
  const std::string digest = files.size() == 1 ? files[0].sha256 : hex(sha256(lines));
  const auto seed = settings.find("dummy_weights");
  if (seed == settings.end() || seed->second == "no") return digest;
  return hex(sha256(fmt::format("{} {} seed {}\n", digest, kDummyGenerator, seed->second)));
}

std::string prompts_file(const Audit& audit) {
  return json_line(Json{Json::Object{{"sha256", json::text(audit.subject.prompt_sha256)},
                                     {"text", json_bytes(audit.subject.prompt_text)},
                                     {"tokens", json::array(audit.plan.spec.prompt, json::integer)}}});
}

std::string model_manifest(const Audit& audit) {
  const std::vector<ModelFile> files = model_files(audit);
  const std::optional<std::string> root = model_root_digest(files);
  Json::Object manifest = {
      {"name", json_bytes(audit.subject.model_name)},
      {"sha256", json::text(audit.subject.model_sha256)},
      {"digestScheme", json::text("oms-v1.0-files")},
      {"rootDigest", root ? json::text(*root) : Json{}},
      {"files", json::array(files, [](const ModelFile& file) {
         return Json{Json::Object{{"name", json_bytes(file.name)}, {"sha256", json::text(file.sha256)}}};
       })}};
  if (!root) {
    manifest.push_back(
        {"missing",
         json::text("The audit was made by a version that did not record the digest of each file.")});
  }
  return json_text(Json{std::move(manifest)});
}

std::string settings_file(const Audit& audit) {
  return json_text(words(audit.subject.settings));
}

std::string fingerprint_file(const Audit& audit) {
  const auto segment = [](const Segment& one) {
    return Json{Json::Object{{"startedAt", json::text(one.started)}, {"tool", json::text(one.tool)}}};
  };
  const auto arm = [](const Arm& one) {
    Json::Object anchors;
    for (const auto& [role, outputs] : one.facts.anchor_outputs) anchors.push_back({role, words(outputs)});
    return Json{Json::Object{{"name", json::text(one.name)},
                             {"device", json_bytes(one.facts.device)},
                             {"kernelSet", json_bytes(one.facts.kernel_set)},
                             {"sumOrderClass", json_bytes(one.facts.sum_order_class)},
                             {"environment", words(one.facts.environment)},
                             {"anchorOutputs", Json{std::move(anchors)}}}};
  };
  return json_text(Json{Json::Object{{"tool", json::text(audit.tool)},
                                     {"segments", json::array(audit.segments, segment)},
                                     {"arms", json::array(audit.arms, arm)}}});
}

std::string policy_toml(const Policy& policy) {
  const std::string prefix = std::string(kPolicySetting) + ".";
  std::map<std::string, std::string> tables;  // name -> its lines; "" first
  for (const auto& [setting, value] : policy_settings(policy)) {
    if (setting == kPolicySetting) continue;
    const std::string path = setting.substr(prefix.size());
    const size_t dot = path.rfind('.');
    const std::string key = dot == path.npos ? path : path.substr(dot + 1);
    std::string table = dot == path.npos ? "" : path.substr(0, dot);
    if (table.starts_with("arms.")) table = fmt::format("arms.\"{}\"", table.substr(5));
    const bool is_number = value.find_first_not_of("0123456789.") == value.npos;
    tables[table] +=
        is_number ? fmt::format("{} = {}\n", key, value) : fmt::format("{} = \"{}\"\n", key, value);
  }
  std::string text = "# The policy by which the audit was judged.\n";
  for (const auto& [table, lines] : tables)
    text += table.empty() ? lines : fmt::format("\n[{}]\n{}", table, lines);
  return text;
}

Audit judged_by(Audit audit, const Policy& policy) {
  std::map<std::string, std::string>& settings = audit.subject.settings;
  const std::map<std::string, std::string> wanted = policy_settings(policy);
  if (policy_settings(policy_of(settings)) == wanted) return audit;
  std::erase_if(settings, [](const auto& setting) {
    return setting.first == kPolicySetting || setting.first.starts_with(std::string(kPolicySetting) + ".");
  });
  settings.insert(wanted.begin(), wanted.end());
  return audit;
}

}  // namespace ra
