// Attaches network namespaces, by Bayplan's control API and by the floor in turn, and prints what each took.
//
//   attach_bench pairs  SOCKET NETWORK COUNT FILE  the floor also appends a record to FILE and waits for the disk. JSON: {"ours": [ns …], "theirs": [ns …], "ours_detach": …, "theirs_detach": …}
//   attach_bench direct COUNT                      the same without the daemon: only what it has the kernel do
//   attach_bench fill   SOCKET NETWORK COUNT       attaches COUNT namespaces named fill-0 …, by Bayplan
//   attach_bench floor  COUNT                      attaches COUNT namespaces fill-0 … to a bridge of its own; {"ns": total}
//   attach_bench await  COUNT                      waits until COUNT addresses were added in namespaces with a number here;
//                                                  prints "listening", then {"ns": the moment of the last, CLOCK_MONOTONIC}
//   attach_bench time   PROGRAM [WORD...]          runs it to its end; {"ns": from before its start to its end}
//   attach_bench starts SECONDS                    prints "<CLOCK_REALTIME ns> <address>" for every address added in another
//                                                  namespace, for so long
//
// To be run in a namespace without a way out, whose /run/netns is its own; the namespaces are made by the caller.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/inside/kernel_namespaces.hpp"
#include "floor.hpp"
#include "http/client.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kOursBase = 0xac1f0000;    // 172.31.0.0/16
constexpr std::uint32_t kTheirsBase = 0xac1e0000;  // 172.30.0.0/16
constexpr unsigned kPrefix = 16;
constexpr const char* kBridge = "floorbr";

long long timed(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::nanoseconds(Clock::now() - start).count();
}

class Api {
 public:
  explicit Api(const std::string& socket) : client_(bayplan::http::Peer{"baypland", socket}) {}
  void post(const std::string& path, const std::string& body) {
    const auto answer = client_.call({"POST", path, {}, {}, body}, std::chrono::seconds(60));
    if (!answer.ok()) throw std::runtime_error(answer.error().message());
    if (answer->status / 100 != 2) throw std::runtime_error(answer->body);
  }
  void attach(const std::string& netns, const std::string& network) {
    post("/v1/attach", R"({"target":")" + netns + R"(","network":")" + network + R"("})");
  }
  void detach(const std::string& netns, const std::string& network) {
    post("/v1/detach", R"({"target":")" + netns + R"(","network":")" + network + R"("})");
  }

 private:
  bayplan::http::Client client_;
};

