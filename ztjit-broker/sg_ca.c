/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "libztjit/core/agentmsg.h"
#include "libztjit/core/keyfile.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/signer.h"

#define AGENT_SECONDS 10
#define KEY_FILE_MAX 16384

int ca_read_key(const char *path, uid_t owner, struct ztj_seckey *out)
{
	const struct ztj_file_rule rule = { .owner = owner, .secret = true, .check_parents = true };
	struct ztj_keyfile kf;
	struct ztj_buf text;
	memset(&kf, 0, sizeof(kf));
	ztj_buf_init(&text, KEY_FILE_MAX);
	int r = ztj_file_read(path, &rule, KEY_FILE_MAX, &text);
	if (r == ZTJ_OK)
		r = ztj_keyfile_parse(&kf, ztj_buf_view(&text));
	if (r == ZTJ_OK)
		r = ztj_keyfile_seckey(&kf, out);
	ztj_keyfile_wipe(&kf);
	ztj_buf_free(&text);
	return r;
}

static int dial(const char *path, int *out)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval tv = { .tv_sec = AGENT_SECONDS };
	*out = -1;
	if (strlen(path) >= sizeof(sun.sun_path))
		return ZTJ_TOO_LARGE;
	memcpy(sun.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ZTJ_SYSTEM;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0 ||
	    connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
		(void)close(fd);
		return ZTJ_UNREACHABLE;
	}
	*out = fd;
	return ZTJ_OK;
}

static int send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return ZTJ_UNREACHABLE;
		p += w;
		n -= (size_t)w;
	}
	return ZTJ_OK;
}

static int recv_all(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t g = recv(fd, p, n, 0);
		if (g < 0 && errno == EINTR)
			continue;
		if (g <= 0)
			return g < 0 && errno == EAGAIN ? ZTJ_TIMEOUT : ZTJ_UNREACHABLE;
		p += g;
		n -= (size_t)g;
	}
	return ZTJ_OK;
}

/* One question, one answer. */
static int exchange(int fd, const struct ztj_buf *req, struct ztj_buf *rep)
{
	uint8_t head[4], chunk[4096];
	struct ztj_buf framed;
	ztj_buf_init(&framed, ZTJ_AGENT_MSG_MAX + 4);
	int r = ztj_buf_put_string(&framed, req->p, req->n);
	if (r == ZTJ_OK)
		r = send_all(fd, framed.p, framed.n);
	ztj_buf_free(&framed);
	if (r == ZTJ_OK)
		r = recv_all(fd, head, sizeof(head));
	if (r != ZTJ_OK)
		return r;
	size_t left = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (left == 0 || left > ZTJ_AGENT_MSG_MAX)
		return ZTJ_PROTOCOL;
	while (r == ZTJ_OK && left > 0) {
		size_t n = left < sizeof(chunk) ? left : sizeof(chunk);
		r = recv_all(fd, chunk, n);
		if (r == ZTJ_OK)
			r = ztj_buf_put(rep, chunk, n);
		left -= n;
	}
	return r;
}

struct finding {
	const struct ztj_key *want;
	struct ztj_key key;
	unsigned n;
};

static int each_identity(struct ztj_view blob, struct ztj_view comment, void *arg)
{
	struct finding *f = arg;
	struct ztj_key k;
	(void)comment;
	if (ztj_key_from_blob(&k, blob) != ZTJ_OK || (k.type != ZTJ_KEY_ED25519 && k.type != ZTJ_KEY_ECDSA))
		return 0;
	if (f->want != NULL && !ztj_key_equal(f->want, &k))
		return 0;
	f->key = k;
	f->n++;
	return 0;
}

