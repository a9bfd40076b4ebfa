#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/policy.h"
#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/support/audit_builder.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MarkdownReport, OfAScriptedAuditIsTheGoldenOne) {
  const Audit audit = small_scripted_audit();
  expect_golden("small.md", markdown_report(audit, analyze(audit)));
}

TEST(MarkdownReport, WhatAModelWroteStaysInert) {
  AuditBuilder builder({"standard"}, {10, 11});
  builder.done(0, builder.trial(TrialKind::edge, 1, 0), {{.tokens = {10, 12}}});
  builder.finish();
  const std::pair<const char*, const char*> cases[] = {
      {"<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"},
      {"a|b", "a&#124;b"},
      {"`rm`", "\\`rm\\`"},
      {"[x](javascript:alert(1))", "\\[x\\](javascript&#58;alert(1))"},
      {"http://evil.example", "http&#58;//evil.example"},
      {"www.evil.example", "www&#46;evil.example"},
      {"@everyone", "&#64;everyone"},
      {"**bold**", "\\*\\*bold\\*\\*"},
      {"\x1b]52;c;x\a", "\\\\u{1b}\\]52;c;x\\\\u{7}"},
      {"line\nbreak", "line\\\\nbreak"},
  };
  for (const auto& [hostile, inert] : cases) {
    builder.audit.pieces[12] = hostile;
    const std::string report = markdown_report(builder.audit, analyze(builder.audit));
    EXPECT_THAT(report, HasSubstr(inert)) << hostile;
    EXPECT_THAT(report, Not(HasSubstr(std::string("<code>") + hostile + "</code>")));
  }
}

TEST(MarkdownReport, FitsAJobsSummary) {
  constexpr size_t kGitHubsLimit = size_t{1} << 20;
  AuditBuilder builder({"standard", "invariant"}, {10, 11});
  builder.audit.subject.prompt_text = std::string(5 << 20, 'x');
  builder.finish();
  EXPECT_LT(markdown_report(builder.audit, analyze(builder.audit)).size(), kGitHubsLimit / 100);
}

}  // namespace
}  // namespace ra
