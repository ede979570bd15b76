#include "apps/bayplan/env_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/read_file.hpp"
#include "base/text.hpp"

namespace bayplan::cli {
namespace {

constexpr std::string_view kOption = "--env-file";
constexpr std::size_t kLimit = 512UL * 1024;  // bytes; the daemon takes requests of up to twice that

// "KEY=VALUE" for a line of the file; nothing for one without a meaning.
Result<std::optional<std::string>> read_line(std::string line) {
  line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty() || line.starts_with('#')) return std::optional<std::string>();
  const auto name = line.substr(0, line.find('='));
  if (name.empty() || name.find_first_of(" \t") != std::string::npos) {
    return fail(ErrorCode::invalid, "'{}' is not KEY=value", shown(line));
  }
  if (name.size() < line.size()) return std::optional(std::move(line));
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::optional<std::string>() : std::optional(name + "=" + value);
}

Result<> append_file(std::vector<std::string>& options, const std::string& path) {
  auto read = read_file(path, kLimit);
  if (!read.ok()) return fail(ErrorCode::invalid, "{}", read.error().message());
  const std::string& text = *read;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    if (auto entry = TRY(read_line(text.substr(start, end - start)).in(path))) {
      options.insert(options.end(), {"--env", *std::move(entry)});
    }
    start = end + 1;
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> with_env_files_read(const std::vector<std::string>& docker_options) {
  std::vector<std::string> from_files;
  std::vector<std::string> others;
  for (auto option = docker_options.begin(); option != docker_options.end(); ++option) {
    if (*option == kOption && option + 1 != docker_options.end()) {
      TRY(append_file(from_files, *++option).in(kOption));
    } else if (option->starts_with(std::string(kOption) + "=")) {
      TRY(append_file(from_files, option->substr(kOption.size() + 1)).in(kOption));
    } else {
      others.push_back(*option);
    }
  }
  from_files.insert(from_files.end(), others.begin(), others.end());
  return from_files;
}

}  // namespace bayplan::cli
