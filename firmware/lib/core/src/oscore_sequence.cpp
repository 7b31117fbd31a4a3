#include "oscore_sequence.hpp"

#include "sha256.hpp"
#include "text.hpp"

namespace cx {

namespace {

constexpr size_t recordSize = 8;  // little-endian
constexpr size_t checkSize = 8;

void put64(uint8_t* out, uint64_t value) {
  for (unsigned i = 0; i < recordSize; i++) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

uint64_t get64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (unsigned i = recordSize; i > 0; i--) value = value << 8U | bytes[i - 1];
  return value;
}

// Retained memory: fingerprint, two bytes of zero, the next number, and the head of a digest over all of it.
constexpr size_t numberAt = 8, checkAt = numberAt + recordSize;

void checkOf(const uint8_t (&bytes)[hal::retainedSize], uint8_t* out) {
  Sha256 hash;
  hash.update(ByteSpan(bytes, checkAt));
  uint8_t digest[Sha256::digestSize];
  hash.finish(digest);
  std::memcpy(out, digest, checkSize);
}

}  // namespace

// Names the sender's keys without telling anything about them.
void OscoreSequence::fingerprint(const OscoreKeys& keys, uint8_t (&out)[fingerprintSize]) {
  Sha256 hash;
  hash.update(asBytes("coxswain oscore sender"));
  hash.update(keys.sender);
  hash.update(keys.commonIv);
  uint8_t digest[Sha256::digestSize];
  hash.finish(digest);
  std::memcpy(out, digest, sizeof out);
}

OscoreSequence::Key OscoreSequence::keyOf(const uint8_t (&fingerprint)[fingerprintSize]) {
  Key key;
  TextWriter text(key.text, sizeof key.text);
  text.put('q').putHex(fingerprint);
  static_assert(sizeof key.text - 1 <= hal::storageKeyMax, "the key fits storage");
  return key;
}

Status OscoreSequence::create(hal::Storage& storage, const OscoreKeys& keys) {
  uint8_t print[fingerprintSize];
  fingerprint(keys, print);
  const Key key = keyOf(print);
  uint8_t record[recordSize];
  const hal::Io io = storage.get(key.text, record, sizeof record);
  if (io.code == hal::Code::ok && io.size == recordSize) return Status::ok;
  if (io.code != hal::Code::notFound) return Status::malformed;
  put64(record, 0);
  return storage.put(key.text, record, sizeof record) == hal::Code::ok ? Status::ok : Status::io;
}

Status OscoreSequence::open(hal::Storage& storage, hal::RetainedMemory* retained, const OscoreKeys& keys) {
  storage_ = nullptr;
  fingerprint(keys, fingerprint_);
  uint8_t record[recordSize];
  const hal::Io io = storage.get(keyOf(fingerprint_).text, record, sizeof record);
  if (io.code == hal::Code::notFound) return Status::notFound;
  if (io.code != hal::Code::ok || io.size != recordSize) return Status::malformed;
  bound_ = get64(record);
  next_ = bound_;
  retained_ = retained;
  uint64_t kept = 0;
  // A number of another run under the same bound: none above it was used since.
  if (readRetained(kept) && kept <= bound_ && bound_ - kept <= stride) next_ = kept;
  storage_ = &storage;
  return Status::ok;
}

Expected<uint64_t> OscoreSequence::take() {
  if (storage_ == nullptr) return Status::closed;
  if (next_ >= oscore::sequenceEnd) return Status::exhausted;
  if (next_ >= bound_) {
    uint8_t record[recordSize];
    put64(record, next_ + stride);
    if (storage_->put(keyOf(fingerprint_).text, record, sizeof record) != hal::Code::ok) return Status::io;
    bound_ = next_ + stride;
  }
  const uint64_t number = next_++;
  keepRetained();
  return number;
}

bool OscoreSequence::readRetained(uint64_t& next) {
  if (retained_ == nullptr) return false;
  uint8_t bytes[hal::retainedSize];
  retained_->load(bytes);
  uint8_t check[checkSize];
  checkOf(bytes, check);
  if (std::memcmp(bytes, fingerprint_, sizeof fingerprint_) != 0 || std::memcmp(bytes + checkAt, check, sizeof check) != 0) return false;
  next = get64(bytes + numberAt);
  return true;
}

void OscoreSequence::keepRetained() {
  if (retained_ == nullptr) return;
  uint8_t bytes[hal::retainedSize] = {};
  std::memcpy(bytes, fingerprint_, sizeof fingerprint_);
  put64(bytes + numberAt, next_);
  checkOf(bytes, bytes + checkAt);
  retained_->store(bytes);
}

}  // namespace cx
