#include "reports/evidence/stated.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/json.h"
#include "core/printable.h"
#include "reports/evidence/bundle.h"

namespace ra {
namespace {

constexpr JsonLimits kStatementLimits{.max_depth = 8, .max_values = 100'000};

// A value with the name by which messages know it.
class Place {
 public:
  Place(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  Place operator[](const char* name) const {
    const Json* value = json_.find(name);
    if (value == nullptr)
      throw Error(Exit::bad_input, fmt::format("{}: no member {}; expected one", where_, name));
    return {*value, fmt::format("{}.{}", where_, name)};
  }
  const std::string& text() const { return json_.string(where_); }
  bool is_null() const { return json_.is_null(); }
  std::vector<Place> entries() const {
    std::vector<Place> places;
    for (const Json& value : json_.array(where_)) places.emplace_back(value, where_);
    return places;
  }
  void expect(const std::string& expected) const {
    if (text() != expected)
      throw Error(Exit::bad_input,
                  fmt::format("{}: \"{}\"; expected {}", where_, printable(text()), expected));
  }

 private:
  const Json& json_;
  std::string where_;
};

// The members in which two objects differ, the first of them.
std::string differing_member(const Json& found, const Json& expected) {
  if (!found.is_object() || !expected.is_object()) return "";
  for (const auto& [name, value] : expected.object("")) {
    const Json* other = found.find(name);
    if (other == nullptr || json_line(*other) != json_line(value)) return name;
  }
  return "";
}

}  // namespace

StatedEvidence read_statements(const std::string& lines) {
  const size_t end = lines.find('\n');
  if (end == lines.npos || lines.find('\n', end + 1) != lines.size() - 1)
    throw Error(Exit::bad_input, fmt::format("{}: not two lines; expected two envelopes", kEnvelopes));
  StatedEvidence stated;
  const std::string first = fmt::format("{}: line 1", kEnvelopes),
                    second = fmt::format("{}: line 2", kEnvelopes);
  stated.test_result = parse_envelope(std::string_view(lines).substr(0, end), first);
  stated.run_detail = parse_envelope(std::string_view(lines).substr(end + 1, lines.size() - end - 2), second);

  const Json test_result = parse_json(stated.test_result.payload, first, kStatementLimits);
  Place(test_result, first)["_type"].expect(kStatementType);
  Place(test_result, first)["predicateType"].expect(kTestResultType);

  const Json run_detail = parse_json(stated.run_detail.payload, second, kStatementLimits);
  const Place root(run_detail, second);
  root["_type"].expect(kStatementType);
  root["predicateType"].expect(kRunType);
  for (const Place& subject : root["subject"].entries())
    stated.subjects.push_back({subject["name"].text(), subject["digest"]["sha256"].text()});
  const Place predicate = root["predicate"];
  stated.audit_id = predicate["auditId"].text();
  stated.creator = predicate["bundle"]["creator"].text();
  stated.policy = predicate["policy"]["name"].text();
  stated.verdict = predicate["verdict"].text();
  stated.head = predicate["runChainHead"]["sha256"].text();
  if (const Place signer = predicate["signer"]; !signer.is_null()) stated.key_id = signer["keyid"].text();
  for (const Place& person : predicate["responsible"].entries())
    stated.responsible.push_back({person["name"].text(), person["role"].text()});
  return stated;
}

std::string differing_part(const std::string& statement, const std::string& expected) {
  if (statement == expected) return "";
  const Json found = parse_json(statement, "statement", kStatementLimits);
  const Json right = parse_json(expected, "statement", kStatementLimits);
  const std::string member = differing_member(found, right);
  if (member.empty()) return "text";
  if (member != "predicate") return member;
  const std::string inner = differing_member(*found.find("predicate"), *right.find("predicate"));
  return "predicate" + (inner.empty() ? "" : "." + inner);
}

}  // namespace ra
