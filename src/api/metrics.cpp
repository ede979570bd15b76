#include "api/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace bayplan::api {

class Metrics::Impl {
 public:
  // The registry gives the same family and the same metric again for the same name and labels.
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
}
Metrics::~Metrics() = default;

void Metrics::add(const Metric& metric, const Labels& labels, double amount) {
  prometheus::BuildCounter()
      .Name(std::string(metric.name))
      .Help(std::string(metric.help))
      .Register(impl_->registry)
      .Add(labels)
      .Increment(amount);
}

void Metrics::set(const Metric& metric, const Labels& labels, double value) {
  prometheus::BuildGauge()
      .Name(std::string(metric.name))
      .Help(std::string(metric.help))
      .Register(impl_->registry)
      .Add(labels)
      .Set(value);
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace bayplan::api
