/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Receivers of the audit log for tests: rsyslogd of the distribution on the loopback, an HTTPS server that answers as it
 * is told, and one that accepts and never reads. Failures end the running test.
 */
#ifndef ZTJ_TESTS_BROKER_RECEIVE_H
#define ZTJ_TESTS_BROKER_RECEIVE_H

#include <stdbool.h>
#include <sys/types.h>

/* A directory with ca.pem (which issued the certificate of 127.0.0.1 and localhost in server.pem, server.key), other.pem (another one that
 * issued nothing) and client.pem, client.key; pin: of server.key, sha256//… */
struct certs {
	char dir[64];
	char pin[64];
};
void certs_make(struct certs *c);
void certs_free(struct certs *c);
/* A command that must succeed. */
void run_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct rsyslog {
	char dir[64];       /* with messages (JSON alone) and heads (PRI|HOST|APP|PROCID|MSGID|DATA) */
	int port;           /* of UDP and TCP, or of TLS */
	pid_t pid;
};
enum rsyslog_tls { RSYSLOG_PLAIN, RSYSLOG_TLS, RSYSLOG_TLS_CLIENTS };
bool rsyslog_is_there(void);
void rsyslog_start(struct rsyslog *r, enum rsyslog_tls tls, const struct certs *c);
void rsyslog_again(struct rsyslog *r);
/* SIGKILL, or SIGTERM. */
void rsyslog_end(struct rsyslog *r, int sig);
void rsyslog_free(struct rsyslog *r);

/* Appends the body of every POST to FILE.N, with its heads in FILE.N.heads, and answers with the statuses in turn, then with
 * the last one; 0: with nothing, 1: with nonsense. */
struct web { int port; pid_t pid; char dir[64]; };
void web_start(struct web *w, const struct certs *c, const char *statuses);
void web_end(struct web *w);

/* Accepts and never reads. */
pid_t deaf_start(int *port);

#endif
