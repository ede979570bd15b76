// Which files the SQLite store opens, and that it leaves alone what it does not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/sqlite/files.hpp"
#include "support/child.hpp"

namespace bayplan {
namespace {

using namespace bayplan::testing;  // NOLINT
using namespace std::string_literals;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;
namespace fs = std::filesystem;

unsigned permissions(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions()) & 0777U;
}

class SqliteOpenTest : public ::testing::Test {
 protected:
  // Opening fails with that code and those words, and nothing in the directory is changed or added.
  void expect_refused(ErrorCode code, const std::string& words) {
    const auto before = contents(dir_.path());
    const auto store = store::SqliteStore::open(file_);
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.error().code, code) << store.error().message();
    EXPECT_THAT(store.error().message(), HasSubstr(words));
    EXPECT_EQ(contents(dir_.path()), before);
  }

  TempDir dir_;
  fs::path file_ = dir_ / "plan.db";
};

TEST_F(SqliteOpenTest, MakesTheFileAndItsDirectoriesForTheOwnerOnly) {
  const fs::path file = dir_ / "a" / "b" / "plan.db";
  const auto store = must_open(file);
  EXPECT_EQ(permissions(dir_ / "a"), 0700U);
  EXPECT_EQ(permissions(dir_ / "a" / "b"), 0700U);
  ASSERT_TRUE(store->commit(put_all(one_of_each())).ok());
  for (const char* suffix : {"", ".lock", "-wal", "-shm"})
    EXPECT_EQ(permissions(file.string() + suffix), 0600U) << suffix;
}

TEST_F(SqliteOpenTest, LeavesOneFileAndItsLockWhenClosed) {
  make_plan(file_);
  EXPECT_EQ(contents(dir_.path()).size(), 1U);
  EXPECT_TRUE(fs::exists(file_.string() + ".lock"));
}

TEST_F(SqliteOpenTest, TakesPathsWithCharactersThatMeanSomethingInAUri) {
  file_ = dir_ / "100%25 of?mode=ro#the plan.db";
  make_plan(file_);
  EXPECT_TRUE(fs::exists(file_));
  EXPECT_EQ(must_open(file_)->load()->size(), one_of_each().size());
}

TEST_F(SqliteOpenTest, FollowsALinkToThePlan) {
  make_plan(dir_ / "real.db");
  fs::create_symlink("real.db", file_);
  EXPECT_EQ(must_open(file_)->load()->size(), one_of_each().size());
  EXPECT_TRUE(fs::is_symlink(file_));
}

TEST_F(SqliteOpenTest, RefusesALinkThatLeadsNowhere) {
  fs::create_symlink("nowhere", file_);
  const auto store = store::SqliteStore::open(file_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::storage);
  EXPECT_FALSE(fs::exists(dir_ / "nowhere"));
}

TEST_F(SqliteOpenTest, ASecondDaemonIsToldWhoHasThePlan) {
  Child first([&](int pipe) {
    const auto store = must_open(file_);
    Child::write(pipe, "open\n");
    ::pause();
  });
  ASSERT_EQ(first.read_line(), "open");
  const auto second = store::SqliteStore::open(file_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::in_use);
  EXPECT_THAT(second.error().message(), HasSubstr(fmt::format("in use by process {}", first.pid())));
  EXPECT_THAT(second.error().message(), HasSubstr(file_.string()));
  // The lock goes with the process, however that ends.
  first.kill();
  EXPECT_TRUE(store::SqliteStore::open(file_).ok());
}

TEST_F(SqliteOpenTest, ASecondNameForTheFileIsNoWayAroundTheLock) {
  const auto first = must_open(file_);
  fs::create_symlink("plan.db", dir_ / "link.db");
  fs::create_directory_symlink(dir_.path(), dir_ / "dir");
  for (const fs::path& name : {dir_ / "link.db", dir_ / "dir" / "plan.db", dir_ / "." / "plan.db", file_}) {
    const auto second = store::SqliteStore::open(name);
    ASSERT_FALSE(second.ok()) << name;
    EXPECT_EQ(second.error().code, ErrorCode::in_use) << second.error().message();
  }
  // The refused attempts took nothing from the first one's locks.
  EXPECT_TRUE(first->commit(put_all(one_of_each())).ok());
}

