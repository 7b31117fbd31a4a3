// The Linux port's sockets, storage and sources, on the loopback and in a folder of its own.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <net/if.h>
#include <poll.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "check.hpp"
#include "hal_host/file_storage.hpp"
#include "hal_host/folder_files.hpp"
#include "hal_host/host_clock.hpp"
#include "hal_host/host_network.hpp"
#include "hal_host/host_sockets.hpp"
#include "hal_host/linux_services.hpp"
#include "hal_host/simulated_board.hpp"

using namespace cx::host;
using cx::hal::Address;
using cx::hal::Datagram;

namespace {

const uint16_t loopback = static_cast<uint16_t>(::if_nametoindex("lo"));

Address at(const char* text, uint16_t port) {
  Address address;
  CHECK(cx::hal::parseAddress(text, port, address));
  return address;
}

template <typename Socket>
void waitOn(const Socket& socket) {
  struct pollfd sources[2];
  const int count = socket.waitFor(sources);
  (void)::poll(sources, static_cast<nfds_t>(count), 2000);
}

// A folder that goes away with the test.
struct Folder {
  char path[32] = "/tmp/cx-port-XXXXXX";
  FolderFiles files;

  Folder() { CHECK(::mkdtemp(path) != nullptr && files.open(path)); }
  ~Folder() {
    for (const char* name : {"settings", "settings.new", "log"}) (void)files.remove(name);
    ::rmdir(path);
  }
};

// A listening socket of the test's own, the other side of HostTcpStream.
struct Listener {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port = 0;

  Listener() {
    SocketAddress address;
    socklen_t length = toSocket(at("127.0.0.1", 0), address);
    CHECK(::bind(socket, &address.any, length) == 0 && ::listen(socket, 1) == 0);
    CHECK(::getsockname(socket, &address.any, &length) == 0);
    port = ntohs(address.v4.sin_port);
  }
  ~Listener() { ::close(socket); }
};

Code connectTo(HostTcpStream& stream, uint16_t port) {
  Code code = stream.connect(at("127.0.0.1", port));
  for (int i = 0; i < 100 && code == Code::again; i++) {
    waitOn(stream);
    code = stream.connected();
  }
  return code;
}

}  // namespace

TEST("a datagram goes there and back in both families, and its source is where it came from") {
  HostUdpSocket a(0), b(0);
  CHECK(a.open(0) == Code::ok && b.open(0) == Code::ok);
  CHECK(a.localPort() != 0 && a.localPort() != b.localPort());
  for (const char* host : {"127.0.0.1", "::1"}) {
    uint8_t buffer[16];
    Datagram datagram;
    CHECK(a.receive(datagram, buffer, sizeof buffer) == Code::again);
    CHECK(b.send(at(host, a.localPort()), reinterpret_cast<const uint8_t*>("hello"), 5) == Code::ok);
    waitOn(a);
    CHECK(a.receive(datagram, buffer, sizeof buffer) == Code::ok);
    CHECK_EQ(datagram.size, 5u);
    CHECK(datagram.from == at(host, b.localPort()) && !datagram.toMulticast && !datagram.truncated);
  }
}

TEST("a datagram longer than the buffer comes cut, and says so") {
  HostUdpSocket a(0), b(0);
  CHECK(a.open(0) == Code::ok && b.open(0) == Code::ok);
  uint8_t buffer[4];
  Datagram datagram;
  CHECK(b.send(at("127.0.0.1", a.localPort()), reinterpret_cast<const uint8_t*>("hello"), 5) == Code::ok);
  waitOn(a);
  CHECK(a.receive(datagram, buffer, sizeof buffer) == Code::ok);
  CHECK(datagram.truncated);
  CHECK_EQ(datagram.size, 4u);
}

