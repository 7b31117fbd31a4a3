// cxnode-node-dtls: the image of a host node that speaks DTLS and TLS as well. An image of its own, since mbedTLS makes it four times as large.
#include "dtls/dtls_socket.hpp"
#include "dtls/tls_stream.hpp"
#include "hal_host/image_descriptor.hpp"
#include "node_program.hpp"
#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

namespace {

class MbedSocket final : public cx::host::SecureSocket {
 public:
  MbedSocket(cx::hal::UdpSocket& below, cx::hal::Clock& clock, cx::hal::Entropy& entropy, cx::hal::LogSink& log)
      : socket_(below, clock, entropy, log) {}

  bool secure(const cx::host::DtlsCredentials& own, const char* managerHost) override {
    cx::dtls::Keys keys;
    keys.identity = own.identity.view();
    keys.psk = own.key.view();
    keys.certificate = own.certificate.view();
    keys.privateKey = own.privateKey.view();
    keys.ca = own.ca.view();
    keys.serverName = managerHost;
    return cx::isOk(socket_.secure(keys));
  }
  uint64_t nextDueMs() const override { return socket_.nextDueMs(); }

  cx::hal::Code open(uint16_t port) override { return socket_.open(port); }
  void close() override { socket_.close(); }
  uint16_t localPort() override { return socket_.localPort(); }
  cx::hal::Code join(const cx::hal::Address& group) override { return socket_.join(group); }
  cx::hal::Code send(const cx::hal::Address& to, const uint8_t* data, uint32_t size) override { return socket_.send(to, data, size); }
  cx::hal::Code receive(cx::hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) override {
    return socket_.receive(datagram, buffer, capacity);
  }

 private:
  cx::dtls::Socket socket_;
};

cx::host::SecureSocket* makeSocket(cx::hal::UdpSocket& below, cx::hal::Clock& clock, cx::hal::Entropy& entropy, cx::hal::LogSink& log) {
  static MbedSocket socket(below, clock, entropy, log);
  return &socket;
}

class MbedStream final : public cx::host::SecureStream {
 public:
  MbedStream(cx::hal::TcpStream& below, const cx::dtls::TlsContext& context, cx::hal::LogSink& log) : stream_(below, context, log) {}

  cx::hal::Code connect(const cx::hal::Address& to) override { return stream_.connect(to); }
  cx::hal::Code connected() override { return stream_.connected(); }
  cx::hal::Io write(const uint8_t* data, uint32_t size) override { return stream_.write(data, size); }
  cx::hal::Io read(uint8_t* buffer, uint32_t capacity) override { return stream_.read(buffer, capacity); }
  void close() override { stream_.close(); }
  bool hasTls() const override { return stream_.hasTls(); }
  cx::hal::Code connectTls(const cx::hal::Address& to, const char* name) override { return stream_.connectTls(to, name); }
  const char* fault() const override { return stream_.fault(); }
  bool hasUnread() const override { return stream_.hasUnread(); }

 private:
  cx::dtls::TlsStream stream_;
};

cx::host::SecureStream* makeStream(cx::hal::TcpStream& below, const cx::host::Credentials& own, cx::hal::Entropy& entropy, cx::hal::LogSink& log) {
  static cx::dtls::TlsContext context;
  if (!context.isOpen()) {
    cx::dtls::TlsKeys keys;
    keys.ca = own.tlsCa();
    keys.certificate = own.dtls.certificate.view();
    keys.privateKey = own.dtls.privateKey.view();
    if (!cx::isOk(context.open(keys, entropy))) return nullptr;
    static MbedStream first(below, context, log);
    return &first;
  }
  static MbedStream second(below, context, log);
  return &second;
}

}  // namespace

int main(int count, char** arguments) { return runNode(count, arguments, nullptr, {makeSocket, makeStream}); }
