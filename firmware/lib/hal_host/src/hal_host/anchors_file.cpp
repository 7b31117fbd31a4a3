#include "hal_host/anchors_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace cx::host {

namespace {

int readWhole(const char* path, uint8_t (&out)[anchorsFileMax + 1], const char*& why) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    why = std::strerror(errno);
    return -1;
  }
  struct stat facts;
  size_t done = 0;
  if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    why = "it isn't a plain file";
  } else if ((facts.st_mode & 022) != 0) {
    why = "others than its owner can write it: chmod go-w it, and look at what is in it";
  }
  while (why == nullptr && done < sizeof out) {
    const ssize_t got = ::read(file, out + done, sizeof out - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) why = std::strerror(errno);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  ::close(file);
  return why == nullptr ? static_cast<int>(done) : -1;
}

}  // namespace

bool importAnchors(Files& files, const char* path, char (&fault)[optionFaultMax]) {
  uint8_t bytes[anchorsFileMax + 1];
  const char* why = nullptr;
  const int size = readWhole(path, bytes, why);
  if (size < 0) {
    std::snprintf(fault, sizeof fault, "%.120s can't be taken: %s", path, why);
    return false;
  }
  TrustAnchors anchors;
  const ByteSpan content(bytes, static_cast<size_t>(size));
  const ManifestReason reason = size > static_cast<int>(anchorsFileMax) ? ManifestReason::manifestTooLarge : readKeySet(content, anchors);
  if (reason != ManifestReason::none) {
    std::snprintf(fault, sizeof fault, "%.120s isn't a key set of 1 to 4 keys on P-256 (%s): `coxswain update anchors export` writes one", path,
                  manifestReasonWord(reason));
    return false;
  }
  uint8_t kept[anchorsFileMax + 1];
  const Io io = files.read(anchorsFile, 0, kept, sizeof kept);
  if (io.code == Code::ok && equal(ByteSpan(kept, io.size), content)) return true;
  if (replaceFile(files, anchorsFile, content.data(), static_cast<uint32_t>(content.size())) == Code::ok) return true;
  std::snprintf(fault, sizeof fault, "the trust anchors can't be written into the state folder");
  return false;
}

Code loadAnchors(Files& files, TrustAnchors& out) {
  uint8_t bytes[anchorsFileMax + 1];
  const Io io = files.read(anchorsFile, 0, bytes, sizeof bytes);
  if (io.code != Code::ok) return io.code;
  return io.size <= anchorsFileMax && readKeySet(ByteSpan(bytes, io.size), out) == ManifestReason::none ? Code::ok : Code::corrupt;
}

}  // namespace cx::host
