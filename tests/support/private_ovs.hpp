// An Open vSwitch of the test's own: ovsdb-server and ovs-vswitchd in the calling thread's network namespace, with all
// their files in a temporary folder. They end with the object, and with the test binary however it ends.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string>

#include "support/child.hpp"
#include "support/private_network.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::test {

class PrivateOvs {
 public:
  PrivateOvs() {
    sh("ovsdb-tool create " + file("conf.db") + " /usr/share/openvswitch/vswitch.ovsschema");
    start_database();
    start_switch();
  }

  [[nodiscard]] std::string socket() const { return file("db.sock"); }
  // ovs-vsctl with these words; its output.
  std::string ctl(const std::string& words) const {
    return sh("OVS_RUNDIR=" + folder_.path().string() + " ovs-vsctl --timeout=20 --db=unix:" + socket() + " " + words);
  }

  void start_database() {
    database_ = start({"ovsdb-server", file("conf.db"), "--remote=punix:" + socket(), "--unixctl=" + file("db.ctl"),
                       "--log-file=" + file("db.log"), "--no-chdir"});
    sh("for i in $(seq 2000); do ovs-vsctl --no-wait --timeout=1 --db=unix:" + socket() +
       " init 2>/dev/null && exit 0; done; exit 1");
  }
  void start_switch() {
    switch_ = start({"ovs-vswitchd", "unix:" + socket(), "--unixctl=" + file("sw.ctl"), "--pidfile=" + file("sw.pid"),
                     "--log-file=" + file("sw.log"), "--no-chdir"});
  }
  void kill_database() { database_.reset(); }
  void kill_switch() { switch_.reset(); }
  void signal_database(int number) const { ::kill(database_->pid(), number); }

 private:
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::unique_ptr<bayplan::testing::Child> start(const std::vector<std::string>& arguments) const {
    return std::make_unique<bayplan::testing::Child>([&](int) {
      ::setenv("OVS_RUNDIR", folder_.path().c_str(), 1);
      ::setenv("OVS_DBDIR", folder_.path().c_str(), 1);
      const int null = ::open("/dev/null", O_RDWR);
      for (const int fd : {0, 1, 2}) ::dup2(null, fd);
      std::vector<char*> words;
      for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
      words.push_back(nullptr);
      ::execvp(words[0], words.data());
      ::_exit(127);
    });
  }

  bayplan::testing::TempDir folder_;
  std::unique_ptr<bayplan::testing::Child> database_;
  std::unique_ptr<bayplan::testing::Child> switch_;
};

}  // namespace bayplan::test
