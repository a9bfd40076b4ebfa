// Strict values for the command line: numbers are whole decimal strings within a stated range, lists have no
// duplicates, nothing is given twice. Every refusal is Error(usage) "<option>: <found>; <expected>".
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/nearest.h"

namespace ra {

// Digits only, the whole string, within [minimum, maximum]. `where` names it in the error: "--runs".
uint64_t parse_number(std::string_view text, std::string_view where, uint64_t minimum, uint64_t maximum);

// The parts of a list with commas; an empty part or one given twice is an error.
std::vector<std::string> parse_list(std::string_view text, std::string_view where);

// "1-32", "1,2,8", "1-4,16": ascending, each from 1 to `maximum`.
std::vector<int32_t> parse_sizes(std::string_view text, std::string_view where, int32_t maximum);

// `word` if it is one of the choices; else an error that names them, and the one that was perhaps meant.
std::string one_of(const std::string& where, const std::string& word,
                   const std::vector<std::string>& choices);

// Declares an option that takes one value, or a flag, that may be given once.
CLI::Option* add_text(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                      const std::string& description, const std::string& value_name);
// One of a few words.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::optional<std::string>& value,
                        const std::vector<std::string>& choices, const std::string& description,
                        const std::string& value_name);
CLI::Option* add_flag(CLI::App& app, const std::string& names, bool& value, const std::string& description);

template <typename Integer>
CLI::Option* add_number(CLI::App& app, const std::string& names, std::optional<Integer>& value,
                        uint64_t minimum, uint64_t maximum, const std::string& description) {
  const std::string where = CLI::detail::split_names(names).back();
  const auto parse = [=, &value](const std::string& text) {
    value = static_cast<Integer>(parse_number(text, where, minimum, maximum));
  };
  return app.add_option_function<std::string>(names, parse, description)->type_name("N");
}

}  // namespace ra
