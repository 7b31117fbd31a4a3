// A node without credentials: what it makes of a code or a batch's key, and how it gets its own over losses, refusals and power cuts.
#include "enrolment_bench.hpp"
#include "hex.hpp"

namespace {

constexpr uint32_t hourMs = 3600000;

OscoreCredentials batchKeys(std::string_view hardware = "5111") {
  uint8_t key[batchKeySize];
  for (size_t i = 0; i < sizeof key; i++) key[i] = static_cast<uint8_t>(i);
  OscoreCredentials out;
  CHECK(isOk(deriveBatchKeys(Hex<6>("0a0b0c0d0e0f").view(), key, hardware, out)));
  return out;
}

}  // namespace

TEST("a mistyped claim code is known by its check character, and case, hyphens and look-alikes don't matter") {
  FixedText<claimCodeLength> code;
  const char* const good[] = {"3AHRZ6DMV29GQY5CKT1V", "3ahrz-6dmv2-9gqy5-cktlv", " 3AHRZ 6DMV2 9GQY5 CKTIV "};
  for (const char* text : good) CHECK(isOk(parseClaimCode(text, code)) && code.view() == "3AHRZ6DMV29GQY5CKT1V");
  const char* const bad[] = {"", "3AHRZ6DMV29GQY5CKT1", "3AHRZ6DMV29GQY5CKT1VV", "3AHRZ6DMV29GQY5CKT1W", "A3HRZ6DMV29GQY5CKT1V", "3AHRZ6DMV29GQY5CKT1U", "3AHRZ6DMV29GQY5CKT_V"};
  for (const char* text : bad) CHECK(parseClaimCode(text, code) == Status::malformed);
}

TEST("keys of a code and of a batch are those that a manager derives") {
  const OscoreCredentials claim = claimKeys();
  CHECK(isHex(claim.masterSecret.view(), "9c269248036ff1b06602b1a39d4c46ed"));
  CHECK(isHex(claim.masterSalt.view(), "69a7462f8b042852"));
  CHECK(isHex(claim.senderId.view(), "895d65634196"));
  CHECK(claim.recipientId.empty() && claim.idContext.empty());
  const OscoreCredentials batch = batchKeys();
  CHECK(isHex(batch.masterSecret.view(), "31786de13deb5c8ede7f68b3d262d3c3"));
  CHECK(isHex(batch.masterSalt.view(), "a571210b5013bbc0"));
  CHECK(isHex(batch.senderId.view(), "0a0b0c0d0e0f") && asText(batch.idContext.view()) == "5111");
  OscoreCredentials out;
  uint8_t key[batchKeySize] = {};
  for (const char* hardware : {"", "UPPER", "-x", "12345678901234567", "a b", "gw.0a"}) {
    CHECK(deriveBatchKeys(Hex<6>("0a0b0c0d0e0f").view(), key, hardware, out) == Status::invalid);
  }
  CHECK(deriveBatchKeys(Hex<6>("0a0b").view(), key, "x", out) == Status::invalid);
  CHECK(deviceKeys(Hex<6>("0a0b0c0d0e0f").view(), ByteSpan(key, 23), "x", out) == Status::invalid);
  CHECK(isOk(deviceKeys(Hex<6>("0a0b0c0d0e0f").view(), Hex<24>("31786de13deb5c8ede7f68b3d262d3c3a571210b5013bbc0").view(), "5111", out)));
  CHECK(equal(out.masterSecret.view(), batch.masterSecret.view()) && equal(out.masterSalt.view(), batch.masterSalt.view()));
}

TEST("an answer that isn't credentials is refused wherever it is cut or changed") {
  EnrolledCredentials out;
  const std::vector<uint8_t> good = answerOf();
  CHECK(isOk(decodeEnrolled(ByteSpan(good.data(), good.size()), out)) && out.id.view() == "porch");
  for (size_t size = 0; size < good.size(); size++) CHECK(!isOk(decodeEnrolled(ByteSpan(good.data(), size), out)));
  const std::vector<uint8_t> nobody = answerOf("");
  CHECK(!isOk(decodeEnrolled(ByteSpan(nobody.data(), nobody.size()), out)));
  const std::vector<uint8_t> longId = answerOf("0123456789012345678901234567890123456789012345678901234567890123");
  CHECK(!isOk(decodeEnrolled(ByteSpan(longId.data(), longId.size()), out)));
}

TEST("a node asks for its credentials, protected from the first datagram on, keeps them and restarts") {
  for (const bool isBatch : {false, true}) {
    EnrolmentBench it(isBatch ? batchKeys() : claimKeys());
    it.run(60000);
    CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
    CHECK(it.power->system.ending != CX_SIM_RUNNING);
    CHECK_EQ(it.keeper.kept.size(), 1U);
    CHECK(!it.keeper.kept.empty() && it.keeper.kept[0] == "porch");
    CHECK_EQ(it.plainRequests, 0U);
  }
}

