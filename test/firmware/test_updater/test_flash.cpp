// The flash that every power cut here is tried on is stricter than a chip: what it lets pass, any chip does.
#include <cstring>
#include <vector>

#include "check.hpp"
#include "hal_sim/sim_storage.hpp"

using namespace cx;

namespace {

struct Medium {
  std::vector<uint8_t> bytes = std::vector<uint8_t>(sim::Flash::sizeFor(4), 0xFF);
  sim::Flash flash{bytes.data(), static_cast<uint32_t>(bytes.size())};
  // As after a reset: what outlived it is in the bytes.
  void reset() { flash = sim::Flash(bytes.data(), static_cast<uint32_t>(bytes.size())); }
};

constexpr uint8_t page[sim::pageSize] = {};
constexpr uint8_t blank[4] = {0xFF, 0xFF, 0xFF, 0xFF};

bool isBlank(sim::Flash& flash, uint32_t sector) {
  uint8_t bytes[sim::sectorSize];
  CHECK(flash.read(sector * sim::sectorSize, bytes, sizeof bytes) == hal::Code::ok);
  for (const uint8_t each : bytes) {
    if (each != 0xFF) return false;
  }
  return true;
}

}  // namespace

TEST("a unit of flash is written once between two erases, also with what it holds already, and over resets") {
  Medium it;
  CHECK_EQ(it.flash.size(), 4 * sim::sectorSize);
  CHECK(it.flash.write(8, blank, 4) == hal::Code::ok);
  CHECK(it.flash.write(8, blank, 4) == hal::Code::invalid);
  it.reset();
  CHECK(it.flash.write(8, page, 4) == hal::Code::invalid);
  CHECK(it.flash.write(4, page, 8) == hal::Code::invalid);
  CHECK(it.flash.write(12, page, 4) == hal::Code::ok);
  CHECK(it.flash.erase(0) == hal::Code::ok);
  CHECK(it.flash.write(8, page, 4) == hal::Code::ok);
  CHECK_EQ(it.flash.faults(), 2u);
}

TEST("flash is written at aligned places within its range, and never where the running image is") {
  Medium it;
  it.flash.protect(2, 1);
  CHECK(it.flash.write(2, page, 4) == hal::Code::invalid);
  CHECK(it.flash.write(4, page, 6) == hal::Code::invalid);
  CHECK(it.flash.write(4 * sim::sectorSize - 4, page, 8) == hal::Code::invalid);
  CHECK(it.flash.erase(4) == hal::Code::invalid);
  CHECK(it.flash.erase(2) == hal::Code::invalid);
  CHECK(it.flash.write(2 * sim::sectorSize - 4, page, 8) == hal::Code::invalid);
  CHECK_EQ(it.flash.faults(), 6u);
  CHECK_EQ(it.flash.operations(), 0u);
}

TEST("power that goes within a write leaves bits of it, and what they touched can't be written again") {
  uint32_t none = 0, whole = 0, torn = 0;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    Medium it;
    it.flash.cutPowerAfter(1, seed);
    CHECK(it.flash.write(0, page, sizeof page) == hal::Code::io);
    CHECK(!it.flash.hasPower());
    CHECK(it.flash.write(0, page, 4) == hal::Code::io);
    it.reset();
    uint32_t zeros = 0;
    for (uint32_t at = 0; at < sizeof page; at += 4) {
      uint8_t unit[4];
      CHECK(it.flash.read(at, unit, 4) == hal::Code::ok);
      const bool isTouched = std::memcmp(unit, blank, 4) != 0;
      const bool isWhole = std::memcmp(unit, page, 4) == 0;
      if (isTouched && !isWhole) ++torn;
      zeros += isWhole ? 1 : 0;
      CHECK((it.flash.write(at, page, 4) == hal::Code::ok) == !isTouched);
    }
    if (zeros == 0) ++none;
    if (zeros == sizeof page / 4) ++whole;
  }
  CHECK(none < 16 && whole < 16 && torn > 64);
}

TEST("a sector whose erase power cut short is written no more before another erase, whatever it looks like") {
  uint32_t untouched = 0, blanks = 0, halves = 0;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    Medium it;
    for (uint32_t at = 0; at < sim::sectorSize - sim::pageSize; at += sim::pageSize) CHECK(it.flash.write(at, page, sizeof page) == hal::Code::ok);
    it.flash.cutPowerAfter(1, seed);
    CHECK(it.flash.erase(0) == hal::Code::io);
    it.reset();
    uint8_t first[4];
    CHECK(it.flash.read(0, first, 4) == hal::Code::ok);
    const bool isBegun = it.flash.write(sim::sectorSize - 4, page, 4) == hal::Code::invalid;
    if (!isBegun) ++untouched;
    else if (isBlank(it.flash, 0)) ++blanks;
    else ++halves;
    if (isBegun) CHECK(it.flash.write(0, page, 4) == hal::Code::invalid);
    CHECK(it.flash.erase(0) == hal::Code::ok);
    CHECK(it.flash.write(0, page, 4) == hal::Code::ok);
  }
  CHECK(untouched > 4 && blanks > 4 && halves > 16);
}

TEST("of a value that is put, power that goes at any operation leaves the old or the new one, through many compactions") {
  uint32_t cuts = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Medium it;
    uint32_t known = 0;
    for (uint32_t boot = 0; boot < 60; ++boot) {
      it.reset();
      it.flash.cutPowerAfter(1 + static_cast<uint32_t>((boot * 7 + seed) % 23), seed * 1000 + boot);
      sim::Storage storage(it.flash, 0, 2);
      uint32_t value[75] = {}, read[75] = {};
      if (storage.mount() == hal::Code::ok) {
        const hal::Io io = storage.get("value", reinterpret_cast<uint8_t*>(read), sizeof read);
        // What was under way when power went may have come to its end, or not.
        if (known != 0) CHECK(io.code == hal::Code::ok && (read[0] == known || read[0] == known + 1) && read[74] == read[0]);
        if (io.code == hal::Code::ok) known = read[0];
      }
      while (it.flash.hasPower()) {
        for (uint32_t& each : value) each = known + 1;
        if (storage.put("value", reinterpret_cast<const uint8_t*>(value), sizeof value) != hal::Code::ok) break;
        ++known;
        const hal::Io io = storage.get("value", reinterpret_cast<uint8_t*>(read), sizeof read);
        CHECK(io.code == hal::Code::ok && std::memcmp(read, value, sizeof value) == 0);
      }
      CHECK_EQ(it.flash.faults(), 0u);
      if (!it.flash.hasPower()) ++cuts;
    }
  }
  CHECK_EQ(cuts, 360u);
}
