#include "credentials_trial.hpp"

#include "sha256.hpp"

namespace cx {

namespace {

constexpr const char* currentKey = "env";
constexpr const char* nextKey = "env.next";
constexpr const char* trialKey = "env.trial";  // [rev, boots]; its presence means that env.next is on trial
constexpr size_t environmentMax = 900;

bool sameBroker(const BrokerAccess& left, const BrokerAccess& right) {
  return left.host == right.host && left.port == right.port && left.isTls == right.isTls && left.user == right.user &&
         left.password == right.password && left.clientId == right.clientId;
}

// The first half of a SHA-256: enough to see that nothing changed and flash can be spared.
uint64_t checkOf(ByteSpan bytes) {
  Sha256 hash;
  uint8_t digest[Sha256::digestSize];
  hash.update(bytes);
  hash.finish(digest);
  uint64_t check = 0;
  std::memcpy(&check, digest, sizeof check);
  return check;
}

}  // namespace

bool CredentialsTrial::read(const char* key, Environment& out) {
  uint8_t buffer[environmentMax];
  const hal::Io io = context_.hal.storage.get(key, buffer, sizeof buffer);
  if (io.code != hal::Code::ok) return false;
  const ByteSpan bytes(buffer, io.size);
  renew(out);
  if (!isOk(decodeEnvironment(WireFormat::cbor, bytes, out))) {
    context_.log.error().put("a stored environment is unreadable: ").put(key);
    renew(out);
    return false;
  }
  check_ = checkOf(bytes);
  return true;
}

bool CredentialsTrial::store(const char* key, const Environment& environment) {
  uint8_t buffer[environmentMax];
  const Expected<ByteSpan> bytes = encodeEnvironment(environment, buffer);
  if (!bytes || context_.hal.storage.put(key, bytes->data(), static_cast<uint32_t>(bytes->size())) != hal::Code::ok) return false;
  check_ = checkOf(*bytes);
  return true;
}

bool CredentialsTrial::isStored(const Environment& environment) const {
  uint8_t buffer[environmentMax];
  const Expected<ByteSpan> bytes = encodeEnvironment(environment, buffer);
  return bytes.hasValue() && checkOf(*bytes) == check_;
}

void CredentialsTrial::load(uint64_t nowMs) {
  (void)read(currentKey, context_.state.environment);
  uint8_t buffer[16];
  const hal::Io io = context_.hal.storage.get(trialKey, buffer, sizeof buffer);
  if (io.code != hal::Code::ok) return;
  CborReader reader(ByteSpan(buffer, io.size));
  uint32_t count = 0, rev = 0, boots = 0;
  const bool isReadable = isOk(reader.readArray(count)) && count == 2 && isOk(reader.readUint(rev)) && isOk(reader.readUint(boots));
  trialRev_ = isReadable ? rev : 0;
  if (!isReadable || boots >= credentialsBootsMax) {
    context_.log.warn().put("credentials: the trial is given up, the previous set stays");
    return restore();
  }
  // The boot is counted before the new set is used: a set that crashes the node ends by itself.
  CborWriter writer(buffer);
  writer.putArray(2);
  writer.putUint(rev);
  writer.putUint(boots + 1);
  const Expected<ByteSpan> bytes = writer.finish();
  if (!bytes || context_.hal.storage.put(trialKey, bytes->data(), static_cast<uint32_t>(bytes->size())) != hal::Code::ok) return restore();
  if (!read(nextKey, context_.state.environment)) {
    (void)read(currentKey, context_.state.environment);
    return restore();
  }
  deadlineMs_ = nowMs + credentialsTrialMs;
}

bool CredentialsTrial::needsTrial(const Environment& next) const {
  const Environment& now = context_.state.environment;
  if (!sameBroker(now.mqtt, next.mqtt) || now.wifiCount != next.wifiCount) return true;
  for (uint8_t i = 0; i < now.wifiCount; ++i) {
    if (!(now.wifi[i].ssid == next.wifi[i].ssid) || !(now.wifi[i].password == next.wifi[i].password)) return true;
  }
  return false;
}

bool CredentialsTrial::write(const Environment& next, uint32_t rev) {
  if (!store(nextKey, next)) return false;
  uint8_t buffer[16];
  CborWriter writer(buffer);
  writer.putArray(2);
  writer.putUint(rev);
  writer.putUint(0);
  const Expected<ByteSpan> bytes = writer.finish();
  return bytes.hasValue() && context_.hal.storage.put(trialKey, bytes->data(), static_cast<uint32_t>(bytes->size())) == hal::Code::ok;
}

void CredentialsTrial::adopt(const Environment& next) {
  context_.state.environment = next;
  if (isOnTrial() || isStored(next)) return;  // on trial keep() stores it
  if (!store(currentKey, next)) context_.log.error().put("the environment couldn't be stored");
}

void CredentialsTrial::keep() {
  if (!isOnTrial()) return;
  // The new set first, then the end of the trial: power lost between them only repeats the trial.
  if (!store(currentKey, context_.state.environment)) {
    context_.log.error().put("credentials: the tried set couldn't be stored; the trial goes on");
    return;
  }
  (void)context_.hal.storage.remove(trialKey);
  (void)context_.hal.storage.remove(nextKey);
  end_ = CredentialsEnd::kept;
  endRev_ = trialRev_;
  trialRev_ = 0;
}

void CredentialsTrial::restore() {
  (void)context_.hal.storage.remove(trialKey);
  (void)context_.hal.storage.remove(nextKey);
  end_ = CredentialsEnd::restored;
  endRev_ = trialRev_;
  trialRev_ = 0;
}

CredentialsEnd CredentialsTrial::takeEnd(uint32_t& rev) {
  const CredentialsEnd end = end_;
  rev = endRev_;
  end_ = CredentialsEnd::none;
  return end;
}

}  // namespace cx
