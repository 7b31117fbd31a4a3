// The sender's sequence numbers (RFC 8613 appendix B.1.1). A number is used once, whatever happens to the power: storage
// holds a bound below which all may have been used, raised by `stride` before the first number above it is used. After a
// reset the numbers go on where memory that outlived it says, and else at the bound.
#pragma once

#include "hal/retained_memory.hpp"
#include "hal/storage.hpp"
#include "oscore.hpp"

namespace cx {

class OscoreSequence {
 public:
  static constexpr uint64_t stride = 8192;
  static constexpr uint8_t fingerprintSize = 6;

  // Begins the numbers of these keys in `storage`, where they aren't there yet: whoever stores credentials calls it, and
  // nobody else. A record that is gone afterwards was lost, and numbers can't begin anew.
  static Status create(hal::Storage& storage, const OscoreKeys& keys);

  // notFound: never created, or lost; malformed: damaged. Then nothing may be sent with these keys ever again.
  // `retained` may be null.
  Status open(hal::Storage& storage, hal::RetainedMemory* retained, const OscoreKeys& keys);
  // The next number, nobody else's. io: the bound can't be raised now; exhausted: there are no more; closed: not open.
  Expected<uint64_t> take();

 private:
  struct Key {
    char text[2 * fingerprintSize + 2];
  };
  static void fingerprint(const OscoreKeys& keys, uint8_t (&out)[fingerprintSize]);
  static Key keyOf(const uint8_t (&fingerprint)[fingerprintSize]);
  bool readRetained(uint64_t& next);
  void keepRetained();

  hal::Storage* storage_ = nullptr;
  hal::RetainedMemory* retained_ = nullptr;
  uint8_t fingerprint_[fingerprintSize] = {};
  uint64_t next_ = 0;
  uint64_t bound_ = 0;
};

}  // namespace cx
