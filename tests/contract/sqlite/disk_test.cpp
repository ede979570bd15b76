// A disk that is full or fails: the commit says so, nothing of it is there, and the store goes on once it can.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "contract/sqlite/faulty_vfs.hpp"
#include "contract/sqlite/files.hpp"
#include "support/child.hpp"

namespace bayplan {
namespace {

using namespace bayplan::testing;  // NOLINT
using ::testing::HasSubstr;
namespace fs = std::filesystem;
using Fault = FaultyVfs::Fault;

// A record that needs many pages of the file.
model::Repin large_repin(const std::string& container, std::size_t size) {
  return {container, "n", std::string(size, 's'), std::nullopt};
}

std::vector<model::Record> loaded(store::SqliteStore& store) {
  const auto records = store.load();
  EXPECT_TRUE(records.ok()) << records.error().message();
  return records.ok() ? *records : std::vector<model::Record>{};
}

class SqliteDiskTest : public ::testing::Test {
 protected:
  void start() {
    store_.reset();
    dir_.emplace(TempDir::Place::in_memory);
    store_ = must_open(*dir_ / "plan.db");
    ASSERT_TRUE(store_->commit(put_all(one_of_each())).ok());
  }
  // What is in the plan if the machine stops now.
  std::vector<model::Record> after_a_crash() {
    const TempDir copy(TempDir::Place::in_memory);
    copy_as_after_a_crash(dir_->path(), copy.path());
    return loaded(*must_open(copy / "plan.db"));
  }
  // Lets `changes` meet the fault at its step `step`. True while the fault happens.
  bool meets_fault(const model::ChangeSet& changes, std::size_t step, Fault fault, bool lasting) {
    SCOPED_TRACE(fmt::format("fault at step {}", step));
    start();
    const auto before = loaded(*store_);
    vfs_.fail_after(step, fault, lasting);
    const auto done = store_->commit(changes);
    vfs_.heal();
    const auto now = loaded(*store_);
    EXPECT_TRUE(same(after_a_crash(), now));
    if (done.ok()) {
      EXPECT_FALSE(same(now, before));
    } else {
      refusal_ = done.error().message();
      EXPECT_EQ(done.error().code, ErrorCode::storage) << refusal_;
      EXPECT_THAT(done.error().message(), HasSubstr("nothing was changed"));
      EXPECT_TRUE(same(now, before));
      const auto again = store_->commit(changes);
      EXPECT_TRUE(again.ok()) << again.error().message();
    }
    const auto after = loaded(*store_);
    EXPECT_FALSE(same(after, before));
    EXPECT_TRUE(same(after_a_crash(), after));
    return vfs_.happened();
  }

