// tokenizer.json as Hugging Face's tokenizers writes it. Only structures whose meaning is known exactly are read; any
// other member or type is an error that names it. A regular expression in the file is compared, never compiled.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "core/llm/input_file.h"
#include "core/llm/json_fields.h"
#include "core/llm/tokenizer_definition.h"
#include "core/llm/tokenizer_json_steps.h"
#include "core/printable.h"
#include "core/utf8.h"

namespace ra {
namespace {

constexpr size_t kMaxFileBytes = 128 << 20;  // published ones have up to 35 MB

class Reader : private JsonFields {
 public:
  Reader(Json root, std::string name) : JsonFields(std::move(name)), root_(std::move(root)) {
    out_.name = JsonFields::name();
  }

  TokenizerDefinition read() {
    // "truncation" and "padding" are left alone: they are how one caller once used the tokenizer.
    known_members(root_, "",
                  {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                   "post_processor", "decoder", "model"});
    read_model(member(root_, "", "model"));
    read_added_tokens();
    out_.normalizer = read_normalizer(*this, member(root_, "", "normalizer"));
    read_pre_tokenizer(member(root_, "", "pre_tokenizer"));
    read_post_processor(root_.find("post_processor"));
    out_.decoder = read_decoder(*this, member(root_, "", "decoder"));
    if (out_.decoder.byte_level != (out_.kind == TokenizerKind::byte_level)) {
      fail("decoder", out_.decoder.byte_level ? "ByteLevel" : "no ByteLevel",
           "ByteLevel where the pre_tokenizer has it, and only there");
    }
    return std::move(out_);
  }

 private:
  void read_model(const Json& model) {
    known_members(model, "model",
                  {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                   "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
    if (model.find("type") != nullptr && type_of(model, "model") != "BPE") {
      fail("model.type", type_of(model, "model"), "BPE");
    }
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
      require_none(model, "model", key);
    }
    if (flag(model, "model", "byte_fallback", false)) {
      out_.kind = TokenizerKind::byte_fallback;
      if (const Json* unknown = model.find("unk_token"); unknown != nullptr && !unknown->is_null()) {
        unknown->string(
            at("model.unk_token"));  // never used: every byte has its token, or the file is refused
      }
    } else {
      require_none(model, "model", "unk_token");
    }
    flag(model, "model", "fuse_unk", false);  // says something only about an unk_token
    out_.ignore_merges = flag(model, "model", "ignore_merges", false);
    read_vocabulary(member(model, "model", "vocab").object(at("model.vocab")));
    read_merges(member(model, "model", "merges").array(at("model.merges")));
  }

  // Ids run from 0 without gaps over vocabulary and added tokens together, so none is beyond their number.
  void read_vocabulary(const Json::Object& vocabulary) {
    const Json* added = root_.find("added_tokens");
    const size_t most =
        vocabulary.size() + (added != nullptr && added->is_array() ? added->array("").size() : 0);
    if (vocabulary.empty()) fail("model.vocab", "no tokens", "a vocabulary");
    out_.tokens.resize(most);
    for (const auto& [token, id_value] : vocabulary) {
      const std::string where = at(fmt::format("model.vocab[\"{}\"]", printable(token)));
      const size_t id = id_value.unsigned_integer(where, most - 1);
      if (token.empty()) fail("model.vocab", "a token without text", "tokens with text");
      if (!out_.tokens[id].empty()) {
        fail("model.vocab",
             fmt::format("id {} twice, for \"{}\" and \"{}\"", id, printable(out_.tokens[id]),
                         printable(token)),
             "distinct ids");
      }
      out_.tokens[id] = token;
    }
  }

  void read_merges(const Json::Array& merges) {
    out_.merges.reserve(merges.size());
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const Json& merge = merges[rank];
      if (merge.is_array()) {
        const Json::Array& parts = merge.array("");
        if (parts.size() != 2 || !parts[0].is_string() || !parts[1].is_string())
          fail_merge(rank, "another array");
        add_merge(rank, parts[0].string(""), parts[1].string(""));
      } else if (merge.is_string()) {
        const std::string& text = merge.string("");
        const size_t blank = text.find(' ');
        if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos) {
          fail_merge(rank, fmt::format("\"{}\"", printable(text)));
        }
        add_merge(rank, text.substr(0, blank), text.substr(blank + 1));
      } else {
        fail_merge(rank, merge.type_name());
      }
    }
  }
  void add_merge(size_t rank, std::string left, std::string right) {
    if (left.empty() || right.empty()) fail_merge(rank, "an empty part");
    out_.merges.emplace_back(std::move(left), std::move(right));
  }
  [[noreturn]] void fail_merge(size_t rank, std::string_view found) const {
    fail(fmt::format("model.merges[{}]", rank), found, "two parts");
  }

