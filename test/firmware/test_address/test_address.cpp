// Addresses as text: what RFC 5952 wants written, and what isn't an address at all.
#include <cstring>
#include <initializer_list>

#include "check.hpp"
#include "hal/address.hpp"

using cx::hal::Address;
using cx::hal::addressTextMax;
using cx::hal::formatAddress;
using cx::hal::parseAddress;

namespace {

bool reads(const char* text, const char* written) {
  Address address;
  char out[addressTextMax];
  if (!parseAddress(text, 5683, address)) return false;
  formatAddress(address, out, sizeof out);
  return std::strcmp(out, written) == 0;
}

bool refuses(const char* text) {
  Address address;
  address.port = 1;
  return !parseAddress(text, 5683, address) && address.port == 1 && !address.isSet();
}

}  // namespace

TEST("text that is no address is refused and leaves the result alone") {
  for (const char* text : {"", ":", ":1", "1:", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", " 1.2.3.4", "1.2.3.4 ",
                           "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "12345::", "::g", "[::1]", "::1.2.3.256"}) {
    CHECK(refuses(text));
  }
}

TEST("IPv4 and IPv6 are written as RFC 5952 says") {
  CHECK(reads("127.0.0.1", "127.0.0.1:5683"));
  CHECK(reads("::", "[::]:5683"));
  CHECK(reads("::1", "[::1]:5683"));
  CHECK(reads("FF02::FD", "[ff02::fd]:5683"));
  CHECK(reads("2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:5683"));
  CHECK(reads("1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:5683"));
  CHECK(reads("::ffff:1.2.3.4", "[::ffff:102:304]:5683"));
}

TEST("loopback and multicast are known in both families") {
  Address address;
  CHECK(parseAddress("127.9.9.9", 1, address) && address.isLoopback() && !address.isMulticast());
  CHECK(parseAddress("::1", 1, address) && address.isLoopback());
  CHECK(parseAddress("224.0.1.187", 1, address) && address.isMulticast() && !address.isLoopback());
  CHECK(parseAddress("ff02::fd", 1, address) && address.isMulticast());
}

TEST("equality is family, address and port, not the interface") {
  Address a, b;
  CHECK(parseAddress("fe80::1", 5, a) && parseAddress("fe80::1", 5, b));
  b.interface = 7;
  CHECK(a == b);
  b.port = 6;
  CHECK(a != b);
}

TEST("a short buffer cuts the text and still ends it") {
  Address address;
  char out[5] = "????";
  CHECK(parseAddress("127.0.0.1", 5683, address));
  CHECK_EQ(formatAddress(address, out, sizeof out), 4u);
  CHECK(std::strcmp(out, "127.") == 0);
}
