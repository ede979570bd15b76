// What every PlanStore promises, run against each of them.
#include "ports/plan_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/sqlite/sqlite_store.hpp"
#include "support/fake_store.hpp"
#include "support/sample_records.hpp"
#include "support/temp_dir.hpp"

namespace bayplan {
namespace {

using namespace std::string_literals;

using namespace bayplan::testing;  // NOLINT: the vocabulary of these tests
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

// Something that keeps what a store has stored, and opens a store on it.
class Medium {
 public:
  virtual ~Medium() = default;
  virtual std::unique_ptr<ports::PlanStore> open() = 0;
};

class FakeMedium final : public Medium {
 public:
  std::unique_ptr<ports::PlanStore> open() override { return std::make_unique<FakeStore>(disk_); }

 private:
  FakeStore disk_;
};

class SqliteMedium final : public Medium {
 public:
  std::unique_ptr<ports::PlanStore> open() override {
    auto store = store::SqliteStore::open(dir_ / "plan.db");
    if (!store.ok()) throw std::runtime_error(store.error().message());
    return std::move(store).value();
  }

 private:
  TempDir dir_;
};

struct Kind {
  const char* name;
  std::unique_ptr<Medium> (*make)();
};

class PlanStoreTest : public ::testing::TestWithParam<Kind> {
 protected:
  // As a daemon that ends and one that starts.
  void reopen() {
    store_.reset();
    store_ = medium_->open();
  }
  std::vector<model::Record> stored() {
    auto records = store_->load();
    EXPECT_TRUE(records.ok()) << records.error().message();
    return records.ok() ? *records : std::vector<model::Record>{};
  }
  void commit(const model::ChangeSet& changes) {
    const auto done = store_->commit(changes);
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  // The set is refused as a conflict, and nothing of it is there.
  void expect_conflict(const model::ChangeSet& changes) {
    const auto before = stored();
    const auto done = store_->commit(changes);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, ErrorCode::conflict) << done.error().message();
    EXPECT_THAT(stored(), UnorderedElementsAreArray(before));
    reopen();
    EXPECT_THAT(stored(), UnorderedElementsAreArray(before));
  }

  std::unique_ptr<Medium> medium_ = GetParam().make();
  std::unique_ptr<ports::PlanStore> store_ = medium_->open();
};

TEST_P(PlanStoreTest, IsEmptyAtFirst) {
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(PlanStoreTest, GivesBackEveryRecordTypeWholeAlsoAfterARestart) {
  commit(put_all(one_of_each()));
  EXPECT_THAT(stored(), UnorderedElementsAreArray(one_of_each()));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(one_of_each()));
}

TEST_P(PlanStoreTest, GivesBackFieldsThatAreAbsentOrDefault) {
  model::Network network;
  network.name = "n";
  model::Reservation reservation;
  reservation.network = "n";
  model::Attachment attachment;
  attachment.network = "n";
  const std::vector<model::Record> bare{network,
                                        reservation,
                                        attachment,
                                        model::Claim{},
                                        model::OwedStart{},
                                        model::Repin{},
                                        model::AttachMark{"n", {}, {}, {}, false, {}}};
  commit(put_all(bare));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(bare));
}

TEST_P(PlanStoreTest, KeepsEveryEnumerator) {
  std::vector<model::Record> records;
  int number = 0;
  for (const auto kind : {model::DatapathKind::bridge, model::DatapathKind::ovs, model::DatapathKind::macvlan}) {
    ++number;
    auto network = sample_network(fmt::format("net{}", number), number);
    network.datapath = kind;
    records.emplace_back(network);
  }
  using State = model::ReservationState;
  for (const auto state : {State::attached, State::held, State::removed}) {
    ++number;
    auto reservation = sample_reservation(fmt::format("id{}", number), fmt::format("10.0.0.{}", number), "net1");
    reservation.state = state;
    records.emplace_back(reservation);
  }
  using Stage = model::Attachment::Stage;
  for (const auto stage : {Stage::granted, Stage::created, Stage::joined}) {
    ++number;
    auto attachment = sample_attachment(fmt::format("10.0.0.{}", number), fmt::format("e{}", number), "net1");
    attachment.stage = stage;
    records.emplace_back(attachment);
  }
  commit(put_all(records));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(records));
}

