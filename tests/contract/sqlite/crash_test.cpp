// What was acknowledged is there after kill -9, whole; what was not is there whole or not at all.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "contract/sqlite/faulty_vfs.hpp"
#include "contract/sqlite/files.hpp"
#include "support/child.hpp"

namespace bayplan {
namespace {

using namespace bayplan::testing;  // NOLINT
namespace fs = std::filesystem;

constexpr unsigned kSetSize = 5;

// The reservations of the commit of that number.
model::ChangeSet numbered_set(unsigned number) {
  model::ChangeSet changes;
  for (unsigned i = 0; i < kSetSize; ++i) {
    auto reservation = sample_reservation(fmt::format("{}.{}", number, i));
    reservation.address = model::IpAddress::v4(0x0a000000U + number * kSetSize + i);
    changes.push_back(put(reservation));
  }
  return changes;
}

// The numbers of the sets in the store; fails for one that is not whole, or not as it was.
std::set<unsigned> stored_sets(store::SqliteStore& store) {
  std::map<unsigned, std::set<std::string>> found;
  const auto records = store.load();
  EXPECT_TRUE(records.ok()) << records.error().message();
  for (const auto& record : records.ok() ? *records : std::vector<model::Record>{}) {
    const auto* reservation = std::get_if<model::Reservation>(&record);
    if (reservation == nullptr) continue;
    const auto number = static_cast<unsigned>(std::stoul(reservation->identity));
    found[number].insert(reservation->identity);
    const auto expected = numbered_set(number);
    EXPECT_TRUE(std::ranges::find(expected, put(record)) != expected.end()) << reservation->identity;
  }
  std::set<unsigned> whole;
  for (const auto& [number, identities] : found) {
    EXPECT_EQ(identities.size(), kSetSize) << "set " << number << " is there in part";
    whole.insert(number);
  }
  return whole;
}

// Opens the plan, makes the network, and commits sets from that number on, as many as told; reports each commit when
// it is acknowledged.
void commit_and_report(int pipe, const fs::path& file, unsigned from, unsigned count,
                       const store::SqliteOptions& options = {}) {
  const auto store = must_open(file, options);
  Child::write(pipe, "opened\n");
  if (!store->commit({put(sample_network())}).ok()) ::_exit(7);
  for (unsigned number = from; number < from + count; ++number) {
    if (!store->commit(numbered_set(number)).ok()) ::_exit(8);
    Child::write(pipe, fmt::format("{}\n", number));
  }
}

TEST(SqliteCrashTest, EveryAcknowledgedCommitSurvivesKill9AtAnyMoment) {
  const TempDir dir(TempDir::Place::in_memory);
  const fs::path file = dir / "plan.db";
  std::mt19937 random(20260101);  // NOLINT: the same moments each time, as far as that goes
  std::set<unsigned> acknowledged;
  unsigned next = 0;
  for (int round = 0; round < 12; ++round) {
    Child child([&](int pipe) { commit_and_report(pipe, file, next, 1'000'000); });
    ASSERT_EQ(child.read_line(), "opened");
    for (auto left = random() % 40; left > 0; --left) {
      const std::string line = child.read_line();
      ASSERT_NE(line, "") << "the child ended by itself";
      acknowledged.insert(static_cast<unsigned>(std::stoul(line)));
    }
    child.kill();
    // What it still reported before it died counts too.
    for (std::string line = child.read_line(); !line.empty(); line = child.read_line()) {
      acknowledged.insert(static_cast<unsigned>(std::stoul(line)));
    }
    const auto stored = stored_sets(*must_open(file));
    EXPECT_TRUE(std::ranges::includes(stored, acknowledged)) << "round " << round;
    EXPECT_LE(stored.size(), acknowledged.size() + 1) << "round " << round;
    acknowledged = stored;
    next = stored.empty() ? 0 : *stored.rbegin() + 1;
  }
  EXPECT_GT(acknowledged.size(), 100U);
}

// Runs `body` in children that are killed in the middle of their first write to the disk, then of their second, …,
// until one comes through; after each, `check` looks at what it left, with what it had reported.
void kill_at_every_step(const std::function<void(int pipe)>& body, const std::function<void()>& prepare,
                        const std::function<void(const std::string& reported)>& check) {
  for (std::size_t step = 0;; ++step) {
    SCOPED_TRACE(fmt::format("killed at step {}", step));
    ASSERT_LT(step, 2000U);
    prepare();
    Child child([&](int pipe) {
      FaultyVfs vfs;
      vfs.fail_after(step, FaultyVfs::Fault::half_write);
      body(pipe);
    });
    const std::string reported = child.read_all();
    const int status = child.reap();
    ASSERT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << status;
    check(reported);
    if (status == 0) {
      EXPECT_GT(step, 3U);  // otherwise the faults did not reach the store
      return;
    }
    if (::testing::Test::HasFailure()) return;
  }
}

class SqliteCrashStepTest : public ::testing::Test {
 protected:
  void start_anew() {
    dir_.emplace(TempDir::Place::in_memory);
    file_ = *dir_ / "plan.db";
  }
  std::set<unsigned> stored(const store::SqliteOptions& options = {}) {
    auto store = store::SqliteStore::open(file_, options);
    EXPECT_TRUE(store.ok()) << store.error().message();
    return store.ok() ? stored_sets(**store) : std::set<unsigned>{};
  }
  // Every set that was reported is there, and at most one that was not.
  void expect_reported(const std::string& reported, const store::SqliteOptions& options = {}) {
    const auto found = stored(options);
    const auto lines = static_cast<std::size_t>(std::ranges::count(reported, '\n'));
    const std::size_t sets = reported.starts_with("opened\n") ? lines - 1 : 0;
    EXPECT_GE(found.size(), sets) << reported;
    EXPECT_LE(found.size(), sets + 1) << reported;
  }

