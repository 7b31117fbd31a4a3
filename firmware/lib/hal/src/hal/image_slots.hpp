// The two image slots and the boot record: what runs, what is on trial, what was rolled back and why.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::hal {

constexpr uint32_t digestSize = 32;  // SHA-256
constexpr uint8_t bootLimit = 3;     // boots without markHealthy() that end a trial, or put a confirmed image into SAFE

enum class Slot : uint8_t { a = 0, b = 1, none = 255 };
inline Slot otherOf(Slot slot) { return slot == Slot::a ? Slot::b : slot == Slot::b ? Slot::a : Slot::none; }

// Why the image of the last trial was left. Numbers are stored: never renumber.
enum class RollbackReason : uint8_t {
  none = 0,
  selfTest = 1,            // the image said so itself: rollBack(selfTest)
  crash = 2,               // it ended by itself, time after time
  watchdog = 3,            // it stopped feeding the watchdog, time after time
  notConfirmedInTime = 4,  // it ran but didn't confirm within the trial time
  corruptImage = 5,        // the digest of the slot wasn't the recorded one, or it couldn't be started at all
  managerUnreachable = 6,  // the image said so itself: it works, but never registered
};
const char* nameOf(RollbackReason reason);  // "self-test", "crash", "watchdog", "not-confirmed-in-time", ...

struct BootInfo {
  Slot running = Slot::none;
  uint8_t runningDigest[digestSize] = {};
  uint32_t runningSize = 0;
  bool trial = false;       // the running image is on trial: confirm() or it will be left
  bool safe = false;        // the boot loader asks for SAFE: network and updater only
  uint8_t bootCount = 0;    // boots of this image since markHealthy(), this one counted
  uint32_t bootsTotal = 0;  // boots since the state was made, for the status report
  bool rolledBack = false;  // the last trial was left; stays until forgetRollback() or the next makeTrial()
  uint8_t rolledBackDigest[digestSize] = {};
  RollbackReason rolledBackReason = RollbackReason::none;
};

// Which image goes into the idle slot. Also names a download that may be resumed.
struct ImageIdentity {
  uint8_t digest[digestSize] = {};
  uint32_t size = 0;
};

class ImageSlots {
 public:
  virtual BootInfo boot() = 0;
  // Bytes an image may have at most.
  virtual uint32_t slotSize() = 0;
  // Opens the idle slot for this image. If an earlier download of the same identity left durable bytes, they are
  // kept and durable() says how many; else the slot is empty. noSpace: larger than slotSize(). The running slot
  // can't be reached from here at all.
  virtual Code begin(const ImageIdentity& identity) = 0;
  // Bytes from the start which are known to outlive power. 0 without begin().
  virtual uint32_t durable() = 0;
  // Forgets the durable bytes of the begun image: the content behind the URI changed.
  virtual Code restart() = 0;
  // Appends: `offset` is where the last write ended (after begin(): durable()), else invalid. The port erases ahead
  // as its medium needs and makes bytes durable block by block; it may still lose those of an unfinished block.
  virtual Code write(uint32_t offset, const uint8_t* data, uint32_t size) = 0;
  // Makes everything written durable. Needed after the last byte and before makeTrial().
  virtual Code flush() = 0;
  // Reads back what is in the idle slot, from the medium.
  virtual Io read(uint32_t offset, uint8_t* out, uint32_t capacity) = 0;
  // Reads the running image, for whoever makes another from it. Short only at its end.
  virtual Io readRunning(uint32_t offset, uint8_t* out, uint32_t capacity) = 0;
  // The whole image that the idle slot still holds: the one that ran before. False: there is none, or begin() took it.
  virtual bool previous(ImageIdentity& out) = 0;
  // The next boot takes what previous() says, on trial, as after makeTrial(). notFound: there is none.
  virtual Code tryPrevious() = 0;
  // The next boot takes the idle slot, on trial. The caller has checked the digest of what read() gave. Durable when
  // it returns ok. The boot loader checks the digest again before it starts the image.
  virtual Code makeTrial() = 0;
  // The running trial image is good for ever: denied unless it is on trial. Durable when it returns ok.
  virtual Code confirm() = 0;
  // The running trial image gives itself up; the previous slot boots at the next restart. denied unless on trial.
  virtual Code rollBack(RollbackReason reason) = 0;
  // What boot() says of the last rollback is known where it matters: it is gone, durably, when this returns ok.
  virtual Code forgetRollback() = 0;
  // This boot is a good one: the boot count is 0 again. Called at registration or after 60 s.
  virtual Code markHealthy() = 0;
  // Gives the idle slot up: durable() is 0 and a pending makeTrial() is taken back.
  virtual Code abandon() = 0;

 protected:
  ~ImageSlots() = default;
};

}  // namespace cx::hal
