// A node that enrols and a manager that has its key, on one virtual clock; the node's flash outlives its power.
#pragma once
#include "../test_node/node_bench.hpp"
#include "check.hpp"
#include "enrolment.hpp"
#include "enrolment_keys.hpp"

using namespace cx;

inline OscoreCredentials claimKeys() {
  FixedText<claimCodeLength> code;
  OscoreCredentials keys;
  CHECK(isOk(parseClaimCode("3AHRZ-6DMV2-9GQY5-CKT1V", code)));
  CHECK(isOk(deriveClaimKeys(code, keys)));
  return keys;
}

// The manager's end: answers POST /enrol as the test says.
class EnrollingManager final : public CoapService {
 public:
  EnrollingManager(hal::UdpSocket& socket, sim::Clock& clock, const OscoreCredentials& node)
      : storage_(flash_, 0, 1), session_(entropy_, clock), endpoint_(socket, clock, entropy_, memory_.memory()) {
    (void)storage_.mount();
    learn(node);
    endpoint_.secure(&session_);
    static constexpr CoapRoute routes[] = {{"enrol", coap::method::post, 0, false, CoapReplay::once, "", true}};
    (void)endpoint_.start(5683, routes, this);
  }
  void learn(const OscoreCredentials& node) {
    OscoreCredentials own = node;
    own.senderId = node.recipientId;
    own.recipientId = node.senderId;
    OscoreKeys keys;
    CHECK(isOk(deriveOscoreKeys(own, keys)));
    CHECK(isOk(OscoreSequence::create(storage_, keys)));
    CHECK(isOk(session_.open(own, storage_, nullptr, nullptr)));
  }
  CoapEndpoint& endpoint() { return endpoint_; }

  uint8_t code = coap::code::changed;
  std::vector<uint8_t> body;  // of the answer
  int32_t maxAge = -1;
  uint32_t asked = 0;

 private:
  void onRequest(const CoapServerRequest& request, CoapReply& reply) override {
    CHECK(request.isProtected && request.payload.empty());
    asked++;
    reply.code = code;
    reply.maxAge = maxAge;
    if (code != coap::code::changed) return reply.putText("no");
    std::memcpy(reply.buffer.data(), body.data(), body.size());
    reply.size = body.size();
    reply.contentFormat = coap::format::cbor;
  }
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(sim::Flash::sizeFor(2), 0xFF);
  sim::Flash flash_{bytes_.data(), static_cast<uint32_t>(bytes_.size())};
  sim::Storage storage_;
  sim::Entropy entropy_{99};
  OscoreSession session_;
  CoapStorage<CoapLimitsHost> memory_;
  CoapEndpoint endpoint_;
};

inline std::vector<uint8_t> answerOf(std::string_view id = "porch", const char* secret = "0102030405060708090a0b0c0d0e0f10") {
  uint8_t buffer[200], bytes[16];
  CHECK(isOk(parseHex(secret, bytes)));
  CborWriter writer(buffer);
  writer.putMap(2);
  writer.putText("id");
  writer.putText(id);
  writer.putText("oscore");
  writer.putMap(4);
  writer.putText("senderId");
  writer.putBytes(ByteSpan(bytes, 4));
  writer.putText("masterSalt");
  writer.putBytes(ByteSpan(bytes, 8));
  writer.putText("recipientId");
  writer.putBytes(ByteSpan());
  writer.putText("masterSecret");
  writer.putBytes(ByteSpan(bytes, 16));
  const Expected<ByteSpan> all = writer.finish();
  CHECK(all.hasValue());
  return std::vector<uint8_t>(all->begin(), all->end());
}

struct Keeper final : CredentialKeeper {
  uint32_t calls = 0;
  uint32_t failures = 0;  // so many first calls
  Status failure = Status::io;
  std::vector<std::string> kept;
  Status keep(const EnrolledCredentials& credentials) override {
    if (calls++ < failures) return failure;
    kept.push_back(std::string(credentials.id.view()));
    CHECK_EQ(credentials.oscore.masterSecret.size(), 16U);
    CHECK_EQ(credentials.oscore.masterSalt.size(), 8U);
    CHECK_EQ(credentials.oscore.senderId.size(), 4U);
    return Status::ok;
  }
};

