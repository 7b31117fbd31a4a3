#include "pack_host/byte_line.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace cx::pack {
namespace {

// Raw, so that no byte means anything to the driver.
int openDevice(const char* path, speed_t speed) {
  const int file = ::open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return -1;
  struct termios settings;
  if (::tcgetattr(file, &settings) == 0) {
    ::cfmakeraw(&settings);
    settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | CRTSCTS);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 0;
    if (::cfsetspeed(&settings, speed) == 0 && ::tcsetattr(file, TCSANOW, &settings) == 0 && ::tcflush(file, TCIOFLUSH) == 0) return file;
  }
  const int error = errno;
  ::close(file);
  errno = error;
  return -1;
}

int startConnect(const LineTarget& target) {
  struct sockaddr_storage to;
  std::memset(&to, 0, sizeof to);
  socklen_t size = 0;
  if (target.kind == LineKind::path) {
    auto& unixTo = reinterpret_cast<struct sockaddr_un&>(to);
    unixTo.sun_family = AF_UNIX;
    std::memcpy(unixTo.sun_path, target.path, std::strlen(target.path) + 1);
    size = sizeof unixTo;
  } else if (target.address.family == 4) {
    auto& four = reinterpret_cast<struct sockaddr_in&>(to);
    four.sin_family = AF_INET;
    four.sin_port = htons(target.address.port);
    std::memcpy(&four.sin_addr, target.address.bytes, 4);
    size = sizeof four;
  } else {
    auto& six = reinterpret_cast<struct sockaddr_in6&>(to);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(target.address.port);
    std::memcpy(&six.sin6_addr, target.address.bytes, 16);
    size = sizeof six;
  }
  const int file = ::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (file < 0) return -1;
  const int yes = 1;
  if (target.kind == LineKind::tcp) (void)::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(file, reinterpret_cast<struct sockaddr*>(&to), size) == 0 || errno == EINPROGRESS) return file;
  const int error = errno;
  ::close(file);
  errno = error;
  return -1;
}

}  // namespace

int ByteLine::open() {
  struct stat facts;
  isSocket_ = target_.kind == LineKind::tcp || (::stat(target_.path, &facts) == 0 && S_ISSOCK(facts.st_mode));
  return isSocket_ ? startConnect(target_) : openDevice(target_.path, speed_);
}

void ByteLine::close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  isConnecting_ = false;
}

void ByteLine::failed(int fault, uint64_t nowMs) {
  close();
  fault_ = fault;
  triedAtMs_ = nowMs;
  pauseMs_ = pauseMs_ * 2 > reopenMaxMs ? reopenMaxMs : pauseMs_ * 2;
}

void ByteLine::drop(int fault) {
  close();
  fault_ = fault;
}

void ByteLine::step(uint64_t nowMs) {
  if (file_ < 0) {
    if (hasTried_ && nowMs - triedAtMs_ < pauseMs_) return;
    hasTried_ = true;
    triedAtMs_ = nowMs;
    file_ = open();
    if (file_ < 0) {
      failed(errno, nowMs);
      return;
    }
    isConnecting_ = isSocket_;
    if (!isConnecting_) openings_++;
  }
  if (!isConnecting_) {
    if (nowMs - triedAtMs_ >= reopenMaxMs) pauseMs_ = reopenFirstMs;
    return;
  }
  struct pollfd source = {file_, POLLOUT, 0};
  if (::poll(&source, 1, 0) == 0) {
    if (nowMs - triedAtMs_ >= connectLimitMs) failed(ETIMEDOUT, nowMs);
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(file_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    failed(error, nowMs);
    return;
  }
  isConnecting_ = false;
  openings_++;
}

size_t ByteLine::read(MutableSpan out) {
  if (!isOpen() || out.empty()) return 0;
  const ssize_t got = ::read(file_, out.data(), out.size());
  if (got > 0) return static_cast<size_t>(got);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  // A serial device without a byte reads as an end of file (VMIN 0); one that is gone hangs up.
  if (got == 0 && !isSocket_) {
    struct pollfd source = {file_, POLLIN, 0};
    if (::poll(&source, 1, 0) <= 0 || (source.revents & (POLLHUP | POLLERR)) == 0) return 0;
  }
  drop(got < 0 ? errno : 0);
  return 0;
}

size_t ByteLine::write(ByteSpan bytes) {
  if (!isOpen() || bytes.empty()) return 0;
  const ssize_t put = isSocket_ ? ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL) : ::write(file_, bytes.data(), bytes.size());
  if (put >= 0) return static_cast<size_t>(put);
  if (errno != EAGAIN && errno != EINTR) drop(errno);
  return 0;
}

int ByteLine::waitFor(struct pollfd* out, bool wantsRoom) const {
  if (file_ < 0) return 0;
  out[0] = {file_, static_cast<short>(isConnecting_ ? POLLOUT : POLLIN | (wantsRoom ? POLLOUT : 0)), 0};
  return 1;
}

}  // namespace cx::pack
