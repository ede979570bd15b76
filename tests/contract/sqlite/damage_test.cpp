// Damaged files: an error or the right data, never anything else; and the damaged file stays as it is.
#include <gmock/gmock.h>

#include <random>

#include "contract/sqlite/files.hpp"

namespace bayplan {
namespace {

using namespace bayplan::testing;  // NOLINT
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<model::Record> plan() {
  auto records = one_of_each();
  for (int i = 100; i < 160; ++i) {
    records.emplace_back(sample_reservation(fmt::format("container-{}", i), fmt::format("172.16.1.{}", i)));
    records.emplace_back(sample_attachment(fmt::format("172.16.1.{}", i), fmt::format("endpoint-{}", i)));
  }
  return records;
}

class SqliteDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = must_open(file_);
    ASSERT_TRUE(store->commit(put_all(plan_)).ok());
    const TempDir copy(TempDir::Place::in_memory);
    copy_as_after_a_crash(dir_.path(), copy.path());
    files_after_a_crash_ = contents(copy.path());
    store.reset();
    bytes_ = read_bytes(file_);
  }

  // True if it was refused.
  bool expect_error_or_plan(const std::map<std::string, std::string>& files) {
    for (const char* suffix : {"-wal", "-shm", "-journal"}) fs::remove(file_.string() + suffix);
    for (const auto& [name, bytes] : files) write_bytes(dir_ / name, bytes);
    auto store = store::SqliteStore::open(file_);
    if (store.ok()) {
      EXPECT_TRUE(same(*(*store)->load(), plan_));
      return false;
    }
    const auto code = store.error().code;
    EXPECT_TRUE(code == ErrorCode::corrupt || code == ErrorCode::newer) << store.error().message();
    EXPECT_EQ(read_bytes(file_), files.at("plan.db"));
    return true;
  }

  // As somebody changes the file without knowing better.
  void expect_refused_after(const std::string& sql, const std::string& words) {
    run_sql(file_, sql);
    const auto before = contents(dir_.path());
    const auto store = store::SqliteStore::open(file_);
    ASSERT_FALSE(store.ok()) << sql;
    EXPECT_EQ(store.error().code, ErrorCode::corrupt);
    EXPECT_THAT(store.error().message(), HasSubstr(words));
    EXPECT_THAT(store.error().message(), HasSubstr(file_.string()));
    EXPECT_EQ(contents(dir_.path()), before);
  }

  TempDir dir_{TempDir::Place::in_memory};
  fs::path file_ = dir_ / "plan.db";
  const std::vector<model::Record> plan_ = plan();
  std::string bytes_;
  std::map<std::string, std::string> files_after_a_crash_;
};

TEST_F(SqliteDamageTest, AnyByteOfTheHeader) {
  for (std::size_t offset = 0; offset < 100 && !HasFailure(); ++offset) {
    SCOPED_TRACE(offset);
    for (const char flip : {'\x01', '\xff'}) {
      auto damaged = bytes_;
      damaged[offset] = static_cast<char>(damaged[offset] ^ flip);
      expect_error_or_plan({{"plan.db", damaged}});
    }
  }
}

TEST_F(SqliteDamageTest, AnyBitOfTheFile) {
  std::mt19937 random(1);  // NOLINT: the same damage each time
  int refused = 0;
  for (int i = 0; i < 400 && !HasFailure(); ++i) {
    auto damaged = bytes_;
    const std::size_t offset = random() % damaged.size();
    SCOPED_TRACE(offset);
    damaged[offset] = static_cast<char>(damaged[offset] ^ (1 << (random() % 8)));
    refused += expect_error_or_plan({{"plan.db", damaged}}) ? 1 : 0;
  }
  EXPECT_GT(refused, 100);
}

TEST_F(SqliteDamageTest, ABlockOfZeros) {
  for (std::size_t offset = 0; offset < bytes_.size() && !HasFailure(); offset += 512) {
    SCOPED_TRACE(offset);
    auto damaged = bytes_;
    damaged.replace(offset, 512, std::string(512, '\0'));
    expect_error_or_plan({{"plan.db", damaged}});
  }
}

TEST_F(SqliteDamageTest, AFileThatWasCutOff) {
  for (std::size_t size = 0; size < bytes_.size() && !HasFailure(); size += 1024) {
    SCOPED_TRACE(size);
    EXPECT_TRUE(expect_error_or_plan({{"plan.db", bytes_.substr(0, size)}}));
  }
}

TEST_F(SqliteDamageTest, TheFileOfAPlanWhoseLogWasNotCarriedOver) {
  std::mt19937 random(2);  // NOLINT
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    auto files = files_after_a_crash_;
    auto& damaged = files.at("plan.db");
    const std::size_t offset = i < 100 ? static_cast<std::size_t>(i) : random() % damaged.size();
    SCOPED_TRACE(offset);
    damaged[offset] = static_cast<char>(damaged[offset] ^ (1 << (random() % 8)));
    expect_error_or_plan(files);
  }
}

TEST_F(SqliteDamageTest, AValueThatWasChangedBehindTheStoresBackIsNamedByTableAndRow) {
  expect_refused_after("UPDATE reservations SET mac = x'020000000001' WHERE identity = 'container-123'",
                       "table reservations: the row that begins with 'vlan100' 'container-123' is damaged");
}

TEST_F(SqliteDamageTest, ARowThatWasPutInBehindTheStoresBackIsRefused) {
  expect_refused_after("INSERT INTO owed_starts VALUES ('t', 'n', 1, 2)", "table owed_starts");
}

TEST_F(SqliteDamageTest, ARowWithoutItsNetworkIsRefused) {
  expect_refused_after("DELETE FROM networks", "refers to a row that table networks does not have");
}

// With it, a later put would not find the row that it has to replace, or clash with.
TEST_F(SqliteDamageTest, AnIndexThatDisagreesWithItsTableIsRefused) {
  const std::string entry = "vlan100\xac\x10\x01\x7b";  // in the indexes of (network, address)
  std::size_t found = 0;
  for (auto at = bytes_.find(entry); at != std::string::npos; at = bytes_.find(entry, at + 1)) {
    SCOPED_TRACE(at);
    auto damaged = bytes_;
    damaged[at + entry.size() - 1] ^= 0x40;
    EXPECT_TRUE(expect_error_or_plan({{"plan.db", damaged}}));
    ++found;
  }
  EXPECT_GE(found, 3U);  // two indexes, and the attachments themselves
}

TEST_F(SqliteDamageTest, AnIndexThatWasDroppedIsRefused) {
  expect_refused_after("DROP INDEX attachments_endpoint", "its tables are not those of schema version");
}

TEST_F(SqliteDamageTest, ATriggerThatWasAddedIsRefused) {
  expect_refused_after("CREATE TRIGGER t AFTER INSERT ON claims BEGIN DELETE FROM claims; END",
                       "its tables are not those of schema version");
}

TEST_F(SqliteDamageTest, StatisticsOfAnalyzeDoNoHarm) {
  run_sql(file_, "ANALYZE");
  EXPECT_TRUE(same(*must_open(file_)->load(), plan_));
}

TEST_F(SqliteDamageTest, VacuumDoesNoHarm) {
  run_sql(file_, "VACUUM");
  EXPECT_TRUE(same(*must_open(file_)->load(), plan_));
}

}  // namespace
}  // namespace bayplan
