// The firmware's protocols as a small program, so that outside programs can be put against them.
//
//   core_peer serve PORT             CoAP server; prints "port N"; ends when its standard input does
//   core_peer get URI                one CoAP GET, blocks collected; prints "CODE BYTES SHA256"
//   core_peer put URI BYTES          one CoAP PUT of that many bytes, in blocks
//   core_peer discover GROUP PORT    multicast GET /.well-known/core, listens 1 s; prints each answer
//   core_peer fetch URI [OFFSET]     image download by coap or http; prints "STATUS CODE NEXT SHA256"
//   core_peer mqtt PORT ID PASSWORD  subscribes to cx/nodes/ID/cmd/#, publishes an event with QoS 1, prints the first
//                                    message and says goodbye; will: availability "offline", retained
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "coap_download.hpp"
#include "hal_host/host_clock.hpp"
#include "hal_host/host_sockets.hpp"
#include "http_download.hpp"
#include "mqtt_client.hpp"
#include "sha256.hpp"
#include "text.hpp"
#include "uri.hpp"

using namespace cx;

namespace {

void printDigest(Sha256& hash) {
  uint8_t digest[32];
  hash.finish(digest);
  for (const uint8_t byte : digest) std::printf("%02x", byte);
  std::printf("\n");
}

uint8_t patternByte(uint64_t offset) { return static_cast<uint8_t>('a' + offset % 26); }

enum Route : size_t { hello, large, stream, echo, ticks, slow, once };
constexpr CoapRoute routes[] = {
    {"hello", coap::method::get, coap::accepts::text, false, CoapReplay::again, ";rt=\"cx.hello\";ct=0", true},
    {"large", coap::method::get, 0, false, CoapReplay::again, ";sz=3000", true},
    {"stream", coap::method::get, 0, false, CoapReplay::again, "", true},
    {"echo", coap::method::put | coap::method::post, 0, false, CoapReplay::again, "", true},
    {"ticks", coap::method::get, 0, true, CoapReplay::again, ";rt=\"cx.ticks\"", true},
    {"slow", coap::method::get, 0, false, CoapReplay::once, "", true},
    {"once", coap::method::post, 0, false, CoapReplay::once, "", true},
};

struct Pattern final : CoapBodySource {
  size_t read(uint64_t offset, MutableSpan out) override {
    for (size_t i = 0; i < out.size(); i++) out[i] = patternByte(offset + i);
    return out.size();
  }
};

struct Peer final : CoapService, CoapResponseHandler, DownloadSink, MqttHandler {
  host::HostClock clock;
  host::HostEntropy entropy;
  host::HostUdpSocket udp{1};
  host::HostTcpStream tcp;
  CoapStorage<CoapLimitsHost> storage;
  CoapEndpoint coap{udp, clock, entropy, storage.memory()};
  Pattern pattern;
  uint64_t count = 0;
  uint64_t answerAtMs = UINT64_MAX;
  CoapDeferralId deferral = 0;
  bool isDone = false;
  bool isFailed = false;
  Sha256 hash;
  uint64_t next = 0;
  MqttClient* mqtt = nullptr;
  uint8_t buffer[2048];

  void onRequest(const CoapServerRequest& request, CoapReply& reply) override {
    TextWriter text(reply.buffer);
    reply.contentFormat = coap::format::text;
    switch (request.route) {
      case hello: text.put("hello"); break;
      case large:
        for (uint64_t i = 0; i < 3000; i++) text.put(static_cast<char>(patternByte(i)));
        break;
      case stream:
        reply.source = &pattern;
        reply.size = 100000;
        (void)reply.etag.assign(asBytes("S1"));
        return;
      case echo:
        reply.code = request.method == coap::code::post ? coap::code::created : coap::code::changed;
        text.put(asText(request.payload));
        break;
      case ticks:
        reply.maxAge = 2;
        text.put("tick ").putUint(count);
        break;
      case slow: {
        const Expected<CoapDeferralId> id = coap.defer();
        if (!id) reply.code = coap::code::serviceUnavailable;
        deferral = id.valueOr(0);
        answerAtMs = clock.monotonicMs() + 300;
        return;
      }
      default: text.put("run ").putUint(++count); break;
    }
    reply.size = text.size();
  }

