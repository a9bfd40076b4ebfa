#include "reports/prometheus_page.h"

#include "core/printable.h"

namespace ra {
namespace {

// A label's value: one line, backslash, quote and line feed escaped.
std::string quoted(const std::string& value) {
  std::string text;
  for (const char c : printable(value, 200)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

void PrometheusPage::metric(const char* name, const char* help) {
  name_ = fmt::format("repro_audit_{}", name);
  text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name_, help);
}

void PrometheusPage::sample_text(const Labels& labels, const std::string& value) {
  std::string joined;
  for (const auto& [label, text] : labels)
    joined += fmt::format("{}{}=\"{}\"", joined.empty() ? "" : ",", label, quoted(text));
  text_ += name_ + (joined.empty() ? "" : "{" + joined + "}") + " " + value + "\n";
}

Labels with(Labels labels, const Labels& more) {
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

}  // namespace ra
