/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/storefile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"

#define MAGIC "ZTJG1"
#define FILE_MAX_BYTES (4 * 1024 * 1024)
#define WINDOW_PREFIX "ztjit-window 1 "
#define FAR_FUTURE 253402300799LL

static void path_of(const struct ztj_store *s, const char *sub, const uint8_t id[ZTJ_DIGEST_LEN], char *out,
    size_t size)
{
	char hex[ZTJ_HEX_SIZE];

	ztj_hex(id, ZTJ_DIGEST_LEN, hex);
	(void)snprintf(out, size, "%s/%s/%s", s->dir, sub, hex);
}

static void reserve_path(const struct ztj_store *s, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/reserve", s->dir);
}

void ztj_store_restock(const struct ztj_store *s)
{
	char path[512];
	int fd;

	reserve_path(s, path, sizeof(path));
	fd = s->reserve == 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return; /* there already */
	if (fallocate(fd, 0, 0, (off_t)s->reserve) != 0)
		(void)unlink(path);
	(void)close(fd);
}

/* A full disk is when root is needed: what a use must write takes the place of the reserve. */
static int put_file(const struct ztj_store *s, const char *path, struct ztj_view data)
{
	int r = ztj_file_write(path, data, 0600);
	char reserve[512];

	reserve_path(s, reserve, sizeof(reserve));
	if (r == ZTJ_NO_SPACE && s->in_use && unlink(reserve) == 0)
		r = ztj_file_write(path, data, 0600);
	return r;
}

int ztj_store_save(const struct ztj_store *s, const struct ztj_entry *e)
{
	struct ztj_buf b;
	char path[512];
	int r;

	ztj_buf_init(&b, FILE_MAX_BYTES);
	(void)ztj_buf_puts(&b, MAGIC);
	for (size_t i = 0; i < e->n; i++)
		(void)ztj_buf_put(&b, e->raw[i].p, e->raw[i].n);
	r = ztj_buf_status(&b);
	path_of(s, "grants", e->id, path, sizeof(path));
	if (r == ZTJ_OK)
		r = put_file(s, path, ztj_buf_view(&b));
	ztj_buf_free(&b);
	return r;
}

int ztj_store_save_window(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN],
    const struct ztj_window *w)
{
	char path[512], text[80];
	int n = snprintf(text, sizeof(text), WINDOW_PREFIX "%lld %lld\n", (long long)w->starts,
	    (long long)w->ends);

	path_of(s, "windows", id, path, sizeof(path));
	return put_file(s, path, ztj_view_of(text, (size_t)n));
}

void ztj_store_remove_files(const struct ztj_store *s, const uint8_t id[ZTJ_DIGEST_LEN])
{
	char path[512];

	path_of(s, "grants", id, path, sizeof(path));
	(void)unlink(path);
	path_of(s, "windows", id, path, sizeof(path));
	(void)unlink(path);
}

int ztj_window_parse(struct ztj_view text, struct ztj_window *out)
{
	const size_t prefix = sizeof(WINDOW_PREFIX) - 1;
	char line[80], *sp;

	*out = (struct ztj_window){ .set = false };
	if (text.n <= prefix || text.n >= sizeof(line) || memcmp(text.p, WINDOW_PREFIX, prefix) != 0 ||
	    text.p[text.n - 1] != '\n' || memchr(text.p, '\0', text.n) != NULL)
		return ZTJ_BAD_ENCODING;
	memcpy(line, text.p + prefix, text.n - prefix - 1);
	line[text.n - prefix - 1] = '\0';
	sp = strchr(line, ' ');
	if (sp == NULL)
		return ZTJ_BAD_ENCODING;
	*sp = '\0';
	if (ztj_parse_int(line, 0, FAR_FUTURE, &out->starts) != ZTJ_OK ||
	    ztj_parse_int(sp + 1, 0, FAR_FUTURE, &out->ends) != ZTJ_OK)
		return ZTJ_BAD_ENCODING;
	out->set = true;
	return ZTJ_OK;
}

