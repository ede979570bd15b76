// Numbers for Prometheus: counters and gauges that anybody in the daemon may count in, and their text form.
//
// Thread-safe. A metric is a constant of the code that counts; it appears in the text from its first use on. Names
// follow prometheus.io/docs/practices/naming: a unit in the name, counters end in _total.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace bayplan::api {

struct Metric {
  std::string_view name;  // "bayplan_api_requests_total"
  std::string_view help;
};
using Labels = std::map<std::string, std::string>;

class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  // A counter goes up.
  void add(const Metric& metric, const Labels& labels = {}, double amount = 1);
  // A gauge is what it was last set to.
  void set(const Metric& metric, const Labels& labels, double value);
  // The Prometheus text format, version 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bayplan::api
