#include "core/llm/tokenizer_json_steps.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/utf8.h"

namespace ra {
namespace {

constexpr size_t kMaxStrip = 64;  // characters at an end

std::string bounded_text(const JsonFields& file, const Json& json, const std::string& where) {
  const std::string& text = json.string(file.at(where));
  if (text.size() > kMaxReplacementBytes) {
    file.fail(where, fmt::format("{} bytes", text.size()), fmt::format("at most {}", kMaxReplacementBytes));
  }
  return text;
}

// A pattern is {"String": ...}, or {"Regex": ...} without any character that means something in one.
Replacement read_replacement(const JsonFields& file, const Json& json, const std::string& where) {
  file.known_members(json, where, {"type", "pattern", "content"});
  const std::string at_pattern = where + ".pattern";
  const Json& pattern = file.member(json, where, "pattern");
  file.known_members(pattern, at_pattern, {"String", "Regex"});
  const auto& members = pattern.object("");
  if (members.size() != 1) file.fail(at_pattern, "no pattern or two", "a String");
  Replacement replacement;
  replacement.pattern = bounded_text(file, members.front().value, at_pattern);
  if (members.front().key == "Regex" &&
      replacement.pattern.find_first_of("\\^$.|?*+()[]{}") != std::string::npos) {
    file.fail(at_pattern, "unsupported pattern \"" + replacement.pattern + "\"", "a String");
  }
  if (replacement.pattern.empty()) file.fail(at_pattern, "an empty one", "a text");
  replacement.content = bounded_text(file, file.member(json, where, "content"), where + ".content");
  return replacement;
}

// A step by itself, or the steps of a Sequence, which may hold another; calls `step` with each and its place.
template <typename Step>
void for_each_step(const JsonFields& file, const Json& json, const std::string& where, const char* list,
                   Step step) {
  if (file.type_of(json, where) != "Sequence") {
    step(json, where);
    return;
  }
  file.known_members(json, where, {"type", list});
  const std::string at_list = where + "." + list;
  size_t place = 0;
  for (const Json& inner : file.member(json, where, list).array(file.at(at_list))) {
    for_each_step(file, inner, fmt::format("{}[{}]", at_list, place++), list, step);
  }
}

}  // namespace

std::vector<NormalizerStep> read_normalizer(const JsonFields& file, const Json& json) {
  std::vector<NormalizerStep> steps;
  if (json.is_null()) return steps;
  for_each_step(file, json, "normalizer", "normalizers", [&](const Json& step, const std::string& where) {
    if (steps.size() == kMaxNormalizerSteps) {
      file.fail(where, "one step more", fmt::format("at most {}", kMaxNormalizerSteps));
    }
    const std::string& type = file.type_of(step, where);
    if (type == "NFC") {
      file.known_members(step, where, {"type"});
      steps.push_back({NormalizerStep::Kind::nfc, {}});
    } else if (type == "Prepend") {
      file.known_members(step, where, {"type", "prepend"});
      std::string content = bounded_text(file, file.member(step, where, "prepend"), where + ".prepend");
      steps.push_back({NormalizerStep::Kind::prepend, {"", std::move(content)}});
    } else if (type == "Replace") {
      steps.push_back({NormalizerStep::Kind::replace, read_replacement(file, step, where)});
    } else {
      file.fail(where, type, "null, NFC, Prepend, Replace or a Sequence of these");
    }
  });
  return steps;
}

Decoder read_decoder(const JsonFields& file, const Json& json) {
  Decoder decoder;
  bool fused = false;
  for_each_step(file, json, "decoder", "decoders", [&](const Json& step, const std::string& where) {
    const std::string& type = file.type_of(step, where);
    // What a step does to tokens that an earlier one joined is another matter than what it does to single ones.
    const auto require_order = [&](bool holds, const char* expected) {
      if (!holds) file.fail(where, type + " at this place", expected);
    };
    if (type == "ByteLevel") {
      file.known_members(step, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
      require_order(!decoder.byte_level && !decoder.byte_fallback && !fused && decoder.replacements.empty(),
                    "ByteLevel first and once");
      decoder.byte_level = true;
    } else if (type == "Replace") {
      require_order(!decoder.byte_level && !decoder.byte_fallback && !fused &&
                        decoder.replacements.size() < kMaxNormalizerSteps,
                    "a few Replace before ByteFallback and Fuse");
      decoder.replacements.push_back(read_replacement(file, step, where));
      if (const auto& [pattern, content] = decoder.replacements.back(); content.size() > pattern.size()) {
        file.fail(where + ".content", fmt::format("{} bytes", content.size()), "no more than the pattern's");
      }
    } else if (type == "ByteFallback") {
      file.known_members(step, where, {"type"});
      require_order(!decoder.byte_level && !decoder.byte_fallback && !fused,
                    "ByteFallback once and before Fuse");
      decoder.byte_fallback = true;
    } else if (type == "Fuse") {
      file.known_members(step, where, {"type"});
      fused = true;
    } else if (type == "Strip") {
      file.known_members(step, where, {"type", "content", "start", "stop"});
      require_order(fused && decoder.strip.empty(), "Strip once and after Fuse");
      decoder.strip = bounded_text(file, file.member(step, where, "content"), where + ".content");
      if (!single_character(decoder.strip)) {
        file.fail(where + ".content", "\"" + decoder.strip + "\"", "one character");
      }
      const auto count = [&](const char* key) {
        return static_cast<size_t>(
            file.member(step, where, key).unsigned_integer(file.at(where + "." + key), kMaxStrip));
      };
      decoder.strip_start = count("start");
      decoder.strip_stop = count("stop");
    } else {
      file.fail(where, type, "ByteLevel, Replace, ByteFallback, Fuse, Strip or a Sequence of these");
    }
  });
  return decoder;
}

}  // namespace ra
