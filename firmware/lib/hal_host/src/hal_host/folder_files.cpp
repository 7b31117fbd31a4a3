#include "hal_host/folder_files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cx::host {

Code codeOf(int error) {
  switch (error) {
    case 0: return Code::ok;
    case EAGAIN:
    case EINPROGRESS:
    case EINTR: return Code::again;
    case ECONNREFUSED:
    case ECONNRESET: return Code::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL: return Code::unreachable;
    case ETIMEDOUT: return Code::timedOut;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Code::noSpace;
    case ENOENT: return Code::notFound;
    case EACCES:
    case EPERM:
    case EROFS: return Code::denied;
    case EINVAL:
    case ENAMETOOLONG: return Code::invalid;
    case EPIPE: return Code::closed;
    default: return Code::io;
  }
}

FolderFiles::~FolderFiles() {
  if (folder_ >= 0) ::close(folder_);
}

bool FolderFiles::open(const char* path) {
  if (::mkdir(path, 0700) != 0 && errno != EEXIST) return false;
  return openExisting(path);
}

bool FolderFiles::openExisting(const char* path) {
  folder_ = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return folder_ >= 0;
}

int FolderFiles::openForWriting(const char* name) const {
  // Slots are programs, to be run by this user alone.
  const mode_t mode = std::strncmp(name, "slot-", 5) == 0 ? 0700 : 0600;
  return ::openat(folder_, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
}

Io FolderFiles::read(const char* name, uint32_t offset, uint8_t* out, uint32_t capacity) {
  const int file = ::openat(folder_, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return {codeOf(errno), 0};
  uint32_t done = 0;
  Code code = Code::ok;
  while (done < capacity) {
    const ssize_t got = ::pread(file, out + done, capacity - done, static_cast<off_t>(offset) + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) code = codeOf(errno);
    if (got <= 0) break;
    done += static_cast<uint32_t>(got);
  }
  ::close(file);
  return {code, code == Code::ok ? done : 0};
}

Code FolderFiles::write(const char* name, uint32_t offset, const uint8_t* data, uint32_t size) {
  const int file = openForWriting(name);
  if (file < 0) return codeOf(errno);
  uint32_t done = 0;
  Code code = Code::ok;
  while (done < size) {
    const ssize_t put = ::pwrite(file, data + done, size - done, static_cast<off_t>(offset) + done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      code = put < 0 ? codeOf(errno) : Code::noSpace;
      break;
    }
    done += static_cast<uint32_t>(put);
  }
  // Some file systems (NFS, quotas) speak of a full disk only here.
  if (::close(file) != 0 && code == Code::ok) code = codeOf(errno);
  return code;
}

Code FolderFiles::resize(const char* name, uint32_t size) {
  const int file = openForWriting(name);
  if (file < 0) return codeOf(errno);
  const Code code = ::ftruncate(file, static_cast<off_t>(size)) == 0 ? Code::ok : codeOf(errno);
  ::close(file);
  return code;
}

Code FolderFiles::size(const char* name, uint32_t& out) {
  struct stat info;
  if (::fstatat(folder_, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return codeOf(errno);
  if (!S_ISREG(info.st_mode) || info.st_size > 0xFFFFFFFFll) return Code::invalid;
  out = static_cast<uint32_t>(info.st_size);
  return Code::ok;
}

Code FolderFiles::sync(const char* name) {
  const int file = ::openat(folder_, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return codeOf(errno);
  const Code code = ::fsync(file) == 0 ? Code::ok : codeOf(errno);
  ::close(file);
  return code;
}

Code FolderFiles::rename(const char* from, const char* to) {
  return ::renameat(folder_, from, folder_, to) == 0 ? Code::ok : codeOf(errno);
}

Code FolderFiles::remove(const char* name) {
  return ::unlinkat(folder_, name, 0) == 0 || errno == ENOENT ? Code::ok : codeOf(errno);
}

Code FolderFiles::syncFolder() { return ::fsync(folder_) == 0 ? Code::ok : codeOf(errno); }

}  // namespace cx::host
