#include "oscore.hpp"

#include "hkdf.hpp"

namespace cx {

namespace {

constexpr uint8_t algorithm = 10;  // AES-CCM-16-64-128 in IANA's registry of COSE
constexpr uint8_t pivSizeMask = 0x07, kidFlag = 0x08, kidContextFlag = 0x10, reservedFlags = 0xE0;
constexpr uint8_t payloadMarker = 0xFF;

// CBOR of the few things needed here: all lengths are below 24.
class Cbor {
 public:
  explicit Cbor(uint8_t* out) : out_(out) {}
  Cbor& byte(uint8_t value) {
    out_[size_++] = value;
    return *this;
  }
  Cbor& bytes(ByteSpan value) { return raw(0x40, value); }
  Cbor& text(std::string_view value) { return raw(0x60, asBytes(value)); }
  size_t size() const { return size_; }

 private:
  Cbor& raw(uint8_t major, ByteSpan value) {
    byte(static_cast<uint8_t>(major + value.size()));
    if (!value.empty()) std::memcpy(out_ + size_, value.data(), value.size());
    size_ += value.size();
    return *this;
  }
  uint8_t* out_;
  size_t size_ = 0;
};

void derive(const OscoreCredentials& credentials, ByteSpan id, std::string_view type, MutableSpan out) {
  uint8_t info[1 + 1 + oscore::idMax + 1 + oscore::contextMax + 1 + 4 + 1];
  Cbor cbor(info);
  cbor.byte(0x85).bytes(id);
  if (credentials.idContext.empty()) {
    cbor.byte(0xF6);
  } else {
    cbor.bytes(credentials.idContext.view());
  }
  cbor.byte(algorithm).text(type).byte(static_cast<uint8_t>(out.size()));
  hkdfSha256(credentials.masterSalt.view(), credentials.masterSecret.view(), ByteSpan(info, cbor.size()), out);
}

// Section 5.2: the size of the id, the id and the number, each against its right edge, over the common IV.
void makeNonce(const OscoreKeys& keys, ByteSpan id, const OscorePiv& piv, uint8_t (&nonce)[hal::aeadNonceSize]) {
  std::memset(nonce, 0, sizeof nonce);
  nonce[0] = static_cast<uint8_t>(id.size());
  if (!id.empty()) std::memcpy(nonce + 1 + oscore::idMax - id.size(), id.data(), id.size());
  if (piv.size > 0) std::memcpy(nonce + sizeof nonce - piv.size, piv.bytes, piv.size);
  for (size_t i = 0; i < sizeof nonce; i++) nonce[i] = static_cast<uint8_t>(nonce[i] ^ keys.commonIv[i]);
}

// Section 5.4.
struct Aad {
  uint8_t bytes[40];
  size_t size = 0;

