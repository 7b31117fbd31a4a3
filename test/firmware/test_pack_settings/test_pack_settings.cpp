// What a pack keeps in flash, and how seldom it writes it.
#include <cstring>

#include "../check.hpp"
#include "pack/pack_modes.hpp"
#include "pack/settings_store.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

class FakeStorage final : public hal::Storage {
 public:
  uint8_t value[64] = {};
  uint32_t size = 0;
  bool fails = false;
  unsigned puts = 0;

  hal::Io get(const char* key, uint8_t* out, uint32_t capacity) override {
    if (std::strcmp(key, "pack") != 0 || size == 0) return {hal::Code::notFound, 0};
    if (size > capacity) return {hal::Code::invalid, 0};
    std::memcpy(out, value, size);
    return {hal::Code::ok, size};
  }
  hal::Code put(const char*, const uint8_t* data, uint32_t length) override {
    puts++;
    if (fails) return hal::Code::io;
    std::memcpy(value, data, length);
    size = length;
    return hal::Code::ok;
  }
  hal::Code remove(const char*) override { return hal::Code::ok; }
};

Kept someSettings() {
  Kept kept;
  kept.settings.selfConsumption = kept.settings.backup = true;
  kept.settings.ecoShedsOutput = false;
  kept.settings.areLoadsBehindInverter = true;
  kept.settings.ecoLimitWatts = 3210;
  kept.settings.touStart = 1320;
  kept.settings.touEnd = 360;
  kept.settings.importLimitKwh = 30;
  kept.settings.charge = {44000, 58000};
  kept.nodeId = 17;
  kept.deviceType = can::DeviceType::energyGateway;
  return kept;
}

}  // namespace

TEST("without a record, with a damaged one, or one of another size there are the defaults, and nothing is written for it") {
  FakeStorage storage;
  SettingsStore store(storage);
  CHECK(store.load() == Kept());
  for (uint64_t now = 0; now < 100'000; now += 100) store.step(Kept(), now);
  CHECK_EQ(storage.puts, 0u);
  store.flush(someSettings(), 0);
  const uint32_t size = storage.size;
  for (uint32_t at = 0; at < size; at++) {
    storage.value[at] = static_cast<uint8_t>(storage.value[at] ^ 0x40);
    CHECK(SettingsStore(storage).load() == Kept());
    storage.value[at] = static_cast<uint8_t>(storage.value[at] ^ 0x40);
  }
  storage.size--;
  CHECK(SettingsStore(storage).load() == Kept());
  storage.size++;
  CHECK(SettingsStore(storage).load() == someSettings());
}

TEST("storage that fails is tried again each minute, not each turn") {
  FakeStorage storage;
  storage.fails = true;
  SettingsStore store(storage);
  (void)store.load();
  for (uint64_t now = 0; now < 130'000; now += 100) store.step(someSettings(), now);
  CHECK_EQ(storage.puts, 3u);
  CHECK(store.hasFailed());
  storage.fails = false;
  for (uint64_t now = 130'000; now < 200'000; now += 100) store.step(someSettings(), now);
  CHECK_EQ(storage.puts, 4u);
  CHECK(!store.hasFailed());
}

TEST("many changes in a row are one write, 3 s after the last, and a change taken back is none") {
  FakeStorage storage;
  SettingsStore store(storage);
  Kept kept = store.load();
  uint64_t now = 0;
  for (int i = 0; i < 50; i++, now += 200) {
    kept.settings.ecoLimitWatts = static_cast<uint16_t>(1000 + i);
    store.step(kept, now);
  }
  CHECK_EQ(storage.puts, 0u);
  for (const uint64_t end = now + 10'000; now < end; now += 200) store.step(kept, now);
  CHECK_EQ(storage.puts, 1u);
  const Kept before = kept;
  kept.settings.eco = true;
  store.step(kept, now);
  store.step(before, now + 1000);
  store.step(before, now + 60'000);
  CHECK_EQ(storage.puts, 1u);
  CHECK(SettingsStore(storage).load() == before);
}

TEST("a day of sun, load, shedding, lock-out and messages of the time writes nothing at all") {
  FakeStorage storage;
  SettingsStore store(storage);
  store.flush(someSettings(), 0);
  const unsigned before = storage.puts;
  Kept kept = store.load();
  kept.settings.eco = kept.settings.gridLimit = kept.settings.timeOfUse = true;
  store.flush(kept, 0);
  CHECK_EQ(storage.puts, before + 1);
  PackModes modes;
  modes.begin(nullptr);
  WallClock clock;
  can::Time noon;
  noon.hour = 12;
  noon.day = 1;
  noon.month = 6;
  noon.year = 2026;
  CHECK(clock.set(noon, 0));
  unsigned lockedTicks = 0;
  for (uint64_t now = 0; now < 86'400'000; now += tickMs) {
    LocalTime time;
    CHECK(clock.read(now, time));
    ModesInput in;
    in.nowMs = now;
    in.charge = {true, static_cast<uint8_t>(now / 60'000 % 101), now};
    in.gridWatts = modes.relays().grid ? 9000 : 0;
    in.loadWatts = static_cast<int32_t>(now / 1000 % 7000);
    in.time = &time;
    modes.tick(in, kept.settings);
    lockedTicks += modes.importLimit().isLockedOut() ? 1 : 0;
    store.step(kept, now);
  }
  CHECK(lockedTicks > 0);
  CHECK_EQ(storage.puts, before + 1);
}
