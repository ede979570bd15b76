// Who gets which address: every case of design.md's list.
#include "control/addresses.hpp"

#include "rules.hpp"

namespace bayplan::control {
namespace {

using namespace std::chrono_literals;
using model::ReservationState;
using testing::container;
using testing::facts_of;
using testing::ip;

class Grant : public testing::Rules {};

TEST_F(Grant, TheOnlyOneAtRestIsTheAsker) {
  have("web", "172.16.1.50");
  have("up", "172.16.1.51");
  const auto facts = facts_of({container("web", State::exited), container("up", State::running)});
  EXPECT_EQ(granted(asking(facts)), "172.16.1.50");
  EXPECT_EQ(attachment("172.16.1.50")->identity, "web");
  EXPECT_FALSE(attachment("172.16.1.50")->asked);
}

TEST_F(Grant, ANewcomerGetsTheLowestFree) {
  have("db", "172.16.1.2");
  have_attachment("172.16.1.3", "");
  EXPECT_EQ(granted(asking(facts_of({container("web", State::created)}))), "172.16.1.4");
}

TEST_F(Grant, OfSeveralNewcomersEachGetsAFreeOneThatIsBoundAtJoin) {
  const auto facts = facts_of({container("a", State::created), container("b", State::created)});
  EXPECT_EQ(granted(asking(facts)), "172.16.1.2");
  EXPECT_EQ(granted(asking(facts)), "172.16.1.3");
  EXPECT_EQ(attachment("172.16.1.2")->identity, "");
}

TEST_F(Grant, OfSeveralNobodyGetsAnothersAddress) {
  have("a", "172.16.1.2", ReservationState::removed);
  have("b", "172.16.1.3");
  const auto facts = facts_of({container("a", State::created), container("b", State::restarting)});
  EXPECT_EQ(granted(asking(facts)), "172.16.1.4");
}

TEST_F(Grant, ThePinnedAndTheirLikeDoNotCount) {
  have("web", "172.16.1.50");
  auto elsewhere = container("elsewhere", State::exited);
  elsewhere.networks[0].key = "bridge";
  const auto facts = facts_of({container("web", State::created), container("pinned", State::exited, "172.16.1.60"),
                               container("removing", State::removing), container("dead", State::dead), elsewhere});
  EXPECT_EQ(granted(asking(facts)), "172.16.1.50");
}

TEST_F(Grant, AContainerWhoseEndpointIsThereDoesNotAskAgain) {
  have("a", "172.16.1.2", ReservationState::attached);
  have_attachment("172.16.1.2", "e-a", "a");
  have("b", "172.16.1.3");
  const auto facts = facts_of({container("a", State::created), container("b", State::created)});
  EXPECT_EQ(granted(asking(facts)), "172.16.1.3") << "a is through its join, only not yet shown as running";
}

TEST_F(Grant, TheEnginesNetworkMayBeCalledByItsId) {
  have("web", "172.16.1.50");
  const std::string id(64, 'f');
  ASSERT_TRUE(edit.put(model::EngineNetwork{id, "vlan100"}).ok());
  auto by_id = container("web", State::created);
  by_id.networks[0].key = id.substr(0, 12);
  EXPECT_EQ(granted(asking(facts_of({by_id}))), "172.16.1.50");
}

TEST_F(Grant, TheNameThatIsToldDecides) {
  have("a", "172.16.1.2");
  have("b", "172.16.1.3");
  auto request = asking(facts_of({container("a", State::created), container("b", State::created)}));
  request.container_name = "b";
  EXPECT_EQ(granted(request), "172.16.1.3");
  request.facts.reset();
  request.container_name = "a";
  EXPECT_EQ(granted(request), "172.16.1.2") << "also while the engine does not answer";
  request.container_name = "new";
  EXPECT_EQ(granted(request), "172.16.1.4");
  request.address = ip("172.16.1.2");
  EXPECT_EQ(granted(request), "conflict");
  EXPECT_NE(last_error.find("held for 'a'"), std::string::npos) << last_error;
}

TEST_F(Grant, TheToldNamesLabelIsTheIdentity) {
  have("shop/web", "172.16.1.9");
  auto labelled = container("web-1", State::created);
  labelled.labels["bayplan.identity"] = "shop/web";
  auto request = asking(facts_of({labelled}));
  request.container_name = "web-1";
  EXPECT_EQ(granted(request), "172.16.1.9");
  request.facts->containers[0].labels["bayplan.identity"] = "no good";
  EXPECT_EQ(granted(request), "invalid");
}

TEST_F(Grant, AnAskedAddressThatIsFreeIsGiven) {
  EXPECT_EQ(granted(asking(facts_of({container("web", State::created, "172.16.1.77")}), "172.16.1.77")), "172.16.1.77");
  EXPECT_TRUE(attachment("172.16.1.77")->asked);
}

TEST_F(Grant, AnAskedAddressIsItsOwners) {
  have("db", "172.16.1.77");
  EXPECT_EQ(granted(asking(facts_of({container("web", State::created, "172.16.1.77")}), "172.16.1.77")), "conflict");
  EXPECT_NE(last_error.find("172.16.1.77 is held for 'db' on vlan100"), std::string::npos);
  EXPECT_NE(last_error.find("bayplan release vlan100 db"), std::string::npos);
  const auto both =
      facts_of({container("web", State::created, "172.16.1.77"), container("db", State::exited, "172.16.1.77")});
  EXPECT_EQ(granted(asking(both, "172.16.1.77")), "172.16.1.77") << "whose it is gets verified at Join";
}

// A container that wants another's address lies about after its refusal, with the address configured. The owner that
// is plugged in while it runs (put right, or started in the middle of its pinning) is not listed as wanting anything.
TEST_F(Grant, AnOwnerThatIsBeingConnectedIsNotTakenForTheOneThatWantsItsAddress) {
  have("db", "172.16.1.77");
  auto unplugged = container("db", State::running);
  unplugged.networks.clear();
  const auto thief = container("web", State::created, "172.16.1.77");
  EXPECT_EQ(granted(asking(facts_of({thief, unplugged}), "172.16.1.77")), "172.16.1.77");
  EXPECT_EQ(attachment("172.16.1.77")->identity, "db");
}

TEST_F(Grant, AnOwnerThatIsOnTheNetworkAlreadyIsNotTheAsker) {
  have("db", "172.16.1.77");
  have_attachment("172.16.1.3", "e-db", "db");
  const auto facts = facts_of({container("web", State::created, "172.16.1.77"), container("db", State::running)});
  EXPECT_EQ(granted(asking(facts, "172.16.1.77")), "conflict");
}

TEST_F(Grant, ARenamedOwnerIsKnownByItsContainer) {
  have("db", "172.16.1.77");
  auto renamed = container("db", State::exited, "172.16.1.77");
  renamed.name = "database";
  EXPECT_EQ(granted(asking(facts_of({renamed}), "172.16.1.77")), "172.16.1.77");
}

TEST_F(Grant, NobodyIsGuessedAboutWhileSomebodyMayBeUnlisted) {
  have("web", "172.16.1.50");
  const auto facts = facts_of({container("web", State::exited)});
  auto careful = asking(facts);
  careful.may_guess = false;
  EXPECT_EQ(granted(careful), "172.16.1.2") << "the last guess was wrong";
  auto off = container("db", State::exited);
  off.networks.clear();
  const auto both = facts_of({container("web", State::exited), off});
  ASSERT_TRUE(edit.put(model::Repin{"id-db", "net-id", "{}", {}}).ok());
  auto patient = asking(both);
  patient.may_wait = true;
  EXPECT_TRUE(grant(edit, patient)->undecided) << "db is off the network for a moment, and could be the one";
  EXPECT_EQ(granted(asking(both)), "172.16.1.3") << "its pin does not end: it is the one, or stuck";
  off.state = State::running;
  EXPECT_EQ(granted(asking(facts_of({container("web", State::exited), off}))), "172.16.1.50") << "db asks for its own";
  ASSERT_TRUE(edit.erase(model::Repin{"id-db", "net-id", "{}", {}}).ok());
  ASSERT_TRUE(edit.erase(*attachment("172.16.1.50")).ok());
  EXPECT_EQ(granted(asking(both)), "172.16.1.50");
}

TEST_F(Grant, ALabelThatIsNoIdentityIsNotGuessed) {
  auto bad = container("bad", State::created);
  bad.labels["bayplan.identity"] = "two words";
  EXPECT_EQ(granted(asking(facts_of({bad, container("web", State::running)}))), "172.16.1.2") << "web, being connected";
}

TEST_F(Grant, WhileTheEngineIsSilentANameThatIsToldMeetsItsOwnOldEndpoint) {
  have("web", "172.16.1.50", ReservationState::attached);
  have_attachment("172.16.1.50", "e-old", "web");
  auto request = asking({});
  request.container_name = "web";
  EXPECT_EQ(granted(request), "172.16.1.50");
  have("db", "172.16.1.51");
  have_attachment("172.16.1.51", "e-db", "another");
  request.container_name = "db";
  EXPECT_EQ(granted(request), "owed");
}

TEST_F(Grant, ATwiceKnownNameIsThatOfTheContainerThatWasThereLast) {
  auto old = have("shop-old", "172.16.1.50", ReservationState::removed);
  auto latest = have("shop-new", "172.16.1.51");
  for (auto* each : {&old, &latest}) {
    each->container_name = "web-1";
    ASSERT_TRUE(edit.put(*each).ok());
  }
  auto request = asking({});
  request.container_name = "web-1";
  EXPECT_EQ(granted(request), "172.16.1.51");
  have("web-1", "172.16.1.52");
  EXPECT_EQ(granted(request), "172.16.1.52") << "by its name, before anything";
}

TEST_F(Grant, AddressesThatNobodyCanHaveAreRefused) {
  auto network = *plan.network("vlan100");
  network.exclusions = {model::AddressRange::parse("172.16.1.9").value()};
  ASSERT_TRUE(edit.put(network).ok());
  for (const char* address : {"172.16.1.0", "172.16.1.1", "172.16.1.255", "172.16.2.1", "172.16.1.9"}) {
    EXPECT_EQ(granted(asking(facts_of({container("web", State::created, address)}), address)), "invalid") << address;
  }
}

TEST_F(Grant, AnExcludedAddressThatNoContainerWantsIsDockersOwn) {
  auto network = *plan.network("vlan100");
  network.exclusions = {model::AddressRange::parse("172.16.1.9").value()};
  EXPECT_TRUE(is_auxiliary(network, asking(facts_of({container("web", State::created)}), "172.16.1.9")));
  EXPECT_FALSE(is_auxiliary(network, asking(facts_of({container("web", State::created, "172.16.1.9")}), "172.16.1.9")));
  EXPECT_FALSE(is_auxiliary(network, asking(facts_of({}), "172.16.1.10")));
  EXPECT_FALSE(is_auxiliary(network, asking({}, "172.16.1.9"))) << "nobody can say";
}

TEST_F(Grant, AnAddressInUseIsRefused) {
  have("db", "172.16.1.77", ReservationState::attached);
  have_attachment("172.16.1.77", "e-db", "db");
  EXPECT_EQ(granted(asking(facts_of({}), "172.16.1.77")), "conflict");
  EXPECT_NE(last_error.find("in use by 'db'"), std::string::npos);
}

TEST_F(Grant, AnEndpointThatTheEngineLostIsNotInTheWay) {
  have("db", "172.16.1.77", ReservationState::attached);
  have_attachment("172.16.1.77", "e-db", "db");
  auto facts = facts_of({container("db", State::exited, "172.16.1.77")});
  facts.live_endpoints = std::set<std::string>{"e-other"};
  facts.listed_at = now;
  EXPECT_EQ(granted(asking(facts, "172.16.1.77")), "conflict") << "it joined after the engine listed its endpoints";
  facts.listed_at = now + 1ms;
  facts.live_endpoints->insert("e-db");
  EXPECT_EQ(granted(asking(facts, "172.16.1.77")), "conflict") << "it lives";
  facts.live_endpoints->erase("e-db");
  EXPECT_EQ(granted(asking(facts, "172.16.1.77")), "172.16.1.77");
}

TEST_F(Grant, AnEndpointBeingMadeIsNotTakenForLost) {
  auto being_made = have_attachment("172.16.1.77", "e-db", "db");
  being_made.stage = model::Attachment::Stage::created;
  ASSERT_TRUE(edit.put(being_made).ok());
  auto facts = facts_of({container("web", State::exited, "172.16.1.77")});
  facts.live_endpoints.emplace();
  facts.listed_at = now + 5s;
  EXPECT_EQ(granted(asking(facts, "172.16.1.77")), "conflict");
  facts.listed_at = now + 11s;
  EXPECT_EQ(granted(asking(facts, "172.16.1.77")), "172.16.1.77");
}

TEST_F(Grant, AGrantThatBecameNothingIsForgotten) {
  have("web", "172.16.1.50");
  have_attachment("172.16.1.50", "", "other");
  const auto facts = facts_of({container("web", State::exited)});
  EXPECT_EQ(granted(asking(facts)), "conflict");
  now += 61s;
  EXPECT_EQ(granted(asking(facts)), "172.16.1.50");
}

TEST_F(Grant, TheSameRequestOnceMoreIsGrantedAgain) {
  have("web", "172.16.1.50");
  const auto facts = facts_of({container("web", State::exited)});
  EXPECT_EQ(granted(asking(facts)), "172.16.1.50");
  EXPECT_EQ(granted(asking(facts)), "172.16.1.50") << "its answer was lost in a crash of ours";
  const auto wish = facts_of({container("new", State::created, "172.16.1.60")});
  EXPECT_EQ(granted(asking(wish, "172.16.1.60")), "172.16.1.60");
  EXPECT_EQ(granted(asking(wish, "172.16.1.60")), "172.16.1.60");
}

TEST_F(Grant, AFreshGrantIsNotTakenByAnotherThatAsksForIt) {
  EXPECT_EQ(granted(asking(facts_of({container("a", State::created), container("b", State::created)}))), "172.16.1.2");
  EXPECT_EQ(granted(asking(facts_of({container("thief", State::created, "172.16.1.2")}), "172.16.1.2")), "conflict");
}

TEST_F(Grant, WhileTheEngineIsSilentAStartIsOwed) {
  EXPECT_EQ(granted(asking({})), "owed");
  EXPECT_NE(last_error.find("(owed-1)"), std::string::npos) << "the token stands in the container's last error";
  ASSERT_EQ(plan.owed_starts().size(), 1U);
  EXPECT_EQ(plan.owed_starts().begin()->second.network, "vlan100");
  EXPECT_TRUE(plan.attachments().empty());
}

TEST_F(Grant, WhileTheEngineIsSilentAPinSpeaksForItself) {
  have("web", "172.16.1.50");
  EXPECT_EQ(granted(asking({}, "172.16.1.50")), "owed") << "nobody is known to have it configured";
  ASSERT_TRUE(edit.put(model::Claim{"id-web", "net-id", ip("172.16.1.50"), "web", true}).ok());
  EXPECT_EQ(granted(asking({}, "172.16.1.50")), "172.16.1.50");
}

TEST_F(Grant, WhileTheEngineIsSilentTwoClaimsAreNotSettled) {
  have("web", "172.16.1.50");
  ASSERT_TRUE(edit.put(model::Claim{"id-web", "net-id", ip("172.16.1.50"), "web", true}).ok());
  ASSERT_TRUE(edit.put(model::Claim{"id-thief", "net-id", ip("172.16.1.50"), "thief", false}).ok());
  EXPECT_EQ(granted(asking({}, "172.16.1.50")), "owed");
}

TEST_F(Grant, WhileTheEngineIsSilentNobodysAddressIsGiven) {
  EXPECT_EQ(granted(asking({}, "172.16.1.60")), "172.16.1.60");
}

TEST_F(Grant, ARangeOfDockersNetworkIsKept) {
  auto request = asking(facts_of({container("a", State::created), container("b", State::created)}));
  request.within = model::AddressRange::parse("172.16.1.64-172.16.1.65").value();
  EXPECT_EQ(granted(request), "172.16.1.64");
  EXPECT_EQ(granted(request), "172.16.1.65");
  EXPECT_EQ(granted(request), "exhausted");
}

TEST_F(Grant, AnUnknownNetworkIsAnError) {
  auto request = asking(facts_of({}));
  request.network = "vlan7";
  EXPECT_EQ(granted(request), "not_found");
}

class FullPool : public Grant {
 protected:
  FullPool() { plan = testing::plan_with_network("172.16.1.0/29"); }  // .2 to .6
  void fill(ReservationState state) {
    for (int i = 2; i <= 6; ++i) {
      have(fmt::format("c{}", i), fmt::format("172.16.1.{}", i), state);
      now += 1s;
    }
  }
};

TEST_F(FullPool, SaysSoWithNumbersAndTheWayOut) {
  fill(ReservationState::held);
  EXPECT_EQ(granted(asking(facts_of({container("new", State::created)}))), "exhausted");
  EXPECT_EQ(last_error,
            "vlan100 (172.16.1.0/29) has no free address: 0 attached, 5 held. To free one: bayplan release vlan100 "
            "NAME");
}

TEST_F(FullPool, TheLongestRemovedGivesWay) {
  fill(ReservationState::removed);
  EXPECT_EQ(granted(asking(facts_of({container("new", State::created)}))), "172.16.1.2");
  EXPECT_EQ(reservation("c2"), nullptr);
  EXPECT_NE(reservation("c3"), nullptr);
}

TEST_F(FullPool, NobodysReservationEndsOnlyToTellTwoApart) {
  fill(ReservationState::removed);
  const auto facts = facts_of({container("c5", State::created), container("new", State::created)});
  EXPECT_EQ(granted(asking(facts)), "owed");
  EXPECT_EQ(plan.reservations().size(), 5U);
}

TEST_F(FullPool, OneThatIsBackIsNotTakenForRemoved) {
  fill(ReservationState::held);
  const auto removed = plan.reservations("vlan100").front();
  auto gone = *removed;
  gone.state = ReservationState::removed;
  ASSERT_TRUE(edit.put(gone).ok());
  const auto facts =
      facts_of({container(gone.identity, State::created, gone.address.to_string()), container("new", State::created)});
  EXPECT_EQ(granted(asking(facts)), "exhausted");
}

TEST_F(FullPool, ARunningOwnerIsConnectedToItsOwn) {
  fill(ReservationState::held);
  const auto own = *plan.reservations("vlan100").front();
  auto unplugged = container(own.identity, State::running);
  unplugged.networks.clear();
  EXPECT_EQ(granted(asking(facts_of({unplugged}))), own.address.to_string());
}

TEST_F(FullPool, TheOwnAddressIsNotAffected) {
  fill(ReservationState::removed);
  EXPECT_EQ(granted(asking(facts_of({container("c6", State::created)}))), "172.16.1.6");
}

// --- reserve

class Reserve : public testing::Rules {
 protected:
  Result<model::Reservation> reserve_it(const std::string& identity, const std::string& address = "") {
    AddressWish wish{.address = {}, .within = {}};
    if (!address.empty()) wish.address = ip(address);
    return reserve(edit, *plan.network("vlan100"), identity, wish, now);
  }
};

TEST_F(Reserve, GivesTheOneItHasOrANewOne) {
  EXPECT_EQ(reserve_it("web")->address, ip("172.16.1.2"));
  EXPECT_EQ(reserve_it("web")->address, ip("172.16.1.2"));
  EXPECT_EQ(reserve_it("web", "172.16.1.2")->address, ip("172.16.1.2"));
  EXPECT_EQ(reserve_it("db", "172.16.1.50")->address, ip("172.16.1.50"));
  EXPECT_EQ(reservation("db")->state, ReservationState::held);
  EXPECT_EQ(reservation("db")->mac, model::mac_of(plan.network("vlan100")->mac_salt, ip("172.16.1.50")));
}

TEST_F(Reserve, KeepsToTheRangeOfDockersNetwork) {
  const AddressWish wish{.address = {}, .within = model::AddressRange::parse("172.16.1.64-172.16.1.65").value()};
  EXPECT_EQ(reserve(edit, *plan.network("vlan100"), "a", wish, now)->address, ip("172.16.1.64"));
  EXPECT_EQ(reserve(edit, *plan.network("vlan100"), "b", wish, now)->address, ip("172.16.1.65"));
  EXPECT_EQ(reserve(edit, *plan.network("vlan100"), "c", wish, now).error().code, ErrorCode::exhausted);
}

TEST_F(Reserve, RefusesWhatContradicts) {
  have("web", "172.16.1.2");
  have_attachment("172.16.1.3", "");
  EXPECT_NE(reserve_it("web", "172.16.1.9").error().detail.find("'web' has 172.16.1.2 on vlan100"), std::string::npos);
  EXPECT_NE(reserve_it("db", "172.16.1.2").error().detail.find("held for 'web'"), std::string::npos);
  EXPECT_EQ(reserve_it("db", "172.16.1.3").error().code, ErrorCode::conflict);
  EXPECT_EQ(reserve_it("db", "172.16.1.1").error().code, ErrorCode::invalid);
  EXPECT_EQ(reserve_it("a b").error().code, ErrorCode::invalid);
  EXPECT_EQ(plan.reservations().size(), 1U);
}

TEST_F(Reserve, TheRefusalSaysInWhichStateTheOwnerIs) {
  auto owner = have("db", "172.16.1.5");
  now += 72h;
  EXPECT_EQ(held_by(owner, now).detail,
            "172.16.1.5 is held for 'db' on vlan100 (stopped 3 days ago). To give it up: bayplan release vlan100 db");
  owner.state = ReservationState::removed;
  EXPECT_NE(held_by(owner, now).detail.find("(removed 3 days ago)"), std::string::npos);
  owner.state = ReservationState::held;
  owner.container_id.clear();
  EXPECT_NE(held_by(owner, now).detail.find("(reserved 3 days ago)"), std::string::npos);
  owner.state = ReservationState::attached;
  EXPECT_EQ(held_by(owner, now).detail, "172.16.1.5 is in use by 'db' on vlan100: choose another address");
}

}  // namespace
}  // namespace bayplan::control
