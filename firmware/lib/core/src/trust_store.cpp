#include "trust_store.hpp"

#include "sha256.hpp"

namespace cx {

namespace {

constexpr const char* recordKey = "trust";
constexpr uint8_t recordVersion = 1;
constexpr size_t headSize = 1 + 4 + 4 + 32 + 1;  // version, both counters, digest, number of anchors
constexpr size_t anchorSize = keyIdSize + 64;
constexpr size_t recordMax = headSize + trustAnchorsMax * anchorSize;

uint32_t readWord(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24U | static_cast<uint32_t>(bytes[1]) << 16U | static_cast<uint32_t>(bytes[2]) << 8U | bytes[3];
}

void writeWord(uint8_t* bytes, uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(value >> (24U - 8U * i));
}

void digestOf(const TrustAnchors& anchors, uint8_t* out) {
  Sha256 hash;
  for (uint32_t i = 0; i < anchors.count; ++i) hash.update(ByteSpan(anchors.anchor[i].key));
  hash.finish(out);
}

}  // namespace

bool TrustStore::load(hal::Storage& storage, const TrustAnchors& provisioned) {
  storage_ = &storage;
  record_ = Record();
  bool isNew = false;
  isLoaded_ = read(isNew) && (provisioned.count == 0 || provision(provisioned, isNew));
  return isLoaded_;
}

// Frames of their own, each with its one copy of the record: none is over 512 bytes.
[[gnu::noinline]] bool TrustStore::read(bool& isNew) {
  uint8_t bytes[recordMax];
  const hal::Io io = storage_->get(recordKey, bytes, sizeof bytes);
  isNew = io.code == hal::Code::notFound;
  if (isNew) return true;
  if (io.code != hal::Code::ok || io.size < headSize || bytes[0] != recordVersion) return false;
  const uint32_t count = bytes[headSize - 1];
  if (count > trustAnchorsMax || io.size != headSize + count * anchorSize) return false;
  record_.imageSequence = readWord(bytes + 1);
  record_.anchorsSequence = readWord(bytes + 5);
  std::memcpy(record_.provisioned, bytes + 9, sizeof record_.provisioned);
  record_.anchors.count = count;
  for (uint32_t i = 0; i < count; ++i) {
    const uint8_t* at = bytes + headSize + i * anchorSize;
    std::memcpy(record_.anchors.anchor[i].keyId, at, keyIdSize);
    std::memcpy(record_.anchors.anchor[i].key, at + keyIdSize, 64);
  }
  return true;
}

[[gnu::noinline]] bool TrustStore::provision(const TrustAnchors& provisioned, bool isNew) {
  Record next = record_;
  digestOf(provisioned, next.provisioned);
  if (!isNew && std::memcmp(next.provisioned, record_.provisioned, sizeof next.provisioned) == 0) return true;
  next.anchors = provisioned;
  return put(next);
}

bool TrustStore::raiseImageSequence(uint32_t sequence) {
  if (storage_ == nullptr || sequence <= record_.imageSequence) return storage_ != nullptr;
  Record next = record_;
  next.imageSequence = sequence;
  return put(next);
}

bool TrustStore::replaceAnchors(const TrustAnchors& anchors, uint32_t sequence) {
  if (!isTrustable() || anchors.count == 0) return false;
  Record next = record_;
  next.anchors = anchors;
  next.anchorsSequence = sequence;
  return put(next);
}

[[gnu::noinline]] bool TrustStore::put(const Record& next) {
  uint8_t bytes[recordMax];
  bytes[0] = recordVersion;
  writeWord(bytes + 1, next.imageSequence);
  writeWord(bytes + 5, next.anchorsSequence);
  std::memcpy(bytes + 9, next.provisioned, sizeof next.provisioned);
  bytes[headSize - 1] = static_cast<uint8_t>(next.anchors.count);
  for (uint32_t i = 0; i < next.anchors.count; ++i) {
    uint8_t* at = bytes + headSize + i * anchorSize;
    std::memcpy(at, next.anchors.anchor[i].keyId, keyIdSize);
    std::memcpy(at + keyIdSize, next.anchors.anchor[i].key, 64);
  }
  const uint32_t size = static_cast<uint32_t>(headSize + next.anchors.count * anchorSize);
  if (storage_->put(recordKey, bytes, size) != hal::Code::ok) return false;
  record_ = next;
  return true;
}

}  // namespace cx