TEST("a port that nobody listens on swallows datagrams without ever ending the socket") {
  HostUdpSocket a(0), b(0);
  CHECK(a.open(0) == Code::ok && b.open(0) == Code::ok);
  const uint16_t gone = b.localPort();
  b.close();
  for (int i = 0; i < 3; i++) CHECK(a.send(at("127.0.0.1", gone), reinterpret_cast<const uint8_t*>("x"), 1) == Code::ok);
  uint8_t buffer[4];
  Datagram datagram;
  CHECK(a.receive(datagram, buffer, sizeof buffer) == Code::again);
}

TEST("multicast on the loopback reaches a member by the interface that was named, and is known as multicast") {
  for (const char* group : {"224.0.1.187", "ff02::fd"}) {
    HostUdpSocket member(loopback), sender(loopback), stranger(loopback);
    CHECK(member.open(0) == Code::ok && sender.open(0) == Code::ok && stranger.open(0) == Code::ok);
    CHECK(member.join(at(group, 0)) == Code::ok);
    CHECK(member.join(at(group, 0)) == Code::ok);
    const Code sent = sender.send(at(group, member.localPort()), reinterpret_cast<const uint8_t*>("who"), 3);
    // Linux gives its loopback no IPv6 multicast route, and none can be had without being root.
    if (std::strchr(group, ':') != nullptr && sent == Code::unreachable) continue;
    CHECK(sent == Code::ok);
    waitOn(member);
    uint8_t buffer[8];
    Datagram datagram;
    CHECK(member.receive(datagram, buffer, sizeof buffer) == Code::ok);
    CHECK(datagram.toMulticast);
    CHECK(sender.send(datagram.from, buffer, 1) == Code::ok);
    CHECK(member.send(datagram.from, reinterpret_cast<const uint8_t*>("me"), 2) == Code::ok);
    waitOn(sender);
    CHECK(sender.receive(datagram, buffer, sizeof buffer) == Code::ok && !datagram.toMulticast);
  }
}

TEST("a port in use is refused, and a socket that isn't open says closed") {
  HostUdpSocket a(0), b(0);
  uint8_t buffer[4];
  Datagram datagram;
  CHECK(a.receive(datagram, buffer, sizeof buffer) == Code::closed);
  CHECK(a.send(at("127.0.0.1", 9), buffer, 1) == Code::closed);
  CHECK(a.open(0) == Code::ok);
  CHECK(b.open(a.localPort()) != Code::ok);
  CHECK(a.send(Address{}, buffer, 1) == Code::invalid);
  CHECK(a.join(at("192.0.2.1", 0)) == Code::invalid);
}

TEST("TCP connects, carries bytes both ways, and ends in order after the last byte") {
  Listener listener;
  HostTcpStream stream;
  uint8_t buffer[16];
  CHECK(stream.read(buffer, sizeof buffer).code == Code::closed);
  CHECK(connectTo(stream, listener.port) == Code::ok);
  const int other = ::accept(listener.socket, nullptr, nullptr);
  CHECK(stream.write(reinterpret_cast<const uint8_t*>("ping"), 4).size == 4);
  CHECK(::read(other, buffer, sizeof buffer) == 4);
  CHECK(stream.read(buffer, sizeof buffer).code == Code::again);
  CHECK(::write(other, "pong", 4) == 4);
  ::close(other);
  waitOn(stream);
  CHECK_EQ(stream.read(buffer, sizeof buffer).size, 4u);
  waitOn(stream);
  CHECK(stream.read(buffer, sizeof buffer).code == Code::closed);
  CHECK(stream.connected() == Code::closed);
  CHECK(stream.write(buffer, 1).code == Code::closed);
}

TEST("a write that nobody reads takes what fits, then nothing, and never waits") {
  Listener listener;
  HostTcpStream stream;
  CHECK(connectTo(stream, listener.port) == Code::ok);
  static uint8_t bytes[1 << 16];
  cx::hal::Io io{Code::ok, 0};
  for (int i = 0; i < 1000 && io.code == Code::ok; i++) io = stream.write(bytes, sizeof bytes);
  CHECK(io.code == Code::again);
}

