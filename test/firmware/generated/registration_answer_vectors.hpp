// Made by test/firmware/vectors.py from test/vectors/registration-answer.json. Do not edit.
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

inline constexpr MessageVector goodRegistrationAnswer[] = {
    {"an answer", "a4016c657370383236362d786339320219011803183c0400", "{\"id\":\"esp8266-xc92\",\"lifetime\":280,\"poll\":60,\"rev\":0}"},
    {"the widest numbers", "a401783f6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e021affffffff031a00015180041affffffff", "{\"id\":\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\",\"lifetime\":4294967295,\"poll\":86400,\"rev\":4294967295}"},
};

inline constexpr MessageVector malformedRegistrationAnswer[] = {
    {"no id", "a3020103010400", ""},
    {"no rev", "a301616102010301", ""},
    {"a lifetime of 0", "a4016161020003010400", ""},
    {"a poll interval of 0", "a4016161020103000400", ""},
    {"a poll interval as text", "a40161610201036236300400", ""},
    {"over 256 bytes", "a5016161020103010400186379010078787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878", ""},
    {"a byte missing", "a401616102010301", ""},
    {"a byte too many", "a4016161020103010400f6", ""},
};

}  // namespace vectors
