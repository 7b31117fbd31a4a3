#include "../fake_clock.hpp"
#include "../fake_tcp.hpp"
#include "download_sink.hpp"
#include "http_download.hpp"

using namespace cx;

namespace {

struct HttpFixture {
  FakeClock clock;
  FakeTcp tcp;
  uint8_t buffer[640];
  HttpDownload download{tcp, clock, buffer};
  CheckingSink sink;
  DownloadRequest request;

  HttpFixture() {
    request.to.family = 4;
    request.to.port = 8683;
    request.host = "127.0.0.1";
    request.path = "/artifacts/ab12";
    request.query = "node=n1&attempt=a-1";
    request.expectedSize = 1000;
  }
  void start() {
    CHECK_EQ(download.start(request, sink), Status::ok);
    turns(20);
  }
  void turns(int count) {
    for (int i = 0; i < count; i++) download.poll();
  }
  void sendBody(uint64_t from, uint64_t to) {
    for (uint64_t at = from; at < to; at++) {
      const uint8_t byte = imageByte(at);
      tcp.send(ByteSpan(&byte, 1));
    }
  }
  void whole() {
    tcp.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: \"x1\"\r\n\r\n");
    sendBody(0, 1000);
  }
};

}  // namespace

TEST("a whole image is asked for without a range and delivered as it comes") {
  HttpFixture f;
  f.start();
  CHECK(f.tcp.wrote() ==
        "GET /artifacts/ab12?node=n1&attempt=a-1 HTTP/1.1\r\nHost: 127.0.0.1:8683\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n");
  CHECK_EQ(f.download.start(f.request, f.sink), Status::busy);
  f.whole();
  f.turns(10);
  CHECK(f.sink.endedWith(Status::ok, 200, false));
  CHECK(f.sink.next == 1000 && f.sink.total == 1000);
  CHECK(asText(f.sink.validator.view()) == "\"x1\"");
  CHECK(f.tcp.closes == 1 && !f.download.isRunning());
}

TEST("one byte at a time, with pauses, gives the same") {
  HttpFixture f;
  f.tcp.writeStep = 1;
  f.tcp.readStep = 1;
  f.tcp.isStuttering = true;
  CHECK_EQ(f.download.start(f.request, f.sink), Status::ok);
  f.turns(400);
  f.whole();
  f.turns(4000);
  CHECK(f.sink.endedWith(Status::ok, 200, false));
}

TEST("a rest is asked for by range, guarded by the entity tag") {
  HttpFixture f;
  f.request.offset = 400;
  f.request.validator = asBytes("\"x1\"");
  f.start();
  CHECK(f.tcp.wrote().find("\r\nRange: bytes=400-\r\nIf-Range: \"x1\"\r\n") != std::string_view::npos);
  f.tcp.send("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 400-999/1000\r\nContent-Length: 600\r\n\r\n");
  f.sendBody(400, 1000);
  f.turns(10);
  CHECK(f.sink.endedWith(Status::ok, 206, false));
  CHECK(f.sink.starts == 1 && f.sink.next == 1000);
}

TEST("a range answered with the whole begins at its first byte, and one that is complete asks nothing") {
  HttpFixture f;
  f.request.offset = 400;
  f.start();
  CHECK(f.tcp.wrote().find("If-Range") == std::string_view::npos);
  f.whole();
  f.turns(10);
  CHECK(f.sink.endedWith(Status::ok, 200, false));
  HttpFixture g;
  g.request.offset = 1000;
  g.start();
  CHECK(g.sink.endedWith(Status::ok, 0, false));
  CHECK_EQ(g.tcp.connects, 0);
}

