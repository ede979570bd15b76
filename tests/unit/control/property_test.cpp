// Whatever containers do, in whatever order, with a disk that fails and a baypland that crashes between any two steps:
// no address is used twice, nobody runs with another's address, none is lost.
//
// The real planner and the real rules against a made-up engine that is as simple as can be: one network, whose
// endpoints are made one at a time (as Docker's networkLocker sees to), joins at any time later.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/check.hpp"
#include "control/planner.hpp"
#include "rules.hpp"
#include "support/fake_store.hpp"

namespace bayplan::control {
namespace {

using model::IpAddress;
using model::PlanEdit;
using testing::FakeStore;
using State = ports::ContainerState;

constexpr int kNames = 5;

bool is_nobodys_or(const model::Reservation* owner, const std::string& name) {
  return owner == nullptr || owner->identity == name;
}

struct Box {
  int life = 0;  // counts up with every container of the name
  State state = State::created;
  std::optional<IpAddress> configured;
  bool by_user = false;  // --ip
  std::string endpoint;
  std::optional<IpAddress> address;
  bool joined = false;
  bool unverified = false;  // joined with --ip while the engine was silent: whose it is, is seen when it answers
  std::string owed;         // the token of its last refusal
};

class Simulation {
 public:
  Simulation() {
    auto network = *testing::plan_with_network("172.16.1.0/27").network("vlan100");
    RC_ASSERT(disk_.commit({testing::put(network), testing::put(model::EngineNetwork{"net-id", "vlan100"})}).ok());
    crash();
  }

  void crash() {
    planner_.reset();
    planner_ = std::make_unique<Planner>(disk_, model::Plan::from(*disk_.load()).value());
  }
  void fail_a_commit() { disk_.fail_next_commits(1 + static_cast<std::size_t>(*rc::gen::inRange(0, 3))); }
  void mend_the_disk() { disk_.fail_next_commits(0); }
  void pass_time() { now_ += std::chrono::seconds(*rc::gen::inRange(1, 80)); }
  void silence(bool on) { silent_ = on; }

  void create(const std::string& name) {
    if (boxes_.contains(name)) return;
    Box box;
    box.life = ++lives_;
    if (*rc::gen::inRange(0, 6) == 0) {
      box.configured = IpAddress::v4(0xac100100U + static_cast<unsigned>(*rc::gen::inRange(2, 12)));
      box.by_user = true;
    }
    boxes_[name] = box;
  }
  // RequestAddress and CreateEndpoint; Docker makes one endpoint of a network at a time.
  void begin_start(const std::string& name) {
    Box* box = at_rest(name);
    if (!box) return;
    const auto granted = request_address(*box);
    if (!granted) return;
    if (strikes(12)) crash();
    const std::string endpoint = fmt::format("e{}", ++endpoints_);
    const BindRequest bind{"vlan100", *granted, "net-id", endpoint, silent_since(), now_};
    if (!planner_->execute([bind](PlanEdit& edit) { return bind_endpoint(edit, bind); })) return release(*granted);
    box->endpoint = endpoint;
    box->address = granted;
  }
  void end_start(const std::string& name) {
    const auto found = boxes_.find(name);
    if (found == boxes_.end() || found->second.endpoint.empty() || found->second.joined) return;
    Box& box = found->second;
    JoinRequest request;
    request.endpoint = box.endpoint;
    request.host = "host-1";
    if (!silent_) request.container = view(name, box);
    request.owed_token = fmt::format("owed-{}", ++tokens_);
    request.now = now_;
    const auto outcome = planner_->execute([request](PlanEdit& edit) { return join_endpoint(edit, request); });
    if (!outcome || outcome->owed) {
      if (outcome) box.owed = request.owed_token;
      return detach(box);
    }
    box.joined = true;
    box.unverified = silent_ && box.by_user;
    box.state = State::running;
    if (box.by_user) adopt(name);
  }
  void stop(const std::string& name) {
    const auto found = boxes_.find(name);
    if (found == boxes_.end() || !found->second.joined) return;
    found->second.state = State::exited;
    detach(found->second);
  }
  void remove(const std::string& name) {
    stop(name);
    const auto found = boxes_.find(name);
    if (found == boxes_.end() || !found->second.endpoint.empty()) return;
    boxes_.erase(found);
  }
  // bayplan release, refused while attached.
  void give_up(const std::string& name) {
    const auto done = planner_->execute([name](PlanEdit& edit) -> Result<bool> {
      const auto* own = edit.plan().reservation("vlan100", name);
      if (!own || own->state == model::ReservationState::attached) return false;
      TRY(edit.erase(model::Reservation(*own)));
      return true;
    });
    if (done.ok() && *done) expected_.erase(name);
  }
  void sync() {
    if (silent_) return;
    SyncInput input = seen();
    const auto outcome = planner_->execute([&input](PlanEdit& edit) { return sync_engine(edit, input); });
    if (!outcome) return;
    for (auto& [name, box] : boxes_) {
      if (std::exchange(box.unverified, false)) adopt(name);
    }
    for (const auto& action : outcome->repins) repin(action, input);
    for (const auto& owed : outcome->owed) settle(owed, input);
  }

