// Probes: what is asked, and what the answers mean.
#include "control/check_probe.hpp"

#include <gmock/gmock.h>

#include "rules.hpp"

namespace bayplan::testing {
namespace {

using control::FindingKind;
using control::ProbeMethod;
using ports::ProbeAnswer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum control::FindingKind;

class CheckProbe : public Rules {
 protected:
  CheckProbe() {
    have("web", "172.16.1.5", model::ReservationState::attached);
    have("db", "172.16.1.6");
  }
  control::ProbeSubjects subjects(const std::vector<std::string>& words = {"arp"}) {
    return control::probe_subjects(plan, control::parse_probes(words, plan).value(), std::nullopt);
  }
  static ProbeAnswer answer(const std::string& address, ProbeAnswer::Kind kind,
                            std::vector<model::MacAddress> macs = {}) {
    return {"vlan100", ip(address), kind, std::move(macs)};
  }
  model::MacAddress mac_of(const std::string& address) {
    return model::mac_of(plan.network("vlan100")->mac_salt, ip(address));
  }
  std::vector<FindingKind> judge(const ProbeAnswer& one) {
    std::vector<FindingKind> kinds;
    for (const auto& finding : control::judge_answers(plan, subjects(), {one})) kinds.push_back(finding.kind);
    return kinds;
  }
  model::MacAddress stranger_ = model::MacAddress::parse("0a:00:00:00:00:66").value();
};

TEST_F(CheckProbe, AttachedAnswersFromItsOwnMacAndHeldNotAtAll) {
  using enum ProbeAnswer::Kind;
  EXPECT_THAT(judge(answer("172.16.1.5", answered, {mac_of("172.16.1.5")})), IsEmpty());
  EXPECT_THAT(judge(answer("172.16.1.5", answered)), IsEmpty()) << "by TCP no MAC is seen";
  EXPECT_THAT(judge(answer("172.16.1.6", silent)), IsEmpty());
}

TEST_F(CheckProbe, WhatIsWrong) {
  using enum ProbeAnswer::Kind;
  EXPECT_THAT(judge(answer("172.16.1.5", silent)), ElementsAre(probe_silent));
  EXPECT_THAT(judge(answer("172.16.1.5", refused)), ElementsAre(probe_refused));
  EXPECT_THAT(judge(answer("172.16.1.5", answered, {stranger_})), ElementsAre(probe_foreign_mac));
  EXPECT_THAT(judge(answer("172.16.1.5", answered, {mac_of("172.16.1.5"), stranger_})), ElementsAre(probe_duplicate));
  EXPECT_THAT(judge(answer("172.16.1.6", answered, {stranger_})), ElementsAre(probe_stolen));
  EXPECT_THAT(judge(answer("172.16.1.6", refused)), ElementsAre(probe_stolen));
}

TEST_F(CheckProbe, BothMacsOfADuplicateAreTold) {
  const auto found = control::judge_answers(
      plan, subjects(), {answer("172.16.1.5", ProbeAnswer::Kind::answered, {mac_of("172.16.1.5"), stranger_})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].message, HasSubstr("0a:00:00:00:00:66"));
  EXPECT_THAT(found[0].message, HasSubstr(mac_of("172.16.1.5").to_string()));
}

TEST_F(CheckProbe, WhatChangedMeanwhileIsNotJudged) {
  const auto asked = subjects();
  auto started = *reservation("db");
  started.state = model::ReservationState::attached;
  ASSERT_TRUE(edit.put(started).ok());
  EXPECT_THAT(control::judge_answers(plan, asked, {answer("172.16.1.6", ProbeAnswer::Kind::answered, {stranger_})}),
              IsEmpty());
}

TEST_F(CheckProbe, WordsAreForAllNetworksOrForOne) {
  const auto wishes = control::parse_probes({"arp", "vlan100=tcp:22"}, plan).value();
  EXPECT_EQ(wishes.all.kind, ProbeMethod::Kind::arp);
  EXPECT_EQ(wishes.named.at("vlan100").port, 22);
  EXPECT_THAT(subjects({"arp", "vlan100=none"}).tasks, IsEmpty());
  ASSERT_EQ(subjects({"vlan100=tcp:22"}).tasks.size(), 1U);
  EXPECT_EQ(subjects({"vlan100=tcp:22"}).tasks[0].tcp_port, 22);
  EXPECT_EQ(subjects().tasks[0].ports, 1U) << "only the attached one hears a broadcast";
  EXPECT_EQ(subjects().tasks[0].addresses.size(), 2U);
}

TEST_F(CheckProbe, WordsThatCantBeMeantAreRefused) {
  for (const std::string word : {"", "ping", "tcp:", "tcp:0", "tcp:65536", "tcp:22x", "vlan100=", "=arp2"}) {
    const auto parsed = control::parse_probes({word}, plan);
    ASSERT_FALSE(parsed.ok()) << word;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid) << word;
  }
  EXPECT_EQ(control::parse_probes({"vlan9=arp"}, plan).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace bayplan::testing
