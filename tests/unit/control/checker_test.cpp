// `bayplan check` on a whole daemon with fakes at its edges: what is broken is found, and the reconcilers repair it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

using control::CheckReport;
using control::CheckRequest;
using control::FindingKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum control::FindingKind;

class Check : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.add_network();
    for (const std::string name : {"web", "db"})
      ASSERT_TRUE(world_.engine.run({.name = name, .networks = {{"vlan100"}}}).ok());
    ASSERT_TRUE(world_.engine.stop("db").ok());
    ASSERT_TRUE(eventually([this] { return world_.is_settled() && check({}).findings.empty(); })) << all(check({}));
    // Nothing is on its way any more.
    world_.clock.push(std::chrono::seconds(20));
  }
  CheckReport check(const CheckRequest& request) { return world_.service().check(request).value(); }
  static CheckRequest repairing() { return {.network = {}, .repair = true, .probes = {}, .progress = {}}; }
  static CheckRequest probing(const std::string& word) {
    return {.network = {}, .repair = false, .probes = {word}, .progress = "p"};
  }
  static std::string all(const CheckReport& report) {
    std::string text;
    for (const auto& finding : report.findings) {
      text += fmt::format("{} repaired={}: {}\n", to_string(finding.kind), finding.repaired, finding.message);
    }
    for (const auto& part : report.unchecked) text += part.part + ": " + part.why + "\n";
    return text;
  }
  static bool has(const CheckReport& report, FindingKind kind, bool repaired) {
    return std::ranges::any_of(
        report.findings, [&](const auto& finding) { return finding.kind == kind && finding.repaired == repaired; });
  }
  model::IpAddress address_of(const std::string& identity) { return world_.reservation(identity)->address; }

  World world_;
};

TEST_F(Check, FindsNothingWhereAllIsRight) {
  const auto report = check({});
  EXPECT_THAT(report.findings, IsEmpty()) << all(report);
  EXPECT_THAT(report.unchecked, IsEmpty()) << all(report);
  EXPECT_EQ(report.reservations, 2U);
}

// The reconcilers also run by themselves, and may come first: then the damage is done once more.
TEST_F(Check, WhatIsBrokenIsRepairedByTheReconcilers) {
  const auto found_all = [this](const CheckRequest& request, bool repaired) {
    world_.datapath.damage_network("vlan100");
    world_.firewall.flush();
    world_.datapath.displace_port(world_.datapath.ports().begin()->first);
    const auto report = check(request);
    return has(report, network_device_down, repaired) && has(report, firewall_differs, repaired) &&
           has(report, port_misplaced, repaired);
  };
  EXPECT_TRUE(eventually([&] { return found_all({}, false); }));
  EXPECT_TRUE(eventually([&] { return found_all(repairing(), true); }));
  EXPECT_THAT(check({}).findings, IsEmpty()) << all(check({}));
}

TEST_F(Check, WhatNobodyCanRepairIsSaid) {
  world_.datapath.remove_link(world_.datapath.ports().begin()->first);
  const auto report = check(repairing());
  EXPECT_TRUE(has(report, port_missing, false)) << all(report);
}

TEST_F(Check, DriftInsideAContainerIsFoundAndRepaired) {
  world_.engine.tell_sandboxes([this](const auto& sandboxes) { world_.datapath.set_namespaces(sandboxes); });
  ASSERT_TRUE(world_.engine.run({.name = "loner"}).ok());
  control::NetworkSpec spec;
  spec.name = "vlan200";
  spec.vlan = "200";
  spec.subnet = "172.16.2.0/24";
  spec.repair = "report";
  ASSERT_TRUE(world_.service().create_network(spec).ok());
  control::AttachSpec attach;
  attach.target = "loner";
  attach.network = "vlan200";
  ASSERT_TRUE(world_.service().attach(attach).ok());
  // The start's event may lead to it, too.
  ASSERT_TRUE(eventually([this] { return world_.is_settled(); }));
  ASSERT_TRUE(world_.attacher().settle(std::chrono::seconds(10)).ok());
  const auto damage = [this] {
    for (const auto& [name, port] : world_.datapath.ports()) {
      if (port.network == "vlan200") world_.namespaces.damage(name, ports::Drift::mac);
    }
  };
  damage();
  const auto report = check(repairing());
  EXPECT_TRUE(has(report, interface_differs, false)) << "it is only reported there: " << all(report);
  ASSERT_TRUE(world_.service().change_network("vlan200", {.repair = "on"}).ok());
  EXPECT_TRUE(eventually([&] {
    damage();
    return has(check(repairing()), interface_differs, true);
  }));
  EXPECT_THAT(check({}).findings, IsEmpty()) << all(check({}));
}

TEST_F(Check, AnEngineThatDoesNotAnswerIsToldAndTheRestIsChecked) {
  world_.engine.set_mode(FakeEngine::Mode::down);
  world_.firewall.flush();
  const auto report = check({});
  ASSERT_EQ(report.unchecked.size(), 1U) << all(report);
  EXPECT_EQ(report.unchecked[0].part, "Docker");
  EXPECT_TRUE(has(report, firewall_differs, false));
}

TEST_F(Check, ARepairThatDockerKeepsFromIsSaid) {
  world_.engine.set_mode(FakeEngine::Mode::down);
  ASSERT_TRUE(eventually([this] { return !world_.keeper().ready(); }));
  world_.firewall.flush();
  const auto report = check(repairing());
  EXPECT_TRUE(std::ranges::any_of(report.unchecked, [](const auto& part) {
    return part.part == "the repair by Docker";
  })) << all(report);
}

TEST_F(Check, ANetworkThatIsNotThereIsRefused) {
  const auto report = world_.service().check({.network = "vlan9", .repair = false, .probes = {}, .progress = {}});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::not_found);
}

TEST_F(Check, TheWireIsAskedAndJudged) {
  const auto web = address_of("web");
  world_.prober.put(web, {world_.reservation("web")->mac});
  EXPECT_THAT(check(probing("arp")).findings, IsEmpty()) << all(check(probing("arp")));
  EXPECT_EQ(check(probing("arp")).probed, 2U);
  world_.prober.put(address_of("db"), {model::MacAddress::parse("0a:00:00:00:00:66").value()});
  EXPECT_TRUE(has(check(probing("arp")), probe_stolen, false));
  world_.prober.put(web, {});
}

TEST_F(Check, AWireThatCantBeAskedIsToldAndAProbeThatTakesTooLongRefused) {
  world_.prober.unplug("vlan100");
  const auto report = check(probing("arp"));
  ASSERT_EQ(report.unchecked.size(), 1U);
  EXPECT_THAT(report.unchecked[0].part, HasSubstr("vlan100"));
  world_.prober.take_long(std::chrono::hours(1));
  const auto refused = world_.service().check(probing("arp"));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("60 minutes"));
}

TEST_F(Check, ItsProgressCanBeAskedForMeanwhile) {
  std::string step;
  std::uint64_t total = 0;
  std::optional<ErrorCode> taken;
  world_.prober.on_probe([&] {
    const auto progress = world_.service().check_progress("p");
    if (!progress.ok()) return;
    step = progress->step;
    total = progress->total;
    taken = world_.service().check(probing("arp")).error().code;
  });
  check(probing("arp"));
  EXPECT_EQ(step, "probing");
  EXPECT_EQ(total, 2U);
  EXPECT_EQ(taken, ErrorCode::conflict) << "the name is in use";
  EXPECT_EQ(world_.service().check_progress("p").error().code, ErrorCode::not_found) << "it is over";
}

}  // namespace
}  // namespace bayplan::testing
