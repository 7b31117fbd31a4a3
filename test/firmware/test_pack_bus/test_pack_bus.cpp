// Node ids, the election and sending, with one pack and with many on a bus of virtual time.
#include <new>

#include "virtual_bus.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

VirtualBus bus(1);  // too large for a stack; each test makes it anew

VirtualBus& newBus(uint64_t seed = 1) {
  bus.~VirtualBus();
  new (&bus) VirtualBus(seed);
  return bus;
}

can::Frame plain(uint32_t id, uint8_t first = 0) {
  can::Frame frame;
  frame.id = id;
  frame.length = 8;
  frame.data[0] = first;
  return frame;
}

}  // namespace

TEST("a frame that nobody acknowledges is taken back after 100 ms, and the next one has its turn") {
  BusPort port;
  CanSender sender(port);
  sender.queue(plain(0x300));
  sender.queue(plain(0x301));
  sender.step(1000);
  sender.step(1099);
  CHECK_EQ(port.aborts, 0u);
  sender.step(1100);
  CHECK_EQ(port.aborts, 1u);
  CHECK_EQ(port.inFlight.id, 0x301u);
  CHECK_EQ(sender.dropped(), 1u);
  CHECK(!sender.isHeard());
  port.outcome = CanSend::sent;
  sender.step(1101);
  CHECK(sender.isHeard());
}

TEST("off the bus nothing is tried; recovery is begun at once and again each second, and then the queue goes on") {
  BusPort port;
  CanSender sender(port);
  sender.queue(plain(0x300));
  sender.queue(plain(0x301));
  sender.step(1000);
  port.isOff = true;
  for (uint64_t now = 1001; now <= 3100; now++) sender.step(now);
  CHECK_EQ(port.recovers, 3u);
  CHECK_EQ(sender.busOffs(), 1u);
  CHECK(sender.isBusOff());
  port.isOff = false;
  sender.step(3101);
  CHECK_EQ(port.inFlight.id, 0x301u);
  CHECK(!sender.isBusOff());
}

TEST("a full queue loses its oldest frame, and telemetry takes the place of its older value") {
  BusPort port;
  CanSender sender(port);
  for (uint32_t i = 0; i < canQueueMax + 1; i++) sender.queue(plain(0x280 + i));
  CHECK_EQ(sender.waiting(), canQueueMax);
  CHECK_EQ(sender.dropped(), 1u);
  sender.clear();
  sender.queue(plain(0x101, 1));
  sender.queue(plain(0x107, 1));
  sender.queue(plain(0x101, 2));
  sender.queue(plain(0x107, 2));
  CHECK_EQ(sender.waiting(), 3u);
  sender.step(1);
  CHECK_EQ(port.inFlight.id, 0x101u);
  CHECK_EQ(port.inFlight.data[0], 2);
}

TEST("a pack claims three times, 100 to 150 ms apart, and is silent with 11 bits for 500 ms") {
  NodeClaim claim;
  HardwareNumber mac{{1, 2, 3, 4, 5, 0x47}};
  claim.begin(mac, can::DeviceType::energyPack, 0xff, 9, 1000);
  CHECK_EQ(claim.nodeId(), 7);
  uint64_t at[8] = {};
  unsigned claims = 0;
  uint64_t settledAt = 0;
  for (uint64_t now = 1000; now < 3000; now++) {
    can::Frame frame;
    while (claim.step(now, frame)) {
      CHECK(frame.isExtended);
      CHECK_EQ(frame.id, 0x1c040547u);
      if (claims < 8) at[claims++] = now;
    }
    if (settledAt == 0 && claim.isSettled()) settledAt = now;
  }
  CHECK_EQ(claims, 3u);
  CHECK_EQ(at[0], 1000u);
  for (unsigned i = 1; i < 3; i++) CHECK(at[i] - at[i - 1] >= 100 && at[i] - at[i - 1] <= 150);
  CHECK_EQ(settledAt, 1500u);
}

TEST("on a clash the lower MAC moves to the next free id, the holder objects, and nobody else moves") {
  VirtualBus& on = newBus();
  BusMember& high = on.add(900, 5);
  BusMember& low = on.add(100, 5);
  BusMember& next = on.add(500, 6);
  on.power(high);
  on.power(next);
  on.pass(4000);
  on.power(low);
  on.pass(4000);
  CHECK_EQ(high.claim.nodeId(), 5);
  CHECK_EQ(next.claim.nodeId(), 6);
  CHECK_EQ(low.claim.nodeId(), 7);
  CHECK_EQ(on.settledCount(), 3u);
  CHECK_EQ(on.early, 0u);
}

