#include "core/llm/chat.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/llm/chat_inst.h"
#include "core/llm/template_text.h"
#include "core/utf8.h"

namespace ra {
namespace {

bool has(std::string_view text, std::string_view mark) {
  return text.find(mark) != text.npos;
}

std::optional<ChatTemplate> recognize_chatml(std::string_view text) {
  // phi-4's separator, a date of today, or defaults that are put together elsewhere: not ours to guess.
  for (const std::string_view other : {"<|im_sep|>", "strftime_now", "default_system"}) {
    if (has(text, other)) return std::nullopt;
  }
  constexpr std::string_view kSystem = "<|im_start|>system\n", kEnd = "<|im_end|>",
                             kAnswer = "<|im_start|>assistant\n";
  ChatTemplate chat{.format = ChatFormat::chatml};
  bool has_answer = false;
  for (const std::string& literal : literals(text)) {
    has_answer |= has(literal, kAnswer);
    if (literal.compare(0, kSystem.size(), kSystem) != 0) continue;
    const size_t end = literal.find(kEnd);
    if (end == literal.npos || end == kSystem.size()) continue;
    const std::string system = literal.substr(kSystem.size(), end - kSystem.size());
    if (!chat.default_system.empty() && chat.default_system != system) return std::nullopt;
    chat.default_system = system;
  }
  if (!has_answer) return std::nullopt;
  return chat;
}

std::optional<ChatTemplate> recognize_llama3(std::string_view text) {
  ChatTemplate chat{.format = ChatFormat::llama3};
  const std::vector<std::string> all = literals(text);
  const auto holds = [&](std::string_view mark) {
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& literal) { return has(literal, mark); });
  };
  if (!holds("<|end_header_id|>\n\n")) return std::nullopt;
  // Llama 3.1 and later put two dates before every system message. The day is the template's own, which it falls back to
  // where no clock is offered: a prompt that changed every day could not be audited.
  const auto cutoff = std::find_if(all.begin(), all.end(), [](const std::string& literal) {
    return literal.compare(0, 23, "Cutting Knowledge Date:") == 0;
  });
  if (cutoff == all.end()) return chat;
  constexpr std::string_view kDate = "set date_string = \"";
  const size_t at = text.rfind(kDate);
  const size_t begin = at == text.npos ? text.npos : at + kDate.size();
  const size_t end = begin == text.npos ? text.npos : literal_end(text, begin, '"');
  if (end == text.npos || !holds("Today Date: ") || !has(*cutoff, "\n")) return std::nullopt;
  chat.system_opening = *cutoff + "Today Date: " + unescape(text.substr(begin, end - begin)) + "\n\n";
  return chat;
}

