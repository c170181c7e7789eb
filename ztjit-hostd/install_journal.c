/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Transactions: a directory each, NNNN, with before.N (copies), manifest and state. The state is
 * written last before anything is touched and first after everything is done, so whoever finds it knows what to do.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/text.h"
#include "ztjit-hostd/install_int.h"

static const char *const state_name[] = { "none", "begun", "pending", "kept", "undoing", "undone" };

const char *ztj_inst_state_name(enum ztj_inst_state s)
{
	return state_name[s];
}

static void path_in(unsigned no, const char *name, char out[ZTJ_INST_PATH])
{
	(void)snprintf(out, ZTJ_INST_PATH, ZTJ_INST_DIR "/%04u/%s", no, name);
}

static void numbered(unsigned no, const char *name, size_t i, char out[ZTJ_INST_PATH])
{
	(void)snprintf(out, ZTJ_INST_PATH, ZTJ_INST_DIR "/%04u/%s.%zu", no, name, i);
}

/* A file of our own. */
static int save(struct ztj_inst *in, const char *path, struct ztj_view data)
{
	struct ztj_inst_file f;
	int r;

	ztj_inst_file_init(&f);
	f.exists = true;
	f.mode = 0600;
	f.uid = in->owner;
	f.gid = in->owner == 0 ? 0 : getgid();
	r = ztj_buf_put(&f.data, data.p, data.n);
	if (r == ZTJ_OK)
		r = ztj_inst_file_put(in, path, &f);
	ztj_inst_file_free(&f);
	return r;
}

static int read_own(struct ztj_inst *in, const char *path, struct ztj_inst_file *out)
{
	int r;

	ztj_inst_file_init(out);
	r = ztj_inst_file_read(in, path, out);
	return r == ZTJ_OK && !out->exists ? ztj_inst_fail(in, ZTJ_NOT_FOUND, "%s", path) : r;
}

/* ---- state ---- */

/* "pending DEADLINE BOOTID" or one word. */
static int parse_state(struct ztj_view v, struct ztj_inst_tx *tx)
{
	char text[128], *deadline, *bootid;
	int r;

	if (v.n == 0 || v.n >= sizeof(text) || v.p[v.n - 1] != '\n')
		return ZTJ_BAD_ENCODING;
	memcpy(text, v.p, v.n - 1);
	text[v.n - 1] = '\0';
	if (strlen(text) != v.n - 1)
		return ZTJ_BAD_ENCODING;
	deadline = strchr(text, ' ');
	if (deadline != NULL) {
		*deadline++ = '\0';
		bootid = strchr(deadline, ' ');
		if (bootid == NULL || strlen(bootid + 1) != ZTJ_BOOT_ID - 1 || strcmp(text, "pending") != 0)
			return ZTJ_BAD_ENCODING;
		*bootid++ = '\0';
		(void)snprintf(tx->bootid, sizeof(tx->bootid), "%s", bootid);
		tx->state = ZTJ_INST_PENDING;
		r = ztj_parse_int(deadline, 0, INT64_MAX / 2, &tx->deadline);
		return r == ZTJ_OK ? ZTJ_OK : ZTJ_BAD_ENCODING;
	}
	for (unsigned i = ZTJ_INST_BEGUN; i <= ZTJ_INST_UNDONE; i++)
		if (i != ZTJ_INST_PENDING && strcmp(text, state_name[i]) == 0) {
			tx->state = (enum ztj_inst_state)i;
			return ZTJ_OK;
		}
	return ZTJ_BAD_ENCODING;
}

int ztj_inst_tx_read(struct ztj_inst *in, unsigned no, struct ztj_inst_tx *out)
{
	char path[ZTJ_INST_PATH];
	struct ztj_inst_file f;
	int r;

	*out = (struct ztj_inst_tx){ .no = no };
	path_in(no, "state", path);
	ztj_inst_file_init(&f);
	r = ztj_inst_file_read(in, path, &f);
	if (r == ZTJ_OK && f.exists)
		r = parse_state(ztj_buf_view(&f.data), out);
	if (r != ZTJ_OK && in->err[0] == '\0')
		(void)ztj_inst_fail(in, r, "%s", path);
	ztj_inst_file_free(&f);
	return r;
}

int ztj_inst_tx_set(struct ztj_inst *in, struct ztj_inst_tx *tx, enum ztj_inst_state state)
{
	char path[ZTJ_INST_PATH], text[128];
	int r;

	path_in(tx->no, "state", path);
	if (state == ZTJ_INST_PENDING)
		(void)snprintf(text, sizeof(text), "pending %" PRId64 " %s\n", tx->deadline, in->bootid);
	else
		(void)snprintf(text, sizeof(text), "%s\n", state_name[state]);
	r = save(in, path, ztj_view_str(text));
	if (r != ZTJ_OK)
		return r;
	tx->state = state;
	if (state == ZTJ_INST_PENDING)
		(void)snprintf(tx->bootid, sizeof(tx->bootid), "%s", in->bootid);
	return ZTJ_OK;
}

