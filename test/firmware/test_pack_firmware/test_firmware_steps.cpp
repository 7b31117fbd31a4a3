// The steps of a transfer one by one: each in its wrong place, doubled, of the wrong size, for another pack, from a second
// gateway.
#include "pack_bench.hpp"

using namespace cx;
using namespace cx::pack;
using can::FirmwarePhase;

namespace {

// A pack that was told nothing yet, and answers in the turn it is asked.
struct Steps {
  PackBench it;
  uint8_t sequence = 0;
  SuitPlan plan;
  Bytes envelope;
  can::FirmwareAck answer;

  Steps() {
    it.run(4000);
    plan = it.planOf(it.image, 5);
    plan.variants = {it.variantOf(PayloadKind::full)};
    envelope = envelopeOf(plan, {&it.maker});
  }
  const FirmwareReceiver& receiver() const { return it.power->firmware.receiver(); }
  CommandResult enter(uint8_t target = PackBench::node) {
    can::OtaEnter enter;
    enter.target = target;
    enter.sequence = ++sequence;
    return said<can::CommandAck>(can::encode(enter));
  }
  template <class Step>
  CommandResult ask(Step step) {
    step.target = PackBench::node;
    if constexpr (!std::is_same_v<Step, can::FirmwareBlock>) step.sequence = ++sequence;
    return said<can::FirmwareAck>(can::encode(step));
  }
  CommandResult begin(can::FirmwarePart part, size_t size) {
    can::FirmwareBegin begin;
    begin.part = part;
    begin.size = static_cast<uint32_t>(size);
    return ask(begin);
  }
  CommandResult end(can::FirmwarePart part) {
    can::FirmwareEnd end;
    end.part = part;
    return ask(end);
  }
  CommandResult block(const Bytes& bytes, uint32_t number, bool hasData = true) {
    if (hasData) data(bytes, number);
    it.gateway.sendBlock(bytes, number);
    return said<can::FirmwareAck>(take());
  }
  void data(const Bytes& bytes, uint32_t number) {
    it.gateway.sendData(bytes, number);
    deliver();
  }
  // To the payload, of which nothing has come.
  void accept() {
    CHECK(enter() == CommandResult::ok);
    CHECK(begin(can::FirmwarePart::manifest, envelope.size()) == CommandResult::ok);
    for (uint32_t i = 0; i < firmwareBlocks(static_cast<uint32_t>(envelope.size())); i++) CHECK(block(envelope, i) == CommandResult::ok);
    CHECK(end(can::FirmwarePart::manifest) == CommandResult::ok);
  }
  void load(uint32_t blocks) {
    CHECK(begin(can::FirmwarePart::payload, it.image.size()) == CommandResult::ok);
    for (uint32_t i = 0; i < blocks; i++) CHECK(block(it.image, i) == CommandResult::ok);
  }

 private:
  can::Frame take() {
    can::Frame frame = it.gateway.out.back();
    it.gateway.out.pop_back();
    deliver();
    return frame;
  }
  void deliver() {
    for (; !it.gateway.out.empty(); it.gateway.out.pop_front()) it.power->can.in.push_back(it.gateway.out.front());
    while (!it.power->can.in.empty()) it.power->pack.step(++it.clock.nowMs);
  }
  template <class Ack>
  CommandResult said(const can::Frame& frame) {
    it.power->can.out.clear();
    it.power->can.in.push_back(frame);
    for (int i = 0; i < 300; i++) {
      it.power->pack.step(++it.clock.nowMs);
      for (; !it.power->can.out.empty(); it.power->can.out.pop_front()) {
        Ack ack;
        if (can::decode(it.power->can.out.front(), ack) != can::Fault::none) continue;
        if constexpr (std::is_same_v<Ack, can::FirmwareAck>) answer = ack;
        return ack.result;
      }
    }
    return CommandResult::unknownCommand;  // no answer
  }
};

constexpr CommandResult silence = CommandResult::unknownCommand;

}  // namespace

