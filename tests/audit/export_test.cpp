#include "core/audit/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "core/audit/set_place.h"
#include "core/audit/store.h"
#include "core/audit/store_codec.h"
#include "core/gzip.h"
#include "core/json.h"
#include "reports/report.h"
#include "tests/support/refusal.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr size_t kMuch = 1 << 24;

// Streams that part, kernel choices that follow the rows, stops, failures, two segments.
Audit eventful_audit() {
  Script script;
  script.run_token = {{3, 4}, {5, 4}, {9, 7}};
  script.logits = {{{8, 0}, 2}};
  script.failing_trials = {5};
  script.stop_at = 9;
  script.choices = [](int32_t rows) {
    const std::string tile = "tile " + std::to_string(rows / 8);
    return ChoiceSetRecord{{"qkv", tile, tile}, {"lm_head", "one", "one"}};
  };
  PlanSpec spec = scripted_spec();
  spec.strata = {Stratum::rows, Stratum::chunk, Stratum::preempt, Stratum::all};
  ScriptedAudit scripted = scripted_audit(spec, script);
  scripted.audit.id = "one";
  scripted.audit.subject.model_name = "bytes \xff of \xe2\x80\xae no text";
  const TemporaryFolder folder;
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  run_audit(scripted.audit, scripted.arms(), store, scripted_options());
  store.add_segment("one", "another version");
  return store.load("one");
}

const Audit& eventful() {
  static const Audit audit = eventful_audit();
  return audit;
}

std::string lines_of(const std::string& file) {
  return gunzip(file, "file", kMuch);
}

// A file of these lines with an end that vouches for them.
std::string with_end(const std::string& lines) {
  const auto count = std::count(lines.begin(), lines.end(), '\n');
  return gzip(lines + "{\"kind\":\"end\",\"lines\":" + std::to_string(count) + ",\"sha256\":\"" +
              hex(sha256(lines)) + "\"}\n");
}

std::string without_end(const std::string& file) {
  const std::string text = lines_of(file);
  return text.substr(0, text.rfind("{\"kind\":\"end\""));
}

TEST(Export, ImportedItIsTheSameAuditWithTheSameBytesAndReports) {
  const std::string file = export_audit(eventful());
  const Audit read = read_export(file, "file");
  EXPECT_EQ(difference(read, eventful()), "");
  const TemporaryFolder folder;
  Store store = Store::open_writer(folder / "audits.db");
  ScriptedAudit other = scripted_audit(scripted_spec(), {});
  store.create(other.audit);
  store.import(read);
  EXPECT_THAT(store.verify(), IsEmpty());
  const Audit stored = store.load("one");
  EXPECT_EQ(export_audit(stored), file);
  EXPECT_EQ(json_report(stored, analyze(stored)), json_report(eventful(), analyze(eventful())));
  EXPECT_EQ(html_report(stored, analyze(stored)), html_report(eventful(), analyze(eventful())));
  ASSERT_EQ(stored.segments.size(), 2u);
  EXPECT_EQ(stored.segments[1].tool, "another version");
}

TEST(Export, CarriesAnAuditThatHasNotBegunAndOneThatGoesOnElsewhere) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  scripted.audit.id = "one";
  Store here = Store::open_writer(folder / "here.db");
  here.create(scripted.audit);
  Store there = Store::open_writer(folder / "there.db");
  there.import(read_export(export_audit(here.load("one")), "file"));
  const Audit begun = there.load("one");
  run_audit(begun, scripted.arms(), there, scripted_options());
  run_audit(here.load("one"), scripted.arms(), here, scripted_options());
  EXPECT_EQ(difference(there.load("one"), here.load("one")), "");
}

TEST(Export, KeepsEveryBitOfNumbersThatJsonDoesNotHave) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  const std::atomic<bool> stop{false};
  TrialResult result =
      scripted.subjects[0]->run(scripted.audit.plan.trials[0], scripted.audit.plan.texts, stop);
  using Limits = std::numeric_limits<float>;
  const float odd[] = {Limits::infinity(),
                       -Limits::infinity(),
                       Limits::quiet_NaN(),
                       -0.0F,
                       Limits::denorm_min(),
                       Limits::max(),
                       0.1F};
  for (size_t i = 0; i < std::size(odd); ++i) result.sequences[0].steps[i].accumulator[1] = odd[i];
  result.seconds = 0.1;
  store.append(scripted.audit.id, {0, 0}, 0, result, {});
  const Audit audit = store.load(scripted.audit.id);
  const Audit read = read_export(export_audit(audit), "file");
  ASSERT_EQ(read.streams.size(), audit.streams.size());
  EXPECT_EQ(encode_steps(read.streams[0].steps), encode_steps(audit.streams[0].steps));
  EXPECT_EQ(read.attempts[0].seconds, 0.1);
}

