// CoAP endpoint of a node: client and server on one UDP socket, driven by poll() from the one loop.
//
// Message layer (RFC 7252 section 4): retransmission with jitter, NSTART 1 per peer, duplicates, ping and Reset.
// Client: requests with piggybacked or separate answers, Block1 upload of a borrowed payload, Block2 collection into a
// given buffer, multicast requests. Server: a constant table of routes, Block2 of any body, Block1 into one assembly
// buffer, separate responses, observers (RFC 7641) in fixed slots, /.well-known/core.
// Both by OSCORE (RFC 8613) once secure() gave a session, and then nothing else but multicast and /.well-known/core.
//
// Handlers run inside poll(); they may start requests, notify and answer, but must not call poll() or keep views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "coap_memory.hpp"
#include "coap_message.hpp"
#include "hal/clock.hpp"
#include "hal/entropy.hpp"
#include "hal/udp_socket.hpp"
#include "oscore_session.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

class CoapEndpoint {
 public:
  // `memory` comes from a CoapStorage<Limits> that outlives the endpoint.
  CoapEndpoint(hal::UdpSocket& socket, hal::Clock& clock, hal::Entropy& entropy, const CoapMemory& memory);
  CoapEndpoint(const CoapEndpoint&) = delete;
  CoapEndpoint& operator=(const CoapEndpoint&) = delete;

  // --- life ---------------------------------------------------------------------------------------------------
  // Before start(). Every unicast request is protected from then on, and every request to our resources must be. A session
  // that isn't open protects nothing: then nothing is sent. Null: no protection.
  void secure(OscoreSession* session) { session_ = session; }
  // Before start(): the port protects what it can (DTLS), and what came otherwise is treated as without protection.
  void requireProtection() { isProtectionRequired_ = true; }
  // Opens the socket (port 0: any). Serves `routes` through `service`; null: only a client.
  Status start(uint16_t port, Span<const CoapRoute> routes, CoapService* service);
  // Ends everything: each open request gets onRequestEnded(cancelled).
  void stop();
  // Receives what waits (at most `datagramsPerPoll`), then does what is due. Call it each turn of the loop.
  void poll();
  // When poll() has to be called at the latest, in monotonic milliseconds; UINT64_MAX: only for datagrams.
  uint64_t nextDueMs() const;

  // --- client -------------------------------------------------------------------------------------------------
  // Queues a request; it is sent in this turn when its peer has nothing outstanding. Exactly one of onResponse (for a
  // unicast request) or onRequestEnded follows. full: no free slot or the message doesn't fit; invalid: no address.
  Expected<CoapRequestId> request(const CoapRequest& request, CoapResponseHandler& handler);
  // Forgets the request without a word to the handler. A request already gone is not an error.
  void cancel(CoapRequestId id);
  // Ends every request of this handler without calling it.
  void cancelAll(const CoapResponseHandler& handler);
  // An empty confirmable message; onRequestEnded(reset) means the peer lives, timeout that it doesn't answer.
  Expected<CoapRequestId> ping(const hal::Address& to, CoapResponseHandler& handler);

  // --- server -------------------------------------------------------------------------------------------------
  // Inside CoapService::onRequest: promise an answer for later. full: no slot; answer 5.03 then.
  Expected<CoapDeferralId> defer();
  // Answers what was deferred. notFound: it is gone (time-out, stop).
  Status respond(CoapDeferralId id, const CoapReply& reply);
  // The route's representation changed: each observer of it is sent the new one, soon; changes in between are merged.
  // `isConfirmable` asks for an acknowledgement (a liveness notification), reported by onNotificationAcknowledged.
  void notify(size_t route, bool isConfirmable = false);
  size_t observerCount(size_t route) const;
  // Forgets all observers, as a reboot does.
  void dropObservers();

  const CoapCounters& counters() const { return counters_; }
  uint16_t blockSize() const { return memory_.blockSize; }

 private:
  // What an answer needs to know about the request that it answers.
  struct ReplyContext {
    coap::Type type = coap::Type::acknowledgement;
    uint16_t messageId = 0;
    ByteSpan token;
    bool hasBlock2 = false;
    coap::Block block2;
    bool hasBlock1 = false;
    coap::Block block1;
    bool hasObserve = false;
    uint32_t observe = 0;
    CoapProtection protection;
    CoapOnceRow* row = nullptr;  // keeps the answer for a duplicate
  };
  struct Inbound {
    const CoapMessage& message;
    const hal::Address& from;
    bool isMulticast;
    bool isSecured;  // by the port
    CoapProtection protection;
  };

