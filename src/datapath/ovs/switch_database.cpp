#include "datapath/ovs/switch_database.hpp"

namespace bayplan::datapath::ovs {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kBriefPatience{300};
constexpr std::chrono::milliseconds kAmplePatience{2000};
constexpr std::chrono::milliseconds kAnswerBound{5000};
constexpr std::chrono::milliseconds kWorkBound{5000};
constexpr std::chrono::milliseconds kBehindBound{500};
constexpr std::chrono::milliseconds kGrace{2000};  // for the database to say that a wait is over

Error not_carried_out() {
  return fail(ErrorCode::timeout,
              "Open vSwitch does not carry out what is asked of it: is ovs-vswitchd running? `systemctl status "
              "openvswitch-switch`");
}

// The number in the first row of a select's result.
Result<std::int64_t> number_in(const json::value& result, std::string_view column) {
  const json::value* rows = result.is_object() ? result.get_object().if_contains("rows") : nullptr;
  const json::array* list = rows == nullptr ? nullptr : rows->if_array();
  if (list == nullptr || list->empty() || !list->front().is_object()) {
    return fail(ErrorCode::corrupt, "Open vSwitch's database answered without its own row");
  }
  return bayplan::ovs::Row(list->front().get_object()).number(column);
}

json::array only(const char* column) {
  json::array columns;
  columns.push_back(json::string(column));
  return columns;
}

json::object select_root(const char* column) {
  return {{"op", "select"}, {"table", "Open_vSwitch"}, {"where", json::array()}, {"columns", only(column)}};
}

}  // namespace

Result<Snapshot> SwitchDatabase::look(const std::vector<std::string>& port_names, Patience patience) {
  TRY(client_.check_alive(patience == Patience::brief ? kBriefPatience : kAmplePatience));
  const json::array operations = selects(port_names);
  return parse_snapshot(operations, TRY(client_.transact(operations, kAnswerBound)));
}

// ovs-vsctl(8) does the same: next_cfg counts changes, and ovs-vswitchd sets cur_cfg to what it has carried out.
Result<std::int64_t> SwitchDatabase::commit(json::array operations) {
  json::array mutations;
  mutations.push_back(bayplan::ovs::clause("next_cfg", "+=", 1));
  operations.push_back(
      {{"op", "mutate"}, {"table", "Open_vSwitch"}, {"where", json::array()}, {"mutations", mutations}});
  operations.push_back(select_root("next_cfg"));
  const json::array results = TRY(client_.transact(operations, kAnswerBound));
  return number_in(results.back(), "next_cfg");
}

Result<> SwitchDatabase::change_soon(const json::array& operations) {
  TRY(commit(operations));
  return {};
}

Result<> SwitchDatabase::change(const json::array& operations) {
  return wait_for(TRY(commit(operations)));
}

Result<> SwitchDatabase::wait_for(std::int64_t config) {
  const auto end = std::chrono::steady_clock::now() + (behind_ ? kBehindBound : kWorkBound);
  std::int64_t seen = TRY(current_after(-1, std::chrono::milliseconds(0)));
  while (seen < config) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    behind_ = true;
    if (left.count() <= 0) return not_carried_out();
    auto next = current_after(seen, left);
    if (!next.ok() && next.error().code == ErrorCode::timeout) return not_carried_out();
    seen = TRY(std::move(next));
  }
  behind_ = false;
  return {};
}

// Waits until cur_cfg is another than `seen`; it is never negative.
Result<std::int64_t> SwitchDatabase::current_after(std::int64_t seen, std::chrono::milliseconds bound) {
  json::array rows;
  rows.push_back(json::object{{"cur_cfg", seen}});
  const json::object wait{
      {"op", "wait"},  {"table", "Open_vSwitch"}, {"where", json::array()},  {"columns", only("cur_cfg")},
      {"until", "!="}, {"rows", std::move(rows)}, {"timeout", bound.count()}};
  const json::array results = TRY(client_.transact({wait, select_root("cur_cfg")}, bound + kGrace));
  return number_in(results.back(), "cur_cfg");
}

}  // namespace bayplan::datapath::ovs
