// The keys that a node enrols with: an OSCORE context that can do nothing but POST /enrol, derived from what it was given.
// docs/reference/node.md says how, for everybody else who derives them.
#pragma once

#include "oscore.hpp"
#include "text.hpp"

namespace cx {

// 19 random characters of Crockford's base32 and one that checks them.
constexpr size_t claimCodeLength = 20;
constexpr size_t batchIdSize = 6, batchKeySize = 32, batchHardwareMax = oscore::contextMax;
constexpr size_t batchSecretSize = 24;  // of one device: master secret and salt

// Case, spaces and hyphens don't matter, O is 0, I and L are 1. malformed: it is no claim code.
Status parseClaimCode(std::string_view text, FixedText<claimCodeLength>& out);
// invalid: `code` isn't as parseClaimCode() gives it.
Status deriveClaimKeys(const FixedText<claimCodeLength>& code, OscoreCredentials& out);

// 1 to 16 of [a-z0-9_-], of which the first is a letter or digit. No dot: that makes a gateway's child of a node id.
bool isHardwareId(std::string_view text);
// Of the node with that hardware id in a batch. invalid: a batch or key of another size, or no hardware id.
Status deriveBatchKeys(ByteSpan batch, ByteSpan key, std::string_view hardware, OscoreCredentials& out);
// The same of a secret that was derived elsewhere, so that the batch's key never comes near the device.
Status deviceKeys(ByteSpan batch, ByteSpan secret, std::string_view hardware, OscoreCredentials& out);

}  // namespace cx
