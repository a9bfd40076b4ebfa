// What is happening, on stderr: one line that is rewritten on a terminal, plain lines every few seconds elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/audit/audit.h"
#include "core/audit/runner.h"

namespace ra {

enum class ProgressStyle : uint8_t { off, lines, one_line };

class Progress {
 public:
  // `audit` is the stored one; what earlier segments did counts as done.
  // `label` stands before each line.
  Progress(const Audit& audit, ProgressStyle style, int width, std::string label = "");
  ~Progress();

  void acknowledge(const ProgressEvent& event);

  // The line as of now; pure, for tests. "standard 32/100 invariant 31/100 runs | 16 rows | 480 tokens/s | ..."
  std::string line(double seconds) const;

 private:
  struct ArmProgress {
    std::string name;
    int64_t runs_done = 0;  // of the N: solo and repeats, with index -1, are outside it
    std::set<std::pair<Hash128, EndReason>> streams;
  };
  void show(const std::string& line);

  const Plan& plan_;
  ProgressStyle style_;
  size_t width_;
  std::string label_;
  std::vector<ArmProgress> arms_;
  std::vector<double> trial_cost_;                        // by trial, in rows
  double cost_total_ = 0, cost_done_ = 0, cost_now_ = 0;  // of all turns; now: of this segment
  int64_t tokens_ = 0;
  double busy_seconds_ = 0;
  int32_t rows_ = 0;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point begun_, shown_;
};

}  // namespace ra