TEST("answers that don't fit the question are refused before a byte is taken") {
  struct Case {
    const char* head;
    Status status;
    uint16_t code;
    bool mayRetry;
  };
  const Case cases[] = {
      {"HTTP/1.1 206 P\r\nContent-Range: bytes 399-999/1000\r\n\r\n", Status::malformed, 206, false},
      {"HTTP/1.1 206 P\r\nContent-Range: bytes 400-998/1000\r\n\r\n", Status::malformed, 206, false},
      {"HTTP/1.1 206 P\r\nContent-Range: bytes 400-999/1000\r\nContent-Length: 599\r\n\r\n", Status::malformed, 206, false},
      {"HTTP/1.1 206 P\r\nContent-Range: bytes 400-1000/1001\r\n\r\n", Status::mismatch, 206, false},
      {"HTTP/1.1 206 P\r\nContent-Range: bytes 400-1000/1000\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 206 P\r\nContent-Range: bytes 999-400/1000\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 206 P\r\nContent-Range: items 400-999/1000\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 206 P\r\n\r\n", Status::malformed, 206, false},
      {"HTTP/1.1 206 P\r\nContent-Type: multipart/byteranges; boundary=x\r\n\r\n", Status::malformed, 206, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", Status::mismatch, 200, false},
      {"HTTP/1.1 200 OK\r\n\r\n", Status::unsupported, 200, false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Status::unsupported, 0, false},
      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", Status::unsupported, 0, false},
      {"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", Status::refused, 302, false},
      {"HTTP/1.1 401 No\r\n\r\n", Status::refused, 401, false},
      {"HTTP/1.1 403 No\r\n\r\n", Status::refused, 403, false},
      {"HTTP/1.1 404 No\r\n\r\n", Status::notFound, 404, false},
      {"HTTP/1.1 416 No\r\nContent-Range: bytes */300\r\n\r\n", Status::mismatch, 416, false},
      {"HTTP/1.1 429 No\r\n\r\n", Status::refused, 429, true},
      {"HTTP/1.1 500 Oh\r\n\r\n", Status::refused, 500, true},
      {"HTTP/2 200\r\n\r\n", Status::unsupported, 0, false},
      {"SSH-2.0-OpenSSH\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Status::malformed, 0, false},
      {"HTTP/1.1 200 OK\r\nA: \rb\r\n\r\n", Status::malformed, 0, false},
  };
  for (const Case& item : cases) {
    HttpFixture f;
    f.request.offset = 400;
    f.start();
    f.tcp.send(item.head);
    f.turns(10);
    CHECK(f.sink.endedWith(item.status, item.code, item.mayRetry));
    CHECK_EQ(f.sink.starts, 0);
    CHECK(!f.tcp.isOpen);
  }
}

TEST("a connection that is cut, reset or silent may be tried again from where it was") {
  for (size_t cut = 0; cut < 1000; cut += 97) {
    HttpFixture f;
    f.start();
    f.tcp.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    f.sendBody(0, cut);
    f.tcp.isPeerClosed = true;
    f.turns(10);
    CHECK(f.sink.endedWith(Status::closed, 200, true));
    CHECK_EQ(f.sink.next, cut);
  }
  HttpFixture f;
  f.start();
  f.tcp.send("HTTP/1.1 200");
  f.turns(3);
  f.tcp.isReset = true;
  f.turns(3);
  CHECK(f.sink.endedWith(Status::reset, 0, true));
  HttpFixture g;
  g.start();
  g.tcp.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nA");
  g.turns(3);
  CHECK_EQ(g.download.nextDueMs(), g.clock.nowMs + 20000);
  g.clock.nowMs += 19999;
  g.turns(1);
  CHECK_EQ(g.sink.ends, 0);
  g.clock.nowMs += 1;
  g.turns(1);
  CHECK(g.sink.endedWith(Status::timeout, 200, true));
}

TEST("a server that isn't there, or never answers, may be tried again") {
  HttpFixture f;
  f.tcp.onConnect = FakeTcp::Connect::refuse;
  f.start();
  CHECK(f.sink.endedWith(Status::unreachable, 0, true));
  HttpFixture g;
  g.tcp.onConnect = FakeTcp::Connect::later;
  g.start();
  CHECK_EQ(g.sink.ends, 0);
  g.clock.nowMs += 10000;
  g.turns(1);
  CHECK(g.sink.endedWith(Status::timeout, 0, true));
  HttpFixture h;
  h.tcp.writeStep = 0;
  h.start();
  h.clock.nowMs += 20000;
  h.turns(1);
  CHECK(h.sink.endedWith(Status::timeout, 0, true));
}

TEST("the wish to come back later is told, and bytes behind the body are left alone") {
  HttpFixture f;
  f.start();
  f.tcp.send("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n");
  f.turns(5);
  CHECK(f.sink.endedWith(Status::refused, 503, true));
  CHECK_EQ(f.sink.end.retryAfterMs, 7000U);
  HttpFixture g;
  g.start();
  g.whole();
  g.tcp.send("trailing rubbish");
  g.turns(10);
  CHECK(g.sink.endedWith(Status::ok, 200, false));
}

TEST("a slow sink holds the stream back without a stall, and a failing one ends it") {
  HttpFixture f;
  f.sink.refusals = 3;
  f.start();
  f.whole();
  for (int i = 0; i < 3; i++) {
    f.turns(5);
    CHECK_EQ(f.sink.ends, 0);
    f.clock.nowMs += 15000;
  }
  f.turns(10);
  CHECK(f.sink.endedWith(Status::ok, 200, false));
  HttpFixture g;
  g.sink.onBytesSays = Status::full;
  g.start();
  g.whole();
  g.turns(10);
  CHECK(g.sink.endedWith(Status::full, 200, false));
  HttpFixture h;
  h.sink.cancelOnBytes = &h.download;
  h.start();
  h.whole();
  h.turns(10);
  CHECK(h.sink.ends == 0 && !h.tcp.isOpen && h.sink.next > 0 && h.sink.next < 1000);
}

TEST("the time in which the sink didn't take isn't held against the server") {
  HttpFixture f;
  f.sink.refusals = 3;
  f.start();
  f.tcp.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  f.sendBody(0, 10);
  for (int i = 0; i < 3; i++) {
    f.turns(2);
    f.clock.nowMs += 15000;
  }
  f.turns(5);
  CHECK(f.sink.next == 10 && f.sink.ends == 0);
  f.sendBody(10, 1000);
  f.turns(10);
  CHECK(f.sink.endedWith(Status::ok, 200, false));
}

TEST("interim answers are passed over, lone line feeds and odd fields accepted, weak tags not kept") {
  HttpFixture f;
  f.start();
  f.tcp.send("HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.0 200\ncontent-length:1000\nETag: W/\"x1\"\nX-Empty:\n\n");
  f.sendBody(0, 1000);
  f.turns(10);
  CHECK(f.sink.endedWith(Status::ok, 200, false));
  CHECK(f.sink.validator.empty());
}

TEST("a head without end is too large, as a line or as a whole") {
  HttpFixture f;
  f.start();
  f.tcp.send("HTTP/1.1 200 OK\r\nX: ");
  for (int i = 0; i < 300; i++) f.tcp.send("y");
  f.turns(10);
  CHECK(f.sink.endedWith(Status::tooLarge, 0, false));
  HttpFixture g;
  g.start();
  for (int i = 0; i < 600; i++) {
    g.tcp.send(i == 0 ? "HTTP/1.1 200 OK\r\n" : "X: 123456\r\n");
    g.turns(2);
  }
  CHECK(g.sink.endedWith(Status::tooLarge, 0, false));
}

TEST("requests that would write headers of their own, or don't fit, are refused") {
  HttpFixture f;
  for (const char* path : {"", "artifacts", "/a b", "/a\r\nX: y"}) {
    f.request.path = path;
    CHECK_EQ(f.download.start(f.request, f.sink), Status::invalid);
  }
  f.request.path = "/a";
  f.request.host = "h\r\n";
  CHECK_EQ(f.download.start(f.request, f.sink), Status::invalid);
  f.request.host = "h";
  static char longPath[700];
  for (char& c : longPath) c = '/';
  f.request.path = std::string_view(longPath, sizeof longPath);
  CHECK_EQ(f.download.start(f.request, f.sink), Status::tooLarge);
  CHECK_EQ(f.tcp.connects, 0);
}

TEST("random answers end in bounds") {
  SeededRandom random(11);
  static constexpr char alphabet[] = "HTTP/1.1 20026\r\n\r\nContent-Length: Range bytes -*\"";
  for (int i = 0; i < 3000; i++) {
    HttpFixture f;
    f.sink.onStartSays = Status::cancelled;
    f.start();
    char text[60];
    const size_t size = random.below(sizeof text);
    for (size_t at = 0; at < size; at++) text[at] = alphabet[random.below(sizeof alphabet - 1)];
    if (random.below(2) == 0) f.tcp.send("HTTP/1.1 206 OK\r\nContent-");
    f.tcp.send(std::string_view(text, size));
    f.tcp.isPeerClosed = true;
    f.turns(5);
    CHECK_EQ(f.sink.ends, 1);
    CHECK(f.sink.end.status != Status::ok);
  }
}
