#include "hal_sim/sim_parts.hpp"

namespace cx::sim {

using hal::Code;

Code UdpSocket::send(const hal::Address& to, const uint8_t* data, uint32_t size) {
  if (!isOpen_ || size > datagramMax) return Code::invalid;
  if (isDeaf) return Code::ok;
  const cx_sim_address target = toC(to);
  callbacks_.datagram_out(callbacks_.context, &target, data, size);
  return Code::ok;
}

Code UdpSocket::receive(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) {
  if (count_ == 0) return Code::again;
  const Row& row = rows_[first_];
  datagram.from = row.from;
  datagram.toMulticast = row.toMulticast;
  datagram.truncated = row.size > capacity;
  datagram.size = datagram.truncated ? capacity : row.size;
  std::memcpy(buffer, row.bytes, datagram.size);
  first_ = static_cast<uint8_t>((first_ + 1) % datagramsMax);
  --count_;
  return Code::ok;
}

void UdpSocket::arrive(const hal::Address& from, bool toMulticast, const uint8_t* data, uint32_t size) {
  if (!isOpen_ || isDeaf || count_ == datagramsMax || size > datagramMax) return;
  Row& row = rows_[(first_ + count_) % datagramsMax];
  row.from = from;
  row.toMulticast = toMulticast;
  row.size = size;
  std::memcpy(row.bytes, data, size);
  ++count_;
}

Code TcpStream::connect(const hal::Address& to) {
  close();
  state_ = State::connecting;
  const cx_sim_address target = toC(to);
  callbacks_.stream_connect(callbacks_.context, index_, &target);
  return Code::again;
}

Code TcpStream::connected() {
  isAnswered_ = false;
  if (state_ == State::refused) {
    state_ = State::closed;
    return Code::refused;
  }
  return state_ == State::connecting ? Code::again : state_ == State::open ? Code::ok : Code::closed;
}

void TcpStream::onConnected(bool isConnected) {
  if (state_ != State::connecting) return;
  state_ = isConnected ? State::open : State::refused;
  isAnswered_ = true;
}

hal::Io TcpStream::write(const uint8_t* data, uint32_t size) {
  if (state_ != State::open || isEnded_) return {Code::closed, 0};
  callbacks_.stream_out(callbacks_.context, index_, data, size);
  return {Code::ok, size};
}

hal::Io TcpStream::read(uint8_t* buffer, uint32_t capacity) {
  if (state_ != State::open) return {Code::closed, 0};
  if (size_ == 0) {
    if (!isEnded_) return {Code::again, 0};
    state_ = State::closed;
    return {Code::closed, 0};
  }
  const uint32_t size = capacity < size_ ? capacity : size_;
  for (uint32_t i = 0; i < size; ++i) buffer[i] = bytes_[(first_ + i) % streamBufferMax];
  first_ = (first_ + size) % streamBufferMax;
  size_ -= size;
  return {Code::ok, size};
}

uint32_t TcpStream::arrive(const uint8_t* data, uint32_t size) {
  if (state_ != State::open) return size;  // to a closed connection: gone
  uint32_t taken = 0;
  while (taken < size && size_ < streamBufferMax) bytes_[(first_ + size_++) % streamBufferMax] = data[taken++];
  return taken;
}

void TcpStream::close() {
  if (state_ == State::open || state_ == State::connecting) callbacks_.stream_close(callbacks_.context, index_);
  state_ = State::closed;
  isEnded_ = isAnswered_ = false;
  first_ = size_ = 0;
}

hal::Channel Sensors::channel(uint8_t index) {
  static constexpr hal::Channel channels[] = {
      {"temperature", "Cel", -40000, 85000}, {"humidity", "%RH", 0, 100000}, {"battery", "%EL", 0, 100000}};
  return channels[index < 3 ? index : 2];
}

Code Sensors::read(uint8_t index, int32_t& milli) {
  if (index >= 3) return Code::notFound;
  if (isFaulty && index == 1) return Code::io;
  const int32_t step = static_cast<int32_t>(entropy_.next() % 201) - 100;
  const hal::Channel range = channel(index);
  const int32_t next = values_[index] + (index == 2 ? -static_cast<int32_t>(entropy_.next() % 5) : step);
  if (next >= range.minMilli && next <= range.maxMilli) values_[index] = next;
  milli = values_[index];
  return Code::ok;
}

}  // namespace cx::sim