TEST("a port without a listener refuses, and the stream can be used again") {
  HostTcpStream stream;
  uint16_t gone = 0;
  {
    Listener listener;
    gone = listener.port;
  }
  CHECK(connectTo(stream, gone) == Code::refused);
  CHECK(stream.connected() == Code::refused);
  Listener listener;
  CHECK(connectTo(stream, listener.port) == Code::ok);
}

TEST("numeric addresses and localhost are known at once, names that can't be are refused") {
  HostNetwork network(loopback);
  Address address;
  CHECK(network.resolve("192.0.2.7", 5, address) == Code::ok && address == at("192.0.2.7", 5));
  CHECK(network.resolve("localhost", 5, address) == Code::ok && address.isLoopback());
  CHECK(network.resolve("", 5, address) == Code::invalid);
  CHECK(network.resolve(std::string(64, 'x').c_str(), 5, address) == Code::invalid);
  uint16_t interfaces[4];
  CHECK_EQ(network.interfaces(interfaces, 4), 1);
  CHECK_EQ(interfaces[0], loopback);
}

TEST("a value outlives the program, is replaced as a whole, and goes when removed") {
  Folder folder;
  uint8_t out[16];
  for (int run = 0; run < 3; run++) {
    FileStorage storage(folder.files);
    CHECK(storage.load() == Code::ok);
    if (run == 0) {
      CHECK(storage.get("rev", out, sizeof out).code == Code::notFound);
      CHECK(storage.put("rev", reinterpret_cast<const uint8_t*>("12345"), 5) == Code::ok);
      CHECK(storage.put("other", out, 0) == Code::ok);
      CHECK(storage.put("rev", reinterpret_cast<const uint8_t*>("678"), 3) == Code::ok);
    }
    const auto io = storage.get("rev", out, sizeof out);
    CHECK(run == 2 ? io.code == Code::notFound : io.code == Code::ok && io.size == 3 && std::memcmp(out, "678", 3) == 0);
    CHECK(storage.get("other", out, sizeof out).code == Code::ok);
    CHECK(run == 2 || storage.get("rev", out, 2).code == Code::invalid);
    if (run == 1) CHECK(storage.remove("rev") == Code::ok && storage.remove("rev") == Code::ok);
  }
}

TEST("keys, values and their number have limits that are said") {
  Folder folder;
  FileStorage storage(folder.files);
  CHECK(storage.load() == Code::ok);
  uint8_t value[cx::hal::storageValueMax + 1] = {};
  CHECK(storage.put("", value, 1) == Code::invalid);
  CHECK(storage.put("sixteen-letters-", value, 1) == Code::invalid);
  CHECK(storage.put("big", value, sizeof value) == Code::invalid);
  CHECK(storage.put("big", value, sizeof value - 1) == Code::ok);
  char key[8];
  for (uint32_t i = 1; i < cx::hal::storageKeysMax; i++) {
    std::snprintf(key, sizeof key, "k%u", i);
    CHECK(storage.put(key, value, 8) == Code::ok);
  }
  CHECK(storage.put("more", value, 8) == Code::noSpace);
  CHECK(storage.put("k1", value, 9) == Code::ok);
  CHECK(storage.remove("k2") == Code::ok && storage.put("more", value, 8) == Code::ok);
}

TEST("damaged settings are said to be so until something is written") {
  Folder folder;
  uint8_t out[4] = {};
  {
    FileStorage storage(folder.files);
    CHECK(storage.load() == Code::ok && storage.put("a", out, 4) == Code::ok);
  }
  CHECK(folder.files.write("settings", 10, reinterpret_cast<const uint8_t*>("!"), 1) == Code::ok);
  FileStorage storage(folder.files);
  CHECK(storage.load() == Code::corrupt);
  CHECK(storage.get("a", out, 4).code == Code::corrupt);
  CHECK(storage.put("b", out, 4) == Code::ok);
  CHECK(storage.get("b", out, 4).code == Code::ok && storage.get("a", out, 4).code == Code::notFound);
}