int ca_agent_find(const char *socket_path, const struct ztj_key *want, struct ztj_key *out)
{
	struct finding f = { .want = want };
	struct ztj_buf req, rep;
	int fd;
	ztj_buf_init(&req, 64);
	ztj_buf_init(&rep, ZTJ_AGENT_MSG_MAX);
	int r = dial(socket_path, &fd);
	if (r == ZTJ_OK)
		r = ztj_agent_req_identities(&req);
	if (r == ZTJ_OK)
		r = exchange(fd, &req, &rep);
	if (r == ZTJ_OK)
		r = ztj_agent_parse_identities(ztj_buf_view(&rep), each_identity, &f);
	if (r == ZTJ_OK && f.n != 1)
		r = f.n == 0 ? ZTJ_NOT_FOUND : ZTJ_AMBIGUOUS;
	if (r == ZTJ_OK)
		*out = f.key;
	if (fd >= 0)
		(void)close(fd);
	ztj_buf_free(&req);
	ztj_buf_free(&rep);
	return r;
}

int ca_open(struct ca *ca, const struct broker_conf *conf, const struct ztj_key *pub, uid_t owner)
{
	memset(ca, 0, sizeof(*ca));
	ca->fd = -1;
	ca->pub = *pub;
	if (conf->ca_agent[0] == '\0') {
		int r = ca_read_key(conf->ca_key, owner, &ca->key);
		if (r == ZTJ_OK && !ztj_key_equal(&ca->key.pub, pub))
			r = ZTJ_WRONG_KEY; /* ca.pub is what the policy names */
		return r;
	}
	size_t n = strlen(conf->ca_agent);
	if (n >= sizeof(ca->socket))
		return ZTJ_TOO_LARGE;
	memcpy(ca->socket, conf->ca_agent, n + 1);
	ca->agent = true;
	return ZTJ_OK;
}

void ca_close(struct ca *ca)
{
	ztj_seckey_wipe(&ca->key);
	if (ca->agent && ca->fd >= 0)
		(void)close(ca->fd);
	ca->fd = -1;
}

static int agent_sign_once(struct ca *ca, const struct ztj_buf *req, struct ztj_buf *sig)
{
	struct ztj_buf rep;
	struct ztj_view blob;
	int r = ca->fd >= 0 ? ZTJ_OK : dial(ca->socket, &ca->fd);
	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&rep, ZTJ_AGENT_MSG_MAX);
	r = exchange(ca->fd, req, &rep);
	if (r != ZTJ_OK) {
		/* Half an exchange leaves the connection of no use. */
		(void)close(ca->fd);
		ca->fd = -1;
	}
	if (r == ZTJ_OK)
		r = ztj_agent_parse_signature(ztj_buf_view(&rep), &blob);
	if (r == ZTJ_OK)
		r = ztj_buf_put(sig, blob.p, blob.n);
	ztj_buf_free(&rep);
	return r;
}

static int agent_sign(struct ca *ca, struct ztj_view tbs, struct ztj_buf *sig)
{
	struct ztj_sig_info info;
	struct ztj_buf req, blob;
	bool was_open = ca->fd >= 0;
	ztj_buf_init(&req, ZTJ_AGENT_MSG_MAX);
	ztj_buf_init(&blob, ZTJ_KEY_BLOB_MAX);
	int r = ztj_key_to_blob(&ca->pub, &blob);
	if (r == ZTJ_OK)
		r = ztj_agent_req_sign(ztj_buf_view(&blob), tbs, 0, &req);
	if (r == ZTJ_OK)
		r = agent_sign_once(ca, &req, sig);
	if (r == ZTJ_UNREACHABLE && was_open)
		r = agent_sign_once(ca, &req, sig); /* the agent was restarted */
	/* An agent is another program: what it returns is looked at before it is passed on. */
	if (r == ZTJ_OK)
		r = ztj_sig_verify(&ca->pub, ztj_buf_view(sig), tbs, &info);
	ztj_buf_free(&req);
	ztj_buf_free(&blob);
	return r;
}

int ca_sign(struct ca *ca, struct ztj_view tbs, struct ztj_buf *sig)
{
	return ca->agent ? agent_sign(ca, tbs, sig) : ztj_seckey_sign(&ca->key, tbs, sig);
}
