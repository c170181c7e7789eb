/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * libsoftkey-fido.so: preloaded, it stands in for libfido2's search for
 * devices and offers the plugged software authenticators instead, so that an unmodified
 * program that opens what the search found, by its path too, talks to them.
 * Nothing goes over HID.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fido.h>

#include "tests/softkey/softkey.h"

#define EXPORT __attribute__((visibility("default")))
#define PATH_PREFIX "softkey:"
#define INIT_LEN 17 /* nonce, channel, protocol, version, capabilities */

struct handle {
	struct softkey_session s;
	uint8_t cmd; /* 0: no request */
	uint8_t req[2048];
	size_t req_len;
	int64_t began;
};

static void *dev_open(const char *path)
{
	struct handle *h;
	struct softkey k;
	const char *name = path + strlen(PATH_PREFIX);

	if (strncmp(path, PATH_PREFIX, strlen(PATH_PREFIX)) != 0 || softkey_load(name, &k) != 0 ||
	    !k.plugged || (h = calloc(1, sizeof(*h))) == NULL)
		return NULL;
	memcpy(h->s.name, name, strlen(name) + 1);
	return h;
}

static void dev_close(void *arg)
{
	struct handle *h = arg;

	softkey_ecdh_free(&h->s.pin);
	free(h);
}

/* libfido2 wants these to exist; with a transport it never calls them. */
static int dev_read(void *h, unsigned char *p, size_t n, int ms)
{
	(void)h;
	(void)p;
	(void)n;
	(void)ms;
	return -1;
}

static int dev_write(void *h, const unsigned char *p, size_t n)
{
	(void)h;
	(void)p;
	(void)n;
	return -1;
}

static int dev_tx(struct fido_dev *d, uint8_t cmd, const unsigned char *p, size_t n)
{
	struct handle *h = fido_dev_io_handle(d);

	if (h == NULL || n > sizeof(h->req))
		return -1;
	if (cmd == CTAP_CMD_CANCEL) {
		h->cmd = 0;
		return 0;
	}
	h->cmd = cmd;
	if (n > 0)
		memcpy(h->req, p, n);
	h->req_len = n;
	h->began = softkey_now();
	softkey_touch_clear(h->s.name);
	return 0;
}

static int reply_init(const struct handle *h, unsigned char *p, size_t n)
{
	static const uint8_t rest[] = { 0, 0, 0, 1, 2, 1, 0, 0, FIDO_CAP_CBOR | FIDO_CAP_NMSG };

	if (n < INIT_LEN || h->req_len != 8)
		return -1;
	memcpy(p, h->req, 8);
	memcpy(p + 8, rest, sizeof(rest));
	return INIT_LEN;
}

static int dev_rx(struct fido_dev *d, uint8_t cmd, unsigned char *p, size_t n, int ms)
{
	struct handle *h = fido_dev_io_handle(d);
	uint8_t reply[SOFTKEY_REPLY_MAX];
	struct softkey_wait w;
	int len;

	if (h == NULL || h->cmd != cmd)
		return -1;
	if (cmd == CTAP_CMD_INIT)
		return reply_init(h, p, n);
	if (cmd != CTAP_CMD_CBOR)
		return -1;
	w = (struct softkey_wait){ h->s.name, h->began, ms < 0 ? -1 : softkey_now() + ms };
	len = softkey_ctap(&h->s, &w, h->req, h->req_len, reply);
	if (len != SOFTKEY_PENDING)
		h->cmd = 0; /* answered; a pending one is asked for again */
	if (len < 0 || (size_t)len > n)
		return -1;
	memcpy(p, reply, (size_t)len);
	return len;
}

static const fido_dev_io_t io = { dev_open, dev_close, dev_read, dev_write };
static const fido_dev_transport_t transport = { dev_rx, dev_tx };

EXPORT int fido_dev_info_manifest(fido_dev_info_t *list, size_t max, size_t *found)
{
	char names[SOFTKEY_KEYS_MAX][SOFTKEY_NAME_SIZE];
	char path[SOFTKEY_KEYS_MAX * SOFTKEY_NAME_SIZE + sizeof(PATH_PREFIX)];
	size_t n = softkey_list(names, true);
	int r;

	*found = 0;
	for (size_t i = 0; i < n && *found < max; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", PATH_PREFIX, names[i]);
		if ((r = fido_dev_info_set(list, *found, path, "ztjit tests", "software key", &io,
			 &transport)) != FIDO_OK)
			return r;
		(*found)++;
	}
	return FIDO_OK;
}

/* A program that kept only the path (OpenSSH does) has lost the hooks that stood beside it. */
EXPORT int fido_dev_open(fido_dev_t *dev, const char *path)
{
	int (*real)(fido_dev_t *, const char *) = NULL;
	void *p = dlsym(RTLD_NEXT, "fido_dev_open");
	int r;

	if (p == NULL)
		return FIDO_ERR_INTERNAL;
	memcpy(&real, &p, sizeof(real));
	if (strncmp(path, PATH_PREFIX, strlen(PATH_PREFIX)) == 0 &&
	    ((r = fido_dev_set_io_functions(dev, &io)) != FIDO_OK ||
		(r = fido_dev_set_transport_functions(dev, &transport)) != FIDO_OK))
		return r;
	return real(dev, path);
}
