#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

uint32_t hash_crc32(uint32_t crc, const void *bytes, size_t n) {
  return n ? (uint32_t)crc32_z(crc, bytes, n) : crc; /* zlib takes a NULL buffer for "start anew" */
}

/* SHA-256, FIPS 180-4. The names are the standard's. */
static const uint32_t K[64] = {/* 4.2.2: cube roots of the first 64 primes */
                               0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
                               0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
                               0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
                               0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
                               0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
                               0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
                               0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
                               0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
                               0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
                               0xc67178f2};

static uint32_t rotr(uint32_t x, int n) {
  return x >> n | x << (32 - n);
}
static uint32_t Sigma0(uint32_t x) {
  return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22);
}
static uint32_t Sigma1(uint32_t x) {
  return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}
static uint32_t sigma0(uint32_t x) {
  return rotr(x, 7) ^ rotr(x, 18) ^ x >> 3;
}
static uint32_t sigma1(uint32_t x) {
  return rotr(x, 17) ^ rotr(x, 19) ^ x >> 10;
}

void sha256_init(struct sha256 *s) {
  *s = (struct sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                             0x5be0cd19}}; /* 5.3.3 */
}

/* 6.2.2. */
static void compress_block(uint32_t h[8], const unsigned char *block) {
  uint32_t W[64];
  for (int t = 0; t < 16; t++)
    W[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
           (uint32_t)block[4 * t + 3];
  for (int t = 16; t < 64; t++)
    W[t] = sigma1(W[t - 2]) + W[t - 7] + sigma0(W[t - 15]) + W[t - 16];
  uint32_t v[8];
  memcpy(v, h, sizeof v);
  for (int t = 0; t < 64; t++) {
    uint32_t ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    uint32_t T1 = v[7] + Sigma1(v[4]) + ch + K[t] + W[t];
    uint32_t T2 = Sigma0(v[0]) + maj;
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += T1;
    v[0] = T1 + T2;
  }
  for (int i = 0; i < 8; i++)
    h[i] += v[i];
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  while (n > 0) {
    size_t used = s->length % 64;
    if (used == 0 && n >= 64) {
      compress_block(s->h, p);
      s->length += 64;
      p += 64;
      n -= 64;
      continue;
    }
    size_t take = n < 64 - used ? n : 64 - used;
    memcpy(s->block + used, p, take);
    s->length += take;
    p += take;
    n -= take;
    if (s->length % 64 == 0)
      compress_block(s->h, s->block);
  }
}

void sha256_hex(struct sha256 *s, char hex[65]) {
  static const unsigned char padding[64] = {0x80}; /* 5.1.1 */
  uint64_t bits = s->length * 8;
  unsigned char length[8];
  for (int i = 0; i < 8; i++)
    length[i] = (unsigned char)(bits >> (56 - 8 * i));
  sha256_add(s, padding, 1 + (119 - s->length % 64) % 64);
  sha256_add(s, length, 8);
  for (int i = 0; i < 8; i++)
    snprintf(hex + 8 * i, 9, "%08x", s->h[i]);
}
