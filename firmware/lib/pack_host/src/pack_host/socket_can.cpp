#include "pack_host/socket_can.hpp"

#include <cerrno>
#include <cstring>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cx::pack {

void SocketCan::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  isBusOff_ = false;
  if (outcome_ == CanSend::pending) outcome_ = CanSend::failed;
}

void SocketCan::failed(int fault) {
  close();
  fault_ = fault;
}

const char* SocketCan::fault() const {
  if (socket_ >= 0) return isBusOff_ ? "the controller is off the bus" : "";
  return std::strerror(fault_);
}

void SocketCan::open() {
  const unsigned index = ::if_nametoindex(interface_);
  if (index == 0) {
    fault_ = ENODEV;
    return;
  }
  socket_ = ::socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
  if (socket_ < 0) {
    fault_ = errno;
    return;
  }
  // Our own frames come back once they were acknowledged on the bus; bus-off and restarts are told.
  const int yes = 1;
  const can_err_mask_t told = CAN_ERR_BUSOFF | CAN_ERR_RESTARTED;
  struct sockaddr_can address;
  std::memset(&address, 0, sizeof address);
  address.can_family = AF_CAN;
  address.can_ifindex = static_cast<int>(index);
  if (::setsockopt(socket_, SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, &yes, sizeof yes) != 0 ||
      ::setsockopt(socket_, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &told, sizeof told) != 0 ||
      ::bind(socket_, reinterpret_cast<struct sockaddr*>(&address), sizeof address) != 0) {
    failed(errno);
  }
}

void SocketCan::step(uint64_t nowMs) {
  if (socket_ >= 0 || (hasTried_ && nowMs - triedAtMs_ < socketCanReopenMs)) return;
  hasTried_ = true;
  triedAtMs_ = nowMs;
  open();
}

int SocketCan::waitFor(struct pollfd* out) {
  if (socket_ < 0) return 0;
  out[0] = {socket_, POLLIN, 0};
  return 1;
}

bool SocketCan::receive(can::Frame& out) {
  for (int i = 0; socket_ >= 0 && i < 64; i++) {
    struct can_frame frame;
    struct iovec part = {&frame, sizeof frame};
    struct msghdr message;
    std::memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t got = ::recvmsg(socket_, &message, 0);
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) failed(errno);
      return false;
    }
    if (got != static_cast<ssize_t>(sizeof frame)) continue;
    if ((frame.can_id & CAN_ERR_FLAG) != 0) {
      if ((frame.can_id & CAN_ERR_BUSOFF) != 0) isBusOff_ = true;
      if ((frame.can_id & CAN_ERR_RESTARTED) != 0) isBusOff_ = false;
      continue;
    }
    if ((frame.can_id & CAN_RTR_FLAG) != 0) continue;
    can::Frame heard;
    heard.isExtended = (frame.can_id & CAN_EFF_FLAG) != 0;
    heard.id = frame.can_id & (heard.isExtended ? CAN_EFF_MASK : CAN_SFF_MASK);
    heard.length = frame.can_dlc > 8 ? 8 : frame.can_dlc;
    std::memcpy(heard.data, frame.data, heard.length);
    if ((message.msg_flags & MSG_CONFIRM) != 0) {
      const bool isOurs = heard.id == inFlight_.id && heard.isExtended == inFlight_.isExtended && std::memcmp(heard.data, inFlight_.data, heard.length) == 0;
      if (isOurs && outcome_ == CanSend::pending) outcome_ = CanSend::sent;
      continue;
    }
    out = heard;
    return true;
  }
  return false;
}

bool SocketCan::send(const can::Frame& frame) {
  if (socket_ < 0 || outcome_ == CanSend::pending) return false;
  struct can_frame raw;
  std::memset(&raw, 0, sizeof raw);
  raw.can_id = frame.id | (frame.isExtended ? CAN_EFF_FLAG : 0U);
  raw.can_dlc = frame.length > 8 ? 8 : frame.length;
  std::memcpy(raw.data, frame.data, raw.can_dlc);
  if (::write(socket_, &raw, sizeof raw) == static_cast<ssize_t>(sizeof raw)) {
    inFlight_ = frame;
    outcome_ = CanSend::pending;
    return true;
  }
  // A full queue (ENOBUFS) empties by itself; an interface that is down or gone is looked for again.
  if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) failed(errno);
  return false;
}

CanSend SocketCan::sent() {
  const CanSend now = outcome_;
  if (now == CanSend::sent || now == CanSend::failed) outcome_ = CanSend::idle;
  return now;
}

}  // namespace cx::pack
