// Made by test/firmware/vectors.py from test/vectors/attempt-report.json. Do not edit.
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

inline constexpr MessageVector goodAttemptReport[] = {
    {"a report on the way", "a70164612d3137020403182a041a00035c28066866772d312e312e30071a000800000801", "{\"attempt\":\"a-17\",\"state\":\"downloading\",\"percent\":42,\"bytes\":220200,\"update\":\"fw-1.1.0\",\"total\":524288,\"way\":\"http\"}"},
    {"a failure", "a30164612d31370209056f6469676573742d6d69736d61746368", "{\"attempt\":\"a-17\",\"state\":\"failed\",\"reason\":\"digest-mismatch\"}"},
    {"a roll-back", "a50164612d3137020a031864057073656c662d74657374206661696c65640802", "{\"attempt\":\"a-17\",\"state\":\"rolled-back\",\"percent\":100,\"reason\":\"self-test failed\",\"way\":\"coap\"}"},
};

inline constexpr MessageVector malformedAttemptReport[] = {
    {"no state", "a1016161", ""},
    {"an unknown state", "a1020d", ""},
    {"over 100 percent", "a20204031865", ""},
    {"below 0 percent", "a202040320", ""},
    {"a way that is none", "a202040817", ""},
    {"bytes as text", "a20204046131", ""},
    {"a reason of 97 bytes", "a2020905786172727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272", ""},
    {"a byte missing", "a201616102", ""},
};

}  // namespace vectors
