#include "pack_host/pack_system.hpp"

#include <cstdlib>
#include <cstring>

namespace cx::pack {
namespace {

constexpr char hardwareFile[] = "hardware";
constexpr uint8_t groupBit = 1;   // of the first byte of a MAC
constexpr uint8_t localBit = 2;   // not given by the IEEE

}  // namespace

PackSystem::PackSystem(const PackOptions& options) : resetReason_(options.host.resetReason) {
  host::ownText(host::imageDescriptor.version, version_);
  host::ownText(host::imageDescriptor.model, model_);
  if (options.host.model == nullptr) return;
  std::strncpy(model_, options.host.model, host::imageTextMax);
  model_[host::imageTextMax] = '\0';
}

FirmwareVersion PackSystem::version() const {
  char* end = nullptr;
  const unsigned long major = std::strtoul(version_, &end, 10);
  const unsigned long minor = end != nullptr && *end == '.' ? std::strtoul(end + 1, nullptr, 10) : 0;
  FirmwareVersion out;
  out.major = static_cast<uint8_t>(major > 255 ? 255 : major);
  out.minor = static_cast<uint8_t>(minor > 255 ? 255 : minor);
  return out;
}

bool PackSystem::loadMac(host::Files& files, hal::Entropy& entropy, const PackOptions& options) {
  constexpr uint32_t digits = sizeof hardware_ - 1;
  const auto write = [this] {
    for (uint32_t i = 0; i < digits; i++) hardware_[i] = "0123456789abcdef"[i % 2 == 0 ? mac_.bytes[i / 2] >> 4 : mac_.bytes[i / 2] & 15];
  };
  if (options.hasMac) {
    mac_ = options.mac;
    write();
    return true;
  }
  const hal::Io io = files.read(hardwareFile, 0, reinterpret_cast<uint8_t*>(hardware_), digits);
  if (io.code == hal::Code::ok && io.size == digits && parseMac(hardware_, mac_)) return true;
  entropy.fill(mac_.bytes, sizeof mac_.bytes);
  mac_.bytes[0] = static_cast<uint8_t>((mac_.bytes[0] & ~groupBit) | localBit);
  write();
  return host::replaceFile(files, hardwareFile, reinterpret_cast<const uint8_t*>(hardware_), digits) == hal::Code::ok;
}

}  // namespace cx::pack
