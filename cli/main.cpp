// Parses the command line, runs one verb, and turns what it throws into one line on stderr and an exit
// status. How to add a verb: cli/verbs.h.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>

#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr int kBrokenPipeStatus = 128 + SIGPIPE;

int fail(Exit status, const std::string& message) {
  print_error("repro-audit: error: " + message + "\n");
  return static_cast<int>(status);
}

// CLI11 knows the names; what it says about unknown ones it says without a suggestion.
void refuse_unknown_verb(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && (first[0] == '-' || std::find(names.begin(), names.end(), first) != names.end()))
    return;
  const std::string found =
      first.empty() ? "no command" : fmt::format("unknown command \"{}\"", printable(first));
  throw Error(Exit::usage,
              fmt::format("{}; expected one of {}{}", found, fmt::join(names, ", "), perhaps(first, names)));
}

// What was left over: an unknown option, or a word too many.
void refuse_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  const std::string help = app.get_parent() == nullptr ? "repro-audit" : "repro-audit " + app.get_name();
  const std::string word = extras.front().substr(0, extras.front().find('='));
  if (word.size() < 2 || word[0] != '-') {
    throw Error(Exit::usage,
                fmt::format("unexpected \"{}\"; expected what `{} --help` tells", printable(word), help));
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  throw Error(Exit::usage, fmt::format("unknown option {}; expected one of `{} --help`{}", printable(word),
                                       help, perhaps(word, names)));
}

void refuse_repeated_options(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > static_cast<size_t>(std::max(1, option->get_expected_max()))) {
      throw Error(Exit::usage,
                  fmt::format("{} is given {} times; expected once", option->get_name(), option->count()));
    }
  }
}

int run_command(int argc, char** argv) {
  CLI::App app("Does this model give the same answer to the same prompt, whatever else the machine is doing?",
               "repro-audit");
  bool version = false;
  add_flag(app, "--version", version, "Versions of the program and its libraries, processor, kernel sets");
  app.footer("Each command has its own --help.\n\nExample:\n  repro-audit run --prompt feynman.txt -n 1000");
  const std::vector<Verb> verbs = {
      add_run(app),    add_list(app),    add_show(app),    add_report(app),   add_trend(app),
      add_model(app),  add_devices(app), add_doctor(app),  add_db(app),       add_tokenize(app),
      add_export(app), add_import(app),  add_compare(app), add_baseline(app), add_evidence(app),
  };
  for (const Verb& verb : verbs) verb.app->allow_extras();
  app.allow_extras();

  refuse_unknown_verb(app, argc, argv);
  const auto chosen = [&]() -> const Verb* {
    for (const Verb& verb : verbs) {
      if (verb.app->parsed()) return &verb;
    }
    return nullptr;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(chosen() ? help_text(*chosen()->app, "repro-audit", terminal_width())
                   : help_text(app, "", terminal_width()));
    return 0;
  } catch (const CLI::ParseError& error) {
    const CLI::App& parsed = chosen() ? *chosen()->app : app;
    refuse_repeated_options(parsed);
    throw Error(Exit::usage, fmt::format("{}; expected what `{} --help` tells", printable(error.what(), 200),
                                         chosen() ? "repro-audit " + parsed.get_name() : "repro-audit"));
  }
  if (version) {
    print(version_text());
    return 0;
  }
  refuse_extras(app);
  check(chosen() != nullptr, "a command that was recognised to be parsed");
  refuse_extras(*chosen()->app);
  return chosen()->run();
}

}  // namespace
}  // namespace ra

int main(int argc, char** argv) {
  ra::reserve_standard_streams();
  signal(SIGPIPE, SIG_IGN);  // a reader that went away is seen as EPIPE
  signal(SIGXFSZ, SIG_IGN);  // a file size limit is seen as EFBIG
  try {
    return ra::run_command(argc, argv);
  } catch (const ra::BrokenPipe&) {
    return ra::kBrokenPipeStatus;
  } catch (const ra::Error& error) {
    return ra::fail(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return ra::fail(ra::Exit::device, "not enough memory; expected to allocate more");
  } catch (const std::exception& error) {
    return ra::fail(ra::Exit::bug, std::string("internal error: ") + error.what());
  }
}