/* The highest number that was ever given; 0 for none. Directories may have been removed below it. */
static int highest(struct ztj_inst *in, unsigned *out)
{
	char path[2 * ZTJ_INST_PATH];
	struct dirent *e;
	DIR *d;

	*out = 0;
	(void)snprintf(path, sizeof(path), "%s" ZTJ_INST_DIR, in->root);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? ZTJ_OK : ztj_inst_fail(in, ZTJ_IO, ZTJ_INST_DIR);
	while ((e = readdir(d)) != NULL) {
		const char *digits = e->d_name + strspn(e->d_name, "0");
		int64_t no;
		if (strlen(e->d_name) == 4 && ztj_parse_int(digits, 1, ZTJ_INST_NO_MAX, &no) == ZTJ_OK &&
		    no > *out)
			*out = (unsigned)no;
	}
	(void)closedir(d);
	return ZTJ_OK;
}

/* A crash before the state was written: nothing was touched, and it is passed over. */
int ztj_inst_tx_last(struct ztj_inst *in, struct ztj_inst_tx *out)
{
	unsigned no;
	int r = highest(in, &no);

	*out = (struct ztj_inst_tx){ .no = 0 };
	for (; r == ZTJ_OK && no > 0; no--) {
		r = ztj_inst_tx_read(in, no, out);
		if (r == ZTJ_OK && out->state != ZTJ_INST_NONE)
			return ZTJ_OK;
	}
	out->no = r == ZTJ_OK ? 0 : out->no;
	return r == ZTJ_OK ? ZTJ_NOT_FOUND : r;
}

bool ztj_inst_tx_stale(const struct ztj_inst *in, const struct ztj_inst_tx *tx, int64_t now, bool timer)
{
	if (tx->state == ZTJ_INST_BEGUN || tx->state == ZTJ_INST_UNDOING)
		return true;
	if (tx->state != ZTJ_INST_PENDING)
		return false;
	/* Without its timer nobody would undo it in time. */
	return strcmp(tx->bootid, in->bootid) != 0 || now < 0 || now >= tx->deadline || !timer;
}

/* ---- beginning ---- */

static int digests(struct ztj_inst_item *it)
{
	int r = ztj_sha256(ztj_buf_view(&it->before.data), it->before_sha);

	return r == ZTJ_OK ? ztj_sha256(ztj_buf_view(&it->after.data), it->after_sha) : r;
}

static int begin_at(struct ztj_inst *in, struct ztj_inst_plan *p, unsigned no)
{
	char path[ZTJ_INST_PATH];
	struct ztj_buf b;
	int r;

	(void)snprintf(path, sizeof(path), ZTJ_INST_DIR "/%04u", no);
	r = ztj_inst_dir(in, path);
	for (size_t i = 0; r == ZTJ_OK && i < p->n; i++) {
		struct ztj_inst_item *it = &p->item[i];
		r = digests(it);
		numbered(no, "before", i, path);
		if (r == ZTJ_OK && it->kind == ZTJ_INST_FILE && it->before.exists)
			r = save(in, path, ztj_buf_view(&it->before.data));
	}
	ztj_buf_init(&b, ZTJ_INST_FILE_MAX);
	if (r == ZTJ_OK)
		r = ztj_inst_manifest_write(p, &b);
	path_in(no, "manifest", path);
	if (r == ZTJ_OK)
		r = save(in, path, ztj_buf_view(&b));
	ztj_buf_free(&b);
	return r;
}

int ztj_inst_tx_begin(struct ztj_inst *in, struct ztj_inst_plan *p, struct ztj_inst_tx *out)
{
	int r = ztj_inst_dir(in, ZTJ_INST_DIR);

	*out = (struct ztj_inst_tx){ .no = 0 };
	if (r == ZTJ_OK)
		r = highest(in, &out->no);
	if (r == ZTJ_OK && out->no == ZTJ_INST_NO_MAX)
		r = ztj_inst_fail(in, ZTJ_LIMIT, "%s", ZTJ_INST_DIR);
	if (r != ZTJ_OK)
		return r;
	out->no++;
	r = begin_at(in, p, out->no);
	return r == ZTJ_OK ? ztj_inst_tx_set(in, out, ZTJ_INST_BEGUN) : r;
}

/* ---- there and back ---- */

