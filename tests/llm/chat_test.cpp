#include "core/llm/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/llm/byte_alphabet.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

using testing::HasSubstr;

// One token a byte, and the marks.
Tokenizer byte_tokenizer(const std::vector<std::string>& marks, std::optional<int32_t> bos = {}) {
  TokenizerSource source{
      .file = "bytes", .pre = "gpt-2", .model = "gpt2", .bos = bos, .add_bos = bos.has_value()};
  for (const std::string& symbol : byte_symbols()) source.tokens.push_back(symbol);
  source.token_types.assign(256, 1);
  for (const std::string& mark : marks) {
    source.tokens.push_back(mark);
    source.token_types.push_back(3);
  }
  return Tokenizer::open(source);
}
const std::vector<std::string> kChatml = {"<|im_start|>", "<|im_end|>"};
const std::vector<std::string> kLlama3 = {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
                                          "<|eot_id|>"};

// Templates in the shapes that published checkpoints have.
const char* const kSmollm2 =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a test<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const char* const kQwen3 =
    R"({%- if tools %}{{- '<|im_start|>system\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}
{%- endif %}{{- "# Tools\n\nYou may call <tools></tools>" }}{{- "\n</tools><|im_end|>\n" }}{%- else %}
{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}{%- endif %}
{%- endif %}{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %})";
const char* const kLlama30 =
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
    "'<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 "
    "== 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}";
const char* const kLlama31 =
    R"({{- bos_token }}{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{#- It's the system message that comes first #}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}{{- "Cutting Knowledge Date: December 2023\n" }}
{{- "Today Date: " + date_string + "\n\n" }}{{- system_message }}{{- "<|eot_id|>" }}
{%- for message in messages %}{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }})";

const char* const kMistral =
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% endif %}{% endfor %}";

std::string written(const Tokenizer& tokenizer, const char* chat_template, std::string_view user,
                    const std::optional<std::string>& system = {}) {
  const auto chat = recognize_chat_template(chat_template);
  if (!chat) return "not recognised";
  return tokenizer.decode(chat_prompt(tokenizer, *chat, user, system, SpecialText::plain));
}

TEST(Chat, SmollmsTemplatePutsItsSystemMessageFirstUnlessOneIsGiven) {
  const Tokenizer tokenizer = byte_tokenizer(kChatml);
  const std::string rest = "<|im_start|>user\n Hi \n<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(written(tokenizer, kSmollm2, " Hi \n"), "<|im_start|>system\nYou are a test<|im_end|>\n" + rest);
  EXPECT_EQ(written(tokenizer, kSmollm2, " Hi \n", "Be brief"),
            "<|im_start|>system\nBe brief<|im_end|>\n" + rest);
  EXPECT_EQ(written(tokenizer, kSmollm2, " Hi \n", ""), "<|im_start|>system\n<|im_end|>\n" + rest);
}

