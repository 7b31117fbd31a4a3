#include "../test_coap_endpoint/coap_fixture.hpp"
#include "coap_download.hpp"
#include "download_sink.hpp"

namespace {

struct CoapDownloadFixture : EndpointFixture {
  uint8_t hold[256];
  CoapDownload download{endpoint, clock, hold};
  CheckingSink sink;
  DownloadRequest request;
  uint64_t imageSize = 700;
  std::string_view etag = "E1";
  int asked = 0;

  CoapDownloadFixture() {
    request.to = manager;
    request.host = "192.0.2.1";
    request.path = "/artifacts/ab12";
    request.query = "ep=n1&attempt=a-1";
    request.expectedSize = 700;
  }
  void start() {
    CHECK_EQ(download.start(request, sink), Status::ok);
    turn();
  }
  void turn() {
    download.poll();
    poll();
  }
  // Serves one block as a manager does; false: nothing was asked.
  bool serve(uint8_t szxMax = 6) {
    if (!take()) return false;
    asked++;
    CHECK(pathEquals(message.options, "artifacts/ab12"));
    std::string_view value;
    CHECK(findQuery(message.options, "attempt", value) && value == "a-1");
    coap::Block block;
    bool isValid = false;
    CHECK(findBlockOption(message.options, coap::option::block2, block, isValid) && isValid);
    if (block.szx > szxMax) {
      block.number <<= static_cast<unsigned>(block.szx - szxMax);
      block.szx = szxMax;
    }
    uint8_t bytes[1024];
    const uint64_t offset = block.offset();
    const uint64_t rest = imageSize > offset ? imageSize - offset : 0;
    const size_t size = rest < block.size() ? static_cast<size_t>(rest) : block.size();
    for (size_t i = 0; i < size; i++) bytes[i] = imageByte(offset + i);
    block.isMore = rest > size;
    CoapMessageWriter writer(scratch, Type::acknowledgement, coap::code::content, message.messageId, message.token);
    if (!etag.empty()) writer.putTextOption(coap::option::etag, etag);
    writer.putBlockOption(coap::option::block2, block);
    if (block.number == 0) writer.putUintOption(coap::option::size2, static_cast<uint32_t>(imageSize));
    writer.putPayload(ByteSpan(bytes, size));
    receive(writer, manager);
    turn();
    return true;
  }
};

}  // namespace

TEST("an image arrives block by block, in order, its size and entity tag known at the start") {
  CoapDownloadFixture f;
  f.start();
  CHECK_EQ(f.download.start(f.request, f.sink), Status::busy);
  while (f.serve()) {
  }
  CHECK(f.sink.endedWith(Status::ok, 0, false));
  CHECK(f.sink.next == 700 && f.sink.total == 700 && f.sink.starts == 1);
  CHECK(asText(f.sink.validator.view()) == "E1");
  CHECK_EQ(f.asked, 3);
  CHECK(!f.download.isRunning());
}

TEST("it resumes at any byte without giving one twice, also when nothing is left") {
  for (const uint64_t offset : {1U, 255U, 256U, 300U, 512U, 699U, 700U}) {
    CoapDownloadFixture f;
    f.request.offset = offset;
    f.request.validator = asBytes("E1");
    f.start();
    while (f.serve()) {
    }
    CHECK(f.sink.endedWith(Status::ok, 0, false));
    CHECK_EQ(f.sink.next, offset == 700 ? 0U : 700U);
    CHECK_EQ(f.asked, static_cast<int>(offset == 700 ? 0 : (700 - offset / 256 * 256 + 255) / 256));
  }
}

TEST("other content than before begins at its first byte, and content that changes on the way ends the try") {
  CoapDownloadFixture f;
  f.request.offset = 512;
  f.request.validator = asBytes("E0");
  f.start();
  CHECK(f.serve());
  CHECK_EQ(f.sink.starts, 0);
  CHECK(f.serve());
  CHECK(f.sink.starts == 1 && f.sink.next == 256);
  f.etag = "E2";
  CHECK(f.serve());
  CHECK(f.sink.endedWith(Status::mismatch, 0, true));
  CHECK(!f.serve());
}

TEST("an image of another size than promised is refused before a byte of it, or when it ends early") {
  CoapDownloadFixture f;
  f.imageSize = 701;
  f.start();
  CHECK(f.serve());
  CHECK(f.sink.endedWith(Status::mismatch, 0, false));
  CHECK_EQ(f.sink.starts, 0);
  CoapDownloadFixture g;
  g.imageSize = 600;
  g.request.offset = 256;  // no Size2 with later blocks
  g.start();
  while (g.serve()) {
  }
  CHECK(g.sink.endedWith(Status::mismatch, 0, false));
  CoapDownloadFixture h;
  h.imageSize = 1000;
  h.request.offset = 512;
  h.start();
  while (h.serve()) {
  }
  CHECK(h.sink.endedWith(Status::mismatch, 0, false));
  CHECK_EQ(h.asked, 1);
  h.request.offset = 701;
  CHECK_EQ(h.download.start(h.request, h.sink), Status::invalid);
}

TEST("a server with smaller blocks is followed") {
  CoapDownloadFixture f;
  f.request.offset = 300;
  f.start();
  while (f.serve(2)) {
  }
  CHECK(f.sink.endedWith(Status::ok, 0, false));
  CHECK(f.asked > 5);
}