struct EnrolmentBench {
  explicit EnrolmentBench(const OscoreCredentials& keys = claimKeys()) : manager(managerWire, clock, keys) {
    nodeWire.peer = &managerWire;
    managerWire.peer = &nodeWire;
    const std::vector<uint8_t> image = imageOf("CXSIM 1.0.0 ok\n", 9000);
    sim::Flash medium(flash.data(), benchFlashSize);
    sim::Storage storage(medium, 0, sim::storageSectorsPerArea);
    sim::Slots slots(medium, storage);
    (void)slots.install(image.data(), static_cast<uint32_t>(image.size()));
    OscoreKeys derived;
    CHECK(isOk(deriveOscoreKeys(keys, derived)) && isOk(storage.mount() == hal::Code::ok ? Status::ok : Status::io));
    CHECK(isOk(OscoreSequence::create(storage, derived)));
    settings.managerHost.assignCut("10.0.0.1");
    settings.isProtected = true;
    settings.oscore = keys;
    manager.body = answerOf();
    boot();
  }
  void boot() {
    enrolment.reset();
    power = std::make_unique<PowerCycle>(flash, clock, nodeWire, hal::ResetReason::powerOn, ++boots);
    nodeWire.inbox.clear();
    enrolment = std::make_unique<Enrolment>(power->hal, power->profile, settings, power->memory.memory(), keeper);
  }
  bool isOver() const { return power->system.ending != CX_SIM_RUNNING || enrolment->outcome() != EnrolmentOutcome::none; }
  // Both take turns. `cutAt`: power goes when so many datagrams went over the wire in this run, the last one with it; 0: never.
  void run(uint32_t ms, uint32_t cutAt = 0) {
    uint32_t carried = 0;
    for (const uint64_t end = clock.nowMs + ms; clock.nowMs < end && !isOver();) {
      uint64_t due = enrolment->step(clock.nowMs);
      carried += note(managerWire.inbox);
      if (cutAt != 0 && carried >= cutAt) return managerWire.inbox.clear();
      if (isSilent) managerWire.inbox.clear();
      manager.endpoint().poll();
      carried += note(nodeWire.inbox);
      if (cutAt != 0 && carried >= cutAt) return nodeWire.inbox.clear();
      if (manager.endpoint().nextDueMs() < due) due = manager.endpoint().nextDueMs();
      if (!nodeWire.inbox.empty() || !managerWire.inbox.empty() || due <= clock.nowMs) due = clock.nowMs + 1;
      clock.nowMs = due < end ? due : end;
    }
  }
  // The datagrams that wait now; each that isn't an empty message must be protected, unless the manager refuses in the clear.
  uint32_t note(const std::vector<Wire::Row>& rows) {
    for (const Wire::Row& row : rows) {
      CoapMessage message;
      ByteSpan value;
      CHECK(isOk(decodeCoap(ByteSpan(row.bytes.data(), row.bytes.size()), message).status));
      const bool isPlain = message.code != coap::code::empty && !findOption(message.options, coap::option::oscore, value);
      if (isPlain && row.from == nodeWire.address) plainRequests++;
    }
    return static_cast<uint32_t>(rows.size());
  }

  std::vector<uint8_t> flash = std::vector<uint8_t>(benchFlashSize, 0xFF);
  sim::Clock clock;
  Wire nodeWire{addressOf("10.0.1.1", 5683)};
  Wire managerWire{addressOf("10.0.0.1", 5683)};
  NodeSettings settings;
  EnrollingManager manager;
  Keeper keeper;
  std::unique_ptr<PowerCycle> power;
  std::unique_ptr<Enrolment> enrolment;
  bool isSilent = false;
  uint64_t boots = 0;
  uint32_t plainRequests = 0;
};