  void check() {
    const auto plan = stored();
    std::map<IpAddress, std::string> holders;
    for (const auto& [name, box] : boxes_) {
      if (!box.joined) continue;                              // an endpoint that never joins has no interface
      RC_ASSERT(holders.emplace(*box.address, name).second);  // no address twice
      if (box.unverified) continue;
      const auto* owner = plan.reservation_at("vlan100", *box.address);
      RC_ASSERT(is_nobodys_or(owner, name));  // nobody runs with another's
      if (owner) expected_.try_emplace(name, *box.address);
    }
    for (const auto& [name, address] : expected_) {  // none lost
      const auto* own = plan.reservation("vlan100", name);
      RC_LOG() << name << " " << address.to_string() << " " << (own ? own->address.to_string() : "-") << std::endl;
      RC_ASSERT(own != nullptr);
      RC_ASSERT(own->address == address);
    }
  }
  // With the trouble over, everybody runs with his own address after a few passes.
  void settle_all() {
    calm_ = true;
    mend_the_disk();
    silence(false);
    for (int round = 0; round < 6; ++round) {
      now_ += std::chrono::seconds(70);
      sync();
      for (auto& [name, box] : boxes_) {
        if (box.by_user) continue;  // who asks for another's is refused, and rightly
        if (!box.joined && !box.endpoint.empty()) end_start(name);
        begin_start(name);
        end_start(name);
      }
      check();
    }
    sync();
    check();
    for (const auto& [name, box] : boxes_) {
      if (box.by_user) continue;
      RC_ASSERT(box.joined);
      RC_ASSERT(expected_.contains(name));
      RC_ASSERT(*box.address == expected_.at(name));
    }
    check_finds_nothing();
  }

 private:
  // `bayplan check`, in a world that the reconciler has nothing to do in.
  void check_finds_nothing() {
    now_ += std::chrono::seconds(70);
    sync();
    ports::EngineNetworkInfo network;
    network.id = "net-id";
    network.driver = "bayplan";
    const auto plan = stored();
    for (const auto& finding : check_engine(plan, {seen().facts, {network}}, std::nullopt, now_)) {
      const auto box = boxes_.find(finding.identity);
      if (box != boxes_.end() && box->second.by_user) continue;  // his start may have been refused in the middle
      RC_FAIL(std::string(to_string(finding.kind)) + ": " + finding.message);
    }
  }
  // One time out of so many, something goes wrong here.
  bool strikes(int of) { return !calm_ && *rc::gen::inRange(0, of) == 0; }

  model::Plan stored() {
    auto plan = model::Plan::from(*disk_.load());
    if (!plan) RC_FAIL(plan.error().message());
    return std::move(plan).value();
  }
  std::optional<Timestamp> silent_since() const { return silent_ ? std::optional(now_) : std::nullopt; }

  ports::Container view(const std::string& name, const Box& box) const {
    auto shown = testing::container(name, box.state);
    shown.id = fmt::format("id-{}-{}", name, box.life);
    shown.networks[0].configured = box.configured;
    if (box.joined) shown.networks[0].endpoint = box.endpoint;
    return shown;
  }
  SyncInput seen() const {
    SyncInput input;
    std::vector<ports::Container> all;
    for (const auto& [name, box] : boxes_) all.push_back(view(name, box));
    input.facts = testing::facts_of(std::move(all));
    input.facts.live_endpoints.emplace();
    for (const auto& [name, box] : boxes_) {
      if (!box.endpoint.empty()) input.facts.live_endpoints->insert(box.endpoint);
      if (box.endpoint.empty()) input.rested.insert(view(name, box).id);
    }
    input.facts.listed_at = now_;
    input.host = "host-1";
    input.now = now_;
    return input;
  }
  Box* at_rest(const std::string& name) {
    const auto found = boxes_.find(name);
    const bool rests = found != boxes_.end() && found->second.endpoint.empty();
    return rests ? &found->second : nullptr;
  }

