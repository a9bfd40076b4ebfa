// Chat formats, by own code: ChatML, Llama 2, Mistral and Llama 3. The checkpoint's template is only searched for marks and for
// the texts it puts in by itself; it is data and never executed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/llm/tokenizer.h"

namespace ra {

enum class ChatFormat : uint8_t { chatml, llama2, mistral, llama3 };
inline constexpr std::array kChatFormats = {ChatFormat::chatml, ChatFormat::llama2, ChatFormat::mistral,
                                            ChatFormat::llama3};
const char* name_of(ChatFormat format);  // "ChatML", "Llama 2 [INST]", "Mistral [INST]", "Llama 3"
std::string chat_format_names();         // all of them, as an error lists them

// What a template says about the format it writes.
struct ChatTemplate {
  ChatFormat format = ChatFormat::chatml;
  std::string
      default_system;  // the system message that the template puts first when none is given; empty: none
  std::string
      system_opening;  // stands before every system message, given or not (Llama 3.1's dates); empty: none
  bool bos = false;    // begins with the bos token
  bool trims = false;  // takes blanks off both ends of a message
  // Of [INST]: what stands around a message, "[INST] " and " [/INST]" with or without the blanks, and within it before
  // and behind a system message; none: the template has no place for one.
  std::string opening, closing;
  std::optional<std::pair<std::string, std::string>> system_marks;
};

// What the template's marks say; none if it holds no format's or several, or something that this code would get wrong (a
// date of today, several default system messages).
std::optional<ChatTemplate> recognize_chat_template(const std::string& chat_template);

// The ids of one user message, a system message before it (`system`, else the template's default, if it has
// one), and the opening of the assistant's answer. Marks are special tokens; Error(bad_input) if the
// tokenizer lacks one. The texts between them are encoded as `special` says.
std::vector<int32_t> chat_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat, std::string_view user,
                                 const std::optional<std::string>& system, SpecialText special);

}  // namespace ra
