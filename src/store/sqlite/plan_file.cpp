#include "store/sqlite/plan_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/unique_fd.hpp"
#include "store/sqlite/errors.hpp"
#include "store/sqlite/seal.hpp"
#include "store/sqlite/tables.hpp"

namespace bayplan::store {
namespace {

namespace fs = std::filesystem;

fs::path beside(const fs::path& file, std::string_view suffix) {
  return file.string() + std::string(suffix);
}

// What SQLite keeps beside a file that was not closed: changes that are not in the file yet, or not out of it.
bool has_journal(const fs::path& file) {
  const auto filled = [](const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    return !error && size > 0;
  };
  return filled(beside(file, "-wal")) || filled(beside(file, "-journal"));
}

Result<> make_directories(const fs::path& directory) {
  if (directory.has_relative_path()) TRY(make_directories(directory.parent_path()));
  struct stat found{};
  if (::stat(directory.c_str(), &found) == 0) return {};  // a file in its place will be told by what comes next
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail_errno(ErrorCode::storage, fmt::format("the directory {} can't be made", directory.string()), errno);
}

Result<fs::path> absolute_path(const fs::path& file) {
  std::error_code error;
  fs::path absolute = fs::absolute(file, error).lexically_normal();
  if (!file.empty() && !error && absolute.has_filename()) return absolute;
  return fail(ErrorCode::invalid, "'{}' can't be a plan's file: give its path, e.g. /var/lib/bayplan/plan.db",
              file.string());
}

// Without links; all directories are there.
Result<fs::path> without_links(const fs::path& absolute) {
  std::error_code error;
  const fs::path directory = fs::canonical(absolute.parent_path(), error);
  if (error)
    return fail_errno(ErrorCode::storage, fmt::format("{} can't be reached", absolute.string()), error.value());
  const fs::path path = directory / absolute.filename();
  if (fs::is_symlink(fs::symlink_status(path, error))) {
    const fs::path target = fs::canonical(path, error);
    if (error)
      return fail_errno(ErrorCode::storage, fmt::format("the link {} can't be followed", path.string()), error.value());
    return target;
  }
  return path;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return value;
}

Result<> check_version(const fs::path& file, std::int64_t version, Migrations migrations) {
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (version > known) {
    return fail(ErrorCode::newer,
                "{} was written by a later version of Bayplan (schema {}, this version knows up to {}). It was left as "
                "it is: install that version again",
                file.string(), version, known);
  }
  if (version < 1) return corrupt_file(file.string(), fmt::format("there is no schema version {}", version));
  return {};
}

// The header's fields: sqlite.org/fileformat.html, 1.3.
Result<> check_header(const fs::path& file, std::string_view header, Migrations migrations) {
  if (header.empty()) return corrupt_file(file.string(), "it is empty, which a plan never is");
  if (header.size() < 100 || !header.starts_with(std::string_view("SQLite format 3\0", 16))) {
    return corrupt_file(file.string(), "it is not a SQLite database");
  }
  if (const auto id = big_endian(header, 68); id != static_cast<std::uint32_t>(kApplicationId)) {
    return corrupt_file(file.string(), fmt::format("it is a database of another program (application id {:#x})", id));
  }
  return check_version(file, static_cast<std::int32_t>(big_endian(header, 60)), migrations);
}

Result<> sync_directory(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && ::fsync(fd.get()) == 0) return {};
  return fail_errno(ErrorCode::storage, fmt::format("the directory {} can't be synced", directory.string()), errno);
}

Result<> fill(const fs::path& file, Migrations migrations) {
  const UniqueFd made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!made) return fail_errno(ErrorCode::storage, fmt::format("{} can't be made", file.string()), errno);
  auto database = TRY(Database::open(file, Database::Mode::read_write, {}));
  // A half-made file is thrown away: no journal on disk is needed to mend it.
  TRY(database.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL"));
  return migrate(database, migrations);
}

Result<> verify_contents(const fs::path& file, Database& database, Migrations migrations) {
  const auto found = TRY(database.text("PRAGMA integrity_check(1)"));
  if (found != "ok") return fail(ErrorCode::corrupt, "{}", found);
  const auto version = TRY(database.integer("PRAGMA user_version"));
  TRY(check_version(file, version, migrations));
  if (TRY(schema_text(database)) != TRY(expected_schema(migrations, version))) {
    return fail(ErrorCode::corrupt, "its tables are not those of schema version {}", version);
  }
  TRY(verify_seals(database));
  TRY(check_references(database));
  if (version == static_cast<std::int64_t>(store::migrations().size())) TRY(read_all(database));
  return {};
}

}  // namespace

Result<fs::path> resolve(const fs::path& file) {
  const fs::path absolute = TRY(absolute_path(file));
  TRY(make_directories(absolute.parent_path()));
  return without_links(absolute);
}

std::optional<fs::path> resolve_existing(const fs::path& file) {
  const auto absolute = absolute_path(file);
  if (!absolute.ok()) return std::nullopt;
  auto found = without_links(*absolute);
  return found.ok() ? std::optional(*std::move(found)) : std::nullopt;
}

Result<bool> look_at(const fs::path& file, Migrations migrations) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    if (!has_journal(file)) return false;
    return fail(
        ErrorCode::corrupt,
        "{0} is missing, though its latest changes are still in {0}-wal: put the file back, or move that one away "
        "too, to start with an empty plan",
        file.string());
  }
  if (error) return fail_errno(ErrorCode::storage, fmt::format("{} can't be reached", file.string()), error.value());
  if (status.type() != fs::file_type::regular) {
    return fail(ErrorCode::invalid, "{} is not a file: give the path of a plan's file", file.string());
  }
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
    return fail_errno(ErrorCode::storage, fmt::format("{} can't be read and written", file.string()), errno);
  }
  auto database = TRY(Database::open(file, Database::Mode::immutable, {}));
  const std::string header = TRY(database.header());
  TRY(check_header(file, header, migrations));
  return true;
}

Result<> create(const fs::path& file, Migrations migrations) {
  const fs::path draft = beside(file, ".new");
  ::unlink(draft.c_str());  // of a process that died here
  auto filled = fill(draft, migrations);
  if (filled.ok() && std::rename(draft.c_str(), file.c_str()) != 0) {
    filled = fail_errno(ErrorCode::storage, fmt::format("{} can't be made", file.string()), errno);
  }
  if (filled.ok()) return sync_directory(file.parent_path());
  ::unlink(draft.c_str());
  return std::move(filled).in(fmt::format("make {}", file.string()));
}

Result<> verify(const fs::path& file, Migrations migrations, std::chrono::milliseconds busy) {
  // With a journal, only SQLite can tell what the file contains; it then makes its shared-memory index beside it.
  const bool journal = has_journal(file);
  const auto mode = journal ? Database::Mode::read_write : Database::Mode::immutable;
  auto database = TRY(Database::open(file, mode, busy));
  database.keep_log_on_close();
  auto verified = verify_contents(file, database, migrations);
  if (verified.ok()) return verified;
  // Some damage SQLite reports as a request that it can't make sense of.
  const Error& error = verified.error();
  const bool damaged = error.code == ErrorCode::corrupt || error.code == ErrorCode::internal;
  if (!damaged || error.detail.starts_with(file.string())) return verified;
  return corrupt_file(file.string(), error.detail);
}

}  // namespace bayplan::store