TEST_F(SqliteOpenTest, ALockFileThatIsLeftOverIsNoLock) {
  write_bytes(file_.string() + ".lock", "1\n");
  EXPECT_TRUE(store::SqliteStore::open(file_).ok());
}

TEST_F(SqliteOpenTest, ADraftThatIsLeftOverIsThrownAway) {
  write_bytes(file_.string() + ".new", "half a plan");
  make_plan(file_);
  EXPECT_EQ(contents(dir_.path()).size(), 1U);
}

TEST_F(SqliteOpenTest, RefusesADirectory) {
  fs::create_directory(file_);
  const auto store = store::SqliteStore::open(file_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::invalid);
  EXPECT_THAT(store.error().message(), HasSubstr("is not a file"));
  EXPECT_FALSE(fs::exists(file_.string() + ".lock"));
}

TEST_F(SqliteOpenTest, RefusesAPathThatCanNotBeAFile) {
  for (const fs::path& path : {fs::path(), fs::path("/"), fs::path(dir_.path().string() + "/")}) {
    const auto store = store::SqliteStore::open(path);
    ASSERT_FALSE(store.ok()) << path;
    EXPECT_EQ(store.error().code, ErrorCode::invalid) << store.error().message();
  }
}

TEST_F(SqliteOpenTest, RefusesAPathThroughAFile) {
  write_bytes(dir_ / "file", "x");
  const auto store = store::SqliteStore::open(dir_ / "file" / "plan.db");
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::storage);
  EXPECT_THAT(store.error().message(), HasSubstr("Not a directory"));
}

TEST_F(SqliteOpenTest, RefusesADevice) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);  // opening one would block
  const auto store = store::SqliteStore::open(file_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::invalid);
}

TEST_F(SqliteOpenTest, LeavesAnEmptyFileUntouchedBecauseItMayBeALostPlan) {
  write_bytes(file_, "");
  expect_refused(ErrorCode::corrupt, "it is empty");
}

TEST_F(SqliteOpenTest, LeavesATextFileUntouched) {
  write_bytes(file_, "SQLite format 4, or whatever this is\n");
  expect_refused(ErrorCode::corrupt, "not a SQLite database");
  write_bytes(file_, std::string(5000, 'x'));
  expect_refused(ErrorCode::corrupt, "put back a copy");
}

