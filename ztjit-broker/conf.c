/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/conf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/dest.h"

#define KEY(member, kind, lo, hi, def, help) \
	{ \
#member, ZTJ_CONF_##kind, offsetof(struct broker_conf, member), lo, hi, def, help \
	}

static const struct ztj_conf_key table[] = {
	KEY(domain, STRING, 1, 64, NULL, "the domain of every statement"),
	KEY(directory, STRING, 1, 1024, NULL, "where keys, database and state stand"),
	KEY(listen, STRINGS, 1, 16, NULL, "addresses and ports to listen on"),
	KEY(policy_roots, STRING, 0, 1024, "", "pinned roots; DIRECTORY/policy_roots when empty"),
	KEY(ca_agent, STRING, 0, 100, "", "socket of an ssh-agent that holds the CA key"),
	KEY(ca_key, STRING, 0, 1024, "", "the CA key file; DIRECTORY/signer/ca.key when empty"),
	KEY(frontend_user, STRING, 1, 32, "ztjit-frontend", "user of the process that reads the network"),
	KEY(store_user, STRING, 1, 32, "ztjit-store", "user of the process that owns the database"),
	KEY(signer_user, STRING, 1, 32, "ztjit-signer", "user of the process that signs"),
	KEY(sender_user, STRING, 1, 32, "ztjit-sender", "user of the process that sends the audit log on"),
	KEY(send, STRINGS, 0, DESTS_MAX, "", "where the audit log is sent: NAME URL [OPTION=VALUE ...]"),
	KEY(ask_witnesses, BOOL, 0, 1, "false", "ask the witnesses of the policy to cosign the audit log"),
	KEY(witness_ca, STRING, 0, 1024, "/etc/ssl/certs/ca-certificates.crt",
	    "certificates that may have issued those of witnesses"),
	KEY(auto_join, STRING, 0, 1024, "",
	    "file with the token by which hosts are admitted without a person; none when empty"),
	KEY(status_interval, DURATION, 1, 300, "5s", "how often connected streams get a status"),
	KEY(handshake_timeout, DURATION, 1, 300, "10s", "to finish the TLS handshake"),
	KEY(header_timeout, DURATION, 1, 300, "10s", "to send the head of a request"),
	KEY(body_timeout, DURATION, 1, 3600, "30s", "to send the body of a request"),
	KEY(idle_timeout, DURATION, 1, 3600, "60s", "a connection may wait between requests"),
	KEY(max_connections, INT, 1, 200000, "16384", "connections at once"),
	KEY(max_per_address, INT, 1, 200000, "1024", "connections at once from one address"),
	KEY(max_streams, INT, 1, 1000, "8", "streams at once of one caller"),
	KEY(rate_identity, INT, 1, 100000, "50", "requests a second of one caller"),
	KEY(rate_statements, INT, 1, 1000000, "120", "statements a minute of one caller"),
	KEY(rate_anonymous, INT, 1, 1000000, "300", "requests a minute of unknown callers at one address"),
	KEY(max_open_requests, INT, 1, 10000, "50", "undecided or running requests of one person"),
	KEY(metrics_from, STRINGS, 0, 16, "", "addresses beside loopback that may read /metrics"),
	KEY(records_days, INT, 0, 36500, "365", "days that records of sessions are kept; 0: for ever"),
	KEY(records_max, INT, 0, 1000000000, "0",
	    "MiB of ended records kept; the oldest of the host that has most go first; 0: no limit"),
	KEY(max_open_records, INT, 1, 1000000, "2048", "records of one host that have not ended"),
	KEY(records_free, INT, 0, 1000000000, "512", "MiB of the disk that records leave free"),
	KEY(debug, BOOL, 0, 1, "false", "log what peers did wrong"),
};
#define NKEYS (sizeof(table) / sizeof(table[0]))

int broker_path(const struct broker_conf *conf, const char *name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s", conf->directory, name);
	return n < 0 || n >= PATH_MAX ? ZTJ_TOO_LARGE : ZTJ_OK;
}

/* An empty path becomes directory/name. */
static int complete(const struct broker_conf *conf, char **value, const char *name)
{
	char path[PATH_MAX];
	if ((*value)[0] != '\0')
		return ZTJ_OK;
	int r = broker_path(conf, name, path);
	if (r != ZTJ_OK)
		return r;
	char *copy = strdup(path);
	if (copy == NULL)
		return ZTJ_NOMEM;
	free(*value);
	*value = copy;
	return ZTJ_OK;
}

static int parse_port(const char *text, in_port_t *port)
{
	int64_t n;
	int r = ztj_parse_int(text, 0, 65535, &n);
	if (r == ZTJ_OK)
		*port = htons((uint16_t)n);
	return r;
}

