#include "hal_host/host_enrolment.hpp"

#include <cstdio>

#include "enrolment_keys.hpp"
#include "hal_host/file_storage.hpp"
#include "json_reader.hpp"

namespace cx::host {

namespace {

constexpr size_t textMax = 512 + 2 * keySetMax + vendorMax + pemMax;

// Text of letters, digits and lines. Anything else would only end the text, and the file is read before it counts.
void putText(TextWriter& text, const char* name, std::string_view value) {
  text.put(",\"").put(name).put("\":\"");
  for (const char c : value) {
    if (c == '\n') text.put("\\n");
    else if (c != '\r') text.put(c);
  }
  text.put('"');
}

// The credentials file of an OSCORE context; all but that may be empty.
ByteSpan asFile(const EnrolledCredentials& of, char (&buffer)[textMax]) {
  const OscoreCredentials& oscore = of.oscore;
  TextWriter text(buffer, sizeof buffer);
  text.put('{');
  if (!of.id.empty()) text.put("\"id\":\"").put(of.id.view()).put("\",");
  text.put("\"oscore\":{\"masterSecret\":\"").putHex(oscore.masterSecret.view());
  text.put("\",\"masterSalt\":\"").putHex(oscore.masterSalt.view());
  text.put("\",\"senderId\":\"").putHex(oscore.senderId.view());
  text.put("\",\"recipientId\":\"").putHex(oscore.recipientId.view());
  if (!oscore.idContext.empty()) text.put("\",\"idContext\":\"").putHex(oscore.idContext.view());
  text.put("\"}");
  if (!of.anchors.empty()) text.put(",\"anchors\":\"").putHex(of.anchors).put('"');
  if (!of.vendor.empty()) putText(text, "vendor", of.vendor);
  if (!of.ca.empty()) putText(text, "ca", of.ca);
  text.put("}\n");
  return asBytes(text.view());
}

void wipe(char (&text)[textMax]) {
  volatile char* const at = text;
  for (size_t i = 0; i < sizeof text; i++) at[i] = 0;
}

// Of the whole batch, or what was made of it for one device.
struct Batch {
  FixedBytes<batchIdSize> id;
  FixedBytes<batchKeySize> key;
  FixedText<batchHardwareMax> hardware;
  FixedBytes<batchSecretSize> secret;
};

template <size_t N>
bool readHex(JsonReader& json, FixedBytes<N>& out) {
  FixedText<2 * N> digits;
  return isOk(json.readText(digits)) && digits.size() == 2 * N && out.resize(N) && isOk(parseHex(digits.view(), out.storage()));
}

// `{"batch": 12 hexadecimal digits, "key": 64}`, or in place of the key `"hardware": text, "secret": 48 digits`; other members, such as a model
// for people, are passed over.
bool parseBatch(ByteSpan bytes, Batch& out) {
  JsonReader json(bytes);
  if (!isOk(json.enterObject())) return false;
  std::string_view key;
  Status status = json.nextKey(key);
  for (; isOk(status); status = json.nextKey(key)) {
    bool isRead = false;
    if (key == "batch") {
      isRead = readHex(json, out.id);
    } else if (key == "key") {
      isRead = readHex(json, out.key);
    } else if (key == "secret") {
      isRead = readHex(json, out.secret);
    } else {
      isRead = isOk(key == "hardware" ? json.readText(out.hardware) : json.skip());
    }
    if (!isRead) return false;
  }
  const bool isWhole = status == Status::notFound && isOk(json.finish()) && !out.id.empty();
  return isWhole && out.key.empty() != out.secret.empty() && out.secret.empty() == out.hardware.empty();
}

bool keysOf(const Options& options, std::string_view hardware, OscoreCredentials& out, char (&fault)[optionFaultMax]) {
  if (options.claim != nullptr) {
    FixedText<claimCodeLength> code;
    return isOk(parseClaimCode(options.claim, code)) && isOk(deriveClaimKeys(code, out));
  }
  static uint8_t bytes[credentialsMax];
  const int size = readCredentialsFile(options.batchKey, bytes, fault);
  if (size < 0) return false;
  Batch batch;
  if (!parseBatch(ByteSpan(bytes, static_cast<size_t>(size)), batch)) {
    std::snprintf(fault, sizeof fault, "%.80s isn't the file of a batch or of its device, as `coxswain batch create` or `batch device-key` wrote it", options.batchKey);
    return false;
  }
  if (!batch.secret.empty() && options.hardware != nullptr && batch.hardware.view() != options.hardware) {
    std::snprintf(fault, sizeof fault, "%.100s is of the hardware id %s, and --hardware says otherwise", options.batchKey, batch.hardware.cStr());
    return false;
  }
  if (!batch.secret.empty()) return isOk(deviceKeys(batch.id.view(), batch.secret.view(), batch.hardware, out));
  if (isOk(deriveBatchKeys(batch.id.view(), batch.key.view(), hardware, out))) return true;
  std::snprintf(fault, sizeof fault, "this node has no hardware id that a key can be made for: give one with --hardware ID");
  return false;
}

}  // namespace

bool importEnrolment(Files& files, const Options& options, std::string_view hardware, char (&fault)[optionFaultMax]) {
  Credentials enrolment;
  enrolment.hasOscore = true;
  if (!keysOf(options, hardware, enrolment.oscore, fault)) return false;
  static FileStorage numbers(files, numbersFile);
  if (numbers.load() != Code::ok) {
    std::snprintf(fault, sizeof fault, "%s in the state folder is damaged; begin with another folder", numbersFile);
    return false;
  }
  char text[textMax];
  EnrolledCredentials own;
  own.oscore = enrolment.oscore;
  const bool isKept = storeCredentials(files, numbers, asFile(own, text), enrolment, fault, enrolmentFile);
  wipe(text);
  return isKept;
}

Code loadEnrolment(Files& files, OscoreCredentials& out, char (&fault)[optionFaultMax]) {
  static Credentials enrolment;
  const Code code = loadCredentials(files, enrolment, fault, enrolmentFile);
  if (code == Code::ok) out = enrolment.oscore;
  return code;
}

Code eraseEnrolment(Files& files) {
  uint32_t size = 0;
  const Code found = files.size(enrolmentFile, size);
  if (found == Code::notFound) return Code::ok;
  // What a file system leaves of a file that goes is out of our hands; of its bytes in place it isn't.
  static const uint8_t zeros[textMax] = {};
  Code code = files.write(enrolmentFile, 0, zeros, size < sizeof zeros ? size : sizeof zeros);
  if (code == Code::ok) code = files.sync(enrolmentFile);
  const Code removed = files.remove(enrolmentFile);
  if (removed != Code::ok) return removed;
  const Code synced = files.syncFolder();
  return code == Code::ok ? synced : code;
}

Status HostCredentialKeeper::keep(const EnrolledCredentials& enrolled) {
  char line[200];
  if (!id_.empty() && enrolled.id.view() != id_) {
    std::snprintf(line, sizeof line, "enrolment: the manager calls this node %.63s, and --id says otherwise: start again with that id, or without --id",
                  enrolled.id.cStr());
    log_.write(hal::LogLevel::error, line, std::strlen(line));
    return Status::refused;
  }
  char text[textMax];
  const ByteSpan json = asFile(enrolled, text);
  // Read again as it will be at the next start, so that nothing is kept which that start refuses.
  static Credentials credentials;
  char fault[optionFaultMax];
  const bool isKept = parseCredentials(json, credentials, fault) && storeCredentials(files_, numbers_, json, credentials, fault);
  wipe(text);
  if (!isKept) {
    std::snprintf(line, sizeof line, "enrolment: %.180s", fault);
    log_.write(hal::LogLevel::error, line, std::strlen(line));
    return Status::io;
  }
  (void)eraseEnrolment(files_);  // else at the next start
  return Status::ok;
}

}  // namespace cx::host
