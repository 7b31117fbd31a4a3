// The payload-fetch sequence of an update manifest: one variant, or a try-each over several.
#pragma once

#include "suit_manifest.hpp"

namespace cx {

// The variant at `index`, and how many there are. Every variant up to it is read in full; SIZE_MAX reads all of them.
PayloadVariant readFetch(ByteSpan sequence, size_t index, uint32_t& count, ManifestReason& fault);

}  // namespace cx
