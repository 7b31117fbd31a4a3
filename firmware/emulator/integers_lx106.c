/* Integer arithmetic that Debian's libgcc for the lx106 leaves out, because the ESP8266 has it in ROM. */
#include <stdint.h>

static uint32_t divide(uint32_t dividend, uint32_t divisor, uint32_t* rest) {
  uint32_t quotient = 0;
  uint32_t remainder = 0;
  if (divisor == 0) {
    *rest = dividend;
    return 0xFFFFFFFFu;
  }
  for (int bit = 31; bit >= 0; --bit) {
    const uint32_t carry = remainder >> 31;
    remainder = (remainder << 1) | ((dividend >> bit) & 1u);
    if (carry != 0 || remainder >= divisor) {
      remainder -= divisor;
      quotient |= 1u << bit;
    }
  }
  *rest = remainder;
  return quotient;
}

uint32_t __udivsi3(uint32_t dividend, uint32_t divisor) {
  uint32_t rest;
  return divide(dividend, divisor, &rest);
}

uint32_t __umodsi3(uint32_t dividend, uint32_t divisor) {
  uint32_t rest;
  divide(dividend, divisor, &rest);
  return rest;
}

static uint32_t magnitude(int32_t value) { return value < 0 ? 0u - (uint32_t)value : (uint32_t)value; }

int32_t __divsi3(int32_t dividend, int32_t divisor) {
  uint32_t rest;
  const uint32_t quotient = divide(magnitude(dividend), magnitude(divisor), &rest);
  return (int32_t)((dividend < 0) != (divisor < 0) ? 0u - quotient : quotient);
}

int32_t __modsi3(int32_t dividend, int32_t divisor) {
  uint32_t rest;
  divide(magnitude(dividend), magnitude(divisor), &rest);
  return (int32_t)(dividend < 0 ? 0u - rest : rest);
}

/* Four products of 16 bits: the CPU multiplies to 32 only. */
uint64_t __umulsidi3(uint32_t a, uint32_t b) {
  const uint32_t a0 = a & 0xFFFFu, a1 = a >> 16, b0 = b & 0xFFFFu, b1 = b >> 16;
  const uint32_t low = a0 * b0, left = a1 * b0, right = a0 * b1, high = a1 * b1;
  const uint32_t middle = (low >> 16) + (left & 0xFFFFu) + (right & 0xFFFFu);
  return ((uint64_t)(high + (left >> 16) + (right >> 16) + (middle >> 16)) << 32) | (middle << 16) | (low & 0xFFFFu);
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
  const uint32_t aLow = (uint32_t)a, bLow = (uint32_t)b;
  const uint32_t cross = (uint32_t)(a >> 32) * bLow + aLow * (uint32_t)(b >> 32);
  return __umulsidi3(aLow, bLow) + ((uint64_t)cross << 32);
}

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t* rest);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) { return __udivmoddi4(dividend, divisor, 0); }
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
  uint64_t rest;
  __udivmoddi4(dividend, divisor, &rest);
  return rest;
}

static uint64_t magnitude64(int64_t value) { return value < 0 ? 0u - (uint64_t)value : (uint64_t)value; }

int64_t __divdi3(int64_t dividend, int64_t divisor) {
  const uint64_t quotient = __udivmoddi4(magnitude64(dividend), magnitude64(divisor), 0);
  return (int64_t)((dividend < 0) != (divisor < 0) ? 0u - quotient : quotient);
}

int64_t __moddi3(int64_t dividend, int64_t divisor) {
  uint64_t rest;
  __udivmoddi4(magnitude64(dividend), magnitude64(divisor), &rest);
  return (int64_t)(dividend < 0 ? 0u - rest : rest);
}
