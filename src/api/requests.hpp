// The bodies and queries of the control API, read into what control/ takes. docs/api.md tells every field.
//
// All fail with `invalid`, and the message names the field.
#pragma once

#include "base/result.hpp"
#include "control/control_api.hpp"
#include "http/message.hpp"

namespace bayplan::api {

Result<control::NetworkSpec> parse_network_spec(std::string_view body);
Result<control::ReserveSpec> parse_reserve_spec(std::string_view body);
Result<control::RunSpec> parse_run_spec(std::string_view body);
Result<control::NetworkChange> parse_network_change(std::string_view body);
Result<control::AttachSpec> parse_attach_spec(std::string_view body);
struct DetachRequest {
  std::string network;
  std::string target;
};
Result<DetachRequest> parse_detach_request(std::string_view body);
Result<control::ImportRequest> parse_import_request(std::string_view body);
Result<control::AdoptRequest> parse_adopt_request(std::string_view body);
Result<control::CheckRequest> parse_check_request(std::string_view body);
Result<control::ReservationFilter> parse_filter(const std::map<std::string, std::string>& query);

}  // namespace bayplan::api
