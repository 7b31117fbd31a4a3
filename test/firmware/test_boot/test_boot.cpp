// The boot loader and the slots against a medium that loses power at every single operation, in every way it can.
#include <cstring>
#include <initializer_list>

#include "check.hpp"
#include "hal_host/boot_loader.hpp"
#include "hal_host/file_image_slots.hpp"
#include "sha256.hpp"
#include "volatile_files.hpp"

using namespace cx::host;
using cx::hal::ImageIdentity;
using cx::hal::RollbackReason;
using cx::hal::Slot;

namespace {

using Bytes = VolatileFiles::Bytes;

Bytes imageOf(uint8_t seed, uint32_t size) {
  Bytes bytes(size);
  for (uint32_t i = 0; i < size; i++) bytes[i] = static_cast<uint8_t>(seed + i * 7 + i / 251);
  return bytes;
}

ImageIdentity identityOf(const Bytes& bytes) {
  ImageIdentity identity;
  identity.size = static_cast<uint32_t>(bytes.size());
  cx::Sha256 hash;
  hash.update(cx::ByteSpan(bytes.data(), bytes.size()));
  hash.finish(identity.digest);
  return identity;
}

class Reader final : public SlotReader {
 public:
  explicit Reader(VolatileFiles& files) : files_(files) {}
  Code digestOf(Slot slot, uint32_t size, uint8_t* digest) override {
    Bytes* bytes = files_.contents(slotFile(slot));
    if (bytes == nullptr || bytes->size() != size) return Code::corrupt;
    std::memcpy(digest, identityOf(*bytes).digest, cx::hal::digestSize);
    return Code::ok;
  }

 private:
  VolatileFiles& files_;
};

const Bytes oldImage = imageOf(1, 3 * durableBlock + 100);
const Bytes newImage = imageOf(2, 3 * durableBlock + 5000);

// One machine: a medium and whatever the last boot chose.
struct Machine {
  VolatileFiles files;
  Reader reader{files};
  BootChoice choice;

  Machine() {
    (void)files.write("slot-a", 0, oldImage.data(), static_cast<uint32_t>(oldImage.size()));
    (void)files.sync("slot-a");
    (void)files.syncFolder();
    BootLoader loader(files, reader);
    CHECK(loader.install(Slot::a, identityOf(oldImage)) == Code::ok);
  }

  Code boot(RunEnd end) {
    BootLoader loader(files, reader);
    Code code = loader.load();
    if (code == Code::ok) code = loader.prepare(end, choice);
    return code;
  }
  bool runs(const Bytes& image) {
    Bytes* bytes = files.contents(slotFile(choice.slot));
    return bytes != nullptr && *bytes == image;
  }
  // The node downloads `newImage` in small pieces and stages it. False: the power went.
  bool download() {
    FileImageSlots slots(files);
    if (slots.load(choice.slot, choice.safe) != Code::ok) return false;
    if (slots.begin(identityOf(newImage)) != Code::ok) return false;
    uint8_t back[1000];
    for (uint32_t at = slots.durable(); at < newImage.size();) {
      const uint32_t rest = static_cast<uint32_t>(newImage.size()) - at;
      const uint32_t part = rest < 1500 ? rest : 1500;
      if (slots.write(at, newImage.data() + at, part) != Code::ok) return false;
      at += part;
    }
    if (slots.flush() != Code::ok) return false;
    const auto io = slots.read(0, back, sizeof back);
    if (io.code != Code::ok || std::memcmp(back, newImage.data(), io.size) != 0) return false;
    return slots.makeTrial() == Code::ok;
  }
  bool confirm() {
    FileImageSlots slots(files);
    return slots.load(choice.slot, choice.safe) == Code::ok && slots.confirm() == Code::ok;
  }
  // A whole update from wherever the machine is. False: the power went on the way.
  bool update() {
    if (!runs(newImage) && (!download() || boot(RunEnd::restart) != Code::ok || files.isOff())) return false;
    if (choice.trial && !confirm()) return false;
    return boot(RunEnd::restart) == Code::ok && !files.isOff();
  }
  cx::hal::BootInfo info() {
    FileImageSlots slots(files);
    (void)slots.load(choice.slot, choice.safe);
    return slots.boot();
  }
};

}  // namespace

