// The board of a pack on a machine without one: a Unix socket at which another program (a model of the house) says what
// the CTs measure and hears of relays and lights. Without it the circuits carry nothing.
#pragma once

#include <poll.h>

#include "pack/pack_board.hpp"
#include "pack_host/board_line.hpp"

namespace cx::pack {

constexpr int boardClientsMax = 4;  // full: the next one is turned away

class BoardSocket final : public PackBoard {
 public:
  BoardSocket() = default;
  BoardSocket(const BoardSocket&) = delete;
  BoardSocket& operator=(const BoardSocket&) = delete;
  ~BoardSocket();

  // Makes the socket; a left-over of a pack that is gone is replaced. False: `fault` says why.
  bool listen(const char* path, const char*& fault);
  void step();
  int waitFor(struct pollfd* out) const;
  // True: a program wants the pack to ask for a socket.
  bool takeWish(SocketWish& out);

  MeasuredPower measure() override;
  void setRelays(const Relays& relays) override;
  void show(const Pixel (&bar)[barPixels], const uint8_t (&digits)[3], const Leds& leds) override;

 private:
  struct Client {
    int socket = -1;
    bool owesRelays = false;
    bool owesLights = false;
    uint8_t in[boardLineMax] = {};
    size_t inSize = 0;
    uint8_t out[boardLineMax] = {};
    size_t outSize = 0;
  };

  void acceptAll();
  void readFrom(Client& client);
  void writeTo(Client& client);
  void leave(Client& client);

  const char* path_ = nullptr;
  int listener_ = -1;
  Client clients_[boardClientsMax];
  BoardCurrents currents_;
  SocketWish wish_;
  Relays relays_;
  Pixel bar_[barPixels];
  uint8_t digits_[3] = {};
  Leds leds_;
};

}  // namespace cx::pack
