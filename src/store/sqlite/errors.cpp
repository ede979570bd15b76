#include "store/sqlite/errors.hpp"

#include <sqlite3.h>

#include <cerrno>

namespace bayplan::store {
namespace {

bool is_clash_of_records(int code) {
  return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
         code == SQLITE_CONSTRAINT_FOREIGNKEY;
}

// A full disk where SQLite does not look for one (the shared-memory index; a quota), and a file system that turned
// read-only while the file was open, come as input/output errors. (sqlite3_system_errno is not set where COMMIT fails.)
int told_apart(int code, int error_number) {
  if ((code & 0xff) != SQLITE_IOERR) return code;
  if (error_number == ENOSPC || error_number == EDQUOT) return SQLITE_FULL;
  return error_number == EROFS ? SQLITE_READONLY : code;
}

}  // namespace

Error corrupt_file(std::string_view file, std::string_view what) {
  return fail(ErrorCode::corrupt,
              "{0} can't be read as a plan: {1}. It was left as it is: put back a copy of it and delete {0}-wal and "
              "{0}-shm (the copy must not meet the old one's changes), or move all of them away to start with an empty "
              "plan",
              file, what);
}

Error to_error(int code, std::string_view message, std::string_view file) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fail(ErrorCode::storage, "the disk of {} is full: nothing was changed; make room and try again", file);
    case SQLITE_READONLY:
      return fail(ErrorCode::storage, "{} can't be written, it or its file system is read-only: nothing was changed",
                  file);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorCode::storage,
                  "another process is using {} and did not let go in time: nothing was changed; end it (fuser -v shows "
                  "which) and try again",
                  file);
    case SQLITE_IOERR:
      return fail(ErrorCode::storage,
                  "{} can't be read or written ({}, code {}): nothing was changed; see the kernel's log for its disk",
                  file, message, code);
    case SQLITE_CANTOPEN:
      return fail(ErrorCode::storage, "{} can't be opened ({}): nothing was changed", file, message);
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fail(ErrorCode::denied, "{} can't be opened: no right to it", file);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt_file(file, message);
    default:
      break;
  }
  if (is_clash_of_records(code)) {
    return fail(ErrorCode::conflict, "it clashes with another record ({}): nothing was changed", message);
  }
  return fail(ErrorCode::internal, "SQLite refused a request for {} ({}, code {}): nothing was changed", file, message,
              code);
}

Error to_error(sqlite3* connection, std::string_view file) {
  const int error_number = errno;
  const int code = sqlite3_extended_errcode(connection);
  return to_error(told_apart(code, error_number), sqlite3_errmsg(connection), file);
}

Error to_error(sqlite3* connection) {
  return to_error(connection, file_of(connection));
}

std::string file_of(sqlite3* connection) {
  const char* name = sqlite3_db_filename(connection, "main");
  return name == nullptr ? "" : name;
}

}  // namespace bayplan::store
