#include "linux/netns.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace bayplan::kernel {
namespace {

ErrorCode code_of_open(int error_number) {
  return error_number == ENOENT || error_number == ESRCH ? ErrorCode::not_found : ErrorCode::kernel;
}

// A thread can fail to start (EAGAIN); that is an error like any other here.
Result<> on_own_thread(const std::function<void()>& work) {
  try {
    std::thread(work).join();
    return {};
  } catch (const std::system_error& error) {
    return fail_errno(ErrorCode::kernel, "start a thread", error.code().value());
  }
}

}  // namespace

Result<NetworkNamespace> NetworkNamespace::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(code_of_open(errno), fmt::format("open network namespace {}", path), errno);
  if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    return fail(ErrorCode::invalid, "{} is not a network namespace", path);
  }
  return NetworkNamespace(std::move(fd));
}

Result<NetworkNamespace> NetworkNamespace::of_process(pid_t process) {
  return open(fmt::format("/proc/{}/ns/net", process));
}

Result<NetworkNamespace> NetworkNamespace::of_this_thread() {
  return open("/proc/thread-self/ns/net");
}

Result<NetworkNamespace> NetworkNamespace::create() {
  Result<NetworkNamespace> created = fail(ErrorCode::internal, "no network namespace was made");
  TRY(on_own_thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      created = fail_errno(ErrorCode::kernel, "make a network namespace", errno);
    } else {
      created = of_this_thread();
    }
  }));
  return created;
}

bool NetworkNamespace::is_same(const NetworkNamespace& other) const {
  struct stat here{};
  struct stat there{};
  if (fstat(fd_.get(), &here) != 0 || fstat(other.fd_.get(), &there) != 0) return false;
  return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

Result<> NetworkNamespace::enter() const {
  if (setns(fd_.get(), CLONE_NEWNET) != 0) return fail_errno(ErrorCode::kernel, "enter a network namespace", errno);
  return {};
}

Result<> NetworkNamespace::run_there(const std::function<void()>& work) const {
  Result<> entered;
  TRY(on_own_thread([&] {
    entered = enter();
    if (entered.ok()) work();
  }));
  return entered;
}

Result<std::unique_ptr<NamespaceThread>> NamespaceThread::start() {
  auto home = TRY(NetworkNamespace::of_this_thread());
  try {
    return std::unique_ptr<NamespaceThread>(new NamespaceThread(std::move(home)));
  } catch (const std::system_error& error) {
    return fail_errno(ErrorCode::kernel, "start a thread", error.code().value());
  }
}

NamespaceThread::~NamespaceThread() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void NamespaceThread::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || where_ != nullptr; });
    if (stopping_) return;
    entered_ = where_->enter();
    if (entered_.ok()) {
      (*work_)();
      lost_ = !home_.enter().ok();
    }
    where_ = nullptr;
    changed_.notify_all();
    if (lost_) return;
  }
}

Result<> NamespaceThread::run_there(const NetworkNamespace& where, const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  if (lost_) return fail(ErrorCode::kernel, "the thread for network namespaces could not come back from one");
  where_ = &where;
  work_ = &work;
  changed_.notify_all();
  changed_.wait(lock, [this] { return where_ == nullptr; });
  return entered_;
}

}  // namespace bayplan::kernel