TEST(Export, IsLinesThatStockToolsReadAndVerify) {
  const TemporaryFolder folder;
  const std::string path = folder.write("audit.jsonl.gz", export_audit(eventful()));
  const std::string command =
      "zcat " + path + " | head -n -1 | sha256sum | cut -d ' ' -f 1 >" + (folder / "sum");
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream file(folder / "sum");
  std::string sum;
  file >> sum;
  EXPECT_THAT(lines_of(export_audit(eventful())), HasSubstr("\"sha256\":\"" + sum + "\"}\n"));
}

TEST(Export, TheManualHasEveryKindOfLine) {
  std::ifstream file(RA_SOURCE "/man/repro-audit-export.5");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string text = lines_of(export_audit(eventful()));
  std::set<std::string> kinds;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    kinds.insert(parse_json(text.substr(at, end - at), "line").find("kind")->string("kind"));
    at = end + 1;
  }
  EXPECT_EQ(kinds.size(), 13u);
  for (const std::string& kind : kinds) EXPECT_THAT(page, ContainsRegex("\n.It Cm " + kind + "( No \\*)?\n"));
}

TEST(Export, ATruncatedFileIsRefused) {
  const std::string file = export_audit(eventful());
  for (size_t size = 0; size < file.size(); size += 97)
    EXPECT_THAT(refusal([&] { read_export(file.substr(0, size), "a.gz"); }), StartsWith("a.gz@")) << size;
  const std::string text = lines_of(file);
  for (size_t size = 0; size < text.size(); size += text.size() / 50)
    EXPECT_THAT(refusal([&] { read_export(gzip(text.substr(0, size)), "a.gz"); }), StartsWith("a.gz"))
        << size;
}

TEST(Export, AFlippedBitIsFoundOrWithoutEffect) {
  const std::string file = export_audit(eventful());
  int found = 0;
  constexpr int kFlips = 300;
  for (int i = 0; i < kFlips; ++i) {
    std::string damaged = file;
    const size_t place = static_cast<size_t>(draw(5, 6, static_cast<uint64_t>(i), 0, file.size()));
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << draw(5, 7, static_cast<uint64_t>(i), 0, 8)));
    try {
      EXPECT_EQ(difference(read_export(damaged, "a.gz"), eventful()), "") << place;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::bad_input) << error.what();
      ++found;
    }
  }
  EXPECT_GT(found, kFlips * 9 / 10) << "only the header has bits without effect";
}

// Whoever changes a line can also write an end that fits it.
TEST(Export, AForgedLineContradictsTheOthers) {
  const std::string lines = without_end(export_audit(eventful()));
  const std::pair<std::pair<const char*, const char*>, const char*> cases[] = {
      {{"\"format\":\"repro-audit-export\"", "\"format\":\"x\""}, "line 1: another format"},
      {{"\"version\":1", "\"version\":2"}, "line 1: version 2; expected 1"},
      {{"\"id\":\"one\"", "\"id\":\"two\""}, "other facts than their SHA-256 is of"},
      {{"\"prompt_text\":\"Tell", "\"prompt_text\":\"tell"}, "other facts than their SHA-256 is of"},
      {{"\"vocab\":500", "\"vocab\":501"}, "another plan than its SHA-256 is of"},
      {{"\"vocab\":500", "\"vocab\":5"}, "the plan: "},
      {{"\"vocab\":500", "\"vocab\":0"}, "vocab 0; expected 1 to"},
      {{"\"vocab\":500", "\"vocab\":2147483648"}, "vocab 2147483648; expected"},
      {{"\"vocab\":500", "\"vocab\":500.0"}, "vocab: found 500.0"},
      {{"\"vocab\":500,", ""}, "no member vocab"},
      {{"\"vocab\":500", "\"vocab\":500,\"more\":1"}, "a member that this version does not know"},
      {{"\"vocab\":500", "\"vocab\":500,\"vocab\":500"}, "two members \"vocab\""},
      {{"\"seed\":\"11\"", "\"seed\":\"11x\""}, "seed \"11x\""},
      {{"\"kind\":\"turns\"", "\"kind\":\"turn\""}, "the plan: "},
      {{"\"drawn\":\"edge\"", "\"drawn\":\"odd\""}, "\"odd\"; expected a word"},
      {{"\"started\":\"2", "\"started\":\"\\u001b"}, "started \"\\u{1b}"},
      {{"\"tokens\":[40,", "\"tokens\":[41,"}, "another plan than its SHA-256 is of"},
      {{"\"content_sha256\":\"", "\"content_sha256\":\"0"}, "does not have the hashes beside it"},
      {{"\"outcome\":\"failed\"", "\"outcome\":\"done\""}, "a result of a finished trial is missing"},
      {{"\"failure\":\"\",\"seconds\":0", "\"failure\":\"\",\"seconds\":-0"}, "a negative number or time"},
      {{"\"seconds\":", "\"seconds\":-1e-9,\"x\":"}, "a member that this version does not know"},
      {{"\"seconds\":", "\"seconds\":1e300,\"x\":"}, "more than a billion seconds"},
      {{"\"results\":[[0,", "\"results\":[[9,"}, "a result of a sequence or stream that is not there"},
      {{"\"results\":[[0,0,", "\"results\":[[0,1,"}, "the chain of arm"},
      {{"\"launches\":[[9,1,0],", "\"launches\":[[9,1,99],"}, "a launch's kernel choices are missing"},
      {{"\"launches\":[[9,1,", "\"launches\":[[8,1,"}, "ran with other rows than planned"},
      {{"\"kind\":\"pieces\"", "\"kind\":\"extras\""}, "kind \"extras\"; expected end"},
      {{"{\"kind\":\"pieces\"", "{\"kind\":\"end\"}\n{\"kind\":\"pieces\""}, "lines behind it"},
      {{"{\"kind\":\"pieces\"", "[[[[[[[[[[\n{\"kind\":\"pieces\""}, "levels of nesting"},
      {{"{\"kind\":\"pieces\"", "7\n{\"kind\":\"pieces\""}, "found 7; expected an object"},
      {{"{\"kind\":\"pieces\"", "\n{\"kind\":\"pieces\""}, "a.gz: line"},
  };
  for (const auto& [change, message] : cases) {
    std::string forged = lines;
    const size_t at = forged.find(change.first);
    ASSERT_NE(at, forged.npos) << change.first;
    forged.replace(at, std::string(change.first).size(), change.second);
    const std::string refused = refusal([&] { read_export(with_end(forged), "a.gz"); });
    EXPECT_THAT(refused, HasSubstr(message)) << change.second;
    EXPECT_THAT(refused, AnyOf(StartsWith("a.gz: "), StartsWith("a.gz@"))) << change.second;
    EXPECT_EQ(refused.find('\n'), refused.npos) << "one line";
  }
}

