// The verification of core and mbedTLS's must agree on random keys, right signatures and broken ones. Host only.
#include <mbedtls/ecdsa.h>

#include <cstring>

#include "../random.hpp"
#include "check.hpp"
#include "p256.hpp"

namespace {

int randomBytes(void* context, unsigned char* out, size_t size) {
  SeededRandom& random = *static_cast<SeededRandom*>(context);
  for (size_t i = 0; i < size; ++i) out[i] = random.byte();
  return 0;
}

struct Twin {
  mbedtls_ecp_group group;
  mbedtls_mpi secret, r, s;
  mbedtls_ecp_point point;
  uint8_t key[65] = {};

  explicit Twin(SeededRandom& random) {
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&secret);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    mbedtls_ecp_point_init(&point);
    size_t size = 0;
    CHECK_EQ(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1), 0);
    CHECK_EQ(mbedtls_ecp_gen_keypair(&group, &secret, &point, randomBytes, &random), 0);
    CHECK_EQ(mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, key, sizeof key), 0);
  }
  ~Twin() {
    mbedtls_ecp_point_free(&point);
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&secret);
    mbedtls_ecp_group_free(&group);
  }
  void sign(const uint8_t* digest, uint8_t* signature, SeededRandom& random) {
    CHECK_EQ(mbedtls_ecdsa_sign(&group, &r, &s, &secret, digest, 32, randomBytes, &random), 0);
    CHECK_EQ(mbedtls_mpi_write_binary(&r, signature, 32), 0);
    CHECK_EQ(mbedtls_mpi_write_binary(&s, signature + 32, 32), 0);
  }
  bool holds(const uint8_t* publicKey, const uint8_t* digest, const uint8_t* signature) {
    uint8_t bytes[65] = {4};
    std::memcpy(bytes + 1, publicKey, 64);
    mbedtls_ecp_point other;
    mbedtls_ecp_point_init(&other);
    const bool isRight = mbedtls_ecp_point_read_binary(&group, &other, bytes, sizeof bytes) == 0 && mbedtls_ecp_check_pubkey(&group, &other) == 0 &&
                         mbedtls_mpi_read_binary(&r, signature, 32) == 0 && mbedtls_mpi_read_binary(&s, signature + 32, 32) == 0 &&
                         mbedtls_ecdsa_verify(&group, digest, 32, &other, &r, &s) == 0;
    mbedtls_ecp_point_free(&other);
    return isRight;
  }
};

}  // namespace

TEST("core and mbedTLS agree on right and broken signatures of random keys") {
  cx::SoftwareSignatureCheck check;
  SeededRandom random(20261121);
  unsigned right = 0, wrong = 0;
  for (int round = 0; round < 120; ++round) {
    Twin twin(random);
    uint8_t digest[32], signature[64], key[64];
    for (uint8_t& each : digest) each = random.byte();
    twin.sign(digest, signature, random);
    std::memcpy(key, twin.key + 1, sizeof key);
    switch (round % 6) {
      case 3: digest[random.below(32)] ^= static_cast<uint8_t>(1U << random.below(8)); break;
      case 4: signature[random.below(64)] ^= static_cast<uint8_t>(1U << random.below(8)); break;
      case 5: key[random.below(64)] ^= static_cast<uint8_t>(1U << random.below(8)); break;
      default: break;
    }
    const bool isRight = check.holds(key, digest, signature);
    CHECK_EQ(isRight, twin.holds(key, digest, signature));
    (isRight ? right : wrong)++;
  }
  CHECK_EQ(right, 60u);
  CHECK_EQ(wrong, 60u);
}