static int load_before(struct ztj_inst *in, unsigned no, size_t i, struct ztj_inst_item *it)
{
	char path[ZTJ_INST_PATH];
	uint8_t sha[ZTJ_DIGEST_LEN];
	struct ztj_inst_file f;
	int r;

	if (it->kind != ZTJ_INST_FILE || !it->before.exists)
		return ZTJ_OK;
	numbered(no, "before", i, path);
	r = read_own(in, path, &f);
	if (r == ZTJ_OK)
		r = ztj_sha256(ztj_buf_view(&f.data), sha);
	if (r == ZTJ_OK && memcmp(sha, it->before_sha, sizeof(sha)) != 0)
		r = ztj_inst_fail(in, ZTJ_ALTERED, "%s is not the copy that was made of %s", path, it->name);
	if (r == ZTJ_OK)
		r = ztj_buf_put(&it->before.data, f.data.p, f.data.n);
	ztj_inst_file_free(&f);
	it->before.times = true;
	return r;
}

static int load_manifest(struct ztj_inst *in, unsigned no, struct ztj_inst_plan *out)
{
	char path[ZTJ_INST_PATH];
	struct ztj_inst_file f;
	int r;

	path_in(no, "manifest", path);
	r = read_own(in, path, &f);
	if (r == ZTJ_OK && (r = ztj_inst_manifest_read(ztj_buf_view(&f.data), out)) != ZTJ_OK)
		(void)ztj_inst_fail(in, r, "%s", path);
	ztj_inst_file_free(&f);
	return r;
}

int ztj_inst_tx_load(struct ztj_inst *in, unsigned no, struct ztj_inst_plan *out)
{
	int r = load_manifest(in, no, out);

	for (size_t i = 0; r == ZTJ_OK && i < out->n; i++)
		r = load_before(in, no, i, &out->item[i]);
	return r;
}

int ztj_inst_tx_apply(struct ztj_inst *in, const struct ztj_inst_plan *p)
{
	int r = ZTJ_OK;

	for (size_t i = 0; r == ZTJ_OK && i < p->n; i++)
		r = ztj_inst_item_apply(in, &p->item[i]);
	return r;
}

/* Neither what it was nor what we made it: somebody's work, kept aside. */
static int keep_found(struct ztj_inst *in, const struct ztj_inst_tx *tx, size_t i,
    const struct ztj_inst_item *it)
{
	char path[ZTJ_INST_PATH];
	uint8_t sha[ZTJ_DIGEST_LEN];
	struct ztj_inst_file f;
	int r;

	if (it->kind != ZTJ_INST_FILE)
		return ZTJ_OK;
	ztj_inst_file_init(&f);
	/* What cannot be read safely is not ours to keep: a link, or a file of somebody else's. */
	r = ztj_inst_file_read(in, it->name, &f);
	if (r == ZTJ_OK && f.exists && (r = ztj_sha256(ztj_buf_view(&f.data), sha)) == ZTJ_OK &&
	    memcmp(sha, it->after_sha, sizeof(sha)) != 0 &&
	    (!it->before.exists || memcmp(sha, it->before_sha, sizeof(sha)) != 0)) {
		numbered(tx->no, "found", i, path);
		r = save(in, path, ztj_buf_view(&f.data));
	}
	ztj_inst_file_free(&f);
	in->err[0] = '\0';
	return r == ZTJ_UNSAFE_FILE ? ZTJ_OK : r;
}

static int undo_item(struct ztj_inst *in, const struct ztj_inst_tx *tx, size_t i, struct ztj_inst_item *it)
{
	int r;

	in->err[0] = '\0';
	r = load_before(in, tx->no, i, it);
	if (r != ZTJ_OK)
		return r;
	(void)keep_found(in, tx, i, it); /* the way in comes first */
	return ztj_inst_item_undo(in, it);
}

int ztj_inst_tx_undo(struct ztj_inst *in, struct ztj_inst_tx *tx)
{
	struct ztj_inst_plan *p = ztj_inst_plan_new();
	char first[ZTJ_INST_ERR] = "";
	int r = p == NULL ? ZTJ_NOMEM : load_manifest(in, tx->no, p);

	if (r != ZTJ_OK) {
		ztj_inst_plan_free(p);
		return r;
	}
	/* On a full disk that cannot be written; whoever comes next does it again all the same. */
	if (tx->state != ZTJ_INST_UNDOING)
		r = ztj_inst_tx_set(in, tx, ZTJ_INST_UNDOING);
	if (r != ZTJ_OK)
		(void)snprintf(first, sizeof(first), "%s", in->err);
	for (size_t i = p->n; i-- > 0;) {
		int now = undo_item(in, tx, i, &p->item[i]);
		if (now != ZTJ_OK && r == ZTJ_OK) {
			r = now;
			(void)snprintf(first, sizeof(first), "%s", in->err);
		}
	}
	ztj_inst_plan_free(p);
	if (r != ZTJ_OK)
		return ztj_inst_fail(in, r, "%s", first);
	return ztj_inst_tx_set(in, tx, ZTJ_INST_UNDONE);
}