TEST("without OTA_ENTER, or for all packs at once, nothing is begun") {
  Steps it;
  CHECK(it.begin(can::FirmwarePart::manifest, 500) == CommandResult::notUpdating);
  CHECK(it.begin(can::FirmwarePart::payload, 500) == CommandResult::notUpdating);
  CHECK(it.block(it.envelope, 0) == CommandResult::notUpdating);
  CHECK(it.end(can::FirmwarePart::manifest) == CommandResult::notUpdating);
  CHECK(it.enter(everyNode) == CommandResult::refused);
  CHECK(it.receiver().phase() == FirmwarePhase::idle);
  CHECK(it.ask(can::FirmwareAbort()) == CommandResult::ok);
}

TEST("the payload isn't begun before the manifest was judged, and then only with the size that the pack asked for") {
  Steps it;
  CHECK(it.enter() == CommandResult::ok);
  CHECK(it.begin(can::FirmwarePart::payload, it.it.image.size()) == CommandResult::notUpdating);
  CHECK(it.end(can::FirmwarePart::manifest) == CommandResult::notUpdating);
  CHECK(it.begin(can::FirmwarePart::manifest, it.envelope.size()) == CommandResult::ok);
  CHECK(it.end(can::FirmwarePart::manifest) == CommandResult::wrongBlock);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::notUpdating);
  it.accept();
  CHECK_EQ(it.receiver().wantedSize(), newImageSize);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::notUpdating);
  CHECK(it.begin(can::FirmwarePart::payload, it.it.image.size() - 1) == CommandResult::outOfRange);
  CHECK(it.begin(can::FirmwarePart::payload, it.it.image.size()) == CommandResult::ok);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::wrongBlock);
}

TEST("a manifest that is larger than a pack takes is out of range before its first byte") {
  Steps it;
  CHECK(it.enter() == CommandResult::ok);
  CHECK(it.begin(can::FirmwarePart::manifest, suitEnvelopeMax + 1) == CommandResult::outOfRange);
  CHECK(it.begin(can::FirmwarePart::manifest, 0xFFFFFFFF) == CommandResult::outOfRange);
  CHECK(it.begin(can::FirmwarePart::manifest, suitEnvelopeMax) == CommandResult::ok);
}

TEST("blocks count in their order: one that was stored is told so, one ahead is told which is wanted") {
  Steps it;
  it.accept();
  it.load(3);
  CHECK(it.block(it.it.image, 5) == CommandResult::wrongBlock);
  CHECK_EQ(it.answer.block, 3);
  CHECK(it.block(it.it.image, 1) == CommandResult::ok);
  CHECK_EQ(it.answer.block, 3);
  CHECK(it.block(it.it.image, 2, false) == CommandResult::ok);
  CHECK(it.block(it.it.image, 3) == CommandResult::ok);
  CHECK_EQ(it.answer.block, 4);
  CHECK(it.block(it.it.image, 40000) == CommandResult::wrongBlock);
}

TEST("a block's frames come in any order and doubled, and a lost one is told as a wrong checksum") {
  Steps it;
  it.accept();
  it.load(0);
  PackBench& bench = it.it;
  bench.gateway.sendData(bench.image, 0);
  std::deque<can::Frame> frames;
  frames.swap(bench.gateway.out);
  std::deque<can::Frame> turned(frames.rbegin(), frames.rend());
  turned.insert(turned.end(), frames.begin(), frames.begin() + 20);
  bench.gateway.out = turned;
  CHECK(it.block(bench.image, 0, false) == CommandResult::ok);
  bench.gateway.sendData(bench.image, 1);
  bench.gateway.out.erase(bench.gateway.out.begin() + 77);
  CHECK(it.block(bench.image, 1, false) == CommandResult::badChecksum);
  CHECK_EQ(it.answer.block, 1);
  CHECK(it.block(bench.image, 1, false) == CommandResult::badChecksum);  // what came before isn't kept
  CHECK(it.block(bench.image, 1) == CommandResult::ok);
}

