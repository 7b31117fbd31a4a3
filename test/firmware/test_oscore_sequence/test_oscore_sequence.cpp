// A sequence number is never used twice: not over restarts, not when power goes in the middle of any write.
#include <cstring>

#include "check.hpp"
#include "hal_sim/sim_storage.hpp"
#include "hex.hpp"
#include "oscore_sequence.hpp"

using namespace cx;

namespace {

constexpr uint32_t flashSize = sim::Flash::sizeFor(2);
constexpr uint64_t numbersMax = 12 * OscoreSequence::stride;

// Each number that was handed out, over all restarts.
struct Used {
  uint8_t bits[numbersMax / 8] = {};
  uint32_t twice = 0;
  uint32_t count = 0;
  void note(uint64_t number) {
    CHECK(number < numbersMax);
    if (number >= numbersMax) return;
    uint8_t& byte = bits[number / 8];
    const auto bit = static_cast<uint8_t>(1U << (number % 8));
    if ((byte & bit) != 0) twice++;
    byte |= bit;
    count++;
  }
};

// Memory that a reset leaves alone. Power may go in the middle of a store, and what is left is half old, half new.
class Retained final : public hal::RetainedMemory {
 public:
  uint8_t bytes[hal::retainedSize] = {};
  uint32_t stores = 0;
  uint32_t tearAt = 0;  // the store that is cut; 0: none
  void load(uint8_t (&out)[hal::retainedSize]) override { std::memcpy(out, bytes, sizeof bytes); }
  void store(const uint8_t (&in)[hal::retainedSize]) override {
    stores++;
    std::memcpy(bytes, in, stores == tearAt ? sizeof bytes / 2 : sizeof bytes);
  }
};

uint8_t flashBytes[flashSize];
Used used;

OscoreKeys keys(uint8_t last = 16) {
  OscoreCredentials credentials;
  uint8_t secret[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, last};
  (void)credentials.masterSecret.assign(secret);
  (void)credentials.senderId.assign(Hex<1>("01").view());
  OscoreKeys out;
  CHECK(isOk(deriveOscoreKeys(credentials, out)));
  return out;
}

void blankFlash() {
  std::memset(flashBytes, 0xFF, sizeof flashBytes);
  used = Used{};
}

// `filled`: how often another value was written meanwhile, so that the area runs full sooner or later.
void provision(uint32_t filled = 0) {
  blankFlash();
  sim::Flash flash(flashBytes, flashSize);
  sim::Storage storage(flash, 0, 1);
  CHECK(storage.mount() == hal::Code::ok);
  CHECK(isOk(OscoreSequence::create(storage, keys())));
  for (uint32_t i = 0; i < filled; i++) {
    const uint8_t value[64] = {static_cast<uint8_t>(i)};
    CHECK(storage.put("other", value, sizeof value) == hal::Code::ok);
  }
}

// One run from power on; power goes in its `cut`-th write to flash (0: never). Takes up to `count` numbers.
Status run(uint32_t cut, uint32_t count, hal::RetainedMemory* retained = nullptr) {
  sim::Flash flash(flashBytes, flashSize);
  flash.cutPowerAfter(cut);
  sim::Storage storage(flash, 0, 1);
  if (storage.mount() != hal::Code::ok) return Status::io;
  OscoreSequence sequence;
  CX_TRY(sequence.open(storage, retained, keys()));
  for (uint32_t i = 0; i < count; i++) {
    const Expected<uint64_t> number = sequence.take();
    if (!number) return number.status();
    used.note(*number);
  }
  return Status::ok;
}

}  // namespace

TEST("numbers begin at 0, and after a restart above the bound that storage holds") {
  provision();
  CHECK(isOk(run(0, 3)));
  CHECK_EQ(used.bits[0], 0x07);
  CHECK(isOk(run(0, 2)));
  CHECK_EQ(used.bits[OscoreSequence::stride / 8], 0x03);
  CHECK_EQ(used.count, 5U);
}

TEST("without a record no number is given: it was lost, and they can't begin anew") {
  blankFlash();
  CHECK(run(0, 1) == Status::notFound);
  CHECK_EQ(used.count, 0U);
}

TEST("a record that can't be read gives no number, and can't be made anew") {
  provision();
  sim::Flash flash(flashBytes, flashSize);
  sim::Storage storage(flash, 0, 1);
  CHECK(storage.mount() == hal::Code::ok);
  // The same key with another shape, as a damaged value would have.
  struct Damaged final : hal::Storage {
    hal::Io get(const char*, uint8_t*, uint32_t) override { return {code, 0}; }
    hal::Code put(const char*, const uint8_t*, uint32_t) override {
      puts++;
      return hal::Code::ok;
    }
    hal::Code remove(const char*) override { return hal::Code::ok; }
    hal::Code code = hal::Code::corrupt;
    uint32_t puts = 0;
  } damaged;
  OscoreSequence sequence;
  CHECK(sequence.open(damaged, nullptr, keys()) == Status::malformed);
  CHECK(sequence.take().status() == Status::closed);
  CHECK(OscoreSequence::create(damaged, keys()) == Status::malformed);
  damaged.code = hal::Code::ok;  // of no size
  CHECK(sequence.open(damaged, nullptr, keys()) == Status::malformed);
  CHECK_EQ(damaged.puts, 0U);
}

