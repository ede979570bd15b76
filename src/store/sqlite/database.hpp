// SQLite's C API with owners and Results: a connection and its prepared statements.
//
// A connection and its statements belong to one thread. No wait is unbounded: another process's lock is waited for as
// long as `busy` says. Statements must go before their connection.
// Source: sqlite.org/c3ref, sqlite.org/rescode.html.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace bayplan::store {

// A prepared statement. Parameters count from 1, columns from 0, as in the C API.
class Statement {
 public:
  enum class Type { integer, real, text, blob, null };

  // Runs up to the next row: true when there is one. What fails says the file and what to do; see to_error.
  Result<bool> step();
  // Runs a statement that gives no rows, and resets it.
  Result<> run();
  // Ready to be run again, without parameters.
  void reset();

  Result<> bind(int parameter, std::int64_t value);
  Result<> bind_text(int parameter, std::string_view value);               // copied
  Result<> bind_blob(int parameter, std::span<const std::uint8_t> value);  // copied
  Result<> bind_null(int parameter);

  [[nodiscard]] int columns() const;
  [[nodiscard]] std::string_view column_name(int column) const;
  [[nodiscard]] Type type(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  // Of a text or blob; valid until the next step or reset.
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Result<> bound(int result) const;

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

class Database {
 public:
  enum class Mode {
    read_write,  // the file must exist
    immutable,   // reads the file alone, as it is: takes no lock, looks at no journal, makes no file beside it
    memory,      // a database of its own, in memory
  };
  static Result<Database> open(const std::filesystem::path& file, Mode mode, std::chrono::milliseconds busy);

  Result<Statement> prepare(std::string_view sql);
  // Runs statements whose rows nobody wants.
  Result<> execute(const std::string& sql);
  // The one value of the first row.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  // Takes the write lock at once, so that a transaction can't fail half-way because another process came first.
  Result<> begin();
  Result<> commit();
  // Ends a transaction if one is open.
  void roll_back();

  // The file's first 100 bytes as they are on disk, fewer if it is shorter. Through SQLite's own descriptor: closing
  // another one would drop every lock this process holds on the file (POSIX, fcntl(2)).
  Result<std::string> header();
  // False once somebody moved or deleted the file: what is then written is lost.
  [[nodiscard]] bool in_place() const;
  [[nodiscard]] bool read_only() const;
  // Closing writes nothing into the file, what stands in its write-ahead log stays there.
  void keep_log_on_close();
  // Moves what is committed from the write-ahead log into the file and empties the log, if nobody prevents it.
  void empty_log();

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Closer> connection_;
};

}  // namespace bayplan::store
