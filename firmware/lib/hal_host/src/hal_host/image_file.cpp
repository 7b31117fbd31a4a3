#include "hal_host/image_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sha256.hpp"

namespace cx::host {

namespace {

#if defined(__x86_64__)
constexpr uint16_t machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t machine = EM_AARCH64;
#elif defined(__arm__)
constexpr uint16_t machine = EM_ARM;
#elif defined(__riscv)
constexpr uint16_t machine = EM_RISCV;
#else
#error "tell image_file.cpp this machine's ELF number"
#endif

// The whole file, private and writable: a stamp changes the copy in memory.
struct Mapping {
  uint8_t* bytes = nullptr;
  size_t size = 0;

  ~Mapping() {
    if (bytes != nullptr) ::munmap(bytes, size);
  }
  ImageFault open(const char* path) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return ImageFault::unreadable;
    struct stat info;
    ImageFault fault = ImageFault::none;
    if (::fstat(file, &info) != 0) {
      fault = ImageFault::unreadable;
    } else if (!S_ISREG(info.st_mode) || info.st_size < static_cast<off_t>(sizeof(Elf64_Ehdr))) {
      fault = ImageFault::notProgram;
    } else if (info.st_size > static_cast<off_t>(imageFileMax)) {
      fault = ImageFault::tooLarge;
    } else {
      size = static_cast<size_t>(info.st_size);
      void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
      if (at == MAP_FAILED) {
        fault = ImageFault::unreadable;
      } else {
        bytes = static_cast<uint8_t*>(at);
      }
    }
    ::close(file);
    return fault;
  }
};

bool isEnded(const char (&text)[imageTextMax + 1]) { return std::memchr(text, 0, sizeof text) != nullptr; }

ImageFault findDescriptor(const Mapping& image, ImageFacts& facts) {
  Elf64_Ehdr header;  // the fields looked at lie at the same places in both classes
  std::memcpy(&header, image.bytes, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != machine) return ImageFault::notProgram;
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return ImageFault::notProgram;

  char magic[16];
  static const char half[] = "CoxswainImage";
  std::memcpy(magic, half, 13);
  magic[13] = '\x1a';
  magic[14] = '\r';
  magic[15] = '\n';
  bool isFound = false;
  const uint8_t* at = image.bytes;
  const uint8_t* const end = image.bytes + image.size;
  while ((at = static_cast<const uint8_t*>(::memmem(at, static_cast<size_t>(end - at), magic, sizeof magic))) != nullptr) {
    ImageDescriptor read;
    if (static_cast<size_t>(end - at) >= sizeof read) {
      std::memcpy(&read, at, sizeof read);
      if (read.layout == 1 && read.size == sizeof read && isEnded(read.version) && isEnded(read.model)) {
        if (isFound) return ImageFault::ambiguous;
        isFound = true;
        facts.descriptor = read;
        facts.descriptor.build[sizeof read.build - 1] = '\0';
        facts.descriptorOffset = static_cast<uint32_t>(at - image.bytes);
      }
    }
    at += sizeof magic;
  }
  return isFound ? ImageFault::none : ImageFault::noDescriptor;
}

void identify(const Mapping& image, hal::ImageIdentity& identity) {
  Sha256 hash;
  hash.update(ByteSpan(image.bytes, image.size));
  hash.finish(identity.digest);
  identity.size = static_cast<uint32_t>(image.size);
}

bool writeWhole(int file, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(file, bytes, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

}  // namespace

const char* explain(ImageFault fault) {
  switch (fault) {
    case ImageFault::none: return "it is an image";
    case ImageFault::unreadable: return "it can't be read";
    case ImageFault::tooLarge: return "it is larger than 64 MiB";
    case ImageFault::notProgram: return "it isn't a program for this machine";
    case ImageFault::noDescriptor: return "it is a program without an image descriptor: not a node image";
    case ImageFault::ambiguous: return "it has more than one image descriptor";
    case ImageFault::badText: return "version and model are 1 to 31 characters of A-Z a-z 0-9 . _ + -";
    case ImageFault::unwritable: return "it can't be written";
  }
  return "unknown";
}

void ownText(const volatile char (&text)[imageTextMax + 1], char (&out)[imageTextMax + 1]) {
  for (uint32_t i = 0; i < imageTextMax; i++) out[i] = text[i];
  out[imageTextMax] = '\0';
}

bool isImageText(const char* text) {
  const size_t length = std::strlen(text);
  if (length == 0 || length > imageTextMax) return false;
  for (const char* at = text; *at != '\0'; at++) {
    const char c = *at;
    const bool isGood = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr("._+-", c) != nullptr;
    if (!isGood) return false;
  }
  return true;
}

void writeDigest(const uint8_t* digest, char (&out)[digestTextSize]) {
  static const char digits[] = "0123456789abcdef";
  std::memcpy(out, "sha256:", 7);
  for (uint32_t i = 0; i < hal::digestSize; i++) {
    out[7 + 2 * i] = digits[digest[i] >> 4];
    out[8 + 2 * i] = digits[digest[i] & 15];
  }
  out[digestTextSize - 1] = '\0';
}

ImageFault inspectImage(const char* path, ImageFacts& facts) {
  Mapping image;
  ImageFault fault = image.open(path);
  if (fault == ImageFault::none) fault = findDescriptor(image, facts);
  if (fault == ImageFault::none) identify(image, facts.identity);
  return fault;
}

ImageFault stampImage(const char* path, const char* version, const char* model, const char* out, ImageFacts& facts) {
  if (!isImageText(version) || (model != nullptr && !isImageText(model))) return ImageFault::badText;
  Mapping image;
  ImageFault fault = image.open(path);
  if (fault == ImageFault::none) fault = findDescriptor(image, facts);
  if (fault != ImageFault::none) return fault;

  ImageDescriptor& descriptor = facts.descriptor;
  std::memset(descriptor.version, 0, sizeof descriptor.version);
  std::memcpy(descriptor.version, version, std::strlen(version));
  if (model != nullptr) {
    std::memset(descriptor.model, 0, sizeof descriptor.model);
    std::memcpy(descriptor.model, model, std::strlen(model));
  }
  std::memcpy(image.bytes + facts.descriptorOffset, &descriptor, sizeof descriptor);
  identify(image, facts.identity);

  char beside[4096];
  if (std::snprintf(beside, sizeof beside, "%s.new", out) >= static_cast<int>(sizeof beside)) return ImageFault::unwritable;
  const int file = ::open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (file < 0) return ImageFault::unwritable;
  const bool isWritten = writeWhole(file, image.bytes, image.size) && ::fsync(file) == 0;
  const int error = errno;
  if (::close(file) == 0 && isWritten && ::rename(beside, out) == 0) return ImageFault::none;
  if (!isWritten) errno = error;
  ::unlink(beside);
  return ImageFault::unwritable;
}

}  // namespace cx::host
