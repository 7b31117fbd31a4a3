#include "p256.hpp"

#include <cstring>

namespace cx {

namespace {

constexpr int limbs = 8;

// A number below 2^256, the lowest limb first.
struct Number {
  uint32_t limb[limbs];
};

// What Montgomery's multiplication needs of a modulus m: -1/m modulo 2^32, and 2^512 modulo m.
struct Modulus {
  Number m;
  uint32_t inverse;
  Number square;
};

constexpr Modulus fieldPrime = {
    {{0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff}},
    1,
    {{3, 0, 0xffffffff, 0xfffffffb, 0xfffffffe, 0xffffffff, 0xfffffffd, 4}},
};
constexpr Modulus groupOrder = {
    {{0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0, 0xffffffff}},
    0xee00bc4f,
    {{0xbe79eea2, 0x83244c95, 0x49bd6fa6, 0x4699799c, 0x2b6bec59, 0x2845b239, 0xf3d95620, 0x66e12d94}},
};
// In Montgomery's form: 1, the curve's b, and its base point.
constexpr Number fieldOne = {{1, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xfffffffe, 0}};
constexpr Number curveB = {{0x29c4bddf, 0xd89cdf62, 0x78843090, 0xacf005cd, 0xf7212ed6, 0xe5a220ab, 0x04874834, 0xdc30061d}};
constexpr Number baseX = {{0x18a9143c, 0x79e730d4, 0x5fedb601, 0x75ba95fc, 0x77622510, 0x79fb732b, 0xa53755c6, 0x18905f76}};
constexpr Number baseY = {{0xce95560a, 0xddf25357, 0xba19e45c, 0x8b4ab8e4, 0xdd21f325, 0xd2e88688, 0x25885d85, 0x8571ff18}};
constexpr Number plainOne = {{1, 0, 0, 0, 0, 0, 0, 0}};

Number fromBytes(const uint8_t* bytes) {
  Number out;
  for (int i = 0; i < limbs; ++i) {
    const uint8_t* at = bytes + (limbs - 1 - i) * 4;
    out.limb[i] = static_cast<uint32_t>(at[0]) << 24U | static_cast<uint32_t>(at[1]) << 16U | static_cast<uint32_t>(at[2]) << 8U | at[3];
  }
  return out;
}

bool isZero(const Number& a) {
  uint32_t any = 0;
  for (const uint32_t each : a.limb) any |= each;
  return any == 0;
}

bool isBelow(const Number& a, const Number& b) {
  for (int i = limbs - 1; i >= 0; --i) {
    if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i];
  }
  return false;
}

bool isSame(const Number& a, const Number& b) { return std::memcmp(a.limb, b.limb, sizeof a.limb) == 0; }

// The carry out of a += b.
uint32_t addTo(Number& a, const Number& b) {
  uint64_t carry = 0;
  for (int i = 0; i < limbs; ++i) {
    carry += static_cast<uint64_t>(a.limb[i]) + b.limb[i];
    a.limb[i] = static_cast<uint32_t>(carry);
    carry >>= 32U;
  }
  return static_cast<uint32_t>(carry);
}

uint32_t takeFrom(Number& a, const Number& b) {
  uint64_t borrow = 0;
  for (int i = 0; i < limbs; ++i) {
    const uint64_t difference = static_cast<uint64_t>(a.limb[i]) - b.limb[i] - borrow;
    a.limb[i] = static_cast<uint32_t>(difference);
    borrow = difference >> 63U;
  }
  return static_cast<uint32_t>(borrow);
}

// a * b / 2^256 modulo m, below m for any a * b < m * 2^256. `out` may be either.
void multiply(const Modulus& modulus, const Number& a, const Number& b, Number& out) {
  uint32_t sum[limbs + 2] = {};
  for (int i = 0; i < limbs; ++i) {
    uint64_t carry = 0;
    for (int j = 0; j < limbs; ++j) {
      carry += sum[j] + static_cast<uint64_t>(a.limb[i]) * b.limb[j];
      sum[j] = static_cast<uint32_t>(carry);
      carry >>= 32U;
    }
    carry += sum[limbs];
    sum[limbs] = static_cast<uint32_t>(carry);
    sum[limbs + 1] = static_cast<uint32_t>(carry >> 32U);
    const uint32_t factor = sum[0] * modulus.inverse;
    carry = (sum[0] + static_cast<uint64_t>(factor) * modulus.m.limb[0]) >> 32U;
    for (int j = 1; j < limbs; ++j) {
      carry += sum[j] + static_cast<uint64_t>(factor) * modulus.m.limb[j];
      sum[j - 1] = static_cast<uint32_t>(carry);
      carry >>= 32U;
    }
    carry += sum[limbs];
    sum[limbs - 1] = static_cast<uint32_t>(carry);
    sum[limbs] = sum[limbs + 1] + static_cast<uint32_t>(carry >> 32U);
  }
  std::memcpy(out.limb, sum, sizeof out.limb);
  if (sum[limbs] != 0 || !isBelow(out, modulus.m)) takeFrom(out, modulus.m);
}

// 1/a modulo a prime m, both in Montgomery's form: a to the power of m - 2.
void invert(const Modulus& modulus, const Number& a, const Number& one, Number& out) {
  Number exponent = modulus.m;
  exponent.limb[0] -= 2;  // of both moduli the lowest limb is larger
  Number result = one;
  for (int bit = 255; bit >= 0; --bit) {
    multiply(modulus, result, result, result);
    if ((exponent.limb[bit / 32] >> (bit % 32) & 1U) != 0) multiply(modulus, result, a, result);
  }
  out = result;
}

// Elements of the field, in Montgomery's form.
void times(Number& out, const Number& a, const Number& b) { multiply(fieldPrime, a, b, out); }
void plus(Number& out, const Number& a, const Number& b) {
  Number sum = a;
  const uint32_t carry = addTo(sum, b);
  if (carry != 0 || !isBelow(sum, fieldPrime.m)) takeFrom(sum, fieldPrime.m);
  out = sum;
}
void minus(Number& out, const Number& a, const Number& b) {
  Number difference = a;
  if (takeFrom(difference, b) != 0) addTo(difference, fieldPrime.m);
  out = difference;
}

// x = X / Z^2, y = Y / Z^3; Z = 0 is infinity.
struct Point {
  Number x, y, z;
};

// Doubling for a = -3 (Jacobian coordinates), in place.
void twice(Point& p) {
  Number delta, gamma, beta, alpha, work;
  times(delta, p.z, p.z);
  times(gamma, p.y, p.y);
  times(beta, p.x, gamma);
  minus(alpha, p.x, delta);
  plus(work, p.x, delta);
  times(alpha, alpha, work);
  plus(work, alpha, alpha);
  plus(alpha, alpha, work);
  plus(p.z, p.y, p.z);
  times(p.z, p.z, p.z);
  minus(p.z, p.z, gamma);
  minus(p.z, p.z, delta);
  plus(beta, beta, beta);
  plus(beta, beta, beta);  // 4 beta
  times(p.x, alpha, alpha);
  minus(p.x, p.x, beta);
  minus(p.x, p.x, beta);
  minus(work, beta, p.x);
  times(p.y, alpha, work);
  times(gamma, gamma, gamma);
  plus(gamma, gamma, gamma);
  plus(gamma, gamma, gamma);
  plus(gamma, gamma, gamma);
  minus(p.y, p.y, gamma);
}

// p += q, also where they are the same, opposite, or infinity.
void add(Point& p, const Point& q) {
  if (isZero(q.z)) return;
  if (isZero(p.z)) {
    p = q;
    return;
  }
  Number u, s, h, r, work;
  times(work, q.z, q.z);
  times(u, p.x, work);   // U1
  times(work, work, q.z);
  times(s, p.y, work);   // S1
  times(work, p.z, p.z);
  times(h, q.x, work);
  times(work, work, p.z);
  times(r, q.y, work);
  minus(h, h, u);
  minus(r, r, s);
  if (isZero(h)) {
    if (isZero(r)) return twice(p);
    p.z = Number{};
    return;
  }
  times(p.z, p.z, q.z);
  times(p.z, p.z, h);
  times(work, h, h);
  times(u, u, work);     // V
  times(h, h, work);     // H^3
  times(p.x, r, r);
  minus(p.x, p.x, h);
  minus(p.x, p.x, u);
  minus(p.x, p.x, u);
  minus(u, u, p.x);
  times(u, u, r);
  times(s, s, h);
  minus(p.y, u, s);
}

[[gnu::noinline]] bool readPoint(const uint8_t* bytes, Point& out) {
  out.x = fromBytes(bytes);
  out.y = fromBytes(bytes + 32);
  if (!isBelow(out.x, fieldPrime.m) || !isBelow(out.y, fieldPrime.m)) return false;
  times(out.x, out.x, fieldPrime.square);
  times(out.y, out.y, fieldPrime.square);
  out.z = fieldOne;
  Number left, right;
  times(left, out.y, out.y);
  times(right, out.x, out.x);
  times(right, right, out.x);
  for (int i = 0; i < 3; ++i) minus(right, right, out.x);
  plus(right, right, curveB);
  return isSame(left, right);
}

bool bitOf(const Number& a, int bit) { return (a.limb[bit / 32] >> (bit % 32) & 1U) != 0; }

// u * base point + v * q, bit by bit of both at once. A frame of its own, so that none is over 512 bytes.
[[gnu::noinline]] void combine(const Number& u, const Number& v, const Point& q, Point& sum) {
  static constexpr Point base = {baseX, baseY, fieldOne};
  Point both = base;
  add(both, q);
  sum = {fieldOne, fieldOne, Number{}};
  for (int bit = 255; bit >= 0; --bit) {
    twice(sum);
    const bool hasBase = bitOf(u, bit);
    if (hasBase && bitOf(v, bit)) {
      add(sum, both);
    } else if (hasBase) {
      add(sum, base);
    } else if (bitOf(v, bit)) {
      add(sum, q);
    }
  }
}

// Whether the affine x of the point is r or r + n, without the division.
bool isXOf(const Point& point, const Number& r) {
  Number square, candidate;
  times(square, point.z, point.z);
  times(candidate, r, fieldPrime.square);
  times(candidate, candidate, square);
  if (isSame(candidate, point.x)) return true;
  Number more = r;
  if (addTo(more, groupOrder.m) != 0 || !isBelow(more, fieldPrime.m)) return false;
  times(candidate, more, fieldPrime.square);
  times(candidate, candidate, square);
  return isSame(candidate, point.x);
}

}  // namespace

bool isP256Point(const uint8_t* publicKey) {
  Point point;
  return readPoint(publicKey, point);
}

bool SoftwareSignatureCheck::holds(const uint8_t* publicKey, const uint8_t* digest, const uint8_t* signature) {
  Point key;
  const Number r = fromBytes(signature);
  Number u = fromBytes(signature + 32), v;
  if (isZero(r) || isZero(u) || !isBelow(r, groupOrder.m) || !isBelow(u, groupOrder.m) || !readPoint(publicKey, key)) return false;
  Number one;
  multiply(groupOrder, plainOne, groupOrder.square, one);
  multiply(groupOrder, u, groupOrder.square, v);
  invert(groupOrder, v, one, v);  // 1/s
  Number e = fromBytes(digest);
  multiply(groupOrder, e, groupOrder.square, e);  // below n after this, whatever it was
  multiply(groupOrder, e, v, u);
  multiply(groupOrder, u, plainOne, u);
  multiply(groupOrder, r, v, v);  // r isn't in Montgomery's form, so this is plain
  Point sum;
  combine(u, v, key, sum);
  return !isZero(sum.z) && isXOf(sum, r);
}

}  // namespace cx
