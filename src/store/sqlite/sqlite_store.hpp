// The plan in one SQLite file: the default store, with nothing to set up.
//
// Cost of a commit: one fsync of the write-ahead log, and work in proportion to its changes, not to what is stored.
// Opening reads the whole file once, to be sure of it. A commit waits at most `busy` for another process that is
// writing into the file (nobody should). The file may be copied or read with sqlite3(1) while the daemon runs.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "ports/plan_store.hpp"
#include "store/sqlite/file_lock.hpp"
#include "store/sqlite/schema.hpp"

namespace bayplan::store {

struct SqliteOptions {
  std::chrono::milliseconds busy{2000};
  Migrations migrations = store::migrations();
};

class SqliteStore final : public ports::PlanStore {
 public:
  // Opens the plan, making the file (0600) and its directories (0700) if they are missing, and bringing an older
  // schema up to date. A file that can't be used is left untouched: `corrupt` (not a plan, or damaged), `newer`,
  // `in_use` (another daemon has it: the message names the process), `invalid` (a directory), `denied`, `storage`
  // (read-only, full disk, another program is writing).
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& file,
                                                   const SqliteOptions& options = {});

  // Keeps daemons off a plan as long as the lock lives, whatever state it is in: it is not looked at, and nothing is
  // made. `in_use` when a daemon has it. Nothing when there is no such plan, or none that any daemon used.
  static Result<std::optional<FileLock>> lock_out(const std::filesystem::path& file);

  Result<std::vector<model::Record>> load() override;
  Result<> commit(const model::ChangeSet& changes) override;

 private:
  struct Statements {
    Statement put;
    Statement erase;
  };

  SqliteStore(std::filesystem::path file, FileLock lock, Database database)
      : file_(std::move(file)), lock_(std::move(lock)), database_(std::move(database)) {}
  Result<> start(Migrations migrations);
  Result<> apply(const model::Change& change);
  Result<> apply_all(const model::ChangeSet& changes);

  // The order matters when it ends: statements before their connection, and the lock last.
  std::filesystem::path file_;
  FileLock lock_;
  Database database_;
  std::vector<Statements> statements_;  // by the index of the record's type
};

}  // namespace bayplan::store
