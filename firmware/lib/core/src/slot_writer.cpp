#include "slot_writer.hpp"

namespace cx {

hal::Code SlotWriter::begin(const hal::ImageIdentity& identity) {
  const hal::Code code = slots_.begin(identity);
  size_ = identity.size;
  position_ = end_ = code == hal::Code::ok ? slots_.durable() : 0;
  return code;
}

hal::Code SlotWriter::restart() {
  const hal::Code code = slots_.restart();
  if (code == hal::Code::ok) position_ = end_ = 0;
  return code;
}

Status SlotWriter::put(ByteSpan bytes) {
  if (bytes.size() > size_ - position_) return Status::tooLarge;
  const uint32_t known = end_ - position_;
  const ByteSpan fresh = bytes.from(known);
  if (!fresh.empty()) {
    const hal::Code code = slots_.write(end_, fresh.data(), static_cast<uint32_t>(fresh.size()));
    if (code == hal::Code::again) return Status::again;
    if (code != hal::Code::ok) return code == hal::Code::noSpace ? Status::full : Status::io;
    end_ += static_cast<uint32_t>(fresh.size());
  }
  position_ += static_cast<uint32_t>(bytes.size());
  return Status::ok;
}

Status SlotWriter::readRunning(uint32_t offset, MutableSpan out) {
  for (size_t done = 0; done < out.size();) {
    const hal::Io io = slots_.readRunning(offset + static_cast<uint32_t>(done), out.data() + done, static_cast<uint32_t>(out.size() - done));
    if (io.code != hal::Code::ok || io.size == 0) return Status::io;
    done += io.size;
  }
  return Status::ok;
}

Status SlotWriter::readWritten(uint32_t offset, MutableSpan out) {
  for (size_t done = 0; done < out.size();) {
    const hal::Io io = slots_.read(offset + static_cast<uint32_t>(done), out.data() + done, static_cast<uint32_t>(out.size() - done));
    if (io.code != hal::Code::ok || io.size == 0) return Status::io;
    done += io.size;
  }
  return Status::ok;
}

}  // namespace cx
