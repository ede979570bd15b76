#include "apps/bayplan/run_words.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace bayplan::cli {
namespace {

constexpr std::array<std::string_view, 4> kRunOptions{"--network", "--vlan", "--ip", "--restart"};
constexpr std::array<std::string_view, 3> kGlobalOptions{"--socket", "-o", "--output"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& options, std::string_view word) {
  return std::ranges::find(options, word) != options.end();
}

bool is_run_option(const std::string& word) {
  return is_one_of(kRunOptions, std::string_view(word).substr(0, word.find('=')));
}

// The option's value is the next word.
bool takes_next(const std::string& word) {
  return is_one_of(kRunOptions, word) || is_one_of(kGlobalOptions, word);
}

bool is_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

}  // namespace

RunWords split_run_words(const std::vector<std::string>& words) {
  RunWords split;
  const auto separator = std::ranges::find(words, "--");
  if (separator != words.end()) split.docker_options.assign(separator + 1, words.end());
  int names = 0;  // NAME and IMAGE seen so far
  for (auto word = words.begin(); word != separator; ++word) {
    const bool behind_image = names == 2;
    if (behind_image && !is_run_option(*word)) {
      split.command.push_back(*word);
      continue;
    }
    split.ours.push_back(*word);
    if (takes_next(*word) && word + 1 != separator) {
      split.ours.push_back(*++word);
    } else if (!is_option(*word)) {
      ++names;
    }
  }
  return split;
}

std::size_t command_position(const std::vector<std::string>& args) {
  std::size_t i = 0;
  while (i < args.size() && is_option(args[i])) i += is_one_of(kGlobalOptions, args[i]) ? 2U : 1U;
  return std::min(i, args.size());
}

}  // namespace bayplan::cli
