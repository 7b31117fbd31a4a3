// Made by test/firmware/vectors.py from test/vectors/node-manifest.json. Do not edit.
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

inline constexpr MessageVector goodNodeManifest[] = {
    {"the smallest manifest", "a1016161", "{\"id\":\"a\"}"},
    {"the manifest of early device code", "a3016c657370383236362d7863393204836474656d706572656c6179646f6c65640565312e322e30", "{\"id\":\"esp8266-xc92\",\"caps\":[\"temp\",\"relay\",\"oled\"],\"version\":\"1.2.0\"}"},
    {"every property", "b6016a65737033322d37663031026c65737033322d73656e736f72036a6134636631323766303104826474656d706868756d69646974790565312e302e300658200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0701081a0010000009f50a65706f7765720ba2015820ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff027073656c662d74657374206661696c65640c0c0d030e782466613662346135332d643561642d356664662d626539642d6536363365346434316666650f782431343932616631342d323536392d356534382d626634322d39623264353166326162343510f4116467772d311281a4016b7373682e736572766963650201036661637469766504021382a4016b74656d7065726174757265026343656c03382704187da4016868756d6964697479026325524803f9380004f956381481a1016572656c617915695ac3bc72696368203116826663616e61727967666c6f6f722d32", "{\"id\":\"esp32-7f01\",\"model\":\"esp32-sensor\",\"hw\":\"a4cf127f01\",\"caps\":[\"temp\",\"humidity\"],\"version\":\"1.0.0\",\"digest\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"slot\":\"a\",\"slotSize\":1048576,\"confirmed\":true,\"bootReason\":\"power\",\"rolledBack\":{\"digest\":\"sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\",\"reason\":\"self-test failed\"},\"lastRev\":12,\"seq\":3,\"vendor\":\"fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe\",\"class\":\"1492af14-2569-5e48-bf42-9b2d51f2ab45\",\"sleepy\":false,\"parent\":\"gw-1\",\"services\":[{\"name\":\"ssh.service\",\"state\":\"running\",\"detail\":\"active\",\"restarts\":2}],\"sensors\":[{\"name\":\"temperature\",\"unit\":\"Cel\",\"min\":-40,\"max\":125},{\"name\":\"humidity\",\"unit\":\"%RH\",\"min\":0.5,\"max\":99.5}],\"actuators\":[{\"name\":\"relay\"}],\"site\":\"Z\u00fcrich 1\",\"tags\":[\"canary\",\"floor-2\"]}"},
    {"a node of 63 characters with empty lists", "a301783f6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e04801680", "{\"id\":\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\",\"caps\":[],\"tags\":[]}"},
};

inline constexpr MessageVector malformedNodeManifest[] = {
    {"no id", "a102616d", ""},
    {"an id of 64 characters", "a10178406e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e", ""},
    {"an id that is a number", "a10107", ""},
    {"a list for a map", "80", ""},
    {"caps that are a text", "a2016161046474656d70", ""},
    {"33 capabilities", "a2016161049821616361636163616361636163616361636163616361636163616361636163616361636163616361636163616361636163616361636163616361636163616361636163", ""},
    {"a capability of 33 bytes", "a201616104817821636363636363636363636363636363636363636363636363636363636363636363", ""},
    {"a site of 25 characters but 50 bytes", "a2016161157832c3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bcc3bc", ""},
    {"a digest of 31 bytes", "a201616106581f00000000000000000000000000000000000000000000000000000000000000", ""},
    {"a digest of 33 bytes", "a2016161065821000000000000000000000000000000000000000000000000000000000000000000", ""},
    {"a third slot", "a20161610703", ""},
    {"slot size over 32 bits", "a2016161081b0000000100000000", ""},
    {"a negative slot size", "a20161610820", ""},
    {"a slot size with a fraction", "a201616108f93e00", ""},
    {"confirmed as a number", "a20161610901", ""},
    {"a roll-back without a digest", "a20161610ba10263776879", ""},
    {"a service without a state", "a20161611281a1016178", ""},
    {"a service in an unknown state", "a20161611281a20161780209", ""},
    {"a sensor's range beyond its bounds", "a20161611381a2016178033a001e8480", ""},
    {"a sensor's range that is NaN", "a20161611381a201617804f97e00", ""},
    {"keys in descending order", "a2026161016162", ""},
    {"a key twice", "a2016161016162", ""},
    {"a key in two bytes", "a118016161", ""},
    {"an indefinite map", "bf016161ff", ""},
    {"a byte missing", "b6016a65737033322d37663031026c65737033322d73656e736f72036a6134636631323766303104826474656d706868756d69646974790565312e302e300658200123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0701081a0010000009f50a65706f7765720ba2015820ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff027073656c662d74657374206661696c65640c0c0d030e782466613662346135332d643561642d356664662d626539642d6536363365346434316666650f782431343932616631342d323536392d356534382d626634322d39623264353166326162343510f4116467772d311281a4016b7373682e736572766963650201036661637469766504021382a4016b74656d7065726174757265026343656c03382704187da4016868756d6964697479026325524803f9380004f956381481a1016572656c617915695ac3bc72696368203116826663616e61727967666c6f6f722d", ""},
    {"a byte too many", "a3016c657370383236362d7863393204836474656d706572656c6179646f6c65640565312e322e3000", ""},
    {"bad UTF-8", "a1016180", ""},
    {"a tag", "a101c06161", ""},
    {"nesting of 9", "a20161611863818181818181818100", ""},
    {"nothing", "", ""},
};

}  // namespace vectors
