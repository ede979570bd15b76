// What fails is tried again, but never in a storm.
#include "control/backoff.hpp"

#include <gtest/gtest.h>

namespace bayplan::control {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, APauseDoublesUpToTheLongest) {
  Backoff backoff(1s, 5s);
  const Backoff::TimePoint now{1000s};
  EXPECT_LE(backoff.due("web"), now);
  for (const auto pause : {1s, 2s, 4s, 5s, 5s}) {
    backoff.failed("web", now);
    EXPECT_EQ(backoff.due("web"), now + pause);
  }
  EXPECT_LE(backoff.due("db"), now) << "each for itself";
  backoff.succeeded("web", now);
  EXPECT_EQ(backoff.due("web"), now + 1s) << "not at once again even then";
  backoff.failed("web", now);
  EXPECT_EQ(backoff.due("web"), now + 1s) << "and it starts anew";
}

TEST(Backoff, TheHopelessWaitsLongest) {
  Backoff backoff(1s, 60s);
  const Backoff::TimePoint now{1000s};
  backoff.hopeless("web", now);
  EXPECT_EQ(backoff.due("web"), now + 60s);
  backoff.tidy(now + 121s);
  EXPECT_EQ(backoff.due("web"), Backoff::TimePoint{});
}

}  // namespace
}  // namespace bayplan::control
