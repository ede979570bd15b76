#include "control/check_probe.hpp"

#include <fmt/ranges.h>

#include <charconv>
#include <set>

#include "base/text.hpp"

namespace bayplan::control {
namespace {

using model::Reservation;
using model::ReservationState;
using ports::ProbeAnswer;
using enum FindingKind;

Error no_probe(std::string_view word) {
  return fail(ErrorCode::invalid,
              "'{}' is no probe: there are arp, tcp:PORT and none, for all networks, or as NETWORK=arp for one",
              shown(word));
}

Result<ProbeMethod> parse_method(std::string_view text, std::string_view whole) {
  if (text == "none") return ProbeMethod{};
  if (text == "arp") return ProbeMethod{ProbeMethod::Kind::arp, 0};
  constexpr std::string_view kTcp = "tcp:";
  if (!text.starts_with(kTcp)) return no_probe(whole);
  const auto digits = text.substr(kTcp.size());
  ProbeMethod method{ProbeMethod::Kind::tcp, 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), method.port);
  const bool right = error == std::errc{} && end == digits.data() + digits.size() && method.port != 0;
  return right ? Result<ProbeMethod>(method) : Result<ProbeMethod>(no_probe(whole));
}

ProbeMethod method_for(const ProbeWishes& wishes, const std::string& network, bool used_here) {
  const auto named = wishes.named.find(network);
  if (named != wishes.named.end()) return named->second;
  return used_here ? wishes.all : ProbeMethod{};
}

std::string texts(const std::vector<model::MacAddress>& macs) {
  std::vector<std::string> all;
  for (const auto& mac : macs) all.push_back(mac.to_string());
  return fmt::format("{}", fmt::join(all, ", "));
}

// One answer, and whose address it is.
struct Case {
  const Reservation& reservation;
  const ProbeAnswer& answer;
  std::uint16_t port = 0;  // 0: ARP

  [[nodiscard]] Finding finding(FindingKind kind, std::string found, std::string wanted, std::string message) const {
    return {.kind = kind,
            .network = reservation.network,
            .identity = reservation.identity,
            .address = reservation.address.to_string(),
            .object = {},
            .found = std::move(found),
            .wanted = std::move(wanted),
            .message = std::move(message)};
  }
  [[nodiscard]] std::string whose() const {
    return fmt::format("{} of '{}' on {}", reservation.address.to_string(), reservation.identity, reservation.network);
  }
};

Finding silent(const Case& one) {
  const std::string how = one.port == 0 ? "ARP" : fmt::format("TCP at port {}", one.port);
  return one.finding(
      probe_silent, "silence", "an answer",
      fmt::format("{} is attached, but nobody answers {}: is its interface up, with that address?", one.whose(), how));
}

Finding refused(const Case& one) {
  return one.finding(probe_refused, "refused", fmt::format("a listener at port {}", one.port),
                     fmt::format("{} answers, but nobody listens there at port {}", one.whose(), one.port));
}

Finding answered_by_others(const Case& one, FindingKind kind) {
  const std::string macs = texts(one.answer.macs);
  const std::string own = one.reservation.mac.to_string();
  return one.finding(kind, macs, own,
                     fmt::format("{} is answered for by {}, and its own MAC is {}: find the other interface and take "
                                 "the address from it",
                                 one.whose(), macs, own));
}

std::optional<Finding> judge_attached(const Case& one) {
  const auto& macs = one.answer.macs;
  if (one.answer.kind == ProbeAnswer::Kind::silent) return silent(one);
  if (one.answer.kind == ProbeAnswer::Kind::refused) return refused(one);
  if (macs.size() > 1) return answered_by_others(one, probe_duplicate);
  if (!macs.empty() && macs.front() != one.reservation.mac) return answered_by_others(one, probe_foreign_mac);
  return std::nullopt;
}

std::optional<Finding> judge_at_rest(const Case& one) {
  if (one.answer.kind == ProbeAnswer::Kind::silent) return std::nullopt;
  const std::string who = one.answer.macs.empty() ? std::string("somebody") : texts(one.answer.macs);
  return one.finding(probe_stolen, who, "silence",
                     fmt::format("{} is {}, but {} has it: find that interface and take the address from it",
                                 one.whose(), model::to_string(one.reservation.state), who));
}

}  // namespace

Result<ProbeWishes> parse_probes(const std::vector<std::string>& words, const model::Plan& plan) {
  ProbeWishes wishes;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      wishes.all = TRY(parse_method(word, word));
      continue;
    }
    const std::string network = word.substr(0, equals);
    const auto method = TRY(parse_method(std::string_view(word).substr(equals + 1), word));
    if (!plan.network(network)) {
      return fail(ErrorCode::not_found, "there is no network '{}': see `bayplan network ls`", shown(network));
    }
    wishes.named[network] = method;
  }
  return wishes;
}

ProbeSubjects probe_subjects(const model::Plan& plan, const ProbeWishes& wishes, const CheckScope& scope) {
  ProbeSubjects subjects;
  std::set<std::string> used;
  for (const model::Network& network : wanted_of(plan).networks) used.insert(network.name);
  for (const model::Network* network : plan.networks()) {
    const auto method = method_for(wishes, network->name, used.contains(network->name));
    if (method.kind == ProbeMethod::Kind::none || (scope && *scope != network->name)) continue;
    ports::ProbeTask task{*network, method.port, 0, {}};
    for (const Reservation* reservation : plan.reservations(network->name)) {
      if (!reservation->address.is_v4()) continue;
      task.ports += reservation->state == ReservationState::attached ? 1 : 0;
      task.addresses.push_back(reservation->address);
      subjects.reservations.emplace(std::pair(network->name, reservation->address), *reservation);
    }
    if (!task.addresses.empty()) subjects.tasks.push_back(std::move(task));
  }
  return subjects;
}

std::vector<Finding> judge_answers(const model::Plan& plan, const ProbeSubjects& subjects,
                                   const std::vector<ProbeAnswer>& answers) {
  std::map<std::string, std::uint16_t> tcp_ports;
  for (const auto& task : subjects.tasks) tcp_ports[task.network.name] = task.tcp_port;
  std::vector<Finding> findings;
  for (const ProbeAnswer& answer : answers) {
    const auto asked = subjects.reservations.find({answer.network, answer.address});
    const Reservation* now = plan.reservation_at(answer.network, answer.address);
    if (asked == subjects.reservations.end() || !now) continue;
    const Reservation& before = asked->second;
    const bool changed =
        now->identity != before.identity || now->state != before.state || now->container_id != before.container_id;
    if (changed) continue;
    const Case one{*now, answer, tcp_ports[answer.network]};
    auto finding = now->state == ReservationState::attached ? judge_attached(one) : judge_at_rest(one);
    if (finding) findings.push_back(*std::move(finding));
  }
  return findings;
}

}  // namespace bayplan::control
