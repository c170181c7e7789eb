/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The hash of published names: SipHash-2-4 (Aumasson and Bernstein, 2012). Keyed by a
 * seed that depends on everything published: nobody who is let into a directory can choose names that land in one place. libc only.
 */
#include <endian.h>
#include <string.h>

#include "libztjit/core/names_int.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

/* n is 8 at most. */
static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return le64toh(v);
}

uint64_t ztj_names_siphash(uint64_t k0, uint64_t k1, const void *p, size_t n)
{
	struct sip s = {
		k0 ^ 0x736f6d6570736575U,
		k1 ^ 0x646f72616e646f6dU,
		k0 ^ 0x6c7967656e657261U,
		k1 ^ 0x7465646279746573U,
	};
	const uint8_t *b = p, *end = b + (n - n % 8);

	for (; b < end; b += 8)
		sip_word(&s, little(b, 8));
	sip_word(&s, (uint64_t)n << 56 | little(b, n % 8));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t ztj_names_hash(uint32_t seed, enum names_kind kind, const void *p, size_t n)
{
	return ztj_names_siphash(seed, (uint64_t)kind, p, n);
}

uint32_t ztj_names_home(uint64_t hash, uint32_t slots)
{
	return (uint32_t)((hash >> 32) * slots >> 32);
}

uint32_t ztj_names_slots(uint32_t n)
{
	return n + n / 2 + 1;
}
