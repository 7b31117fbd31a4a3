// Everything a CoapEndpoint is made of that has a size: the plain types at its face, and its rows and buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "coap_message.hpp"
#include "hal/address.hpp"
#include "oscore.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

// --- client face ------------------------------------------------------------------------------------------------

using CoapRequestId = uint16_t;   // 0: none
using CoapDeferralId = uint16_t;  // 0: none

constexpr int32_t coapNoFormat = -1;
constexpr std::string_view coapLinksPath = ".well-known/core";

struct CoapRequest {
  hal::Address to;  // a multicast address makes it a non-confirmable request with many answers
  uint8_t method = coap::code::get;
  std::string_view path;   // "nodes/n1/health": segments, neither encoded nor with a leading '/'
  std::string_view query;  // "ep=n1&r=5"
  int32_t contentFormat = coapNoFormat;
  int32_t accept = coapNoFormat;
  ByteSpan etag;  // sent as ETag: 2.03 Valid may answer
  // At most one block: copied. Larger: sent with Block1, and the bytes stay valid until the request has ended.
  ByteSpan payload;
  uint16_t blockSize = 0;  // for Block1 and as our wish for Block2, at most the limit's; 0: the limit's
  // Ask for this Block2 block (a download does); without it Block2 is left to the server.
  bool hasBlock2 = false;
  coap::Block block2;
  // Where a block-wise response is collected; empty: onResponse gets the single block that came.
  MutableSpan body;
  bool isConfirmable = true;
  // Asks for blocks by Q-Block2 (RFC 9177) in place of Block2: values of the option, ascending. Such a request is non-confirmable, each
  // answer to it is handed over until it is cancelled or its deadline is over, and it doesn't go by OSCORE (unsupported).
  Span<const uint32_t> qBlock2;
  // From now to the end, all blocks included; 0: as long as the message layer takes. For multicast: how long to listen.
  uint32_t deadlineMs = 0;
};

// A response; all views end with the call.
struct CoapResponse {
  hal::Address from;
  uint8_t code = 0;
  ByteSpan payload;  // the whole body when it was collected
  int32_t contentFormat = coapNoFormat;
  uint32_t maxAge = 60;
  bool hasMaxAge = false;
  ByteSpan etag;
  bool hasBlock2 = false;
  coap::Block block2;
  bool hasQBlock2 = false;
  coap::Block qBlock2;
  bool hasSize2 = false;
  uint32_t size2 = 0;
  ByteSpan options;  // all of them, for CoapOptionReader (Location-Path)

  bool isSuccess() const { return coap::codeClass(code) == 2; }
};

class CoapResponseHandler {
 public:
  // A unicast request has ended with this; a multicast request may bring more until its deadline.
  virtual void onResponse(CoapRequestId id, const CoapResponse& response) = 0;
  // It ended without (another) response: timeout (also: a multicast's listening is over), reset, cancelled,
  // tooLarge (the body buffer), mismatch (the body changed in the middle), malformed, unreachable.
  virtual void onRequestEnded(CoapRequestId id, Status why) = 0;

 protected:
  ~CoapResponseHandler() = default;
};

// --- server face ------------------------------------------------------------------------------------------------

namespace coap {
namespace method {  // bits of CoapRoute::methods
constexpr uint8_t get = 1U << 1, post = 1U << 2, put = 1U << 3, del = 1U << 4;
}
namespace accepts {  // bits of CoapRoute::formats
constexpr uint8_t text = 1, link = 2, octets = 4, json = 8, cbor = 16, senmlJson = 32, senmlCbor = 64;
}
}  // namespace coap

// What a duplicate of a request does: run the handler again (idempotent), or get the first one's answer again.
enum class CoapReplay : uint8_t { again, once };

struct CoapRoute {
  std::string_view path;  // "health", "system/config"
  uint8_t methods = coap::method::get;
  // Content formats of request bodies (else 4.15) and of answers by Accept (else 4.06); 0: the handler decides.
  uint8_t formats = 0;
  bool isObservable = false;
  CoapReplay replay = CoapReplay::again;
  std::string_view attributes;  // link attributes as they stand: ";rt=\"cx.health\";ct=\"50 60\""; "obs" is added
  bool isListed = true;         // in /.well-known/core
};

struct CoapServerRequest {
  hal::Address from;
  uint8_t method = coap::code::get;
  size_t route = 0;
  ByteSpan options;  // for findQuery(), CoapOptionReader
  int32_t contentFormat = coapNoFormat;
  int32_t accept = coapNoFormat;
  ByteSpan payload;  // the whole body
  bool isConfirmable = false;
  bool isNotification = false;  // not a request: an observer's representation is being made
  bool isProtected = false;     // it came by OSCORE, and so from the other side of our association
  bool query(std::string_view name, std::string_view& value) const { return findQuery(options, name, value); }
};

// A body that isn't in memory as one piece: any part, at any time.
class CoapBodySource {
 public:
  // Fills `out` from `offset`; fewer bytes than asked is an error of the source and ends the transfer.
  virtual size_t read(uint64_t offset, MutableSpan out) = 0;

