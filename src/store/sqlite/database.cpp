#include "store/sqlite/database.hpp"

#include <sqlite3.h>

#include <array>
#include <cerrno>

#include "store/sqlite/errors.hpp"

namespace bayplan::store {
namespace {

// A path as SQLite's URI, with everything escaped that means something in one (sqlite.org/uri.html).
std::string to_uri(const std::filesystem::path& file, std::string_view query) {
  std::string uri = "file:";
  for (const char c : file.string()) {
    const bool plain = c != '?' && c != '#' && c != '%' && static_cast<unsigned char>(c) > 0x20;
    uri += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return uri + std::string(query);
}

int open_handle(const std::filesystem::path& file, Database::Mode mode, sqlite3** handle) {
  switch (mode) {
    case Database::Mode::read_write:
      return sqlite3_open_v2(to_uri(file, "").c_str(), handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, nullptr);
    case Database::Mode::immutable:
      return sqlite3_open_v2(to_uri(file, "?immutable=1").c_str(), handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                             nullptr);
    case Database::Mode::memory:
      return sqlite3_open_v2(":memory:", handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  }
  return SQLITE_MISUSE;
}

// A damaged or malicious file may not run code, write to the schema, or have a typo taken for a string.
void harden(sqlite3* connection) {
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_exec(connection, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", nullptr, nullptr, nullptr);
}

}  // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Result<bool> Statement::step() {
  errno = 0;
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return to_error(sqlite3_db_handle(statement_.get()));
}

Result<> Statement::run() {
  const auto stepped = step();
  reset();
  if (!stepped.ok()) return stepped.error();
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

Result<> Statement::bound(int result) const {
  if (result == SQLITE_OK) return {};
  return to_error(sqlite3_db_handle(statement_.get()));
}

Result<> Statement::bind(int parameter, std::int64_t value) {
  return bound(sqlite3_bind_int64(statement_.get(), parameter, value));
}

Result<> Statement::bind_text(int parameter, std::string_view value) {
  // A null pointer would bind NULL: an empty view may have one.
  const char* data = value.empty() ? "" : value.data();
  return bound(sqlite3_bind_text64(statement_.get(), parameter, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Result<> Statement::bind_blob(int parameter, std::span<const std::uint8_t> value) {
  const void* data = value.empty() ? static_cast<const void*>("") : value.data();
  return bound(sqlite3_bind_blob64(statement_.get(), parameter, data, value.size(), SQLITE_TRANSIENT));
}

Result<> Statement::bind_null(int parameter) {
  return bound(sqlite3_bind_null(statement_.get(), parameter));
}

int Statement::columns() const {
  return sqlite3_column_count(statement_.get());
}

std::string_view Statement::column_name(int column) const {
  const char* name = sqlite3_column_name(statement_.get(), column);
  return name == nullptr ? "" : name;
}

Statement::Type Statement::type(int column) const {
  switch (sqlite3_column_type(statement_.get(), column)) {
    case SQLITE_INTEGER:
      return Type::integer;
    case SQLITE_FLOAT:
      return Type::real;
    case SQLITE_TEXT:
      return Type::text;
    case SQLITE_BLOB:
      return Type::blob;
    default:
      return Type::null;
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::bytes(int column) const {
  // The pointer first, then the size: the first call may convert the value.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

void Database::Closer::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Result<Database> Database::open(const std::filesystem::path& file, Mode mode, std::chrono::milliseconds busy) {
  Database database;
  sqlite3* handle = nullptr;
  errno = 0;
  const int result = open_handle(file, mode, &handle);
  database.connection_.reset(handle);  // also after a failure there is something to close
  if (handle == nullptr) return fail(ErrorCode::internal, "SQLite can't be started: out of memory");
  if (result != SQLITE_OK) return to_error(handle, file.string());
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(busy.count()));
  harden(handle);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  errno = 0;
  const int result = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return to_error(connection_.get());
  return Statement(statement);
}

Result<> Database::execute(const std::string& sql) {
  errno = 0;
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return to_error(connection_.get());
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  auto statement = TRY(prepare(sql));
  if (!TRY(statement.step())) return fail(ErrorCode::internal, "'{}' gave no row", sql);
  return statement.integer(0);
}

Result<std::string> Database::text(std::string_view sql) {
  auto statement = TRY(prepare(sql));
  if (!TRY(statement.step())) return fail(ErrorCode::internal, "'{}' gave no row", sql);
  return std::string(statement.bytes(0));
}

Result<> Database::begin() {
  return execute("BEGIN IMMEDIATE");
}

Result<> Database::commit() {
  return execute("COMMIT");
}

void Database::roll_back() {
  if (sqlite3_get_autocommit(connection_.get()) == 0) {
    sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<std::string> Database::header() {
  constexpr sqlite3_int64 kHeaderSize = 100;  // sqlite.org/fileformat.html, 1.3
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (file == nullptr || file->pMethods == nullptr) return fail(ErrorCode::internal, "SQLite has not opened its file");
  std::string header(kHeaderSize, '\0');
  sqlite3_int64 size = 0;
  int result = file->pMethods->xFileSize(file, &size);
  if (result == SQLITE_OK) {
    header.resize(static_cast<std::size_t>(std::min(size, kHeaderSize)));
    result = file->pMethods->xRead(file, header.data(), static_cast<int>(header.size()), 0);
  }
  if (result != SQLITE_OK) return to_error(result, sqlite3_errstr(result), file_of(connection_.get()));
  return header;
}

bool Database::in_place() const {
  int moved = 0;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved == 0;
}

bool Database::read_only() const {
  return sqlite3_db_readonly(connection_.get(), "main") != 0;
}

void Database::keep_log_on_close() {
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Database::empty_log() {
  sqlite3_wal_checkpoint_v2(connection_.get(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

}  // namespace bayplan::store
