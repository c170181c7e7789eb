/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What a restart finds in the spool: torn ends are cut, what does not fit what was signed is set aside. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/log.h"
#include "ztjit-hostd/scribe.h"

#define NAME_LEN ((size_t)2 * ZTJ_REC_SESSION_LEN)

/* Chunks up to the first that is not whole. The end of it is cut, unless that would cut what this host has signed. */
static int mend(struct ztj_recording *r, const char *name)
{
	struct ztj_recfile *f = &r->live->file;
	struct ztj_place head, base;
	bool signed_before = ztj_recfile_get(f, ZTJ_SLOT_HEAD, &head) == ZTJ_OK;
	uint64_t size;
	int e;

	if (ztj_recfile_get(f, ZTJ_SLOT_BASE, &base) == ZTJ_OK) {
		r->chain = base.chain;
		r->base = base.chain.bytes / 4096 * 4096;
	}
	if ((e = ztj_recfile_size(f, &size)) != ZTJ_OK)
		return e;
	if (signed_before && head.chain.bytes > r->chain.bytes) {
		e = ztj_recfile_walk(f, &r->chain, head.chain.bytes, 0);
		if (e != ZTJ_OK || memcmp(r->chain.digest, head.chain.digest, ZTJ_DIGEST_LEN) != 0)
			return e == ZTJ_NOMEM || e == ZTJ_IO ? e : ZTJ_CHAIN;
	}
	e = size > r->chain.bytes ? ztj_recfile_walk(f, &r->chain, size, 0) : ZTJ_OK;
	if (e == ZTJ_NOMEM || e == ZTJ_IO)
		return e;
	if (e != ZTJ_OK)
		ztj_log(e == ZTJ_TRUNCATED ? ZTJ_LOG_NOTICE : ZTJ_LOG_WARN,
		    "record %s: what stands behind byte %llu is cut: %s", name,
		    (unsigned long long)r->chain.bytes, ztj_err_name(e));
	/* The header was on disk before the session was. */
	if (r->chain.chunks == 0)
		return ZTJ_TRUNCATED;
	e = ztj_recfile_cut(f, r->chain.bytes);
	if (e == ZTJ_OK)
		e = ztj_recfile_sync(f, false);
	r->synced = r->chain;
	return e;
}

/* A record that was closed is taken for what its place says, and read when it is shipped. */
static bool closed_before(struct ztj_recording *r)
{
	struct ztj_place p, base;
	uint64_t size;

	if (ztj_recfile_size(&r->live->file, &size) != ZTJ_OK)
		return false;
	for (int slot = ZTJ_SLOT_EVEN; slot <= ZTJ_SLOT_ODD; slot++) {
		if (ztj_recfile_get(&r->live->file, (enum ztj_recslot)slot, &p) != ZTJ_OK || !p.chain.last ||
		    p.chain.bytes != size)
			continue;
		r->chain = r->synced = p.chain;
		if (ztj_recfile_get(&r->live->file, ZTJ_SLOT_BASE, &base) == ZTJ_OK)
			r->base = base.chain.bytes / 4096 * 4096;
		r->unchecked = true;
		return true;
	}
	return false;
}

/* Where the recorder stood when the last whole chunk was written. */
static bool resume_place(struct ztj_recording *r)
{
	struct ztj_live *l = r->live;
	struct ztj_place p;

	if (ztj_recfile_place(&l->file, &r->chain, &p) != ZTJ_OK) {
		l->us = r->chain.at;
		return false;
	}
	r->taken = l->got = p.taken;
	l->us = p.us;
	for (size_t i = 0; i < ZTJ_TAILS; i++) {
		l->tail[i].n = p.tail[i][0];
		memcpy(l->tail[i].byte, p.tail[i] + 1, 3);
	}
	memcpy(l->written_tail, p.tail, sizeof(l->written_tail));
	r->state = p.state;
	return true;
}

static int live_of(struct ztj_recording *r, const struct ztj_meta *m)
{
	struct ztj_live *l = r->live;
	struct ztj_view der[16];
	struct ztj_rd rd;
	size_t n;
	int e;

	l->uid = m->uid;
	l->recorder = m->recorder;
	l->flags = m->flags;
	l->tty = m->tty;
	l->began = m->began;
	l->grace = r->s->env.now() + r->s->env.grace_ms;
	ztj_rd_init(&rd, ztj_buf_view(&m->certs));
	e = ztj_certs_read(&rd, der, 16, &n);
	return e == ZTJ_OK ? ztj_seal_get(r->s, der, n, &l->seal) : e;
}