TEST("steps that are doubled get the same answer, and the manifest's end doesn't judge twice") {
  Steps it;
  it.accept();
  CHECK(it.end(can::FirmwarePart::manifest) == CommandResult::ok);
  it.load(2);
  CHECK(it.begin(can::FirmwarePart::payload, it.it.image.size()) == CommandResult::ok);
  CHECK_EQ(it.answer.block, 2);
  CHECK(it.end(can::FirmwarePart::manifest) == CommandResult::ok);
  CHECK_EQ(it.answer.block, 2);
}

TEST("frames for another pack are nobody's here, and a stranger's data only spoils the block that it falls into") {
  Steps it;
  it.accept();
  it.load(1);
  can::FirmwareEnd other;
  other.target = 5;
  it.it.power->can.in.push_back(can::encode(other));
  can::FirmwareAbort abort;
  abort.target = 5;
  it.it.power->can.in.push_back(can::encode(abort));
  const Bytes foreign = imageOf("foreign", 4096);
  it.data(it.it.image, 1);
  it.data(foreign, 0);
  CHECK(it.block(it.it.image, 1, false) == CommandResult::badChecksum);
  CHECK(it.block(it.it.image, 1) == CommandResult::ok);
  CHECK_EQ(it.receiver().nextBlock(), 2);
}

TEST("a second gateway is told busy while a payload is under way, and after 5 s of silence it takes over") {
  Steps it;
  it.accept();
  it.load(9);
  CHECK(it.enter() == CommandResult::busy);
  CHECK(it.begin(can::FirmwarePart::manifest, it.envelope.size()) == CommandResult::busy);
  CHECK(it.block(it.it.image, 9) == CommandResult::ok);
  it.it.isGatewayOn = false;
  it.it.run(5000);
  it.accept();
  CHECK(it.begin(can::FirmwarePart::payload, it.it.image.size()) == CommandResult::ok);
  CHECK_EQ(it.answer.block, 8);  // what is durable: whole sectors
}

TEST("what an earlier transfer of the image took doesn't count against the next: whose attempt it is only the gateway knows") {
  Steps it;
  for (int i = 0; i < 3; i++) {
    it.accept();
    it.load(1);
    for (int minutes = 0; minutes < 40; minutes++) {
      it.it.clock.nowMs += 59'000;
      CHECK(it.end(can::FirmwarePart::manifest) == CommandResult::ok);
    }
    CHECK(it.block(it.it.image, 1) == CommandResult::ok);
    CHECK(it.ask(can::FirmwareAbort()) == CommandResult::ok);
  }
  it.accept();
  it.load(30);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::ok);
}

TEST("an abort frees the relays, and the next transfer goes on where the slot ends") {
  Steps it;
  it.accept();
  it.load(9);
  CHECK(it.it.power->firmware.holdsRelays());
  CHECK(it.ask(can::FirmwareAbort()) == CommandResult::ok);
  CHECK(!it.it.power->firmware.holdsRelays());
  CHECK(it.block(it.it.image, 9) == CommandResult::notUpdating);
  it.accept();
  CHECK(it.begin(can::FirmwarePart::payload, it.it.image.size()) == CommandResult::ok);
  CHECK_EQ(it.answer.block, 8);
}

TEST("a payload that isn't what the manifest names fails by its digest, and the next one succeeds") {
  Steps it;
  it.accept();
  const Bytes right = it.it.image;
  it.it.image[20000] ^= 1;
  it.load(30);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::badChecksum);
  CHECK(it.receiver().phase() == FirmwarePhase::failed && it.receiver().reason() == "artifact-changed");
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::badChecksum);
  it.it.image = right;
  it.accept();
  it.load(30);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::ok);
  CHECK(it.receiver().phase() == FirmwarePhase::staged);
  CHECK(it.enter() == CommandResult::busy);
  CHECK(it.begin(can::FirmwarePart::manifest, 500) == CommandResult::busy);
  CHECK(it.ask(can::FirmwareAbort()) == CommandResult::busy);
}

