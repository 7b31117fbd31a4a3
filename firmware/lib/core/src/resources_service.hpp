// The node's own CoAP resources (protocol page, section 3). All but /.well-known/core answer the manager's address only,
// as long as there is no security association to tell who asks.
#pragma once

#include "actions_record.hpp"
#include "node_inbox.hpp"

namespace cx {

namespace resource {
enum Index : uint8_t { health, metrics, services, logs, mode, update, environment, restart, shutdown, config, count };
}

class ResourcesService final : public CoapService, private CoapBodySource {
 public:
  ResourcesService(NodeContext& context, NodeInbox& inbox, const LogRing& ring, const AttemptReport& attempt, ActionsRecord& actions)
      : context_(context), inbox_(inbox), ring_(ring), attempt_(attempt), actions_(actions) {}

  static Span<const CoapRoute> routes();
  // A confirmable /health notification was acknowledged by the manager since the last call.
  bool takeHeard() {
    const bool heard = isHeard_;
    isHeard_ = false;
    return heard;
  }

 private:
  void onRequest(const CoapServerRequest& request, CoapReply& reply) override;
  void onNotificationAcknowledged(size_t route, const hal::Address& peer) override;
  size_t read(uint64_t offset, MutableSpan out) override;
  void put(const CoapServerRequest& request, CoapReply& reply);
  void putAction(const CoapServerRequest& request, CoapReply& reply);
  void putMode(const CoapServerRequest& request, CoapReply& reply);
  void logs(const CoapServerRequest& request, CoapReply& reply);

  NodeContext& context_;
  NodeInbox& inbox_;
  const LogRing& ring_;
  const AttemptReport& attempt_;
  ActionsRecord& actions_;
  bool isHeard_ = false;
};

}  // namespace cx