TEST_F(SqliteOpenTest, LeavesAnotherProgramsDatabaseUntouched) {
  run_sql(file_, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  expect_refused(ErrorCode::corrupt, "database of another program");
  run_sql(file_, "PRAGMA journal_mode = WAL; PRAGMA application_id = 42; INSERT INTO t VALUES (2)");
  expect_refused(ErrorCode::corrupt, "database of another program");
}

TEST_F(SqliteOpenTest, LeavesANewerPlanUntouched) {
  make_plan(file_);
  run_sql(file_, "PRAGMA user_version = 99");
  expect_refused(ErrorCode::newer, "schema 99");
  expect_refused(ErrorCode::newer, "later version of Bayplan");
}

TEST_F(SqliteOpenTest, MakesNoLockBesideAFileThatIsNotOurs) {
  write_bytes(file_, "notes");
  expect_refused(ErrorCode::corrupt, "");
  EXPECT_FALSE(fs::exists(file_.string() + ".lock"));
}

TEST_F(SqliteOpenTest, RefusesAPlanThatLostItsFileButNotItsJournal) {
  write_bytes(dir_ / "plan.db-wal", std::string(4128, 'w'));
  expect_refused(ErrorCode::corrupt, "latest changes are still in");
}

TEST_F(SqliteOpenTest, ReadsWhatACrashLeftInTheLog) {
  const auto store = must_open(file_);
  ASSERT_TRUE(store->commit(put_all(one_of_each())).ok());
  const TempDir copy;
  copy_as_after_a_crash(dir_.path(), copy.path());
  ASSERT_GT(fs::file_size(copy / "plan.db-wal"), 0U);
  EXPECT_THAT(*must_open(copy / "plan.db")->load(), UnorderedElementsAreArray(one_of_each()));
}

TEST_F(SqliteOpenTest, WaitsOnlyAMomentForAnotherProgramThatWrites) {
  const auto store = must_open(file_, {.busy = std::chrono::milliseconds(50)});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto before = std::chrono::steady_clock::now();
  const auto done = store->commit({put(sample_network())});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::storage);
  EXPECT_THAT(done.error().message(), HasSubstr("another process is using"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  EXPECT_TRUE(store->commit({put(sample_network())}).ok());
  sqlite3_close(other);
}

TEST_F(SqliteOpenTest, AReaderDoesNotHoldUpACommit) {
  const auto store = must_open(file_, {.busy = std::chrono::milliseconds(0)});
  ASSERT_TRUE(store->commit(put_all(one_of_each())).ok());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN; SELECT * FROM networks", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(store->commit({erase(sample_claim())}).ok());
  sqlite3_close(other);
}

TEST_F(SqliteOpenTest, NothingIsStoredInAFileThatWasMovedAway) {
  const auto store = must_open(file_);
  ASSERT_TRUE(store->commit({put(sample_network())}).ok());
  fs::rename(file_, dir_ / "elsewhere.db");
  const auto done = store->commit({put(sample_reservation())});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::storage);
  EXPECT_THAT(done.error().message(), HasSubstr("was moved or deleted"));
  fs::rename(dir_ / "elsewhere.db", file_);
  EXPECT_TRUE(store->commit({put(sample_reservation())}).ok());
}

// As root a directory's permissions mean nothing: become nobody. Gives the error's code and message.
std::string error_as_nobody(const fs::path& file) {
  return in_child([&]() -> std::string {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return "can't become nobody";
    const auto store = store::SqliteStore::open(file);
    return store.ok() ? "opened" : fmt::format("{}: {}", to_string(store.error().code), store.error().message());
  });
}

TEST_F(SqliteOpenTest, SaysSoWhenTheDirectoryIsNotWritable) {
  fs::permissions(dir_.path(), fs::perms(0555));
  EXPECT_EQ(error_as_nobody(file_),
            fmt::format("denied: {}.lock can't be made, to lock the plan with: Permission denied", file_.string()));
  const fs::path parent = dir_ / "new";
  EXPECT_EQ(error_as_nobody(parent / "plan.db"),
            fmt::format("denied: the directory {} can't be made: Permission denied", parent.string()));
  fs::permissions(dir_.path(), fs::perms(0755));
}

TEST_F(SqliteOpenTest, SaysSoWhenThePlanIsSomebodyElses) {
  make_plan(file_);
  fs::permissions(dir_.path(), fs::perms(0755));
  fs::permissions(file_, fs::perms(0000));
  EXPECT_EQ(error_as_nobody(file_),
            fmt::format("denied: {} can't be read and written: Permission denied", file_.string()));
}

TEST_F(SqliteOpenTest, SaysSoOnAReadOnlyFileSystem) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs the right to mount";
  make_plan(file_);
  const auto before = contents(dir_.path());
  const std::string answer = in_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0) return "can't unshare";
    const char* dir = dir_.path().c_str();
    if (::mount(dir, dir, "", MS_BIND, nullptr) != 0) return "can't mount";
    if (::mount("", dir, "", MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) return "can't remount";
    for (const fs::path& file : {file_, dir_ / "other.db", dir_ / "new" / "plan.db"}) {
      const auto store = store::SqliteStore::open(file);
      if (store.ok()) return "was opened";
      if (store.error().code != ErrorCode::storage) return std::string(to_string(store.error().code));
      if (store.error().message().find("Read-only file system") == std::string::npos) return store.error().message();
    }
    return "";
  });
  EXPECT_EQ(answer, "");
  EXPECT_EQ(contents(dir_.path()), before);
}

}  // namespace
}  // namespace bayplan
