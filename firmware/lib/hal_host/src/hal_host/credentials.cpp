#include "hal_host/credentials.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal_host/file_storage.hpp"
#include "hal_host/folder_files.hpp"
#include "json_reader.hpp"
#include "oscore_sequence.hpp"
#include "text.hpp"

namespace cx::host {

namespace {

// Reads one member at a time; the first thing that is wrong ends it and stands in `fault`.
class Reader {
 public:
  Reader(ByteSpan json, char (&fault)[optionFaultMax]) : json_(json), fault_(fault) { fault_[0] = '\0'; }

  bool whole(Credentials& out) {
    if (!object("the file", [&](std::string_view key) { return top(key, out); })) return false;
    if (!isOk(json_.finish())) return wrong("the file", "goes on after its closing brace");
    if (!out.hasOscore && !out.dtls.isSet()) return wrong("the file", "holds neither oscore nor dtls");
    OscoreKeys keys;
    if (out.hasOscore && !isOk(deriveOscoreKeys(out.oscore, keys))) {
      return wrong("oscore", "needs a masterSecret of 16 to 32 bytes, and a senderId that isn't the recipientId");
    }
    return checkDtls(out.dtls);
  }

 private:
  bool wrong(const char* what, const char* why) {
    if (fault_[0] == '\0') std::snprintf(fault_, sizeof fault_, "%s %s", what, why);
    return false;
  }
  bool unknown(const char* where) { return wrong(where, "holds a member that isn't known"); }

  template <typename Member>
  bool object(const char* name, Member member) {
    if (!isOk(json_.enterObject())) return wrong(name, "isn't an object of JSON");
    std::string_view key;
    Status status = json_.nextKey(key);
    for (; isOk(status); status = json_.nextKey(key)) {
      if (!member(key)) return false;
    }
    return status == Status::notFound || wrong(name, "isn't well-formed JSON");
  }
  template <size_t N>
  bool text(const char* name, FixedText<N>& out) {
    return (isOk(json_.readText(out)) && !out.empty()) || wrong(name, "isn't a text, is empty, or is too long");
  }
  template <size_t N>
  bool hex(const char* name, FixedBytes<N>& out) {
    FixedText<2 * N> digits;
    const bool isRead = isOk(json_.readText(digits)) && digits.size() % 2 == 0 && out.resize(digits.size() / 2) &&
                        isOk(parseHex(digits.view(), out.storage().first(out.size())));
    return isRead || wrong(name, "isn't hexadecimal of a size that fits");
  }

  bool top(std::string_view key, Credentials& out) {
    if (key == "id") return text("id", out.id) && (isNodeId(out.id.cStr()) || wrong("id", "isn't a node id"));
    if (key == "oscore") {
      out.hasOscore = true;
      return object("oscore", [&](std::string_view member) { return oscore(member, out.oscore); });
    }
    if (key == "ca") return text("ca", out.ca);
    if (key == "dtls") return object("dtls", [&](std::string_view member) { return dtls(member, out.dtls); });
    if (key == "vendor") return text("vendor", out.vendor);
    if (key == "anchors") return anchors(out.anchors);
    return unknown("the file");
  }
  bool anchors(TrustAnchors& out) {
    FixedBytes<keySetMax> set;
    if (!hex("anchors", set)) return false;
    return readKeySet(set.view(), out) == ManifestReason::none || wrong("anchors", "isn't a COSE key set of 1 to 4 keys on P-256");
  }
  bool oscore(std::string_view key, OscoreCredentials& out) {
    if (key == "masterSecret") return hex("oscore.masterSecret", out.masterSecret);
    if (key == "masterSalt") return hex("oscore.masterSalt", out.masterSalt);
    if (key == "senderId") return hex("oscore.senderId", out.senderId);
    if (key == "recipientId") return hex("oscore.recipientId", out.recipientId);
    if (key == "idContext") return hex("oscore.idContext", out.idContext) && (!out.idContext.empty() || wrong("oscore.idContext", "is empty: leave it out"));
    return unknown("oscore");
  }
  bool dtls(std::string_view key, DtlsCredentials& out) {
    if (key == "psk") return object("dtls.psk", [&](std::string_view member) { return psk(member, out); });
    if (key == "certificate") return text("dtls.certificate", out.certificate);
    if (key == "key") return text("dtls.key", out.privateKey);
    if (key == "ca") return text("dtls.ca", out.ca);
    return unknown("dtls");
  }
  bool psk(std::string_view key, DtlsCredentials& out) {
    if (key == "identity") return text("dtls.psk.identity", out.identity);
    if (key == "key") return hex("dtls.psk.key", out.key);
    return unknown("dtls.psk");
  }
  bool checkDtls(const DtlsCredentials& dtls) {
    const bool isPart = dtls.identity.empty() != dtls.key.empty() || (dtls.hasPsk() && dtls.key.size() < pskMin);
    if (isPart) return wrong("dtls.psk", "needs an identity and a key of 16 to 32 bytes");
    const bool hasAny = dtls.hasCertificate() || !dtls.privateKey.empty() || !dtls.ca.empty();
    const bool hasAll = dtls.hasCertificate() && !dtls.privateKey.empty() && !dtls.ca.empty();
    if (hasAny && (!hasAll || dtls.hasPsk())) return wrong("dtls", "needs certificate, key and ca, or psk alone");
    return true;
  }