// What Python's str.strip takes off, besides the ASCII blanks.
bool is_blank(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::string_view trim(std::string_view text) {
  size_t begin = text.size(), end = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t first = at;
    if (is_blank(next_code_point(text, at))) continue;
    begin = std::min(begin, first);
    end = at;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

// Writes a prompt: marks as special tokens, texts between them.
class Writer {
 public:
  Writer(const Tokenizer& tokenizer, const ChatTemplate& chat, SpecialText special)
      : tokenizer_(tokenizer), chat_(chat), special_(special) {
    if (chat.format == ChatFormat::llama3) {
      mark("<|begin_of_text|>");
    } else if (chat.bos) {
      ids_ = tokenizer.prefix();
      if (ids_.empty()) fail("begins with a bos token, which the tokenizer does not name");
    }
  }

  void message(std::string_view role, std::string_view opening, std::string_view given) {
    require_utf8(role, given);
    header(role);
    const std::string_view content = chat_.trims ? trim(given) : given;
    if (chat_.format == ChatFormat::chatml) {
      text(fmt::format("{}\n{}{}", role, opening, content));
      mark("<|im_end|>");
      text("\n");
    } else {
      text(fmt::format("\n\n{}{}", opening, content));
      mark("<|eot_id|>");
    }
  }

  std::vector<int32_t> answer() && {
    header("assistant");
    text(chat_.format == ChatFormat::chatml ? "assistant\n" : "\n\n");
    flush();
    return std::move(ids_);
  }

  // The whole prompt where a message stands between [INST] and [/INST], which few tokenizers have as tokens.
  std::vector<int32_t> instruction(const std::optional<std::string>& system, std::string_view user) && {
    require_utf8("user", user);
    std::string content(user);
    if (system) {
      require_utf8("system", *system);
      if (!chat_.system_marks) {
        throw Error(
            Exit::bad_input,
            fmt::format("chat format {}: its template has no place for a system message; expected none "
                        "(or --raw)",
                        name_of(chat_.format)));
      }
      content = chat_.system_marks->first + *system + chat_.system_marks->second + content;
    }
    mark_or_text(chat_.opening, "[INST]");
    text(chat_.trims ? trim(content) : content);
    mark_or_text(chat_.closing, "[/INST]");
    flush();
    return std::move(ids_);
  }

 private:
  static void require_utf8(std::string_view role, std::string_view given) {
    if (const size_t valid = valid_utf8_prefix(given); valid != given.size()) {
      throw Error(Exit::bad_input, fmt::format("{} message@{}: byte {:#04x} is not UTF-8; expected UTF-8",
                                               role, valid, static_cast<uint8_t>(given[valid])));
    }
  }
  [[noreturn]] void fail(std::string_view found) const {
    throw Error(Exit::bad_input,
                fmt::format("chat format {}: {}; expected a tokenizer made for it (or --raw)",
                            name_of(chat_.format), found));
  }
  void header(std::string_view role) {
    if (chat_.format == ChatFormat::chatml) {
      mark("<|im_start|>");
    } else {
      mark("<|start_header_id|>");
      text(role);
      mark("<|end_header_id|>");
    }
  }
  void mark(std::string_view token) {
    const int32_t id = tokenizer_.special_id(token);
    if (id < 0) fail(fmt::format("the tokenizer has no token {}", token));
    flush();
    ids_.push_back(id);
  }
  // `around` holds `token`, which is a token if the tokenizer has it and text otherwise.
  void mark_or_text(std::string_view around, std::string_view token) {
    if (tokenizer_.special_id(token) < 0) return text(around);
    const size_t at = around.find(token);
    text(around.substr(0, at));
    mark(token);
    text(around.substr(at + token.size()));
  }
  // Texts that follow each other are encoded as one.
  void text(std::string_view text) { pending_ += text; }
  void flush() {
    const std::vector<int32_t> ids = tokenizer_.encode(pending_, special_, false);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    pending_.clear();
  }

  const Tokenizer& tokenizer_;
  const ChatTemplate& chat_;
  SpecialText special_;
  std::vector<int32_t> ids_;
  std::string pending_;
};

}  // namespace

const char* name_of(ChatFormat format) {
  switch (format) {
    case ChatFormat::chatml:
      return "ChatML";
    case ChatFormat::llama2:
      return "Llama 2 [INST]";
    case ChatFormat::mistral:
      return "Mistral [INST]";
    case ChatFormat::llama3:
      break;
  }
  return "Llama 3";
}

std::string chat_format_names() {
  std::string names;
  for (const ChatFormat format : kChatFormats) {
    names += fmt::format("{}{}",
                         names.empty()                   ? ""
                         : format == kChatFormats.back() ? " or "
                                                         : ", ",
                         name_of(format));
  }
  return names;
}

std::optional<ChatTemplate> recognize_chat_template(const std::string& chat_template) {
  const bool chatml = has(chat_template, "<|im_start|>") && has(chat_template, "<|im_end|>");
  const bool llama3 = has(chat_template, "<|start_header_id|>") && has(chat_template, "<|end_header_id|>") &&
                      has(chat_template, "<|eot_id|>");
  const bool inst = has(chat_template, "[INST]") && has(chat_template, "[/INST]");
  if (chatml + llama3 + inst != 1) return std::nullopt;
  if (inst) return recognize_inst(chat_template);
  std::optional<ChatTemplate> chat =
      chatml ? recognize_chatml(chat_template) : recognize_llama3(chat_template);
  if (chat) {
    chat->bos = llama3 || has(chat_template, "bos_token");
    chat->trims = has(chat_template, "| trim") || has(chat_template, "|trim");
  }
  return chat;
}

std::vector<int32_t> chat_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat, std::string_view user,
                                 const std::optional<std::string>& system, SpecialText special) {
  Writer writer(tokenizer, chat, special);
  if (chat.format == ChatFormat::llama2 || chat.format == ChatFormat::mistral) {
    return std::move(writer).instruction(system, user);
  }
  if (system || !chat.default_system.empty() || !chat.system_opening.empty()) {
    writer.message("system", chat.system_opening, system.value_or(chat.default_system));
  }
  writer.message("user", "", user);
  return std::move(writer).answer();
}

}  // namespace ra
