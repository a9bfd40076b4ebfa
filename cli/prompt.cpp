#include "cli/prompt.h"

#include <fmt/format.h>

#include <optional>

#include "cli/locations.h"
#include "core/error.h"
#include "core/llm/chat.h"
#include "core/llm/prompt.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxPromptBytes = 8 << 20;
constexpr size_t kMaxCompanionBytes = kMaxTextBytes;

std::string shown(const std::string& file) {
  return file == "-" ? "standard input" : printable(file, 300);
}

[[noreturn]] void refuse(const std::string& file, const std::string& message) {
  throw Error(Exit::bad_input, fmt::format("{}: {}", shown(file), message));
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, const std::string& file, const std::string& text,
                            SpecialText special, bool add_special) {
  try {
    return tokenizer.encode(text, special, add_special);
  } catch (const Error& error) {
    throw Error(error.status(), fmt::format("{}: {}", shown(file), error.what()));
  }
}

// The tokenizer that a text needs.
const Tokenizer& needed(const Tokenizer* tokenizer, const Checkpoint& checkpoint, const char* expected) {
  if (tokenizer == nullptr) refuse(checkpoint.name(), fmt::format("no tokenizer; expected {}", expected));
  return *tokenizer;
}

}  // namespace

Prompt read_prompt(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* known) {
  const std::string& file = settings.prompt_file;
  const SpecialText special = settings.parse_special ? SpecialText::parse : SpecialText::plain;
  Prompt prompt{.format = "none"};
  if (settings.prompt_is_ids) {
    prompt.ids = prompt_ids(read_text(file, kMaxPromptBytes), shown(file), checkpoint.shape().vocab);
    prompt.text = known ? known->decode(prompt.ids) : fmt::format("[{}]", fmt::join(prompt.ids, ", "));
  } else {
    const Tokenizer& tokenizer =
        needed(known, checkpoint, "one, or the prompt's token ids by --prompt-ids FILE");
    prompt.text = prompt_text(read_text(file, kMaxPromptBytes), shown(file));
    if (settings.raw) {
      prompt.ids = encode(tokenizer, file, prompt.text, special, true);
    } else {
      const std::optional<ChatTemplate> chat = recognize_chat_template(checkpoint.tokenizer().chat_template);
      if (!chat) {
        refuse(checkpoint.name(),
               fmt::format("a chat format that is not known; expected {}; or --raw for the text alone",
                           chat_format_names()));
      }
      prompt.format = name_of(chat->format);
      try {
        prompt.ids = chat_prompt(tokenizer, *chat, prompt.text, settings.system, special);
      } catch (const Error& error) {
        throw Error(error.status(), fmt::format("{}: {}", shown(file), error.what()));
      }
    }
  }
  if (prompt.ids.empty()) refuse(file, "no tokens; expected at least one");
  const auto context = static_cast<size_t>(checkpoint.shape().max_positions);
  if (prompt.ids.size() >= context) {
    refuse(file, fmt::format("{} tokens; expected fewer than the model's context of {}", prompt.ids.size(),
                             context));
  }
  return prompt;
}

std::vector<int32_t> read_companions(const RunSettings& settings, const Checkpoint& checkpoint,
                                     const Tokenizer* known) {
  const std::string& file = settings.companions_file;
  if (file.empty()) return {};
  const Tokenizer& tokenizer =
      needed(known, checkpoint, "one, or companions that are drawn, without --companions");
  return encode(tokenizer, file, prompt_text(read_text(file, kMaxCompanionBytes), shown(file)),
                SpecialText::plain, false);
}

}  // namespace ra
