/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The signer process. Whom it trusts: the roots in its own policy_roots file, nobody else. The store
 * may ask for six things (PROTOCOL section 7); whatever it says is verified here.
 */
#include "ztjit-broker/signer.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/child.h"
#include "ztjit-broker/delta.h"

#define SIGS_REMEMBERED 16384
#define POLICY_ROOTS_MAX ((size_t)64 * 1024)

struct signer {
	const struct broker_conf *conf;
	struct event_base *base;
	struct chan *store;
	struct ztj_pins pins;
	struct ztj_sigcache *sigs;
	struct ztj_trust *trust;
	struct ztj_trustdir *dir;
	struct ztj_seckey online;
	struct ca ca;
	struct serial serial;
	bool auto_join;
	uint8_t token[ZTJ_TOKEN_LEN];
	struct sg_log log;
};

static int reply(struct signer *sg, uint8_t type, const struct ztj_buf *msg)
{
	int r = ztj_buf_status(msg);
	return r == ZTJ_OK ? chan_send(sg->store, type, ztj_buf_view(msg)) : r;
}

static int read_signed(struct ztj_rd *rd, size_t max, struct ztj_signed *s)
{
	struct ztj_view container;
	struct ztj_rd in;
	int r = ztj_rd_string(rd, max, &container);
	if (r != ZTJ_OK)
		return r;
	ztj_rd_init(&in, container);
	r = ztj_signed_read(&in, s);
	return r == ZTJ_OK ? ztj_rd_end(&in) : r;
}

static int offer_directory(struct signer *sg, struct ztj_rd *rd, int64_t now, bool *changed)
{
	char name[ZTJ_NAME_SIZE];
	struct proto_list statements, drop, put;
	struct delta d;
	int r = ztj_rd_cstring(rd, name, sizeof(name));
	if (r == ZTJ_OK)
		r = proto_list_read(rd, ZTJ_DIR_RECORDS_MAX, PROTO_CONTAINER_MAX, &statements);
	if (r == ZTJ_OK)
		r = proto_list_read(rd, ZTJ_DIR_RECORDS_MAX, ZTJ_HOSTNAME_SIZE, &drop);
	if (r == ZTJ_OK)
		r = proto_list_read(rd, ZTJ_DIR_RECORDS_MAX, ZTJ_RECORD_MAX, &put);
	if (r == ZTJ_OK)
		r = delta_make(name, statements, drop, put, &d);
	if (r != ZTJ_OK)
		return r;
	r = ztj_trustdir_directory(sg->dir, sg->trust, &d.u, now, changed);
	delta_free(&d);
	return r;
}

/* An offer is taken or refused; a refusal is the store's problem, and worth an alarm on both sides. */
static int do_offer(struct signer *sg, uint8_t type, struct ztj_rd *rd, uint32_t tag, int64_t now)
{
	struct ztj_signed s;
	struct ztj_buf msg;
	bool changed = false;
	int r;
	if (type == SGN_DIRECTORY) {
		r = offer_directory(sg, rd, now, &changed);
	} else {
		r = read_signed(rd, 2 * PROTO_CONTAINER_MAX, &s);
		if (r == ZTJ_OK)
			r = type == SGN_POLICY
			    ? ztj_trustdir_policy(sg->dir, sg->trust, &s, now, &changed)
			    : ztj_trustdir_revocation(sg->dir, sg->trust, &s, now, &changed);
	}
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ALARM, "an offer of the store is refused: %s", ztj_err_text(r));
	ztj_buf_init(&msg, 16);
	ztj_buf_put_u32(&msg, tag);
	ztj_buf_put_u32(&msg, (uint32_t)-r);
	r = reply(sg, SGN_TAKEN, &msg);
	ztj_buf_free(&msg);
	return r;
}

static int do_certify(struct signer *sg, struct ztj_rd *rd, uint32_t tag, int64_t now)
{
	struct ztj_view key_blob, blob;
	struct ztj_key subject;
	struct ztj_bundle *b = NULL;
	struct made made = { .text = "" };
	struct ztj_buf msg;
	int r = ztj_rd_string(rd, ZTJ_KEY_BLOB_MAX, &key_blob);
	if (r == ZTJ_OK)
		r = ztj_rd_string(rd, ZTJ_BUNDLE_MAX, &blob);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK)
		return r; /* framing: the store is broken */
	ztj_buf_init(&made.cert, ZTJ_CERT_MAX);
	r = ztj_key_from_blob(&subject, key_blob);
	if (r == ZTJ_OK)
		r = ztj_bundle_read(blob, sg->pins.domain, sg->sigs, &b);
	if (r == ZTJ_OK)
		r = make_certificate(sg->trust, &sg->ca, &sg->serial, b, &subject, now, &made);
	if (r != ZTJ_OK && ztj_err_class(r) == ZTJ_CLASS_OUTAGE)
		ztj_log(ZTJ_LOG_ERROR, "no certificate: %s", ztj_err_text(r));
	struct certified done = { .tag = tag, .code = r, .serial = made.serial, .ends = made.ends };
	if (r == ZTJ_OK)
		done.cert = ztj_buf_view(&made.cert);
	done.text = ztj_view_str(made.text);
	ztj_buf_init(&msg, 2 * ZTJ_CERT_MAX);
	r = certified_write(&done, &msg);
	if (r == ZTJ_OK)
		r = reply(sg, SGN_CERTIFIED, &msg);
	ztj_bundle_free(b);
	ztj_buf_free(&made.cert);
	ztj_buf_free(&msg);
	return r;
}

