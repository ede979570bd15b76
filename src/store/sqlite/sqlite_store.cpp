#include "store/sqlite/sqlite_store.hpp"

#include "store/sqlite/plan_file.hpp"
#include "store/sqlite/tables.hpp"

namespace bayplan::store {
namespace {

Result<> use_write_ahead_log(Database& database, const std::filesystem::path& file) {
  if (TRY(database.text("PRAGMA journal_mode = WAL")) == "wal") return {};
  return fail(ErrorCode::unsupported,
              "{} can't have a write-ahead log: its file system has no shared memory; put the plan on a local disk",
              file.string());
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file,
                                                       const SqliteOptions& options) {
  const auto path = TRY(resolve(file));
  TRY(look_at(path, options.migrations));
  auto lock = TRY(FileLock::take(path));
  // Again, under the lock: until now another daemon may have been making it.
  if (!TRY(look_at(path, options.migrations))) TRY(create(path, options.migrations));
  TRY(verify(path, options.migrations, options.busy));
  auto database = TRY(Database::open(path, Database::Mode::read_write, options.busy));
  std::unique_ptr<SqliteStore> store(new SqliteStore(path, std::move(lock), std::move(database)));
  TRY(store->start(options.migrations));
  return store;
}

Result<std::optional<FileLock>> SqliteStore::lock_out(const std::filesystem::path& file) {
  const auto path = resolve_existing(file);
  if (!path) return std::optional<FileLock>();
  return FileLock::take_existing(*path);
}

Result<> SqliteStore::start(Migrations migrations) {
  if (database_.read_only()) {
    return fail(ErrorCode::storage, "{} can't be written: it or its file system is read-only", file_.string());
  }
  TRY(database_.execute("PRAGMA synchronous = FULL"));
  if (TRY(database_.integer("PRAGMA user_version")) < static_cast<std::int64_t>(migrations.size())) {
    TRY(database_.execute("PRAGMA journal_mode = DELETE"));  // so that the file's header changes with its tables
    TRY(migrate(database_, migrations));
  }
  TRY(use_write_ahead_log(database_, file_));
  TRY(database_.execute("PRAGMA foreign_keys = ON"));
  for (const Table* table : tables()) {
    auto put = TRY(database_.prepare(table->put_sql()));
    auto erase = TRY(database_.prepare(table->erase_sql()));
    statements_.push_back({std::move(put), std::move(erase)});
  }
  return {};
}

Result<std::vector<model::Record>> SqliteStore::load() {
  return read_all(database_).in(fmt::format("read {}", file_.string()));
}

Result<> SqliteStore::commit(const model::ChangeSet& changes) {
  if (changes.empty()) return {};
  if (!database_.in_place()) {
    return fail(ErrorCode::storage,
                "{} was moved or deleted while it was in use: nothing was changed; put it back, or restart baypland",
                file_.string());
  }
  TRY(database_.begin());
  auto done = apply_all(changes);
  if (!done.ok()) {
    database_.roll_back();
    return done;
  }
  done = database_.commit();
  if (done.ok()) return done;
  database_.roll_back();
  // When only the sync failed, the log has the whole transaction, and would bring it back after a crash.
  if (done.error().code == ErrorCode::storage) database_.empty_log();
  return done;
}

Result<> SqliteStore::apply_all(const model::ChangeSet& changes) {
  for (const model::Change& change : changes) {
    auto done = apply(change);
    if (done.ok()) continue;
    // A full disk is no matter of this record; a clash is.
    if (done.error().code == ErrorCode::storage) return done;
    return std::move(done).in(fmt::format("store the {}", describe(change.record)));
  }
  return {};
}

Result<> SqliteStore::apply(const model::Change& change) {
  const Table& table = *tables()[change.record.index()];
  Statements& statements = statements_[change.record.index()];
  const bool is_put = change.kind == model::Change::Kind::put;
  Statement& statement = is_put ? statements.put : statements.erase;
  RowWriter row(statement);
  table.write_key(row, change.record);
  if (is_put) {
    table.write_values(row, change.record);
    row.seal();
  }
  TRY(row.finish());
  return statement.run();
}

}  // namespace bayplan::store
