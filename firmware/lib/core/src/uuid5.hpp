// Name-based UUIDs (RFC 9562 section 5.5): how vendors, models and nodes are named in update manifests.
#pragma once

#include <cstdint>
#include <string_view>

#include "span.hpp"

namespace cx {

constexpr size_t uuidSize = 16;

extern const uint8_t uuidOfDns[uuidSize];  // the namespace of domain names (RFC 9562 section 6.6)

void uuid5(const uint8_t* space, std::string_view name, uint8_t* out);
// "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
FixedText<36> uuidText(const uint8_t* uuid);

}  // namespace cx
