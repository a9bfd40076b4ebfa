// The program's verbs. One file a verb: its options as a struct, add_x(app) that declares them,
// run_x(options) that does the work and returns the exit status. To add a verb `x`:
//   1. cli/x.cpp: struct XOptions; int run_x(const XOptions&); Verb add_x(CLI::App& app), as cli/list.cpp has
//   them.
//      Declare options with cli/arguments.h (strict numbers, nothing given twice) and give the help text an
//      example.
//   2. Its declaration below, its line in main.cpp's table, its file in cli/CMakeLists.txt, its part of the
//   manual page.
// Results go to stdout by print() of cli/terminal.h, everything else to stderr. What goes wrong is an Error.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace ra {

struct Verb {
  CLI::App* app = nullptr;
  std::function<int()> run;  // after the options were parsed; returns the exit status
};

Verb add_run(CLI::App& app);
Verb add_list(CLI::App& app);
Verb add_show(CLI::App& app);
Verb add_report(CLI::App& app);
Verb add_model(CLI::App& app);
Verb add_devices(CLI::App& app);
Verb add_doctor(CLI::App& app);
Verb add_db(CLI::App& app);
Verb add_tokenize(CLI::App& app);
Verb add_trend(CLI::App& app);
Verb add_export(CLI::App& app);
Verb add_import(CLI::App& app);
Verb add_evidence(CLI::App& app);
Verb add_compare(CLI::App& app);
Verb add_baseline(CLI::App& app);

}  // namespace ra