TEST("a holder with the lower MAC gives its id up, is silent while it claims another, and is heard again under that") {
  VirtualBus& on = newBus();
  BusMember& low = on.add(100, 5);
  BusMember& high = on.add(900, 5);
  on.power(low);
  on.pass(10'000);
  on.power(high);
  on.pass(5000);
  CHECK_EQ(high.claim.nodeId(), 5);
  CHECK_EQ(low.claim.nodeId(), 6);
  CHECK_EQ(on.masters(), 1u);
  CHECK(high.election.isMaster());
  CHECK_EQ(low.election.online(on.nowMs), 2);
  CHECK_EQ(on.early, 0u);
}

TEST("of 33 packs one finds no id: it stays silent, claims each 60 s, and takes the id of one that left") {
  VirtualBus& on = newBus(3);
  for (uint32_t i = 0; i < 33; i++) on.power(on.add(1000 + i));
  on.pass(20'000);
  CHECK_EQ(on.settledCount(), 32u);
  CHECK(on.areIdsDistinct());
  CHECK(on.members[0].claim.phase() == NodeClaim::Phase::crowded);
  on.pass(130'000);
  CHECK_EQ(on.settledCount(), 32u);
  CHECK_EQ(on.early, 0u);
  on.unplug(on.members[20]);
  on.pass(200'000);
  CHECK_EQ(on.settledCount(), 32u);
  CHECK(on.members[0].claim.isSettled());
  CHECK(on.areIdsDistinct());
}

TEST("one pack alone is master 3 s after boot, and its frames end at their deadline") {
  VirtualBus& on = newBus();
  BusMember& alone = on.add(77);
  on.power(alone);
  on.pass(2990);
  CHECK(!alone.election.isMaster());
  on.pass(20);
  CHECK(alone.election.isMaster());
  CHECK_EQ(alone.election.rank(on.nowMs), 0);
  on.pass(5000);
  CHECK(alone.port.aborts > 0);
  CHECK(alone.sender.waiting() < 4);
}

TEST("of packs switched on together the highest MAC is master, whatever its id, and each knows its rank") {
  VirtualBus& on = newBus();
  BusMember& middle = on.add(500, 30);
  BusMember& high = on.add(900, 2);
  BusMember& low = on.add(100, 31);
  on.power(middle);
  on.power(high);
  on.power(low);
  on.pass(3500);
  CHECK(high.election.isMaster());
  CHECK_EQ(on.masters(), 1u);
  CHECK_EQ(high.election.rank(on.nowMs), 0);
  CHECK_EQ(middle.election.rank(on.nowMs), 1);
  CHECK_EQ(low.election.rank(on.nowMs), 2);
  CHECK_EQ(low.election.online(on.nowMs), 3);
}

TEST("a controller outranks every pack, however low its MAC") {
  VirtualBus& on = newBus();
  on.power(on.add(900));
  BusMember& controller = on.add(1);
  controller.type = can::DeviceType::energyGateway;
  on.power(controller);
  on.pass(4000);
  CHECK(controller.election.isMaster());
  CHECK_EQ(on.masters(), 1u);
}

TEST("a newly heard higher node takes over within 1 s, and a lower newcomer never leads for a moment") {
  VirtualBus& on = newBus();
  BusMember& first = on.add(500);
  on.power(first);
  on.pass(30'000);
  BusMember& low = on.add(100);
  on.power(low);
  for (int i = 0; i < 10'000; i++) {
    on.step();
    CHECK(first.election.isMaster() && !low.election.isMaster());
  }
  BusMember& high = on.add(900);
  on.power(high);
  uint64_t steppedDownAt = 0;
  uint64_t tookOverAt = 0;
  for (int i = 0; i < 10'000; i++) {
    on.step();
    CHECK(on.masters() <= 1);
    if (steppedDownAt == 0 && !first.election.isMaster()) steppedDownAt = on.nowMs;
    if (tookOverAt == 0 && high.election.isMaster()) tookOverAt = on.nowMs;
  }
  CHECK(tookOverAt != 0 && steppedDownAt != 0);
  CHECK(tookOverAt - steppedDownAt <= 1000);
}

TEST("a lost master is replaced within 125 s, and not while it may only be quiet") {
  VirtualBus& on = newBus();
  for (uint32_t i = 1; i <= 3; i++) on.power(on.add(i * 100));
  on.pass(10'000);
  on.unplug(on.members[2]);
  on.pass(117'000);
  CHECK_EQ(on.masters(), 0u);
  on.pass(8000);
  CHECK(on.members[1].election.isMaster());
  CHECK_EQ(on.masters(), 1u);
  CHECK_EQ(on.members[0].election.online(on.nowMs), 2);
}

TEST("32 packs that lose every tenth frame, want the same ids and restart: one master, and never two on one id once settled") {
  for (uint64_t seed = 1; seed <= 4; seed++) {
    VirtualBus& on = newBus(seed);
    SeededRandom random(seed * 77);
    on.lossPercent = 10;
    for (uint32_t i = 0; i < 32; i++) {
      on.add(static_cast<uint32_t>(random.next()), static_cast<uint8_t>(random.below(8)));
      on.power(on.members[i]);
      on.pass(random.below(300));
    }
    on.pass(20'000);
    CHECK_EQ(on.settledCount(), 32u);
    CHECK(on.areIdsDistinct());
    CHECK_EQ(on.masters(), 1u);
    for (int restart = 0; restart < 10; restart++) {
      BusMember& member = on.members[random.below(32)];
      on.unplug(member);
      on.pass(random.below(500));
      if (random.below(3) == 0) member.stored = static_cast<uint8_t>(random.below(32));
      on.power(member);
      on.pass(6000);
      for (int i = 0; i < 2000; i++) {
        on.step();
        CHECK(on.areIdsDistinct());
      }
      CHECK_EQ(on.masters(), 1u);
    }
    CHECK_EQ(on.early, 0u);
  }
}
