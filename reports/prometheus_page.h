// Prometheus' text format 0.0.4, a metric after another.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace ra {

using Labels = std::vector<std::pair<const char*, std::string>>;

class PrometheusPage {
 public:
  // A gauge; its samples follow. "repro_audit_" stands before its name.
  void metric(const char* name, const char* help);
  template <class Number>
  void sample(const Labels& labels, Number value) {
    sample_text(labels, fmt::format("{}", value));
  }
  std::string take() { return std::move(text_); }

 private:
  void sample_text(const Labels& labels, const std::string& value);

  std::string name_;
  std::string text_;
};

// Labels with more behind them.
Labels with(Labels labels, const Labels& more);

}  // namespace ra
