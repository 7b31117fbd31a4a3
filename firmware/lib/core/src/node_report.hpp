// The node's own description and state, as the manager reads them.
#pragma once

#include "node_context.hpp"

namespace cx {

// Body of POST /register.
Expected<ByteSpan> encodeManifest(const NodeContext& context, WireFormat format, MutableSpan out);
// Body of a heartbeat, of /health and of the retained MQTT status: at most 160 bytes in CBOR for a sensor node.
Expected<ByteSpan> encodeStatusReport(const NodeContext& context, WireFormat format, MutableSpan out);
Expected<ByteSpan> encodeMetrics(const NodeContext& context, WireFormat format, MutableSpan out);
Expected<ByteSpan> encodeServices(const NodeContext& context, WireFormat format, MutableSpan out);

}  // namespace cx