 protected:
  ~CoapBodySource() = default;
};

struct CoapReply {
  uint8_t code = coap::code::content;
  int32_t contentFormat = coapNoFormat;
  int32_t maxAge = -1;     // seconds; -1: no option
  FixedBytes<8> etag;      // empty: made from the body when that takes more than one block
  MutableSpan buffer;      // render the body here
  size_t size = 0;         // bytes rendered
  CoapBodySource* source = nullptr;  // instead of `buffer`, with `size` as the whole length
  std::string_view locationPath;
  ByteSpan echo;           // asks for the request again, with this (RFC 9175 section 2.2)

  // Text into the buffer, cut off at its end: for diagnostic payloads.
  void putText(std::string_view text);
};

enum class CoapObservationEnd : uint8_t { cancelled, reset, timeout, replaced, error };

class CoapService {
 public:
  // Answers a request to routes[request.route]. `reply` starts as 2.05 for GET and 2.04 for the rest, empty.
  virtual void onRequest(const CoapServerRequest& request, CoapReply& reply) = 0;
  // A confirmable notification of that route was acknowledged: the peer heard us.
  virtual void onNotificationAcknowledged(size_t route, const hal::Address& peer) {
    (void)route;
    (void)peer;
  }
  virtual void onObservationEnded(size_t route, const hal::Address& peer, CoapObservationEnd why) {
    (void)route;
    (void)peer;
    (void)why;
  }

 protected:
  ~CoapService() = default;
};

// Only ever grows; the node reports some of them.
struct CoapCounters {
  uint32_t received = 0;
  uint32_t sent = 0;
  uint32_t malformed = 0;
  uint32_t retransmits = 0;
  uint32_t timeouts = 0;
  uint32_t resetsReceived = 0;
  uint32_t duplicates = 0;
  uint32_t unmatched = 0;     // responses and acknowledgements that nobody waits for
  uint32_t requests = 0;      // served
  uint32_t notifications = 0;
  uint32_t overload = 0;      // answered 5.03, or not at all, for lack of a slot
  uint32_t sendFailures = 0;
  uint32_t refused = 0;       // unprotected where protection is asked for, forged, or replayed
};

// --- memory -----------------------------------------------------------------------------------------------------

// Times of RFC 7252 section 4.8. A test or a simulation may shorten them together.
struct CoapTiming {
  uint32_t ackTimeoutMs = 2000;
  uint32_t ackRandomPermille = 1500;  // ACK_RANDOM_FACTOR 1.5
  uint8_t maxRetransmit = 4;
  uint32_t exchangeLifetimeMs = 247000;
  uint32_t separateTimeoutMs = 60000;  // after an empty ACK, how long the separate response may take
  uint32_t nonTimeoutMs = 10000;       // how long the answer to a non-confirmable request may take
  uint32_t leisureMs = 5000;           // DEFAULT_LEISURE for answers to multicast
  uint32_t assemblyTimeoutMs = 60000;  // a Block1 body that isn't continued
  uint8_t confirmEvery = 5;            // each n-th notification is confirmable
};

// Whether and how a message is protected by OSCORE on its way.
struct CoapProtection {
  bool isOn = false;
  bool isRequestNonceFree = false;  // of a fresh request: its first answer needs no number of its own
  OscoreBinding binding;
};

// One outgoing message that has to be kept: a request, a separate response, a confirmable notification.
struct CoapOutgoing {
  enum class Kind : uint8_t { none, request, response, notification, delayed };
  enum class State : uint8_t { waiting, sent, acknowledged };
  Kind kind = Kind::none;
  State state = State::waiting;
  uint8_t attempts = 0;
  uint8_t tokenSize = 0;
  uint8_t token[coap::tokenMax] = {};
  uint16_t messageId = 0;
  CoapRequestId id = 0;
  bool isConfirmable = false;
  bool isMulticast = false;
  bool isOpen = false;     // answers keep coming, as to a multicast
  bool isCollecting = false;
  bool hasEchoed = false;  // it was sent again with an Echo
  CoapProtection protection;
  uint32_t order = 0;      // first come, first sent
  uint8_t observer = 0;  // index, for a notification
  uint8_t szx = 6;
  uint32_t timeoutMs = 0;
  uint64_t dueMs = 0;
  uint64_t deadlineMs = UINT64_MAX;
  hal::Address peer;
  CoapResponseHandler* handler = nullptr;
  ByteSpan payload;        // borrowed, for Block1
  size_t payloadSent = 0;  // bytes that the server acknowledged
  MutableSpan body;        // for Block2
  size_t bodySize = 0;
  uint8_t etag[8] = {};
  uint8_t etagSize = 0;
  MutableSpan buffer;      // the encoded message
  size_t size = 0;

  bool hasManyAnswers() const { return isMulticast || isOpen; }
};

