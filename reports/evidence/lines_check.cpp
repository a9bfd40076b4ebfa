#include "reports/evidence/lines_check.h"

#include <fmt/format.h>

#include <functional>
#include <limits>
#include <set>
#include <vector>

#include "core/audit/store_codec.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/printable.h"
#include "reports/evidence/bundle.h"

namespace ra {
namespace {

// A stream of 100,000 tokens has as many values.
constexpr JsonLimits kLineLimits{.max_depth = 3, .max_values = 2'000'000};

[[noreturn]] void refuse(const std::string& where, const std::string& found, const std::string& expected) {
  throw Error(Exit::evidence, fmt::format("{}: {}; expected {}", where, found, expected));
}

// Calls `each` with the text of every line, its JSON and "<file>: line <n>"; returns their number.
int64_t for_each_line(
    const std::string& file, const char* name,
    const std::function<void(std::string_view line, const Json& json, const std::string& where)>& each) {
  int64_t number = 0;
  for (size_t at = 0; at < file.size();) {
    const std::string where = fmt::format("{}: line {}", name, ++number);
    const size_t end = file.find('\n', at);
    if (end == file.npos) refuse(where, "no newline at its end", "one");
    const std::string_view line = std::string_view(file).substr(at, end - at);
    each(line, parse_json(line, where, kLineLimits), where);
    at = end + 1;
  }
  return number;
}

const Json& member(const Json& json, const char* name, const std::string& where) {
  const Json* value = json.find(name);
  if (value == nullptr) refuse(where, fmt::format("no member {}", name), "one");
  return *value;
}

std::string digest(const Json& json, const char* name, const std::string& where) {
  return member(json, name, where).string(where + ": " + name);
}

}  // namespace

LinesFound check_chain(const std::string& runs) {
  LinesFound found{.head = kChainStart};
  found.lines =
      for_each_line(runs, kRuns, [&](std::string_view line, const Json& json, const std::string& where) {
        const std::string previous = digest(json, "prevSha256", where);
        if (previous != found.head)
          refuse(where, fmt::format("prevSha256 {}", printable(previous)),
                 "that of the line before it, " + found.head);
        found.head = hex(sha256(line));
      });
  return found;
}

LinesFound check_streams(const std::string& streams, const std::string& runs) {
  LinesFound found;
  std::set<std::string> known, used;
  found.lines =
      for_each_line(streams, kStreams, [&](std::string_view, const Json& json, const std::string& where) {
        std::vector<int32_t> tokens;
        for (const Json& token : member(json, "tokens", where).array(where + ": tokens")) {
          tokens.push_back(static_cast<int32_t>(
              token.unsigned_integer(where + ": tokens", std::numeric_limits<int32_t>::max())));
        }
        const std::string stated = digest(json, "sha256", where), computed = hex(token_sha256(tokens));
        if (stated != computed)
          refuse(where, fmt::format("sha256 {}", printable(stated)), "that of its tokens, " + computed);
        if (!known.insert(stated).second) refuse(where, "a stream twice", "each once");
      });
  for_each_line(runs, kRuns, [&](std::string_view, const Json& json, const std::string& where) {
    const std::string& stream = *used.insert(digest(json, "sha256", where)).first;
    if (!known.contains(stream))
      refuse(where, fmt::format("stream {}", printable(stream)), "one of streams.ndjson");
  });
  if (used != known) refuse(kStreams, "a stream that no run made", "those of the runs");
  return found;
}

}  // namespace ra
