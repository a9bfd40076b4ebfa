#include "cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

[[noreturn]] void refuse(std::string_view where, std::string_view found, const std::string& expected) {
  throw Error(Exit::usage, fmt::format("{}: found \"{}\"; expected {}", where, printable(found), expected));
}

// Parts between commas, empty ones included.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t comma; (comma = text.find(',')) != text.npos; text.remove_prefix(comma + 1)) {
    parts.push_back(text.substr(0, comma));
  }
  parts.push_back(text);
  return parts;
}

}  // namespace

uint64_t parse_number(std::string_view text, std::string_view where, uint64_t minimum, uint64_t maximum) {
  uint64_t value = 0;
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!digits || error != std::errc() || end != text.data() + text.size() || value < minimum ||
      value > maximum) {
    refuse(where, text, fmt::format("a decimal number from {} to {}", minimum, maximum));
  }
  return value;
}

std::vector<std::string> parse_list(std::string_view text, std::string_view where) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(text)) {
    if (part.empty()) refuse(where, text, "names with single commas between them");
    if (std::find(parts.begin(), parts.end(), part) != parts.end()) refuse(where, text, "no name twice");
    parts.emplace_back(part);
  }
  return parts;
}

std::vector<int32_t> parse_sizes(std::string_view text, std::string_view where, int32_t maximum) {
  std::set<int32_t> sizes;
  const auto number = [&](std::string_view part) {
    return static_cast<int32_t>(parse_number(part, where, 1, static_cast<uint64_t>(maximum)));
  };
  for (const std::string_view part : split(text)) {
    const size_t dash = part.find('-');
    const int32_t first = number(part.substr(0, dash));
    const int32_t last = dash == part.npos ? first : number(part.substr(dash + 1));
    if (last < first) refuse(where, part, "a range that ascends");
    for (int32_t size = first; size <= last; ++size) {
      if (!sizes.insert(size).second) refuse(where, text, fmt::format("no size twice ({} is)", size));
    }
  }
  return {sizes.begin(), sizes.end()};
}

CLI::Option* add_text(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                      const std::string& description, const std::string& value_name) {
  const auto store = [&value](const std::string& text) { value = text; };
  return app.add_option_function<std::string>(names, store, description)->type_name(value_name);
}

std::string one_of(const std::string& where, const std::string& word,
                   const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), word) == choices.end())
    refuse(where, word, fmt::format("one of {}{}", fmt::join(choices, ", "), perhaps(word, choices)));
  return word;
}

CLI::Option* add_choice(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                        const std::vector<std::string>& choices, const std::string& description,
                        const std::string& value_name) {
  const std::string where = CLI::detail::split_names(names).back();
  const auto store = [=, &value](const std::string& text) { value = one_of(where, text, choices); };
  return app.add_option_function<std::string>(names, store, description)->type_name(value_name);
}

CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& value, const std::string& description) {
  return app.add_flag(names, value, description)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

}  // namespace ra
