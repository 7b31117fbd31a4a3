// Made by test/firmware/vectors.py from test/vectors/coap-message.json. Do not edit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vectors {

struct CoapOptionVector {
  uint16_t number;
  const char* hex;
};
struct CoapVector {
  const char* name;
  const char* hex;
  uint8_t type;
  uint8_t code;
  uint16_t messageId;
  const char* tokenHex;
  const char* payloadHex;
  const CoapOptionVector* options;
  size_t optionCount;
};
struct CoapMalformedVector {
  const char* name;
  const char* hex;
  const char* expect;
};

inline constexpr CoapOptionVector coapOptions0[] = {{11, "74656d7065726174757265"}};
inline constexpr CoapOptionVector coapOptions7[] = {{11, "7265676973746572"}, {12, "3c"}, {15, "6c743d363030"}};
inline constexpr CoapOptionVector coapOptions8[] = {{6, ""}, {11, ""}, {12, ""}};
inline constexpr CoapOptionVector coapOptions9[] = {{12, "01"}, {25, "02"}};
inline constexpr CoapOptionVector coapOptions10[] = {{13, ""}};
inline constexpr CoapOptionVector coapOptions11[] = {{268, "05"}};
inline constexpr CoapOptionVector coapOptions12[] = {{269, "05"}};
inline constexpr CoapOptionVector coapOptions13[] = {{65535, ""}};
inline constexpr CoapOptionVector coapOptions14[] = {{35, "787878787878787878787878"}};
inline constexpr CoapOptionVector coapOptions15[] = {{35, "78787878787878787878787878"}};
inline constexpr CoapOptionVector coapOptions16[] = {{35, "78787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"}};
inline constexpr CoapOptionVector coapOptions17[] = {{35, "7878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"}};
inline constexpr CoapOptionVector coapOptions19[] = {{4, "ffff"}};
inline constexpr CoapOptionVector coapOptions20[] = {{11, "6e6f646573"}, {11, "6e31"}, {11, "6865616c7468"}, {15, "613d31"}, {15, "62"}};
inline constexpr CoapOptionVector coapOptions21[] = {{6, "010203"}, {14, "3c"}, {23, "0e"}};
inline constexpr CoapOptionVector coapOptions22[] = {{27, "0e"}};

inline constexpr CoapVector coapGood[] = {
    {"RFC 7252 figure 16 request: GET /temperature", "40017d34bb74656d7065726174757265", 0, 1, 32052, "", "", coapOptions0, 1},
    {"RFC 7252 figure 16 answer: 2.05 22.3 C", "60457d34ff32322e332043", 2, 69, 32052, "", "32322e332043", nullptr, 0},
    {"ping: empty CON", "40000001", 0, 0, 1, "", "", nullptr, 0},
    {"empty ACK", "6000ffff", 2, 0, 65535, "", "", nullptr, 0},
    {"reset", "7000beef", 3, 0, 48879, "", "", nullptr, 0},
    {"GET with a token of 8 bytes", "480112340102030405060708", 0, 1, 4660, "0102030405060708", "", nullptr, 0},
    {"GET with a token of 1 byte", "5101000000", 1, 1, 0, "00", "", nullptr, 0},
    {"POST /register?lt=600 with CBOR", "4202abcdcafeb87265676973746572113c366c743d363030ffa1016161", 0, 2, 43981, "cafe", "a1016161", coapOptions7, 3},
    {"options with zero length: Observe 0, Content-Format 0, Uri-Path empty", "4101000701605010", 0, 1, 7, "01", "", coapOptions8, 3},
    {"delta 12 and 13: the edge of the one-byte extension", "40010008c101d10002", 0, 1, 8, "", "", coapOptions9, 2},
    {"delta exactly 13", "40010009d000", 0, 1, 9, "", "", coapOptions10, 1},
    {"delta exactly 268", "4001000ad1ff05", 0, 1, 10, "", "", coapOptions11, 1},
    {"delta exactly 269", "4001000be1000005", 0, 1, 11, "", "", coapOptions12, 1},
    {"option number 65535", "4001000ce0fef2", 0, 1, 12, "", "", coapOptions13, 1},
    {"length 12", "4002000ddc16787878787878787878787878", 0, 2, 13, "", "", coapOptions14, 1},
    {"length 13", "4002000edd160078787878787878787878787878", 0, 2, 14, "", "", coapOptions15, 1},
    {"length 268", "4002000fdd16ff78787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878", 0, 2, 15, "", "", coapOptions16, 1},
    {"length 269", "40020010de1600007878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878", 0, 2, 16, "", "", coapOptions17, 1},
    {"a payload of one 0xff byte behind the marker", "5145001142ffff", 1, 69, 17, "42", "ff", nullptr, 0},
    {"an option value that looks like a marker", "4001001242ffffff00", 0, 1, 18, "", "00", coapOptions19, 1},
    {"repeated options: path of three segments, two queries", "40010013b56e6f646573026e31066865616c746843613d310162", 0, 1, 19, "", "", coapOptions20, 5},
    {"notification: 2.05 NON with Observe, Max-Age and Block2", "52450014998863010203813c910eff616263", 1, 69, 20, "9988", "616263", coapOptions21, 3},
    {"2.31 Continue with Block1", "615f001501d10e0e", 2, 95, 21, "01", "", coapOptions22, 1},
    {"5.05 in a CON", "41a5001601", 0, 165, 22, "01", "", nullptr, 0},
    {"an unassigned method 0.31 is no format error", "401f0017", 0, 31, 23, "", "", nullptr, 0},
    {"an unassigned response code 2.30 is no format error", "505e0018", 1, 94, 24, "", "", nullptr, 0},
};