TEST("making the record again leaves the numbers where they are") {
  provision();
  CHECK(isOk(run(0, 5)));
  {
    sim::Flash flash(flashBytes, flashSize);
    sim::Storage storage(flash, 0, 1);
    CHECK(storage.mount() == hal::Code::ok);
    CHECK(isOk(OscoreSequence::create(storage, keys())));
  }
  CHECK(isOk(run(0, 5)));
  CHECK_EQ(used.twice, 0U);
}

TEST("other keys have numbers of their own in the same storage") {
  provision();
  CHECK(isOk(run(0, 5)));
  sim::Flash flash(flashBytes, flashSize);
  sim::Storage storage(flash, 0, 1);
  CHECK(storage.mount() == hal::Code::ok);
  OscoreSequence other;
  CHECK(other.open(storage, nullptr, keys(17)) == Status::notFound);
  CHECK(isOk(OscoreSequence::create(storage, keys(17))));
  CHECK(isOk(other.open(storage, nullptr, keys(17))));
  CHECK_EQ(*other.take(), 0ULL);
  CHECK(isOk(run(0, 5)));
  CHECK_EQ(used.twice, 0U);
}

TEST("whichever write to flash power cuts, no number is used twice") {
  uint32_t cuts = 0;
  for (uint32_t filled = 0; filled < 60; filled = filled == 0 ? 40 : filled + 1) {
    for (uint32_t cut = 1; cut < 40; cut++) {
      provision(filled);
      const Status status = run(cut, OscoreSequence::stride + 10);
      if (!isOk(status)) cuts++;
      for (uint32_t again = 1; again < 4; again++) (void)run(again, 5);  // and cut again, right after the start
      CHECK(isOk(run(0, 20)));
      CHECK_EQ(used.twice, 0U);
      if (isOk(status)) break;
    }
  }
  CHECK(cuts > 2 * 20);  // each write of the runs was cut, and those that move the area as well
}

TEST("after a reset that retained memory outlived, numbers go on without a gap and without a write") {
  provision();
  Retained retained;
  CHECK(isOk(run(0, 10, &retained)));
  CHECK(isOk(run(1, 10, &retained)));  // the first write would fail
  CHECK(isOk(run(0, 10, &retained)));
  CHECK_EQ(used.twice, 0U);
  CHECK_EQ(used.bits[3], 0x3F);  // 24..29: thirty in a row
}

TEST("retained memory of another time, of other keys, torn or of noise, is not believed") {
  for (uint32_t tear = 1; tear <= 30; tear++) {
    provision();
    Retained retained;
    retained.tearAt = tear;
    // A torn store is the last thing of a run.
    CHECK(isOk(run(0, tear, &retained)));
    CHECK(isOk(run(0, 5, &retained)));
    CHECK_EQ(used.twice, 0U);
  }
  provision();
  Retained old;
  CHECK(isOk(run(0, 10, &old)));
  CHECK(isOk(run(0, 10)));
  CHECK(isOk(run(0, 10)));
  CHECK(isOk(run(0, 10, &old)));  // says 10, and flash is two bounds further
  CHECK_EQ(used.twice, 0U);
  Retained noise;
  std::memset(noise.bytes, 0x5A, sizeof noise.bytes);
  CHECK(isOk(run(0, 10, &noise)));
  CHECK_EQ(used.twice, 0U);
}

TEST("the last number is the last: there are no more after 2^40") {
  struct Full final : hal::Storage {
    hal::Io get(const char*, uint8_t* out, uint32_t) override {
      const uint64_t bound = oscore::sequenceEnd - 1;
      for (unsigned i = 0; i < 8; i++) out[i] = static_cast<uint8_t>(bound >> (8 * i));
      return {hal::Code::ok, 8};
    }
    hal::Code put(const char*, const uint8_t*, uint32_t) override { return hal::Code::ok; }
    hal::Code remove(const char*) override { return hal::Code::ok; }
  } full;
  OscoreSequence sequence;
  CHECK(isOk(sequence.open(full, nullptr, keys())));
  CHECK_EQ(*sequence.take(), oscore::sequenceEnd - 1);
  CHECK(sequence.take().status() == Status::exhausted);
}
