#include "cli/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "cli/locations.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

// The refusal of a configuration with this text, from its line number on.
std::string config_refusal(const std::string& text) {
  const TemporaryFolder folder;
  const std::string path = folder.write("config.toml", text);
  const std::string message = refusal(Exit::usage, [&] { read_config(path); });
  EXPECT_EQ(message.find(path + ":"), 0u) << message;
  return message.size() > path.size() ? message.substr(path.size() + 1) : message;
}

// Sets a variable for a scope; null removes it.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) {
    if (const char* old = getenv(name)) old_ = old;
    set(value);
  }
  ~ScopedVariable() { set(old_ ? old_->c_str() : nullptr); }

 private:
  void set(const char* value) { value != nullptr ? setenv(name_, value, 1) : unsetenv(name_); }
  const char* name_;
  std::optional<std::string> old_;
};

TEST(Config, AnAbsentFileIsAnEmptyOne) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_config((folder / "config.toml")).model);
  EXPECT_FALSE(read_config("").model) << "no home at all";
}

TEST(Config, ReadsEveryKeyAndResolvesPathsFromItsFolder) {
  const TemporaryFolder folder;
  const std::string path = folder.write(
      "config.toml",
      "model = \"models/a.gguf\"\ndatabase = '/data/audits.sqlite'\ndevice = \"cpu\"\nthreads = 2\n");
  const Config config = read_config(path);
  EXPECT_EQ(config.model, (folder / "models/a.gguf"));
  EXPECT_EQ(config.database, "/data/audits.sqlite");
  EXPECT_EQ(config.device, "cpu");
  EXPECT_EQ(config.threads, 2);
}

TEST(Config, RefusesWhatItDoesNotKnowWithFileAndLine) {
  EXPECT_EQ(config_refusal("model = 'a'\nmodle = 'b'\n"),
            "2: unknown key \"modle\"; expected model, database, device or threads");
  EXPECT_EQ(config_refusal("model = 1\n"), "1: model: wrong type; expected a string");
  EXPECT_EQ(config_refusal("threads = '2'\n"), "1: threads: wrong type; expected an integer");
  EXPECT_EQ(config_refusal("threads = 0\n"), "1: threads: 0; expected 1 to 1024");
  EXPECT_THAT(config_refusal("[model]\npath = 'a'\n"), HasSubstr("model: wrong type"));
  EXPECT_EQ(config_refusal("device = 'cpu'\n\ndevice = 'cpu'\n").substr(0, 2), "3:") << "a duplicate key";
  EXPECT_EQ(config_refusal("device = 'cpu'\nmodel = \"\xff\"\n").substr(0, 2), "2:") << "not UTF-8";
  EXPECT_EQ(config_refusal(std::string("device = 'c\0u'\n", 15)).substr(0, 2), "1:") << "a NUL";
}

TEST(Config, RefusesAFileThatIsTooLargeOrNoFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("config.toml", std::string((1 << 20) + 1, '\n'));
  EXPECT_THAT(refusal(Exit::usage, [&] { read_config(path); }), HasSubstr("larger; expected"));
  EXPECT_THAT(refusal(Exit::usage, [&] { read_config((folder / ".")); }), HasSubstr("directory"));
}

TEST(Config, TheModelComesFromTheOptionThenTheVariableThenTheFile) {
  Config config;
  const ScopedVariable unset("REPRO_AUDIT_MODEL", nullptr);
  const std::string none = refusal(Exit::usage, [&] { model_path(std::nullopt, config); });
  EXPECT_THAT(none, HasSubstr("--model"));
  EXPECT_THAT(none, HasSubstr("$REPRO_AUDIT_MODEL"));
  EXPECT_THAT(none, HasSubstr("config.toml"));
  config.model = "/from/config";
  EXPECT_EQ(model_path(std::nullopt, config), "/from/config");
  const ScopedVariable set("REPRO_AUDIT_MODEL", "/from/variable");
  EXPECT_EQ(model_path(std::nullopt, config), "/from/variable");
  EXPECT_EQ(model_path("/from/option", config), "/from/option");
}