  std::string refusal_;  // of the last commit that met a fault
  FaultyVfs vfs_;
  std::optional<TempDir> dir_;
  std::unique_ptr<store::SqliteStore> store_;
};

// A few changes of every kind.
model::ChangeSet some_changes() {
  return {erase(sample_claim()), put(sample_network("other", 9)), put(sample_reservation("db", "172.16.1.200")),
          put(large_repin("c", 20'000))};
}

TEST_F(SqliteDiskTest, ACommitThatMeetsAFullDiskAtAnyStepHasNotHappened) {
  std::size_t step = 0;
  while (meets_fault(some_changes(), step, Fault::full, true) && !HasFailure()) ++step;
  EXPECT_GT(step, 5U);
}

// Neither comes from SQLite as what it is.
TEST_F(SqliteDiskTest, ACommitOverQuotaOrOnAFileSystemThatTurnedReadOnlySaysSoAndHasNotHappened) {
  for (const auto& [fault, words] :
       std::map<Fault, std::string>{{Fault::over_quota, "is full"}, {Fault::read_only, "file system is read-only"}}) {
    std::size_t step = 0;
    while (meets_fault(some_changes(), step, fault, true) && !HasFailure()) {
      EXPECT_THAT(refusal_, HasSubstr(words)) << "at step " << step;
      ++step;
    }
    EXPECT_GT(step, 5U);
  }
}

// synchronous = FULL: with less, a commit that was answered may be lost with the power.
TEST_F(SqliteDiskTest, EveryCommitIsOnTheDiskWhenItReturns) {
  start();
  vfs_.take_syncs();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store_->commit({put(large_repin(std::to_string(i), 10))}).ok());
    EXPECT_GE(vfs_.take_syncs(), 1U);
  }
}

TEST_F(SqliteDiskTest, ACommitThatMeetsAFailureOfTheDiskAtAnyStepHasNotHappened) {
  std::size_t step = 0;
  while (meets_fault(some_changes(), step, Fault::broken, false) && !HasFailure()) ++step;
  EXPECT_GT(step, 5U);
}

// The log is carried over into the file when it has a thousand pages. A failure of that is none of the commit's: it is
// in the log already.
TEST_F(SqliteDiskTest, ACommitIsDoneEvenIfCarryingOverTheLogFails) {
  start();
  const model::ChangeSet changes{put(large_repin("c", 4'300'000))};
  vfs_.take_steps();
  ASSERT_TRUE(store_->commit(changes).ok());
  const std::size_t steps = vfs_.take_steps();
  ASSERT_GT(steps, 2000U) << "the log was not carried over";
  for (const std::size_t step : {steps - 1, steps - 500, steps / 2}) {
    meets_fault(changes, step, Fault::broken, false);
    meets_fault(changes, step, Fault::full, true);
  }
}

TEST_F(SqliteDiskTest, APlanThatCanNotBeMadeLeavesNoFile) {
  for (std::size_t step = 0;; ++step) {
    const TempDir dir(TempDir::Place::in_memory);
    vfs_.fail_after(step, Fault::full, true);
    const auto store = store::SqliteStore::open(dir / "plan.db");
    vfs_.heal();
    if (store.ok()) break;
    ASSERT_LT(step, 1000U);
    EXPECT_EQ(store.error().code, ErrorCode::storage) << store.error().message();
    // Either nothing was made or all of it: the next one finds its way.
    EXPECT_FALSE(fs::exists(dir / "plan.db.new"));
    EXPECT_TRUE(store::SqliteStore::open(dir / "plan.db").ok());
  }
}

// Fills the directory's file system to the last byte.
void fill_disk(const fs::path& file) {
  std::ofstream filler(file, std::ios::binary);
  filler << std::unitbuf;
  while (filler.put('f')) continue;
}

std::string commit_on_a_full_disk(const fs::path& dir) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0) return "can't unshare";
  if (::mount("tmpfs", dir.c_str(), "tmpfs", 0, "size=512k") != 0) return "can't mount";
  auto store = must_open(dir / "plan.db");
  if (!store->commit(put_all(one_of_each())).ok()) return "the first commit failed";
  fill_disk(dir / "filler");
  unsigned stored = 0;
  Result<> done;
  for (; done.ok() && stored < 100; ++stored) done = store->commit({put(large_repin(std::to_string(stored), 10'000))});
  --stored;  // the last one failed
  if (done.ok()) return "the disk never was full";
  if (done.error().code != ErrorCode::storage) return done.error().message();
  if (done.error().message().find("is full") == std::string::npos) return done.error().message();
  const std::size_t expected = one_of_each().size() + stored;
  if (store->load()->size() != expected) return "the failed commit left something";
  store = nullptr;  // with the disk still full
  fill_disk(dir / "filler2");
  const auto reopened = store::SqliteStore::open(dir / "plan.db");
  if (!reopened.ok() && reopened.error().message().find("is full") == std::string::npos) {
    return reopened.error().message();
  }
  if (reopened.ok()) return "nothing was short of room: this shows nothing";
  fs::remove(dir / "filler2");
  fs::remove(dir / "filler");
  store = must_open(dir / "plan.db");
  if (store->load()->size() != expected) return "the failed commit came back";
  fill_disk(dir / "filler");
  while (done.ok() || stored++ < 100) done = store->commit({put(large_repin(std::to_string(stored), 10'000))});
  fs::remove(dir / "filler");
  done = store->commit({put(large_repin("last", 10'000))});
  return done.ok() ? "" : "not usable again: " + done.error().message();
}

TEST_F(SqliteDiskTest, OnARealFullDiskTheCommitFailsAndTheStoreGoesOnWhenThereIsRoom) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs the right to mount";
  const TempDir dir;
  EXPECT_EQ(in_child([&] { return commit_on_a_full_disk(dir.path()); }), "");
}

}  // namespace
}  // namespace bayplan
