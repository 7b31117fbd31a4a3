// RFC 8613 appendix C, both directions, and what is no OSCORE.
#include "aes_ccm.hpp"
#include "check.hpp"
#include "../generated/oscore_vectors.hpp"
#include "hex.hpp"
#include "oscore.hpp"

using namespace cx;

namespace {

OscoreCredentials credentialsOf(const vectors::OscoreKeysVector& vector) {
  OscoreCredentials out;
  (void)out.masterSecret.assign(Hex<32>(vector.secretHex).view());
  (void)out.masterSalt.assign(Hex<16>(vector.saltHex).view());
  (void)out.senderId.assign(Hex<7>(vector.senderIdHex).view());
  (void)out.recipientId.assign(Hex<7>(vector.recipientIdHex).view());
  (void)out.idContext.assign(Hex<16>(vector.idContextHex).view());
  return out;
}

OscoreKeys keysOf(size_t index) {
  OscoreKeys keys;
  CHECK(isOk(deriveOscoreKeys(credentialsOf(vectors::oscoreKeys[index]), keys)));
  return keys;
}

OscoreBinding bindingOf(const vectors::OscoreMessageVector& vector, bool isRequest) {
  OscoreBinding binding;
  binding.isRequest = isRequest;
  binding.request = OscorePiv::of(static_cast<uint64_t>(vector.requestSequence));
  if (vector.sequence >= 0) binding.own = OscorePiv::of(static_cast<uint64_t>(vector.sequence));
  return binding;
}

void checkVector(const vectors::OscoreMessageVector& vector, bool isRequest) {
  SoftwareAead aead;
  const Hex<100> plainBytes(vector.plainHex);
  CoapMessage plain;
  CHECK(isOk(decodeCoap(plainBytes.view(), plain).status));
  uint8_t wire[100];
  const Expected<ByteSpan> sealed = protectOscore(keysOf(vector.sender), aead, plain, bindingOf(vector, isRequest), wire);
  CHECK(sealed.hasValue());
  CHECK(isHex(*sealed, vector.protectedHex));

  CoapMessage outer;
  CHECK(isOk(decodeCoap(*sealed, outer).status));
  ByteSpan value;
  CHECK(findOption(outer.options, coap::option::oscore, value));
  OscoreOption option;
  CHECK(isOk(decodeOscoreOption(value, option)));
  OscoreBinding binding = bindingOf(vector, isRequest);
  if (isRequest) CHECK_EQ(option.piv.number(), binding.request.number());
  if (!isRequest) CHECK_EQ(option.piv.size, binding.own.size);
  const MutableSpan ciphertext(wire + (outer.payload.data() - wire), outer.payload.size());
  CHECK(isOk(unprotectOscore(keysOf(vector.receiver), aead, binding, ciphertext, outer)));
  CHECK_EQ(outer.code, plain.code);
  CHECK(equal(outer.payload, plain.payload));
  CHECK_EQ(pathEquals(outer.options, "tv1"), isRequest);
}

}  // namespace

TEST("keys and common IV are those of RFC 8613 appendix C.1 to C.3, on either side") {
  for (const vectors::OscoreKeysVector& vector : vectors::oscoreKeys) {
    OscoreKeys keys;
    CHECK(isOk(deriveOscoreKeys(credentialsOf(vector), keys)));
    CHECK(isHex(keys.sender, vector.senderKeyHex));
    CHECK(isHex(keys.recipient, vector.recipientKeyHex));
    CHECK(isHex(keys.commonIv, vector.commonIvHex));
  }
}

TEST("requests are protected to the bytes of appendix C.4 to C.6 and open on the other side") {
  for (const vectors::OscoreMessageVector& vector : vectors::oscoreRequests) checkVector(vector, true);
}

TEST("answers are protected to the bytes of appendix C.7 and C.8 and open on the other side") {
  for (const vectors::OscoreMessageVector& vector : vectors::oscoreResponses) checkVector(vector, false);
}

TEST("the values of the OSCORE option read as section 6.3 has them") {
  for (const vectors::OscoreOptionVector& vector : vectors::oscoreOptions) {
    OscoreOption option;
    const Hex<40> bytes(vector.hex);
    CHECK(isOk(decodeOscoreOption(bytes.view(), option)));
    CHECK(isHex(option.piv.view(), vector.pivHex));
    CHECK_EQ(option.hasKid, vector.kidHex != nullptr);
    CHECK_EQ(option.hasKidContext, vector.kidContextHex != nullptr);
    if (vector.kidHex != nullptr) CHECK(isHex(option.kid, vector.kidHex));
    if (vector.kidContextHex != nullptr) CHECK(isHex(option.kidContext, vector.kidContextHex));
  }
}

