#include "contract/sqlite/faulty_vfs.hpp"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <utility>

namespace bayplan::testing {
namespace {

enum class Step { write, sync, truncate, remove };

struct Plan {
  std::size_t until = 0;  // steps before the fault
  std::size_t steps = 0;
  std::size_t syncs = 0;
  bool armed = false;
  bool lasting = false;
  bool happened = false;
  FaultyVfs::Fault fault = FaultyVfs::Fault::broken;
};

Plan plan;                        // NOLINT: SQLite's callbacks have no other way to it
sqlite3_vfs* real_vfs = nullptr;  // NOLINT
sqlite3_vfs faulty_vfs;           // NOLINT

struct File {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<File*>(file)->real();
}

// The result code to fail with, or SQLITE_OK to go on.
int take_step(Step step, const std::function<void()>& do_half) {
  ++plan.steps;
  if (!plan.armed) return SQLITE_OK;
  if (plan.until > 0) {
    --plan.until;
    return SQLITE_OK;
  }
  if (plan.fault == FaultyVfs::Fault::half_write) {
    do_half();
    ::kill(::getpid(), SIGKILL);
  }
  if (plan.fault == FaultyVfs::Fault::full && step != Step::write) return SQLITE_OK;
  if (plan.fault == FaultyVfs::Fault::over_quota && step != Step::write) return SQLITE_OK;
  if (plan.fault == FaultyVfs::Fault::read_only && step == Step::sync)
    return SQLITE_OK;  // nothing is left to be written
  plan.happened = true;
  plan.armed = plan.lasting;
  if (plan.fault == FaultyVfs::Fault::over_quota) errno = EDQUOT;
  if (plan.fault == FaultyVfs::Fault::read_only) errno = EROFS;
  if (plan.fault == FaultyVfs::Fault::full) return SQLITE_FULL;
  return step == Step::sync ? SQLITE_IOERR_FSYNC : step == Step::write ? SQLITE_IOERR_WRITE : SQLITE_IOERR;
}

int close_file(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}
int read_file(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), data, size, offset);
}
int write_file(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const int fault = take_step(Step::write, [&] { real(file)->pMethods->xWrite(real(file), data, size / 2, offset); });
  return fault != SQLITE_OK ? fault : real(file)->pMethods->xWrite(real(file), data, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  const int fault = take_step(Step::truncate, [] {});
  return fault != SQLITE_OK ? fault : real(file)->pMethods->xTruncate(real(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
  ++plan.syncs;
  const int fault = take_step(Step::sync, [] {});
  return fault != SQLITE_OK ? fault : real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_lock(sqlite3_file* file, int* result) {
  return real(file)->pMethods->xCheckReservedLock(real(file), result);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int map_memory(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
int lock_memory(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int unmap_memory(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods kMethods{
    2,           close_file,  read_file,    write_file,   truncate_file, sync_file,       file_size,
    lock_file,   unlock_file, check_lock,   control_file, sector_size,   characteristics, map_memory,
    lock_memory, barrier,     unmap_memory, nullptr,      nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  const int result = real_vfs->xOpen(real_vfs, name, real(file), flags, out);
  file->pMethods = real(file)->pMethods == nullptr ? nullptr : &kMethods;
  return result;
}
int remove_file(sqlite3_vfs*, const char* name, int sync) {
  const int fault = take_step(Step::remove, [] {});
  return fault != SQLITE_OK ? fault : real_vfs->xDelete(real_vfs, name, sync);
}

}  // namespace

FaultyVfs::FaultyVfs() {
  plan = {};
  real_vfs = sqlite3_vfs_find(nullptr);
  faulty_vfs = *real_vfs;
  faulty_vfs.zName = "faulty";
  faulty_vfs.pNext = nullptr;
  faulty_vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs->szOsFile;
  faulty_vfs.xOpen = open_file;
  faulty_vfs.xDelete = remove_file;
  sqlite3_vfs_register(&faulty_vfs, 1);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&faulty_vfs);
  sqlite3_vfs_register(real_vfs, 1);
}

void FaultyVfs::fail_after(std::size_t steps, Fault fault, bool lasting) {
  plan = {.until = steps, .steps = 0, .syncs = 0, .armed = true, .lasting = lasting, .happened = false, .fault = fault};
}

void FaultyVfs::heal() {
  plan.armed = false;
}

std::size_t FaultyVfs::take_steps() {
  return std::exchange(plan.steps, 0);
}

std::size_t FaultyVfs::take_syncs() {
  return std::exchange(plan.syncs, 0);
}

bool FaultyVfs::happened() const {
  return plan.happened;
}

}  // namespace bayplan::testing