TEST_P(PlanStoreTest, KeepsIPv6) {
  auto reservation = sample_reservation("web", "2001:db8:1::10", "six");
  auto attachment = sample_attachment("2001:db8:1::10", "e6", "six");
  auto claim = sample_claim();
  claim.address = ip("2001:db8:1::10");
  auto repin = sample_repin();
  repin.address = ip("::ffff:172.16.1.1");  // not the IPv4 address of these digits
  const std::vector<model::Record> records{sample_network_v6(), reservation, attachment, claim, repin};
  commit(put_all(records));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(records));
}

TEST_P(PlanStoreTest, AnIdentityMayHaveAnAddressOfEachFamily) {
  const auto four = sample_reservation("web", "172.16.1.12");
  const auto six = sample_reservation("web", "2001:db8:1::10");
  commit(put_all({sample_network(), four, six}));
  EXPECT_THAT(stored(), UnorderedElementsAreArray(std::vector<model::Record>{sample_network(), four, six}));
  commit({erase(six)});
  EXPECT_THAT(stored(), UnorderedElementsAreArray(std::vector<model::Record>{sample_network(), four}));
}

TEST_P(PlanStoreTest, KeepsStringsByteForByte) {
  std::vector<model::Record> records{sample_network()};
  const std::vector<std::string> names{"it's \"quoted\"; --",
                                       std::string(255, 'x'),
                                       "a\0b"s,
                                       "\xff\xfe",
                                       "zoë ü 日本",
                                       "%s\\n\n\t",
                                       "0",
                                       " 1 ",
                                       "NULL",
                                       "x'00'"};
  int number = 0;
  for (const auto& name : names) {
    auto reservation = sample_reservation(name, fmt::format("172.16.1.{}", ++number));
    reservation.host = reservation.container_name = name;
    records.emplace_back(reservation);
  }
  auto repin = sample_repin();
  repin.settings = std::string(200'000, '\'');
  records.emplace_back(repin);
  commit(put_all(records));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(records));
}

TEST_P(PlanStoreTest, NamesThatDifferOnlyInCaseAreDifferent) {
  const std::vector<model::Record> records{sample_network(), sample_reservation("web", "172.16.1.1"),
                                           sample_reservation("Web", "172.16.1.2")};
  commit(put_all(records));
  EXPECT_THAT(stored(), UnorderedElementsAreArray(records));
}

TEST_P(PlanStoreTest, KeepsTheEndsOfTime) {
  auto reservation = sample_reservation();
  reservation.created = Timestamp::min();
  reservation.last_seen = Timestamp::max();
  commit(put_all({sample_network(), reservation}));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(std::vector<model::Record>{sample_network(), reservation}));
}

TEST_P(PlanStoreTest, PutReplacesTheRecordWithTheSameKey) {
  commit(put_all(one_of_each()));
  auto network = sample_network();
  network.vlan.reset();
  network.ranges.clear();
  auto reservation = sample_reservation("web", "172.16.1.77");
  reservation.state = model::ReservationState::attached;
  auto attachment = sample_attachment();
  attachment.published.clear();
  attachment.endpoint = "other";
  auto claim = sample_claim();
  claim.pinned_by_us = false;
  auto repin = sample_repin();
  repin.address.reset();
  auto owed = sample_owed_start();
  owed.since = at(9);
  auto mark = sample_mark();
  mark.target.clear();
  const std::vector<model::Record> replaced{network, reservation, attachment, sample_engine_network(),
                                            claim,   owed,        repin,      mark};
  commit(put_all(replaced));
  reopen();
  EXPECT_THAT(stored(), UnorderedElementsAreArray(replaced));
}

