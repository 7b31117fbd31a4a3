// Decides what boots, durably, before it boots. Pure but for the files: the supervisor starts processes, this doesn't.
#pragma once
#include "hal_host/boot_record.hpp"

namespace cx::host {

// How the last run came to its end, as the supervisor saw it.
enum class RunEnd : uint8_t {
  power,         // nobody knows: the machine, or the supervisor, was gone
  restart,       // the node asked for it
  stopped,       // the operator did: counts as a good end for a confirmed image
  crash,         // ended by itself, without being asked
  watchdog,      // stopped feeding
  trialTimeout,  // on trial, and not confirmed in time
  notStarted,    // the image couldn't be executed at all
  wake,          // it slept as it wished
};

struct BootChoice {
  hal::Slot slot = hal::Slot::none;
  bool trial = false;
  bool safe = false;
  bool isRecorded = true;  // false: the medium refused the record (full disk), and a confirmed image runs uncounted
};

// Gives the digest of what is in a slot. The supervisor keeps the file open that it has read, to run exactly that one.
class SlotReader {
 public:
  virtual Code digestOf(hal::Slot slot, uint32_t size, uint8_t* digest) = 0;

 protected:
  ~SlotReader() = default;
};

class BootLoader {
 public:
  BootLoader(Files& files, SlotReader& reader) : records_(files), reader_(reader) {}

  // notFound: nothing was ever installed. corrupt: both copies of the record are lost.
  Code load() { return records_.load(record_); }
  // Makes what is in `slot` the confirmed image, with everything else forgotten but the count of boots.
  Code install(hal::Slot slot, const hal::ImageIdentity& image);
  // Takes note of the end, chooses, raises the count, saves. notFound: no slot passes its check.
  Code prepare(RunEnd end, BootChoice& choice);
  // The supervisor itself ends now, so prepare() won't hear of it. Best effort: a machine that loses power doesn't either.
  void noteEnd(RunEnd end);

  const BootRecord& record() const { return record_; }
  // Is there a trial that waits for its confirmation right now? Reads the medium, since the node writes it while it runs.
  bool isTrialOpen();

 private:
  void readNews();
  void takeNote(RunEnd end);
  bool passes(hal::Slot slot);
  Code choose(RunEnd end, BootChoice& choice);

  BootRecordStore records_;
  SlotReader& reader_;
  BootRecord record_;
};

}  // namespace cx::host
