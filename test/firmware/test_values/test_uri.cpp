#include "check.hpp"
#include "uri.hpp"

using namespace cx;

TEST("URIs are taken apart, with the scheme's own port by default") {
  const Expected<Uri> coap = parseUri("coap://127.0.0.1/artifacts/ab?ep=n1&attempt=a-1");
  CHECK(coap.status() == Status::ok);
  CHECK(coap->scheme == UriScheme::coap);
  CHECK(coap->host == "127.0.0.1");
  CHECK_EQ(coap->port, 5683);
  CHECK(coap->path == "/artifacts/ab");
  CHECK(coap->query == "ep=n1&attempt=a-1");

  const Expected<Uri> http = parseUri("HTTP://example.org:8683?x");
  CHECK(http->scheme == UriScheme::http);
  CHECK_EQ(http->port, 8683);
  CHECK(http->path == "/");
  CHECK(http->query == "x");

  const Expected<Uri> six = parseUri("coaps://[2001:db8::1]:61616/x");
  CHECK(six->host == "2001:db8::1");
  CHECK(six->isIpv6Literal);
  CHECK_EQ(six->port, 61616);
  CHECK_EQ(parseUri("https://a.example")->port, 443);
  CHECK_EQ(parseUri("coaps://a.example:")->port, 5684);
}

TEST("URIs that could mean something else are refused") {
  for (const char* text : {"", "coap", "coap:", "coap:/a", "://h", "coap://", "coap:///x", "coap://h:0/", "coap://h:65536/", "coap://h:1x/",
                           "coap://u@h/", "coap://h/#f", "coap://h/a b", "coap://h/%4", "coap://h/%zz", "coap://[::1", "coap://[]/",
                           "coap://[::1]x/", "coap://[zz]/", "coap://h/\x01", "coap://h/\xC3\xA9", "coap://h\\x/"}) {
    CHECK(parseUri(text).status() == Status::malformed);
  }
  CHECK(parseUri("ftp://h/").status() == Status::unsupported);
  char longUri[300];
  for (char& c : longUri) c = 'a';
  CHECK(parseUri(std::string_view(longUri, sizeof longUri)).status() == Status::tooLarge);
  std::memcpy(longUri, "http://", 7);
  CHECK(parseUri(std::string_view(longUri, 7 + 64)).status() == Status::tooLarge);
  CHECK(parseUri(std::string_view(longUri, 7 + 63)).status() == Status::ok);
}

TEST("percent escapes are decoded within bounds") {
  char out[4];
  CHECK(decodePercent("a%2Fb", out, sizeof out)->compare("a/b") == 0);
  CHECK(decodePercent("abcde", out, sizeof out).status() == Status::full);
  CHECK(decodePercent("%2", out, sizeof out).status() == Status::malformed);
  CHECK(decodePercent("%g0", out, sizeof out).status() == Status::malformed);
}
