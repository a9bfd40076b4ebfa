#include "cli/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/locations.h"
#include "core/error.h"
#include "core/json.h"
#include "core/llm/chat.h"

namespace ra {
namespace {

constexpr size_t kMaxPromptBytes = 8 << 20;
constexpr size_t kMaxCompanionBytes = 64 << 20;

[[noreturn]] void refuse(const std::string& file, const std::string& message) {
  throw Error(Exit::bad_input,
              fmt::format("{}: {}", file == "-" ? "standard input" : printable(file, 300), message));
}

size_t line_of(std::string_view text, size_t offset) {
  return 1 + static_cast<size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

// A text file's text, without the newline that ends its last line.
std::string read_prompt_text(const std::string& file, size_t max_bytes) {
  std::string text = read_text(file, max_bytes);
  if (text.starts_with("\xef\xbb\xbf"))
    refuse(file, "line 1: a byte order mark; expected UTF-8 text without one");
  const size_t unwanted = text.find_first_of(std::string_view("\0\r", 2));
  if (unwanted != text.npos) {
    refuse(file, fmt::format("line {}: a {}; expected UTF-8 text with lines that end in LF",
                             line_of(text, unwanted), text[unwanted] == '\r' ? "carriage return" : "NUL"));
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) refuse(file, "empty; expected text");
  return text;
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, const std::string& file, const std::string& text,
                            SpecialText special, bool add_special) {
  try {
    return tokenizer.encode(text, special, add_special);
  } catch (const Error& error) {
    throw Error(error.status(),
                fmt::format("{}: {}", file == "-" ? "standard input" : printable(file, 300), error.what()));
  }
}

std::vector<int32_t> read_ids(const std::string& file, int32_t vocab) {
  const Json json = parse_json(read_text(file, kMaxPromptBytes), file);
  std::vector<int32_t> ids;
  for (const Json& id : json.array(file)) {
    ids.push_back(static_cast<int32_t>(
        id.unsigned_integer(fmt::format("{}: [{}]", file, ids.size()), static_cast<uint64_t>(vocab - 1))));
  }
  return ids;
}

}  // namespace

Prompt read_prompt(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer& tokenizer) {
  const std::string& file = settings.prompt_file;
  const SpecialText special = settings.parse_special ? SpecialText::parse : SpecialText::plain;
  Prompt prompt{.format = "none"};
  if (settings.prompt_is_ids) {
    prompt.ids = read_ids(file, checkpoint.shape().vocab);
    prompt.text = tokenizer.decode(prompt.ids);
  } else {
    prompt.text = read_prompt_text(file, kMaxPromptBytes);
    if (settings.raw) {
      prompt.ids = encode(tokenizer, file, prompt.text, special, true);
    } else {
      const std::optional<ChatTemplate> chat = recognize_chat_template(checkpoint.tokenizer().chat_template);
      if (!chat) {
        refuse(checkpoint.name(),
               "a chat format that is not known; expected ChatML or Llama 3, or --raw for the text alone");
      }
      prompt.format = name_of(chat->format);
      try {
        prompt.ids = chat_prompt(tokenizer, *chat, prompt.text, settings.system, special);
      } catch (const Error& error) {
        throw Error(error.status(), fmt::format("{}: {}", printable(file, 300), error.what()));
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

std::vector<int32_t> read_companions(const RunSettings& settings, const Tokenizer& tokenizer) {
  const std::string& file = settings.companions_file;
  if (file.empty()) return {};
  return encode(tokenizer, file, read_prompt_text(file, kMaxCompanionBytes), SpecialText::plain, false);
}

}  // namespace ra
