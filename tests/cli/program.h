// The real program as a child process: what it was given, and what came of it.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace ra {

struct Launch {
  std::vector<std::string> arguments;
  std::map<std::string, std::optional<std::string>> environment;  // on top of a clean one; absent: removed
  std::string input;                                              // stdin
  std::vector<int> closed;                                        // descriptors closed before the start
  std::string stdout_path;                                        // instead of a file that is read back
};

struct Finished {
  int status = -1;  // exit status, or 128 + the signal that ended it
  std::string out, err;
  double cpu_seconds = 0;   // which other processes do not prolong
  uint64_t peak_bytes = 0;  // of resident memory
};

// A running child. Its home is a folder of its own, so that no configuration of the user is read.
class Process {
 public:
  explicit Process(const Launch& launch);
  ~Process();  // kills what still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  bool running();
  Finished wait();  // ends it with SIGKILL after two minutes
  std::string err_so_far() const;

 private:
  TemporaryFolder folder_;
  pid_t pid_ = -1;
  std::optional<int> ended_;
  rusage used_{};  // of the ended process
};

Finished launch_program(const Launch& launch);
Finished run_program(const std::vector<std::string>& arguments);

// --model and --prompt-ids of an audit of the tiny golden checkpoint that ends within a second or two, its database in
// `folder`; `more` is appended.
std::vector<std::string> tiny_audit(const TemporaryFolder& folder, const std::vector<std::string>& more);

}  // namespace ra