/* Its last head may be there already. */
static void head_of(struct ztj_recording *r, const char *name)
{
	struct ztj_place p;

	if (ztj_recfile_get(&r->live->file, ZTJ_SLOT_HEAD, &p) != ZTJ_OK || p.state != r->state ||
	    p.chain.chunks != r->chain.chunks || p.chain.bytes != r->chain.bytes ||
	    memcmp(p.chain.digest, r->chain.digest, ZTJ_DIGEST_LEN) != 0 ||
	    ztj_meta_head_read(r->s, name, &r->ship.head) != ZTJ_OK)
		return;
	r->ship.headed = p.chain;
	r->ship.headed_state = p.state;
}

/* Closed, or open for its recorder, or lost. */
static int settle(struct ztj_recording *r, const struct ztj_meta *m, const char *name)
{
	bool known = resume_place(r);

	if (r->chain.last) {
		if (!known)
			r->state = ZTJ_RECORD_LOST;
		head_of(r, name);
		ztj_live_free(r);
		return ZTJ_OK;
	}
	r->state = ZTJ_RECORD_OPEN;
	if (!known || strcmp(m->bootid, r->s->env.bootid) != 0) {
		/* The boot clock began anew: the end follows the last event. */
		r->live->began = r->s->env.now();
		ztj_recording_lose(r, 0, known ? "the host was started anew" : "the recording failed");
	}
	return ZTJ_OK;
}

static int load_one(struct ztj_scribe *s, const char *name, const uint8_t session[ZTJ_REC_SESSION_LEN])
{
	struct ztj_recording *r = ztj_recording_new(s, session);
	struct ztj_meta m;
	int e = r == NULL ? ZTJ_NOMEM : ztj_meta_read(s, name, &m);

	if (r == NULL)
		return e;
	if (e == ZTJ_OK) {
		e = ztj_recfile_open(s->dir, name, &r->live->file);
		if (e == ZTJ_OK)
			e = live_of(r, &m);
		if (e == ZTJ_OK)
			e = closed_before(r) ? ZTJ_OK : mend(r, name);
		if (e == ZTJ_OK) {
			ztj_room_count(r, r->chain.bytes);
			e = settle(r, &m, name);
		}
		ztj_meta_free(&m);
	}
	if (e != ZTJ_OK)
		ztj_recording_free(r);
	return e;
}

static bool is_name(const char *file, const char *kind, uint8_t session[ZTJ_REC_SESSION_LEN])
{
	return strlen(file) == NAME_LEN + strlen(kind) && strcmp(file + NAME_LEN, kind) == 0 &&
	    ztj_unhex(ztj_view_of(file, NAME_LEN), session, ZTJ_REC_SESSION_LEN) == ZTJ_OK;
}

static int load_file(struct ztj_scribe *s, const char *file)
{
	uint8_t session[ZTJ_REC_SESSION_LEN];
	char name[NAME_LEN + 1];
	int e;

	if (strlen(file) < NAME_LEN)
		return ZTJ_OK;
	(void)snprintf(name, sizeof(name), "%.*s", (int)NAME_LEN, file);
	if (is_name(file, ".meta", session)) {
		e = load_one(s, name, session);
		if (e == ZTJ_NOMEM || e == ZTJ_IO)
			return e;
		if (e != ZTJ_OK) {
			ztj_log(ZTJ_LOG_ALARM, "record %s is not as it was written (%s); it is set aside",
			    name, ztj_err_name(e));
			ztj_recfile_set_aside(s->dir, name);
			ztj_gate_gone(s, session, true);
		}
	} else if (is_name(file, ".rec", session)) {
		/* Never begun: its recorder was not told. */
		char meta[NAME_LEN + 8];
		(void)snprintf(meta, sizeof(meta), "%s.meta", name);
		if (faccessat(s->dir, meta, F_OK, 0) != 0 && errno == ENOENT)
			ztj_recfile_remove(s->dir, name);
	} else if (is_name(file, ".done", session)) {
		ztj_recfile_remove(s->dir, name);
	} else if (strncmp(file + NAME_LEN, ".meta.", 6) == 0 || strncmp(file + NAME_LEN, ".head.", 6) == 0) {
		/* was being written */
		(void)unlinkat(s->dir, file, 0);
	}
	return ZTJ_OK;
}

int ztj_scribe_load(struct ztj_scribe *s)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = ZTJ_OK;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return ZTJ_IO;
	}
	while (r == ZTJ_OK && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			r = load_file(s, e->d_name);
	(void)closedir(d);
	return r;
}
