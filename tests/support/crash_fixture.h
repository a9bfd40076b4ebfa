// Audits of the scripted subject that are made in processes which get killed, and what must be true afterwards.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>

#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "reports/report.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {

inline constexpr const char* kId = "same";

inline Script script() {
  Script parts;
  parts.run_token = {{1, 2}, {3, 1}};
  parts.failing_trials = {4};
  parts.choices = [](int32_t rows) {
    return ChoiceSetRecord{{"qkv", std::to_string(rows), std::to_string(rows / 2)}};
  };
  return parts;
}

// What a killed process leaves behind for its parent.
struct Acknowledged {
  std::atomic<int64_t> turns;
};

class CrashFixture : public testing::Test {
 protected:
  CrashFixture() {
    void* memory =
        mmap(nullptr, sizeof(Acknowledged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    acknowledged_ = new (memory) Acknowledged{};
  }
  ~CrashFixture() override { munmap(acknowledged_, sizeof(Acknowledged)); }

  // Begins the audit in `path`, or goes on with it.
  RunEnd go_on(const std::string& path, const PlanSpec& spec,
               const std::function<void(int64_t)>& before_trial = {},
               const std::function<void(int64_t)>& after_turn = {}) {
    Store store = Store::open_writer(path);
    ScriptedAudit scripted = scripted_audit(spec, script());
    scripted.audit.id = kId;
    if (store.list().empty()) {
      store.create(scripted.audit);
    } else {
      store.add_segment(kId, scripted.audit.tool);
      scripted.audit = store.load(kId);
    }
    for (const auto& subject : scripted.subjects) subject->before_trial = before_trial;
    RunnerOptions options = scripted_options();
    options.on_progress = [&](const ProgressEvent& event) {
      acknowledged_->turns = event.turns_done;
      if (after_turn) after_turn(event.turns_done);
    };
    return run_audit(scripted.audit, scripted.arms(), store, options);
  }

  // Runs it in another process; true if that ended by itself and well.
  static bool in_child(const std::function<void()>& action,
                       const std::function<void(pid_t)>& meanwhile = {}) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        action();
      } catch (const std::exception& error) {
        fprintf(stderr, "child: %s\n", error.what());
        _exit(1);
      }
      _exit(0);
    }
    if (meanwhile) meanwhile(child);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
  }

  static bool runs(pid_t child) {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }

  // The JSON report says nothing else either, but for when and in how many segments.
  static void expect_same(Audit found, const Audit& expected, const std::string& when) {
    EXPECT_EQ(difference(found, expected), "") << when;
    found.created = expected.created;
    found.segments = expected.segments;
    EXPECT_EQ(json_report(found, analyze(found)), json_report(expected, analyze(expected))) << when;
  }

  Audit uninterrupted(const PlanSpec& spec) {
    const std::string path = folder_ / "uninterrupted.db";
    go_on(path, spec);
    acknowledged_->turns = 0;
    return Store::open_reader(path).load(kId);
  }

  // Nothing acknowledged or seen before is lost, nothing half done is there. Once after each process that was killed.
  void expect_kept(const std::string& path, const std::string& when) {
    if (!std::filesystem::exists(path)) {
      EXPECT_EQ(acknowledged_->turns, 0) << when;
      return;
    }
    const Store store = Store::open_reader(path);
    EXPECT_THAT(store.verify(), testing::IsEmpty()) << when;
    const std::vector<AuditSummary> audits = store.list();
    if (audits.empty()) {
      EXPECT_EQ(acknowledged_->turns, 0) << when;
    } else {
      EXPECT_GE(audits[0].turns_done, acknowledged_->turns) << when;
      EXPECT_LE(audits[0].turns_done, acknowledged_->turns + 1) << when;
      // Read is as good as acknowledged: it may not be lost any more, and the next process has one turn of its own that
      // may be stored and not yet acknowledged.
      acknowledged_->turns = audits[0].turns_done;
    }
  }

  void expect_completed(const std::string& path, const PlanSpec& spec, const Audit& expected,
                        const std::string& when) {
    EXPECT_EQ(go_on(path, spec), RunEnd::complete) << when;
    acknowledged_->turns = 0;
    expect_same(Store::open_reader(path).load(kId), expected, when);
  }

  void remove_database(const std::string& path) {
    for (const char* end : {"", "-journal", ".lock", ".creating", ".creating-journal"}) {
      std::filesystem::remove(path + end);
    }
    acknowledged_->turns = 0;
  }

  TemporaryFolder folder_;
  Acknowledged* acknowledged_ = nullptr;
};

}  // namespace ra
