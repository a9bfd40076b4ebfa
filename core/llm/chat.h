// Chat formats, by own code: ChatML and Llama 3. The checkpoint's template is only searched for marks and for
// the texts it puts in by itself; it is data and never executed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/llm/tokenizer.h"

namespace ra {

enum class ChatFormat : uint8_t { chatml, llama3 };
const char* name_of(ChatFormat format);  // "ChatML", "Llama 3"

// What a template says about the format it writes.
struct ChatTemplate {
  ChatFormat format = ChatFormat::chatml;
  std::string
      default_system;  // the system message that the template puts first when none is given; empty: none
  std::string
      system_opening;  // stands before every system message, given or not (Llama 3.1's dates); empty: none
  bool bos = false;    // begins with the bos token
  bool trims = false;  // takes blanks off both ends of a message
};

// What the template's marks say; none if it holds neither format's, or something that this code would get
// wrong (a date of today, several default system messages).
std::optional<ChatTemplate> recognize_chat_template(const std::string& chat_template);

// The ids of one user message, a system message before it (`system`, else the template's default, if it has
// one), and the opening of the assistant's answer. Marks are special tokens; Error(bad_input) if the
// tokenizer lacks one. The texts between them are encoded as `special` says.
std::vector<int32_t> chat_prompt(const Tokenizer& tokenizer, const ChatTemplate& chat, std::string_view user,
                                 const std::optional<std::string>& system, SpecialText special);

}  // namespace ra