  std::optional<TempDir> dir_;
  fs::path file_;
};

TEST_F(SqliteCrashStepTest, AtEveryStepOfMakingThePlanAndOfCommitsAndOfClosing) {
  kill_at_every_step([&](int pipe) { commit_and_report(pipe, file_, 0, 4); }, [&] { start_anew(); },
                     [&](const std::string& reported) { expect_reported(reported); });
}

TEST_F(SqliteCrashStepTest, AtEveryStepOfRecoveringFromACrash) {
  const TempDir crashed(TempDir::Place::in_memory);
  {
    Child child([&](int pipe) { commit_and_report(pipe, crashed / "plan.db", 0, 1'000'000); });
    for (std::string line = child.read_line(); line != "3"; line = child.read_line()) {
      ASSERT_NE(line, "") << "the child ended by itself";
    }
    child.kill();
  }
  const auto before = [&] {
    start_anew();
    copy_as_after_a_crash(crashed.path(), dir_->path());
    return stored();
  }();
  kill_at_every_step([&](int) { (void)must_open(file_); },
                     [&] {
                       start_anew();
                       copy_as_after_a_crash(crashed.path(), dir_->path());
                     },
                     [&](const std::string&) { EXPECT_EQ(stored(), before); });
}

TEST_F(SqliteCrashStepTest, AtEveryStepOfAMigration) {
  std::vector<std::string_view> scripts(store::migrations().begin(), store::migrations().end());
  scripts.emplace_back(
      "CREATE TABLE extra (name TEXT NOT NULL PRIMARY KEY, seal INTEGER NOT NULL) STRICT;"
      "INSERT INTO extra VALUES ('x', 0);"
      "UPDATE reservations SET host = 'moved'; UPDATE reservations SET host = 'host-1.example';");
  const store::SqliteOptions newer{.migrations = scripts};
  kill_at_every_step([&](int) { (void)must_open(file_, newer); },
                     [&] {
                       start_anew();
                       auto store = must_open(file_);
                       ASSERT_TRUE(store->commit({put(sample_network())}).ok());
                       ASSERT_TRUE(store->commit(numbered_set(0)).ok());
                       ASSERT_TRUE(store->commit(numbered_set(1)).ok());
                     },
                     [&](const std::string&) {
                       // The older program still reads it, or says that it is newer, and does not touch it then.
                       const TempDir copy(TempDir::Place::in_memory);
                       copy_as_after_a_crash(dir_->path(), copy.path());
                       if (const auto old = store::SqliteStore::open(copy / "plan.db"); !old.ok()) {
                         EXPECT_EQ(old.error().code, ErrorCode::newer) << old.error().message();
                       }
                       EXPECT_EQ(stored(newer), (std::set<unsigned>{0, 1}));
                     });
}

}  // namespace
}  // namespace bayplan
