// Everything a port hands to core, once, at start. References are always there; pointers may be null.
#pragma once
#include "hal/aead.hpp"
#include "hal/clock.hpp"
#include "hal/display.hpp"
#include "hal/entropy.hpp"
#include "hal/host_services.hpp"
#include "hal/image_slots.hpp"
#include "hal/log_sink.hpp"
#include "hal/network.hpp"
#include "hal/peripherals.hpp"
#include "hal/retained_memory.hpp"
#include "hal/signature_check.hpp"
#include "hal/storage.hpp"
#include "hal/system.hpp"
#include "hal/tcp_stream.hpp"
#include "hal/udp_socket.hpp"
#include "hal/watchdog.hpp"

namespace cx::hal {

struct Hal {
  Clock& clock;
  Entropy& entropy;
  Network& network;
  UdpSocket& coap;   // client and server on one socket
  TcpStream& mqtt;
  TcpStream& http;
  Storage& storage;
  ImageSlots& slots;
  Watchdog& watchdog;
  System& system;
  LogSink& log;
  Sensors& sensors;
  Actuators& actuators;
  Display* display;      // null: the board has none
  HostServices* host;    // null: no operating system below
  Storage* numbers = nullptr;          // keeps the sequence numbers of security; null: `storage` does
  RetainedMemory* retained = nullptr;  // null: nothing outlives a reset
  Aead* aead = nullptr;                // null: core's own, in software
  SignatureCheck* signature = nullptr; // null: core's own, in software
};

}  // namespace cx::hal
