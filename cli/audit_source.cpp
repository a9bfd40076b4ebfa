#include "cli/audit_source.h"

#include "cli/config.h"
#include "cli/locations.h"
#include "core/audit/export.h"
#include "core/llm/input_file.h"

namespace ra {
namespace {

bool is_file(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".gz");
}

}  // namespace

NamedAudit AuditSource::find(const std::string& word) {
  if (is_file(word)) return {word, read_export(InputFile::open(word).read_text(kMaxExportBytes), word)};
  const Store& in = store();
  for (const Baseline& baseline : in.baselines()) {
    if (baseline.name == word) return {"baseline " + word, in.load(baseline.audit)};
  }
  return {"audit " + word, in.load(in.resolve(word))};
}

const Store& AuditSource::store() {
  if (!store_) store_ = Store::open_reader(database_path(database_, read_config(config_path())));
  return *store_;
}

}  // namespace ra