TEST("a sink that can't take yet is offered the same bytes later, without asking for them again") {
  CoapDownloadFixture f;
  f.sink.refusals = 3;
  f.start();
  CHECK(f.serve());
  for (int i = 0; i < 3; i++) {
    CHECK(!f.serve());
    CHECK_EQ(f.download.nextDueMs(), f.clock.nowMs + 20);
    f.clock.nowMs += 20;
    f.turn();
  }
  while (f.serve()) {
  }
  CHECK(f.sink.endedWith(Status::ok, 0, false));
  CHECK_EQ(f.asked, 3);
}

TEST("refusals end the attempt, troubles of the server don't, and say when to come back") {
  struct Case {
    uint8_t code;
    Status status;
    uint16_t number;
    bool mayRetry;
  };
  const Case cases[] = {{coap::code::notFound, Status::notFound, 404, false}, {coap::code::unauthorized, Status::refused, 401, false},
                        {coap::code::badRequest, Status::refused, 400, false}, {coap::code::internalServerError, Status::refused, 500, true},
                        {coap::code::tooManyRequests, Status::refused, 429, true}, {coap::code::changed, Status::refused, 204, false}};
  for (const Case& item : cases) {
    CoapDownloadFixture f;
    f.start();
    CHECK(f.take());
    f.answer(item.code);
    CHECK(f.sink.endedWith(item.status, item.number, item.mayRetry));
  }
  CoapDownloadFixture f;
  f.start();
  CHECK(f.take());
  CoapMessageWriter writer(f.scratch, Type::acknowledgement, coap::code::serviceUnavailable, f.message.messageId, f.message.token);
  writer.putUintOption(coap::option::maxAge, 12);
  f.receive(writer, f.manager);
  CHECK(f.sink.endedWith(Status::refused, 503, true));
  CHECK_EQ(f.sink.end.retryAfterMs, 12000U);
}

TEST("a lost server is a time-out to retry; cancel and a failing sink end it at once") {
  CoapDownloadFixture f;
  f.start();
  for (int i = 0; i < 6; i++) f.pass(50000);
  CHECK(f.sink.endedWith(Status::timeout, 0, true));
  CoapDownloadFixture g;
  g.start();
  g.download.cancel();
  CHECK(g.serve());
  CHECK(g.sink.ends == 0 && g.sink.starts == 0);
  CoapDownloadFixture h;
  h.sink.cancelOnBytes = &h.download;
  h.start();
  CHECK(h.serve());
  CHECK(!h.serve());
  CHECK_EQ(h.sink.ends, 0);
  CoapDownloadFixture i;
  i.sink.onBytesSays = Status::io;
  i.start();
  CHECK(i.serve());
  CHECK(i.sink.endedWith(Status::io, 0, false));
  CoapDownloadFixture j;
  j.sink.onStartSays = Status::full;
  j.start();
  CHECK(j.serve());
  CHECK(j.sink.endedWith(Status::full, 0, false));
}

TEST("blocks that aren't the ones asked for end the download") {
  CoapDownloadFixture f;
  f.start();
  CHECK(f.take());
  f.answerBlock(coap::code::content, {1, true, 4}, longText(), "E1");
  CHECK(f.sink.endedWith(Status::malformed, 205, false));
  CoapDownloadFixture g;
  g.request.offset = 256;
  g.start();
  CHECK(g.take());
  g.answer(coap::code::content, "all of it, unasked");
  CHECK(g.sink.endedWith(Status::malformed, 205, false));
  CoapDownloadFixture h;  // larger than asked for
  h.start();
  CHECK(h.take());
  h.answerBlock(coap::code::content, {0, false, 5}, slice(longText(), 0, 300), "E1");
  CHECK(h.sink.endedWith(Status::malformed, 205, false));
  CoapDownloadFixture i;  // a block that says more follow but isn't full
  i.start();
  CHECK(i.take());
  i.answerBlock(coap::code::content, {0, true, 4}, slice(longText(), 0, 200), "E1");
  CHECK(i.sink.endedWith(Status::malformed, 205, false));
}

TEST("a server that knows no blocks may send a small image at once") {
  CoapDownloadFixture f;
  f.request.expectedSize = 5;
  f.start();
  CHECK(f.take());
  uint8_t bytes[5];
  for (size_t i = 0; i < 5; i++) bytes[i] = imageByte(i);
  f.answer(coap::code::content, asText(bytes));
  CHECK(f.sink.endedWith(Status::ok, 0, false));
}

TEST("paths are decoded, and an escape that hides a separator is refused") {
  CoapDownloadFixture f;
  f.request.path = "/%61rtifacts/ab%31%32";
  f.start();
  CHECK(f.serve());
  f.download.cancel();
  f.request.path = "/a%2Fb";
  CHECK_EQ(f.download.start(f.request, f.sink), Status::malformed);
  f.request.path = "/a";
  f.request.query = "a%26b";
  CHECK_EQ(f.download.start(f.request, f.sink), Status::malformed);
  char longPath[200];
  for (char& c : longPath) c = '/';
  f.request.path = std::string_view(longPath, sizeof longPath);
  CHECK_EQ(f.download.start(f.request, f.sink), Status::tooLarge);
}
