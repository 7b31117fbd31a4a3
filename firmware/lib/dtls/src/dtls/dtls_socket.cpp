#include "dtls/dtls_socket.hpp"

namespace cx::dtls {

namespace {

// RFC 7983 keeps these for DTLS; CoAP's version 1 begins with 0x40 or more.
bool isRecord(const uint8_t* data, uint32_t size) { return size > 0 && data[0] >= 20 && data[0] <= 63; }

}  // namespace

Session* Socket::find(const hal::Address& peer) {
  for (Session* const session : {&manager_, &other_}) {
    if (session->isUsed() && session->peer() == peer) return session;
  }
  return nullptr;
}

hal::Code Socket::send(const hal::Address& to, const uint8_t* data, uint32_t size) {
  if (to.isMulticast()) return below_.send(to, data, size);
  Session* session = find(to);
  if (session == nullptr) {
    session = !manager_.isUsed() ? &manager_ : !other_.isUsed() ? &other_ : manager_.usedMs() < other_.usedMs() ? &manager_ : &other_;
    session->begin(to);
  }
  return session->send(data, size);
}

hal::Code Socket::receive(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) {
  for (;;) {
    for (Session* const session : {&manager_, &other_}) {
      if (session->isUsed() && session->read(datagram, buffer, capacity) == hal::Code::ok) return hal::Code::ok;
    }
    datagram = hal::Datagram{};
    const hal::Code code = below_.receive(datagram, buffer, capacity);
    if (code != hal::Code::ok) return code;
    Session* const session = find(datagram.from);
    if (session == nullptr) {
      if (isRecord(buffer, datagram.size)) continue;  // of a session that is over
      return hal::Code::ok;
    }
    // Nothing in the clear is taken from somebody that we have a session with.
    if (isRecord(buffer, datagram.size) && !datagram.truncated) session->feed(buffer, datagram.size);
  }
}

void Socket::close() {
  manager_.close();
  other_.close();
  below_.close();
}

uint64_t Socket::nextDueMs() const {
  const uint64_t one = manager_.nextDueMs();
  const uint64_t other = other_.nextDueMs();
  return one < other ? one : other;
}

}  // namespace cx::dtls
