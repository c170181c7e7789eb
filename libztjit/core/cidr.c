/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "libztjit/core/cidr.h"
#include "libztjit/core/decide.h"

/* sshd and sockets show an IPv4 peer of an IPv6 socket as ::ffff:a.b.c.d; it is that IPv4 address. */
static void unmap(struct ztj_cidr *c)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!c->v6 || c->bits < 96 || memcmp(c->addr, mapped, sizeof mapped) != 0)
		return;
	memmove(c->addr, c->addr + 12, 4);
	memset(c->addr + 4, 0, 12);
	c->bits -= 96;
	c->v6 = false;
}

int ztj_cidr_parse(const char *text, struct ztj_cidr *out)
{
	char addr[INET6_ADDRSTRLEN];
	const char *slash;
	int64_t bits;
	size_t n;

	memset(out, 0, sizeof *out);
	if (text == NULL)
		return ZTJ_BAD_ENCODING;
	slash = strchr(text, '/');
	n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	if (n == 0 || n >= sizeof addr)
		return ZTJ_BAD_ENCODING;
	memcpy(addr, text, n);
	addr[n] = 0;
	out->v6 = strchr(addr, ':') != NULL;
	if (inet_pton(out->v6 ? AF_INET6 : AF_INET, addr, out->addr) != 1)
		return ZTJ_BAD_ENCODING;
	bits = out->v6 ? 128 : 32;
	if (slash != NULL && ztj_parse_int(slash + 1, 0, bits, &bits) != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	out->bits = (unsigned)bits;
	unmap(out);
	return ZTJ_OK;
}

static void clear_host_bits(struct ztj_cidr *c)
{
	for (unsigned i = c->bits; i < 128; i++)
		c->addr[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
}

int ztj_cidr_format(const struct ztj_cidr *c, char out[ZTJ_CIDR_SIZE])
{
	struct ztj_cidr net = *c;
	char addr[INET6_ADDRSTRLEN];
	int n;

	clear_host_bits(&net);
	if (inet_ntop(net.v6 ? AF_INET6 : AF_INET, net.addr, addr, sizeof addr) == NULL)
		return ZTJ_INTERNAL;
	n = snprintf(out, ZTJ_CIDR_SIZE, "%s/%u", addr, net.bits);
	return n > 0 && n < ZTJ_CIDR_SIZE ? ZTJ_OK : ZTJ_INTERNAL;
}

bool ztj_cidr_contains(const struct ztj_cidr *block, const struct ztj_cidr *addr)
{
	struct ztj_cidr b = *block, a = *addr;

	if (a.v6 != b.v6 || a.bits < b.bits)
		return false;
	a.bits = b.bits;
	clear_host_bits(&a);
	clear_host_bits(&b);
	return memcmp(a.addr, b.addr, sizeof a.addr) == 0;
}

bool ztj_cidr_match(const struct ztj_strs *blocks, const char *address)
{
	struct ztj_cidr block, addr;

	if (address == NULL || strchr(address, '/') != NULL || ztj_cidr_parse(address, &addr) != ZTJ_OK)
		return false;
	for (size_t i = 0; i < blocks->n; i++)
		if (ztj_cidr_parse(blocks->s[i], &block) == ZTJ_OK && ztj_cidr_contains(&block, &addr))
			return true;
	return false;
}
