// Runs payload decoders of the firmware over cases from stdin, and says what came of each. Whole runs in pieces of any size, and
// runs in which the power goes again and again must come to the same end; what breaks the contract of PayloadDecoder ends the program.
//
//   case    kind (0 deflate, 1 delta, 2 COSE_Encrypt0, 3 deflate and 4 delta within it) | log2 of the window | seed u32 | image size u32 | 16 bytes of key
//           | base, parameters, payload: size u32 and bytes each
//   answer  status u8 | resumes u16 | bytes moved u32 | image: size u32 and bytes
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "delta_decoder.hpp"
#include "inflate_decoder.hpp"
#include "payload_chain.hpp"

namespace {

using Bytes = std::vector<uint8_t>;

[[noreturn]] void broken(const char* what, unsigned number) {
  std::fprintf(stderr, "case %u: %s\n", number, what);
  std::exit(1);
}

bool readAll(void* out, size_t size) { return std::fread(out, 1, size, stdin) == size; }
uint32_t readU32() {
  uint8_t bytes[4] = {};
  if (!readAll(bytes, 4)) std::exit(2);
  return static_cast<uint32_t>(bytes[0]) << 24U | static_cast<uint32_t>(bytes[1]) << 16U | static_cast<uint32_t>(bytes[2]) << 8U | bytes[3];
}
Bytes readBytes() {
  Bytes bytes(readU32());
  if (!readAll(bytes.data(), bytes.size())) std::exit(2);
  return bytes;
}
void writeU32(uint32_t value) {
  for (int i = 3; i >= 0; i--) std::putchar(static_cast<int>(value >> (8 * i) & 255U));
}

struct Random {
  uint64_t state;
  uint32_t below(uint32_t limit) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    return static_cast<uint32_t>((state >> 20U) % limit);
  }
};

struct Case {
  unsigned number = 0;
  uint8_t kind = 0;
  uint8_t windowBits = 0;
  uint32_t seed = 0;
  uint32_t imageSize = 0;
  uint8_t key[16] = {};
  Bytes base, parameters, payload;
};

// The slot of a board: what was put, of which the first `durable` bytes outlive a power cut.
struct Slot final : cx::PayloadSink, cx::PayloadBase, cx::PayloadKeys {
  explicit Slot(const Case& of) : given(of) {}
  const Case& given;
  Bytes image;
  size_t position = 0;  // in the image, of what is put next: behind its end after a resume
  size_t putInTurn = 0;

  cx::Status put(cx::ByteSpan bytes) override {
    putInTurn += bytes.size();
    for (const uint8_t byte : bytes) {
      if (position > given.imageSize + 64U * 1024U) broken("put more than the image has", given.number);
      if (position < image.size()) {
        if (image[position] != byte) broken("a resume makes other bytes", given.number);
      } else {
        image.push_back(byte);
      }
      position++;
    }
    return cx::Status::ok;
  }
  uint32_t runningSize() override { return static_cast<uint32_t>(given.base.size()); }
  cx::Status readRunning(uint32_t offset, cx::MutableSpan out) override { return read(given.base, offset, out); }
  cx::Status readWritten(uint32_t offset, cx::MutableSpan out) override { return read(image, offset, out); }
  const uint8_t* find(cx::ByteSpan) override { return given.key; }

 private:
  cx::Status read(const Bytes& from, uint32_t offset, cx::MutableSpan out) const {
    if (offset > from.size() || out.size() > from.size() - offset) broken("reads behind the end of an image", given.number);
    if (!out.empty()) std::memcpy(out.data(), from.data() + offset, out.size());
    return cx::Status::ok;
  }
};

// A decoder in memory that another power cycle left behind.
struct Board {
  explicit Board(const Case& of, Slot& slot) : window(size_t{1} << of.windowBits, 0xA5), inflate(cx::MutableSpan(window.data(), window.size())), chain(slot) {
    if (of.kind == 0) decoder = &inflate;
    if (of.kind == 1) decoder = &delta;
    if (of.kind == 3) chain.setNext(&inflate);
    if (of.kind == 4) chain.setNext(&delta);
  }
  Bytes window;
  cx::InflateDecoder inflate;
  cx::DeltaDecoder delta;
  cx::PayloadChain chain;
  cx::PayloadDecoder* decoder = &chain;
};

