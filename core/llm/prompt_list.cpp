#include "core/llm/prompt_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/json.h"
#include "core/llm/prompt.h"
#include "core/printable.h"

namespace ra {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& message) {
  throw Error(Exit::bad_input, fmt::format("{}: {}", where, message));
}

std::string prompt_name(const Json& id, const std::string& where) {
  const std::string& name = id.string(where + ": id");
  if (name.empty() || name.size() > kMaxPromptName ||
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    refuse(where, fmt::format("id \"{}\"; expected 1 to {} bytes without control characters", printable(name),
                              kMaxPromptName));
  }
  return name;
}

ListedPrompt listed_prompt(const Json& object, const std::string& where, int32_t vocab) {
  for (const Json::Member& member : object.object(where)) {
    if (member.key != "id" && member.key != "prompt" && member.key != "prompt_ids")
      refuse(where, fmt::format("unknown member \"{}\"; expected id and prompt or prompt_ids",
                                printable(member.key)));
  }
  const Json* id = object.find("id");
  const Json* text = object.find("prompt");
  const Json* ids = object.find("prompt_ids");
  if (id == nullptr) refuse(where, "no id; expected one");
  if ((text == nullptr) == (ids == nullptr))
    refuse(where, fmt::format("{} prompt and prompt_ids; expected one of them", text ? "both" : "neither"));
  ListedPrompt prompt{.id = prompt_name(*id, where)};
  if (text != nullptr) {
    prompt.text = text->string(where + ": prompt");
    // JSON can spell what a file of text must not hold.
    if (prompt.text.empty()) refuse(where, "an empty prompt; expected text");
    if (prompt.text.find('\0') != std::string::npos)
      refuse(where, "a NUL in the prompt; expected text without it");
  } else {
    prompt.ids = prompt_ids(*ids, where + ": prompt_ids", vocab);
  }
  return prompt;
}

}  // namespace

std::vector<ListedPrompt> prompt_list(std::string_view bytes, std::string_view name, int32_t vocab,
                                      size_t most) {
  check_prompt_bytes(bytes, name);
  std::vector<ListedPrompt> prompts;
  std::map<std::string, size_t, std::less<>> lines;  // by id
  for (size_t line = 1; !bytes.empty(); ++line) {
    const size_t end = bytes.find('\n');
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 1);
    const std::string where = fmt::format("{}: line {}", name, line);
    if (prompts.size() == most) refuse(where, fmt::format("more prompts; expected at most {}", most));
    if (text.empty()) refuse(where, "an empty line; expected a JSON object");
    prompts.push_back(listed_prompt(parse_json(text, where), where, vocab));
    prompts.back().line = line;
    const auto [known, is_new] = lines.emplace(prompts.back().id, line);
    if (!is_new) {
      refuse(where, fmt::format("id \"{}\" is that of line {}; expected each once",
                                printable(prompts.back().id), known->second));
    }
  }
  if (prompts.empty())
    throw Error(Exit::usage, fmt::format("{}: no prompt; expected a JSON object a line", name));
  return prompts;
}

}  // namespace ra
