// CoAP endpoint of a node: client and server on one UDP socket, driven by poll() from the one loop.
//
// Message layer (RFC 7252 section 4): retransmission with jitter, NSTART 1 per peer, duplicates, ping and Reset.
// Client: requests with piggybacked or separate answers, Block1 upload of a borrowed payload, Block2 collection into a
// given buffer, multicast requests. Server: a constant table of routes, Block2 of any body, Block1 into one assembly
// buffer, separate responses, observers (RFC 7641) in fixed slots, /.well-known/core.
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

 private:
  friend class CoapEndpointInternals;
  hal::UdpSocket& socket_;
  hal::Clock& clock_;
  hal::Entropy& entropy_;
  CoapMemory memory_;
  CoapCounters counters_;
};

}  // namespace cx
