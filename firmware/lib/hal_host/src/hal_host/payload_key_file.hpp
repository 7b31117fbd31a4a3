// The keys of encrypted payloads that an operator gives a host node: 16 bytes each, one behind the other, of which the state folder
// keeps a copy. One of a node's own and one of its model, and the next of each.
#pragma once
#include "encrypt0_decoder.hpp"
#include "hal_host/files.hpp"
#include "hal_host/options.hpp"

namespace cx::host {

constexpr char payloadKeysFile[] = "payload-keys";
constexpr uint32_t payloadKeysMax = 4;

class PayloadKeyFile final : public PayloadKeys {
 public:
  // notFound: the node was given none. corrupt: it isn't whole keys.
  Code load(Files& files);
  // By the first 8 bytes of a key's SHA-256; an only key serves also where none is named.
  const uint8_t* find(ByteSpan keyId) override;

 private:
  uint8_t keys_[payloadKeysMax][payloadKeySize] = {};
  uint32_t count_ = 0;
};

// Takes the file into the state folder. False: `fault` says what is wrong.
bool importPayloadKeys(Files& files, const char* path, char (&fault)[optionFaultMax]);

}  // namespace cx::host
