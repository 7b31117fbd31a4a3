// Downloads by Q-Block2 (RFC 9177): sets of ten blocks, losses, and servers that don't know it.
#include "../test_coap_endpoint/coap_fixture.hpp"
#include "coap_download.hpp"
#include "download_sink.hpp"

namespace {

struct QDownloadFixture : EndpointFixture {
  uint8_t hold[768];  // three blocks of 256
  CoapDownload download{endpoint, clock, hold};
  CheckingSink sink;
  DownloadRequest request;
  uint64_t imageSize = 256 * 23 + 100;
  std::string_view etag = "E1";
  uint16_t messageId = 7000;
  int requests = 0;
  int sent = 0;
  // What the last request asked for.
  uint32_t asked[qBlockSetMax];
  size_t askedCount = 0;

  QDownloadFixture() {
    request.to = manager;
    request.path = "/artifacts/ab12";
    request.expectedSize = imageSize;
    request.mayQBlock = true;
  }
  void start() {
    CHECK_EQ(download.start(request, sink), Status::ok);
    turn();
  }
  void turn() {
    download.poll();
    poll();
  }
  // Reads a request by Q-Block2; false: there is none.
  bool readRequest() {
    if (!take()) return false;
    requests++;
    CHECK(message.type == Type::nonConfirmable);
    askedCount = 0;
    CoapOptionReader reader(message.options);
    CoapOption option;
    while (reader.next(option)) {
      CHECK(option.number != coap::option::block2);
      if (option.number != coap::option::qBlock2) continue;
      uint32_t value = 0;
      for (const uint8_t byte : option.value) value = value << 8U | byte;
      CHECK((value & 15U) == 4 && askedCount < qBlockSetMax && value >> 4U <= imageSize / 256);
      asked[askedCount++] = value >> 4U;
    }
    return askedCount > 0;
  }
  void sendBlock(uint32_t number) {
    uint8_t bytes[256];
    const uint64_t offset = uint64_t{number} * 256;
    const size_t size = imageSize - offset < 256 ? static_cast<size_t>(imageSize - offset) : 256;
    for (size_t i = 0; i < size; i++) bytes[i] = imageByte(offset + i);
    CoapMessageWriter writer(scratch, Type::nonConfirmable, coap::code::content, messageId++, message.token);
    writer.putTextOption(coap::option::etag, etag);
    writer.putUintOption(coap::option::size2, static_cast<uint32_t>(imageSize));
    writer.putBlockOption(coap::option::qBlock2, {number, offset + size < imageSize, 4});
    writer.putPayload(ByteSpan(bytes, size));
    receive(writer, manager);
    sent++;
  }
  // Answers one request but for the blocks whose number leaves `rest` in `of`.
  bool serve(uint32_t of = 1000, uint32_t rest = 999) {
    if (!readRequest()) return false;
    const CoapMessage question = message;
    FixedBytes<8> token;
    CHECK(isOk(token.assign(question.token)));
    for (size_t i = 0; i < askedCount; i++) {
      message.token = token.view();
      if (asked[i] % of != rest) sendBlock(asked[i]);
    }
    turn();
    return true;
  }
  bool isDone() const { return sink.endedWith(Status::ok, 0, false) && sink.next == imageSize; }
};

}  // namespace

TEST("RFC 9177 4.4: ten blocks are named in each request, and no more than there are") {
  QDownloadFixture f;
  f.start();
  while (f.serve()) {
  }
  CHECK(f.isDone());
  CHECK_EQ(f.requests, 3);
  CHECK_EQ(f.sent, 24);
  CHECK(asText(f.sink.validator.view()) == "E1" && f.sink.total == f.imageSize);
}

TEST("a block that lacks when the last one is there is asked for when it can't be under way any more, and what came early isn't") {
  QDownloadFixture f;
  f.start();
  CHECK(f.serve(10, 7));
  CHECK(f.sink.next == 7 * 256);
  CHECK(f.isSilent());
  f.clock.nowMs += 200;
  f.turn();
  CHECK(f.readRequest());
  CHECK_EQ(f.askedCount, 1U);
  CHECK_EQ(f.asked[0], 7U);
}