  JsonReader json_;
  char (&fault_)[optionFaultMax];
};

void wipe(uint8_t* bytes, size_t size) {
  volatile uint8_t* const at = bytes;
  for (size_t i = 0; i < size; i++) at[i] = 0;
}

}  // namespace

bool parseCredentials(ByteSpan json, Credentials& out, char (&fault)[optionFaultMax]) {
  out = Credentials{};
  return Reader(json, fault).whole(out);
}

int readCredentialsFile(const char* path, MutableSpan out, char (&fault)[optionFaultMax]) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    std::snprintf(fault, sizeof fault, "%.150s can't be opened: %s", path, std::strerror(errno));
    return -1;
  }
  struct stat facts;
  const char* why = nullptr;
  if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    why = "isn't a plain file";
  } else if ((facts.st_mode & 077) != 0) {
    why = "can be read by others than its owner: chmod 600 it, and take new keys if others could have read them";
  } else if (facts.st_uid != ::geteuid() && facts.st_uid != 0) {
    why = "belongs to another user";
  } else if (facts.st_size > static_cast<off_t>(out.size())) {
    why = "is larger than 8192 bytes";
  }
  size_t done = 0;
  while (why == nullptr && done < out.size()) {
    const ssize_t got = ::read(file, out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) why = "can't be read";
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  ::close(file);
  if (why == nullptr) return static_cast<int>(done);
  std::snprintf(fault, sizeof fault, "%.100s %s", path, why);
  return -1;
}

bool importCredentials(Files& files, ByteSpan json, const Credentials& credentials, char (&fault)[optionFaultMax]) {
  static FileStorage numbers(files, numbersFile);
  if (numbers.load() == Code::ok) return storeCredentials(files, numbers, json, credentials, fault);
  std::snprintf(fault, sizeof fault, "%s in the state folder is damaged; begin with another folder and new credentials", numbersFile);
  return false;
}

bool storeCredentials(Files& files, hal::Storage& numbers, ByteSpan json, const Credentials& credentials, char (&fault)[optionFaultMax],
                      const char* name) {
  static uint8_t kept[credentialsMax + 1];
  const Io io = files.read(name, 0, kept, sizeof kept);
  const bool isSame = io.code == Code::ok && equal(ByteSpan(kept, io.size), json);
  wipe(kept, sizeof kept);
  if (isSame) return true;
  if (credentials.hasOscore) {
    // The numbers first: keys without their numbers would be of no use, numbers without keys do no harm.
    OscoreKeys keys;
    if (!isOk(deriveOscoreKeys(credentials.oscore, keys)) || !isOk(OscoreSequence::create(numbers, keys))) {
      std::snprintf(fault, sizeof fault, "the sequence numbers can't be kept in the state folder: %s in it is damaged or full; begin with "
                    "another folder and new credentials", numbersFile);
      return false;
    }
  }
  if (replaceFile(files, name, json.data(), static_cast<uint32_t>(json.size())) == Code::ok) return true;
  std::snprintf(fault, sizeof fault, "the credentials can't be written into the state folder");
  return false;
}

Code loadCredentials(Files& files, Credentials& out, char (&fault)[optionFaultMax], const char* name) {
  static uint8_t bytes[credentialsMax + 1];
  const Io io = files.read(name, 0, bytes, sizeof bytes);
  if (io.code != Code::ok) {
    std::snprintf(fault, sizeof fault, "%s in the state folder can't be read", name);
    return io.code;
  }
  const bool isGood = io.size <= credentialsMax && parseCredentials(ByteSpan(bytes, io.size), out, fault);
  wipe(bytes, sizeof bytes);
  return isGood ? Code::ok : Code::corrupt;
}

}  // namespace cx::host
