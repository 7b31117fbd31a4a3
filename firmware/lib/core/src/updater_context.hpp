// What the updater needs of whoever it works for, be it a node with a network or a device that is brought everything.
#pragma once

#include "hal/clock.hpp"
#include "hal/entropy.hpp"
#include "hal/image_slots.hpp"
#include "hal/network.hpp"
#include "hal/signature_check.hpp"
#include "hal/storage.hpp"
#include "hal/tcp_stream.hpp"
#include "log_ring.hpp"
#include "node_messages.hpp"

namespace cx {

struct UpdaterSettings {
  DownloadWay preferredWay = DownloadWay::http;
  uint32_t downloadRate = 0;         // bytes a second; 0: no limit
  uint32_t attemptBudget = 0;        // bytes that one attempt may fetch, what came twice included; 0: no limit
  bool isUnsignedAllowed = false;    // development: takes images that nobody signed, as long as it has no anchors
  bool usesQBlock = false;           // downloads by Q-Block2, where the server takes it: for peers behind DTLS
};

struct UpdaterContext {
  hal::Clock& clock;
  hal::Entropy& entropy;
  hal::Storage& storage;
  hal::ImageSlots& slots;
  hal::SignatureCheck* signature;  // null: core's own, in software
  hal::Network* network;           // null: nothing is fetched, everything is brought
  hal::TcpStream* http;            // null likewise
  Log& log;
  const UpdaterSettings& settings;
};

}  // namespace cx
