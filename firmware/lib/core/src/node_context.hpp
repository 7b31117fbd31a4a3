// What the parts of one node share. Each field of NodeState has one part that writes it, named beside it.
#pragma once

#include <cstdint>

#include "coap_endpoint.hpp"
#include "hal/hal.hpp"
#include "log_ring.hpp"
#include "node_messages.hpp"
#include "node_profile.hpp"
#include "trust_anchor.hpp"
#include "updater_context.hpp"

namespace cx {

constexpr size_t brokerFaultMax = 32;

// From the port: flags on the host, settings in flash on a board. Views stay valid as long as the node.
struct NodeSettings : UpdaterSettings {
  FixedText<nodeIdMax> id;           // empty: <model>-<hardware number>
  FixedText<63> managerHost;         // empty: discovery
  uint16_t managerPort = 5683;
  FixedText<46> discoverGroup;       // numeric; empty: the groups of the protocol
  uint16_t discoverPort = 5683;
  uint16_t coapPort = 0;             // 0: any
  FixedText<vendorMax> vendor;              // domain of who makes the images, as in update manifests
  const TrustAnchors* anchors = nullptr;  // whose manifests count, as the node was given them, read at boot; null: what it has stored
  bool isSenmlJson = false;
  bool isSleepy = false;             // never called by the manager
  uint32_t lifetimeS = 0;            // wish in ?lt=; 0: the manager's default
  bool isPortProtected = false;      // by the port's socket (DTLS): unprotected requests are refused
  bool isProtected = false;          // by OSCORE, with `oscore`: then nothing but discovery goes or comes in the clear
  OscoreCredentials oscore;
  bool wantsCa = false;              // the port speaks TLS: whom to trust is asked for at enrolment
  std::string_view site;
};

struct NodeState {
  FixedText<nodeIdMax> id;             // Node
  hal::BootInfo boot;                  // Node
  Phase phase = Phase::boot;           // Node
  uint64_t startedMs = 0;              // Node
  bool isMarkedHealthy = false;        // Node
  hal::Address manager;                // ManagerLink: where it registered
  RegistrationAnswer registration;     // ManagerLink
  bool isRegistered = false;           // ManagerLink
  uint64_t heardMs = 0;                // ManagerLink: the last heartbeat that was answered; 0: none
  Environment environment;             // Credentials
  uint32_t lastRev = 0;                // Actions
  ActionResult result;                 // Actions: repeated until a report with it was answered
  uint32_t imageSequence = 0;          // Node: of the update manifest by which the running image came; 0: none
  const uint8_t* vendorId = nullptr;   // Node: as in update manifests; null: no vendor was named
  const uint8_t* classId = nullptr;    // Node
  uint32_t mqttReconnects = 0;         // BrokerSession
  FixedText<brokerFaultMax> brokerFault;  // BrokerSession: why there is no connection; empty: there is one, or no reason is known
  uint32_t sensorErrors = 0;           // Telemetry
};

struct NodeContext {
  hal::Hal& hal;
  CoapEndpoint& coap;
  Log& log;
  const NodeSettings& settings;
  NodeState& state;
  Profile& profile;
  // For what is built and used within one call: encoded bodies that a request copies.
  MutableSpan scratch;
};

// True when no wait is needed: `dueMs` has come. 0 means never.
inline bool isDue(uint64_t dueMs, uint64_t nowMs) { return dueMs != 0 && nowMs >= dueMs; }
inline uint64_t earlier(uint64_t left, uint64_t right) {
  if (left == 0) return right == 0 ? UINT64_MAX : right;
  return right != 0 && right < left ? right : left;
}

}  // namespace cx
