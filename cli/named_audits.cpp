#include "cli/named_audits.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/terminal.h"
#include "core/error.h"
#include "core/nearest.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr const char* kSetBegin = "set-";

// The set that `id` begins, or that the last audit is of; empty if it names an audit.
std::string named_set(const std::vector<AuditSummary>& audits, const std::string& id) {
  if (id == "latest") return audits.empty() || !audits.back().prompts ? "" : audits.back().prompts->set;
  if (!id.starts_with(kSetBegin)) return "";
  std::set<std::string> found, likely;
  for (const AuditSummary& audit : audits) {
    if (!audit.prompts) continue;
    const std::string& set = audit.prompts->set;
    if (set == id) return set;
    if (set.starts_with(id)) found.insert(set);
    likely.insert(set.substr(0, id.size()));
  }
  if (found.size() == 1) return *found.begin();
  if (found.empty()) {
    throw Error(Exit::usage,
                fmt::format("set '{}': there is none; expected one that `repro-audit list` shows{}",
                            printable(id), perhaps(id, {likely.begin(), likely.end()})));
  }
  throw Error(Exit::usage,
              fmt::format("set '{}': {} begin so; expected more of the id", printable(id), found.size()));
}

}  // namespace

NamedAudits find_audits(const Store& store, const std::string& id) {
  const std::vector<AuditSummary> audits = store.list();
  NamedAudits named{.set = named_set(audits, id)};
  if (named.set.empty()) {
    named.audits = {store.resolve(id)};
    return named;
  }
  std::vector<const AuditSummary*> of_set;
  for (const AuditSummary& audit : audits) {
    if (audit.prompts && audit.prompts->set == named.set) of_set.push_back(&audit);
  }
  std::stable_sort(of_set.begin(), of_set.end(), [](const AuditSummary* a, const AuditSummary* b) {
    return a->prompts->place < b->prompts->place;
  });
  const int64_t count = of_set.front()->prompts->count;
  if (static_cast<int64_t>(of_set.size()) != count) {
    throw Error(Exit::bad_input,
                fmt::format("set {}: {} of its {} audits are in the database; expected all, or the id of one",
                            named.set, of_set.size(), count));
  }
  for (const AuditSummary* audit : of_set) named.audits.push_back(audit->id);
  return named;
}

NamedAudits find_resumed(const Store& store, const std::string& id) {
  NamedAudits named = find_audits(store, id);
  if (!named.set.empty()) return named;
  for (const AuditSummary& audit : store.list()) {
    if (audit.id == named.audits.front() && audit.prompts) return find_audits(store, audit.prompts->set);
  }
  return named;
}

PromptSet load_set(const Store& store, const std::vector<std::string>& audits) {
  const bool show = stderr_is_terminal();
  const auto width = static_cast<size_t>(terminal_width());
  PromptSet set;
  for (const std::string& id : audits) {
    if (show)
      rewrite_line(fmt::format("repro-audit: reading audit {} of {}", set.prompts.size() + 1, audits.size()),
                   width);
    const Audit audit = store.load(id);
    add_prompt(set, audit, analyze(audit));
  }
  if (show) rewrite_line("", width);
  conclude(set);
  return set;
}

}  // namespace ra
