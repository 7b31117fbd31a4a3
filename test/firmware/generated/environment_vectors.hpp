// Made by test/firmware/vectors.py from test/vectors/environment.json. Do not edit.
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

inline constexpr MessageVector goodEnvironment[] = {
    {"an empty one", "a0", "{}"},
    {"every property", "ab01a701693139322e302e322e31021922b303f50458200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef05626e3106626e3107667365637265740282a20165706c616e74026868756e7465723232a101646f70656e03183c04181e05a20162637802f4061a695661c007694345542d3143455354080309f50a070b01", "{\"mqtt\":{\"host\":\"192.0.2.1\",\"port\":8883,\"tls\":true,\"pin\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"clientId\":\"n1\",\"user\":\"n1\",\"password\":\"secret\"},\"wifi\":[{\"ssid\":\"plant\",\"password\":\"hunter22\"},{\"ssid\":\"open\"}],\"poll\":60,\"report\":30,\"topics\":{\"root\":\"cx\",\"legacy\":false},\"time\":\"2026-01-01T12:00:00Z\",\"tz\":\"CET-1CEST\",\"logLevel\":\"info\",\"keepMqttInMaintenance\":true,\"rev\":7,\"liveness\":\"observe\"}"},
    {"the least a sensor needs", "a301a201693132372e302e302e310219075b03183c05a1016a706c616e742d372f6378", "{\"mqtt\":{\"host\":\"127.0.0.1\",\"port\":1883},\"poll\":60,\"topics\":{\"root\":\"plant-7/cx\"}}"},
};

inline constexpr MessageVector malformedEnvironment[] = {
    {"a broker without a port", "a101a1016168", ""},
    {"a broker on port 0", "a101a20161680200", ""},
    {"a broker on port 65536", "a101a2016168021a00010000", ""},
    {"a host of 129 bytes", "a101a20178816868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868686868680201", ""},
    {"a pin of 20 bytes", "a101a3016168020104540000000000000000000000000000000000000000", ""},
    {"five wireless networks", "a10285a1016161a1016161a1016161a1016161a1016161", ""},
    {"a network without a name", "a10281a1026870617373776f7264", ""},
    {"a poll interval of 0", "a10300", ""},
    {"a poll interval over a day", "a1031a00015181", ""},
    {"topics without a root", "a105a102f5", ""},
    {"an unknown log level", "a10805", ""},
    {"an unknown liveness", "a10b00", ""},
    {"a byte missing", "ab01a701693139322e302e322e31021922b303f50458200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef05626e3106626e3107667365637265740282a20165706c616e74026868756e7465723232a101646f70656e03183c04181e05a20162637802f4061a695661c007694345542d3143455354080309f50a070b", ""},
};

}  // namespace vectors
