// Schema versions: an older plan is brought up to date, or stays what it was.
#include <gmock/gmock.h>

#include "contract/sqlite/files.hpp"
#include "store/sqlite/seal.hpp"

namespace bayplan {
namespace {

using namespace bayplan::testing;  // NOLINT
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;
namespace fs = std::filesystem;
using Scripts = std::vector<std::string_view>;

constexpr std::string_view kAddsTable =
    "CREATE TABLE notes (name TEXT NOT NULL PRIMARY KEY, seal INTEGER NOT NULL) STRICT;"
    "INSERT INTO notes SELECT identity, 0 FROM reservations";
constexpr std::string_view kAddsColumn = "ALTER TABLE claims ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";
constexpr std::string_view kFails = "UPDATE claims SET identity = 'changed'; INSERT INTO nowhere VALUES (1)";
constexpr std::string_view kBreaksReferences = "DELETE FROM networks";

// This program's schema, and later versions that are made up.
Scripts with(std::initializer_list<std::string_view> later) {
  Scripts scripts(store::migrations().begin(), store::migrations().end());
  scripts.insert(scripts.end(), later);
  return scripts;
}

class SqliteMigrationTest : public ::testing::Test {
 protected:
  void SetUp() override { make_plan(file_); }
  Result<std::unique_ptr<store::SqliteStore>> open(const Scripts& scripts) {
    return store::SqliteStore::open(file_, {.migrations = scripts});
  }
  store::Database database() {
    return std::move(store::Database::open(file_, store::Database::Mode::read_write, {})).value();
  }
  int version_in_the_file() {
    const auto bytes = read_bytes(file_);
    return static_cast<unsigned char>(bytes.at(63));
  }

  TempDir dir_{TempDir::Place::in_memory};
  fs::path file_ = dir_ / "plan.db";
};

TEST_F(SqliteMigrationTest, ANewPlanHasTheVersionThatThisProgramKnows) {
  EXPECT_EQ(version_in_the_file(), static_cast<int>(store::migrations().size()));
}

TEST_F(SqliteMigrationTest, AnOlderPlanIsBroughtUpToDateWithAllItsRecords) {
  const auto scripts = with({kAddsTable, "CREATE INDEX notes_name ON notes (name)"});
  const auto store = open(scripts);
  ASSERT_TRUE(store.ok()) << store.error().message();
  EXPECT_THAT(*(*store)->load(), UnorderedElementsAreArray(one_of_each()));
  // In the file itself, not only in the log: an older program must see it without the log.
  EXPECT_EQ(version_in_the_file(), static_cast<int>(scripts.size()));
  EXPECT_EQ(*database().integer("SELECT count(*) FROM notes"), 1);
}

TEST_F(SqliteMigrationTest, AnUnfinishedLogIsCarriedOverBeforeTheMigration) {
  const auto store = must_open(file_);
  ASSERT_TRUE(store->commit({put(sample_reservation("late", "172.16.1.200"))}).ok());
  const TempDir copy(TempDir::Place::in_memory);
  copy_as_after_a_crash(dir_.path(), copy.path());
  ASSERT_TRUE(fs::exists(copy / "plan.db-wal"));
  const auto scripts = with({kAddsTable});
  const auto migrated = must_open(copy / "plan.db", {.migrations = scripts});
  EXPECT_EQ(migrated->load()->size(), one_of_each().size() + 1);
}

TEST_F(SqliteMigrationTest, APlanOfALaterVersionIsNewerAndUntouched) {
  const auto scripts = with({kAddsTable});
  ASSERT_TRUE(open(scripts).ok());
  const auto before = contents(dir_.path());
  const auto store = store::SqliteStore::open(file_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::newer);
  EXPECT_EQ(contents(dir_.path()), before);
}

TEST_F(SqliteMigrationTest, OneThatFailsLeavesThePlanAsTheLastThatSucceeded) {
  const auto store = open(with({kFails}));
  ASSERT_FALSE(store.ok());
  const std::size_t next = store::migrations().size() + 1;
  EXPECT_THAT(store.error().message(), HasSubstr(fmt::format("migrate the plan to schema version {}", next)));
  EXPECT_THAT(*must_open(file_)->load(), UnorderedElementsAreArray(one_of_each()));

  ASSERT_FALSE(open(with({kAddsTable, kFails})).ok());
  EXPECT_EQ(version_in_the_file(), static_cast<int>(next));
  EXPECT_TRUE(open(with({kAddsTable})).ok());
}

TEST_F(SqliteMigrationTest, OneThatLosesWhatIsReferredToIsRefused) {
  const auto store = open(with({kBreaksReferences}));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(*must_open(file_)->load(), UnorderedElementsAreArray(one_of_each()));
}

// As a baypland of version 1 of the schema left it.
TEST_F(SqliteMigrationTest, NetworksOfTheFirstVersionAreRepairedAsTheyWere) {
  const fs::path old = dir_ / "old.db";
  {
    run_sql(old, "PRAGMA user_version = 0");
    auto file = std::move(store::Database::open(old, store::Database::Mode::read_write, {})).value();
    ASSERT_TRUE(store::migrate(file, store::migrations().first(1)).ok());
    ASSERT_TRUE(file.execute("INSERT INTO networks VALUES ('vlan100', 100, x'ac100100', 24, x'ac100101', '', '', "
                             "'bridge', '', NULL, 1, 7, 0, 0)")
                    .ok());
    ASSERT_TRUE(store::renew_seals(file).ok());
  }
  const auto records = *must_open(old)->load();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_TRUE(std::get<model::Network>(records.front()).repair);
  EXPECT_FALSE(std::get<model::Network>(records.front()).host_address);
}

TEST_F(SqliteMigrationTest, RowsAreSealedAgainWhenTheirColumnsChange) {
  const auto scripts = with({kAddsColumn});
  auto file = database();
  ASSERT_TRUE(file.execute("PRAGMA journal_mode = DELETE").ok());
  const auto done = store::migrate(file, scripts);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_TRUE(store::verify_seals(file).ok());
  ASSERT_TRUE(file.execute("UPDATE claims SET note = 'tampered'").ok());
  EXPECT_EQ(store::verify_seals(file).error().code, ErrorCode::corrupt);
}

TEST_F(SqliteMigrationTest, ADamagedRowIsNotSealedAnew) {
  auto file = database();
  ASSERT_TRUE(file.execute("PRAGMA journal_mode = DELETE; UPDATE claims SET identity = 'damaged'").ok());
  const auto done = store::migrate(file, with({kAddsColumn}));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::corrupt);
  EXPECT_EQ(*file.integer("PRAGMA user_version"), static_cast<std::int64_t>(store::migrations().size()));
}

TEST_F(SqliteMigrationTest, ARowOfAStateThatThisVersionDoesNotKnowIsNamedAndNotGuessed) {
  // As a bug of another version could have written it: its seal is right.
  {
    auto file = database();
    ASSERT_TRUE(file.execute("UPDATE reservations SET state = 'lost'").ok());
    ASSERT_TRUE(store::renew_seals(file).ok());
  }
  const auto store = store::SqliteStore::open(file_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::corrupt);
  EXPECT_THAT(store.error().message(), HasSubstr("table reservations, row vlan100 web"));
  EXPECT_THAT(store.error().message(), HasSubstr("'lost' is not a reservation state"));
}

}  // namespace
}  // namespace bayplan
