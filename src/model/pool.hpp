// Which addresses of a network may be given, and which of them are free.
//
// The pool knows nothing of reservations: it is told what is taken and what is given back. The lowest free address
// comes first. Cost of every call: logarithmic in the number of gaps, not in what is taken.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "model/records.hpp"

namespace bayplan::model {

class Pool {
 public:
  Pool() = default;
  // Candidates: the network's ranges (or its whole subnet), without its first and last address, its gateway, the
  // host's address and its exclusions. All of them free.
  explicit Pool(const Network& network);

  // True if the address is one that may be given by itself.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  // Number of candidates, saturated.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

  // Idempotent; addresses that are no candidates are ignored.
  void take(const IpAddress& address);
  void give_back(const IpAddress& address);

  // The lowest free candidate; nothing when all are taken. Does not take it.
  [[nodiscard]] std::optional<IpAddress> lowest_free();
  // The lowest free candidate within a range: linear in the range's taken addresses.
  [[nodiscard]] std::optional<IpAddress> lowest_free(const AddressRange& within) const;

 private:
  [[nodiscard]] bool is_taken(const IpAddress& address) const;
  // Moves the frontier to the next candidate.
  void advance();

  std::vector<AddressRange> candidates_;  // ascending, disjoint
  std::uint64_t size_ = 0;
  std::uint64_t taken_ = 0;

  // Below the frontier everything is taken but the holes; from it on everything is free but what was taken ahead.
  std::size_t frontier_range_ = 0;
  std::optional<IpAddress> frontier_;  // none: past the end
  std::set<IpAddress> holes_;
  std::unordered_set<IpAddress> ahead_;
};

// The candidates of a network, ascending and disjoint.
std::vector<AddressRange> candidate_ranges(const Network& network);

}  // namespace bayplan::model