  // coap_endpoint.cpp: the message layer
  void receiveOne(const hal::Datagram& datagram);
  void handleEmpty(const CoapMessage& message, const hal::Address& from);
  void sendDatagram(const hal::Address& to, ByteSpan bytes);
  void sendEmpty(coap::Type type, uint16_t messageId, const hal::Address& to);
  Expected<uint16_t> takeMessageId();
  uint32_t randomBelow(uint32_t limit);
  void pumpOutgoing();
  bool isPeerBusy(const hal::Address& peer) const;
  void transmit(CoapOutgoing& slot);
  void runTimers();
  CoapOutgoing* freeOutgoing();
  CoapOutgoing* findOutgoing(const hal::Address& from, uint16_t messageId);
  static void release(CoapOutgoing& slot);

  // coap_client.cpp
  Status encodeRequest(CoapOutgoing& slot, const CoapRequest& request);
  Status reencodeForBlock(CoapOutgoing& slot, const coap::Block* block1, const coap::Block* block2);
  void renewToken(CoapOutgoing& slot);
  void handleResponse(const Inbound& inbound);
  void takeResponse(CoapOutgoing& slot, const Inbound& inbound);
  bool continueUpload(CoapOutgoing& slot, const CoapResponse& response);
  bool collect(CoapOutgoing& slot, CoapResponse& response);
  void resend(CoapOutgoing& slot);
  void endRequest(CoapOutgoing& slot, Status why);
  bool wasSeen(const hal::Address& from, uint16_t messageId);
  void remember(const hal::Address& from, uint16_t messageId);

  // coap_server.cpp
  void handleRequest(const Inbound& inbound, bool isTruncated);
  void dispatch(const Inbound& inbound, const ReplyContext& base);
  bool answerDuplicate(const Inbound& inbound);
  void keepAnswer(CoapOnceRow& row, const ReplyContext& context, uint8_t code, ByteSpan wire);
  uint8_t checkOptions(const CoapMessage& message) const;
  void serve(const Inbound& inbound, size_t route, const ReplyContext& base);
  uint8_t assemble(const Inbound& inbound, size_t route, const coap::Block& block, ByteSpan& body);
  void answerCode(const Inbound& inbound, uint8_t code, const ReplyContext& context, uint32_t maxAge = 0);
  ByteSpan answer(const Inbound& inbound, const ReplyContext& context, const CoapReply& reply);
  void serveLinks(const Inbound& inbound, const ReplyContext& context);
  Expected<ByteSpan> encodeReply(MutableSpan out, const ReplyContext& context, const CoapReply& reply);
  CoapOnceRow* takeOnceRow(const Inbound& inbound, uint32_t& waitS);

  // coap_secure.cpp
  MutableSpan received(ByteSpan bytes) const;
  ByteSpan sendMessage(const hal::Address& to, ByteSpan plain, const CoapProtection& protection);
  ByteSpan sendAnswer(const hal::Address& to, ByteSpan plain, CoapProtection protection);
  bool takeNumber(CoapOutgoing& slot);
  bool admit(const Inbound& inbound, CoapMessage& message, ReplyContext& context);
  CoapOnceRow* findRow(const Inbound& inbound);
  CoapOnceRow* takeProtectedRow(const Inbound& inbound);
  bool openResponse(CoapOutgoing& slot, CoapMessage& message);
  bool repeatWithEcho(CoapOutgoing& slot, const CoapResponse& response);

  // coap_observe.cpp
  bool observe(const Inbound& inbound, size_t route, uint8_t szx, int32_t accept);
  void forget(const hal::Address& from, ByteSpan token);
  void pumpNotifications();
  bool canNotify(const CoapObserver& observer, size_t index) const;
  void sendNotification(CoapObserver& observer, size_t index);
  void endObservation(CoapObserver& observer, CoapObservationEnd why);
  void handleNotificationReset(const hal::Address& from, uint16_t messageId);

  hal::UdpSocket& socket_;
  hal::Clock& clock_;
  hal::Entropy& entropy_;
  CoapMemory memory_;
  CoapCounters counters_;
  Span<const CoapRoute> routes_;
  CoapService* service_ = nullptr;
  OscoreSession* session_ = nullptr;
  bool isProtectionRequired_ = false;
  bool isRunning_ = false;
  uint64_t nowMs_ = 0;
  uint16_t nextMessageId_ = 0;
  CoapRequestId lastRequestId_ = 0;
  CoapDeferralId lastDeferralId_ = 0;
  uint32_t lastOrder_ = 0;
  uint32_t observeSequence_ = 0;
  // While a handler runs: the request that defer() is about, and what it made.
  const Inbound* current_ = nullptr;
  CoapDeferred* currentDeferral_ = nullptr;
  // A message id isn't used again within EXCHANGE_LIFETIME (RFC 7252 section 4.4): when each eighth of them was left.
  uint64_t idSegmentLeftMs_[8] = {};
  bool wasIdSegmentUsed_[8] = {};
};

}  // namespace cx