static int do_join(struct signer *sg, struct ztj_rd *rd, uint32_t tag, int64_t now)
{
	struct joined done = { .tag = tag };
	struct join_made made = { .name = "" };
	struct ztj_signed s;
	struct ztj_buf msg;
	int r = read_signed(rd, 2 * ZTJ_STMT_MAX, &s);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK)
		return r;
	ztj_buf_init(&made.container, 2 * ZTJ_STMT_MAX);
	ztj_buf_init(&made.record, ZTJ_RECORD_MAX);
	done.code = sg->auto_join ? make_join(sg->trust, &sg->online, sg->token, &s, now, &made)
				  : ZTJ_FORBIDDEN;
	if (done.code == ZTJ_OK) {
		snprintf(done.name, sizeof(done.name), "%s", made.name);
		done.base = made.base;
		done.container = ztj_buf_view(&made.container);
		done.record = ztj_buf_view(&made.record);
	}
	ztj_buf_init(&msg, 4 * ZTJ_STMT_MAX);
	r = joined_write(&done, &msg);
	if (r == ZTJ_OK)
		r = reply(sg, SGN_JOINED, &msg);
	ztj_buf_free(&made.container);
	ztj_buf_free(&made.record);
	ztj_buf_free(&msg);
	return r;
}

static int do_status(struct signer *sg, struct ztj_rd *rd, uint32_t tag, int64_t now)
{
	struct status_spec spec = { .online = &sg->online, .now = now };
	struct ztj_buf container, msg;
	int r = ztj_rd_string(rd, ZTJ_CHECKPOINT_MAX, &spec.checkpoint);
	if (r == ZTJ_OK)
		r = ztj_rd_end(rd);
	if (r != ZTJ_OK)
		return r;
	if (sg_log_take(&sg->log, ztj_trust_held_policy(sg->trust), spec.checkpoint) != ZTJ_OK)
		spec.checkpoint = ztj_view_of(NULL, 0);
	ztj_buf_init(&container, 2 * ZTJ_STMT_MAX);
	ztj_buf_init(&msg, 3 * ZTJ_STMT_MAX);
	r = make_status(sg->trust, &spec, &container);
	if (r != ZTJ_OK)
		ztj_buf_reset(&container);
	ztj_buf_put_u32(&msg, tag);
	ztj_buf_put_u32(&msg, (uint32_t)-r);
	ztj_buf_put_view(&msg, ztj_buf_view(&container));
	r = reply(sg, SGN_STATUS_IS, &msg);
	ztj_buf_free(&container);
	ztj_buf_free(&msg);
	return r;
}

static int on_message(void *arg, uint8_t type, struct ztj_view body)
{
	struct signer *sg = arg;
	struct ztj_rd rd;
	uint32_t tag;
	int64_t now = (int64_t)time(NULL);
	ztj_rd_init(&rd, body);
	int r = ztj_rd_u32(&rd, &tag);
	if (r != ZTJ_OK)
		return r;
	switch (type) {
	case SGN_POLICY:
	case SGN_DIRECTORY:
	case SGN_REVOCATION:
		return do_offer(sg, type, &rd, tag, now);
	case SGN_CERTIFY:
		return do_certify(sg, &rd, tag, now);
	case SGN_STATUS:
		return do_status(sg, &rd, tag, now);
	case SGN_JOIN:
		return do_join(sg, &rd, tag, now);
	default:
		return ZTJ_PROTOCOL;
	}
}

static void on_batch(void *arg)
{
	struct signer *sg = arg;
	chan_flush(sg->store);
}

static void on_closed(void *arg, int err)
{
	struct signer *sg = arg;
	if (err != ZTJ_UNREACHABLE)
		ztj_log(ZTJ_LOG_ERROR, "a message could not be read: %s", ztj_err_text(err));
	event_base_loopbreak(sg->base);
}

static int read_pins(struct signer *sg)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .check_parents = true };
	struct ztj_buf text;
	unsigned line = 0;
	ztj_buf_init(&text, POLICY_ROOTS_MAX);
	int r = ztj_file_read(sg->conf->policy_roots, &rule, POLICY_ROOTS_MAX, &text);
	if (r == ZTJ_OK)
		r = ztj_pins_parse(ztj_buf_view(&text), &sg->pins, &line);
	if (r == ZTJ_OK && strcmp(sg->pins.domain, sg->conf->domain) != 0)
		r = ZTJ_DOMAIN;
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s:%u: %s", sg->conf->policy_roots, line, ztj_err_text(r));
	ztj_buf_free(&text);
	return r;
}

