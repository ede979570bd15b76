// The planner: one commit for many requests, nothing granted that is not stored, nobody punished for another's request.
#include "control/planner.hpp"

#include <gtest/gtest.h>

#include "control/addresses.hpp"
#include "support/fake_store.hpp"
#include "support/plan_dump.hpp"
#include "support/sample_records.hpp"
#include "world.hpp"

namespace bayplan::control {
namespace {

using model::PlanEdit;
using testing::dump;
using testing::FakeStore;
using testing::PlanDump;

// A disk whose commits wait at a gate, so that requests pile up behind one.
class GatedStore final : public ports::PlanStore {
 public:
  explicit GatedStore(FakeStore disk) : disk_(std::move(disk)) {}
  void close() {
    const std::scoped_lock lock(mutex_);
    open_ = false;
  }
  void open() {
    {
      const std::scoped_lock lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  // The n-th commit from now fails.
  void fail_commit(int n) {
    const std::scoped_lock lock(mutex_);
    until_failure_ = n;
  }
  // … and all after it.
  void fail_commits_from(int n) {
    const std::scoped_lock lock(mutex_);
    until_out_of_order_ = n;
  }
  int commits() {
    const std::scoped_lock lock(mutex_);
    return commits_;
  }
  bool wait_until_somebody_waits() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return waiting_; });
  }

  Result<std::vector<model::Record>> load() override { return disk_.load(); }
  Result<> commit(const model::ChangeSet& changes) override {
    {
      std::unique_lock lock(mutex_);
      waiting_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
      waiting_ = false;
      ++commits_;
      if (until_out_of_order_ > 0 && (until_out_of_order_ == 1 || --until_out_of_order_ == 1)) {
        return fail(ErrorCode::storage, "the disk is full");
      }
      if (until_failure_ > 0 && --until_failure_ == 0) return fail(ErrorCode::storage, "the disk is full");
    }
    return disk_.commit(changes);
  }

 private:
  FakeStore disk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  bool waiting_ = false;
  int until_failure_ = 0;
  int until_out_of_order_ = 0;
  int commits_ = 0;
};

class PlannerTest : public ::testing::Test {
 protected:
  static FakeStore disk_with_network() {
    FakeStore disk;
    auto network = testing::sample_network();
    network.ranges.clear();
    network.exclusions.clear();
    EXPECT_TRUE(disk.commit({testing::put(network)}).ok());
    return disk;
  }
  Result<model::Reservation> reserve_for(const std::string& identity) {
    return planner.execute(
        [identity](PlanEdit& edit) { return reserve(edit, *edit.plan().network("vlan100"), identity, {}, {}); });
  }
  PlanDump look() {
    return *planner.execute([](PlanEdit& edit) -> Result<PlanDump> { return dump(edit.plan()); });
  }
  // Holds the planner in a commit, queues a request a name, lets all of them go, and gives their answers.
  std::map<std::string, Result<model::Reservation>> pile_up(const std::vector<std::string>& names) {
    store.close();
    std::jthread first([this] { EXPECT_TRUE(reserve_for("first").ok()); });
    EXPECT_TRUE(store.wait_until_somebody_waits());
    std::mutex mutex;
    std::map<std::string, Result<model::Reservation>> answers;
    std::vector<std::jthread> threads;
    std::atomic<std::size_t> queued = 0;
    for (const auto& name : names) {
      threads.emplace_back([&, name] {
        ++queued;
        auto answer = reserve_for(name);
        const std::scoped_lock lock(mutex);
        answers.emplace(name, std::move(answer));
      });
    }
    EXPECT_TRUE(testing::eventually([&] { return queued == names.size(); }));
    store.open();
    threads.clear();
    return answers;
  }
  FakeStore disk = disk_with_network();
  GatedStore store{disk};
  Planner planner{store, model::Plan::from(*disk.load()).value()};
};

TEST_F(PlannerTest, ManyRequestsAtOnceAreFewCommits) {
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back(fmt::format("c{}", i));
  const auto before = disk.committed().size();
  const auto answers = pile_up(names);
  EXPECT_LT(disk.committed().size() - before, 25U);
  std::set<model::IpAddress> addresses;
  for (const auto& [name, answer] : answers) {
    ASSERT_TRUE(answer.ok()) << name;
    addresses.insert(answer->address);
  }
  EXPECT_EQ(addresses.size(), 50U);
  EXPECT_EQ(disk.all<model::Reservation>().size(), 51U);
}

TEST_F(PlannerTest, AnErrorChangesNothing) {
  const auto before = look();
  const auto commits = disk.committed().size();
  const auto refused = planner.execute([](PlanEdit& edit) -> Result<> {
    TRY(edit.put(testing::sample_reservation("web")));
    TRY(edit.put(testing::sample_attachment("172.16.1.77")));
    return fail(ErrorCode::conflict, "changed my mind");
  });
  EXPECT_EQ(refused.error().detail, "changed my mind");
  EXPECT_EQ(look(), before);
  EXPECT_EQ(disk.committed().size(), commits) << "nothing to store";
}

TEST_F(PlannerTest, LookingStoresNothing) {
  const auto commits = disk.committed().size();
  look();
  EXPECT_EQ(disk.committed().size(), commits);
}

TEST_F(PlannerTest, ABadRequestAmongOthersFailsAlone) {
  const auto answers = pile_up({"a", "with space", "b", "", "c"});
  EXPECT_EQ(answers.at("with space").error().code, ErrorCode::invalid);
  EXPECT_EQ(answers.at("").error().code, ErrorCode::invalid);
  for (const auto& name : {"a", "b", "c"}) EXPECT_TRUE(answers.at(name).ok()) << name;
  EXPECT_EQ(disk.all<model::Reservation>().size(), 4U);
}

TEST_F(PlannerTest, WhatCouldNotBeStoredWasNotGrantedToAnybody) {
  const auto before = look();
  disk.fail_next_commits(1000);
  for (const auto& name : {"a", "b"}) {
    const auto answer = reserve_for(name);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::storage);
    EXPECT_EQ(answer.error().operation, "store the plan");
  }
  EXPECT_EQ(look(), before) << "and looking still works";
  disk.fail_next_commits(0);
  EXPECT_EQ(reserve_for("a")->address, testing::ip("172.16.1.2")) << "the address that was not granted is free";
}

