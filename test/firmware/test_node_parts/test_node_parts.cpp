// The small parts of the node: log ring, display, back-off, moments as text. Runs on emulated chips as well.
#include <cstring>
#include <initializer_list>

#include "check.hpp"
#include "display_screen.hpp"
#include "fake_clock.hpp"
#include "log_ring.hpp"
#include "node_backoff.hpp"
#include "node_wire.hpp"

using namespace cx;

namespace {

class Glass final : public hal::Display {
 public:
  bool isThere = true;
  int pictures = 0;
  char words[screenLines][40] = {};
  bool initialise() override { return isThere; }
  uint16_t width() override { return 32; }
  uint16_t height() override { return 16; }
  void show(const uint8_t*, uint32_t size) override {
    if (size == 64) ++pictures;
  }
  void text(uint8_t line, const char* text) override {
    if (line < screenLines) std::strncpy(words[line], text, 39);
  }
};

bool holds(const LogRing& ring, std::string_view text) {
  uint8_t out[64];
  const size_t size = ring.read(0, out);
  return asText(ByteSpan(out, size)) == text;
}

bool isInstant(std::string_view text, int64_t ms) {
  const Expected<int64_t> parsed = parseInstant(text);
  return parsed.hasValue() && *parsed == ms;
}

}  // namespace

TEST("a line longer than the whole ring is dropped and what was there stays") {
  uint8_t memory[16];
  LogRing ring(memory);
  ring.append("abc");
  ring.append("a line that is far too long");
  CHECK(holds(ring, "abc\n"));
}

TEST("a full ring forgets whole lines, the oldest first") {
  uint8_t memory[16];
  LogRing ring(memory);
  for (const char* line : {"first", "second", "third"}) ring.append(line);
  CHECK(holds(ring, "second\nthird\n"));
  CHECK_EQ(ring.lines(), 3u);
  uint8_t out[4];
  CHECK_EQ(ring.read(7, out), 4u);
  CHECK(asText(ByteSpan(out, 4)) == "thir");
  CHECK_EQ(ring.read(13, out), 0u);
}

TEST("without a display, or with one that doesn't answer, nothing is drawn and nothing fails") {
  uint8_t frame[64];
  Screen none(nullptr, frame);
  CHECK(!none.begin());
  none.line(0, "words");
  none.flush();
  Glass glass;
  glass.isThere = false;
  Screen dead(&glass, frame);
  CHECK(!dead.begin());
  dead.line(0, "words");
  dead.flush();
  CHECK_EQ(glass.pictures, 0);
}

TEST("only a change reaches the glass, and freezing shows its words alone") {
  uint8_t frame[64];
  Glass glass;
  Screen screen(&glass, frame);
  CHECK(screen.begin());
  screen.line(0, "21.5 C");
  screen.line(1, "online");
  screen.flush();
  CHECK_EQ(glass.pictures, 1);
  screen.line(0, "21.5 C");
  screen.flush();
  CHECK_EQ(glass.pictures, 1);
  screen.freeze("Updating...");
  screen.line(1, "22.0 C");
  screen.flush();
  CHECK(std::strcmp(glass.words[0], "Updating...") == 0 && glass.words[1][0] == '\0');
  screen.thaw();
  screen.line(1, "22.0 C");
  screen.flush();
  CHECK(std::strcmp(glass.words[1], "22.0 C") == 0);
}

TEST("a glyph lies in the framebuffer as drawn, column by column, the lowest bit on top") {
  uint8_t frame[64];
  Glass glass;
  Screen screen(&glass, frame);
  CHECK(screen.begin());
  screen.line(0, "L");
  screen.flush();
  CHECK_EQ(frame[0], 0x1F);
  CHECK_EQ(frame[1], 0x10);
  CHECK_EQ(frame[2], 0x10);
  CHECK_EQ(frame[3], 0x00);
  CHECK_EQ(glyphOf('\x01'), 0x7FFF);
  CHECK_EQ(glyphOf(' '), 0);
}

TEST("a frame buffer too small for the glass leaves the words") {
  uint8_t frame[8];
  Glass glass;
  Screen screen(&glass, frame);
  CHECK(screen.begin());
  screen.line(0, "words");
  screen.flush();
  CHECK_EQ(glass.pictures, 0);
  CHECK(std::strcmp(glass.words[0], "words") == 0);
}

TEST("back-off doubles up to its cap, between a half and the whole") {
  FakeEntropy entropy(3);
  Backoff backoff(1000, 20000);
  uint32_t full = 1000;
  for (int i = 0; i < 40; ++i) {
    const uint32_t delay = backoff.next(entropy);
    CHECK(delay >= full / 2 && delay <= full);
    full = full * 2 < 20000 ? full * 2 : 20000;
  }
  backoff.reset();
  CHECK(backoff.next(entropy) <= 1000);
}

TEST("text that is no moment is refused") {
  for (const char* text : {"", "2026", "2026-11-21", "2026-11-21T09:00:00", "2026-13-21T09:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21 09:00:00Z",
                           "2026-11-21T09:00:00+1", "2026-11-21T09:00:0xZ"}) {
    CHECK(!parseInstant(text).hasValue());
  }
}

TEST("moments are read with their offset and written in UTC") {
  CHECK(isInstant("1970-01-01T00:00:00Z", 0));
  CHECK(isInstant("2000-02-29T12:00:00.25Z", 951825600250));
  CHECK(isInstant("2026-11-21T11:00:00+02:00", 1795251600000));
  FixedText<24> text;
  formatInstant(1795251600000, text);
  CHECK(text.view() == "2026-11-21T09:00:00Z");
  formatInstant(951825600250, text);
  CHECK(text.view() == "2000-02-29T12:00:00.250Z");
}