  void onResponse(CoapRequestId, const CoapResponse& response) override {
    if (response.code == coap::code::content && isListening) {
      std::printf("%.*s\n", static_cast<int>(response.payload.size()), asText(response.payload).data());
      return;
    }
    std::printf("%s %zu ", coap::formatCode(response.code).text, response.payload.size());
    hash.update(response.payload);
    printDigest(hash);
    isDone = true;
  }
  void onRequestEnded(CoapRequestId, Status why) override {
    isDone = true;
    isFailed = !isListening;
    if (isFailed) std::printf("%s\n", statusName(why));
  }
  bool isListening = false;

  Status onStart(const DownloadStart& start) override {
    next = start.offset;
    hash.reset();
    return Status::ok;
  }
  Status onBytes(uint64_t offset, ByteSpan bytes) override {
    if (offset != next) return Status::malformed;
    hash.update(bytes);
    next += bytes.size();
    return Status::ok;
  }
  void onEnd(const DownloadEnd& end) override {
    std::printf("%s %u %llu ", statusName(end.status), end.code, static_cast<unsigned long long>(next));
    printDigest(hash);
    isDone = true;
    isFailed = end.status != Status::ok;
  }

  FixedText<64> subscription;
  FixedText<64> event;
  void onMqttConnected(bool) override { (void)mqtt->subscribe(subscription.view(), 1).status(); }
  void onMqttSubscribed(uint16_t, bool isGranted) override {
    std::printf("subscribed %d\n", isGranted ? 1 : 0);
    (void)mqtt->publish(event.view(), asBytes("from the firmware"), 1, false).status();
  }
  void onMqttPublished(uint16_t) override { std::printf("published\n"); }
  void onMqttMessage(std::string_view topic, ByteSpan payload, bool) override {
    std::printf("message %.*s %.*s\n", static_cast<int>(topic.size()), topic.data(), static_cast<int>(payload.size()), asText(payload).data());
    mqtt->disconnect();
  }
  void onMqttClosed(MqttClose why) override {
    std::printf("closed %s\n", mqttCloseName(why));
    isDone = true;
    isFailed = why != MqttClose::asked;
  }

  void serveTurn(uint64_t& tickAtMs) {
    const uint64_t nowMs = clock.monotonicMs();
    if (nowMs >= tickAtMs) {
      count++;
      coap.notify(ticks);
      tickAtMs = nowMs + 100;
    }
    if (nowMs < answerAtMs) return;
    answerAtMs = UINT64_MAX;
    CoapReply reply;
    reply.buffer = buffer;
    reply.putText("at last");
    (void)isOk(coap.respond(deferral, reply));
  }

