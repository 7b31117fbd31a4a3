#include "hal_host/file_storage.hpp"

#include <cstring>

#include "sha256.hpp"

namespace cx::host {

namespace {

using hal::Code;
using hal::Io;

constexpr uint8_t magic[4] = {'C', 'X', 'K', 'V'};

uint32_t keyLength(const char* key) {
  const size_t length = std::strlen(key);
  return length == 0 || length > hal::storageKeyMax ? 0 : static_cast<uint32_t>(length);
}

}  // namespace

Code FileStorage::load() {
  static uint8_t bytes[headSize + contentMax + digestSize + 1];
  size_ = 0;
  isCorrupt_ = false;
  const Io io = files_.read(name_, 0, bytes, sizeof bytes);
  if (io.code == Code::notFound) return Code::ok;
  isCorrupt_ = true;
  if (io.code != Code::ok) return io.code;
  if (io.size < headSize + digestSize || std::memcmp(bytes, magic, sizeof magic) != 0) return Code::corrupt;
  const uint32_t size = bytes[4] | uint32_t{bytes[5]} << 8 | uint32_t{bytes[6]} << 16 | uint32_t{bytes[7]} << 24;
  if (size > contentMax || io.size != headSize + size + digestSize) return Code::corrupt;
  uint8_t digest[digestSize];
  Sha256 hash;
  hash.update(ByteSpan(bytes, headSize + size));
  hash.finish(digest);
  if (std::memcmp(digest, bytes + headSize + size, digestSize) != 0) return Code::corrupt;
  std::memcpy(content_, bytes + headSize, size);
  size_ = size;
  isCorrupt_ = false;
  return Code::ok;
}

Code FileStorage::save(const uint8_t* content, uint32_t size) {
  static uint8_t bytes[headSize + contentMax + digestSize];
  std::memcpy(bytes, magic, sizeof magic);
  for (unsigned i = 0; i < 4; i++) bytes[4 + i] = static_cast<uint8_t>(size >> (8 * i));
  std::memcpy(bytes + headSize, content, size);
  Sha256 hash;
  hash.update(ByteSpan(bytes, headSize + size));
  hash.finish(bytes + headSize + size);
  const Code code = replaceFile(files_, name_, bytes, headSize + size + digestSize);
  if (code != Code::ok) return code;
  std::memcpy(content_, content, size);
  size_ = size;
  isCorrupt_ = false;
  return Code::ok;
}

bool FileStorage::find(const char* key, Entry& entry, uint32_t& keys) const {
  const uint32_t wanted = keyLength(key);
  bool isFound = false;
  keys = 0;
  for (uint32_t at = 0; at < size_; keys++) {
    const uint32_t length = content_[at];
    const uint8_t* const value = content_ + at + 1 + length + 2;
    const uint32_t size = static_cast<uint32_t>(value[-2] | value[-1] << 8);
    const uint32_t whole = 1 + length + 2 + size;
    if (length == wanted && std::memcmp(content_ + at + 1, key, length) == 0) {
      entry = Entry{at, whole, value, size};
      isFound = true;
    }
    at += whole;
  }
  return isFound;
}

Io FileStorage::get(const char* key, uint8_t* out, uint32_t capacity) {
  Entry entry;
  uint32_t keys = 0;
  if (keyLength(key) == 0) return {Code::invalid, 0};
  if (isCorrupt_) return {Code::corrupt, 0};
  if (!find(key, entry, keys)) return {Code::notFound, 0};
  if (entry.size > capacity) return {Code::invalid, 0};
  if (entry.size > 0) std::memcpy(out, entry.value, entry.size);
  return {Code::ok, entry.size};
}

Code FileStorage::put(const char* key, const uint8_t* data, uint32_t size) {
  const uint32_t length = keyLength(key);
  if (length == 0 || size > hal::storageValueMax) return Code::invalid;
  Entry entry;
  uint32_t keys = 0;
  const bool isKnown = find(key, entry, keys);
  if (isKnown && entry.size == size && (size == 0 || std::memcmp(entry.value, data, size) == 0)) return Code::ok;
  if (!isKnown && keys == hal::storageKeysMax) return Code::noSpace;
  const uint32_t rest = size_ - entry.length;
  if (rest + 1 + length + 2 + size > contentMax) return Code::noSpace;

  static uint8_t next[contentMax];
  std::memcpy(next, content_, entry.offset);
  std::memcpy(next + entry.offset, content_ + entry.offset + entry.length, size_ - entry.offset - entry.length);
  uint8_t* at = next + rest;
  *at++ = static_cast<uint8_t>(length);
  std::memcpy(at, key, length);
  at += length;
  *at++ = static_cast<uint8_t>(size);
  *at++ = static_cast<uint8_t>(size >> 8);
  if (size > 0) std::memcpy(at, data, size);
  return save(next, rest + 1 + length + 2 + size);
}

Code FileStorage::remove(const char* key) {
  Entry entry;
  uint32_t keys = 0;
  if (keyLength(key) == 0) return Code::invalid;
  if (!find(key, entry, keys)) return Code::ok;
  static uint8_t next[contentMax];
  std::memcpy(next, content_, entry.offset);
  std::memcpy(next + entry.offset, content_ + entry.offset + entry.length, size_ - entry.offset - entry.length);
  return save(next, size_ - entry.length);
}

}  // namespace cx::host
