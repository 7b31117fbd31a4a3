// HMAC-SHA256 (RFC 2104) and HKDF (RFC 5869), for keys of at most one digest.
#pragma once

#include "sha256.hpp"
#include "span.hpp"

namespace cx {

// `out` takes 32 bytes.
void hmacSha256(ByteSpan key, ByteSpan message, uint8_t* out);
// The first out.size() bytes, at most 32, of HKDF-SHA256.
void hkdfSha256(ByteSpan salt, ByteSpan secret, ByteSpan info, MutableSpan out);

}  // namespace cx