TEST("an answer that isn't the one to this request is not taken for it") {
  SoftwareAead aead;
  for (const vectors::OscoreUnverifiedVector& vector : vectors::oscoreUnverified) {
    Hex<100> wire(vector.hex);
    CoapMessage message;
    CHECK(isOk(decodeCoap(wire.view(), message).status));
    ByteSpan value;
    OscoreOption option;
    CHECK(findOption(message.options, coap::option::oscore, value) && isOk(decodeOscoreOption(value, option)));
    OscoreBinding binding;
    binding.request = OscorePiv::of(static_cast<uint64_t>(vector.requestSequence));
    binding.own = option.piv;
    const MutableSpan ciphertext(wire.bytes + (message.payload.data() - wire.bytes), message.payload.size());
    CHECK(unprotectOscore(keysOf(vector.client), aead, binding, ciphertext, message) == Status::mismatch);
  }
}

TEST("an OSCORE option that doesn't decode is malformed") {
  for (const vectors::OscoreMalformedVector& vector : vectors::oscoreMalformed) {
    OscoreOption option;
    CHECK(decodeOscoreOption(Hex<40>(vector.hex).view(), option) == Status::malformed);
  }
}

TEST("a secret that is too short, and the same id on both sides, make no keys") {
  OscoreCredentials credentials = credentialsOf(vectors::oscoreKeys[0]);
  OscoreKeys keys;
  CHECK(credentials.masterSecret.resize(15));
  CHECK(deriveOscoreKeys(credentials, keys) == Status::invalid);
  credentials = credentialsOf(vectors::oscoreKeys[0]);
  credentials.senderId = credentials.recipientId;
  CHECK(deriveOscoreKeys(credentials, keys) == Status::invalid);
}

TEST("no changed bit of a protected request is taken for genuine, its number and ids included") {
  SoftwareAead aead;
  const vectors::OscoreMessageVector& vector = vectors::oscoreRequests[2];
  const OscoreKeys keys = keysOf(vector.receiver);
  for (size_t bit = 0; bit < 44 * 8; bit++) {
    Hex<100> wire(vector.protectedHex);
    wire.bytes[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    CoapMessage message;
    if (!isOk(decodeCoap(wire.view(), message).status)) continue;
    ByteSpan value;
    OscoreOption option;
    if (!findOption(message.options, coap::option::oscore, value) || !isOk(decodeOscoreOption(value, option))) continue;
    if (!option.hasKid || !equal(option.kid, keys.recipientId.view()) || !equal(option.kidContext, keys.idContext.view())) continue;
    const bool isProtectedPart = bit / 8 >= 31 || (message.payload.size() == 13 && option.piv.number() != 20);
    OscoreBinding binding;
    binding.isRequest = true;
    binding.request = option.piv;
    const MutableSpan ciphertext(wire.bytes + (message.payload.data() - wire.bytes), message.payload.size());
    const Status status = unprotectOscore(keys, aead, binding, ciphertext, message);
    CHECK_EQ(status == Status::mismatch, isProtectedPart);
  }
}

TEST("a message that is protected already isn't protected again, and one that doesn't fit is refused") {
  SoftwareAead aead;
  const vectors::OscoreMessageVector& vector = vectors::oscoreRequests[0];
  CoapMessage message;
  const Hex<100> wire(vector.protectedHex);
  CHECK(isOk(decodeCoap(wire.view(), message).status));
  uint8_t out[100];
  CHECK(protectOscore(keysOf(vector.sender), aead, message, bindingOf(vector, true), out).status() == Status::invalid);
  const Hex<100> plain(vector.plainHex);
  CHECK(isOk(decodeCoap(plain.view(), message).status));
  for (size_t room = 0; room < 35; room++) {
    uint8_t small[36];
    small[room] = 0xEE;
    CHECK(protectOscore(keysOf(vector.sender), aead, message, bindingOf(vector, true), MutableSpan(small, room)).status() == Status::full);
    CHECK_EQ(small[room], 0xEE);
  }
  CHECK(protectOscore(keysOf(vector.sender), aead, message, bindingOf(vector, true), MutableSpan(out, 35)).hasValue());
}

TEST("numbers are written as briefly as they can be, zero as one byte") {
  CHECK(isHex(OscorePiv::of(0).view(), "00"));
  CHECK(isHex(OscorePiv::of(255).view(), "ff"));
  CHECK(isHex(OscorePiv::of(256).view(), "0100"));
  CHECK(isHex(OscorePiv::of(oscore::sequenceEnd - 1).view(), "ffffffffff"));
  CHECK_EQ(OscorePiv::of(0x0102030405).number(), 0x0102030405ULL);
}