TEST(Config, WhatIsNoPathButLooksLikeAnIdIsAModelOfTheHuggingFaceCache) {
  const TemporaryFolder folder;
  const ScopedVariable cache("HF_HUB_CACHE", folder.path().c_str());
  const std::string commit(40, '7'), snapshot = folder / ("models--org--name/snapshots/" + commit);
  std::filesystem::create_directories(snapshot);
  EXPECT_EQ(model_path("org/name@" + commit, {}), snapshot);
  EXPECT_THAT(refusal([&] { model_path("org/name", {}); }), HasSubstr("models--org--name/refs/main"));
  EXPECT_EQ(model_path("/org/name", {}), "/org/name");
  EXPECT_EQ(model_path("./org/name", {}), "./org/name");

  const std::string file = folder.write("config.toml", "model = \"org/name@" + commit + "\"");
  EXPECT_EQ(model_path(std::nullopt, read_config(file)), snapshot);
  std::filesystem::create_directories(folder / ("org/name@" + commit));
  EXPECT_EQ(model_path(std::nullopt, read_config(file)), folder / ("org/name@" + commit))
      << "an existing path wins over an id";
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(model_path("org/name@" + commit, {}), "org/name@" + commit);
  std::filesystem::current_path(before);
}

TEST(Locations, TheHuggingFaceCacheIsWhereItsLibraryHasIt) {
  const ScopedVariable home("HOME", "/home/someone"), xdg("XDG_CACHE_HOME", nullptr);
  const ScopedVariable no_hub("HF_HUB_CACHE", nullptr), no_home("HF_HOME", nullptr);
  EXPECT_EQ(hub_cache_folder(), "/home/someone/.cache/huggingface/hub");
  EXPECT_EQ(hash_cache_path(), "/home/someone/.cache/repro-audit/sha256");
  const ScopedVariable cache("XDG_CACHE_HOME", "/c");
  EXPECT_EQ(hub_cache_folder(), "/c/huggingface/hub");
  EXPECT_EQ(hash_cache_path(), "/c/repro-audit/sha256");
  const ScopedVariable hf_home("HF_HOME", "/hf");
  EXPECT_EQ(hub_cache_folder(), "/hf/hub");
  const ScopedVariable hub("HF_HUB_CACHE", "/hub");
  EXPECT_EQ(hub_cache_folder(), "/hub");
}

TEST(Locations, RelativeXdgVariablesAreIgnored) {
  const ScopedVariable home("HOME", "/home/someone");
  {
    const ScopedVariable config("XDG_CONFIG_HOME", "relative"), data("XDG_DATA_HOME", "./also");
    EXPECT_EQ(config_path(), "/home/someone/.config/repro-audit/config.toml");
    EXPECT_EQ(data_folder(), "/home/someone/.local/share/repro-audit");
  }
  const ScopedVariable config("XDG_CONFIG_HOME", "/c"), data("XDG_DATA_HOME", "/d");
  EXPECT_EQ(config_path(), "/c/repro-audit/config.toml");
  EXPECT_EQ(data_folder(), "/d/repro-audit");
}

TEST(Locations, WithoutAHomeThereIsNoConfigurationAndNoDefaultDatabase) {
  const ScopedVariable home("HOME", nullptr), config("XDG_CONFIG_HOME", nullptr),
      data("XDG_DATA_HOME", nullptr);
  EXPECT_EQ(config_path(), "");
  EXPECT_THAT(refusal(Exit::usage, [] { database_path(std::nullopt, {}); }), HasSubstr("--db FILE"));
  EXPECT_EQ(database_path("a.sqlite", {}), "a.sqlite");
  EXPECT_NE(refusal(Exit::usage, [] { database_path("", {}); }), "accepted");
}

TEST(Locations, ReadTextStopsAtItsLimit) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_text(folder.write("a", "12345"), 5), "12345");
  EXPECT_THAT(refusal(Exit::bad_input, [&] { read_text(folder.write("b", "123456"), 5); }),
              HasSubstr("b: larger"));
  EXPECT_THAT(refusal(Exit::bad_input, [] { read_text("/dev/zero", 1000); }), HasSubstr("larger"));
  EXPECT_THAT(refusal(Exit::bad_input, [&] { read_text((folder / "absent"), 5); }),
              HasSubstr("No such file"));
}

}  // namespace
}  // namespace ra
