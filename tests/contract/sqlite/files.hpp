// Helpers of the tests that look at a plan's files: bytes, listings, and SQLite behind the store's back.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "store/sqlite/sqlite_store.hpp"
#include "support/sample_records.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::testing {

inline std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// The same records in any order. For many of them, or large ones: gmock's matcher prints each pair.
inline bool same(const std::vector<model::Record>& a, const std::vector<model::Record>& b) {
  return std::ranges::is_permutation(a, b);
}

// Every file of a directory with its contents, the lock file left out.
inline std::map<std::string, std::string> contents(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".lock") files[entry.path().filename()] = read_bytes(entry.path());
  }
  return files;
}

// What a crash leaves of the plan in `from`: its files as they are now, without locks and shared memory.
inline void copy_as_after_a_crash(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const auto& [name, bytes] : contents(from)) {
    if (!name.ends_with("-shm")) write_bytes(to / name, bytes);
  }
}

// Runs SQL on a file as somebody with the sqlite3 tool would.
inline void run_sql(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_free(message);
  sqlite3_close(connection);
}

inline std::unique_ptr<store::SqliteStore> must_open(const std::filesystem::path& file,
                                                     const store::SqliteOptions& options = {}) {
  auto store = store::SqliteStore::open(file, options);
  if (!store.ok()) throw std::runtime_error(store.error().message());
  return std::move(store).value();
}

// Makes a plan with one of each record and closes it.
inline void make_plan(const std::filesystem::path& file) {
  const auto done = must_open(file)->commit(put_all(one_of_each()));
  ASSERT_TRUE(done.ok()) << done.error().message();
}

}  // namespace bayplan::testing