struct CoapObserver {
  bool isUsed = false;
  bool isPending = false;        // a change that hasn't been sent
  bool isConfirmWanted = false;
  bool hasSent = false;          // lastMessageId is of a notification
  uint8_t tokenSize = 0;
  uint8_t token[coap::tokenMax] = {};
  uint8_t sinceConfirmed = 0;
  uint16_t route = 0;
  uint16_t lastMessageId = 0;    // of the last non-confirmable one: its Reset ends the observation
  int32_t accept = coapNoFormat;
  uint32_t sequence = 0;         // 24 bits
  uint8_t szx = 6;
  hal::Address peer;
  CoapProtection protection;
  FixedBytes<48> queries;        // encoded Uri-Query options of the registration
};

// A request with `replay: once` and its answer, for EXCHANGE_LIFETIME; also each protected request, as long as there is room.
struct CoapOnceRow {
  bool isUsed = false;
  bool isAnswered = false;
  bool isProtected = false;
  bool isRerunnable = false;  // a protected request that changes nothing: its duplicate is opened and served anew
  uint8_t reruns = 0;
  OscorePiv piv;
  uint16_t messageId = 0;
  uint64_t untilMs = 0;
  hal::Address peer;
  FixedBytes<48> answer;  // the whole message; a longer one is kept as its code and token alone
};

// A response that was acknowledged lately, so that its duplicate is acknowledged again and not reset.
struct CoapSeenRow {
  bool isUsed = false;
  uint16_t messageId = 0;
  uint64_t untilMs = 0;
  hal::Address peer;
};

struct CoapDeferred {
  CoapDeferralId id = 0;  // 0: free
  uint8_t tokenSize = 0;
  uint8_t token[coap::tokenMax] = {};
  bool isConfirmable = false;
  uint16_t requestMessageId = 0;
  uint64_t untilMs = 0;
  hal::Address peer;
  CoapProtection protection;
};

struct CoapAssembly {
  bool isUsed = false;
  bool isComplete = false;  // kept for a duplicate of the last block
  uint16_t route = 0;
  uint8_t method = 0;
  uint16_t firstMessageId = 0;
  uint64_t untilMs = 0;
  hal::Address peer;
  size_t size = 0;
};

// What the endpoint works on; all of it belongs to the owner.
struct CoapMemory {
  Span<CoapOutgoing> outgoing;
  Span<CoapObserver> observers;
  Span<CoapOnceRow> once;
  Span<CoapSeenRow> seen;
  Span<CoapDeferred> deferred;
  MutableSpan receiveBuffer;   // one datagram
  MutableSpan sendBuffer;      // one message
  MutableSpan secureBuffer;    // one message, protected
  MutableSpan replyBuffer;     // a rendered body
  MutableSpan assemblyBuffer;  // a Block1 body
  CoapAssembly* assembly = nullptr;
  uint16_t blockSize = 256;    // 16..1024, ours by default
  uint8_t datagramsPerPoll = 16;
  CoapTiming timing;
};

// Limits are a struct of constants, so that each board states its own.
struct CoapLimitsSmall {  // ESP8266: about 7 KB
  static constexpr size_t message = 512, outgoing = 5, observers = 3, once = 6, seen = 4, deferred = 1, reply = 640, assembly = 768;
  static constexpr uint16_t blockSize = 256;
};
struct CoapLimitsHost {  // discovery alone may ask two groups on four interfaces at once
  static constexpr size_t message = 1280, outgoing = 12, observers = 8, once = 32, seen = 8, deferred = 4, reply = 4096, assembly = 4096;
  static constexpr uint16_t blockSize = 1024;
};

template <class Limits>
class CoapStorage {
 public:
  CoapStorage() {
    for (size_t i = 0; i < Limits::outgoing; ++i) outgoing_[i].buffer = MutableSpan(messages_[i], Limits::message);
  }
  CoapStorage(const CoapStorage&) = delete;
  CoapStorage& operator=(const CoapStorage&) = delete;

  CoapMemory memory() {
    CoapMemory memory;
    memory.outgoing = outgoing_;
    memory.observers = observers_;
    memory.once = once_;
    memory.seen = seen_;
    memory.deferred = deferred_;
    memory.receiveBuffer = receive_;
    memory.sendBuffer = send_;
    memory.secureBuffer = secure_;
    memory.replyBuffer = reply_;
    memory.assemblyBuffer = assembled_;
    memory.assembly = &assembly_;
    memory.blockSize = Limits::blockSize;
    return memory;
  }

 private:
  static_assert(Limits::outgoing <= 255 && Limits::observers <= 255, "rows are indexed by a byte");
  static_assert(Limits::message >= Limits::blockSize + 128U + oscore::overheadMax, "a message holds one block, its options and its protection");
  CoapOutgoing outgoing_[Limits::outgoing];
  CoapObserver observers_[Limits::observers];
  CoapOnceRow once_[Limits::once];
  CoapSeenRow seen_[Limits::seen];
  CoapDeferred deferred_[Limits::deferred];
  CoapAssembly assembly_;
  uint8_t messages_[Limits::outgoing][Limits::message];
  uint8_t receive_[Limits::message];
  uint8_t send_[Limits::message];
  uint8_t secure_[Limits::message];
  uint8_t reply_[Limits::reply];
  uint8_t assembled_[Limits::assembly];
};

}  // namespace cx
