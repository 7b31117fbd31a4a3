#include "hal_host/payload_key_file.hpp"

#include <cstdio>
#include <cstring>

#include "hal_host/credentials.hpp"
#include "sha256.hpp"

namespace cx::host {

namespace {

constexpr size_t keyIdSize = 8;

bool isWholeKeys(size_t size) { return size > 0 && size <= payloadKeysMax * payloadKeySize && size % payloadKeySize == 0; }

bool keep(Files& files, ByteSpan keys, char (&fault)[optionFaultMax]) {
  uint8_t kept[payloadKeysMax * payloadKeySize + 1];
  const Io io = files.read(payloadKeysFile, 0, kept, sizeof kept);
  if (io.code == Code::ok && equal(ByteSpan(kept, io.size), keys)) return true;
  if (replaceFile(files, payloadKeysFile, keys.data(), static_cast<uint32_t>(keys.size())) == Code::ok) return true;
  std::snprintf(fault, sizeof fault, "the payload keys can't be written into the state folder");
  return false;
}

}  // namespace

Code PayloadKeyFile::load(Files& files) {
  uint8_t bytes[payloadKeysMax * payloadKeySize + 1];
  const Io io = files.read(payloadKeysFile, 0, bytes, sizeof bytes);
  if (io.code != Code::ok) return io.code;
  if (!isWholeKeys(io.size)) return Code::corrupt;
  count_ = io.size / static_cast<uint32_t>(payloadKeySize);
  std::memcpy(keys_, bytes, io.size);
  return Code::ok;
}

const uint8_t* PayloadKeyFile::find(ByteSpan keyId) {
  if (keyId.empty()) return count_ == 1 ? keys_[0] : nullptr;
  for (uint32_t i = 0; i < count_; i++) {
    uint8_t digest[Sha256::digestSize];
    Sha256 hash;
    hash.update(ByteSpan(keys_[i], payloadKeySize));
    hash.finish(digest);
    if (equal(keyId, ByteSpan(digest, keyIdSize))) return keys_[i];
  }
  return nullptr;
}

bool importPayloadKeys(Files& files, const char* path, char (&fault)[optionFaultMax]) {
  static uint8_t bytes[credentialsMax + 1];
  const int size = readCredentialsFile(path, bytes, fault);
  if (size < 0) return false;
  const bool isGood = isWholeKeys(static_cast<size_t>(size));
  if (!isGood) {
    std::snprintf(fault, sizeof fault, "%.120s has %d bytes; it holds 1 to 4 keys of 16 bytes: head -c 16 /dev/urandom makes one", path, size);
  }
  const bool isKept = isGood && keep(files, ByteSpan(bytes, static_cast<size_t>(size)), fault);
  std::memset(bytes, 0, sizeof bytes);
  return isKept;
}

}  // namespace cx::host
