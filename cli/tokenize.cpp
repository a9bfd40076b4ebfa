// repro-audit tokenize: the ids and pieces of a text, as `run` would encode it.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/error.h"
#include "core/json.h"
#include "core/json_values.h"
#include "core/llm/checkpoint.h"
#include "core/llm/prompt.h"
#include "core/llm/tokenizer.h"
#include "core/printable.h"
#include "reports/escape.h"

namespace ra {
namespace {

constexpr size_t kMaxLineBytes = kMaxTextBytes * 2;  // a JSON string may be longer than its text

struct TokenizeOptions {
  std::optional<std::string> file;
  std::optional<std::string> model;
  bool parse_special = false;
  bool no_bos = false;
  bool ndjson = false;
  bool json = false;
};

// Lines as they arrive, so that another program may write one and wait for its answer.
class LineReader {
 public:
  LineReader(const std::string& path, std::string name) : name_(std::move(name)) {
    descriptor_ = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail(strerror(errno));
  }
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader() {
    if (descriptor_ > STDIN_FILENO) close(descriptor_);
  }

  // The next line without its end; the last one may lack it. False at the end of the input.
  bool next(std::string& line) {
    size_t searched = 0, end;
    while ((end = buffer_.find('\n', begin_ + searched)) == buffer_.npos) {
      searched = buffer_.size() - begin_;
      if (searched > kMaxLineBytes) fail("a longer line");
      if (!read_more()) {
        line = buffer_.substr(begin_);
        begin_ = buffer_.size();
        return searched > 0;
      }
    }
    line = buffer_.substr(begin_, end - begin_);
    begin_ = end + 1;
    return true;
  }
  // Whether `next` might have to wait.
  bool drained() const { return buffer_.find('\n', begin_) == buffer_.npos; }

 private:
  [[noreturn]] void fail(const char* found) const {
    throw Error(Exit::bad_input,
                fmt::format("{}: {}; expected lines of at most {} bytes", name_, found, kMaxLineBytes));
  }
  bool read_more() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    char part[1 << 16];
    for (;;) {
      const ssize_t bytes = read(descriptor_, part, sizeof part);
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes < 0) fail(strerror(errno));
      buffer_.append(part, static_cast<size_t>(bytes));
      return bytes > 0;
    }
  }

  std::string name_;
  int descriptor_ = -1;
  std::string buffer_;
  size_t begin_ = 0;  // of what was not handed out yet
};

void print_pieces(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) text += fmt::format("{:>7}  \"{}\"\n", id, printable(tokenizer.piece(id)));
  print(text + fmt::format("{} tokens\n", ids.size()));
}

// A piece may be a part of a character: then its bytes stand beside its text, as in the report.
void print_json(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  const auto token = [&](int32_t id) {
    const std::string piece = tokenizer.piece(id);
    Json::Object object = {{"id", json::count(id)}, {"text", json::text(repair_utf8(piece))}};
    if (!is_utf8(piece)) object.push_back({"base64", json::text(base64(piece))});
    return Json{std::move(object)};
  };
  print(json_text(Json{Json::Object{{"tokens", json::array(ids, token)}}}));
}

void encode_lines(const Tokenizer& tokenizer, const TokenizeOptions& options, SpecialText special) {
  const std::string file = options.file.value_or("-");
  const std::string name = file == "-" ? "standard input" : printable(file, 300);
  LineReader reader(file, name);
  std::string line, answers;
  for (size_t number = 1; reader.next(line); ++number) {
    const std::string where = fmt::format("{}: line {}", name, number);
    if (line.empty() || line.ends_with('\r')) {
      throw Error(Exit::bad_input, fmt::format("{}: {}; expected a JSON string and LF", where,
                                               line.empty() ? "an empty line" : "a carriage return"));
    }
    const Json json = parse_json(line, where);
    const std::vector<int32_t> ids = tokenizer.encode(json.string(where), special, !options.no_bos);
    answers += fmt::format("[{}]\n", fmt::join(ids, ","));
    if (reader.drained()) {
      print(answers);
      answers.clear();
    }
  }
  print(answers);
}

int run_tokenize(const TokenizeOptions& options) {
  if (options.ndjson && options.json) throw Error(Exit::usage, "--ndjson with --json; expected one of them");
  const Checkpoint checkpoint = Checkpoint::open(model_path(options.model, read_config(config_path())));
  const Tokenizer tokenizer = Tokenizer::open(checkpoint.tokenizer());
  const SpecialText special = options.parse_special ? SpecialText::parse : SpecialText::plain;
  if (options.ndjson) {
    encode_lines(tokenizer, options, special);
    return 0;
  }
  const std::string file = options.file.value_or("-");
  const std::string text =
      prompt_text(read_text(file, kMaxTextBytes), file == "-" ? "standard input" : printable(file, 300));
  const std::vector<int32_t> ids = tokenizer.encode(text, special, !options.no_bos);
  options.json ? print_json(tokenizer, ids) : print_pieces(tokenizer, ids);
  return 0;
}

}  // namespace

Verb add_tokenize(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("tokenize", "Show the token ids and pieces of a text");
  const auto options = std::make_shared<TokenizeOptions>();
  add_text(*verb, "file", options->file, "The text; - or nothing: standard input", "FILE");
  add_text(*verb, "--model", options->model, "GGUF file or checkpoint folder (default: the configured one)",
           "PATH");
  add_flag(*verb, "--parse-special", options->parse_special,
           "Text that looks like a special token is that token");
  add_flag(*verb, "--no-bos", options->no_bos, "Without the tokens that the tokenizer puts around a text");
  add_flag(*verb, "--json", options->json, "The same as JSON");
  add_flag(*verb, "--ndjson", options->ndjson, "One JSON string a line in, one array of ids a line out");
  verb->footer(
      "The ids are those of `run --raw`: no chat format, and the line end of the last line is left out.\n\n"
      "Examples:\n  repro-audit tokenize feynman.txt\n  echo '\"Hello <|im_end|>\"' | repro-audit tokenize "
      "--ndjson --parse-special");
  return {verb, [options] { return run_tokenize(*options); }};
}

}  // namespace ra
