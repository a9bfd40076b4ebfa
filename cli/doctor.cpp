// repro-audit doctor: what is wrong with an installation, and how to mend it.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/devices.h"
#include "cli/locations.h"
#include "cli/model_report.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "core/json.h"
#include "core/json_values.h"
#include "core/llm/checkpoint.h"
#include "core/printable.h"
#include "kernels/ops.h"

namespace ra {
namespace {

constexpr uintmax_t kLittleSpace = uintmax_t{100} << 20;  // bytes; an audit of 1000 runs takes about 20 MB

struct DoctorOptions {
  std::optional<std::string> model, database;
  bool json = false;
};

enum class Health : uint8_t { good, note, wrong };  // note: something is limited, and yet works

struct Examined {
  std::string part;
  Health health = Health::good;
  std::string found;
  std::string mend;  // empty where there is nothing to do
};

const char* name_of(Health health) {
  return health == Health::good ? "good" : health == Health::note ? "note" : "wrong";
}

// The folder of `path` that exists and could be written, or would be made.
std::string existing_folder(const std::string& path) {
  std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  while (!std::filesystem::exists(folder) && folder.has_relative_path()) folder = folder.parent_path();
  return folder.string();
}

bool can_write(const std::string& path) {
  return access(path.c_str(), F_OK) == 0 ? access(path.c_str(), W_OK) == 0
                                         : access(existing_folder(path).c_str(), W_OK | X_OK) == 0;
}

class Doctor {
 public:
  explicit Doctor(const DoctorOptions& options) : options_(options) {}

  std::vector<Examined> examine() {
    devices();
    configuration();
    model();
    cache();
    database();
    return std::move(examined_);
  }

 private:
  void add(const std::string& part, Health health, const std::string& found, const std::string& mend = "") {
    examined_.push_back({part, health, found, mend});
  }

  void devices() {
    const std::vector<Device> devices = available_devices();
    bool cpu = false, gpu = false;
    for (const Device& device : devices) {
      if (device.id == "cpu") add("processor", Health::good, device.description);
      if (is_gpu(device.id)) add("GPU", Health::good, device.description);
      cpu = cpu || device.id == "cpu";
      gpu = gpu || is_gpu(device.id);
    }
    if (!cpu)
      add("processor", Health::wrong, "no AVX2 with FMA", "run it on an x86-64 processor of 2013 or later");
    if (!gpu) add("GPU", Health::note, gpu_absence("cuda"), "audits run on the processor");
  }

  void configuration() {
    const std::string path = config_path();
    try {
      config_ = read_config(path);
      std::error_code none;
      const bool there = !path.empty() && std::filesystem::exists(path, none);
      add("configuration", Health::good, there ? path : "none: defaults hold");
    } catch (const Error& error) {
      add("configuration", Health::wrong, error.what(),
          "mend that line; repro-audit-config(5) lists the keys");
    }
  }

  void model() {
    try {
      const Checkpoint checkpoint = Checkpoint::open(model_path(options_.model, config_));
      add("model", Health::good, fmt::format("{}, {}", checkpoint.name(), checkpoint.family()));
      for (const std::string& warning : checkpoint.warnings()) add("model", Health::note, warning);
      blas(checkpoint.shape());
      memory(checkpoint.shape());
    } catch (const Error& error) {
      const bool none = error.status() == Exit::usage;
      add("model", none ? Health::note : Health::wrong, error.what(),
          none ? "name one in the configuration, or with --model"
               : "`repro-audit model PATH --check` reads every byte");
    }
  }

  void blas(const ModelShape& shape) {
    const std::string fault = blas_fault(shape), found = fault.empty() ? blas_lag() : fault;
    const char* core = std::getenv("OPENBLAS_CORETYPE");
    if (found.empty()) {
      add("OpenBLAS", Health::good, "right products at the model's shapes");
    } else if (core == nullptr) {
      add("OpenBLAS", Health::note, found, "`run` starts itself anew with OPENBLAS_CORETYPE=Haswell");
    } else {
      add("OpenBLAS", fault.empty() ? Health::note : Health::wrong, found,
          fmt::format("unset OPENBLAS_CORETYPE, which is {}", core));
    }
  }

