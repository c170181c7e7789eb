/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * softkey: the hand that holds the software authenticators. Runs as the
 * person under test, reads and writes files in $ZTJ_SOFTKEY_DIR, nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "tests/softkey/softkey.h"

static const char usage[] =
    "usage: softkey create NAME [SETTING=VALUE...]\n"
    "       softkey set NAME SETTING=VALUE...\n"
    "       softkey show NAME | ls | plug NAME | unplug NAME | only NAME | rm NAME\n"
    "       softkey touch NAME       touch it once (touch=ask)\n"
    "       softkey touches [NAME]   how often it was touched\n"
    "settings: touch=auto|deny|timeout|ask touch-ms=N uv=off|ok|fail uv-retries=N pin=PIN|none\n"
    "          pin-retries=N counter=N counter-step=N attest=basic|self|none\n"
    "          ctap=2.0|2.1 protocol=1|2|12 ed25519=yes|no plugged=yes|no aaguid=HEX\n";

static const char *const touch_words[] = { "auto", "deny", "timeout", "ask", NULL };
static const char *const uv_words[] = { "off", "ok", "fail", NULL };
static const char *const attest_words[] = { "basic", "self", "none", NULL };
static const char *const bool_words[] = { "no", "yes", NULL };
static const char *const ctap_words[] = { "2.1", "2.0", NULL };

static int word(const char *const *words, const char *value)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	return -1;
}

static long number(const char *value, long max)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && v >= 0 && v <= max ? v : -1;
}

static int set_pin(struct softkey *k, const char *pin)
{
	k->has_pin = strcmp(pin, "none") != 0;
	k->pin_retries = SOFTKEY_PIN_RETRIES;
	k->pin_mismatches = 0;
	memset(k->pin_hash, 0, sizeof(k->pin_hash));
	if (!k->has_pin)
		return 0;
	if (strlen(pin) < 4 || strlen(pin) > 63)
		return -1;
	softkey_pin_hash(pin, k->pin_hash);
	return 0;
}

static int set_words(struct softkey *k, const char *name, const char *value)
{
	int v;

	if (strcmp(name, "touch") == 0 && (v = word(touch_words, value)) >= 0)
		k->touch = (enum softkey_touch_mode)v;
	else if (strcmp(name, "uv") == 0 && (v = word(uv_words, value)) >= 0) {
		k->uv = (enum softkey_uv_mode)v;
		k->uv_retries = SOFTKEY_UV_RETRIES;
	} else if (strcmp(name, "attest") == 0 && (v = word(attest_words, value)) >= 0)
		k->attest = (enum softkey_attest_mode)v;
	else if (strcmp(name, "ctap") == 0 && (v = word(ctap_words, value)) >= 0)
		k->ctap20 = v == 1;
	else if (strcmp(name, "ed25519") == 0 && (v = word(bool_words, value)) >= 0)
		k->ed25519 = v == 1;
	else if (strcmp(name, "plugged") == 0 && (v = word(bool_words, value)) >= 0) {
		k->plugged = v == 1;
		k->pin_mismatches = 0;
	} else
		return -1;
	return 0;
}

static int set_numbers(struct softkey *k, const char *name, const char *value)
{
	long v = number(value, UINT32_MAX);

	if (v < 0)
		return -1;
	if (strcmp(name, "touch-ms") == 0 && v <= 600000)
		k->touch_ms = (int)v;
	else if (strcmp(name, "uv-retries") == 0 && v <= SOFTKEY_UV_RETRIES)
		k->uv_retries = (int)v;
	else if (strcmp(name, "pin-retries") == 0 && v <= SOFTKEY_PIN_RETRIES)
		k->pin_retries = (int)v;
	else if (strcmp(name, "counter") == 0)
		k->counter = (uint32_t)v;
	else if (strcmp(name, "counter-step") == 0)
		k->counter_step = (uint32_t)v;
	else if (strcmp(name, "protocol") == 0 && (v == 1 || v == 2 || v == 12))
		k->protocol = (int)v;
	else
		return -1;
	return 0;
}

static int set_one(struct softkey *k, const char *setting)
{
	const char *eq = strchr(setting, '=');
	char name[32];
	size_t n;

	if (eq == NULL || (size_t)(eq - setting) >= sizeof(name))
		return -1;
	memcpy(name, setting, (size_t)(eq - setting));
	name[eq - setting] = '\0';
	if (strcmp(name, "pin") == 0)
		return set_pin(k, eq + 1);
	if (strcmp(name, "aaguid") == 0)
		return OPENSSL_hexstr2buf_ex(k->aaguid, sizeof(k->aaguid), &n, eq + 1, '\0') == 1 &&
			n == sizeof(k->aaguid)
		    ? 0
		    : -1;
	return set_words(k, name, eq + 1) == 0 || set_numbers(k, name, eq + 1) == 0 ? 0 : -1;
}

static int set_all(struct softkey *k, void *arg)
{
	char *const *settings = arg;

	for (size_t i = 0; settings[i] != NULL; i++) {
		if (set_one(k, settings[i]) != 0) {
			(void)fprintf(stderr, "softkey: cannot set %s\n", settings[i]);
			return 2;
		}
	}
	return 0;
}

