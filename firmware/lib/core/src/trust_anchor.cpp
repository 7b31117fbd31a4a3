#include "trust_anchor.hpp"

#include "p256.hpp"
#include "sha256.hpp"
#include "suit_cursor.hpp"

namespace cx {

namespace {

constexpr int32_t keyType = 1, keyId = 2, keyAlgorithm = 3, keyCurve = -1, keyX = -2, keyY = -3;
constexpr int32_t typeEc2 = 2, curveP256 = 1, es256 = -7, esp256 = -9;

void makeKeyId(const uint8_t* key, uint8_t* out) {
  // {1: 2, -1: 1, -2: x, -3: y}
  static constexpr uint8_t head[] = {0xA4, 0x01, 0x02, 0x20, 0x01, 0x21, 0x58, 0x20};
  static constexpr uint8_t between[] = {0x22, 0x58, 0x20};
  uint8_t thumbprint[Sha256::digestSize];
  Sha256 hash;
  hash.update(head);
  hash.update(ByteSpan(key, 32));
  hash.update(between);
  hash.update(ByteSpan(key + 32, 32));
  hash.finish(thumbprint);
  std::memcpy(out, thumbprint, keyIdSize);
}

void readKey(SuitCursor& cursor, TrustAnchor& out) {
  const auto expect = [&](int32_t name) {
    if (cursor.integer() != name) cursor.malformed();
  };
  if (cursor.map() != 6) cursor.malformed();
  expect(keyType);
  if (cursor.integer() != typeEc2) cursor.unsupported();
  expect(keyId);
  const ByteSpan id = cursor.fixed(keyIdSize);
  expect(keyAlgorithm);
  const int32_t algorithm = cursor.integer();
  if (algorithm != es256 && algorithm != esp256) cursor.unsupported();
  expect(keyCurve);
  if (cursor.integer() != curveP256) cursor.unsupported();
  expect(keyX);
  const ByteSpan x = cursor.fixed(32);
  expect(keyY);
  const ByteSpan y = cursor.fixed(32);
  if (!cursor.isGood()) return;
  std::memcpy(out.key, x.data(), 32);
  std::memcpy(out.key + 32, y.data(), 32);
  makeKeyId(out.key, out.keyId);
  if (!equal(id, ByteSpan(out.keyId)) || !isP256Point(out.key)) cursor.malformed();
}

}  // namespace

const TrustAnchor* TrustAnchors::find(ByteSpan id) const {
  for (uint32_t i = 0; i < count; ++i) {
    if (equal(ByteSpan(anchor[i].keyId), id)) return &anchor[i];
  }
  return nullptr;
}

ManifestReason readKeySet(ByteSpan bytes, TrustAnchors& out) {
  ManifestReason fault = ManifestReason::none;
  SuitCursor cursor(bytes, fault);
  out.count = 0;
  const uint32_t count = cursor.array();
  if (count == 0) cursor.malformed();
  if (count > trustAnchorsMax) cursor.unsupported();
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    readKey(cursor, out.anchor[i]);
    if (cursor.isGood() && out.find(ByteSpan(out.anchor[i].keyId)) != nullptr) cursor.malformed();
    ++out.count;
  }
  if (fault != ManifestReason::none) out.count = 0;
  return fault;
}

}  // namespace cx