TEST("blocks that there was no room for are asked for again, and the image is whole in the end") {
  for (uint32_t lost = 0; lost < 10; lost++) {
    QDownloadFixture f;
    f.start();
    CHECK(f.serve(10, lost));
    for (int turns = 0; turns < 40 && f.sink.ends == 0; turns++) {
      if (!f.serve()) {
        f.clock.nowMs += 4001;
        f.turn();
      }
    }
    CHECK(f.isDone());
  }
}

TEST("silence is met by another request, later each time, and after four of them the try is over") {
  QDownloadFixture f;
  f.start();
  CHECK(f.readRequest());
  for (const uint32_t waitMs : {4000U, 8000U, 16000U, 32000U}) {
    f.clock.nowMs += waitMs - 1;
    f.turn();
    CHECK(f.isSilent());
    f.clock.nowMs += 1;
    f.turn();
    CHECK(f.readRequest());
  }
  f.clock.nowMs += 64000;
  f.turn();
  CHECK(f.sink.endedWith(Status::timeout, 0, true));
  CHECK(!f.download.isRunning() && f.isSilent());
}

TEST("it resumes at any byte, in the middle of a set and of a block") {
  for (const uint64_t offset : {1U, 256U, 300U, 2559U, 2560U, 5887U, 5900U}) {
    QDownloadFixture f;
    f.request.offset = offset;
    f.request.validator = asBytes("E1");
    f.start();
    while (f.serve()) {
    }
    CHECK(f.isDone());
  }
}

TEST("a server that doesn't know Q-Block2 is asked by Block2, and so is one whose answer has no blocks") {
  for (const uint8_t code : {coap::code::badOption, coap::code::unauthorized, coap::code::content}) {
    QDownloadFixture f;
    f.imageSize = f.request.expectedSize = 100;
    f.start();
    CHECK(f.readRequest());
    if (code == coap::code::content) {
      CoapMessageWriter writer(f.scratch, Type::nonConfirmable, code, 1, f.message.token);
      uint8_t bytes[100];
      for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = imageByte(i);
      writer.putTextOption(coap::option::etag, "E1");
      writer.putPayload(bytes);
      f.receive(writer, f.manager);
      CHECK(f.isDone());
      continue;
    }
    f.receive(CoapMessageWriter(f.scratch, Type::nonConfirmable, code, 1, f.message.token), f.manager);
    CHECK(f.take());
    CHECK(f.message.type == Type::confirmable && f.hasBlock(coap::option::block2, 0, false, 4));
  }
}

TEST("a sink that is busy for a while is offered the block again, and the image is whole in the end") {
  QDownloadFixture f;
  f.start();
  for (int turns = 0; turns < 20 && f.sink.ends == 0; turns++) {
    f.sink.refusals = 2;
    (void)f.serve(10, 5);  // so that there is room for the three that follow
    for (int i = 0; i < 3; i++) {
      f.clock.nowMs += 20;
      f.turn();
    }
    if (f.isSilent()) {
      f.clock.nowMs += 4001;
      f.turn();
    }
    while (f.serve()) {
    }
  }
  CHECK(f.isDone());
}

TEST("content that changes between two blocks ends the try, and a sink that is busy is offered the block again") {
  QDownloadFixture f;
  f.start();
  CHECK(f.readRequest());
  FixedBytes<8> token;
  CHECK(isOk(token.assign(f.message.token)));
  f.sink.refusals = 1;
  f.sendBlock(0);
  CHECK_EQ(f.sink.next, 0U);
  f.clock.nowMs += 20;
  f.turn();
  CHECK_EQ(f.sink.next, 256U);
  CHECK(f.isSilent());
  f.etag = "E2";
  f.message.token = token.view();
  f.sendBlock(1);
  CHECK(f.sink.endedWith(Status::mismatch, 0, true));
}

TEST("a download that is cancelled says nothing more, whatever comes late") {
  QDownloadFixture f;
  f.start();
  CHECK(f.readRequest());
  CHECK(f.download.isRunning());
  f.download.cancel();
  CHECK(f.isSilent() && !f.download.isRunning());
  f.sendBlock(0);  // late: nobody waits for it
  CHECK_EQ(f.sink.starts, 0);
}