  Aad(ByteSpan requestKid, const OscorePiv& requestPiv) {
    uint8_t array[1 + 1 + 2 + 1 + oscore::idMax + 1 + oscore::pivMax + 1];
    Cbor inner(array);
    inner.byte(0x85).byte(1).byte(0x81).byte(algorithm).bytes(requestKid).bytes(requestPiv.view()).bytes(ByteSpan());
    Cbor outer(bytes);
    outer.byte(0x83).text("Encrypt0").bytes(ByteSpan()).bytes(ByteSpan(array, inner.size()));
    size = outer.size();
  }
};

// Section 4.1, figure 5: class U. Observe is both.
bool isOuter(uint16_t number) {
  using namespace coap::option;
  return number == uriHost || number == uriPort || number == hopLimit || number == proxyUri || number == proxyScheme;
}

size_t encodeOption(const OscoreKeys& keys, const OscoreBinding& binding, uint8_t* out) {
  const OscorePiv& piv = binding.isRequest ? binding.request : binding.own;
  size_t at = 1;
  if (piv.size > 0) std::memcpy(out + at, piv.bytes, piv.size);
  at += piv.size;
  unsigned flags = piv.size;
  if (binding.isRequest) {
    if (!keys.idContext.empty()) {
      flags |= kidContextFlag;
      out[at++] = static_cast<uint8_t>(keys.idContext.size());
      std::memcpy(out + at, keys.idContext.data(), keys.idContext.size());
      at += keys.idContext.size();
    }
    flags |= kidFlag;
    if (!keys.senderId.empty()) std::memcpy(out + at, keys.senderId.data(), keys.senderId.size());
    at += keys.senderId.size();
  }
  out[0] = static_cast<uint8_t>(flags);
  return flags == 0 ? 0 : at;  // all flags zero: the value is empty
}

}  // namespace

uint64_t OscorePiv::number() const {
  uint64_t value = 0;
  for (const uint8_t byte : view()) value = value << 8U | byte;
  return value;
}

OscorePiv OscorePiv::of(uint64_t number) {
  OscorePiv piv;
  for (unsigned shift = 40; shift > 0; shift -= 8) {
    const auto byte = static_cast<uint8_t>(number >> (shift - 8));
    if (piv.size > 0 || byte != 0 || shift == 8) piv.bytes[piv.size++] = byte;  // zero is one byte
  }
  return piv;
}

Status deriveOscoreKeys(const OscoreCredentials& credentials, OscoreKeys& keys) {
  if (credentials.masterSecret.size() < oscore::secretMin) return Status::invalid;
  if (equal(credentials.senderId.view(), credentials.recipientId.view())) return Status::invalid;
  keys.senderId = credentials.senderId;
  keys.recipientId = credentials.recipientId;
  keys.idContext = credentials.idContext;
  derive(credentials, keys.senderId.view(), "Key", keys.sender);
  derive(credentials, keys.recipientId.view(), "Key", keys.recipient);
  derive(credentials, ByteSpan(), "IV", keys.commonIv);
  return Status::ok;
}

Status decodeOscoreOption(ByteSpan value, OscoreOption& option) {
  option = OscoreOption{};
  if (value.empty()) return Status::ok;
  const uint8_t flags = value[0];
  const size_t pivSize = flags & pivSizeMask;
  if ((flags & reservedFlags) != 0 || pivSize > oscore::pivMax || flags == 0) return Status::malformed;
  size_t at = 1;
  if (pivSize > value.size() - at || (pivSize > 1 && value[at] == 0)) return Status::malformed;  // not the shortest form
  option.piv.size = static_cast<uint8_t>(pivSize);
  if (pivSize > 0) std::memcpy(option.piv.bytes, value.data() + at, pivSize);
  at += pivSize;
  option.hasKidContext = (flags & kidContextFlag) != 0;
  if (option.hasKidContext) {
    if (at == value.size() || value[at] > value.size() - at - 1) return Status::malformed;
    option.kidContext = value.slice(at + 1, value[at]);
    at += 1U + value[at];
  }
  option.hasKid = (flags & kidFlag) != 0;
  if (option.hasKid) option.kid = value.from(at);
  return option.hasKid || at == value.size() ? Status::ok : Status::malformed;
}

Expected<ByteSpan> protectOscore(const OscoreKeys& keys, hal::Aead& aead, const CoapMessage& plain, const OscoreBinding& binding, MutableSpan out) {
  ByteSpan value;
  if (findOption(plain.options, coap::option::oscore, value)) return Status::invalid;
  const bool hasObserve = findOption(plain.options, coap::option::observe, value);
  const uint8_t outerRequest = hasObserve ? coap::code::fetch : coap::code::post;
  const uint8_t outerResponse = hasObserve ? coap::code::content : coap::code::changed;

  uint8_t optionBytes[1 + oscore::pivMax + 1 + oscore::contextMax + oscore::idMax];
  const ByteSpan oscoreValue(optionBytes, encodeOption(keys, binding, optionBytes));
  CoapMessageWriter outer(out, plain.type, binding.isRequest ? outerRequest : outerResponse, plain.messageId, plain.token);
  CoapOptionReader outerReader(plain.options);
  CoapOption option;
  bool isWritten = false;
  while (outerReader.next(option)) {
    if (!isOuter(option.number) && option.number != coap::option::observe) continue;
    if (option.number > coap::option::oscore && !isWritten) {
      outer.putOption(coap::option::oscore, oscoreValue);
      isWritten = true;
    }
    outer.putOption(option.number, option.value);
  }
  if (!isWritten) outer.putOption(coap::option::oscore, oscoreValue);
  const Expected<ByteSpan> head = outer.finish();
  if (!head) return head;
  if (out.size() - head->size() < 1 + 1 + hal::aeadTagSize) return Status::full;
  out[head->size()] = payloadMarker;

  const size_t start = head->size() + 1;
  CoapMessageWriter inner(out.slice(start, out.size() - start - hal::aeadTagSize), plain.code);
  CoapOptionReader innerReader(plain.options);
  while (innerReader.next(option)) {
    if (isOuter(option.number)) continue;
    // The value of a notification's inner Observe is empty: its order is that of the Partial IV (section 4.1.3.5.2).
    const bool isEmptied = option.number == coap::option::observe && !binding.isRequest;
    inner.putOption(option.number, isEmptied ? ByteSpan() : option.value);
  }
  inner.putPayload(plain.payload);
  const Expected<ByteSpan> plaintext = inner.finish();
  if (!plaintext) return plaintext.status();

  const ByteSpan requestKid = binding.isRequest ? keys.senderId.view() : keys.recipientId.view();
  const Aad aad(requestKid, binding.request);
  uint8_t nonce[hal::aeadNonceSize];
  const bool isOwn = binding.isRequest || binding.own.size > 0;
  makeNonce(keys, isOwn ? keys.senderId.view() : requestKid, binding.isRequest || !isOwn ? binding.request : binding.own, nonce);
  const size_t size = plaintext->size();
  aead.seal(keys.sender, nonce, aad.bytes, static_cast<uint32_t>(aad.size), out.data() + start, static_cast<uint32_t>(size),
            out.data() + start + size);
  return ByteSpan(out.data(), start + size + hal::aeadTagSize);
}

Status unprotectOscore(const OscoreKeys& keys, hal::Aead& aead, const OscoreBinding& binding, MutableSpan ciphertext, CoapMessage& message) {
  if (ciphertext.size() < 1 + hal::aeadTagSize) return Status::mismatch;
  const size_t size = ciphertext.size() - hal::aeadTagSize;
  const ByteSpan requestKid = binding.isRequest ? keys.recipientId.view() : keys.senderId.view();
  const Aad aad(requestKid, binding.request);
  uint8_t nonce[hal::aeadNonceSize];
  const bool isPeers = binding.isRequest || binding.own.size > 0;
  makeNonce(keys, isPeers ? keys.recipientId.view() : requestKid, binding.isRequest || !isPeers ? binding.request : binding.own, nonce);
  const bool isGenuine = aead.open(keys.recipient, nonce, aad.bytes, static_cast<uint32_t>(aad.size), ciphertext.data(),
                                   static_cast<uint32_t>(size), ciphertext.data() + size);
  if (!isGenuine) return Status::mismatch;
  const uint8_t code = ciphertext[0];
  if (binding.isRequest ? !coap::isRequestCode(code) : !coap::isResponseCode(code)) return Status::malformed;
  CoapMessage inner = message;
  inner.code = code;
  const Status status = decodeCoapTail(ByteSpan(ciphertext).slice(1, size - 1), inner);
  ByteSpan nested;
  if (!isOk(status) || findOption(inner.options, coap::option::oscore, nested)) return Status::malformed;
  message = inner;
  return Status::ok;
}

}  // namespace cx
