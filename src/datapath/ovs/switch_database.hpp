// Open vSwitch's database as the datapath uses it: look, change, and wait until ovs-vswitchd has carried the change
// out.
//
// One owner, not thread-safe. Every call ends within its bound: an answer of the database 5 s; ovs-vswitchd's work 5 s,
// and half a second while it is known not to come along, so that many calls in a row don't wait in vain each.
// `look`, with which everything begins, first makes sure that ovsdb-server is alive: one that hangs holds up its
// callers for 0.3 s, or for 2 s if somebody waits for what is looked for, once (bayplan::ovs::Client), and not for 5.
// Errors: those of bayplan::ovs::Client; `timeout` that names ovs-vswitchd.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "datapath/ovs/rows.hpp"
#include "ovs/client.hpp"

namespace bayplan::datapath::ovs {

// For a sign of life of ovsdb-server. Brief is the reconciler, which comes again and has other datapaths to keep; ample
// is who makes something new that somebody waits for, which a busy server shall not refuse.
enum class Patience { brief, ample };

class SwitchDatabase {
 public:
  explicit SwitchDatabase(std::string socket_path) : client_(std::move(socket_path)) {}

  // All ports, or those of these names only; bridges always.
  Result<Snapshot> look(const std::vector<std::string>& port_names = {}, Patience patience = Patience::brief);
  // One transaction, and ovs-vswitchd has carried it out. No operations: only waits for what was asked before.
  Result<> change(const boost::json::array& operations);
  // The same, without waiting for ovs-vswitchd.
  Result<> change_soon(const boost::json::array& operations);

 private:
  Result<std::int64_t> commit(boost::json::array operations);
  Result<> wait_for(std::int64_t config);
  Result<std::int64_t> current_after(std::int64_t seen, std::chrono::milliseconds bound);

  bayplan::ovs::Client client_;
  bool behind_ = false;  // ovs-vswitchd did not come along the last time
};

}  // namespace bayplan::datapath::ovs