TEST_F(PlannerTest, ABatchThatCouldNotBeStoredIsTriedOneByOne) {
  store.fail_commit(2);  // the first is the one behind which they pile up
  const auto answers = pile_up({"a", "b", "c"});
  std::set<model::IpAddress> addresses;
  for (const auto& [name, answer] : answers) {
    ASSERT_TRUE(answer.ok()) << name;
    addresses.insert(answer->address);
  }
  EXPECT_EQ(addresses.size(), 3U);
  EXPECT_EQ(disk.all<model::Reservation>().size(), 4U);
  EXPECT_EQ(dump(model::Plan::from(*disk.load()).value()), look());
}

// Each commit may wait for the store: fifty requests must not wait one after the other.
TEST_F(PlannerTest, AStoreThatIsOutOfOrderIsNotAskedOnceARequest) {
  store.fail_commits_from(3);  // counted down at once: the second commit is the first to fail
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back(fmt::format("c{}", i));
  const auto before = store.commits();
  const auto answers = pile_up(names);
  EXPECT_LT(store.commits() - before, 20);
  for (const auto& [name, answer] : answers) EXPECT_EQ(answer.error().code, ErrorCode::storage) << name;
  EXPECT_EQ(disk.all<model::Reservation>().size(), 1U) << "only the one before";
}

TEST_F(PlannerTest, TheStoreAndThePlanSayTheSame) {
  pile_up({"a", "b", "c", "d", "with space"});
  EXPECT_EQ(dump(model::Plan::from(*disk.load()).value()), look());
}

TEST_F(PlannerTest, CommittedIsToldWhatWasStored) {
  FakeStore other = disk_with_network();
  std::vector<model::ChangeSet> told;
  {
    Planner telling(other, model::Plan::from(*other.load()).value(),
                    [&](const model::ChangeSet& changes) { told.push_back(changes); });
    ASSERT_TRUE(telling.execute([](PlanEdit& edit) { return edit.put(testing::sample_reservation()); }).ok());
    other.fail_next_commits(1000);
    EXPECT_FALSE(telling.execute([](PlanEdit& edit) { return edit.erase(testing::sample_reservation()); }).ok());
  }
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0], model::ChangeSet{testing::put(testing::sample_reservation())});
}

TEST_F(PlannerTest, AfterAStopNothingIsAcceptedAndWhatWasQueuedIsAnswered) {
  store.close();
  std::jthread first([this] { EXPECT_TRUE(reserve_for("first").ok()); });
  ASSERT_TRUE(store.wait_until_somebody_waits());
  std::jthread stopper([this] { planner.stop(); });
  store.open();
  stopper.join();
  first.join();
  EXPECT_EQ(reserve_for("late").error().code, ErrorCode::unavailable);
  EXPECT_EQ(disk.all<model::Reservation>().size(), 1U);
}

}  // namespace
}  // namespace bayplan::control
