/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The client object, and a transfer handle with everything set that is common to all calls. */
#include "libztjit/net/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000L

static int copy_conf(struct ztj_net *n, const struct ztj_net_conf *conf)
{
	if ((n->urls = calloc(conf->nurls, sizeof *n->urls)) == NULL)
		return ZTJ_NOMEM;
	n->nurls = conf->nurls;
	for (size_t i = 0; i < conf->nurls; i++) {
		if (strncmp(conf->urls[i], "https://", 8) != 0)
			return ZTJ_USAGE;
		char *u = strdup(conf->urls[i]);

		if (u == NULL)
			return ZTJ_NOMEM;
		for (size_t len = strlen(u); len > 8 && u[len - 1] == '/'; len--)
			u[len - 1] = '\0';
		n->urls[i] = u;
	}
	if (conf->npins > 0) {
		if ((n->pins = calloc(conf->npins, sizeof *n->pins)) == NULL)
			return ZTJ_NOMEM;
		for (size_t i = 0; i < conf->npins; i++)
			n->pins[i] = conf->pins[i];
		n->npins = conf->npins;
	}
	n->timeout_ms = conf->timeout_ms;
	n->max_reply = conf->max_reply;
	return ZTJ_OK;
}

int ztj_net_open(const struct ztj_net_conf *conf, struct ztj_net **out)
{
	struct ztj_net *n;
	int r;

	*out = NULL;
	if (conf->nurls == 0 || conf->nurls > ZTJ_NET_URLS_MAX || conf->timeout_ms <= 0 ||
	    conf->max_reply == 0)
		return ZTJ_USAGE;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ZTJ_INTERNAL;
	if ((n = calloc(1, sizeof *n)) == NULL) {
		curl_global_cleanup();
		return ZTJ_NOMEM;
	}
	r = copy_conf(n, conf);
	if (r == ZTJ_OK && conf->client != NULL)
		r = ztj_net_certify(conf->client, "ztjit", 946684800, &n->cert, &n->key);
	/* no "Expect: 100-continue": it costs a round trip, and no list of what we accept */
	if (r == ZTJ_OK &&
	    ((n->headers = curl_slist_append(NULL, "Content-Type: application/json")) == NULL ||
		curl_slist_append(n->headers, "Expect:") == NULL ||
		(n->raw = curl_slist_append(NULL, "Content-Type: application/octet-stream")) == NULL ||
		curl_slist_append(n->raw, "Expect:") == NULL))
		r = ZTJ_NOMEM;
	if (r != ZTJ_OK) {
		ztj_net_close(n);
		return r;
	}
	*out = n;
	return ZTJ_OK;
}

void ztj_net_close(struct ztj_net *n)
{
	if (n == NULL)
		return;
	if (n->easy != NULL)
		curl_easy_cleanup(n->easy);
	curl_slist_free_all(n->headers);
	curl_slist_free_all(n->raw);
	for (size_t i = 0; n->urls != NULL && i < n->nurls; i++)
		free(n->urls[i]);
	free(n->urls);
	free(n->pins);
	X509_free(n->cert);
	EVP_PKEY_free(n->key);
	free(n);
	curl_global_cleanup();
}

static bool plain_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *p = path; *p != '\0'; p++)
		if (*p <= ' ' || *p == 0x7f || *p == '#')
			return false;
	return true;
}

static CURLcode set_target(struct ztj_net *n, CURL *e, size_t url, const char *path)
{
	char *full = NULL;
	CURLcode rc;

	if (asprintf(&full, "%s%s", n->urls[url], path) < 0)
		return CURLE_OUT_OF_MEMORY;
	rc = curl_easy_setopt(e, CURLOPT_URL, full);
	free(full);
	return rc;
}

static CURLcode set_method(struct ztj_net *n, CURL *e, const char *method, struct ztj_view body)
{
	CURLcode rc;

	if (strcmp(method, "GET") == 0)
		return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	if (strcmp(method, "POST") == 0) {
		if ((rc = curl_easy_setopt(e, CURLOPT_POST, 1L)) == CURLE_OK &&
		    (rc = curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n)) == CURLE_OK)
			rc = curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS,
			    body.n > 0 ? (const char *)body.p : "");
		if (rc == CURLE_OK && body.n > 0 && body.p[0] != '{')
			rc = curl_easy_setopt(e, CURLOPT_HTTPHEADER, n->raw);
		return rc;
	}
	if (strcmp(method, "DELETE") == 0)
		return curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "DELETE");
	return CURLE_BAD_FUNCTION_ARGUMENT;
}

#define SET(opt, val) \
	do { \
		if (rc == CURLE_OK) \
			rc = curl_easy_setopt(e, opt, val); \
	} while (0)

static CURLcode set_common(struct ztj_net *n, CURL *e)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	/* curl's own checks are off because ztj_net_tls_setup puts the pins in their place; a
	 * libcurl that cannot call it refuses the option, and then there is no transfer */
	SET(CURLOPT_SSL_VERIFYPEER, 0L);
	SET(CURLOPT_SSL_VERIFYHOST, 0L);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_SSL_CTX_FUNCTION, ztj_net_tls_setup);
	SET(CURLOPT_SSL_CTX_DATA, n);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_USERAGENT, "ztjit");
	SET(CURLOPT_HTTPHEADER, n->headers);
	SET(CURLOPT_CONNECTTIMEOUT_MS, n->timeout_ms < CONNECT_MS ? n->timeout_ms : CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, n->timeout_ms);
	SET(CURLOPT_ERRORBUFFER, n->curl_why);
	return rc;
}

int ztj_net_prepare(struct ztj_net *n, CURL *easy, size_t url, const char *method, const char *path,
    struct ztj_view body)
{
	CURLcode rc;

	if (url >= n->nurls || !plain_path(path))
		return ZTJ_USAGE;
	curl_easy_reset(easy);
	rc = set_common(n, easy);
	if (rc == CURLE_OK)
		rc = set_target(n, easy, url, path);
	if (rc == CURLE_OK)
		rc = set_method(n, easy, method, body);
	if (rc == CURLE_OUT_OF_MEMORY)
		return ZTJ_NOMEM;
	return rc == CURLE_OK ? ZTJ_OK : ZTJ_INTERNAL;
}

int ztj_net_easy(struct ztj_net *n, size_t url, const char *method, const char *path, struct ztj_view body,
    CURL **out)
{
	CURL *e = curl_easy_init();
	int r;

	*out = NULL;
	if (e == NULL)
		return ZTJ_NOMEM;
	if ((r = ztj_net_prepare(n, e, url, method, path, body)) != ZTJ_OK) {
		curl_easy_cleanup(e);
		return r;
	}
	*out = e;
	return ZTJ_OK;
}

int ztj_net_peer_key(const struct ztj_net *n, struct ztj_key *out)
{
	*out = (struct ztj_key){ .type = ZTJ_KEY_NONE };
	if (!n->has_peer)
		return ZTJ_NOT_FOUND;
	*out = n->peer;
	return ZTJ_OK;
}

const char *ztj_net_why(const struct ztj_net *n)
{
	return n->why;
}