int broker_listen_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	char host[64];
	memset(out, 0, sizeof(*out));
	const char *colon = strrchr(text, ':');
	if (colon == NULL)
		return ZTJ_CONFIG;
	bool v6 = text[0] == '[';
	const char *from = v6 ? text + 1 : text;
	const char *to = v6 ? colon - 1 : colon;
	if (to <= from || (v6 && *to != ']') || (size_t)(to - from) >= sizeof(host))
		return ZTJ_CONFIG;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	if (v6) {
		struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
		if (inet_pton(AF_INET6, host, &sin6.sin6_addr) != 1 ||
		    parse_port(colon + 1, &sin6.sin6_port) != ZTJ_OK)
			return ZTJ_CONFIG;
		memcpy(out, &sin6, sizeof(sin6));
		*len = sizeof(sin6);
	} else {
		struct sockaddr_in sin = { .sin_family = AF_INET };
		if (inet_pton(AF_INET, host, &sin.sin_addr) != 1 ||
		    parse_port(colon + 1, &sin.sin_port) != ZTJ_OK)
			return ZTJ_CONFIG;
		memcpy(out, &sin, sizeof(sin));
		*len = sizeof(sin);
	}
	return ZTJ_OK;
}

static int check_dest(const struct ztj_conf_list *send, size_t i, char *what, size_t size)
{
	struct dest_conf d, other;
	int r = dest_parse(send->s[i], &d, what, size);
	for (size_t k = 0; r == ZTJ_OK && k < i; k++) {
		r = dest_parse(send->s[k], &other, what, size);
		if (r == ZTJ_OK && strcmp(d.name, other.name) == 0) {
			snprintf(what, size, "%s: twice", d.name);
			r = ZTJ_CONFIG;
		}
	}
	return r;
}

/* What a table cannot say. */
static int check(const char *path, const struct broker_conf *conf, char *err, size_t errsize)
{
	struct sockaddr_storage ss;
	socklen_t len;
	char what[512];
	if (!ztj_domain_ok(conf->domain)) {
		snprintf(err, errsize, "%s: domain: not a domain", path);
		return ZTJ_CONFIG;
	}
	if (conf->directory[0] != '/') {
		snprintf(err, errsize, "%s: directory: must begin with /", path);
		return ZTJ_CONFIG;
	}
	for (size_t i = 0; i < conf->listen.n; i++) {
		if (broker_listen_parse(conf->listen.s[i], &ss, &len) == ZTJ_OK)
			continue;
		snprintf(err, errsize, "%s: listen: %s: not ADDRESS:PORT", path, conf->listen.s[i]);
		return ZTJ_CONFIG;
	}
	for (size_t i = 0; i < conf->send.n; i++) {
		int r = check_dest(&conf->send, i, what, sizeof(what));
		if (r == ZTJ_OK)
			continue;
		snprintf(err, errsize, "%s: send: %s", path, what);
		return r;
	}
	return ZTJ_OK;
}

int broker_conf_load(const char *path, struct broker_conf *conf, char *err, size_t errsize)
{
	memset(conf, 0, sizeof(*conf));
	err[0] = '\0';
	int r = ztj_conf_load(table, NKEYS, path, geteuid(), conf, err, errsize);
	if (r == ZTJ_OK)
		r = check(path, conf, err, errsize);
	if (r == ZTJ_OK)
		r = complete(conf, &conf->policy_roots, "policy_roots");
	if (r == ZTJ_OK && conf->ca_agent[0] == '\0')
		r = complete(conf, &conf->ca_key, "signer/ca.key");
	if (r != ZTJ_OK && err[0] == '\0')
		snprintf(err, errsize, "%s: %s", path, ztj_err_text(r));
	return r;
}

int broker_conf_dump(const struct broker_conf *conf, struct ztj_buf *out)
{
	return ztj_conf_dump(table, NKEYS, conf, out);
}

void broker_conf_free(struct broker_conf *conf)
{
	ztj_conf_free(table, NKEYS, conf);
}

static int load_pub(const struct broker_conf *conf, const char *name, struct ztj_key *out, char *err,
    size_t errsize)
{
	const struct ztj_file_rule rule = { .owner = geteuid() };
	char path[PATH_MAX];
	struct ztj_buf text;
	ztj_buf_init(&text, 4096);
	int r = broker_path(conf, name, path);
	if (r == ZTJ_OK)
		r = ztj_file_read(path, &rule, 4096, &text);
	if (r == ZTJ_OK)
		r = ztj_key_from_line(out, ztj_buf_view(&text));
	if (r != ZTJ_OK)
		snprintf(err, errsize, "%s/%s: %s", conf->directory, name, ztj_err_text(r));
	ztj_buf_free(&text);
	return r;
}

int broker_keys_load(const struct broker_conf *conf, struct broker_keys *out, char *err, size_t errsize)
{
	int r = load_pub(conf, "tls.pub", &out->tls, err, errsize);
	if (r == ZTJ_OK)
		r = load_pub(conf, "online.pub", &out->online, err, errsize);
	if (r == ZTJ_OK)
		r = load_pub(conf, "ca.pub", &out->ca, err, errsize);
	return r;
}
