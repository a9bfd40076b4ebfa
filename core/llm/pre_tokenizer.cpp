#include "core/llm/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

#include "core/error.h"

namespace ra {
namespace {

// What \s means to Hugging Face's regular expressions: Unicode's White_Space. PCRE2's own \s has U+180E besides.
#define RA_SPACE \
  R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})"

// The greedy ends are possessive, which changes no match and spares the backtracking.
#define RA_GPT2(numbers, text_ends_before)                                      \
  R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}++|)" numbers R"(| ?[^\p{L}\p{N})" RA_SPACE \
  "]++"                                                                         \
  "|[" RA_SPACE "]+(?![^" text_ends_before RA_SPACE "])|[" RA_SPACE "]++"

#define RA_SPLIT(numbers)                                                                            \
  R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}++|)" numbers R"(| ?[^\p{L}\p{N})" RA_SPACE \
  R"(]++[\r\n]*+|[)" RA_SPACE R"(]*[\r\n]++|[)" RA_SPACE "]+(?![^" RA_SPACE "])|[" RA_SPACE "]++"

struct Rule {
  std::string name;
  const char* pattern;       // null: the text stays whole
  std::string_view in_json;  // how tokenizer.json writes it; empty where it has no pattern
};

// By PreTokenizerKind. smollm's numbers are cut out first, so that for the rest the text ends before a number.
const std::array<Rule, 5>& rules() {
  static const std::array<Rule, 5> all = {{
      {"gpt2", RA_GPT2(R"( ?\p{N}++)", ""), ""},
      {"smollm", RA_GPT2(R"(\p{N})", R"(\p{N})"), ""},
      {"llama3", RA_SPLIT(R"(\p{N}{1,3}+)"),
       R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      {"qwen2", RA_SPLIT(R"(\p{N})"),
       R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      {"none", nullptr, ""},
  }};
  return all;
}

const Rule& rule_of(PreTokenizerKind kind) {
  return rules().at(static_cast<size_t>(kind));
}

// A match reads its piece a few times over: this many steps a byte, and some for the alternatives.
constexpr uint32_t kMatchStepsPerByte = 4;
constexpr uint32_t kMatchSteps = 10'000;
constexpr uint32_t kHeapKibibytes = 16 * 1024;
constexpr uint32_t kDepth = 1'000;

std::string pcre2_message(int code) {
  PCRE2_UCHAR text[256] = {};
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

struct FreeMatch {
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};

}  // namespace

const std::string& name_of(PreTokenizerKind kind) {
  return rule_of(kind).name;
}

std::optional<PreTokenizerKind> recognize_split_pattern(std::string_view pattern) {
  for (size_t i = 0; i < rules().size(); ++i) {
    if (!rules()[i].in_json.empty() && rules()[i].in_json == pattern) return static_cast<PreTokenizerKind>(i);
  }
  return std::nullopt;
}

struct PreTokenizer::Pattern {
  pcre2_code* code = nullptr;
  explicit Pattern(const char* text) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text), PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &offset, nullptr);
    check(code != nullptr, "PCRE2 to compile the pre-tokenizer's pattern");
    // Only faster: without it (a system that forbids writable code) the interpreter finds the same.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() { pcre2_code_free(code); }
};

PreTokenizer::PreTokenizer(PreTokenizerKind kind)
    : kind_(kind),
      pattern_(rule_of(kind).pattern != nullptr ? std::make_unique<Pattern>(rule_of(kind).pattern)
                                                : nullptr) {}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

std::vector<std::string_view> PreTokenizer::split(std::string_view text) const {
  if (pattern_ == nullptr) return text.empty() ? std::vector<std::string_view>() : std::vector{text};
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(
      pcre2_match_data_create_from_pattern(pattern_->code, nullptr));
  const std::unique_ptr<pcre2_match_context, FreeMatch> limits(pcre2_match_context_create(nullptr));
  if (match == nullptr || limits == nullptr) throw std::bad_alloc();
  check(text.size() <= kMaxSplitBytes, "a text that can be split");
  pcre2_set_match_limit(limits.get(), kMatchSteps + kMatchStepsPerByte * static_cast<uint32_t>(text.size()));
  pcre2_set_heap_limit(limits.get(), kHeapKibibytes);
  pcre2_set_depth_limit(limits.get(), kDepth);

  std::vector<std::string_view> pieces;
  for (size_t at = 0; at < text.size();) {
    // Without NO_UTF_CHECK every match would read the whole rest first.
    const int found = pcre2_match(pattern_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                  PCRE2_NO_UTF_CHECK, match.get(), limits.get());
    if (found < 0) {
      throw Error(Exit::bad_input,
                  fmt::format("text@{}: cannot be split ({}); expected text within the limits of the "
                              "pre-tokenizer {}",
                              at, pcre2_message(found), name_of(kind_)));
    }
    const size_t end = pcre2_get_ovector_pointer(match.get())[1];
    check(end > at, "a pre-tokenizer that always moves on");
    pieces.push_back(text.substr(at, end - at));
    at = end;
  }
  return pieces;
}

}  // namespace ra