TEST("power that goes at any datagram costs nothing but time: no number comes twice, and the node gets its credentials") {
  uint32_t cuts = 0;
  for (uint32_t cutAt = 1; cutAt <= 8; cutAt++) {
    EnrolmentBench it;
    it.run(60000, cutAt);
    if (!it.isOver()) cuts++;
    const uint32_t before = it.manager.asked;
    if (!it.isOver()) it.boot();
    it.run(120000);
    CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
    // A number that came again would be a replay, and never reach the manager's handler.
    CHECK(before > 0 || it.manager.asked > 0);
    CHECK_EQ(it.keeper.kept.size(), 1U);
  }
  CHECK(cuts >= 3);
}

TEST("power that goes at every datagram in turn, boot after boot, ends in credentials all the same") {
  EnrolmentBench it;
  for (uint32_t cutAt = 1; cutAt <= 6; cutAt++) {
    if (it.isOver()) break;
    it.run(60000, cutAt);
    if (!it.isOver()) it.boot();
  }
  it.run(120000);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("credentials that can't be stored are asked for again, and the node doesn't restart without them") {
  EnrolmentBench it;
  it.keeper.failures = 3;
  it.run(5000);
  CHECK(it.power->system.ending == CX_SIM_RUNNING);
  it.run(120000);
  CHECK_EQ(it.keeper.calls, 4U);
  CHECK_EQ(it.manager.asked, 4U);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("credentials of another node than it was told to be end the enrolment, for a person to see") {
  EnrolmentBench it;
  it.keeper.failures = 1;
  it.keeper.failure = Status::refused;
  it.run(hourMs);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::refused);
  CHECK(it.power->system.ending == CX_SIM_RUNNING);
  CHECK_EQ(it.keeper.calls, 1U);
}

TEST("a manager that doesn't know the key is asked less and less often, and at once when it does") {
  EnrolmentBench it;
  it.manager.learn(batchKeys());  // another's
  it.run(hourMs);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::none);
  CHECK_EQ(it.manager.asked, 0U);
  const uint32_t refused = it.manager.endpoint().counters().refused;
  CHECK(refused >= 12 && refused <= 40);
  it.manager.learn(claimKeys());
  it.run(400000);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("a manager that is silent is waited for, without an end") {
  EnrolmentBench it;
  it.isSilent = true;
  it.run(6 * hourMs);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::none);
  it.isSilent = false;
  it.run(500000);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("the manager's own no ends a claim for good, and a batch's node asks again later") {
  EnrolmentBench claim;
  claim.manager.code = coap::code::forbidden;
  claim.run(hourMs);
  CHECK(claim.enrolment->outcome() == EnrolmentOutcome::refused);
  CHECK_EQ(claim.manager.asked, 1U);
  CHECK_EQ(claim.enrolment->step(claim.clock.nowMs + hourMs), UINT64_MAX);

  EnrolmentBench batch(batchKeys());
  batch.manager.code = coap::code::forbidden;
  batch.run(hourMs);
  CHECK(batch.enrolment->outcome() == EnrolmentOutcome::none);
  CHECK(batch.manager.asked >= 12 && batch.manager.asked <= 40);
  batch.manager.code = coap::code::changed;
  batch.run(400000);
  CHECK(batch.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("told to wait it waits, but never longer than an hour and a bit") {
  EnrolmentBench it;
  it.manager.code = coap::code::serviceUnavailable;
  it.manager.maxAge = 600;
  it.run(590000);
  CHECK_EQ(it.manager.asked, 1U);
  it.manager.maxAge = 86400;
  it.run(100000);
  CHECK_EQ(it.manager.asked, 2U);
  it.manager.code = coap::code::changed;
  it.run(hourMs - 60000);
  CHECK_EQ(it.manager.asked, 2U);
  it.run(hourMs / 5);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("an answer that isn't understood is asked for again later, and nothing is kept") {
  EnrolmentBench it;
  it.manager.body = {0xA0};
  it.run(30000);
  CHECK(it.manager.asked >= 2 && it.manager.asked <= 10);
  CHECK_EQ(it.keeper.calls, 0U);
  it.manager.body = answerOf();
  it.run(120000);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::enrolled);
}

TEST("without the numbers of its key it never says a word") {
  EnrolmentBench it;
  it.settings.oscore = batchKeys();
  it.boot();
  it.run(hourMs);
  CHECK(it.enrolment->outcome() == EnrolmentOutcome::refused);
  CHECK_EQ(it.manager.endpoint().counters().received, 0U);
}
