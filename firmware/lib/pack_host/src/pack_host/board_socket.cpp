#include "pack_host/board_socket.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace cx::pack {
namespace {

bool addressOf(const char* path, struct sockaddr_un& out) {
  std::memset(&out, 0, sizeof out);
  out.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length == 0 || length >= sizeof out.sun_path) return false;
  std::memcpy(out.sun_path, path, length);
  return true;
}

// True: nobody listens at what lies at `path`, and it is gone now or never was.
bool clear(const char* path, const struct sockaddr_un& address) {
  struct stat facts;
  if (::lstat(path, &facts) != 0) return errno == ENOENT;
  if (!S_ISSOCK(facts.st_mode)) {
    errno = EEXIST;
    return false;
  }
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool isHeld = ::connect(probe, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0 || errno != ECONNREFUSED;
  ::close(probe);
  if (isHeld) {
    errno = EADDRINUSE;
    return false;
  }
  return ::unlink(path) == 0;
}

}  // namespace

BoardSocket::~BoardSocket() {
  for (Client& client : clients_) leave(client);
  if (listener_ < 0) return;
  ::close(listener_);
  ::unlink(path_);
}

bool BoardSocket::listen(const char* path, const char*& fault) {
  struct sockaddr_un address;
  fault = "the path is too long for a socket: at most 107 bytes";
  if (!addressOf(path, address)) return false;
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener >= 0 && clear(path, address) && ::bind(listener, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0 &&
      ::chmod(path, 0600) == 0 && ::listen(listener, boardClientsMax) == 0) {
    listener_ = listener;
    path_ = path;
    return true;
  }
  fault = std::strerror(errno);
  if (listener >= 0) ::close(listener);
  return false;
}

void BoardSocket::acceptAll() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    Client* place = nullptr;
    for (Client& client : clients_) {
      if (client.socket < 0) place = &client;
    }
    if (place == nullptr) {
      ::close(socket);
      continue;
    }
    *place = Client();
    place->socket = socket;
    place->owesRelays = place->owesLights = true;
  }
}

void BoardSocket::leave(Client& client) {
  if (client.socket >= 0) ::close(client.socket);
  client = Client();
}

void BoardSocket::readFrom(Client& client) {
  const ssize_t got = ::recv(client.socket, client.in + client.inSize, sizeof client.in - client.inSize, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    leave(client);
    return;
  }
  if (got > 0) client.inSize += static_cast<size_t>(got);
  for (;;) {
    const void* const end = std::memchr(client.in, '\n', client.inSize);
    if (end == nullptr) break;
    const size_t size = static_cast<size_t>(static_cast<const uint8_t*>(end) - client.in);
    const char* const fault = size == 0 ? nullptr : readBoardLine(ByteSpan(client.in, size), currents_, wish_);
    if (fault != nullptr && client.outSize == 0) client.outSize = writeErrorLine(fault, MutableSpan(client.out, sizeof client.out));
    client.inSize -= size + 1;
    std::memmove(client.in, client.in + size + 1, client.inSize);
  }
  if (client.inSize == sizeof client.in) leave(client);  // a line longer than any
}

// A slow reader hears of the latest state, not of each.
void BoardSocket::writeTo(Client& client) {
  const MutableSpan out(client.out, sizeof client.out);
  for (int i = 0; i < 3 && client.socket >= 0; i++) {
    if (client.outSize == 0 && client.owesRelays) {
      client.outSize = writeRelaysLine(relays_, out);
      client.owesRelays = false;
    } else if (client.outSize == 0 && client.owesLights) {
      client.outSize = writeLightsLine(bar_, digits_, leds_, out);
      client.owesLights = false;
    }
    if (client.outSize == 0) return;
    const ssize_t put = ::send(client.socket, client.out, client.outSize, MSG_NOSIGNAL);
    if (put < 0) {
      if (errno != EAGAIN && errno != EINTR) leave(client);
      return;
    }
    client.outSize -= static_cast<size_t>(put);
    std::memmove(client.out, client.out + put, client.outSize);
    if (client.outSize > 0) return;
  }
}

void BoardSocket::step() {
  if (listener_ < 0) return;
  acceptAll();
  for (Client& client : clients_) {
    if (client.socket >= 0) readFrom(client);
    if (client.socket >= 0) writeTo(client);
  }
}

int BoardSocket::waitFor(struct pollfd* out) const {
  if (listener_ < 0) return 0;
  int count = 0;
  out[count++] = {listener_, POLLIN, 0};
  for (const Client& client : clients_) {
    if (client.socket >= 0) out[count++] = {client.socket, static_cast<short>(client.outSize > 0 ? POLLIN | POLLOUT : POLLIN), 0};
  }
  return count;
}

bool BoardSocket::takeWish(SocketWish& out) {
  if (!wish_.isSet) return false;
  out = wish_;
  wish_ = SocketWish();
  return true;
}

MeasuredPower BoardSocket::measure() {
  return {mainsWatts(currents_.grid), mainsWatts(currents_.home), mainsWatts(currents_.pool), mainsWatts(currents_.heater)};
}

void BoardSocket::setRelays(const Relays& relays) {
  const bool isSame = relays.grid == relays_.grid && relays.output == relays_.output && relays.pump == relays_.pump && relays.heater == relays_.heater;
  relays_ = relays;
  if (isSame) return;
  for (Client& client : clients_) {
    client.owesRelays = true;
    if (client.socket >= 0) writeTo(client);
  }
}

void BoardSocket::show(const Pixel (&bar)[barPixels], const uint8_t (&digits)[3], const Leds& leds) {
  const bool isSame = std::memcmp(bar, bar_, sizeof bar_) == 0 && std::memcmp(digits, digits_, sizeof digits_) == 0 && leds.green == leds_.green &&
                      leds.yellow == leds_.yellow && leds.red == leds_.red;
  if (isSame) return;
  for (uint8_t i = 0; i < barPixels; i++) bar_[i] = bar[i];
  std::memcpy(digits_, digits, sizeof digits_);
  leds_ = leds;
  for (Client& client : clients_) {
    client.owesLights = true;
    if (client.socket >= 0) writeTo(client);
  }
}

}  // namespace cx::pack
