#include "tests/reports/example_set.h"

#include "core/audit/policy.h"
#include "tests/reports/golden_report.h"
#include "tests/support/audit_builder.h"

namespace ra {
namespace {

// Both arms equal solo in one random trial; without `finish` the trial is missing.
Audit quiet_audit(bool finish) {
  AuditBuilder builder({"standard", "invariant"}, {20, 21, 22});
  builder.trial(TrialKind::random, 2, 1);
  if (finish) {
    builder.finish();
  } else {
    builder.done(0, 0);
  }
  return builder.audit;
}

}  // namespace

PromptSet example_set(bool hostile) {
  const char* const names[] = {"feynman", "river",
                               hostile ? "<script>alert(1)</script>`|\x1b]52;c;x\a" : "sum"};
  PromptSet set;
  int64_t place = 0;
  for (Audit audit : {small_scripted_audit(), quiet_audit(true), quiet_audit(false)}) {
    const char* name = names[place++];
    audit.id = "20261122T08000" + std::to_string(place) + "-00ff";
    audit.created = "2026-11-22T08:00:00Z";
    audit.tool = "0.1.0";
    audit.subject.model_name = hostile ? "model\"\\<b>\n.gguf" : "model.gguf";
    audit.subject.model_sha256 = std::string(64, 'a');
    if (hostile) audit.subject.prompt_text = "]]><img src=x onerror=alert(1)>\xff\u202e";
    audit.subject.settings.merge(policy_settings(*built_in_policy("nightly")));
    record({.set = "set-20261122T080000-00ff",
            .place = place,
            .count = 3,
            .name = name,
            .sha256 = std::string(64, 'c'),
            .seed = 1},
           audit.subject.settings);
    add_prompt(set, audit, analyze(audit));
  }
  conclude(set);
  return set;
}

}  // namespace ra