template <typename T>
T need(bayplan::Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

std::string netns(const std::string& kind, int n) {
  return "/run/netns/" + kind + "-" + std::to_string(n);
}

void print(const char* name, const std::vector<long long>& values, const char* after) {
  std::cout << '"' << name << "\":[";
  for (std::size_t i = 0; i < values.size(); ++i) std::cout << (i == 0 ? "" : ",") << values[i];
  std::cout << ']' << after;
}

// A page that is on the disk when this returns: the least that somebody does who is to know of it after a power cut.
class Record {
 public:
  explicit Record(const std::string& path) : fd_(open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw std::runtime_error("open " + path);
  }
  ~Record() { close(fd_); }
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  void append() const {
    const std::vector<char> page(4096, 'x');
    if (write(fd_, page.data(), page.size()) < 0 || fdatasync(fd_) != 0) throw std::runtime_error("write a record");
  }

 private:
  int fd_;
};

void run_pairs(const std::string& socket, const std::string& network, int count, const std::string& file) {
  Api api(socket);
  const Record record(file);
  bench::Floor floor;
  floor.make_bridge(kBridge, kTheirsBase + 1, kPrefix);
  const int bridge = bench::index_of(kBridge);
  std::vector<long long> ours;
  std::vector<long long> theirs;
  std::vector<long long> ours_off;
  std::vector<long long> theirs_off;
  const auto floor_name = [](int n) { return "fl" + std::to_string(n); };
  for (int n = 0; n < count; ++n) {
    ours.push_back(timed([&] { api.attach(netns("ours", n), network); }));
    theirs.push_back(timed([&] {
      record.append();
      floor.attach(floor_name(n), bridge, netns("theirs", n), kTheirsBase + 2 + static_cast<std::uint32_t>(n), kPrefix,
                   kTheirsBase + 1);
    }));
  }
  for (int n = 0; n < count; ++n) {
    ours_off.push_back(timed([&] { api.detach(netns("ours", n), network); }));
    theirs_off.push_back(timed([&] {
      record.append();
      floor.detach(floor_name(n));
    }));
  }
  floor.remove_link(kBridge);
  std::cout << '{';
  print("ours", ours, ",");
  print("theirs", theirs, ",");
  print("ours_detach", ours_off, ",");
  print("theirs_detach", theirs_off, "}\n");
}

// What Bayplan has the kernel do, without its daemon: the bridge datapath and the inside, as the datapath thread uses them.
void run_direct(int count) {
  auto datapath = need(bayplan::datapath::BridgeDatapath::open());
  auto namespaces = need(bayplan::datapath::KernelNamespaces::open());
  bayplan::model::Network network;
  network.name = "bench";
  network.subnet = bayplan::model::Subnet::around(bayplan::model::IpAddress::v4(kOursBase), kPrefix);
  network.gateway = network.subnet.first_host();
  need(datapath->ensure_network(network));
  bench::Floor floor;
  floor.make_bridge(kBridge, kTheirsBase + 1, kPrefix);
  const int bridge = bench::index_of(kBridge);
  std::vector<long long> ours;
  std::vector<long long> theirs;
  for (int n = 0; n < count; ++n) {
    const auto address = *network.subnet.base().plus(static_cast<std::uint64_t>(n) + 2);
    const auto mac = bayplan::model::mac_of(1, address);
    const std::string identity = "ours-" + std::to_string(n);
    const bayplan::ports::PortSpec port{"bp" + std::to_string(10000000 + n), "eth1", mac, identity, netns("ours", n)};
    const bayplan::ports::InsideSpec inside{netns("ours", n), port.host_name, "eth1", identity,
                                            mac,              address,        network, false};
    ours.push_back(timed([&] {
      need(datapath->add_port(network, port));
      need(namespaces->finish(inside));
    }));
    theirs.push_back(timed([&] {
      floor.attach("fl" + std::to_string(n), bridge, netns("theirs", n), kTheirsBase + 2 + static_cast<std::uint32_t>(n),
                   kPrefix, kTheirsBase + 1);
    }));
  }
  need(datapath->remove_network("bench"));
  for (int n = 0; n < count; ++n) floor.remove_link("fl" + std::to_string(n));
  floor.remove_link(kBridge);
  std::cout << '{';
  print("ours", ours, ",");
  print("theirs", theirs, "}\n");
}

void run_fill(const std::string& socket, const std::string& network, int count) {
  Api api(socket);
  for (int n = 0; n < count; ++n) api.attach(netns("fill", n), network);
}

void run_floor(int count) {
  bench::Floor floor;
  const auto took = timed([&] {
    floor.make_bridge(kBridge, kTheirsBase + 1, kPrefix);
    const int bridge = bench::index_of(kBridge);
    for (int n = 0; n < count; ++n) {
      floor.attach("fl" + std::to_string(n), bridge, netns("fill", n), kTheirsBase + 2 + static_cast<std::uint32_t>(n),
                   kPrefix, kTheirsBase + 1);
    }
  });
  std::cout << "{\"ns\":" << took << "}\n";
}

// Calls `told` with each IPv4 address that is added in another namespace, until it says that it is enough, or time is up.
void listen(std::chrono::milliseconds longest, const std::function<bool(std::uint32_t)>& told) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  const int one = 1;
  const int group = RTNLGRP_IPV4_IFADDR;
  const int room = 16 << 20;
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  const bool ready = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) == 0 &&
                     setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof one) == 0 &&
                     setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
  if (!ready) throw std::runtime_error(std::string("listen to the kernel: ") + std::strerror(errno));
  std::cout << "listening" << std::endl;
  const auto end = Clock::now() + longest;
  while (Clock::now() < end) {
    pollfd wait{fd, POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (poll(&wait, 1, static_cast<int>(left.count())) <= 0) continue;
    alignas(nlmsghdr) char buffer[16384];
    alignas(cmsghdr) char control[64];
    iovec part{buffer, sizeof buffer};
    msghdr header{nullptr, 0, &part, 1, control, sizeof control, 0};
    const auto got = recvmsg(fd, &header, 0);
    if (got <= 0 || CMSG_FIRSTHDR(&header) == nullptr) continue;  // of this namespace
    int left_bytes = static_cast<int>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(message, left_bytes);
         message = NLMSG_NEXT(message, left_bytes)) {
      if (message->nlmsg_type != RTM_NEWADDR) continue;
      int size = static_cast<int>(IFA_PAYLOAD(message));
      for (auto* attribute = IFA_RTA(static_cast<ifaddrmsg*>(NLMSG_DATA(message))); RTA_OK(attribute, size);
           attribute = RTA_NEXT(attribute, size)) {
        if (attribute->rta_type != IFA_LOCAL) continue;
        std::uint32_t address = 0;
        std::memcpy(&address, RTA_DATA(attribute), sizeof address);
        if (told(ntohl(address))) return;
      }
    }
  }
}