/* The token by which hosts may join without a person. */
static int read_token(struct signer *sg)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = true };
	struct ztj_buf text;
	ztj_buf_init(&text, 256);
	int r = ztj_file_read(sg->conf->auto_join, &rule, 128, &text);
	while (r == ZTJ_OK && text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (r == ZTJ_OK)
		r = ztj_buf_str(&text) == NULL ? ZTJ_NOMEM : ztj_token_parse(ztj_buf_str(&text), sg->token);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s", sg->conf->auto_join, ztj_err_text(r));
	sg->auto_join = r == ZTJ_OK;
	ztj_buf_free(&text);
	return r;
}

/* While root's files can still be read: roots and keys. */
static int start(struct signer *sg)
{
	struct broker_keys keys;
	char path[PATH_MAX], err[512] = "";
	uid_t uid;
	int r = child_uid(sg->conf->signer_user, &uid);
	if (r == ZTJ_OK)
		r = read_pins(sg);
	if (r == ZTJ_OK) {
		r = broker_keys_load(sg->conf, &keys, err, sizeof(err));
		if (r != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "%s", err);
	}
	if (r == ZTJ_OK)
		r = broker_path(sg->conf, "signer/online.key", path);
	if (r == ZTJ_OK) {
		r = ca_read_key(path, uid, &sg->online);
		if (r != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "%s: %s", path, ztj_err_text(r));
	}
	if (r == ZTJ_OK && !ztj_key_equal(&sg->online.pub, &keys.online))
		r = ZTJ_WRONG_KEY;
	if (r == ZTJ_OK) {
		r = ca_open(&sg->ca, sg->conf, &keys.ca, uid);
		if (r != ZTJ_OK)
			ztj_log(ZTJ_LOG_ERROR, "%s: %s", sg->conf->ca_key, ztj_err_text(r));
	}
	if (r == ZTJ_OK && sg->conf->auto_join[0] != '\0')
		r = read_token(sg);
	return r;
}

static int64_t wall_clock_ms(void)
{
	struct timespec ts;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int start_confined(struct signer *sg)
{
	char path[PATH_MAX], where[64] = "";
	int r = broker_path(sg->conf, "signer/serial", path);
	if (r == ZTJ_OK)
		r = serial_open(&sg->serial, path, geteuid(), wall_clock_ms());
	if (r == ZTJ_OK)
		r = broker_path(sg->conf, "signer/checkpoint", path);
	if (r == ZTJ_OK)
		r = sg_log_open(&sg->log, path, geteuid());
	if (r == ZTJ_OK)
		r = broker_path(sg->conf, "signer/trust", path);
	if (r == ZTJ_OK)
		r = ztj_dir_make(path, 0700, (uid_t)-1, (gid_t)-1);
	if (r == ZTJ_OK)
		r = ztj_trustdir_open(path, geteuid(), &sg->dir);
	if (r == ZTJ_OK)
		r = ztj_sigcache_new(SIGS_REMEMBERED, &sg->sigs);
	if (r == ZTJ_OK)
		r = ztj_trust_new(&sg->pins, sg->sigs, &sg->trust);
	if (r == ZTJ_OK)
		r = ztj_trustdir_load(sg->dir, sg->trust, where);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "%s: %s: %s", path, where, ztj_err_text(r));
	return r;
}

static void stop(struct signer *sg)
{
	chan_free(sg->store);
	ca_close(&sg->ca);
	ztj_seckey_wipe(&sg->online);
	ztj_wipe(sg->token, sizeof(sg->token));
	ztj_trust_free(sg->trust);
	ztj_trustdir_close(sg->dir);
	ztj_sigcache_free(sg->sigs);
}

int signer_main(const struct broker_conf *conf, const struct signer_fds *fds)
{
	struct signer sg = { .conf = conf, .ca = { .fd = -1 } };
	const struct chan_hooks hooks = { on_message, on_batch, on_closed, &sg };
	char dir[PATH_MAX];
	int r = start(&sg);
	if (r == ZTJ_OK)
		r = broker_path(conf, "signer", dir);
	if (r == ZTJ_OK) {
		const char *const rw[] = { dir, NULL };
		r = child_confine(conf->signer_user, ZTJ_SB_KEYS, NULL, rw);
	}
	if (r == ZTJ_OK)
		r = start_confined(&sg);
	if (r == ZTJ_OK)
		r = child_loop(fds->control, &sg.base);
	if (r == ZTJ_OK)
		r = chan_new(sg.base, fds->store, &hooks, &sg.store);
	if (r == ZTJ_OK)
		r = child_run(sg.base, fds->ready);
	stop(&sg);
	child_loop_free(sg.base);
	return r == ZTJ_OK ? 0 : 1;
}