// One power cycle. Returns `again` when the power went.
cx::Status cycle(const Case& of, Slot& slot, Random& random, cx::PayloadCheckpoint& kept, bool mayCut, uint32_t& moved) {
  Board board(of, slot);
  cx::PayloadDecoder& decoder = *board.decoder;
  cx::PayloadStart start;
  start.payloadSize = static_cast<uint32_t>(of.payload.size());
  start.imageSize = of.imageSize;
  start.parameters = cx::ByteSpan(of.parameters.data(), of.parameters.size());
  start.from = kept;
  slot.position = kept.imageOffset;
  cx::Status status = decoder.start(start, slot, slot);
  if (status != cx::Status::ok) return status == cx::Status::again ? cx::Status::io : status;
  size_t at = kept.payloadOffset;
  unsigned idle = 0;
  const uint32_t pieceMax = random.below(4) == 0 ? 3 : 1500;
  while (at < of.payload.size()) {
    if (mayCut && random.below(20) == 0) {
      // What was put since the last 4096 is lost.
      const size_t durable = slot.image.size() & ~size_t{4095};
      slot.image.resize(durable > kept.imageOffset ? durable : slot.image.size() < kept.imageOffset ? slot.image.size() : kept.imageOffset);
      return cx::Status::again;
    }
    size_t size = 1 + random.below(pieceMax);
    if (size > of.payload.size() - at) size = of.payload.size() - at;
    // A copy of the exact size, so that the sanitizer sees a read behind it.
    const Bytes piece(of.payload.begin() + static_cast<long>(at), of.payload.begin() + static_cast<long>(at + size));
    size_t taken = 0;
    slot.putInTurn = 0;
    status = decoder.feed(cx::ByteSpan(piece.data(), piece.size()), taken);
    if (taken > size || slot.putInTurn > 4096) broken("takes or puts too much in one turn", of.number);
    if (status != cx::Status::ok) return status == cx::Status::again ? cx::Status::io : status;
    // A chain may be busy between its decoders for a turn.
    idle = taken == 0 && slot.putInTurn == 0 ? idle + 1 : 0;
    if (idle > 1) broken("takes nothing and puts nothing", of.number);
    at += taken;
    moved += static_cast<uint32_t>(taken);
    cx::PayloadCheckpoint now;
    if (decoder.checkpoint(now)) {
      if (now.imageOffset > slot.position || now.payloadOffset > at) broken("a checkpoint ahead of what was put", of.number);
      if (now.imageOffset <= (slot.image.size() & ~size_t{4095})) kept = now;
    }
  }
  for (;;) {
    slot.putInTurn = 0;
    status = decoder.finish();
    if (slot.putInTurn > 4096) broken("puts too much at the end", of.number);
    if (status != cx::Status::again) return status;
    idle = slot.putInTurn == 0 ? idle + 1 : 0;
    if (idle > 1) broken("waits for nothing", of.number);
  }
}

void run(const Case& of) {
  Random random{of.seed * 0x9E3779B97F4A7C15ULL + 1};
  Slot whole(of);
  cx::PayloadCheckpoint none;
  uint32_t moved = 0;
  const cx::Status status = cycle(of, whole, random, none, false, moved);
  Slot cut(of);
  cx::PayloadCheckpoint kept;
  uint32_t resumes = 0;
  moved = 0;
  cx::Status last = cx::Status::again;
  while (last == cx::Status::again) {
    last = cycle(of, cut, random, kept, resumes < 12, moved);
    if (last == cx::Status::again) resumes++;
  }
  // A tag is judged only where nothing was left out.
  const bool isTagUnknown = of.kind >= 2 && resumes > 0;
  if (!isTagUnknown && (last == cx::Status::ok) != (status == cx::Status::ok)) broken("a resume comes to another end", of.number);
  if (status == cx::Status::ok && cut.image != whole.image) broken("a resume makes another image", of.number);
  std::putchar(static_cast<int>(status));
  std::putchar(static_cast<int>(resumes >> 8U));
  std::putchar(static_cast<int>(resumes & 255U));
  writeU32(moved);
  writeU32(static_cast<uint32_t>(whole.image.size()));
  if (!whole.image.empty()) std::fwrite(whole.image.data(), 1, whole.image.size(), stdout);
}

}  // namespace

int main() {
  for (unsigned number = 0;; number++) {
    Case of;
    of.number = number;
    if (!readAll(&of.kind, 1)) return 0;
    if (!readAll(&of.windowBits, 1)) return 2;
    of.seed = readU32();
    of.imageSize = readU32();
    if (!readAll(of.key, sizeof of.key)) return 2;
    of.base = readBytes();
    of.parameters = readBytes();
    of.payload = readBytes();
    run(of);
  }
}