TEST("the tail of a log starts with a whole line, and without a log there is none") {
  Folder folder;
  const char* const text = "first line\nsecond line\nthird\n";
  CHECK(folder.files.write("log", 0, reinterpret_cast<const uint8_t*>(text), 29) == Code::ok);
  const std::string path = std::string(folder.path) + "/log";
  LinuxServices services(path.c_str(), folder.path, nullptr);
  uint8_t out[64];
  CHECK_EQ(services.logTail(out, sizeof out).size, 29u);
  const auto io = services.logTail(out, 20);
  CHECK_EQ(io.size, 18u);
  CHECK(std::memcmp(out, "second line\nthird\n", 18) == 0);
  CHECK(LinuxServices(nullptr, folder.path, nullptr).logTail(out, sizeof out).code == Code::notFound);
  CHECK(LinuxServices("/nowhere", folder.path, nullptr).logTail(out, sizeof out).code == Code::notFound);
}

namespace {

uint8_t listedBy(const char* script, cx::hal::Service* out, uint8_t capacity) {
  Folder folder;
  const std::string path = std::string(folder.path) + "/settings";
  CHECK(folder.files.write("settings", 0, reinterpret_cast<const uint8_t*>(script), static_cast<uint32_t>(std::strlen(script))) == Code::ok);
  CHECK(::chmod(path.c_str(), 0700) == 0);
  LinuxServices services(nullptr, "/", path.c_str());
  CHECK(services.refreshServices() == Code::ok);
  CHECK(services.refreshServices() == Code::again);
  bool isFresh = false;
  uint8_t count = 0;
  for (int i = 0; i < 3000 && !isFresh; i++) {
    waitOn(services);
    count = services.services(out, capacity, isFresh);
  }
  CHECK(isFresh);
  return count;
}

}  // namespace

TEST("services are listed as systemctl prints them, without waiting for it") {
  cx::hal::Service list[4];
  CHECK_EQ(listedBy("#!/bin/sh\necho 'ssh.service  loaded active running OpenBSD Secure Shell'\necho 'bad line'\n"
                    "echo 'cron.service loaded failed failed Cron'\n", list, 4), 2);
  CHECK(std::strcmp(list[0].name, "ssh") == 0 && std::strcmp(list[0].state, "active") == 0);
  CHECK(std::strcmp(list[1].name, "cron") == 0 && std::strcmp(list[1].state, "failed") == 0);
}

TEST("more services than there is room for are cut, a program that fails lists none, and without one it is unsupported") {
  cx::hal::Service list[4];
  CHECK_EQ(listedBy("#!/bin/sh\nfor i in $(seq 200); do echo \"s$i.service loaded active running x\"; done\n", list, 4), 4);
  CHECK_EQ(listedBy("#!/bin/sh\nexit 1\n", list, 4), 0);
  CHECK(LinuxServices(nullptr, "/", nullptr).refreshServices() == Code::unsupported);
}

TEST("the figures of the machine are within their ranges") {
  LinuxServices services(nullptr, "/", nullptr);
  cx::hal::HostStats stats;
  CHECK(services.stats(stats) == Code::ok);
  CHECK(stats.memoryMilliPercent > 0 && stats.memoryMilliPercent < 100000);
  CHECK(stats.diskMilliPercent <= 100000 && stats.cpuMilliPercent <= 100000);
  CHECK(stats.uptimeSeconds > 0);
}

TEST("simulated sensors stay within the range that they announce") {
  HostClock clock;
  HostEntropy entropy;
  SimulatedSensors sensors(clock, entropy);
  for (uint8_t index = 0; index < sensors.count(); index++) {
    int32_t milli = 0;
    for (int i = 0; i < 100; i++) CHECK(sensors.read(index, milli) == Code::ok);
    const auto channel = sensors.channel(index);
    CHECK(milli >= channel.minMilli && milli <= channel.maxMilli);
  }
  int32_t milli = 0;
  CHECK(sensors.read(sensors.count(), milli) == Code::notFound);
}
