#include "cli/prompt.h"

#include <fmt/format.h>

#include <optional>

#include "cli/locations.h"
#include "core/audit/set_place.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/llm/chat.h"
#include "core/llm/prompt.h"
#include "core/llm/prompt_list.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxPromptBytes = 8 << 20;
constexpr size_t kMaxListBytes = 64 << 20;
constexpr size_t kMaxCompanionBytes = kMaxTextBytes;

std::string shown(const std::string& file) {
  return file == "-" ? "standard input" : printable(file, 300);
}

[[noreturn]] void refuse(const std::string& where, const std::string& message) {
  throw Error(Exit::bad_input, fmt::format("{}: {}", where, message));
}

// What `encode` makes, with `where` before an error of its.
template <typename Encode>
std::vector<int32_t> encoded(const std::string& where, const Encode& encode) {
  try {
    return encode();
  } catch (const Error& error) {
    throw Error(error.status(), fmt::format("{}: {}", where, error.what()));
  }
}

// The tokenizer that a text needs.
const Tokenizer& needed(const Tokenizer* tokenizer, const Checkpoint& checkpoint, const char* expected) {
  if (tokenizer == nullptr) refuse(checkpoint.name(), fmt::format("no tokenizer; expected {}", expected));
  return *tokenizer;
}

// Makes prompts of what files hold; `where` is the file, with the line of a list.
class Reader {
 public:
  Reader(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* tokenizer)
      : settings_(settings), checkpoint_(checkpoint), tokenizer_(tokenizer) {}

  Prompt of_ids(std::vector<int32_t> ids, const std::string& where) const {
    Prompt prompt{.ids = std::move(ids), .source = "token ids", .format = "none"};
    prompt.text =
        tokenizer_ ? tokenizer_->decode(prompt.ids) : fmt::format("[{}]", fmt::join(prompt.ids, ", "));
    check_length(prompt.ids, where);
    return prompt;
  }

  Prompt of_text(std::string text, const std::string& where) const {
    const Tokenizer& tokenizer =
        needed(tokenizer_, checkpoint_, "one, or the prompt's token ids by --prompt-ids FILE");
    const SpecialText special = settings_.parse_special ? SpecialText::parse : SpecialText::plain;
    Prompt prompt{.text = std::move(text), .source = settings_.raw ? "raw text" : "chat", .format = "none"};
    if (settings_.raw) {
      prompt.ids = encoded(where, [&] { return tokenizer.encode(prompt.text, special, true); });
    } else {
      const std::optional<ChatTemplate> chat = recognize_chat_template(checkpoint_.tokenizer().chat_template);
      if (!chat) {
        refuse(checkpoint_.name(),
               fmt::format("a chat format that is not known; expected {}; or --raw for the text alone",
                           chat_format_names()));
      }
      prompt.format = name_of(chat->format);
      prompt.ids = encoded(
          where, [&] { return chat_prompt(tokenizer, *chat, prompt.text, settings_.system, special); });
    }
    check_length(prompt.ids, where);
    return prompt;
  }

 private:
  void check_length(const std::vector<int32_t>& ids, const std::string& where) const {
    if (ids.empty()) refuse(where, "no tokens; expected at least one");
    const auto context = static_cast<size_t>(checkpoint_.shape().max_positions);
    if (ids.size() >= context) {
      refuse(where,
             fmt::format("{} tokens; expected fewer than the model's context of {}", ids.size(), context));
    }
  }

  const RunSettings& settings_;
  const Checkpoint& checkpoint_;
  const Tokenizer* tokenizer_;
};

}  // namespace

PromptFile read_prompts(const RunSettings& settings, const Checkpoint& checkpoint,
                        const Tokenizer* tokenizer) {
  const std::string& file = settings.prompt_file;
  const int32_t vocab = checkpoint.shape().vocab;
  const Reader reader(settings, checkpoint, tokenizer);
  switch (settings.prompt_source) {
    case PromptSource::text:
      return {{reader.of_text(prompt_text(read_text(file, kMaxPromptBytes), shown(file)), shown(file))}, {}};
    case PromptSource::ids:
      return {{reader.of_ids(prompt_ids(read_text(file, kMaxPromptBytes), shown(file), vocab), shown(file))},
              {}};
    case PromptSource::list: {
      const std::string bytes = read_text(file, kMaxListBytes);
      PromptFile list{.sha256 = hex(sha256(bytes))};
      for (ListedPrompt& listed : prompt_list(bytes, shown(file), vocab, kMaxPrompts)) {
        const std::string where = fmt::format("{}: line {}", shown(file), listed.line);
        list.prompts.push_back(listed.ids.empty() ? reader.of_text(std::move(listed.text), where)
                                                  : reader.of_ids(std::move(listed.ids), where));
        list.prompts.back().name = std::move(listed.id);
      }
      return list;
    }
  }
  throw Error(Exit::bug, "internal error: an unknown source of prompts");
}

std::vector<int32_t> read_companions(const RunSettings& settings, const Checkpoint& checkpoint,
                                     const Tokenizer* known) {
  const std::string& file = settings.companions_file;
  if (file.empty()) return {};
  const Tokenizer& tokenizer =
      needed(known, checkpoint, "one, or companions that are drawn, without --companions");
  const std::string text = prompt_text(read_text(file, kMaxCompanionBytes), shown(file));
  return encoded(shown(file), [&] { return tokenizer.encode(text, SpecialText::plain, false); });
}

}  // namespace ra