TEST("parts of two contents that met in the slot cost one more transfer from the first block") {
  Steps it;
  it.accept();
  const Bytes right = it.it.image;
  it.it.image[2000] ^= 1;
  it.load(9);
  it.it.image = right;
  it.it.isGatewayOn = false;
  it.it.run(5000);
  it.accept();
  CHECK(it.begin(can::FirmwarePart::payload, right.size()) == CommandResult::ok);
  for (uint32_t i = 8; i < 30; i++) CHECK(it.block(right, i) == CommandResult::ok);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::wrongBlock);
  CHECK_EQ(it.answer.block, 0);
  for (uint32_t i = 0; i < 30; i++) CHECK(it.block(right, i) == CommandResult::ok);
  CHECK(it.end(can::FirmwarePart::payload) == CommandResult::ok);
}

TEST("steps with a wrong length or a part that there isn't are told so and change nothing") {
  Steps it;
  it.accept();
  it.load(2);
  can::Frame wrong = can::encode(can::FirmwareEnd());
  const auto sent = [&](const can::Frame& frame) {
    it.it.power->can.out.clear();
    it.it.power->can.in.push_back(frame);
    for (int i = 0; i < 50; i++) it.it.power->pack.step(++it.it.clock.nowMs);
    for (const can::Frame& each : it.it.power->can.out) {
      can::FirmwareAck ack;
      if (can::decode(each, ack) == can::Fault::none) return ack.result;
    }
    return silence;
  };
  wrong.data[0] = PackBench::node;
  wrong.data[3] = 2;
  CHECK(sent(wrong) == CommandResult::outOfRange);
  wrong.length = 3;
  CHECK(sent(wrong) == CommandResult::wrongLength);
  wrong.length = 2;
  CHECK(sent(wrong) == silence);
  wrong.length = 4;
  wrong.data[1] = 9;
  CHECK(sent(wrong) == silence);
  wrong.data[1] = 3;
  wrong.isExtended = true;
  CHECK(sent(wrong) == silence);
  CHECK_EQ(it.receiver().nextBlock(), 2);
}

TEST("what is asked for is told, whole, and then answered") {
  Steps it;
  can::FirmwareAsk ask;
  ask.target = PackBench::node;
  ask.sequence = 77;
  ask.version = ask.runningDigest = ask.limits = ask.boots = ask.state = true;
  it.it.power->can.out.clear();
  it.it.power->can.in.push_back(can::encode(ask));
  for (int i = 0; i < 200; i++) it.it.power->pack.step(++it.it.clock.nowMs);
  unsigned pages = 0, digests = 0;
  bool isAnswered = false;
  for (const can::Frame& each : it.it.power->can.out) {
    can::FirmwareAck ack;
    if ((each.id & 0x780) == 0x680) {
      CHECK(!isAnswered);
      pages++;
      digests += each.data[0] == 4 ? 1 : 0;
    }
    if (can::decode(each, ack) == can::Fault::none) isAnswered = ack.sequence == 77 && ack.result == CommandResult::ok;
  }
  CHECK(isAnswered);
  CHECK_EQ(digests, 7u);
  CHECK_EQ(pages, 7u + 2u + 3u);
}

TEST("whatever frames come, the pack answers or is silent, writes nothing that nobody signed, and goes on") {
  SeededRandom random(3);
  Steps it;
  for (int i = 0; i < 60000; i++) {
    can::Frame frame;
    frame.id = random.below(4) == 0 ? 0x401 : random.below(8) == 0 ? 0x208 : 0x400;
    frame.length = static_cast<uint8_t>(random.below(9));
    for (uint8_t& byte : frame.data) byte = random.byte();
    if (random.below(3) != 0) frame.data[0] = PackBench::node;
    if (random.below(3) != 0) frame.data[1] = static_cast<uint8_t>(random.below(6));
    if (frame.id == 0x400 && frame.data[1] == 1) frame.data[4] = frame.data[5] = frame.data[6] = 0;
    it.it.power->can.in.push_back(frame);
    it.it.power->pack.step(++it.it.clock.nowMs);
    CHECK(it.it.power->slots.durable() == 0);
  }
  it.it.run(61000);
  CHECK(it.receiver().phase() == FirmwarePhase::idle || it.receiver().phase() == FirmwarePhase::failed);
  it.accept();
  it.load(3);
}
