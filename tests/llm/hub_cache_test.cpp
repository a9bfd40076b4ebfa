// Ids in the local Hugging Face cache, and how far the links of a model's folder may lead (row B28 of the list of bad
// inputs).
#include "core/llm/hub_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "core/llm/model_folder.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

TEST(HubId, IsAnOrganisationANameAndARevision) {
  const auto id = parse_hub_id("HuggingFaceTB/SmolLM2-135M-Instruct");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->organisation, "HuggingFaceTB");
  EXPECT_EQ(id->name, "SmolLM2-135M-Instruct");
  EXPECT_EQ(id->revision, "main");
  EXPECT_EQ(parse_hub_id("a/b.c_d@refs/pr/1")->revision, "refs/pr/1");
  for (const char* text : {"",     "a",      "/a",    "a/",       "a/b/c",    "./a",    "../a",
                           "a/..", "a--b/c", "a/b@",  "a/b@../c", "a/b@c//d", "a/b@/c", "a/b@c d",
                           "-a/b", "a/b-",   "a b/c", "a/b\n",    "~/a",      "a\\b/c", "models/a.gguf"}) {
    EXPECT_FALSE(parse_hub_id(text)) << text;
  }
}

// A cache with one model in it, made as huggingface_hub makes it: the tiny folder, its files links to blobs.
class HubCache : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(snapshot());
    fs::create_directories(model() / "blobs");
    fs::create_directories(model() / "refs/refs/pr");
    write_tiny_folder(plain_);
    for (const char* name : {"config.json", "model.safetensors"}) {
      fs::copy(plain_.file(name), model() / "blobs" / name);
      fs::create_symlink(fs::path("../../blobs") / name, snapshot() / name);
    }
    cache_.write("models--org--name/refs/main", kCommit);
    cache_.write("models--org--name/refs/refs/pr/1", std::string(kCommit) + "\n");
  }
  fs::path model() const { return cache_.file("models--org--name"); }
  fs::path snapshot() const { return model() / "snapshots" / kCommit; }
  std::string find(const std::string& text) const {
    return find_in_hub_cache(parse_hub_id(text).value(), cache_.path());
  }
  std::string refused(const std::string& text) const {
    return refusal([&] { find(text); });
  }

  CheckpointFolder cache_, plain_;
};

TEST_F(HubCache, FindsAModelByBranchPullRequestAndCommit) {
  for (const std::string id : {"org/name", "org/name@main", "org/name@refs/pr/1"})
    EXPECT_EQ(find(id), snapshot());
  EXPECT_EQ(find(std::string("org/name@") + kCommit), snapshot());
  const Checkpoint checkpoint = Checkpoint::open(find("org/name"));
  EXPECT_EQ(checkpoint.name(), "org/name");
  EXPECT_EQ(checkpoint.sha256(), Checkpoint::open(plain_.path()).sha256());
}

TEST_F(HubCache, SaysWhereItLookedForAnAbsentModel) {
  EXPECT_EQ(refused("org/other"), "org/other: found neither a file or folder of this name nor " +
                                      cache_.file("models--org--other") +
                                      "; expected one of them: nothing is downloaded");
  EXPECT_THAT(refused("org/name@v2"), HasSubstr("found no " + (model() / "refs/v2").string() + "; expected"));
  const std::string commit(40, 'a');
  EXPECT_THAT(refused("org/name@" + commit),
              HasSubstr("found no " + (model() / "snapshots" / commit).string()));
}

TEST_F(HubCache, ARevisionThatIsNoCommitIsRefused) {
  const std::string ref = cache_.write("models--org--name/refs/main", "../../../etc");
  EXPECT_EQ(refused("org/name"), ref + ": found \"../../../etc\"; expected a commit hash of 40 digits");
  cache_.write("models--org--name/refs/main", std::string(1000, 'a'));
  EXPECT_THAT(refused("org/name"), HasSubstr("is 1000 bytes long; expected at most 255"));
  fs::remove(ref);
  fs::create_symlink("/etc/hostname", ref);
  EXPECT_THAT(refused("org/name"), HasSubstr("found a link to /etc/hostname; expected a file inside"));
}

