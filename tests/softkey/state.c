/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The state of a software authenticator: one JSON file, changed under a lock.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "tests/softkey/softkey.h"

#define SUFFIX ".json"

const char *softkey_dir(void)
{
	const char *dir = getenv("ZTJ_SOFTKEY_DIR");

	return dir != NULL && dir[0] == '/' ? dir : NULL;
}

bool softkey_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < SOFTKEY_NAME_SIZE && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int softkey_path(const char *name, const char *suffix, char *out, size_t size)
{
	const char *dir = softkey_dir();
	int n;

	if (dir == NULL) {
		errno = ENOENT;
		return -1;
	}
	n = snprintf(out, size, "%s/%s%s", dir, name, suffix);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* --- JSON --- */

static json_t *hex_of(const uint8_t *p, size_t n)
{
	char text[2 * 1024 + 1];
	size_t len = 0;

	if (n == 0)
		return json_string("");
	if (OPENSSL_buf2hexstr_ex(text, sizeof(text), &len, p, n, '\0') != 1)
		return NULL;
	return json_string(text);
}

static int bytes_of(const json_t *o, const char *key, uint8_t *out, size_t size, size_t *len)
{
	const char *text = json_string_value(json_object_get(o, key));

	*len = 0;
	if (text == NULL)
		return -1;
	if (text[0] == '\0')
		return 0;
	return OPENSSL_hexstr2buf_ex(out, size, len, text, '\0') == 1 ? 0 : -1;
}

static int exact_bytes_of(const json_t *o, const char *key, uint8_t *out, size_t size)
{
	size_t len;

	return bytes_of(o, key, out, size, &len) == 0 && len == size ? 0 : -1;
}

static json_t *resident_to_json(const struct softkey *k)
{
	json_t *list = json_array();

	for (size_t i = 0; i < k->n_resident; i++) {
		const struct softkey_resident *r = &k->resident[i];
		json_array_append_new(list,
		    json_pack("{s:s, s:o, s:o}", "rp", r->rp, "handle", hex_of(r->handle, sizeof(r->handle)),
			"user_id", hex_of(r->user_id, r->user_id_len)));
	}
	return list;
}

static int resident_from_json(const json_t *list, struct softkey *k)
{
	const json_t *o;
	const char *rp;
	size_t i;

	k->n_resident = 0;
	json_array_foreach(list, i, o)
	{
		struct softkey_resident *r = &k->resident[k->n_resident];
		if (k->n_resident == SOFTKEY_RESIDENT_MAX ||
		    (rp = json_string_value(json_object_get(o, "rp"))) == NULL ||
		    strlen(rp) >= sizeof(r->rp) ||
		    exact_bytes_of(o, "handle", r->handle, sizeof(r->handle)) != 0 ||
		    bytes_of(o, "user_id", r->user_id, sizeof(r->user_id), &r->user_id_len) != 0)
			return -1;
		memcpy(r->rp, rp, strlen(rp) + 1);
		k->n_resident++;
	}
	return 0;
}

static json_t *to_json(const struct softkey *k)
{
	return json_pack(
	    "{s:b, s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:o, s:i, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
	    "plugged", k->plugged, "ctap20", k->ctap20, "ed25519", k->ed25519, "protocol", k->protocol,
	    "attest", (int)k->attest, "touch", (int)k->touch, "touch_ms", k->touch_ms, "uv", (int)k->uv,
	    "uv_retries", k->uv_retries, "has_pin", k->has_pin, "pin_hash",
	    hex_of(k->pin_hash, sizeof(k->pin_hash)), "pin_retries", k->pin_retries, "pin_mismatches",
	    k->pin_mismatches, "counter", (json_int_t)k->counter, "counter_step", (json_int_t)k->counter_step,
	    "secret", hex_of(k->secret, sizeof(k->secret)), "aaguid", hex_of(k->aaguid, sizeof(k->aaguid)),
	    "att_key", hex_of(k->att_key, k->att_key_len), "att_cert", hex_of(k->att_cert, k->att_cert_len),
	    "resident", resident_to_json(k));
}

static int from_json(json_t *o, struct softkey *k)
{
	int plugged, ctap20, ed25519, attest, touch, uv, has_pin;
	json_int_t counter, step;

	if (json_unpack(o, "{s:b, s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:i, s:I, s:I}",
		"plugged", &plugged, "ctap20", &ctap20, "ed25519", &ed25519, "protocol", &k->protocol,
		"attest", &attest, "touch", &touch, "touch_ms", &k->touch_ms, "uv", &uv, "uv_retries",
		&k->uv_retries, "has_pin", &has_pin, "pin_retries", &k->pin_retries, "pin_mismatches",
		&k->pin_mismatches, "counter", &counter, "counter_step", &step) != 0 ||
	    exact_bytes_of(o, "pin_hash", k->pin_hash, sizeof(k->pin_hash)) != 0 ||
	    exact_bytes_of(o, "secret", k->secret, sizeof(k->secret)) != 0 ||
	    exact_bytes_of(o, "aaguid", k->aaguid, sizeof(k->aaguid)) != 0 ||
	    bytes_of(o, "att_key", k->att_key, sizeof(k->att_key), &k->att_key_len) != 0 ||
	    bytes_of(o, "att_cert", k->att_cert, sizeof(k->att_cert), &k->att_cert_len) != 0)
		return -1;
	k->plugged = plugged != 0;
	k->ctap20 = ctap20 != 0;
	k->ed25519 = ed25519 != 0;
	k->has_pin = has_pin != 0;
	k->attest = (enum softkey_attest_mode)attest;
	k->touch = (enum softkey_touch_mode)touch;
	k->uv = (enum softkey_uv_mode)uv;
	k->counter = (uint32_t)counter;
	k->counter_step = (uint32_t)step;
	return resident_from_json(json_object_get(o, "resident"), k);
}

/* --- files --- */

int softkey_load(const char *name, struct softkey *k)
{
	char path[512];
	json_t *o;
	int r = -1;

	memset(k, 0, sizeof(*k));
	if (!softkey_name_ok(name) || softkey_path(name, SUFFIX, path, sizeof(path)) != 0)
		return -1;
	if ((o = json_load_file(path, JSON_REJECT_DUPLICATES, NULL)) == NULL) {
		errno = ENOENT;
		return -1;
	}
	if ((r = from_json(o, k)) != 0)
		errno = EINVAL;
	memcpy(k->name, name, strlen(name) + 1);
	json_decref(o);
	return r;
}

static int store(const struct softkey *k)
{
	char path[512], tmp[512];
	json_t *o = NULL;
	char *text = NULL;
	FILE *f;
	int r = -1;

	if (softkey_path(k->name, SUFFIX, path, sizeof(path)) != 0 ||
	    softkey_path(k->name, ".new", tmp, sizeof(tmp)) != 0)
		return -1;
	if ((o = to_json(k)) == NULL || (text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS)) == NULL)
		goto out;
	if ((f = fopen(tmp, "we")) == NULL)
		goto out;
	r = fputs(text, f) >= 0 ? 0 : -1;
	if (fclose(f) != 0)
		r = -1;
	if (r == 0)
		r = rename(tmp, path);
out:
	free(text);
	json_decref(o);
	return r;
}

