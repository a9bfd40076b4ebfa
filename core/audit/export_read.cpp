// Reading an export file. Lines come in the order in which they are written, with the members that they are written with.
#include "core/audit/export_read.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

#include "core/audit/analysis.h"
#include "core/audit/audit_check.h"
#include "core/audit/export.h"
#include "core/audit/export_format.h"
#include "core/audit/store_codec.h"
#include "core/error.h"
#include "core/gzip.h"
#include "core/printable.h"

namespace ra {
namespace {

// JSON of this kind shrinks to an eighth or so; what would grow by much more is a bomb.
constexpr size_t kUnpackedAtLeast = 16 << 20, kUnpackedRatio = 40, kUnpackedAtMost = 1 << 30;
constexpr size_t kLongestId = 100;
constexpr double kLongestSeconds = 1e9;

void read_prompt_pieces(ExportLines& lines, AuditSubject& subject) {
  while (lines.is("prompt_pieces")) {
    const std::string where = lines.line().where("pieces");
    for (const Json& piece : lines.line().array("pieces"))
      subject.prompt_pieces.push_back(piece.bytes(where));
    lines.done();
  }
}

void read_arms(ExportLines& lines, std::vector<Arm>& arms) {
  while (lines.is("arm")) {
    ExportLine& line = lines.line();
    Arm arm{.id = static_cast<int32_t>(arms.size()), .name = line.text("name")};
    arm.facts.device = line.text("device");
    arm.facts.kernel_set = line.text("kernel_set");
    arm.facts.sum_order_class = line.text("sum_order_class");
    arm.facts.environment = line.words("environment");
    for (const auto& [role, outputs] : line.take("anchors").object(line.where("anchors")))
      arm.facts.anchor_outputs[role] = line.words(outputs, "anchors");
    arms.push_back(std::move(arm));
    lines.done();
  }
}

void read_facts(ExportLines& lines, Audit& audit) {
  lines.require("audit");
  ExportLine& line = lines.line();
  if (line.text("format") != kExportFormat) line.refuse("another format", kExportFormat);
  const int32_t version = line.number("version");
  if (version != kExportVersion)
    line.refuse("version " + std::to_string(version), std::to_string(kExportVersion));
  audit.id = line.text("id");
  if (audit.id.size() > kLongestId) line.refuse("a long id", "at most 100 bytes");
  audit.created = line.time("created");
  audit.tool = line.text("tool");
  AuditSubject& subject = audit.subject;
  subject.model_name = line.bytes("model_name");
  subject.model_sha256 = line.text("model_sha256");
  subject.model = line.words("model");
  subject.settings = line.words("settings");
  subject.prompt_text = line.bytes("prompt_text");
  subject.prompt_sha256 = line.text("prompt_sha256");
  const std::string hash = line.text("facts_sha256");
  lines.done();
  read_prompt_pieces(lines, subject);
  read_arms(lines, audit.arms);
  if (facts_sha256(audit) != hash)
    lines.refuse("other facts than their SHA-256 is of", "an export file, unchanged");
}

void read_segments(ExportLines& lines, Audit& audit) {
  while (lines.is("segment")) {
    ExportLine& line = lines.line();
    std::string started = line.time("started");
    audit.segments.push_back({std::move(started), line.text("tool")});
    lines.done();
  }
}

void read_choices(ExportLines& lines, Audit& audit) {
  std::set<std::string> known;
  while (lines.is("choices")) {
    ExportLine& line = lines.line();
    ChoiceSetRecord choices;
    for (const Json& entry : line.array("choices")) {
      const Json::Array& choice = line.entry(entry, "choices", 3);
      const std::string where = line.where("choices");
      choices.push_back({choice[0].bytes(where), choice[1].bytes(where), choice[2].bytes(where)});
    }
    if (choices.empty()) line.refuse("no kernel choice", "at least one");
    if (!known.insert(choices_key(choices)).second)
      line.refuse("one set of kernel choices twice", "each once");
    audit.choice_sets.push_back(std::move(choices));
    lines.done();
  }
}

uint64_t word(const ExportLine& line, const Json& json, size_t digits) {
  const std::string& text = json.string(line.where("steps"));
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != digits || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    line.refuse("\"" + printable(text) + "\"", std::to_string(digits) + " hexadecimal digits");
  return value;
}

// A number, or the bits of one that JSON has no number for.
float real(const ExportLine& line, const Json& json) {
  if (json.is_string()) return std::bit_cast<float>(static_cast<uint32_t>(word(line, json, 8)));
  const double value = json.number(line.where("steps"));
  if (std::abs(value) > std::numeric_limits<float>::max() || static_cast<float>(value) != value)
    line.refuse("a number that does not fit 32 bits", "a float");
  return static_cast<float>(value);
}

void read_streams(ExportLines& lines, Audit& audit) {
  const int32_t vocab = audit.plan.spec.vocab;
  std::set<std::string> known;
  while (lines.is("stream")) {
    ExportLine& line = lines.line();
    std::vector<int32_t> tokens = line.numbers("tokens");
    if (std::any_of(tokens.begin(), tokens.end(), [&](int32_t id) { return id >= vocab; }))
      line.refuse("a token beyond the vocabulary", "ids below " + std::to_string(vocab));
    const EndReason end = line.one_of(line.text("end"), {EndReason::length, EndReason::stop});
    std::vector<StepRecord> steps;
    for (const Json& entry : line.array("steps")) {
      const Json::Array& step = line.entry(entry, "steps", 7);
      steps.push_back({.top = {line.number(step[0], "steps", -1), line.number(step[1], "steps", -1)},
                       .value = {real(line, step[2]), real(line, step[3])},
                       .accumulator = {real(line, step[4]), real(line, step[5])},
                       .digest = word(line, step[6], 16)});
    }
    Stream stream = stream_of(std::move(tokens), std::move(steps), end);
    const std::string content = content_sha256(stream);
    const bool fits =
        line.text("xxh3") == hex(stream.token_hash) && line.text("sha256") == stream.token_sha256 &&
        line.text("logit_digest") == hex(stream.digest) && line.text("content_sha256") == content;
    if (!fits) line.refuse("a stream that does not have the hashes beside it", "an export file, unchanged");
    if (!known.insert(content).second) line.refuse("one stream twice", "each once");
    audit.streams.push_back(std::move(stream));
    lines.done();
  }
}

void read_attempts(ExportLines& lines, Audit& audit) {
  while (lines.is("attempt")) {
    ExportLine& line = lines.line();
    Attempt attempt{
        .arm = line.number("arm"), .trial = line.number("trial"), .attempt = line.number("attempt")};
    const std::string outcome = line.text("outcome");
    if (outcome != "done" && outcome != "failed")
      line.refuse("\"" + printable(outcome) + "\"", "done or failed");
    attempt.outcome = outcome == "done" ? Outcome::done : Outcome::failed;
    attempt.failure = line.bytes("failure");
    attempt.seconds = line.take("seconds").number(line.where("seconds"));
    if (attempt.seconds > kLongestSeconds) line.refuse("more than a billion seconds", "fewer");
    for (const Json& entry : line.array("launches")) {
      const Json::Array& launch = line.entry(entry, "launches", 3);
      attempt.launches.push_back({line.number(launch[0], "launches"), line.number(launch[1], "launches"),
                                  line.number(launch[2], "launches")});
    }
    for (const Json& entry : line.array("results")) {
      const Json::Array& result = line.entry(entry, "results", 3);
      audit.sequences.push_back({.arm = attempt.arm,
                                 .trial = attempt.trial,
                                 .attempt = attempt.attempt,
                                 .sequence = line.number(result[0], "results"),
                                 .stream = line.number(result[1], "results"),
                                 .chain = result[2].string(line.where("results"))});
    }
    audit.attempts.push_back(std::move(attempt));
    lines.done();
  }
}

void read_pieces(ExportLines& lines, Audit& audit) {
  while (lines.is("pieces")) {
    ExportLine& line = lines.line();
    for (const Json& entry : line.array("pieces")) {
      const Json::Array& piece = line.entry(entry, "pieces", 2);
      const int32_t token = line.number(piece[0], "pieces");
      if (!audit.pieces.empty() && token <= audit.pieces.rbegin()->first)
        line.refuse("token " + std::to_string(token) + " out of order", "ascending tokens");
      audit.pieces[token] = piece[1].bytes(line.where("pieces"));
    }
    lines.done();
  }
}

void check_facts(const ExportLines& lines, const Audit& audit) {
  try {
    check_audit(audit);
    analyze(audit);
  } catch (const Error& error) {
    // Facts that contradict each other are a mistake of this program only where it recorded them itself.
    if (error.status() != Exit::bad_input && error.status() != Exit::bug) throw;
    lines.refuse(error.what(), "the facts of an audit");
  }
}

}  // namespace

Audit read_export(std::string_view file, const std::string& name) {
  const std::string text =
      gunzip(file, name, std::min(kUnpackedAtMost, kUnpackedAtLeast + kUnpackedRatio * file.size()));
  ExportLines lines(text, name);
  Audit audit;
  read_facts(lines, audit);
  std::vector<std::string> arms;
  for (const Arm& arm : audit.arms) arms.push_back(arm.name);
  audit.plan = read_export_plan(lines, std::move(arms));
  read_segments(lines, audit);
  read_choices(lines, audit);
  read_streams(lines, audit);
  read_attempts(lines, audit);
  read_pieces(lines, audit);
  lines.check_finished();
  check_facts(lines, audit);
  return audit;
}

}  // namespace ra