inline constexpr CoapMalformedVector coapMalformed[] = {
    {"no bytes", "", "ignore"},
    {"one byte", "40", "ignore"},
    {"three bytes", "400112", "ignore"},
    {"version 0", "00011234", "ignore"},
    {"version 2", "80011234", "ignore"},
    {"version 3 with a token", "c1011234aa", "ignore"},
    {"token length 9 in a CON", "49011234010203040506070809", "reset"},
    {"token length 15 in a CON", "4f0112340102030405060708090a0b0c0d0e0f", "reset"},
    {"token length 9 in a NON", "59011234010203040506070809", "reject"},
    {"token length 12 in an ACK", "6c4512340102030405060708090a0b0c", "reject"},
    {"token cut off", "4801123401020304050607", "reset"},
    {"token cut off in a NON", "54451234010203", "reject"},
    {"empty CON with a token", "41001234aa", "reset"},
    {"empty CON with an option", "40001234b161", "reset"},
    {"empty CON with a payload", "40001234ff61", "reset"},
    {"empty ACK with bytes behind it", "6000123400", "reject"},
    {"reset with a token", "71001234aa", "reject"},
    {"reset with a code", "70451234", "reject"},
    {"empty NON", "50001234", "reject"},
    {"request in an ACK", "60011234", "reject"},
    {"reserved class 1", "40201234", "reset"},
    {"reserved class 6", "40c01234", "reset"},
    {"reserved class 7", "40e11234", "reset"},
    {"reserved class 7 in a NON", "50e11234", "reject"},
    {"payload marker without payload", "40011234ff", "reset"},
    {"payload marker without payload after an option", "40011234b161ff", "reset"},
    {"payload marker without payload in a NON", "50451234ff", "reject"},
    {"option delta 15 that is no marker", "40011234f161", "reset"},
    {"option length 15", "40011234bf61", "reset"},
    {"option value cut off", "40011234b46162", "reset"},
    {"one-byte delta extension missing", "40011234d0", "reset"},
    {"two-byte delta extension cut", "40011234e001", "reset"},
    {"one-byte length extension missing", "40011234bd", "reset"},
    {"two-byte length extension cut", "40011234be01", "reset"},
    {"length extension larger than what follows", "40011234beffff00", "reset"},
    {"option number above 65535 in one step", "40011234e0ffff", "reset"},
    {"option number above 65535 in two steps", "40011234e0fef210", "reset"},
    {"option cut in an ACK with a response", "60451234c50102", "reject"},
};

}  // namespace vectors
