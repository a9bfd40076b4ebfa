#include "cli/event_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/output_file.h"
#include "cli/terminal.h"
#include "core/audit/set_place.h"
#include "core/audit/store_codec.h"
#include "core/audit/store_time.h"
#include "core/error.h"
#include "core/json_values.h"
#include "core/printable.h"

namespace ra {
namespace {

using json::count;
using json::text;

constexpr std::string_view kFirstBytes = R"({"event":"begin","format":"repro-audit-events",)";
constexpr int kVersion = 1;
constexpr size_t kSearchBytes = 1 << 16;  // read at once while a line's end is searched

std::string read_at(int descriptor, const std::string& path, off_t offset, size_t bytes) {
  std::string part(bytes, '\0');
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        pread(descriptor, part.data() + done, bytes - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_storage(path, "to read it");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  part.resize(done);
  return part;
}

// The end of the last whole line.
off_t end_of_lines(int descriptor, const std::string& path, off_t size) {
  while (size > 0) {
    const auto bytes = static_cast<size_t>(std::min<off_t>(size, kSearchBytes));
    const std::string part = read_at(descriptor, path, size - static_cast<off_t>(bytes), bytes);
    if (const size_t newline = part.rfind('\n'); newline != part.npos)
      return size - static_cast<off_t>(bytes) + static_cast<off_t>(newline) + 1;
    size -= static_cast<off_t>(bytes);
  }
  return 0;
}

Json run_json(const SequenceResult& run, const std::pair<std::string, EndReason>* solo) {
  const Stream stream = stream_of(run.tokens, run.steps, run.end);
  Json equal;
  if (solo != nullptr) equal = Json{stream.token_sha256 == solo->first && stream.end == solo->second};
  return Json{Json::Object{{"index", run.index < 0 ? Json{} : count(run.index)},
                           {"sha256", text(stream.token_sha256)},
                           {"tokens", count(stream.tokens.size())},
                           {"end", text(name_of(stream.end))},
                           {"logit_digest", text(hex(stream.digest))},
                           {"equal_to_solo", std::move(equal)}}};
}

}  // namespace

EventLog::EventLog(const std::string& path, bool append) : path_(path) {
  if (path == "-") return;
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
  struct stat there {};
  if (descriptor_ < 0 || fstat(descriptor_, &there) != 0) fail_storage(path, "to write it");
  if (there.st_size == 0) return;
  const std::string first = read_at(descriptor_, path, 0, kFirstBytes.size());
  if (!kFirstBytes.starts_with(first)) {
    throw Error(Exit::usage,
                fmt::format("--events {}: other bytes than events; expected the file of the audit, a new "
                            "one, or --force to replace it",
                            printable(path, 300)));
  }
  const off_t whole = end_of_lines(descriptor_, path, there.st_size);
  if (whole < there.st_size && ftruncate(descriptor_, whole) != 0)
    fail_storage(path, "to cut off a torn line");
}

EventLog::~EventLog() {
  if (descriptor_ >= 0) close(descriptor_);
}

void EventLog::begin(const Audit& audit) {
  solo_.clear();
  for (const SequenceFact& fact : audit.sequences) {
    if (fact.trial != 0) continue;
    const Stream& stream = audit.streams.at(static_cast<size_t>(fact.stream));
    solo_[fact.arm] = {stream.token_sha256, stream.end};
  }
  trials_done_ = static_cast<int64_t>(audit.attempts.size());
  Json prompt;
  if (const std::optional<SetPlace> place = set_place(audit.subject.settings)) {
    prompt = Json{Json::Object{{"set", text(place->set)},
                               {"place", count(place->place)},
                               {"count", count(place->count)},
                               {"id", text(place->name)}}};
  }
  write(json_line(Json{Json::Object{
      {"event", text("begin")},
      {"format", text("repro-audit-events")},
      {"version", count(kVersion)},
      {"time", text(utc_now())},
      {"tool", text(audit.tool)},
      {"audit", text(audit.id)},
      {"segment", count(audit.segments.size())},
      {"model", text(audit.subject.model_name)},
      {"prompt", std::move(prompt)},
      {"arms", json::array(audit.arms, [](const Arm& arm) { return text(arm.name); })},
      {"runs", count(audit.plan.spec.runs)},
      {"trials", count(audit.plan.order.size())},
      {"trials_done", count(trials_done_)},
  }}));
}

void EventLog::trial(const Audit& audit, const ProgressEvent& event) {
  const TrialResult& result = *event.result;
  trials_done_ = event.turns_done;
  Json::Array runs;
  for (const SequenceResult& sequence : result.sequences) {
    if (sequence.kind != SequenceKind::run) continue;
    if (event.trial->id == 0) solo_[event.turn.arm] = {hex(token_sha256(sequence.tokens)), sequence.end};
    const auto solo = solo_.find(event.turn.arm);
    runs.push_back(run_json(sequence, solo == solo_.end() ? nullptr : &solo->second));
  }
  write(json_line(Json{Json::Object{
      {"event", text("trial")},
      {"time", text(utc_now())},
      {"arm", text(audit.arms.at(static_cast<size_t>(event.turn.arm)).name)},
      {"trial", count(event.turn.trial)},
      {"kind", text(name_of(event.trial->kind))},
      {"stratum", text(name_of(event.trial->stratum))},
      {"batch_size", count(event.trial->batch_size)},
      {"seconds", Json{result.seconds}},
      {"failure", result.failed ? text(result.failure) : Json{}},
      {"runs", Json{std::move(runs)}},
      {"trials_done", count(trials_done_)},
  }}));
}

void EventLog::end(const std::string& state, int exit_status, const std::string& reason) {
  write(json_line(Json{Json::Object{{"event", text("end")},
                                    {"time", text(utc_now())},
                                    {"state", text(state)},
                                    {"trials_done", count(trials_done_)},
                                    {"exit_status", count(exit_status)},
                                    {"reason", reason.empty() ? Json{} : text(reason)}}}));
}

void EventLog::end_set(const PromptSet& set) {
  write(json_line(Json{Json::Object{{"event", text("end of list")},
                                    {"time", text(utc_now())},
                                    {"set", text(set.list.set)},
                                    {"prompts", count(set.prompts.size())},
                                    {"exit_status", count(set.exit_status)},
                                    {"reason", set.reason.empty() ? Json{} : text(set.reason)}}}));
}

void EventLog::write(const std::string& line) {
  if (descriptor_ < 0) return print(line);
  if (write_all(descriptor_, line) != 0) fail_storage(path_, "to write an event's line");
}

}  // namespace ra
