#include "enrolment_keys.hpp"

#include "hkdf.hpp"

namespace cx {

namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t secretSize = 16, saltSize = 8;
constexpr std::string_view claimInfo = "coxswain-claim";
constexpr std::string_view batchInfo = "coxswain-batch:";

// 32: none.
uint8_t valueOf(char character) {
  if (character >= 'a' && character <= 'z') character = static_cast<char>(character - 'a' + 'A');
  if (character == 'O') character = '0';
  if (character == 'I' || character == 'L') character = '1';
  for (uint8_t i = 0; i < alphabet.size(); i++) {
    if (alphabet[i] == character) return i;
  }
  return 32;
}

// Modulo x^5 + x^2 + 1.
uint8_t timesX(uint8_t value) { return static_cast<uint8_t>(((value << 1U) ^ ((value & 16U) != 0 ? 0x25U : 0U)) & 31U); }

}  // namespace

Status parseClaimCode(std::string_view text, FixedText<claimCodeLength>& out) {
  out.clear();
  uint8_t sum = 0;
  for (const char character : text) {
    if (character == ' ' || character == '-' || character == '\t') continue;
    const uint8_t value = valueOf(character);
    if (value > 31 || out.size() == claimCodeLength) return Status::malformed;
    if (out.size() + 1 == claimCodeLength && value != sum) return Status::malformed;
    sum = timesX(sum ^ value);
    CX_TRY(out.append(slice(alphabet, value, 1)));
  }
  return out.size() == claimCodeLength ? Status::ok : Status::malformed;
}

Status deriveClaimKeys(const FixedText<claimCodeLength>& code, OscoreCredentials& out) {
  if (code.size() != claimCodeLength) return Status::invalid;
  uint8_t derived[secretSize + saltSize + batchIdSize];
  hkdfSha256(ByteSpan(), asBytes(code), asBytes(claimInfo), derived);
  const ByteSpan bytes(derived);
  out = OscoreCredentials();
  CX_TRY(out.masterSecret.assign(bytes.first(secretSize)));
  CX_TRY(out.masterSalt.assign(bytes.slice(secretSize, saltSize)));
  return out.senderId.assign(bytes.from(secretSize + saltSize));
}

bool isHardwareId(std::string_view text) {
  if (text.empty() || text.size() > batchHardwareMax) return false;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    const bool isPlain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!isPlain && (i == 0 || (c != '_' && c != '-'))) return false;
  }
  return true;
}

Status deriveBatchKeys(ByteSpan batch, ByteSpan key, std::string_view hardware, OscoreCredentials& out) {
  if (batch.size() != batchIdSize || key.size() != batchKeySize || !isHardwareId(hardware)) return Status::invalid;
  FixedText<batchInfo.size() + batchHardwareMax> info;
  CX_TRY(info.assign(batchInfo));
  CX_TRY(info.append(hardware));
  uint8_t derived[batchSecretSize];
  hkdfSha256(ByteSpan(), key, asBytes(info), derived);
  return deviceKeys(batch, derived, hardware, out);
}

Status deviceKeys(ByteSpan batch, ByteSpan secret, std::string_view hardware, OscoreCredentials& out) {
  if (batch.size() != batchIdSize || secret.size() != batchSecretSize || !isHardwareId(hardware)) return Status::invalid;
  out = OscoreCredentials();
  CX_TRY(out.masterSecret.assign(secret.first(secretSize)));
  CX_TRY(out.masterSalt.assign(secret.from(secretSize)));
  CX_TRY(out.senderId.assign(batch));
  return out.idContext.assign(asBytes(hardware));
}

}  // namespace cx