  std::optional<IpAddress> request_address(Box& box) {
    GrantRequest request;
    request.network = "vlan100";
    request.address = box.configured;
    if (!silent_) request.facts = seen().facts;
    request.owed_token = fmt::format("owed-{}", ++tokens_);
    request.now = now_;
    const auto outcome = planner_->execute([request](PlanEdit& edit) { return grant(edit, request); });
    if (!outcome) return std::nullopt;
    if (outcome->owed) {
      box.owed = request.owed_token;
      return std::nullopt;
    }
    return outcome->address;
  }
  void release(const IpAddress& address) {
    static_cast<void>(planner_->execute(
        [address, now = now_](PlanEdit& edit) { return release_address(edit, "vlan100", address, now); }));
  }
  void detach(Box& box) {
    const auto address = *box.address;
    static_cast<void>(
        planner_->execute([endpoint = box.endpoint](PlanEdit& edit) { return unbind_endpoint(edit, endpoint); }));
    box.endpoint.clear();
    box.address.reset();
    box.joined = box.unverified = false;
    if (strikes(12)) return crash();  // the release found nobody
    release(address);
  }
  // The user's --ip may have moved the reservation.
  void adopt(const std::string& name) {
    const auto plan = stored();
    if (const auto* own = plan.reservation("vlan100", name)) expected_[name] = own->address;
  }

  void repin(const RepinAction& action, const SyncInput& input) {
    const auto found = boxes_.find(action.container_name);
    if (found == boxes_.end() || strikes(10)) return;  // a crash: not done
    Box& box = found->second;
    auto address = action.address;
    if (action.reason == RepinAction::Reason::pin) {
      if (!box.endpoint.empty()) return;
      const auto* shown = find_by_id(input.facts, action.container_id);
      const auto decided =
          planner_->execute([&, now = now_](PlanEdit& edit) { return address_to_pin(edit, action, *shown, now); });
      if (!decided) return;
      address = *decided;
    } else {
      detach(box);
    }
    box.configured = address;
    if (address) note_pin(action, *address);
    if (action.reason == RepinAction::Reason::pin) return;
    begin_start(action.container_name);
    end_start(action.container_name);
    if (!box.joined) box.state = State::exited;
  }
  void note_pin(const RepinAction& action, const IpAddress& address) {
    const model::Claim claim{action.container_id, "net-id", address, action.container_name, true};
    static_cast<void>(planner_->execute([claim](PlanEdit& edit) { return edit.put(claim); }));
  }
  void settle(const model::OwedStart& owed, const SyncInput& input) {
    static_cast<void>(planner_->execute([owed](PlanEdit& edit) { return edit.erase(owed); }));
    for (auto& [name, box] : boxes_) {
      if (box.owed != owed.token || !box.endpoint.empty()) continue;
      const auto id = view(name, box).id;
      const auto pins = planner_->execute([&](PlanEdit& edit) { return pins_before_start(edit, input, id); });
      if (!pins) return;
      for (const auto& pin : *pins) repin(pin, input);
      begin_start(name);
      end_start(name);
    }
  }

  FakeStore disk_;
  std::unique_ptr<Planner> planner_;
  Timestamp now_ = testing::at(1'000'000'000);
  bool silent_ = false;
  bool calm_ = false;  // nothing strikes any more
  int lives_ = 0, endpoints_ = 0, tokens_ = 0;
  std::map<std::string, Box> boxes_;
  std::map<std::string, IpAddress> expected_;  // identities and their addresses, from the first join to the release
};

RC_GTEST_PROP(ControlProperty, NoAddressTwiceNoneLostNobodyWithAnothers, ()) {
  Simulation world;
  for (int steps = *rc::gen::inRange(10, 120); steps > 0; --steps) {
    const std::string name(1, static_cast<char>('a' + *rc::gen::inRange(0, kNames)));
    const int step = *rc::gen::inRange(0, 16);
    RC_LOG() << "step " << step << " " << name << std::endl;
    switch (step) {
      case 0:
      case 1:
        world.create(name);
        break;
      case 2:
      case 3:
      case 4:
        world.begin_start(name);
        break;
      case 5:
      case 6:
      case 7:
        world.end_start(name);
        break;
      case 8:
        world.stop(name);
        break;
      case 9:
        world.remove(name);
        break;
      case 10:
        world.give_up(name);
        break;
      case 11:
        world.crash();
        break;
      case 12:
        *rc::gen::inRange(0, 2) == 0 ? world.fail_a_commit() : world.mend_the_disk();
        break;
      case 13:
        world.silence(*rc::gen::inRange(0, 3) == 0);
        break;
      case 14:
        world.pass_time();
        break;
      default:
        world.sync();
    }
    world.check();
  }
  world.settle_all();
}

}  // namespace
}  // namespace bayplan::control