static int lock_dir(void)
{
	char path[512];
	int fd;

	if (softkey_path(".lock", "", path, sizeof(path)) != 0 ||
	    (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return -1;
	while (flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR) {
			(void)close(fd);
			return -1;
		}
	}
	return fd;
}

int softkey_update(const char *name, int (*change)(struct softkey *k, void *arg), void *arg)
{
	struct softkey k;
	int fd, r;

	if ((fd = lock_dir()) < 0)
		return -1;
	if ((r = softkey_load(name, &k)) == 0 && (r = change(&k, arg)) == 0)
		r = store(&k);
	(void)close(fd);
	OPENSSL_cleanse(&k, sizeof(k));
	return r;
}

int softkey_create(const struct softkey *k)
{
	struct softkey there;
	int fd, r = -1;

	if (!softkey_name_ok(k->name)) {
		errno = EINVAL;
		return -1;
	}
	if ((fd = lock_dir()) < 0)
		return -1;
	if (softkey_load(k->name, &there) == 0)
		errno = EEXIST;
	else
		r = store(k);
	(void)close(fd);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t softkey_list(char names[SOFTKEY_KEYS_MAX][SOFTKEY_NAME_SIZE], bool plugged_only)
{
	const char *dir = softkey_dir();
	struct dirent *e;
	struct softkey k;
	size_t n = 0, len;
	DIR *d;

	if (dir == NULL || (d = opendir(dir)) == NULL)
		return 0;
	while (n < SOFTKEY_KEYS_MAX && (e = readdir(d)) != NULL) {
		len = strlen(e->d_name);
		if (len <= strlen(SUFFIX) || len - strlen(SUFFIX) >= SOFTKEY_NAME_SIZE ||
		    strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		len -= strlen(SUFFIX);
		memcpy(names[n], e->d_name, len);
		names[n][len] = '\0';
		if (softkey_load(names[n], &k) == 0 && (k.plugged || !plugged_only))
			n++;
	}
	(void)closedir(d);
	qsort(names, n, SOFTKEY_NAME_SIZE, by_name);
	return n;
}
