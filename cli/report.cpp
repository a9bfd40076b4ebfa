// repro-audit report: an audit's reports, made again from the database; or what two audits compare to.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/audit_source.h"
#include "cli/clauses_file.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/named_audits.h"
#include "cli/output_file.h"
#include "cli/report_files.h"
#include "cli/verbs.h"
#include "core/audit/analysis.h"
#include "core/audit/comparison.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "reports/comparison_report.h"
#include "reports/html_filing.h"

namespace ra {
namespace {

struct ReportOptions {
  std::optional<std::string> id, database;
  std::vector<std::string> compared;  // two, or none
  std::optional<std::string> filing, signer_name, signer_role, clauses;
  ReportFiles files;
  bool force = false;
};

// The report for filing that belongs to no bundle of evidence, so it is unsigned.
FilingDetails filing_details(const ReportOptions& options) {
  FilingDetails details{.clauses = read_clauses(options.clauses.value_or(installed_clauses()))};
  if (options.signer_name)
    details.responsible.push_back({*options.signer_name, options.signer_role.value_or("")});
  return details;
}

void check_filing(const ReportOptions& options, const std::string& database) {
  if (!options.filing) {
    for (const auto& [name, value] : {std::pair{"--signer-name", &options.signer_name},
                                      {"--signer-role", &options.signer_role},
                                      {"--clauses", &options.clauses}}) {
      if (*value) throw Error(Exit::usage, fmt::format("{} without --filing; expected both", name));
    }
    return;
  }
  if (options.signer_role && !options.signer_name)
    throw Error(Exit::usage, "--signer-role without --signer-name; expected both");
  check_output("--filing", *options.filing, options.force, {database});
  if (has_file(options.files, *options.filing))
    throw Error(Exit::usage, "--filing and another report name the same file; expected two");
}

void check_compared(const ReportOptions& options) {
  if (options.compared.empty()) return;
  if (options.id)
    throw Error(Exit::usage, "--compare and an audit besides; expected `report --compare A B --html FILE`");
  if (options.filing || options.files.junit || options.files.markdown || options.files.prometheus)
    throw Error(Exit::usage, "--compare with a format that knows one audit; expected --html or --json");
}

void write_comparison(const ReportOptions& options) {
  AuditSource source(options.database);
  const NamedAudit a = source.find(options.compared[0]), b = source.find(options.compared[1]);
  const Finding a_finding = analyze(a.audit), b_finding = analyze(b.audit);
  const Comparison found = compare(a.audit, a_finding, b.audit, b_finding);
  const ComparedAudit a_side{a.audit, a.name}, b_side{b.audit, b.name};
  if (options.files.html)
    write_output(*options.files.html, html_comparison(a_side, a_finding, b_side, b_finding, found));
  if (options.files.json) write_output(*options.files.json, json_comparison(a_side, b_side, found));
}

int run_report(const ReportOptions& options) {
  check_compared(options);
  const std::string database = database_path(options.database, read_config(config_path()));
  std::vector<std::string> inputs = options.compared;
  inputs.push_back(database);
  check_report_files(options.files, options.force, inputs);
  check_filing(options, database);
  if (!options.files.any() && !options.filing)
    throw Error(Exit::usage, "no report; expected --html FILE, --json FILE or another format's option");
  if (!options.compared.empty()) {
    write_comparison(options);
    return 0;
  }
  const std::optional<FilingDetails> filing =
      options.filing ? std::optional(filing_details(options)) : std::nullopt;
  const Store store = Store::open_reader(database);
  const NamedAudits named = find_audits(store, options.id.value_or("latest"));
  if (!named.set.empty()) {
    if (filing) throw Error(Exit::usage, "--filing of a list of prompts; expected one audit's id");
    write_report_files(options.files, load_set(store, named.audits));
    return 0;
  }
  const Audit audit = store.load(named.audits.front());
  const Finding finding = analyze(audit);
  write_report_files(options.files, audit, finding);
  if (filing) write_output(*options.filing, filing_report(audit, finding, *filing));
  return 0;
}

}  // namespace

Verb add_report(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("report", "Write the reports of an audit, or of a list's");
  const auto options = std::make_shared<ReportOptions>();
  add_text(*verb, "id", options->id, "The audit or set: an id, the beginning of one, or latest (default)",
           "ID");
  declare_report_files(*verb, options->files);
  verb->add_option("--compare", options->compared,
                   "Two audits in one report, named as for the verb compare, as --html or --json")
      ->expected(2)
      ->type_name("A B");
  add_text(*verb, "--filing", options->filing, "Write the report for filing: HTML for A4 paper, with a cover",
           "FILE|-");
  add_text(*verb, "--signer-name", options->signer_name, "Who is responsible for it", "NAME");
  add_text(*verb, "--signer-role", options->signer_role, "And as what", "ROLE");
  add_text(*verb, "--clauses", options->clauses, "The clauses that it names (default: the installed list)",
           "FILE");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--force", options->force, "Replace files that exist");
  verb->footer(
      "The same audit gives the same bytes.\n\nExamples:\n  repro-audit report latest --html report.html\n"
      "  repro-audit report latest --filing filing.html\n"
      "  repro-audit report --compare nightly latest --html changes.html");
  return {verb, [options] { return run_report(*options); }};
}

}  // namespace ra
