// What the profile measures, as one SenML pack (RFC 8428) for the telemetry topic.
#pragma once

#include "node_context.hpp"
#include "senml_writer.hpp"

namespace cx {

// Series are named by the channel alone: the topic says whose they are. notFound: nothing could be measured.
Expected<ByteSpan> encodeTelemetry(NodeContext& context, SenmlFormat format, MutableSpan out);

}  // namespace cx