  void memory(const ModelShape& shape) {
    const ArmsSpec spec = stated_arms();
    const MemoryNeed need = memory_needed(shape, spec);
    const uint64_t all = need.weights + need.cache + need.workspace,
                   available = memory_available(spec.device);
    const std::string found =
        fmt::format("{} MiB for {} sequences of {} positions; {} MiB available on {}", all >> 20,
                    kStatedSequences, kStatedPositions, available >> 20, spec.device);
    all <= available ? add("memory", Health::good, found)
                     : add("memory", Health::note, found, "take smaller --batch-sizes, or a smaller model");
  }

  void cache() {
    const std::string path = hash_cache_path();
    if (path.empty() || !can_write(path)) {
      add("cache", Health::note,
          path.empty() ? "no folder: neither $XDG_CACHE_HOME nor $HOME" : path + ": not writable",
          "the model's SHA-256 is computed anew each time");
      return;
    }
    add("cache", Health::good, path);
  }

  void database() {
    std::string path;
    try {
      path = database_path(options_.database, config_);
    } catch (const Error& error) {
      return add("database", Health::wrong, error.what(), "name one with --db or in the configuration");
    }
    if (!can_write(path))
      return add("database", Health::wrong, path + ": not writable",
                 "change its owner or mode, or name another");
    std::error_code failure;
    if (!std::filesystem::exists(path, failure)) {
      add("database", Health::good, path + ": none yet, the first run makes it");
    } else {
      try {
        add("database", Health::good,
            fmt::format("{}: {} audits", path, Store::open_reader(path).list().size()));
      } catch (const Error& error) {
        add("database", Health::wrong, error.what(), "`repro-audit db check` says what is damaged");
      }
    }
    const auto space = std::filesystem::space(existing_folder(path), failure);
    if (!failure && space.available < kLittleSpace) {
      add("disk", Health::note, fmt::format("{} MiB free beside the database", space.available >> 20),
          "make room; a full disk stops an audit, resumable");
    }
  }

  const DoctorOptions& options_;
  Config config_;
  std::vector<Examined> examined_;
};

int run_doctor(const DoctorOptions& options) {
  const std::vector<Examined> examined = Doctor(options).examine();
  bool wrong = false;
  std::string text;
  for (const Examined& part : examined) {
    wrong = wrong || part.health == Health::wrong;
    text += fmt::format("{:<6} {:<14} {}\n", name_of(part.health), part.part, printable(part.found, 1000));
    if (!part.mend.empty()) text += fmt::format("{:<21} -> {}\n", "", part.mend);
  }
  const auto part_json = [](const Examined& part) {
    return Json{Json::Object{{"part", json::text(part.part)},
                             {"health", json::text(name_of(part.health))},
                             {"found", json::text(part.found)},
                             {"mend", part.mend.empty() ? Json{} : json::text(part.mend)}}};
  };
  print(options.json ? json_text(Json{Json::Object{{"whole", Json{!wrong}},
                                                   {"parts", json::array(examined, part_json)}}})
                     : text);
  return static_cast<int>(wrong ? Exit::bad_input : Exit::ok);
}

}  // namespace

Verb add_doctor(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("doctor", "Say what is wrong with the installation, and how to mend it");
  const auto options = std::make_shared<DoctorOptions>();
  add_text(*verb, "--model", options->model, "The model to examine (default: the configured one)", "PATH");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--json", options->json, "The same as JSON");
  verb->footer(
      "Looks at processor, GPU, configuration, model, OpenBLAS, memory, cache and database. Exit status 3 if "
      "something "
      "is\nwrong; a note is of what works and is limited.\n\nExample:\n  repro-audit doctor");
  return {verb, [options] { return run_doctor(*options); }};
}

}  // namespace ra
