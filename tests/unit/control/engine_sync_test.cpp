// One pass of the reconciler's engine side: what it makes of what the engine says.
#include "control/engine_sync.hpp"

#include "rules.hpp"

namespace bayplan::control {
namespace {

using namespace std::chrono_literals;
using model::Attachment;
using model::ReservationState;
using testing::container;
using testing::facts_of;
using testing::ip;
using Reason = RepinAction::Reason;

class EngineSync : public testing::Rules {
 protected:
  SyncInput seeing(std::vector<ports::Container> containers) {
    SyncInput input;
    input.facts = facts_of(std::move(containers));
    for (const auto& each : input.facts.containers) input.rested.insert(each.id);
    input.host = "host-1";
    input.now = now;
    return input;
  }
  SyncOutcome sync(const SyncInput& input) { return sync_engine(edit, input).value(); }
  SyncOutcome sync(std::vector<ports::Container> containers) { return sync(seeing(std::move(containers))); }
  void claim(const std::string& name, const std::string& address, bool ours) {
    ASSERT_TRUE(edit.put(model::Claim{"id-" + name, "net-id", ip(address), name, ours}).ok());
  }
  const model::Claim* claim_of(const std::string& name) {
    const auto found = plan.claims().find({"id-" + name, "net-id"});
    return found == plan.claims().end() ? nullptr : &found->second;
  }
  static std::string text(const SyncOutcome& outcome) {
    std::string all;
    for (const auto& action : outcome.repins) {
      all += fmt::format("{} {} {}{};", to_string(action.reason), action.container_name,
                         action.address ? action.address->to_string() : "none", action.reserve ? " new" : "");
    }
    return all;
  }
};

// --- states

TEST_F(EngineSync, AContainerThatIsGoneLeavesItsReservationRemoved) {
  have("web", "172.16.1.9");
  sync({container("web", State::exited)});
  EXPECT_EQ(reservation("web")->state, ReservationState::held);
  now += 1s;
  sync(std::vector<ports::Container>{});
  EXPECT_EQ(reservation("web")->state, ReservationState::removed);
  EXPECT_EQ(reservation("web")->last_seen, now) << "since when";
  now += 1s;
  sync(std::vector<ports::Container>{});
  EXPECT_NE(reservation("web")->last_seen, now) << "said once";
  sync({container("web", State::created)});
  EXPECT_EQ(reservation("web")->state, ReservationState::held);
}

TEST_F(EngineSync, AContainerBeingRemovedIsGone) {
  have("web", "172.16.1.9");
  sync({container("web", State::removing)});
  EXPECT_EQ(reservation("web")->state, ReservationState::removed);
}

TEST_F(EngineSync, WhatIsAttachedStaysSo) {
  have("web", "172.16.1.9", ReservationState::attached);
  have_attachment("172.16.1.9", "e1", "web");
  sync(std::vector<ports::Container>{});
  EXPECT_EQ(reservation("web")->state, ReservationState::attached) << "a listing may be a moment old";
}

TEST_F(EngineSync, WhatWasAttachedBeforeACrashIsHeld) {
  have("web", "172.16.1.9", ReservationState::attached);
  sync({container("web", State::exited)});
  EXPECT_EQ(reservation("web")->state, ReservationState::held);
}

TEST_F(EngineSync, AReservationByHandWaits) {
  auto by_hand = have("web", "172.16.1.9");
  by_hand.container_id.clear();
  by_hand.container_name.clear();
  ASSERT_TRUE(edit.put(by_hand).ok());
  sync(std::vector<ports::Container>{});
  EXPECT_EQ(reservation("web")->state, ReservationState::held);
}

// --- renames

TEST_F(EngineSync, ARenameTakesTheReservationAlong) {
  have("web", "172.16.1.9", ReservationState::attached);
  have_attachment("172.16.1.9", "e1", "web");
  auto renamed = container("web", State::running, "", "e1");
  renamed.name = "shop";
  sync({renamed});
  EXPECT_EQ(reservation("web"), nullptr);
  EXPECT_EQ(reservation("shop")->address, ip("172.16.1.9"));
  EXPECT_EQ(reservation("shop")->container_name, "shop");
  EXPECT_EQ(plan.attachment_of("e1")->identity, "shop");
}

TEST_F(EngineSync, ARenameToAKnownNameTakesNothingFromIt) {
  have("web", "172.16.1.9");
  have("shop", "172.16.1.10");
  auto renamed = container("web", State::exited);
  renamed.name = "shop";
  sync({renamed});
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
  EXPECT_EQ(reservation("shop")->address, ip("172.16.1.10"));
}

TEST_F(EngineSync, AContainerThatComposePutsAsideLeavesItsReservation) {
  have("web", "172.16.1.9");
  auto aside = container("web", State::exited);
  aside.name = aside.id.substr(0, 12) + "_web";
  const auto outcome = sync({aside});
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
  EXPECT_EQ(text(outcome), "") << "and is not pinned";
}

TEST_F(EngineSync, ALabelledIdentityStaysWhenTheContainerIsRenamed) {
  auto known = have("shop/web", "172.16.1.9");
  known.container_id = "id-web";
  known.container_name = "web";
  ASSERT_TRUE(edit.put(known).ok());
  auto renamed = container("web", State::exited);
  renamed.name = "web-2";
  renamed.labels["bayplan.identity"] = "shop/web";
  sync({renamed});
  EXPECT_EQ(reservation("shop/web")->container_name, "web-2");
}

// --- claims

TEST_F(EngineSync, WhatContainersHaveConfiguredIsRemembered) {
  sync({container("web", State::exited, "172.16.1.9"), container("db", State::running)});
  ASSERT_NE(claim_of("web"), nullptr);
  EXPECT_EQ(claim_of("web")->address, ip("172.16.1.9"));
  EXPECT_FALSE(claim_of("web")->pinned_by_us);
  EXPECT_EQ(claim_of("db"), nullptr);
  sync({container("web", State::exited)});
  EXPECT_EQ(claim_of("web"), nullptr);
}

TEST_F(EngineSync, OurOwnPinStaysOurs) {
  have("web", "172.16.1.9");
  claim("web", "172.16.1.9", true);
  sync({container("web", State::exited, "172.16.1.9")});
  EXPECT_TRUE(claim_of("web")->pinned_by_us);
  sync({container("web", State::exited, "172.16.1.10")});
  EXPECT_FALSE(claim_of("web")->pinned_by_us) << "the user chose another since";
}

TEST_F(EngineSync, AContainerBeingWorkedOnIsNotJudgedByAnOldListing) {
  have("web", "172.16.1.9");
  claim("web", "172.16.1.9", true);
  auto input = seeing({container("web", State::exited)});  // listed before the pin was done
  input.busy = {"id-web"};
  sync(input);
  ASSERT_NE(claim_of("web"), nullptr);
  EXPECT_TRUE(claim_of("web")->pinned_by_us);
}

TEST_F(EngineSync, APinThatACrashKeptFromBeingNotedIsOurs) {
  have("web", "172.16.1.9");
  ASSERT_TRUE(edit.put(model::Repin{"id-web", "net-id", "{}", ip("172.16.1.9")}).ok());
  sync({container("web", State::exited, "172.16.1.9")});
  EXPECT_TRUE(claim_of("web")->pinned_by_us);
}

// --- pins

TEST_F(EngineSync, WhoRestsIsPinned) {
  have("web", "172.16.1.9");
  EXPECT_EQ(text(sync({container("web", State::exited)})), "pin web 172.16.1.9;");
  EXPECT_EQ(text(sync({container("new", State::created)})), "pin new none new;") << "decided at the last moment";
  EXPECT_EQ(text(sync({container("web", State::running), container("other", State::restarting)})), "");
}

TEST_F(EngineSync, WhoHasNotRestedLongEnoughIsLeftAlone) {
  have("web", "172.16.1.9");
  auto input = seeing({container("web", State::exited)});
  input.rested.clear();
  EXPECT_EQ(text(sync(input)), "");
}

TEST_F(EngineSync, AnEngineThatNamesItsAskersNeedsNoPins) {
  have("web", "172.16.1.9");
  auto input = seeing({container("web", State::exited)});
  input.pins = false;
  EXPECT_EQ(text(sync(input)), "");
}

TEST_F(EngineSync, AReleasedAddressIsUnpinned) {
  claim("web", "172.16.1.9", true);
  EXPECT_EQ(text(sync({container("web", State::exited, "172.16.1.9")})), "pin web none;");
}

TEST_F(EngineSync, TheUsersChoiceIsLeftAsItIs) {
  have("web", "172.16.1.50");
  EXPECT_EQ(text(sync({container("web", State::exited, "172.16.1.9")})), "");
}

TEST_F(EngineSync, TheUsersChoiceIsKeptForHimFromTheStart) {
  EXPECT_EQ(text(sync({container("web", State::created, "172.16.1.9")})), "");
  ASSERT_NE(reservation("web"), nullptr);
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
  sync({container("thief", State::created, "172.16.1.9")});
  EXPECT_EQ(reservation("thief"), nullptr);
  sync({container("fool", State::created, "172.16.1.1")});
  EXPECT_EQ(reservation("fool"), nullptr) << "the gateway: said when it starts";
}

TEST_F(EngineSync, ALabelThatIsNoIdentityIsNotPinned) {
  auto bad = container("web", State::created);
  bad.labels["bayplan.identity"] = "a b";
  EXPECT_EQ(text(sync({bad})), "");
}

TEST_F(EngineSync, TheAddressToPinIsDecidedAtTheLastMoment) {
  RepinAction action{Reason::pin, "id-web", "web", "net-id", "vlan100", {}, true};
  const auto who = container("web", State::created);
  EXPECT_EQ(*address_to_pin(edit, action, who, now), ip("172.16.1.2"));
  EXPECT_EQ(reservation("web")->container_id, "id-web");
  EXPECT_EQ(*address_to_pin(edit, action, who, now), ip("172.16.1.2"));
  action.reserve = false;
  EXPECT_EQ(*address_to_pin(edit, action, container("other", State::exited), now), std::nullopt);
}

TEST_F(EngineSync, OfANetworkThatIsGoneNoAddressIsPinned) {
  RepinAction action;
  action.container_id = "id-web";
  action.network = "gone";
  action.reserve = true;
  EXPECT_EQ(address_to_pin(edit, action, container("web", State::created), now).error().code, ErrorCode::not_found);
}

TEST_F(EngineSync, BeforeAStartOfOursItsAddressesArePinned) {
  have("web", "172.16.1.9");
  const auto input = seeing({container("web", State::exited), container("db", State::exited)});
  const auto pins = pins_before_start(edit, input, "id-web").value();
  ASSERT_EQ(pins.size(), 1U);
  EXPECT_EQ(pins[0].address, ip("172.16.1.9"));
}

TEST_F(EngineSync, SomebodyElsesIpIsNotStartedByUs) {
  have("db", "172.16.1.9");
  const auto refused = pins_before_start(edit, seeing({container("web", State::exited, "172.16.1.9")}), "id-web");
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().detail.find("held for 'db'"), std::string::npos);
}

// --- putting right

TEST_F(EngineSync, WhoRunsWithAnotherAddressIsPutRight) {
  have("web", "172.16.1.50");
  have_attachment("172.16.1.9", "e1", "web");
  EXPECT_EQ(text(sync({container("web", State::running, "", "e1")})), "put_right web 172.16.1.50;");
}

TEST_F(EngineSync, NobodyIsUnpluggedForAnAddressThatIsNotToBeHad) {
  have("web", "172.16.1.50");
  have_attachment("172.16.1.9", "e1", "web");
  have_attachment("172.16.1.50", "e2", "other");
  EXPECT_EQ(text(sync({container("web", State::running, "", "e1")})), "");
}

TEST_F(EngineSync, WhatCouldNotBeVerifiedWhileTheEngineBootedIsVerified) {
  have("web", "172.16.1.9", ReservationState::attached);
  auto unverified = have_attachment("172.16.1.9", "e1");
  EXPECT_EQ(text(sync({container("web", State::running, "172.16.1.9", "e1")})), "");
  EXPECT_TRUE(plan.attachment_of("e1")->verified);
  EXPECT_EQ(plan.attachment_of("e1")->identity, "web");
}

TEST_F(EngineSync, WhoRunsWithoutAReservationKeepsWhatItHas) {
  have_attachment("172.16.1.9", "e1", "web");
  EXPECT_EQ(text(sync({container("web", State::running, "", "e1")})), "");
  ASSERT_NE(reservation("web"), nullptr);
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
  EXPECT_EQ(reservation("web")->state, ReservationState::attached);
}

TEST_F(EngineSync, WhoRunsWithSomebodyElsesAddressIsEjected) {
  have("web", "172.16.1.9", ReservationState::attached);
  have("thief", "172.16.1.50");
  have_attachment("172.16.1.9", "e1");
  EXPECT_EQ(text(sync({container("thief", State::running, "172.16.1.9", "e1")})), "eject thief 172.16.1.50;");
  EXPECT_FALSE(plan.attachment_of("e1")->verified);
}

TEST_F(EngineSync, WhatWasBegunIsResumedBeforeAnythingElseIsDone) {
  have("web", "172.16.1.9");
  ASSERT_TRUE(edit.put(model::Repin{"id-web", "net-id", "{}", ip("172.16.1.9")}).ok());
  const auto outcome = sync({container("web", State::exited)});
  ASSERT_EQ(outcome.repins.size(), 1U);
  EXPECT_EQ(outcome.repins[0].reason, Reason::resume);
}

TEST_F(EngineSync, ARepinThatWasBegunIsResumed) {
  ASSERT_TRUE(edit.put(model::Repin{"id-web", "net-id", "{}", ip("172.16.1.9")}).ok());
  EXPECT_EQ(text(sync({container("web", State::running)})), "resume web 172.16.1.9;");
}

// --- what nobody told us

TEST_F(EngineSync, AnEndpointTheEngineLostEnds) {
  have("web", "172.16.1.9", ReservationState::attached);
  have_attachment("172.16.1.9", "e1", "web");
  auto input = seeing({container("web", State::exited)});
  sync(input);
  EXPECT_NE(plan.attachment_of("e1"), nullptr) << "not asked: nothing is guessed";
  input.facts.live_endpoints.emplace();
  input.facts.listed_at = now;
  sync(input);
  EXPECT_NE(plan.attachment_of("e1"), nullptr) << "joined since";
  input.facts.listed_at = now + 1s;
  sync(input);
  EXPECT_EQ(plan.attachment_of("e1"), nullptr);
  EXPECT_EQ(reservation("web")->state, ReservationState::held);
}

TEST_F(EngineSync, AGrantThatBecameNothingEnds) {
  have_attachment("172.16.1.9", "");
  sync(std::vector<ports::Container>{});
  EXPECT_NE(attachment("172.16.1.9"), nullptr);
  now += 61s;
  sync(std::vector<ports::Container>{});
  EXPECT_EQ(attachment("172.16.1.9"), nullptr);
}

TEST_F(EngineSync, OnlyNetworksOfUnlistedEndpointsAreInDoubt) {
  have_attachment("172.16.1.9", "e1", "web");
  have_attachment("172.16.1.10", "", "db");
  EXPECT_TRUE(networks_in_doubt(plan, facts_of({container("web", State::running, "", "e1")})).empty());
  EXPECT_EQ(networks_in_doubt(plan, facts_of({container("web", State::exited)})), std::set<std::string>{"net-id"});
}

TEST_F(EngineSync, StartsThatAreOwedAreGivenOutWithThoseAtRest) {
  ASSERT_TRUE(edit.put(model::OwedStart{"owed-1", "vlan100", now}).ok());
  const auto outcome = sync({container("web", State::exited), container("db", State::running)});
  ASSERT_EQ(outcome.owed.size(), 1U);
  EXPECT_EQ(outcome.at_rest, std::vector<std::string>{"id-web"});
}

TEST_F(EngineSync, WhereAllIsRightNothingIsChanged) {
  have("web", "172.16.1.9", ReservationState::attached);
  have_attachment("172.16.1.9", "e1", "web");
  sync({container("web", State::running, "", "e1")});
  const auto changes = edit.changes().size();
  sync({container("web", State::running, "", "e1")});
  EXPECT_EQ(edit.changes().size(), changes) << "an idle pass commits nothing";
}

}  // namespace
}  // namespace bayplan::control
