// What control/ answers, as the control API's JSON and as metrics.
#pragma once

#include <boost/json/value.hpp>
#include <vector>

#include "api/metrics.hpp"
#include "control/control_api.hpp"

namespace bayplan::api {

boost::json::value to_json(const control::NetworkView& view);
boost::json::value to_json(const std::vector<control::NetworkView>& views);
boost::json::value to_json(const control::ReservationView& view);
boost::json::value to_json(const std::vector<control::ReservationView>& views);
boost::json::value to_json(const control::PlanExport& plan);
boost::json::value to_json(const control::ImportReport& report);
boost::json::value to_json(const control::AdoptReport& report);
boost::json::value to_json(const control::CheckReport& report);
boost::json::value to_json(const control::CheckProgress& progress);
boost::json::value to_json(const control::DaemonStatus& status);

// Sets the gauges that tell how full the networks are.
void measure(Metrics& metrics, const std::vector<control::RepairCount>& counts);
void measure(Metrics& metrics, const std::vector<control::NetworkView>& views);

}  // namespace bayplan::api
