#include "telemetry_pack.hpp"

namespace cx {

Expected<ByteSpan> encodeTelemetry(NodeContext& context, SenmlFormat format, MutableSpan out) {
  Measurement values[measurementsMax];
  const size_t count = context.profile.measure(values, context.state.sensorErrors);
  if (count == 0) return Status::notFound;
  int64_t wallMs = 0;
  const bool hasTime = context.hal.clock.wallMs(wallMs);
  SenmlWriter writer(out, format, static_cast<uint32_t>(count), "", hasTime ? wallMs / 1000 : 0);
  for (size_t i = 0; i < count; ++i) writer.add(values[i].name, values[i].unit, values[i].value);
  return writer.finish();
}

}  // namespace cx