  void read_added_tokens() {
    const Json* list = root_.find("added_tokens");
    if (list == nullptr || list->is_null()) return;
    for (const Json& token : list->array(at("added_tokens"))) {
      const std::string where = fmt::format("added_tokens[{}]", out_.added.size());
      known_members(token, where,
                    {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
      for (const char* key : {"single_word", "lstrip", "rstrip"})
        require_flag(token, where, key, false, false);
      AddedToken added;
      added.text = member(token, where, "content").string(at(where + ".content"));
      added.special = flag(token, where, "special", false);
      added.normalized = flag(token, where, "normalized", !added.special);
      added.id = static_cast<int32_t>(
          member(token, where, "id").unsigned_integer(at(where + ".id"), out_.tokens.size() - 1));
      out_.added.push_back(std::move(added));
    }
  }

  void require_byte_level(const Json& json, std::string_view where, bool use_regex) const {
    if (type_of(json, where) != "ByteLevel") fail(where, type_of(json, where), "ByteLevel");
    known_members(json, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
    require_flag(json, where, "add_prefix_space", true, false);
    require_flag(json, where, "use_regex", true, use_regex);
  }

  void read_pre_tokenizer(const Json& json) {
    const std::string where = "pre_tokenizer";
    if (out_.kind == TokenizerKind::byte_fallback) {
      if (type_of(json, where) == "null") return;
      if (type_of(json, where) == "Metaspace") return read_metaspace(json, where);
      fail(where, type_of(json, where), "null or Metaspace, as model.byte_fallback is true");
    }
    if (type_of(json, where) == "ByteLevel") {
      require_byte_level(json, where, true);
      out_.pre = PreTokenizerKind::gpt2;
      return;
    }
    if (type_of(json, where) != "Sequence") fail(where, type_of(json, where), "ByteLevel or Sequence");
    known_members(json, where, {"type", "pretokenizers"});
    const Json::Array& steps = member(json, where, "pretokenizers").array(at("pre_tokenizer.pretokenizers"));
    if (steps.size() != 2)
      fail(where, fmt::format("a sequence of {}", steps.size()), "Digits or Split, then ByteLevel");
    const std::string first = where + ".pretokenizers[0]", second = where + ".pretokenizers[1]";
    const std::string& type = type_of(steps[0], first);
    if (type == "Digits") {
      known_members(steps[0], first, {"type", "individual_digits"});
      require_flag(steps[0], first, "individual_digits", false, true);
      out_.pre = PreTokenizerKind::smollm;
    } else if (type == "Split") {
      out_.pre = read_split(steps[0], first);
    } else {
      fail(first, type, "Digits or Split");
    }
    require_byte_level(steps[1], second, type == "Digits");
  }

  void read_metaspace(const Json& json, const std::string& where) {
    known_members(json, where, {"type", "replacement", "prepend_scheme", "split"});
    require_flag(json, where, "split", true, false);
    Metaspace metaspace;
    metaspace.blank = member(json, where, "replacement").string(at(where + ".replacement"));
    if (!single_character(metaspace.blank)) {
      fail(where + ".replacement", "\"" + metaspace.blank + "\"", "one character");
    }
    const std::string& scheme = member(json, where, "prepend_scheme").string(at(where + ".prepend_scheme"));
    if (scheme == "first") {
      metaspace.prepend = Metaspace::Prepend::first;
    } else if (scheme == "always") {
      metaspace.prepend = Metaspace::Prepend::always;
    } else if (scheme != "never") {
      fail(where + ".prepend_scheme", scheme, "first, always or never");
    }
    out_.metaspace = std::move(metaspace);
  }

  PreTokenizerKind read_split(const Json& json, const std::string& where) const {
    known_members(json, where, {"type", "pattern", "behavior", "invert"});
    const std::string& behavior = member(json, where, "behavior").string(at(where + ".behavior"));
    if (behavior != "Isolated") fail(where + ".behavior", behavior, "Isolated");
    require_flag(json, where, "invert", false, false);
    const Json& pattern = member(json, where, "pattern");
    known_members(pattern, where + ".pattern", {"Regex"});
    const std::string& regex =
        member(pattern, where + ".pattern", "Regex").string(at(where + ".pattern.Regex"));
    const auto kind = recognize_split_pattern(regex);
    if (!kind) fail(where + ".pattern", "unsupported pattern \"" + regex + "\"", "Llama 3's or Qwen2's");
    return *kind;
  }

  void read_post_processor(const Json* json) {
    if (json == nullptr || json->is_null()) return;
    const std::string where = "post_processor";
    const std::string& type = type_of(*json, where);
    if (type == "Sequence") {
      known_members(*json, where, {"type", "processors"});
      bool has_template = false;
      for (const Json& step : member(*json, where, "processors").array(at(where + ".processors"))) {
        has_template |= read_processor(step, where + ".processors", has_template);
      }
    } else {
      read_processor(*json, where, false);
    }
  }

  // Whether it was a template. ByteLevel moves offsets only, not ids.
  bool read_processor(const Json& json, const std::string& where, bool has_template) {
    const std::string& type = type_of(json, where);
    if (type == "ByteLevel") return false;
    if (type != "TemplateProcessing" || has_template) {
      fail(where, has_template ? "a second " + type : type, "ByteLevel, TemplateProcessing or both");
    }
    known_members(json, where, {"type", "single", "pair", "special_tokens"});
    const Json& special = member(json, where, "special_tokens");
    bool text_seen = false;
    for (const Json& item : member(json, where, "single").array(at(where + ".single"))) {
      known_members(item, where + ".single", {"SpecialToken", "Sequence"});
      if (item.object("").size() != 1)
        fail(where + ".single", "an item of several kinds", "one kind an item");
      if (const Json* token = item.find("SpecialToken")) {
        const std::string& key = member(*token, where + ".single", "id").string(at(where + ".single"));
        append_ids(special, where, key, text_seen ? out_.suffix : out_.prefix);
      } else if (!std::exchange(text_seen, true)) {
        const std::string& sequence =
            member(*item.find("Sequence"), where, "id").string(at(where + ".single"));
        if (sequence != "A") fail(where + ".single", "sequence " + sequence, "sequence A");
      } else {
        fail(where + ".single", "the text twice", "the text once");
      }
    }
    if (!text_seen) fail(where + ".single", "no text", "the text once");
    return true;
  }

  void append_ids(const Json& special, const std::string& where, const std::string& key,
                  std::vector<int32_t>& out) {
    const std::string at_key = fmt::format("{}.special_tokens[\"{}\"]", where, printable(key));
    special.object(at(where + ".special_tokens"));
    const Json* entry = special.find(key);
    if (entry == nullptr) fail(at_key, "nothing", "the template's token");
    known_members(*entry, at_key, {"id", "ids", "tokens"});
    for (const Json& id : member(*entry, at_key, "ids").array(at(at_key))) {
      out.push_back(static_cast<int32_t>(id.unsigned_integer(at(at_key), out_.tokens.size() - 1)));
    }
  }

  Json root_;
  TokenizerDefinition out_;
};

}  // namespace

TokenizerDefinition parse_tokenizer_json(std::string_view text, std::string_view name) {
  return Reader(parse_json(text, name), printable(name, 300)).read();
}

TokenizerDefinition read_tokenizer_json(const std::string& path) {
  return parse_tokenizer_json(InputFile::open(path).read_text(kMaxFileBytes), path);
}

}  // namespace ra