TEST_P(PlanStoreTest, EraseLooksOnlyAtTheKey) {
  commit(put_all(one_of_each()));
  model::Reservation reservation;
  reservation.network = "vlan100";
  reservation.identity = "web";
  reservation.address = ip("9.9.9.9");  // only its family counts
  model::Attachment attachment;
  attachment.network = "vlan100";
  attachment.address = sample_attachment().address;
  model::Network network;
  network.name = "vlan100";
  commit({erase(reservation), erase(attachment), erase(model::EngineNetwork{std::string(64, 'a'), ""}),
          erase(model::Claim{std::string(64, 'c'), std::string(64, 'a'), {}, "", false}),
          erase(model::OwedStart{"b7f3", "", {}}),
          erase(model::Repin{std::string(64, 'c'), std::string(64, 'a'), "", {}}),
          erase(model::AttachMark{"vlan100", "web", {}, {}, false, {}}), erase(network)});
  EXPECT_THAT(stored(), IsEmpty());
  reopen();
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(PlanStoreTest, ErasingWhatIsNotThereIsNoError) {
  for (const auto& record : one_of_each()) commit({erase(record)});
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(PlanStoreTest, AnEmptyChangeSetIsNoError) {
  commit({});
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(PlanStoreTest, TheLastChangeOfARecordInASetCounts) {
  const auto reservation = sample_reservation();
  commit({put(sample_network()), put(reservation), erase(reservation), put(sample_reservation("web", "172.16.1.13"))});
  EXPECT_THAT(stored(), UnorderedElementsAreArray(
                            std::vector<model::Record>{sample_network(), sample_reservation("web", "172.16.1.13")}));
  commit({put(sample_owed_start()), erase(sample_owed_start())});
  EXPECT_EQ(stored().size(), 2U);
}

TEST_P(PlanStoreTest, AnAddressFreedInASetCanBeTakenLaterInIt) {
  const auto a = sample_reservation("a", "172.16.1.12");
  const auto b = sample_reservation("b", "172.16.1.12");
  commit(put_all({sample_network(), a}));
  commit({erase(a), put(b)});
  EXPECT_THAT(stored(), UnorderedElementsAreArray(std::vector<model::Record>{sample_network(), b}));
}

TEST_P(PlanStoreTest, ChangesOfASetAreAppliedInTheirOrder) {
  const auto a = sample_reservation("a", "172.16.1.12");
  const auto b = sample_reservation("b", "172.16.1.12");
  commit(put_all({sample_network(), a}));
  expect_conflict({put(b), erase(a)});
}

TEST_P(PlanStoreTest, TwoIdentitiesCannotHaveOneAddress) {
  commit(put_all({sample_network(), sample_reservation("a", "172.16.1.12")}));
  expect_conflict({put(sample_reservation("b", "172.16.1.12"))});
  // Nor can one that is there move onto another's: the other must not vanish either.
  commit({put(sample_reservation("b", "172.16.1.13"))});
  expect_conflict({put(sample_reservation("b", "172.16.1.12"))});
}

TEST_P(PlanStoreTest, TheSameAddressInTwoNetworksIsNoConflict) {
  const auto other = sample_network("vlan300", 2);
  commit(put_all({sample_network(), other, sample_reservation("a", "172.16.1.12", "vlan100"),
                  sample_reservation("a", "172.16.1.12", "vlan300")}));
  EXPECT_EQ(stored().size(), 4U);
}

TEST_P(PlanStoreTest, TwoNetworksCannotHaveOneVlan) {
  auto other = sample_network("other", 2);
  other.vlan = sample_network().vlan;
  commit({put(sample_network())});
  expect_conflict({put(other)});
}

TEST_P(PlanStoreTest, TwoNetworksCannotHaveOneSubnet) {
  auto other = sample_network("other", 2);
  other.subnet = sample_network().subnet;
  commit({put(sample_network())});
  expect_conflict({put(other)});
}

TEST_P(PlanStoreTest, AnyNumberOfNetworksMayHaveNoVlan) {
  auto one = sample_network("one", 1);
  auto two = sample_network("two", 2);
  one.vlan = two.vlan = std::nullopt;
  commit(put_all({one, two}));
  EXPECT_EQ(stored().size(), 2U);
}

TEST_P(PlanStoreTest, TwoAttachmentsCannotHaveOneEndpoint) {
  commit(put_all({sample_network(), sample_attachment("172.16.1.12", "e")}));
  expect_conflict({put(sample_attachment("172.16.1.13", "e"))});
}

TEST_P(PlanStoreTest, AnyNumberOfAttachmentsMayHaveNoEndpointYet) {
  commit(put_all({sample_network(), sample_attachment("172.16.1.12", ""), sample_attachment("172.16.1.13", "")}));
  EXPECT_EQ(stored().size(), 3U);
}

TEST_P(PlanStoreTest, WhatStandsInANetworkNeedsTheNetwork) {
  expect_conflict({put(sample_reservation())});
  expect_conflict({put(sample_attachment())});
  expect_conflict({put(sample_engine_network())});
  // The order within the set does not matter.
  commit({put(sample_reservation()), put(sample_network())});
  EXPECT_EQ(stored().size(), 2U);
}

TEST_P(PlanStoreTest, ANetworkGoesOnlyWithWhatStandsInIt) {
  commit(put_all({sample_network(), sample_reservation()}));
  expect_conflict({erase(sample_network())});
  commit({erase(sample_network()), erase(sample_reservation())});
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(PlanStoreTest, ClaimsOwedStartsAndRepinsNeedNoNetwork) {
  const std::vector<model::Record> records{sample_claim(), sample_owed_start(), sample_repin()};
  commit(put_all(records));
  EXPECT_THAT(stored(), UnorderedElementsAreArray(records));
}

TEST_P(PlanStoreTest, ASetWhoseLastChangeConflictsLeavesNothing) {
  commit(put_all({sample_network(), sample_reservation("a", "172.16.1.12")}));
  model::ChangeSet changes{erase(sample_reservation("a")), put(sample_reservation("b", "172.16.1.12"))};
  for (int i = 20; i < 119; ++i) {
    changes.push_back(put(sample_reservation(fmt::format("id{}", i), fmt::format("172.16.1.{}", i))));
  }
  changes.push_back(put(sample_reservation("last", "172.16.1.12")));
  expect_conflict(changes);
  // And the store goes on: the same set without its last change is taken.
  changes.pop_back();
  commit(changes);
  EXPECT_EQ(stored().size(), 1U + 1U + 99U);
}

TEST_P(PlanStoreTest, KeepsThousandsOfReservations) {
  model::ChangeSet changes{put(sample_network())};
  for (unsigned i = 0; i < 5000; ++i) {
    auto reservation = sample_reservation(fmt::format("id{}", i));
    reservation.address = model::IpAddress::v4(0xac100100U + i);
    changes.push_back(put(reservation));
  }
  commit(changes);
  reopen();
  EXPECT_EQ(stored().size(), 5001U);
}

INSTANTIATE_TEST_SUITE_P(
    Stores, PlanStoreTest,
    ::testing::Values(Kind{"Fake", []() -> std::unique_ptr<Medium> { return std::make_unique<FakeMedium>(); }},
                      Kind{"Sqlite", []() -> std::unique_ptr<Medium> { return std::make_unique<SqliteMedium>(); }}),
    [](const auto& kind) { return kind.param.name; });

TEST(FakeStoreTest, FailsAsManyCommitsAsItWasToldToAndChangesNothing) {
  FakeStore disk;
  FakeStore store = disk;
  disk.fail_next_commits(2, ErrorCode::storage);
  for (int i = 0; i < 2; ++i) {
    const auto done = store.commit({put(sample_network())});
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, ErrorCode::storage);
  }
  EXPECT_TRUE(disk.all<model::Network>().empty());
  EXPECT_TRUE(store.commit({put(sample_network())}).ok());
  EXPECT_EQ(disk.all<model::Network>().size(), 1U);
  EXPECT_EQ(disk.committed().size(), 1U);
}

}  // namespace
}  // namespace bayplan