TEST_F(HubCache, ASnapshotElsewhereIsRefused) {
  fs::remove_all(snapshot());
  fs::create_symlink(plain_.path(), snapshot());
  EXPECT_THAT(refused("org/name"), HasSubstr("elsewhere; expected a folder inside " + model().string()));
}

TEST_F(HubCache, ARepositoryOfGgufFilesIsItsOnlyOne) {
  fs::remove(snapshot() / "config.json");
  const std::string name = "models--org--name/snapshots/" + std::string(kCommit) + "/";
  EXPECT_EQ(find("org/name"), snapshot());  // then opening it says what is missing
  cache_.write(name + "m-00002-of-00002.gguf", "");
  const std::string first = cache_.write(name + "m-00001-of-00002.gguf", "");
  EXPECT_EQ(find("org/name"), first);
  cache_.write(name + "n.gguf", "");
  EXPECT_THAT(refused("org/name"), HasSubstr("found 2 GGUF files in " + snapshot().string() +
                                             " (m-00001-of-00002.gguf, n.gguf); expected one"));
  fs::remove(snapshot() / "n.gguf");
  fs::remove(first);
  fs::create_symlink("/etc/hostname", first);
  EXPECT_THAT(refused("org/name"), HasSubstr("found a link to /etc/hostname"));
}

// B28.
TEST_F(HubCache, B28LinksReachTheModelsOwnBlobsOnly) {
  const std::string weights = (snapshot() / "model.safetensors").string();
  fs::remove(weights);
  fs::create_symlink(plain_.file("model.safetensors"), weights);
  expect_refusal(
      snapshot().string(), weights,
      "found a link to " + plain_.file("model.safetensors") + "; expected a file inside " + model().string());
  fs::create_directories(cache_.file("models--org--name2/blobs"));
  fs::copy(plain_.file("model.safetensors"), cache_.file("models--org--name2/blobs/w"));
  fs::remove(weights);
  fs::create_symlink("../../../models--org--name2/blobs/w", weights);
  expect_refusal(snapshot().string(), weights,
                 "found a link to " + cache_.file("models--org--name2/blobs/w"));
}

TEST_F(HubCache, B28LinksOfAPlainFolderStayInIt) {
  const std::string weights = plain_.file("model.safetensors");
  fs::rename(weights, plain_.file("weights"));
  fs::create_symlink("weights", weights);
  EXPECT_EQ(Checkpoint::open(plain_.path()).tensors().size(), 11u);

  fs::rename(plain_.file("weights"), cache_.file("weights"));
  fs::remove(weights);
  fs::create_symlink(cache_.file("weights"), weights);
  expect_refusal(plain_.path(), weights,
                 "found a link to " + cache_.file("weights") + "; expected a file inside " + plain_.path());
  fs::remove(weights);
  const auto [header, data] = tiny_safetensors(tiny_safetensors_tensors());
  plain_.write("model.safetensors", safetensors_bytes(header, data));
  for (const char* name : {"tokenizer.json", "generation_config.json", "chat_template.jinja"}) {
    const std::string file = plain_.file(name);
    fs::create_symlink("/etc/passwd", file);
    expect_refusal(plain_.path(), file, "found a link to /etc/passwd");
    fs::remove(file);
  }
}

// The folder itself may be reached by a link, and a name that only begins like the folder's is outside.
TEST_F(HubCache, B28TheFoldersOwnNameIsNotItsContent) {
  fs::create_directory_symlink(plain_.path(), cache_.file("model"));
  EXPECT_EQ(Checkpoint::open(cache_.file("model")).tensors().size(), 11u);
  EXPECT_TRUE(is_inside("/a/b/c", "/a/b"));
  EXPECT_FALSE(is_inside("/a/bc", "/a/b"));
  EXPECT_FALSE(is_inside("/a", "/a/b"));
}

}  // namespace
}  // namespace ra
