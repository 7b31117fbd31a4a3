// Everything a port hands to core, once, at start. References are always there; pointers may be null.
#pragma once
#include "hal/clock.hpp"
#include "hal/display.hpp"
#include "hal/entropy.hpp"
#include "hal/host_services.hpp"
#include "hal/image_slots.hpp"
#include "hal/log_sink.hpp"
#include "hal/network.hpp"
#include "hal/peripherals.hpp"
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
};

}  // namespace cx::hal
