// Whether a report is what its format says: a schema where there is one, else the grammar.
#pragma once

#include <string>

namespace ra {

// `schema`: a file in reports/.
void expect_valid_json(const std::string& report, const std::string& schema);
// The schema of Jenkins' xunit plug-in.
void expect_valid_junit(const std::string& report);
// The text format's grammar: HELP and TYPE once before a metric's samples, names and labels as they may be, values that
// are numbers, no sample twice; and promtool, where it is.
void expect_valid_prometheus(const std::string& report);

}  // namespace ra