void run_await(int count) {
  int seen = 0;
  long long last = 0;
  listen(std::chrono::seconds(120), [&](std::uint32_t address) {
    if ((address & 0xffff0000) != kOursBase) return false;
    last = std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
    return ++seen == count;
  });
  if (seen != count) throw std::runtime_error("only " + std::to_string(seen) + " addresses came");
  std::cout << "{\"ns\":" << last << "}" << std::endl;
}

void run_starts(int seconds) {
  listen(std::chrono::seconds(seconds), [](std::uint32_t address) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    std::cout << std::chrono::nanoseconds(now).count() << ' ' << (address >> 24) << '.' << (address >> 16 & 255) << '.'
              << (address >> 8 & 255) << '.' << (address & 255) << std::endl;
    return false;
  });
}

void run_program(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int status = 0;
  const auto took = timed([&] {
    pid_t child = 0;
    posix_spawn_file_actions_t to_stderr;
    posix_spawn_file_actions_init(&to_stderr);
    posix_spawn_file_actions_adddup2(&to_stderr, 2, 1);
    if (posix_spawnp(&child, argv[0], &to_stderr, nullptr, argv.data(), environ) != 0) {
      throw std::runtime_error("start " + words[0]);
    }
    waitpid(child, &status, 0);
    posix_spawn_file_actions_destroy(&to_stderr);
  });
  if (status != 0) throw std::runtime_error(words[0] + " failed");
  std::cout << "{\"ns\":" << took << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 5 && words[0] == "pairs") {
      run_pairs(words[1], words[2], std::stoi(words[3]), words[4]);
    } else if (words.size() == 2 && words[0] == "direct") {
      run_direct(std::stoi(words[1]));
    } else if (words.size() == 4 && words[0] == "fill") {
      run_fill(words[1], words[2], std::stoi(words[3]));
    } else if (words.size() == 2 && words[0] == "floor") {
      run_floor(std::stoi(words[1]));
    } else if (words.size() == 2 && words[0] == "await") {
      run_await(std::stoi(words[1]));
    } else if (words.size() >= 2 && words[0] == "time") {
      run_program({words.begin() + 1, words.end()});
    } else if (words.size() == 2 && words[0] == "starts") {
      run_starts(std::stoi(words[1]));
    } else {
      std::cerr << "attach_bench: see its source for the words\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "attach_bench: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
