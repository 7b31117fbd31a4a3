// Made by test/firmware/vectors.py from test/vectors/oscore.json. Do not edit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vectors {

struct OscoreKeysVector {
  const char* name;
  const char* secretHex;
  const char* saltHex;
  const char* senderIdHex;
  const char* recipientIdHex;
  const char* idContextHex;
  const char* senderKeyHex;
  const char* recipientKeyHex;
  const char* commonIvHex;
};
struct OscoreMessageVector {
  const char* name;
  size_t sender;  // of oscoreKeys
  size_t receiver;
  int64_t requestSequence;
  int64_t sequence;  // of an answer; -1: the request's nonce
  const char* plainHex;
  const char* protectedHex;
};
struct OscoreOptionVector {
  const char* name;
  const char* hex;
  const char* pivHex;  // empty: none
  const char* kidHex;  // null: none
  const char* kidContextHex;
};
struct OscoreMalformedVector {
  const char* name;
  const char* hex;
};
struct OscoreForgedVector {
  const char* name;
  size_t server;
  uint8_t code;
  const char* hex;
};
struct OscoreUnverifiedVector {
  const char* name;
  size_t client;
  int64_t requestSequence;
  const char* hex;
};

inline constexpr OscoreKeysVector oscoreKeys[] = {
    {"C.1.1 client", "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340", "", "01", "", "f0910ed7295e6ad4b54fc793154302ff", "ffb14e093c94c9cac9471648b4f98710", "4622d4dd6d944168eefb54987c"},
    {"C.1.2 server", "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340", "01", "", "", "ffb14e093c94c9cac9471648b4f98710", "f0910ed7295e6ad4b54fc793154302ff", "4622d4dd6d944168eefb54987c"},
    {"C.2.1 client", "0102030405060708090a0b0c0d0e0f10", "", "00", "01", "", "321b26943253c7ffb6003b0b64d74041", "e57b5635815177cd679ab4bcec9d7dda", "be35ae297d2dace910c52e99f9"},
    {"C.2.2 server", "0102030405060708090a0b0c0d0e0f10", "", "01", "00", "", "e57b5635815177cd679ab4bcec9d7dda", "321b26943253c7ffb6003b0b64d74041", "be35ae297d2dace910c52e99f9"},
    {"C.3.1 client", "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340", "", "01", "37cbf3210017a2d3", "af2a1300a5e95788b356336eeecd2b92", "e39a0c7c77b43f03b4b39ab9a268699f", "2ca58fb85ff1b81c0b7181b85e"},
    {"C.3.2 server", "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340", "01", "", "37cbf3210017a2d3", "e39a0c7c77b43f03b4b39ab9a268699f", "af2a1300a5e95788b356336eeecd2b92", "2ca58fb85ff1b81c0b7181b85e"},
};

inline constexpr OscoreMessageVector oscoreRequests[] = {
    {"C.4", 0, 1, 20, -1, "44015d1f00003974396c6f63616c686f737483747631", "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"},
    {"C.5", 2, 3, 20, -1, "440171c30000b932396c6f63616c686f737483747631", "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0"},
    {"C.6", 4, 5, 20, -1, "44012f8eef9bbf7a396c6f63616c686f737483747631", "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3"},
};

inline constexpr OscoreMessageVector oscoreResponses[] = {
    {"C.7", 1, 0, 20, -1, "64455d1f00003974ff48656c6c6f20576f726c6421", "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106"},
    {"C.8", 1, 0, 20, 0, "64455d1f00003974ff48656c6c6f20576f726c6421", "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e"},
};

inline constexpr OscoreOptionVector oscoreOptions[] = {
    {"6.3 example 1: request", "090525", "05", "25", nullptr},
    {"6.3 example 2: empty kid, Partial IV 0", "0900", "00", "", nullptr},
    {"6.3 example 3: kid context", "19050544616c656b", "05", "", "44616c656b"},
    {"6.3 example 4: response", "", "", nullptr, nullptr},
    {"6.3 example 5: response with Partial IV", "0107", "07", nullptr, nullptr},
    {"the longest Partial IV", "0dffffffffff01", "ffffffffff", "01", nullptr},
    {"empty kid context", "19050025", "05", "25", ""},
    {"kid context without Partial IV, in a response", "1002abcd", "", nullptr, "abcd"},
};

inline constexpr OscoreMalformedVector oscoreMalformed[] = {
    {"reserved bit 5", "290525"},
    {"reserved bit 6", "490525"},
    {"reserved bit 7", "890525"},
    {"Partial IV length 6", "0e01020304050625"},
    {"Partial IV length 7", "0f0102030405060725"},
    {"Partial IV cut short", "0a05"},
    {"kid context without its length", "1905"},
    {"kid context cut short", "19050544616c65"},
    {"bytes behind, without kid", "010525"},
    {"flag bits all zero but not left out", "00"},
    {"Partial IV with a leading zero", "0a000525"},
};

inline constexpr OscoreForgedVector oscoreForged[] = {
    {"one bit of the ciphertext", 1, 128, "44025d1f00003974396c6f63616c686f7374620914ff612f1092f0776f1c1668b3825e"},
    {"one bit of the tag", 1, 128, "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825f"},
    {"another Partial IV", 1, 128, "44025d1f00003974396c6f63616c686f7374620915ff612f1092f1776f1c1668b3825e"},
    {"another kid", 1, 129, "44025d1f00003974396c6f63616c686f737463091407ff612f1092f1776f1c1668b3825e"},
    {"a kid context that nobody has", 1, 129, "44025d1f00003974396c6f63616c686f73746419140137ff612f1092f1776f1c1668b3825e"},
    {"no kid", 1, 130, "44025d1f00003974396c6f63616c686f7374620114ff612f1092f1776f1c1668b3825e"},
    {"no Partial IV", 1, 130, "44025d1f00003974396c6f63616c686f73746108ff612f1092f1776f1c1668b3825e"},
    {"empty option", 1, 130, "44025d1f00003974396c6f63616c686f737460ff612f1092f1776f1c1668b3825e"},
    {"no payload", 1, 130, "44025d1f00003974396c6f63616c686f7374620914"},
    {"a ciphertext no longer than its tag", 1, 130, "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c"},
    {"the keys of another context", 5, 128, "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"},
};

inline constexpr OscoreUnverifiedVector oscoreUnverified[] = {
    {"C.7 with one bit of the ciphertext changed", 0, 20, "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c21524378303cdafae119106"},
    {"C.8 without its Partial IV", 0, 20, "64445d1f0000397490ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e"},
    {"C.7 with a Partial IV", 0, 20, "64445d1f00003974920100ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106"},
};

}  // namespace vectors