TEST("power lost at any operation of an update, in any way, leaves a machine that boots and completes the next try") {
  long cases = 0;
  for (Loss loss : {Loss::all, Loss::nothing, Loss::contents, Loss::names}) {
    for (long n = 1;; n++) {
      Machine machine;
      CHECK(machine.boot(RunEnd::power) == Code::ok);
      machine.files.loseAt(n);
      const bool isDone = machine.update();
      if (isDone && !machine.files.isOff()) break;
      cases++;
      machine.files.powerCycle(loss);
      if (machine.boot(RunEnd::power) != Code::ok) {
        CHECK_EQ(n, -1);
        return;
      }
      CHECK(machine.runs(oldImage) || machine.runs(newImage));
      if (!machine.update() || !machine.runs(newImage) || machine.choice.trial) {
        CHECK_EQ(n, -2);
        return;
      }
    }
  }
  CHECK(cases > 200);
}

TEST("power lost twice in a row, the second time while recovering from the first, still leaves a machine that boots") {
  for (long first = 1; first < 60; first += 3) {
    for (long second = 1; second < 60; second += 2) {
      Machine machine;
      CHECK(machine.boot(RunEnd::power) == Code::ok);
      for (long n : {first, second}) {
        machine.files.loseAt(n);
        (void)machine.update();
        machine.files.powerCycle(n % 2 == 0 ? Loss::all : Loss::contents);
        if (machine.boot(RunEnd::power) != Code::ok || !(machine.runs(oldImage) || machine.runs(newImage))) {
          CHECK_EQ(first * 1000 + second, -1);
          return;
        }
      }
      CHECK(machine.update() && machine.runs(newImage));
    }
  }
}

TEST("a download goes on at the last durable block after a power loss") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok);
  {
    FileImageSlots slots(machine.files);
    CHECK(slots.load(Slot::a, false) == Code::ok && slots.begin(identityOf(newImage)) == Code::ok);
    CHECK(slots.write(0, newImage.data(), 2 * durableBlock + 77) == Code::ok);
  }
  machine.files.powerCycle(Loss::nothing);  // even with the tail on the medium: nobody knows that it is whole
  CHECK(machine.boot(RunEnd::power) == Code::ok);
  FileImageSlots slots(machine.files);
  CHECK(slots.load(Slot::a, false) == Code::ok && slots.begin(identityOf(newImage)) == Code::ok);
  CHECK_EQ(slots.durable(), 2 * durableBlock);
  CHECK(slots.write(5, newImage.data(), 1) == Code::invalid);
  // Another image under way: nothing of the first is taken over.
  CHECK(slots.begin(identityOf(imageOf(3, 9000))) == Code::ok);
  CHECK_EQ(slots.durable(), 0u);
  CHECK_EQ(machine.files.contents("slot-b")->size(), 0u);
}

TEST("the running slot and the one to go back to are never written") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download() && machine.boot(RunEnd::restart) == Code::ok);
  CHECK(machine.choice.trial);
  FileImageSlots slots(machine.files);
  CHECK(slots.load(machine.choice.slot, false) == Code::ok);
  CHECK(slots.begin(identityOf(imageOf(3, 100))) == Code::denied);
  CHECK(slots.write(0, newImage.data(), 1) == Code::closed);
  CHECK(slots.rollBack(RollbackReason::selfTest) == Code::ok);
  CHECK(slots.begin(identityOf(imageOf(3, 100))) == Code::denied);
  CHECK(*machine.files.contents("slot-a") == oldImage);
}

TEST("a trial that crashes three times is left, with the reason and the digest, and the reason stays") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download() && machine.boot(RunEnd::restart) == Code::ok);
  CHECK(machine.runs(newImage) && machine.info().trial);
  CHECK(machine.boot(RunEnd::crash) == Code::ok && machine.runs(newImage));
  CHECK(machine.boot(RunEnd::crash) == Code::ok && machine.runs(newImage));
  CHECK_EQ(machine.info().bootCount, 3);
  CHECK(machine.boot(RunEnd::crash) == Code::ok && machine.runs(oldImage));
  for (RunEnd end : {RunEnd::restart, RunEnd::power}) {
    const auto info = machine.info();
    CHECK(info.rolledBack && !info.trial && !info.safe);
    CHECK(info.rolledBackReason == RollbackReason::crash);
    CHECK(std::memcmp(info.rolledBackDigest, identityOf(newImage).digest, cx::hal::digestSize) == 0);
    CHECK(machine.boot(end) == Code::ok && machine.runs(oldImage));
  }
}

