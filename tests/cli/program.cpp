#include "tests/cli/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace ra {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::map<std::string, std::string> environment_of(const Launch& launch, const std::string& home) {
  std::map<std::string, std::string> environment = {{"HOME", home}, {"PATH", "/usr/bin:/bin"}};
  for (const char* kept : {"OPENBLAS_CORETYPE", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = getenv(kept)) environment[kept] = value;
  }
  for (const auto& [name, value] : launch.environment) {
    environment.erase(name);
    if (value) environment[name] = *value;
  }
  return environment;
}

}  // namespace

Process::Process(const Launch& launch) {
  const std::string input = folder_.write("stdin", launch.input);
  const std::string out = launch.stdout_path.empty() ? folder_ / "stdout" : launch.stdout_path;
  const std::string err = folder_ / "stderr";
  std::vector<std::string> arguments = {RA_PROGRAM};
  arguments.insert(arguments.end(), launch.arguments.begin(), launch.arguments.end());
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment_of(launch, folder_.path()))
    variables.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  pid_ = fork();
  if (pid_ != 0) return;
  const int descriptors[] = {open(input.c_str(), O_RDONLY), open(out.c_str(), O_WRONLY | O_CREAT, 0600),
                             open(err.c_str(), O_WRONLY | O_CREAT, 0600)};
  for (int i = 0; i < 3; ++i) dup2(descriptors[i], i);
  for (int descriptor = 3; descriptor < 64; ++descriptor) close(descriptor);
  for (const int descriptor : launch.closed) close(descriptor);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

Process::~Process() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Process::send(int signal) const {
  kill(pid_, signal);
}

bool Process::running() {
  int state = 0;
  if (!ended_ && wait4(pid_, &state, WNOHANG, &used_) == pid_) {
    ended_ = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  }
  return !ended_;
}

Finished Process::wait() {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (running()) {
    if (std::chrono::steady_clock::now() > limit) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {*ended_, content(folder_ / "stdout"), content(folder_ / "stderr"),
          seconds(used_.ru_utime) + seconds(used_.ru_stime), static_cast<uint64_t>(used_.ru_maxrss) * 1024};
}

std::string Process::err_so_far() const {
  return content(folder_ / "stderr");
}

Finished launch_program(const Launch& launch) {
  return Process(launch).wait();
}
Finished run_program(const std::vector<std::string>& arguments) {
  return launch_program(Launch{.arguments = arguments});
}

std::vector<std::string> tiny_audit(const TemporaryFolder& folder, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"run",
                                        "--model",
                                        RA_GOLDEN "/llama-tied-bf16",
                                        "--prompt-ids",
                                        folder.write("ids.json", "[168, 245, 37, 80, 124]"),
                                        "--db",
                                        folder / "audits.sqlite",
                                        "-n",
                                        "12",
                                        "--max-tokens",
                                        "8",
                                        "--batch-sizes",
                                        "1-6"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace ra
