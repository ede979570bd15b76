// Which words of `bayplan run …` are whose.
//
//   bayplan run [OUR OPTIONS] NAME IMAGE [COMMAND… with our options anywhere between] [-- DOCKER OPTIONS]
//
// Behind IMAGE every word belongs to the command, words with dashes too, except --network, --vlan, --ip and --restart,
// which are ours wherever they stand: the script that Bayplan replaces was called `run test1 image sleep 1000 --vlan
// 100`. A command that needs one of the four itself is written as `sh -c '…'`.
#pragma once

#include <string>
#include <vector>

namespace bayplan::cli {

struct RunWords {
  std::vector<std::string> ours;  // everything up to IMAGE, and our options from behind it: for the parser
  std::vector<std::string> command;
  std::vector<std::string> docker_options;
};

// `words` are the words behind "run".
RunWords split_run_words(const std::vector<std::string>& words);

// Where the command stands in all the words: the first that is neither a global option nor the value of one.
std::size_t command_position(const std::vector<std::string>& args);

}  // namespace bayplan::cli