TEST("watchdog, time over, self-test and an image that can't be executed each give their own reason") {
  struct Case {
    RunEnd end;
    int boots;
    RollbackReason reason;
  };
  for (const Case& one : {Case{RunEnd::watchdog, 3, RollbackReason::watchdog}, Case{RunEnd::trialTimeout, 1, RollbackReason::notConfirmedInTime},
                          Case{RunEnd::notStarted, 1, RollbackReason::corruptImage}, Case{RunEnd::power, 3, RollbackReason::notConfirmedInTime}}) {
    Machine machine;
    CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download() && machine.boot(RunEnd::restart) == Code::ok);
    for (int i = 0; i < one.boots; i++) {
      CHECK(machine.runs(newImage));
      CHECK(machine.boot(one.end) == Code::ok);
    }
    CHECK(machine.runs(oldImage));
    CHECK_EQ(machine.info().rolledBackReason, one.reason);
  }
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download() && machine.boot(RunEnd::restart) == Code::ok);
  FileImageSlots slots(machine.files);
  CHECK(slots.load(machine.choice.slot, false) == Code::ok && slots.rollBack(RollbackReason::selfTest) == Code::ok);
  CHECK(machine.boot(RunEnd::restart) == Code::ok && machine.runs(oldImage));
  CHECK_EQ(machine.info().rolledBackReason, RollbackReason::selfTest);
}

TEST("a slot whose bytes changed since it was staged is never chosen") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download());
  (*machine.files.contents("slot-b"))[10] ^= 1;
  CHECK(machine.boot(RunEnd::restart) == Code::ok && machine.runs(oldImage));
  CHECK_EQ(machine.info().rolledBackReason, RollbackReason::corruptImage);
}

TEST("a damaged confirmed image gives way to the previous one, and without one nothing is chosen") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.update() && machine.runs(newImage));
  (*machine.files.contents("slot-b"))[10] ^= 1;
  CHECK(machine.boot(RunEnd::restart) == Code::ok && machine.runs(oldImage));
  CHECK(machine.info().rolledBack && !machine.info().safe);
  (*machine.files.contents("slot-a"))[10] ^= 1;
  CHECK(machine.boot(RunEnd::restart) == Code::notFound);
}

TEST("an image that was left before only comes back in SAFE") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download() && machine.boot(RunEnd::restart) == Code::ok);
  CHECK(machine.boot(RunEnd::trialTimeout) == Code::ok && machine.runs(oldImage));
  (*machine.files.contents("slot-a"))[10] ^= 1;
  CHECK(machine.boot(RunEnd::restart) == Code::ok && machine.runs(newImage));
  CHECK(machine.info().safe);
}

TEST("a rollback that was forgotten stays so over boots, its image is nothing to fall back on, and may be tried again") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download() && machine.boot(RunEnd::restart) == Code::ok);
  CHECK(machine.boot(RunEnd::trialTimeout) == Code::ok && machine.info().rolledBack);
  {
    FileImageSlots slots(machine.files);
    CHECK(slots.load(machine.choice.slot, false) == Code::ok && slots.forgetRollback() == Code::ok);
    CHECK(slots.forgetRollback() == Code::ok);
    ImageIdentity unused;
    CHECK(!slots.boot().rolledBack && !slots.previous(unused));
  }
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.runs(oldImage) && !machine.info().rolledBack && !machine.info().safe);
  CHECK(machine.download() && machine.boot(RunEnd::restart) == Code::ok && machine.runs(newImage) && machine.info().trial);
}