TEST(Chat, Qwen3sTemplateHasNoSystemMessageOfItsOwn) {
  const Tokenizer tokenizer = byte_tokenizer(kChatml);
  EXPECT_EQ(written(tokenizer, kQwen3, "Hi"), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Chat, Llama3BeginsWithBosAndTrimsMessages) {
  const Tokenizer tokenizer = byte_tokenizer(kLlama3);
  EXPECT_EQ(written(tokenizer, kLlama30, " \n Hi\xe3\x80\x80"),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(Chat, Llama31PutsItsDatesBeforeEverySystemMessage) {
  const Tokenizer tokenizer = byte_tokenizer(kLlama3);
  const std::string dates =
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
      "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
  const std::string rest =
      "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\n";
  EXPECT_EQ(written(tokenizer, kLlama31, "Hi"), dates + rest);
  EXPECT_EQ(written(tokenizer, kLlama31, "Hi", " Be brief\n"), dates + "Be brief" + rest);
}

TEST(Chat, MarksAreTokensAndMarksInMessagesAreNot) {
  const Tokenizer tokenizer = byte_tokenizer(kChatml);
  const auto chat = recognize_chat_template(kQwen3);
  const auto marks = [&](SpecialText special) {
    const std::vector<int32_t> ids = chat_prompt(tokenizer, *chat, "a<|im_end|>b", {}, special);
    return std::count_if(ids.begin(), ids.end(), [](int32_t id) { return id >= 256; });
  };
  EXPECT_EQ(marks(SpecialText::plain), 3);
  EXPECT_EQ(marks(SpecialText::parse), 4);
}

TEST(Chat, ATemplateThatWantsBosGetsTheTokenizers) {
  const std::string with_bos = std::string("{{ bos_token }}") + kQwen3;
  EXPECT_EQ(written(byte_tokenizer({"<|im_start|>", "<|im_end|>", "<s>"}, 258), with_bos.c_str(), "Hi")
                .substr(0, 15),
            "<s><|im_start|>");
  EXPECT_THAT(refusal([&] { written(byte_tokenizer(kChatml), with_bos.c_str(), "Hi"); }),
              HasSubstr("bos token"));
}

// Templates of Llama 2, Code Llama and Mistral with what they render to, for several messages with and without a system
// message: tests/golden/chat/inst.json says where they come from.
TEST(Chat, InstWritesWhatPublishedTemplatesRender) {
  // Marks as text, and as tokens, as Mistral has them from v0.3 on.
  for (const std::vector<std::string>& marks :
       {std::vector<std::string>{"<s>"}, std::vector<std::string>{"<s>", "[INST]", "[/INST]"}}) {
    const Tokenizer tokenizer = byte_tokenizer(marks, 256);
    const Json golden = golden_json("chat/inst.json");
    EXPECT_EQ(member(golden, "templates").array("templates").size(), 8u);
    for (const Json& one : member(golden, "templates").array("templates")) {
      const std::string& name = member(one, "name").string("name");
      const auto chat = recognize_chat_template(member(one, "template").string("template"));
      ASSERT_TRUE(chat.has_value()) << name;
      EXPECT_EQ(chat->format, name.find("llama") != name.npos ? ChatFormat::llama2 : ChatFormat::mistral)
          << name;
      for (const Json& messages : member(one, "cases").array("cases")) {
        const Json &given = member(messages, "system"), &text = member(messages, "text");
        const auto system = given.is_null() ? std::nullopt : std::optional(given.string("system"));
        const std::string& user = member(messages, "user").string("user");
        const auto write = [&] { return chat_prompt(tokenizer, *chat, user, system, SpecialText::plain); };
        if (text.is_null()) {
          EXPECT_THAT(refusal(write), HasSubstr("no place for a system message")) << name;
        } else {
          EXPECT_EQ(tokenizer.decode(write()), text.string("text")) << name;
        }
      }
    }
  }
}

TEST(Chat, InstsMarksAreTokensWhereTheTokenizerHasThem) {
  const auto chat = recognize_chat_template(kMistral);
  const auto marks = [&](const std::vector<std::string>& tokens) {
    const std::vector<int32_t> ids =
        chat_prompt(byte_tokenizer(tokens, 256), *chat, "[INST] a", {}, SpecialText::plain);
    return std::count_if(ids.begin(), ids.end(), [](int32_t id) { return id >= 256; });
  };
  EXPECT_EQ(marks({"<s>"}), 1);
  EXPECT_EQ(marks({"<s>", "[INST]", "[/INST]"}), 3) << "not the one in the message";
}

// What stands between the first mark and the last is one text to a tokenizer that puts a blank before each.
TEST(Chat, InstsTextIsEncodedAsOne) {
  const Tokenizer tokenizer =
      Tokenizer::open({.tokenizer_json = golden_path("tokenizer-spm/tokenizer.json")});
  std::vector<int32_t> expected = {1};
  const std::vector<int32_t> text = tokenizer.encode("[INST] Hi [/INST]", SpecialText::plain, false);
  expected.insert(expected.end(), text.begin(), text.end());
  EXPECT_EQ(chat_prompt(tokenizer, *recognize_chat_template(kMistral), "Hi", {}, SpecialText::plain),
            expected);
}

TEST(Chat, InstTemplatesThatWriteSomethingElseAreNotRecognised) {
  const std::string good = kMistral;
  ASSERT_TRUE(recognize_chat_template(good).has_value());
  const auto with = [&](const std::string& what, const std::string& instead) {
    std::string text = good;
    text.replace(text.find(what), what.size(), instead);
    return text;
  };
  for (const std::string& text : {
           with("'[INST] '", "'[INST]\n'"),
           with("'[INST] '", "'### [INST] '"),
           with("' [/INST]'", "' [/INST] Answer:'"),
           with("message['content']", "message['content'] | upper"),
           with("message['content']", "message['content'] + date"),
           with("{{ bos_token }}", "{{ bos_token }}You are a test. "),
           with("{{ bos_token }}", "{{ bos_token }}{{ 'You are a test. ' }}"),
           with("{{ bos_token }}", "{{ bos_token }}{{ bos_token }}"),
           with("{{ bos_token }}", "{{ bos_token }}\n"),
           with("{% endfor %}", "{% endfor %}{% if x %}  {% endif %}"),
           with("{% endfor %}", "{% endfor %}{{ strftime_now('%d') }}"),
           with("{% endfor %}", "{% endfor %}{{ '[INST]' + message['content'] + '[/INST]' }}"),
           with("{% endfor %}", "{% endfor %}{% if '<<SYS>>' in message['content'] %}{% endif %}"),
           with("{% endfor %}", "{% endfor %}{{ '[AVAILABLE_TOOLS] [' }}"),
           with("{% for", "{% set system_message = 'You are a test' %}{% for"),
           with("{% for", "{% set prefix = '[INST]' %}{% for"),
           with("{% for", "{% set prefix %}{{ bos_token }}{% endset %}{% for"),
           with("{% for", "{% set prefix | replace('=', \"'\") %}{% endset %}{% for"),
           with("{% for", "{% set '=' %}{% for"),
           with("{% endfor %}", "{% endfor %}{{ '"),
           good + kSmollm2,
       }) {
    EXPECT_FALSE(recognize_chat_template(text).has_value()) << text;
  }
  // What writes nothing changes nothing.
  for (const std::string& text :
       {with("{{ bos_token }}", "{{ bos_token -}} \n "), with("{% endfor %}", "{% endfor %}\n"),
        with("{% endfor %}", "{% endfor %}\n  {% if x %}\n  {%- endif %}\n"),
        with("{% endfor %}", "{% endfor %}{# [INST] {{ #}")}) {
    EXPECT_TRUE(recognize_chat_template(text).has_value()) << text;
  }
}

// B42: a template is data. None of these takes time, and none is taken for a known format.
TEST(Chat, OtherTemplatesAreNotRecognised) {
  const std::string marks = "<|im_start|><|im_end|>";
  std::string loop = "{{ '<|im_start|>";
  loop.resize(100 << 20, 'x');
  for (const std::string& text : {
           std::string(),
           std::string("{{ messages[0]['content'] }}"),
           marks,
           marks + "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
           marks + std::string(6000, '('),
           marks + "{{ x.__class__ }}",
           "{{ '<|im_end|>" + std::string(1000, '\\'),
           loop,
           std::string(kSmollm2) + "{{ strftime_now('%d') }}",
           std::string(kSmollm2) + "{{ '<|im_sep|>' }}",
           std::string(kSmollm2) + "{{ '<|im_start|>system\nAnother one<|im_end|>\n' }}",
           std::string(kSmollm2) + kLlama30,
           std::string("<|start_header_id|><|end_header_id|><|eot_id|>"),
           std::string("[INST][/INST]"),
           std::string("{% macro m() %}{{ '[INST] ' + m() + ' [/INST]' }}{% endmacro %}{{ m() }}"),
           "[INST][/INST]{{ " + std::string(6000, '('),
           std::string("{{ '[INST] ' + x.__class__ + ' [/INST]' }}"),
           "{{ '[/INST]" + loop,
       }) {
    EXPECT_FALSE(recognize_chat_template(text).has_value()) << text.substr(0, 200);
  }
}

TEST(Chat, ATokenizerWithoutTheMarksIsRefused) {
  const auto chat = recognize_chat_template(kQwen3);
  EXPECT_THAT(refusal([&] { chat_prompt(byte_tokenizer(kLlama3), *chat, "Hi", {}, SpecialText::plain); }),
              HasSubstr("no token <|im_start|>"));
}

TEST(Chat, MessagesMustBeUtf8) {
  const auto chat = recognize_chat_template(kLlama30);
  EXPECT_THAT(
      refusal([&] { chat_prompt(byte_tokenizer(kLlama3), *chat, "Hi", "\xe4\xb8", SpecialText::plain); }),
      HasSubstr("system message@0: byte 0xe4"));
}

}  // namespace
}  // namespace ra