  // Turns the loop until done; `input` also ends it at the end of standard input.
  int run(Download* download, bool isServing) {
    uint64_t tickAtMs = clock.monotonicMs() + 100;
    while (!isDone) {
      pollfd fds[4];
      int used = udp.waitFor(fds);
      if (mqtt != nullptr || download != nullptr) used += tcp.waitFor(fds + used);
      if (isServing) fds[used++] = {STDIN_FILENO, POLLIN, 0};
      const uint64_t due = coap.nextDueMs();
      const uint64_t nowMs = clock.monotonicMs();
      (void)::poll(fds, static_cast<nfds_t>(used), due <= nowMs ? 0 : 10);
      if (isServing && (fds[used - 1].revents & (POLLIN | POLLHUP)) != 0) return 0;
      coap.poll();
      if (isServing) serveTurn(tickAtMs);
      if (download != nullptr) download->poll();
      if (mqtt != nullptr) mqtt->poll();
      std::fflush(stdout);
    }
    return isFailed ? 1 : 0;
  }
};

Peer peer;  // large: not for the stack

int request(uint8_t method, const char* text, size_t size) {
  static uint8_t body[8192];
  static uint8_t payload[8192];
  const Expected<Uri> uri = parseUri(text);
  CoapRequest question;
  FixedText<64> host;
  if (!uri || size > sizeof payload || !isOk(host.assign(uri->host))) return 2;
  if (!hal::parseAddress(host.cStr(), uri->port, question.to)) return 2;
  for (size_t i = 0; i < size; i++) payload[i] = patternByte(i);
  question.method = method;
  question.path = uri->path;
  question.query = uri->query;
  question.payload = ByteSpan(payload, size);
  question.body = body;
  if (!peer.coap.request(question, peer)) return 2;
  return peer.run(nullptr, false);
}

int fetch(const char* text, const char* offset) {
  const Expected<Uri> uri = parseUri(text);
  DownloadRequest wanted;
  FixedText<64> host;
  if (!uri || !isOk(host.assign(uri->host)) || !hal::parseAddress(host.cStr(), uri->port, wanted.to)) return 2;
  wanted.host = uri->host;
  wanted.path = uri->path;
  wanted.query = uri->query;
  wanted.offset = offset == nullptr ? 0 : parseUint(offset).valueOr(0);
  static uint8_t hold[2048];
  static CoapDownload byCoap(peer.coap, peer.clock, hold);
  static HttpDownload byHttp(peer.tcp, peer.clock, hold);
  Download& download = uri->scheme == UriScheme::http ? static_cast<Download&>(byHttp) : byCoap;
  if (!isOk(download.start(wanted, peer))) return 2;
  return peer.run(&download, false);
}

int mqtt(const char* port, std::string_view id, std::string_view password) {
  static uint8_t in[512];
  static uint8_t out[512];
  static MqttClient client(peer.tcp, peer.clock, in, out);
  MqttConnect options;
  FixedText<64> will;
  if (!hal::parseAddress("127.0.0.1", static_cast<uint16_t>(parseUint(port).valueOr(0)), options.to)) return 2;
  for (FixedText<64>* topic : {&peer.subscription, &peer.event, &will}) {
    if (!isOk(topic->assign("cx/nodes/")) || !isOk(topic->append(id))) return 2;
  }
  if (!isOk(peer.subscription.append("/cmd/#")) || !isOk(peer.event.append("/event")) || !isOk(will.append("/availability"))) return 2;
  options.clientId = options.user = id;
  options.password = password;
  options.willTopic = will.view();
  options.willPayload = asBytes("offline");
  peer.mqtt = &client;
  if (!isOk(client.connect(options, peer))) return 2;
  return peer.run(nullptr, false);
}

int discover(const char* group, const char* port) {
  CoapRequest question;
  if (!hal::parseAddress(group, static_cast<uint16_t>(parseUint(port).valueOr(0)), question.to)) return 2;
  question.to.interface = 1;  // loopback
  question.path = ".well-known/core";
  question.deadlineMs = 1000;
  peer.isListening = true;
  if (!peer.coap.request(question, peer)) return 2;
  return peer.run(nullptr, false);
}

}  // namespace

int main(int count, char** words) {
  const std::string_view verb = count > 1 ? words[1] : "";
  const bool isServing = verb == "serve" && count > 2;
  const auto port = isServing ? static_cast<uint16_t>(parseUint(words[2]).valueOr(0)) : uint16_t{0};
  if (!isOk(peer.coap.start(port, routes, isServing ? &peer : nullptr))) return 2;
  if (isServing) {
    std::printf("port %u\n", peer.udp.localPort());
    std::fflush(stdout);
    return peer.run(nullptr, true);
  }
  if (verb == "get" && count > 2) return request(coap::code::get, words[2], 0);
  if (verb == "put" && count > 3) return request(coap::code::put, words[2], parseUint(words[3]).valueOr(0));
  if (verb == "fetch" && count > 2) return fetch(words[2], count > 3 ? words[3] : nullptr);
  if (verb == "mqtt" && count > 4) return mqtt(words[2], words[3], words[4]);
  if (verb == "discover" && count > 3) return discover(words[2], words[3]);
  return 64;
}