static int load_grant(struct ztj_store *s, const char *path)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	uint8_t request[ZTJ_DIGEST_LEN];
	struct ztj_view magic;
	struct ztj_rd rd;
	struct ztj_buf b;
	bool changed;
	int r;

	ztj_buf_init(&b, FILE_MAX_BYTES);
	r = ztj_file_read(path, &rule, FILE_MAX_BYTES, &b);
	ztj_rd_init(&rd, ztj_buf_view(&b));
	if (r == ZTJ_OK)
		r = ztj_rd_bytes(&rd, sizeof(MAGIC) - 1, &magic);
	if (r == ZTJ_OK && !ztj_view_eq_str(magic, MAGIC))
		r = ZTJ_VERSION;
	while (r == ZTJ_OK && ztj_rd_end(&rd) != ZTJ_OK) {
		struct ztj_signed st;
		r = ztj_signed_read(&rd, &st);
		if (r == ZTJ_OK)
			r = ztj_store_take(s, &st, false, &changed, request);
	}
	ztj_buf_free(&b);
	return r;
}

void ztj_store_load_window(const struct ztj_store *s, struct ztj_entry *e)
{
	const struct ztj_file_rule rule = { .owner = geteuid(), .secret = true, .check_parents = false };
	char path[512];
	struct ztj_buf b;
	int r;

	path_of(s, "windows", e->id, path, sizeof(path));
	ztj_buf_init(&b, 256);
	r = ztj_file_read(path, &rule, 255, &b);
	if (r == ZTJ_OK)
		r = ztj_window_parse(ztj_buf_view(&b), &e->window);
	/* There was a use, so there was a window; one that cannot be read has ended. */
	if (r != ZTJ_OK && r != ZTJ_NOT_FOUND)
		e->window = (struct ztj_window){ .set = true, .starts = 0, .ends = 1 };
	ztj_buf_free(&b);
}

static int load_grants(struct ztj_store *s, size_t *bad)
{
	char path[512];
	struct dirent *de;
	DIR *d;
	int r;

	(void)snprintf(path, sizeof(path), "%s/grants", s->dir);
	d = opendir(path);
	if (d == NULL)
		return ZTJ_IO;
	while ((de = readdir(d)) != NULL) {
		if (strlen(de->d_name) != 2 * ZTJ_DIGEST_LEN)
			continue;
		(void)snprintf(path, sizeof(path), "%s/grants/%s", s->dir, de->d_name);
		r = load_grant(s, path);
		/* from when this host had another name; its window stays, should it get that name back */
		if (r == ZTJ_WRONG_HOST)
			(void)unlink(path);
		else
			*bad += r != ZTJ_OK;
	}
	(void)closedir(d);
	return ZTJ_OK;
}

static int make_dirs(const struct ztj_store *s)
{
	static const char *const sub[] = { "grants", "windows" };
	char path[512];
	int r = ZTJ_OK;

	for (size_t i = 0; i < 2 && r == ZTJ_OK; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", s->dir, sub[i]);
		r = ztj_dir_make(path, 0700, (uid_t)-1, (gid_t)-1);
	}
	return r;
}

int ztj_store_open(const struct ztj_store_conf *conf, struct ztj_store **out, size_t *bad)
{
	struct ztj_store *s = calloc(1, sizeof(*s));
	int r = ZTJ_OK;

	*out = NULL;
	*bad = 0;
	if (s == NULL)
		return ZTJ_NOMEM;
	s->dir = strdup(conf->dir);
	s->domain = strdup(conf->domain);
	s->host = strdup(conf->host);
	s->cache = conf->cache;
	s->reserve = conf->reserve;
	if (s->dir == NULL || s->domain == NULL || s->host == NULL)
		r = ZTJ_NOMEM;
	if (r == ZTJ_OK)
		r = make_dirs(s);
	if (r == ZTJ_OK)
		r = load_grants(s, bad);
	if (r != ZTJ_OK) {
		ztj_store_close(s);
		return r;
	}
	ztj_store_restock(s);
	*out = s;
	return ZTJ_OK;
}
