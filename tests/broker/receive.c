/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/broker/bk.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/broker/receive.h"

#define RSYSLOGD "/usr/sbin/rsyslogd"
#define START_MS 10000

void run_shell(const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_in_range(n, 1, sizeof(command) - 1);
	if (shell(command) != 0)
		fail_msg("%s", command);
}

static void make_dir(char dir[64])
{
	(void)snprintf(dir, 64, "/tmp/ztjit-receive.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
}

/* A child that ends with us. */
static pid_t spawn(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void end(pid_t *pid, int sig)
{
	if (*pid <= 0)
		return;
	(void)kill(*pid, sig);
	(void)waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* --- certificates --- */

void certs_make(struct certs *c)
{
	static const char *const issued[] = { "server", "client" };
	char path[128];
	make_dir(c->dir);
	run_shell(
	    "cd %s && for n in ca other; do openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=$n"
	    " -keyout $n.key -out $n.pem 2>log || exit 1; done",
	    c->dir);
	for (size_t i = 0; i < 2; i++)
		run_shell(
		    "cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s"
		    " -keyout %s.key -out %s.csr 2>log && printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n' >ext"
		    " && openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
		    " -extfile ext -out %s.pem 2>log && chmod 600 *.key",
		    c->dir, issued[i], issued[i], issued[i], issued[i], issued[i]);
	run_shell("cd %s && openssl x509 -in server.pem -noout -pubkey | openssl pkey -pubin -outform DER |"
		  " openssl dgst -sha256 -binary | openssl base64 -A >pin",
	    c->dir);
	(void)snprintf(path, sizeof(path), "%s/pin", c->dir);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	char text[48];
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	(void)snprintf(c->pin, sizeof(c->pin), "sha256//%s", text);
}

void certs_free(struct certs *c)
{
	run_shell("rm -rf %s", c->dir);
}

/* --- rsyslogd --- */

bool rsyslog_is_there(void)
{
	return access(RSYSLOGD, X_OK) == 0;
}

static void write_conf(const struct rsyslog *r, enum rsyslog_tls tls, const struct certs *c)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/conf", r->dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	(void)fprintf(f, "global(workDirectory=\"%s\" maxMessageSize=\"128k\" net.enableDNS=\"off\"", r->dir);
	if (tls != RSYSLOG_PLAIN)
		(void)fprintf(f,
		    " defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"%s/ca.pem\""
		    " defaultNetstreamDriverCertFile=\"%s/server.pem\" defaultNetstreamDriverKeyFile=\"%s/server.key\"",
		    c->dir, c->dir, c->dir);
	(void)fprintf(f, ")\n");
	if (tls == RSYSLOG_PLAIN)
		(void)fprintf(f,
		    "module(load=\"imtcp\")\nmodule(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"%d\""
		    " rcvbufSize=\"4m\")\n",
		    r->port);
	else
		(void)fprintf(f,
		    "module(load=\"imtcp\" streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"%s\")\n",
		    tls == RSYSLOG_TLS_CLIENTS ? "x509/certvalid" : "anon");
	/* nothing says that 127.0.0.2 is this machine */
	for (int i = 1; i <= 2; i++)
		(void)fprintf(f, "input(type=\"imtcp\" address=\"127.0.0.%d\" port=\"%d\")\n", i, r->port);
	(void)fprintf(f,
	    "template(name=\"m\" type=\"string\" string=\"%%msg%%\\n\")\n"
	    "template(name=\"h\" type=\"string\""
	    " string=\"%%pri%%|%%hostname%%|%%app-name%%|%%procid%%|%%msgid%%|%%structured-data%%\\n\")\n"
	    "action(type=\"omfile\" file=\"%s/messages\" template=\"m\")\n"
	    "action(type=\"omfile\" file=\"%s/heads\" template=\"h\")\n",
	    r->dir, r->dir);
	assert_int_equal(fclose(f), 0);
}

static bool takes_connections(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == 0;
	(void)close(fd);
	return yes;
}

void rsyslog_again(struct rsyslog *r)
{
	char conf[128], pid[128], said[128];
	(void)snprintf(conf, sizeof(conf), "%s/conf", r->dir);
	(void)snprintf(pid, sizeof(pid), "%s/pid", r->dir);
	(void)snprintf(said, sizeof(said), "%s/said", r->dir);
	(void)unlink(pid);
	r->pid = spawn();
	if (r->pid == 0) {
		int log = open(said, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		(void)dup2(log, 1);
		(void)dup2(log, 2);
		(void)execl(RSYSLOGD, "rsyslogd", "-n", "-f", conf, "-i", pid, (char *)NULL);
		_exit(127);
	}
	for (int waited = 0; waited < START_MS; waited += 20) {
		if (takes_connections(r->port))
			return;
		(void)usleep(20000);
	}
	fail_msg("rsyslogd did not start: %s", conf);
}

void rsyslog_start(struct rsyslog *r, enum rsyslog_tls tls, const struct certs *c)
{
	memset(r, 0, sizeof(*r));
	make_dir(r->dir);
	r->port = bk_free_port();
	write_conf(r, tls, c);
	rsyslog_again(r);
}

void rsyslog_end(struct rsyslog *r, int sig)
{
	end(&r->pid, sig);
}

void rsyslog_free(struct rsyslog *r)
{
	end(&r->pid, SIGTERM);
	run_shell("rm -rf %s", r->dir);
}

/* --- HTTPS --- */

static int listen_on(int *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

static void keep(const char *dir, unsigned n, const char *what, const char *p, size_t len)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%u.%s", dir, n, what);
	FILE *f = fopen(path, "we");
	if (f == NULL || fwrite(p, 1, len, f) != len || fclose(f) != 0)
		_exit(1);
}

/* One request, whole. */
static bool serve(SSL *ssl, const char *dir, unsigned n, long status)
{
	static char in[4 * 1024 * 1024];
	char out[256];
	size_t len = 0, body = 0, want = 0;
	while (body == 0 || len < body + want) {
		int got = SSL_read(ssl, in + len, (int)(sizeof(in) - 1 - len));
		if (got <= 0)
			return false;
		len += (size_t)got;
		in[len] = '\0';
		const char *end_of_head = strstr(in, "\r\n\r\n"), *length = strstr(in, "Content-Length: ");
		if (body == 0 && end_of_head != NULL && length != NULL) {
			body = (size_t)(end_of_head - in) + 4;
			want = (size_t)strtoul(length + 16, NULL, 10);
		}
	}
	keep(dir, n, "heads", in, body);
	keep(dir, n, "body", in + body, want);
	int m = status > 1
	    ? snprintf(out, sizeof(out),
		  "HTTP/1.1 %ld x\r\nLocation: /taken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		  status)
	    : snprintf(out, sizeof(out), "nonsense\n\n");
	if (status == 0)
		return true;
	(void)SSL_write(ssl, out, m);
	(void)SSL_shutdown(ssl);
	return true;
}

static void web_run(int fd, const struct certs *c, const char *dir, const char *statuses)
{
	char cert[128], key[128];
	char *next = (char *)(uintptr_t)statuses;
	long status = strtol(next, &next, 10);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(cert, sizeof(cert), "%s/server.pem", c->dir);
	(void)snprintf(key, sizeof(key), "%s/server.key", c->dir);
	if (ctx == NULL || SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		_exit(1);
	for (unsigned n = 0;;) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		SSL *ssl = SSL_new(ctx);
		if (ssl != NULL && SSL_set_fd(ssl, peer) == 1 && SSL_accept(ssl) == 1 &&
		    serve(ssl, dir, n, status)) {
			n++;
			if (*next != '\0')
				status = strtol(next, &next, 10);
		}
		SSL_free(ssl);
		(void)close(peer);
	}
}

void web_start(struct web *w, const struct certs *c, const char *statuses)
{
	make_dir(w->dir);
	int fd = listen_on(&w->port);
	w->pid = spawn();
	if (w->pid == 0)
		web_run(fd, c, w->dir, statuses);
	(void)close(fd);
}

void web_end(struct web *w)
{
	end(&w->pid, SIGKILL);
	run_shell("rm -rf %s", w->dir);
}

pid_t deaf_start(int *port)
{
	int fd = listen_on(port), small = 4096;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	pid_t pid = spawn();
	while (pid == 0)
		(void)accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	(void)close(fd);
	return pid;
}