static int do_create(const char *name, char **settings)
{
	static const uint8_t aaguid[16] = { 0x7a, 0x74, 0x6a, 0x69, 0x74, 0x2d, 0x74, 0x65, 0x73, 0x74, 0x2d,
		0x6b, 0x65, 0x79, 0x2d, 0x31 };
	struct softkey k = { .plugged = true,
		.ed25519 = true,
		.protocol = 12,
		.touch_ms = 30000,
		.uv_retries = SOFTKEY_UV_RETRIES,
		.pin_retries = SOFTKEY_PIN_RETRIES,
		.counter_step = 1 };

	if (!softkey_name_ok(name)) {
		(void)fprintf(stderr, "softkey: %s: a name is a-z, 0-9 and -\n", name);
		return 2;
	}
	memcpy(k.name, name, strlen(name) + 1);
	memcpy(k.aaguid, aaguid, sizeof(aaguid));
	if (mkdir(softkey_dir(), 0700) != 0 && errno != EEXIST) {
		perror(softkey_dir());
		return 1;
	}
	if (set_all(&k, settings) != 0)
		return 2;
	if (RAND_bytes(k.secret, sizeof(k.secret)) != 1 || softkey_attest_new(&k) != 0 ||
	    softkey_create(&k) != 0) {
		perror("softkey: create");
		return 1;
	}
	return 0;
}

static int do_set(const char *name, char **settings)
{
	int r = softkey_update(name, set_all, settings);

	if (r < 0)
		perror(name);
	return r < 0 ? 1 : r;
}

static int do_plug(const char *name, const char *setting)
{
	char text[32];
	char *settings[] = { text, NULL };

	(void)snprintf(text, sizeof(text), "%s", setting);
	return do_set(name, settings);
}

static int do_only(const char *name)
{
	char names[SOFTKEY_KEYS_MAX][SOFTKEY_NAME_SIZE];
	size_t n = softkey_list(names, true);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) != 0 && do_plug(names[i], "plugged=no") != 0)
			return 1;
	return do_plug(name, "plugged=yes");
}

static int do_file(const char *name, const char *suffix, bool make)
{
	char path[512];
	FILE *f = NULL;

	if (!softkey_name_ok(name) || softkey_path(name, suffix, path, sizeof(path)) != 0 ||
	    (make ? (f = fopen(path, "we")) == NULL || fclose(f) != 0 : unlink(path) != 0)) {
		perror(name);
		return 1;
	}
	return 0;
}

static int do_show(const char *name)
{
	struct softkey k;

	if (softkey_load(name, &k) != 0) {
		perror(name);
		return 1;
	}
	(void)printf("%s plugged=%s touch=%s uv=%s pin=%s pin-retries=%d attest=%s counter=%u resident=%zu\n",
	    k.name, bool_words[k.plugged], touch_words[k.touch], uv_words[k.uv], k.has_pin ? "set" : "none",
	    k.pin_retries, attest_words[k.attest], k.counter, k.n_resident);
	return 0;
}

static int do_ls(void)
{
	char names[SOFTKEY_KEYS_MAX][SOFTKEY_NAME_SIZE];
	size_t n = softkey_list(names, false);
	int r = 0;

	for (size_t i = 0; i < n; i++)
		r |= do_show(names[i]);
	return r;
}

static int do_touches(const char *name)
{
	char path[512], line[512], who[64], outcome[64];
	unsigned n = 0;
	FILE *f;

	if (softkey_path("touches", ".log", path, sizeof(path)) != 0)
		return 1;
	if ((f = fopen(path, "re")) != NULL) {
		while (fgets(line, sizeof(line), f) != NULL) {
			const size_t a = strcspn(line, " ");
			const size_t b = line[a] == ' ' ? strcspn(line + a + 1, " \n") : 0;
			if (a >= sizeof(who) || b >= sizeof(outcome))
				continue;
			memcpy(who, line, a);
			who[a] = '\0';
			memcpy(outcome, line + a + 1, b);
			outcome[b] = '\0';
			if (strcmp(outcome, "touched") == 0 && (name == NULL || strcmp(who, name) == 0))
				n++;
		}
		(void)fclose(f);
	}
	(void)printf("%u\n", n);
	return 0;
}

static int run(int argc, char **argv)
{
	const char *verb = argv[1], *name = argc > 2 ? argv[2] : NULL;

	if (argc == 2 && strcmp(verb, "ls") == 0)
		return do_ls();
	if (argc <= 3 && strcmp(verb, "touches") == 0)
		return do_touches(name);
	if (argc >= 3 && strcmp(verb, "create") == 0)
		return do_create(name, argv + 3);
	if (argc > 3 && strcmp(verb, "set") == 0)
		return do_set(name, argv + 3);
	if (argc != 3)
		return 2;
	if (strcmp(verb, "show") == 0)
		return do_show(name);
	if (strcmp(verb, "plug") == 0)
		return do_plug(name, "plugged=yes");
	if (strcmp(verb, "unplug") == 0)
		return do_plug(name, "plugged=no");
	if (strcmp(verb, "only") == 0)
		return do_only(name);
	if (strcmp(verb, "touch") == 0)
		return do_file(name, ".touch", true);
	if (strcmp(verb, "rm") == 0)
		return do_file(name, ".json", false);
	return 2;
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 2) {
		(void)fputs(usage, stderr);
		return 2;
	}
	if (softkey_dir() == NULL) {
		(void)fputs("softkey: ZTJ_SOFTKEY_DIR must name a directory, from /\n", stderr);
		return 2;
	}
	if ((r = run(argc, argv)) == 2)
		(void)fputs(usage, stderr);
	return r;
}
