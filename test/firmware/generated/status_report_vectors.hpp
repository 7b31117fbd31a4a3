// Made by test/firmware/vectors.py from test/vectors/status-report.json. Do not edit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vectors {

#ifndef CX_MESSAGE_VECTOR
#define CX_MESSAGE_VECTOR
struct MessageVector {
  const char* name;
  const char* hex;
  const char* json;  // empty: none
};
#endif

inline constexpr MessageVector goodStatusReport[] = {
    {"nothing to say", "a0", "{}"},
    {"the health of early device code", "a501010df94e600efb404699999999999a0ffb404699999999999a171a6592a940", "{\"status\":\"healthy\",\"cpuPercent\":25.5,\"memoryPercent\":45.2,\"temperature\":45.2,\"timestamp\":\"2024-01-01T12:00:00Z\"}"},
    {"a sensor node's report", "b700a3010c0202036664696765737401010203031a0001e2400465706f77657205030665312e302e300758200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef080209f50a199c400b1975300c1904b00df94e600efb404699999999999a0ff9c72010383c111858120113021400150c171a695661c0", "{\"result\":{\"rev\":12,\"outcome\":\"failed\",\"reason\":\"digest\"},\"status\":\"healthy\",\"phase\":\"operational\",\"uptime\":123456,\"resetReason\":\"power\",\"bootCount\":3,\"version\":\"1.0.0\",\"digest\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"slot\":\"b\",\"confirmed\":true,\"freeHeap\":40000,\"minFreeHeap\":30000,\"stackHighWater\":1200,\"cpuPercent\":25.5,\"memoryPercent\":45.2,\"temperature\":-7.125,\"rssi\":-61,\"battery\":88,\"mqttReconnects\":1,\"coapRetransmits\":2,\"sensorErrors\":0,\"lastRev\":12,\"timestamp\":\"2026-01-01T12:00:00Z\"}"},
    {"the report of a Linux node with services", "a701020204031affffffff0dfb3fb999999999999a0e18641682a20161610201a3016162020303666578697420311818676c696e75782d31", "{\"status\":\"degraded\",\"phase\":\"maintenance\",\"uptime\":4294967295,\"cpuPercent\":0.1,\"memoryPercent\":100,\"services\":[{\"name\":\"a\",\"state\":\"running\"},{\"name\":\"b\",\"state\":\"failed\",\"detail\":\"exit 1\"}],\"id\":\"linux-1\"}"},
};

inline constexpr MessageVector malformedStatusReport[] = {
    {"an unknown health", "a10104", ""},
    {"an unknown phase", "a10200", ""},
    {"uptime as text", "a103623630", ""},
    {"uptime below zero", "a10320", ""},
    {"uptime over 32 bits", "a1031b0000000100000000", ""},
    {"uptime over 53 bits", "a1031bffffffffffffffff", ""},
    {"load over 100", "a10dfb40590010624dd2f2", ""},
    {"load below 0", "a10df9b800", ""},
    {"an infinite temperature", "a10ff97c00", ""},
    {"a temperature that is no number", "a10f63686f74", ""},
    {"a temperature in more bits than it needs", "a10ffb3ff8000000000000", ""},
    {"a signal beyond its range", "a11015", ""},
    {"a result without outcome", "a100a10105", ""},
    {"a result that is a list", "a100820501", ""},
    {"a reason of 97 bytes", "a100a30105020203786172727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272", ""},
    {"17 services", "a11691a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201a20161610201", ""},
    {"a time below zero", "a11720", ""},
    {"a time after the year 9999", "a1171b0000003afff44180", ""},
    {"a byte missing", "b700a3010c0202036664696765737401010203031a0001e2400465706f77657205030665312e302e300758200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef080209f50a199c400b1975300c1904b00df94e600efb404699999999999a0ff9c72010383c111858120113021400150c171a695661", ""},
};

}  // namespace vectors
