// The tree that the old practice kept in etcd v2: an import's first source. Pure: text in, records out.
//
//   /app/docker/now_vlan_ip                          a counter: the VLAN subnet given last
//   /app/docker/<host ip>/vlan<tag>/gateway          172.16.1.1/24
//   /app/docker/<host ip>/vlan<tag>/nowip            a counter: the address given last
//   /app/docker/<host ip>/vlan<tag>/container/<name> a Python dictionary: Container_ip, Container_status, …
//
// docs/migrating.md tells what becomes of each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "imports/records.hpp"

namespace bayplan::imports {

inline constexpr std::string_view kTree = "/app/docker";

struct KeyValue {
  std::string key;
  std::string value;
};

// A dump: lines of `key<TAB>value`, in any order; CR LF too. Lines that are not are broken records.
std::vector<KeyValue> parse_dump(std::string_view text, std::vector<BrokenRecord>& broken);

// The answer of `GET /v2/keys/app/docker?recursive=true` (etcd's v2 API, "Listing a directory"). `corrupt` when it is
// no such answer.
Result<std::vector<KeyValue>> parse_etcd_answer(std::string_view json);

// What the keys say. Each key that says nothing usable is a broken record; counters, and keys outside the tree, are
// ignored.
Records read_tree(std::vector<KeyValue> keys);

}  // namespace bayplan::imports
