#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hal_host/folder_files.hpp"
#include "hal_host/host_sockets.hpp"

namespace cx::host {

namespace {

using hal::Code;
using hal::Io;

constexpr int connectTimeoutMs = 30000;  // what HAL.md allows a connect that hangs
constexpr int unackedTimeoutMs = 60000;  // data that nobody acknowledges ends the connection

void setInt(int socket, int level, int option, int value) { (void)::setsockopt(socket, level, option, &value, sizeof value); }

}  // namespace

Code HostTcpStream::connect(const hal::Address& to) {
  close();
  SocketAddress address;
  const socklen_t length = toSocket(to, address);
  if (length == 0 || to.port == 0) return Code::invalid;
  socket_ = ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return codeOf(errno);
  setInt(socket_, IPPROTO_TCP, TCP_NODELAY, 1);
  setInt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, unackedTimeoutMs);
  setInt(socket_, IPPROTO_TCP, TCP_SYNCNT, 3);  // 1 + 2 + 4 + 8 s: below connectTimeoutMs
  static_assert(connectTimeoutMs > 15000, "TCP_SYNCNT above");
  if (::connect(socket_, &address.any, length) == 0) return Code::ok;
  if (errno == EINPROGRESS || errno == EINTR) {
    isConnecting_ = true;
    return Code::again;
  }
  const Code code = codeOf(errno);
  close();
  return ended_ = code;
}

Code HostTcpStream::connected() {
  if (socket_ < 0) return ended_;
  if (!isConnecting_) return Code::ok;
  struct pollfd ready = {socket_, POLLOUT, 0};
  if (::poll(&ready, 1, 0) <= 0) return Code::again;
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error == 0) {
    isConnecting_ = false;
    return Code::ok;
  }
  const Code code = codeOf(error);
  close();
  return ended_ = code;
}

Io HostTcpStream::write(const uint8_t* data, uint32_t size) {
  const Code state = connected();
  if (state != Code::ok) return {state, 0};
  ssize_t put;
  do {
    put = ::send(socket_, data, size, MSG_NOSIGNAL);
  } while (put < 0 && errno == EINTR);
  hasUnsent_ = put < static_cast<ssize_t>(size);
  if (put >= 0) return {put == 0 && size > 0 ? Code::again : Code::ok, static_cast<uint32_t>(put)};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {Code::again, 0};
  const Code code = codeOf(errno);
  close();
  ended_ = code == Code::io ? Code::closed : code;
  return {ended_, 0};
}

Io HostTcpStream::read(uint8_t* buffer, uint32_t capacity) {
  const Code state = connected();
  if (state != Code::ok) return {state, 0};
  if (capacity == 0) return {Code::invalid, 0};
  ssize_t got;
  do {
    got = ::recv(socket_, buffer, capacity, 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return {Code::ok, static_cast<uint32_t>(got)};
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {Code::again, 0};
  const Code code = got == 0 ? Code::closed : codeOf(errno);
  close();
  return {ended_ = code, 0};
}

void HostTcpStream::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  isConnecting_ = hasUnsent_ = false;
  ended_ = Code::closed;
}

int HostTcpStream::waitFor(struct pollfd* out) const {
  if (socket_ < 0) return 0;
  const int events = (isConnecting_ ? 0 : POLLIN) | (isConnecting_ || hasUnsent_ ? POLLOUT : 0);
  out[0] = {socket_, static_cast<short>(events), 0};
  return 1;
}

}  // namespace cx::host
