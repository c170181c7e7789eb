/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * broker.conf, ztjit-broker.conf(5), and where the broker's files stand.
 */
#ifndef ZTJ_BROKER_CONF_H
#define ZTJ_BROKER_CONF_H

#include <limits.h>
#include <sys/socket.h>

#include "libztjit/core/key.h"
#include "libztjit/sys/conf.h"

struct broker_conf {
	char *domain, *directory, *policy_roots, *ca_agent, *ca_key;
	struct ztj_conf_list listen, metrics_from;
	char *frontend_user, *store_user, *signer_user, *sender_user;
	struct ztj_conf_list send; /* dest.h */
	bool ask_witnesses;
	char *witness_ca;
	char *auto_join; /* "": nobody is admitted without a person */
	int64_t status_interval, handshake_timeout, header_timeout, body_timeout, idle_timeout;
	int64_t max_connections, max_per_address, max_streams;
	int64_t rate_identity, rate_statements, rate_anonymous, max_open_requests;
	int64_t records_days, records_max, records_free; /* 0: for ever; MiB, 0: no limit; MiB */
	int64_t max_open_records;
	bool debug;
};

/* Loads and completes the file (paths that follow from `directory`). err gets "file:line: key: what". */
int broker_conf_load(const char *path, struct broker_conf *conf, char *err, size_t errsize) ZTJ_MUST_CHECK;
int broker_conf_dump(const struct broker_conf *conf, struct ztj_buf *out) ZTJ_MUST_CHECK;
void broker_conf_free(struct broker_conf *conf);

/* directory "/" name; ZTJ_TOO_LARGE when it does not fit. */
int broker_path(const struct broker_conf *conf, const char *name, char out[PATH_MAX]) ZTJ_MUST_CHECK;

/* The public halves, from *.pub files in the directory: what the policy must name. */
struct broker_keys {
	struct ztj_key tls, online, ca;
};
int broker_keys_load(const struct broker_conf *conf, struct broker_keys *out, char *err, size_t errsize)
    ZTJ_MUST_CHECK;

/* "ADDR:PORT" or "[V6]:PORT" into a socket address. ZTJ_CONFIG. */
int broker_listen_parse(const char *text, struct sockaddr_storage *out, socklen_t *len) ZTJ_MUST_CHECK;

#endif