TEST("a confirmed image that fails three times comes up in SAFE, and a restart it asks for is a normal boot again") {
  Machine machine;
  for (int i = 0; i < 3; i++) {
    CHECK(machine.boot(i == 0 ? RunEnd::power : RunEnd::crash) == Code::ok);
    CHECK(!machine.choice.safe);
  }
  CHECK(machine.boot(RunEnd::crash) == Code::ok && machine.choice.safe && machine.info().safe);
  CHECK(machine.boot(RunEnd::watchdog) == Code::ok && machine.choice.safe);
  CHECK(machine.boot(RunEnd::restart) == Code::ok && !machine.choice.safe);
}

TEST("a healthy boot starts the count anew, but not for a trial") {
  Machine machine;
  for (int i = 0; i < 9; i++) {
    CHECK(machine.boot(RunEnd::crash) == Code::ok && !machine.choice.safe);
    FileImageSlots slots(machine.files);
    CHECK(slots.load(machine.choice.slot, false) == Code::ok && slots.markHealthy() == Code::ok);
  }
  CHECK(machine.download() && machine.boot(RunEnd::restart) == Code::ok);
  FileImageSlots slots(machine.files);
  CHECK(slots.load(machine.choice.slot, false) == Code::ok && slots.markHealthy() == Code::ok);
  CHECK_EQ(machine.info().bootCount, 1);
}

TEST("both copies of the record damaged is said to be so, one of them damaged is not noticed") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.boot(RunEnd::power) == Code::ok);
  machine.files.contents("boot-0")->at(20) ^= 1;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.runs(oldImage));
  machine.files.contents("boot-0")->resize(10);
  machine.files.contents("boot-1")->push_back(0);
  CHECK(machine.boot(RunEnd::power) == Code::corrupt);
}

TEST("on a full medium the confirmed image runs uncounted, a trial waits, and writing says that there is no room") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.download());
  BootLoader loader(machine.files, machine.reader);
  CHECK(loader.load() == Code::ok);
  machine.files.setFull(true);
  BootChoice choice;
  CHECK(loader.prepare(RunEnd::restart, choice) == Code::ok);
  CHECK(choice.slot == Slot::a && !choice.trial && !choice.isRecorded);
  FileImageSlots slots(machine.files);
  CHECK(slots.load(choice.slot, choice.safe) == Code::ok);
  CHECK(!slots.boot().trial);
  CHECK(slots.begin(identityOf(imageOf(5, 100))) == Code::noSpace);
  machine.files.setFull(false);
  CHECK(loader.prepare(RunEnd::restart, choice) == Code::ok && choice.slot == Slot::b && choice.trial && choice.isRecorded);
}

TEST("the image before is there until a download takes its place, also after that was given up") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok && machine.update() && machine.runs(newImage));
  FileImageSlots slots(machine.files);
  ImageIdentity before;
  CHECK(slots.load(machine.choice.slot, false) == Code::ok && slots.previous(before));
  CHECK(std::memcmp(before.digest, identityOf(oldImage).digest, cx::hal::digestSize) == 0);
  CHECK(slots.begin(identityOf(imageOf(3, 9000))) == Code::ok && !slots.previous(before));
  CHECK(slots.write(0, newImage.data(), 100) == Code::ok);
  CHECK(slots.abandon() == Code::ok);
  CHECK(!slots.previous(before));
  CHECK(slots.tryPrevious() == Code::notFound);
  CHECK(machine.boot(RunEnd::restart) == Code::ok && machine.runs(newImage) && !machine.choice.trial);
}

TEST("an image larger than the slot, an empty one, and bytes beyond its size are refused") {
  Machine machine;
  CHECK(machine.boot(RunEnd::power) == Code::ok);
  FileImageSlots slots(machine.files, 1000);
  CHECK(slots.load(Slot::a, false) == Code::ok);
  CHECK(slots.begin(identityOf(imageOf(5, 1001))) == Code::noSpace);
  CHECK(slots.begin(ImageIdentity{}) == Code::invalid);
  CHECK(slots.begin(identityOf(imageOf(5, 1000))) == Code::ok);
  CHECK(slots.write(0, newImage.data(), 1001) == Code::invalid);
  CHECK(slots.write(0, newImage.data(), 999) == Code::ok && slots.flush() == Code::ok);
  CHECK(slots.makeTrial() == Code::invalid);
  CHECK(slots.confirm() == Code::denied && slots.rollBack(RollbackReason::selfTest) == Code::denied);
}
