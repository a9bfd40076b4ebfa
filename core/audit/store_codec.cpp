#include "core/audit/store_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace ra {
namespace {

template <typename T>
void put(std::string& bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}
void put(std::string& bytes, int32_t value) {
  put(bytes, static_cast<uint32_t>(value));
}
void put(std::string& bytes, float value) {
  put(bytes, std::bit_cast<uint32_t>(value));
}

uint64_t get(const std::string& bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  return value;
}
int32_t get_int(const std::string& bytes, size_t offset) {
  return static_cast<int32_t>(get(bytes, offset, 4));
}
float get_float(const std::string& bytes, size_t offset) {
  return std::bit_cast<float>(static_cast<uint32_t>(get(bytes, offset, 4)));
}

constexpr size_t kIdBytes = 4;
constexpr size_t kStepBytes = 32;
constexpr size_t kLaunchBytes = 12;

}  // namespace

std::string encode_ids(const std::vector<int32_t>& ids) {
  std::string bytes;
  for (int32_t id : ids) put(bytes, id);
  return bytes;
}

std::string encode_steps(const std::vector<StepRecord>& steps) {
  std::string bytes;
  for (const StepRecord& step : steps) {
    for (int32_t id : step.top) put(bytes, id);
    for (float value : step.value) put(bytes, value);
    for (float sum : step.accumulator) put(bytes, sum);
    put(bytes, step.digest);
  }
  return bytes;
}

std::string encode_launches(const std::vector<LaunchRecord>& launches) {
  std::string bytes;
  for (const LaunchRecord& launch : launches) {
    put(bytes, launch.rows);
    put(bytes, launch.logit_rows);
    put(bytes, launch.choice_set);
  }
  return bytes;
}

std::optional<std::vector<int32_t>> decode_ids(const std::string& bytes) {
  if (bytes.size() % kIdBytes != 0) return std::nullopt;
  std::vector<int32_t> ids;
  for (size_t at = 0; at < bytes.size(); at += kIdBytes) ids.push_back(get_int(bytes, at));
  return ids;
}

std::optional<std::vector<StepRecord>> decode_steps(const std::string& bytes) {
  if (bytes.size() % kStepBytes != 0) return std::nullopt;
  std::vector<StepRecord> steps;
  for (size_t at = 0; at < bytes.size(); at += kStepBytes) {
    steps.push_back({.top = {get_int(bytes, at), get_int(bytes, at + 4)},
                     .value = {get_float(bytes, at + 8), get_float(bytes, at + 12)},
                     .accumulator = {get_float(bytes, at + 16), get_float(bytes, at + 20)},
                     .digest = get(bytes, at + 24, 8)});
  }
  return steps;
}

std::optional<std::vector<LaunchRecord>> decode_launches(const std::string& bytes) {
  if (bytes.size() % kLaunchBytes != 0) return std::nullopt;
  std::vector<LaunchRecord> launches;
  for (size_t at = 0; at < bytes.size(); at += kLaunchBytes) {
    launches.push_back({get_int(bytes, at), get_int(bytes, at + 4), get_int(bytes, at + 8)});
  }
  return launches;
}

Stream stream_of(std::vector<int32_t> tokens, std::vector<StepRecord> steps, EndReason end) {
  Stream stream{.tokens = std::move(tokens), .steps = std::move(steps), .end = end};
  std::vector<uint64_t> digests;
  for (const StepRecord& step : stream.steps) digests.push_back(step.digest);
  stream.token_hash = token_hash(stream.tokens);
  stream.token_sha256 = hex(token_sha256(stream.tokens));
  stream.digest = run_digest(digests);
  return stream;
}

std::string content_sha256(const Stream& stream) {
  std::string bytes = "repro-audit.stream.v1";
  put(bytes, uint64_t{stream.tokens.size()});
  bytes += encode_ids(stream.tokens);
  bytes += encode_steps(stream.steps);
  bytes += name_of(stream.end);
  return hex(sha256(bytes));
}

std::string choices_key(const ChoiceSetRecord& choices) {
  std::string key;
  for (const ChoiceRecord& record : choices) {
    for (const std::string& text : {record.role, record.choice, record.sum_order}) {
      key.append(std::to_string(text.size())).append(":").append(text);
    }
  }
  return key;
}

std::string facts_sha256(const Audit& audit) {
  std::string bytes = "repro-audit.facts.v1";
  const auto text = [&](const std::string& value) {
    put(bytes, uint64_t{value.size()});
    bytes += value;
  };
  const auto words = [&](const std::map<std::string, std::string>& map) {
    put(bytes, uint64_t{map.size()});
    for (const auto& [name, value] : map) {
      text(name);
      text(value);
    }
  };
  const AuditSubject& subject = audit.subject;
  for (const std::string& value : {audit.id, audit.created, audit.tool, subject.model_name,
                                   subject.model_sha256, subject.prompt_text, subject.prompt_sha256}) {
    text(value);
  }
  words(subject.model);
  words(subject.settings);
  put(bytes, uint64_t{subject.prompt_pieces.size()});
  for (const std::string& piece : subject.prompt_pieces) text(piece);
  put(bytes, uint64_t{audit.arms.size()});
  for (const Arm& arm : audit.arms) {
    put(bytes, arm.id);
    for (const std::string& value :
         {arm.name, arm.facts.device, arm.facts.kernel_set, arm.facts.sum_order_class}) {
      text(value);
    }
    words(arm.facts.environment);
    put(bytes, uint64_t{arm.facts.anchor_outputs.size()});
    for (const auto& [role, outputs] : arm.facts.anchor_outputs) {
      text(role);
      words(outputs);
    }
  }
  return hex(sha256(bytes));
}

std::string chain_line(const std::string& audit, const std::string& arm, const Turn& turn, int32_t attempt,
                       int32_t place, const PlannedSequence& planned, const Stream& stream,
                       const std::string& previous) {
  return fmt::format(
      R"({{"audit":"{}","arm":"{}","{}":{},"trial":{},"attempt":{},"sequence":{},"tokenCount":{},"sha256":"{}",)"
      R"("xxh3":"{}","logitDigest":"{}","endReason":"{}","prevSha256":"{}"}})",
      audit, arm, name_of(planned.kind), planned.index, turn.trial, attempt, place, stream.tokens.size(),
      stream.token_sha256, hex(stream.token_hash), hex(stream.digest), name_of(stream.end), previous);
}

bool is_plain_name(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:+").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace ra
