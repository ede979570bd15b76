// `bayplan attach`: reservations that are marked for attachment get their interface whenever their target is there.
//
// The target is a container, at every start of it, or a network namespace with a name. Level-triggered like all else: a
// start event, the engine's listing, a mount and the timer all lead to `realise`, which does nothing that is done
// already. Intent first: the mark is in the plan before anything is in the kernel, and so is each attachment.
//
// `attach` and `detach` are for connection threads and block until all is done. The others return at once; their work
// is done by a few threads of its own, one container at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/attach_rules.hpp"
#include "control/backoff.hpp"
#include "control/kernel_keeper.hpp"
#include "control/work_queue.hpp"
#include "ports/engine.hpp"

namespace bayplan::control {

// What is to be attached where, by somebody's order.
struct AttachOrder {
  std::string target;  // a container's name or id, or the absolute path of a network namespace
  model::Network network;
  std::optional<model::IpAddress> address;
  std::string interface;  // empty: the next free eth<N> from eth1 on
  std::string identity;   // only of a namespace; empty: the path's last part
  bool default_route = false;
  std::function<Result<>()> make_way = {};  // called when all is stored, before anything is made
};

class Attacher {
 public:
  struct Parts {
    Planner& planner;
    ports::Engine& engine;
    KernelKeeper& kernel;
    const Clock& clock;
    std::string host;  // this host's name
  };
  explicit Attacher(Parts parts) : parts_(std::move(parts)) {}

  // Reserves the address, marks it and, where the target is there now, puts the interface into it. Once more with the
  // same words is success. `not_found`: no such container or namespace; `conflict`: the address is another's, or the
  // identity is on that network already by the engine; `exists`: the interface's name is taken in there; `invalid`. On
  // failure nothing of it is left, the reservation included if this call made it.
  Result<model::Reservation> attach(const AttachOrder& order);
  // Takes the interface out and the mark off; the reservation is held from now on. `target` as for `attach`, or the
  // identity.
  Result<model::Reservation> detach(const std::string& network, const std::string& target);

  // A container has just started.
  void container_started(const AttachDue& container);
  // These containers run and lack what they are marked for. Gives after what time to ask again, whether that was done.
  std::optional<std::chrono::milliseconds> containers_due(const std::vector<AttachDue>& due);
  // A namespace with a name may have come.
  void look_for_namespaces();
  // What failed may be tried again at once.
  void forgive();
  // Waits until all that was begun is done: `timeout` when the bound is over.
  Result<> settle(std::chrono::milliseconds bound);

 private:
  // Where an interface goes.
  struct Place {
    std::string netns;         // empty: the target is not there now
    std::string container_id;  // empty: a namespace
    std::string container_name;
    std::string identity;
    std::size_t engine_networks = 0;      // how many interfaces the engine gives it
    std::vector<std::string> interfaces;  // in there now; only where one is to be chosen
  };
  struct Marked {
    model::AttachMark mark;
    model::Reservation reservation;
    std::optional<KernelWanted::Port> port;   // to be made now; none: the target is not there
    std::optional<model::AttachMark> before;  // whose place it takes
    bool fresh_mark = false;                  // there was none
    bool fresh_reservation = false;
  };

  Result<Place> find(const AttachOrder& order);
  Result<Place> find_container(const AttachOrder& order);
  Result<Place> find_namespace(const AttachOrder& order);
  Result<ports::ContainerDetails> look_up(const std::string& word);
  // Of a container that runs.
  Result<std::string> netns_of(const ports::ContainerDetails& details);
  Result<> check_not_by_engine(const AttachOrder& order, const ports::Container& container);
  Result<Marked> mark(const AttachOrder& order, const Place& place, const std::string& endpoint);
  static Result<Marked> choose_mark(const model::Plan& plan, model::AttachMark wanted, const Place& place);
  void take_back(const Marked& marked);

  // Brings a mark into being at that place: stored, then made.
  Result<> realise(const model::AttachMark& mark, const Place& place);
  Result<std::optional<KernelWanted::Port>> put_attachment(model::PlanEdit& edit, const model::AttachMark& mark,
                                                           const Place& place, Timestamp now) const;
  Result<> make(const model::AttachMark& mark, const KernelWanted::Port& port);
  Result<> end(const model::AttachMark& mark);
  // As a job of `hands_`.
  void begin(std::function<void()> work);
  void serve_container(const AttachDue& container);
  void realise_again(const model::AttachMark& mark, const Place& place);
  // Not while another works on it, and not before its pause is over.
  bool claim(const std::string& what);
  void let_go(const std::string& what);

  Parts parts_;
  std::mutex mutex_;
  std::set<std::string> busy_;    // containers and namespaces being worked on
  bool looking_ = false;          // a look for namespaces is queued
  std::set<std::string> queued_;  // containers whose job has not begun
  std::size_t begun_ = 0;         // jobs that are not done
  std::condition_variable done_;
  Backoff backoff_{std::chrono::seconds(1), std::chrono::seconds(60)};
  WorkQueue hands_{4};  // last: ends before what its jobs use
};

}  // namespace bayplan::control
