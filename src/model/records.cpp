#include "model/records.hpp"

#include <array>
#include <utility>

#include "base/text.hpp"

namespace bayplan::model {
namespace {

// One table a type serves both directions.
template <typename E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<DatapathKind, 3> kDatapaths{
    {{DatapathKind::bridge, "bridge"}, {DatapathKind::ovs, "ovs"}, {DatapathKind::macvlan, "macvlan"}}};
constexpr Names<ReservationState, 3> kStates{{{ReservationState::attached, "attached"},
                                              {ReservationState::held, "held"},
                                              {ReservationState::removed, "removed"}}};
constexpr Names<Attachment::Stage, 3> kStages{{{Attachment::Stage::granted, "granted"},
                                               {Attachment::Stage::created, "created"},
                                               {Attachment::Stage::joined, "joined"}}};

template <typename E, std::size_t N>
std::string_view name_of(const Names<E, N>& names, E value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "?";
}

template <typename E, std::size_t N>
Result<E> value_of(const Names<E, N>& names, std::string_view text, std::string_view what) {
  std::string known;
  for (const auto& [candidate, name] : names) {
    if (name == text) return candidate;
    known += known.empty() ? "" : ", ";
    known += name;
  }
  return fail(ErrorCode::invalid, "'{}' is not a {}: it is one of {}", shown(text), what, known);
}

}  // namespace

std::string_view to_string(DatapathKind kind) {
  return name_of(kDatapaths, kind);
}
Result<DatapathKind> parse_datapath_kind(std::string_view text) {
  return value_of(kDatapaths, text, "datapath");
}
std::string_view to_string(ReservationState state) {
  return name_of(kStates, state);
}
Result<ReservationState> parse_reservation_state(std::string_view text) {
  return value_of(kStates, text, "reservation state");
}
std::string_view to_string(Attachment::Stage stage) {
  return name_of(kStages, stage);
}
Result<Attachment::Stage> parse_attachment_stage(std::string_view text) {
  return value_of(kStages, text, "stage of an attachment");
}

}  // namespace bayplan::model
