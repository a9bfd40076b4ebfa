#include "core/llm/chat_inst.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "core/llm/template_text.h"

namespace ra {
namespace {

constexpr std::string_view kSystemOpening = "<<SYS>>\n", kSystemClosing = "\n<</SYS>>\n\n";

size_t count_of(std::string_view text, std::string_view mark) {
  size_t count = 0;
  for (size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + mark.size())) ++count;
  return count;
}

// Marks in what a template may write, be it in one of its conditions.
size_t marks_in(std::string_view text) {
  return count_of(text, "[INST]") + count_of(text, "[/INST]") + count_of(text, "SYS>>");
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), text) != known.end();
}

// Code that stands for a message's text; whether it takes the blanks off.
std::optional<bool> trims_message(const TemplatePart& part) {
  if (part.literal) return std::nullopt;
  if (is_one_of(part.text, {"message['content']", "message.content", "content"})) return false;
  if (is_one_of(part.text, {"message['content'].strip()", "message.content.strip()", "content.strip()",
                            "message['content']|trim", "message.content|trim", "content|trim"})) {
    return true;
  }
  return std::nullopt;
}

bool is_code(const TemplatePart& part, std::string_view text) {
  return !part.literal && part.text == text;
}
bool is_literal(const TemplatePart& part, std::string_view text) {
  return part.literal && part.text == text;
}

class Recognition {
 public:
  // False where an output is not understood.
  bool add(const TemplateOutput& output) {
    size_t marks = 0;
    for (const TemplatePart& part : output.parts) marks += marks_in(part.text);
    marks_ += marks;
    if (output.variable == "content") return add_content(output.parts);
    if (output.variable == "system_message") return add_system(output.parts);
    if (!output.variable.empty()) return marks == 0;
    return marks == 0 ? add_other(output.parts) : add_message(output.parts);
  }

  // What all outputs together say, if it is of one mind.
  std::optional<ChatTemplate> result(size_t marks_in_template) const {
    if (!message_ || in_tools_ || marks_ != marks_in_template) return std::nullopt;
    // "content" holds the message, with the system message before it where <<SYS>> is.
    if (uses_content_ && (!content_has_system_ || !content_has_message_ || content_has_other_))
      return std::nullopt;
    if (!uses_content_ && content_has_system_) return std::nullopt;
    if ((content_has_system_ || system_marks_) && !takes_system_) return std::nullopt;
    if (content_has_system_ && system_marks_) return std::nullopt;
    ChatTemplate chat = *message_;
    chat.format = content_has_system_ ? ChatFormat::llama2 : ChatFormat::mistral;
    chat.system_marks = system_marks_;
    if (content_has_system_) chat.system_marks.emplace(kSystemOpening, kSystemClosing);
    if (bos_first_ && chat.bos) return std::nullopt;
    chat.bos = chat.bos || bos_first_;
    return chat;
  }

 private:
  // {{ bos_token + '[INST] ' + message + ' [/INST]' }}, perhaps with a system message and an empty line before the message.
  bool add_message(std::vector<TemplatePart> parts) {
    ChatTemplate found;
    if (is_code(parts.front(), "bos_token")) {
      found.bos = true;
      parts.erase(parts.begin());
    }
    const bool system =
        parts.size() == 5 && is_code(parts[1], "system_message") && is_literal(parts[2], "\n\n");
    if (system) parts.erase(parts.begin() + 1, parts.begin() + 3);
    if (parts.size() != 3 || !parts[0].literal || !parts[2].literal) return false;
    found.opening = parts[0].text;
    found.closing = parts[2].text;
    const auto trims = trims_message(parts[1]);
    if (!trims || !is_one_of(found.opening, {"[INST]", "[INST] ", " [INST] "}) ||
        !is_one_of(found.closing, {"[/INST]", " [/INST]"})) {
      return false;
    }
    found.trims = *trims;
    const bool uses_content = parts[1].text.starts_with("content");
    if (message_ &&
        (message_->opening != found.opening || message_->closing != found.closing ||
         message_->trims != found.trims || message_->bos != found.bos || uses_content_ != uses_content)) {
      return false;
    }
    if (system && (uses_content || found.trims))
      return false;  // what is trimmed then is not known from public ones
    if (system) system_marks_.emplace("", "\n\n");
    message_ = found;
    uses_content_ = uses_content;
    return true;
  }

  // {% set content = ... %}
  bool add_content(const std::vector<TemplatePart>& parts) {
    const auto is_message = [](const TemplatePart& part) {
      return trims_message(part) == false && part.text != "content";
    };
    if (parts.size() == 1 && is_message(parts[0])) {
      content_has_message_ = true;
      return true;
    }
    const bool has_system = parts.size() == 4 && is_literal(parts[0], kSystemOpening) &&
                            is_code(parts[1], "system_message") && is_literal(parts[2], kSystemClosing) &&
                            is_message(parts[3]);
    content_has_system_ |= has_system;
    content_has_other_ |= !has_system;
    return true;
  }

  // {% set system_message = ... %}: the given one as it is, or none.
  bool add_system(const std::vector<TemplatePart>& parts) {
    if (parts.size() != 1) return false;
    if (is_one_of(parts[0].text, {"messages[0]['content']", "messages[0].content"})) {
      takes_system_ = true;
      return !parts[0].literal;
    }
    return is_literal(parts[0], "") || is_code(parts[0], "false") || is_code(parts[0], "none");
  }

  // What a prompt of one user message does not have: an answer, which ends in eos, tools, and complaints.
  bool add_other(const std::vector<TemplatePart>& parts) {
    const auto begins_tools = [](const TemplatePart& part) {
      return part.literal && (part.text.find("[AVAILABLE_TOOLS]") != std::string::npos ||
                              part.text.find("[TOOL_CALLS]") != std::string::npos ||
                              part.text.find("[TOOL_RESULTS]") != std::string::npos);
    };
    const auto ends_tools = [](const TemplatePart& part) {
      return part.literal && (part.text.find("[/AVAILABLE_TOOLS]") != std::string::npos ||
                              part.text.find("[/TOOL_RESULTS]") != std::string::npos);
    };
    const bool eos =
        std::any_of(parts.begin(), parts.end(), [](const auto& part) { return is_code(part, "eos_token"); });
    in_tools_ = in_tools_ || std::any_of(parts.begin(), parts.end(), begins_tools);
    if (in_tools_) {
      in_tools_ = !eos && std::none_of(parts.begin(), parts.end(), ends_tools);
      return true;
    }
    if (parts.size() == 1 && is_code(parts[0], "bos_token")) return !std::exchange(bos_first_, true);
    return eos || (parts.size() == 1 && !parts[0].literal && parts[0].text.starts_with("raise_exception("));
  }

  std::optional<ChatTemplate> message_;
  std::optional<std::pair<std::string, std::string>> system_marks_;
  bool uses_content_ = false, content_has_message_ = false, content_has_system_ = false,
       content_has_other_ = false;
  bool takes_system_ = false, bos_first_ = false, in_tools_ = false;
  size_t marks_ = 0;
};

}  // namespace

std::optional<ChatTemplate> recognize_inst(std::string_view chat_template) {
  const auto outputs = template_outputs(chat_template);
  if (!outputs) return std::nullopt;
  Recognition recognition;
  for (const TemplateOutput& output : *outputs) {
    if (!recognition.add(output)) return std::nullopt;
  }
  size_t marks = 0;
  for (const std::string& literal : literals(chat_template)) marks += marks_in(literal);
  return recognition.result(marks);
}

}  // namespace ra
