// From an address to an endpoint, into a container and out of it again.
#include "control/joins.hpp"

#include "rules.hpp"

namespace bayplan::control {
namespace {

using namespace std::chrono_literals;
using model::Attachment;
using model::ReservationState;
using testing::container;
using testing::ip;

class Joins : public testing::Rules {
 protected:
  // An address granted and made an endpoint.
  void bind(const std::string& address, const std::string& endpoint, bool asked = false,
            const std::string& engine_network = "net-id") {
    Attachment granted;
    granted.network = "vlan100";
    granted.address = ip(address);
    granted.asked = asked;
    granted.since = now;
    ASSERT_TRUE(edit.put(granted).ok());
    ASSERT_TRUE(bind_endpoint(edit, {"vlan100", ip(address), engine_network, endpoint, {}, now}).ok());
  }
  JoinRequest joining(const std::string& endpoint, std::optional<ports::Container> who) {
    JoinRequest request;
    request.endpoint = endpoint;
    request.sandbox = "/var/run/docker/netns/1";
    request.host = "host-1";
    request.container = std::move(who);
    request.owed_token = "owed-1";
    request.now = now;
    return request;
  }
  Result<JoinOutcome> join(const std::string& endpoint, std::optional<ports::Container> who) {
    return join_endpoint(edit, joining(endpoint, std::move(who)));
  }
};

TEST_F(Joins, AnAddressThatWasNotGrantedBecomesNoEndpoint) {
  const auto refused = bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e1", {}, now});
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_NE(refused.error().detail.find("--ipam-driver bayplan"), std::string::npos);
}

TEST_F(Joins, AnEndpointIsMadeOnceHoweverOftenItIsAsked) {
  bind("172.16.1.9", "e1");
  EXPECT_TRUE(bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e1", {}, now}).ok());
  const auto other = bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e2", {}, now});
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
  EXPECT_EQ(plan.attachment_of("e1")->address, ip("172.16.1.9"));
}

TEST_F(Joins, WhileTheEngineBootsAnEndpointFromBeforeIsReplaced) {
  bind("172.16.1.9", "e1");
  const auto before = bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e2", now, now});
  EXPECT_FALSE(before.ok()) << "e1 was made since it is silent";
  EXPECT_TRUE(bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e2", now + 1s, now + 2s}).ok());
  EXPECT_EQ(plan.attachment_of("e1"), nullptr);
}

TEST_F(Joins, AFreshAddressBecomesTheContainers) {
  bind("172.16.1.9", "e1");
  const auto joined = join("e1", container("web", State::created)).value();
  EXPECT_TRUE(joined.attachment->verified);
  EXPECT_EQ(joined.attachment->identity, "web");
  const auto* own = reservation("web");
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->address, ip("172.16.1.9"));
  EXPECT_EQ(own->state, ReservationState::attached);
  EXPECT_EQ(own->host, "host-1");
  EXPECT_EQ(own->container_id, "id-web");
}

TEST_F(Joins, AnUnknownEndpointIsAnError) {
  EXPECT_EQ(join("e1", container("web", State::created)).error().code, ErrorCode::not_found);
}

TEST_F(Joins, AnothersAskedAddressIsRefusedByName) {
  have("db", "172.16.1.9");
  bind("172.16.1.9", "e1", true);
  const auto refused = join("e1", container("web", State::created));
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().detail.find("held for 'db'"), std::string::npos);
  EXPECT_EQ(reservation("db")->state, ReservationState::held);
}

TEST_F(Joins, AWrongGuessIsOwed) {
  have("db", "172.16.1.9");
  bind("172.16.1.9", "e1");
  const auto outcome = join("e1", container("web", State::created)).value();
  ASSERT_TRUE(outcome.owed);
  EXPECT_NE(outcome.owed->detail.find("baypland starts 'web' itself"), std::string::npos);
  EXPECT_EQ(plan.owed_starts().count("owed-1"), 1U);
}

TEST_F(Joins, OfAContainerThatIsUpNoStartIsOwed) {
  have("db", "172.16.1.9");
  bind("172.16.1.9", "e1");
  auto request = joining("e1", container("web", State::running));
  request.up = {"id-web"};
  const auto outcome = join_endpoint(edit, request).value();
  ASSERT_TRUE(outcome.mistaken);
  EXPECT_EQ(outcome.mistaken->detail, "'web' was taken for 'db' on vlan100: try again");
  EXPECT_TRUE(plan.owed_starts().empty());
}

TEST_F(Joins, AGuessThatCannotBeVerifiedIsOwed) {
  have("db", "172.16.1.9");
  bind("172.16.1.9", "e1");
  const auto outcome = join("e1", {}).value();
  ASSERT_TRUE(outcome.owed);
  EXPECT_EQ(plan.owed_starts().count("owed-1"), 1U);
  auto told = joining("e1", {});
  told.names_askers = true;
  EXPECT_TRUE(join_endpoint(edit, told)->attachment) << "Docker 29 said who asked: that was no guess";
}

TEST_F(Joins, ARenamedContainerTakesItsReservationAlong) {
  have("web", "172.16.1.9");
  bind("172.16.1.9", "e1", true);
  auto renamed = container("web", State::exited);
  renamed.name = "shop";
  ASSERT_TRUE(join("e1", renamed)->attachment);
  EXPECT_EQ(reservation("web"), nullptr);
  EXPECT_EQ(reservation("shop")->address, ip("172.16.1.9"));
}

TEST_F(Joins, ARenamedContainerWhoseNewNameHasAnAddressIsPutRightLater) {
  have("web", "172.16.1.9");
  have("shop", "172.16.1.10");
  bind("172.16.1.9", "e1", true);
  auto renamed = container("web", State::exited);
  renamed.name = "shop";
  const auto outcome = join("e1", renamed).value();
  ASSERT_TRUE(outcome.attachment);
  EXPECT_EQ(outcome.attachment->identity, "shop");
  EXPECT_EQ(reservation("shop")->address, ip("172.16.1.10"));
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
}

// Who wanted the same address was refused at its Join, and gives it back only now.
TEST_F(Joins, ALateReleaseOfAnothersDoesNotEndTheOwnersStart) {
  have("db", "172.16.1.9");
  bind("172.16.1.9", "e-web", true);
  ASSERT_FALSE(join("e-web", container("web", State::created, "172.16.1.9")).ok());
  ASSERT_TRUE(unbind_endpoint(edit, "e-web").ok());
  ASSERT_TRUE(release_address(edit, "vlan100", ip("172.16.1.9"), now).ok());
  ASSERT_TRUE(bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e-db", {}, now}).ok());
  EXPECT_TRUE(join("e-db", container("db", State::exited, "172.16.1.9"))->attachment);
}

// Power cut, and no clock that keeps time.
TEST_F(Joins, AnEndpointFromTheFutureIsFromBeforeTheClockWasSetBack) {
  have_attachment("172.16.1.9", "e1", "web");
  const auto an_hour_before = now - 1h;
  EXPECT_TRUE(bind_endpoint(edit, {"vlan100", ip("172.16.1.9"), "net-id", "e2", an_hour_before, an_hour_before}).ok());
  EngineFacts facts;
  facts.live_endpoints.emplace();
  facts.listed_at = an_hour_before;
  const auto lost = have_attachment("172.16.1.10", "e3", "db");
  EXPECT_TRUE(is_lost(lost, facts));
  facts.listed_at = now - 1s;
  EXPECT_FALSE(is_lost(lost, facts)) << "it was made after the listing";
}

TEST_F(Joins, AnAddressGivenForWantOfKnowledgeLeavesTheOwnOne) {
  auto used = have("web", "172.16.1.50");
  used.host = "host-1";
  ASSERT_TRUE(edit.put(used).ok());
  bind("172.16.1.9", "e1");
  ASSERT_TRUE(join("e1", container("web", State::created))->attachment);
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.50"));
  EXPECT_EQ(plan.reservation_at("vlan100", ip("172.16.1.9")), nullptr);
}

TEST_F(Joins, AnAddressReservedAheadThatNobodyUsedFollowsTheOneTheContainerGot) {
  have("web", "172.16.1.50");
  bind("172.16.1.9", "e1");
  ASSERT_TRUE(join("e1", container("web", State::created))->attachment);
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
}

TEST_F(Joins, AnAddressTheUserAskedForReplacesTheOwnOne) {
  const auto before = have("web", "172.16.1.50");
  bind("172.16.1.9", "e1", true);
  ASSERT_TRUE(join("e1", container("web", State::created, "172.16.1.9"))->attachment);
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.9"));
  EXPECT_EQ(reservation("web")->created, before.created);
  EXPECT_EQ(plan.reservation_at("vlan100", ip("172.16.1.50")), nullptr);
}

TEST_F(Joins, AStalePinOfOursDoesNotReplaceIt) {
  auto used = have("web", "172.16.1.50");
  used.host = "host-1";
  ASSERT_TRUE(edit.put(used).ok());
  ASSERT_TRUE(edit.put(model::Claim{"id-web", "net-id", ip("172.16.1.9"), "web", true}).ok());
  bind("172.16.1.9", "e1", true);
  ASSERT_TRUE(join("e1", container("web", State::created, "172.16.1.9"))->attachment);
  EXPECT_EQ(reservation("web")->address, ip("172.16.1.50"));
}

TEST_F(Joins, AnIdentityIsOneContainersAtATime) {
  have("web", "172.16.1.50", ReservationState::attached);
  have_attachment("172.16.1.50", "e-web", "web");
  bind("172.16.1.9", "e1");
  auto second = container("web-2", State::created);
  second.labels["bayplan.identity"] = "web";
  auto request = joining("e1", second);
  request.up = {"id-web"};
  const auto refused = join_endpoint(edit, request);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().detail.find("'web' is in use on vlan100 by the container 'web'"), std::string::npos);
  EXPECT_TRUE(plan.owed_starts().empty());
  request.up.clear();
  EXPECT_TRUE(join_endpoint(edit, request)->attachment) << "the first is down: only its release is late";
}

TEST_F(Joins, AContainerIsOnANetworkOnce) {
  ASSERT_TRUE(edit.put(model::EngineNetwork{"net-2", "vlan100"}).ok());
  bind("172.16.1.9", "e1");
  ASSERT_TRUE(join("e1", container("web", State::created))->attachment);
  bind("172.16.1.10", "e2", false, "net-2");
  const auto refused = join("e2", container("web", State::created));
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().detail.find("'web' is on vlan100 already, with 172.16.1.9"), std::string::npos);
}

TEST_F(Joins, ALabelThatIsNoIdentityIsRefused) {
  bind("172.16.1.9", "e1");
  auto who = container("web", State::created);
  who.labels["bayplan.identity"] = "two\nlines";
  const auto refused = join("e1", who);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_EQ(refused.error().message(),
            "the label bayplan.identity of 'web': 'two\\x0alines' can't be an identity: use printable ASCII characters "
            "without space and '/'");
}

TEST_F(Joins, WhatCannotBeVerifiedIsPresumedAndVerifiedLater) {
  have("web", "172.16.1.9");
  bind("172.16.1.9", "e1", true);
  ASSERT_TRUE(join("e1", {})->attachment);
  EXPECT_FALSE(plan.attachment_of("e1")->verified);
  EXPECT_EQ(reservation("web")->state, ReservationState::attached);
  const auto wrong =
      verify_attachment(edit, *plan.attachment_of("e1"), container("thief", State::running), "host-1", now);
  EXPECT_FALSE(*wrong);
  const auto right =
      verify_attachment(edit, *plan.attachment_of("e1"), container("web", State::running), "host-1", now);
  EXPECT_TRUE(*right);
  EXPECT_EQ(plan.attachment_of("e1")->container_id, "id-web");
}

TEST_F(Joins, AReleaseMeansStoppedNeverFree) {
  bind("172.16.1.9", "e1");
  ASSERT_TRUE(join("e1", container("web", State::created))->attachment);
  EXPECT_TRUE(release_address(edit, "vlan100", ip("172.16.1.9"), now).ok());
  EXPECT_NE(plan.attachment_of("e1"), nullptr) << "its endpoint stands: a late release is not its";
  ASSERT_TRUE(unbind_endpoint(edit, "e1").ok());
  EXPECT_EQ(attachment("172.16.1.9")->stage, Attachment::Stage::granted);
  now += 1s;
  ASSERT_TRUE(release_address(edit, "vlan100", ip("172.16.1.9"), now).ok());
  EXPECT_EQ(attachment("172.16.1.9"), nullptr);
  EXPECT_EQ(reservation("web")->state, ReservationState::held);
  EXPECT_EQ(reservation("web")->last_seen, now);
  EXPECT_TRUE(release_address(edit, "vlan100", ip("172.16.1.9"), now).ok()) << "calls repeat";
  EXPECT_TRUE(unbind_endpoint(edit, "e1").ok());
}

}  // namespace
}  // namespace bayplan::control
