// /.well-known/core: the routes as RFC 6690 links, filtered.
#pragma once

#include "coap_memory.hpp"
#include "text.hpp"

namespace cx {

// Appends the links of the listed routes that match `filter`, one Uri-Query item such as "rt=cx.health", "rt=cx.*",
// "obs" or "href=/health"; empty: all. Returns how many matched.
size_t writeLinks(Span<const CoapRoute> routes, std::string_view filter, TextWriter& out);

}  // namespace cx