TEST(Export, APlaceInAListOfPromptsThatIsNoneIsRefused) {
  Audit audit = eventful();
  record({.set = "set-1", .place = 1, .count = 2, .name = "p", .sha256 = "", .seed = 1},
         audit.subject.settings);
  EXPECT_EQ(read_export(export_audit(audit), "a.gz").subject.settings, audit.subject.settings);
  audit.subject.settings["prompts.place"] = "3";
  EXPECT_THAT(refusal([&] { read_export(export_audit(audit), "a.gz"); }),
              HasSubstr("setting prompts.place: found \"3\"; expected a number from 1 to 2"));
}

TEST(Export, ALineMoreOrLessIsMissed) {
  const std::string text = lines_of(export_audit(eventful()));
  for (const char* kind : {"arm", "plan", "trial", "segment", "choices", "stream", "attempt"}) {
    const size_t begin = text.find("{\"kind\":\"" + std::string(kind) + "\"");
    const size_t end = text.find('\n', begin) + 1;
    const std::string line = text.substr(begin, end - begin);
    const std::string less = text.substr(0, begin) + text.substr(end);
    EXPECT_THAT(refusal([&] { read_export(gzip(less), "a.gz"); }), HasSubstr("other lines than its last one"))
        << kind;
    if (std::string(kind) == "segment") continue;  // how often an audit was resumed is written nowhere else
    const std::string forged = with_end(less.substr(0, less.rfind("{\"kind\":\"end\"")));
    refusal([&] { read_export(forged, "a.gz"); });
    const std::string more = text.substr(0, end) + line + text.substr(end);
    refusal([&] { read_export(with_end(more.substr(0, more.rfind("{\"kind\":\"end\""))), "a.gz"); });
  }
}

TEST(Export, ABombIsRefusedBeforeItUnfolds) {
  EXPECT_THAT(refusal([] { read_export(gzip(std::string(100 << 20, ' ')), "bomb"); }),
              HasSubstr("bytes when unpacked"));
}

TEST(Export, APlanThatWouldFillTheMemoryWhenLaidOutIsRefused) {
  Audit audit;
  audit.id = "huge";
  audit.created = "2026-11-22T08:00:00Z";
  audit.segments = {{audit.created, ""}};
  PlanSpec& spec = audit.plan.spec;
  spec.prompt = {1};
  spec.vocab = 2;
  spec.max_positions = std::numeric_limits<int32_t>::max();
  spec.runs = 1;
  spec.max_tokens = 1 << 30;
  spec.batch_sizes = {1};
  spec.arms = {"invariant"};
  audit.arms = {{0, "invariant", {}}};
  audit.plan.texts = {spec.prompt, {1}};
  PlannedSequence run{.index = -1, .prompt_length = 1, .steps = spec.max_tokens};
  audit.plan.trials = {{.id = 0, .kind = TrialKind::solo, .sequences = {run}}};
  run.index = 0;
  audit.plan.trials.push_back({.id = 1, .kind = TrialKind::edge, .sequences = {run}});
  audit.plan.order = {{0, 0}, {1, 0}};
  EXPECT_THAT(refusal([&] { read_export(export_audit(audit), "a.gz"); }),
              HasSubstr("a plan of 2147483648 steps of sequences; expected at most"));
}

}  // namespace
}  // namespace ra
