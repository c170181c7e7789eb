/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* What the gate published, read back as libnss_ztjit reads it. */
#include <stdio.h>
#include <string.h>

#include "tests/hostd/rig.h"

#define TWO_ROLES \
	"roles = { plain = { login = [ \"self\" ]; groups = [ \"ztjit-web\" ]; record = \"none\"; };\n" \
	" recorded = { login = [ \"self\" ]; groups = [ \"ztjit-web\", \"ztjit-db\" ]; };\n" \
	" both = { login = [ \"root\" ]; become = [ \"lead2\" ]; record = \"none\"; }; };\n" \
	"gids = { ztjit-web = 61001; ztjit-db = 61002; ztjit-rec2 = 61003; };\n"
#define TWO_RULES \
	"rules = ( { name = \"all\"; who = [ \"@sre\" ]; roles = [ \"plain\", \"recorded\", \"both\" ]; hosts = { env = \"prod\"; };\n" \
	" max = \"2h\"; request_valid = \"1h\"; ahead = \"1d\"; approvals = ( { count = 1; from = [ \"@sre-leads\" ]; } );\n" \
	" step_up = [ \"confirm\" ]; freshness = \"1h\"; on_stale = \"deny\"; } );\n"
const struct fx_policy rig_two_roles = { .version = 2, .roles = TWO_ROLES, .rules = TWO_RULES };

static struct ztj_view view;
static struct ztj_names_src src;

static void open_file(const struct rig *r, size_t which, struct ztj_names *f)
{
	assert_true(r->published[which].n > 0);
	view = ztj_buf_view(&r->published[which]);
	src = ztj_names_src_view(&view);
	if (which == ZTJ_PUBLISH_PEOPLE)
		ok(ztj_names_open_people(&src, f));
	else
		ok(ztj_names_open_grants(&src, f));
}

/* 0: nobody by that name. */
uint32_t rig_uid_of(const struct rig *r, const char *name)
{
	struct ztj_names_user u;
	struct ztj_names f;
	int code;

	open_file(r, ZTJ_PUBLISH_PEOPLE, &f);
	code = ztj_names_user_named(&f, name, &u);
	assert_true(code == ZTJ_OK || code == ZTJ_NOT_FOUND);
	return code == ZTJ_OK ? u.uid : 0;
}

uint32_t rig_gid_of(const struct rig *r, const char *group)
{
	struct ztj_names_group g;
	struct ztj_names f;
	int code;

	open_file(r, ZTJ_PUBLISH_GRANTS, &f);
	code = ztj_names_group_named(&f, group, &g);
	assert_true(code == ZTJ_OK || code == ZTJ_NOT_FOUND);
	return code == ZTJ_OK ? g.gid : 0;
}

/* When the membership ends, in seconds from now; RIG_GONE: there is none. */
int64_t rig_member(const struct rig *r, const char *person, const char *group)
{
	struct ztj_names_group g;
	char name[ZTJ_NAME_SIZE];
	struct ztj_names f;
	int64_t ends;

	open_file(r, ZTJ_PUBLISH_GRANTS, &f);
	assert_string_equal(f.bootid, "11111111-2222-3333-4444-555555555555");
	if (ztj_names_group_named(&f, group, &g) != ZTJ_OK)
		return RIG_GONE;
	for (uint32_t i = 0; i < g.count; i++) {
		ok(ztj_names_member(&f, &g, i, name, &ends));
		if (strcmp(name, person) == 0)
			return ends > r->shared->now.boot ? ends - r->shared->now.boot : RIG_GONE;
	}
	return RIG_GONE;
}

int64_t rig_shell(const struct rig *r, const char *person, char out[ZTJ_NAMES_SHELL_SIZE])
{
	struct ztj_names_user u;
	struct ztj_names f;

	out[0] = '\0';
	open_file(r, ZTJ_PUBLISH_GRANTS, &f);
	if (ztj_names_user_named(&f, person, &u) != ZTJ_OK || u.shell == 0 ||
	    u.shell_ends <= r->shared->now.boot)
		return RIG_GONE;
	ok(ztj_names_shell(&f, &u, out));
	return u.shell_ends - r->shared->now.boot;
}

void rig_give(struct rig *r, const char *role, int64_t duration, struct rig_grant *g)
{
	rig_grant(r, FX_REQ1, role, duration, 0, g);
	rig_grant_push(r, g);
}

/* Any news leads to a review; so does the timer, in real time. */
void rig_poke(struct rig *r)
{
	static int64_t longer; /* one that says no more than another is no news */
	struct fx_signed revoked;

	fx_revoke_name(&r->w, &r->w.registrar[0], false, "people/out1", 1, r->w.now + 3600 + longer++,
	    &revoked);
	rig_news(r, &revoked);
	fx_signed_free(&revoked);
}

void rig_locals(struct rig *r, const char *passwd, const char *group)
{
	if (passwd != NULL)
		rig_file(r, "passwd", passwd);
	if (group != NULL)
		rig_file(r, "group", group);
	rig_poke(r);
}

/* How often the log says so. */
unsigned rig_alarms(const struct rig *r, const char *text)
{
	char path[256], line[8192];
	unsigned n = 0;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "%.63s/state/spool/decisions.jsonl", r->dir);
	assert_non_null(fp = fopen(path, "re"));
	while (fgets(line, sizeof(line), fp) != NULL)
		n += strstr(line, "\"alarm\"") != NULL && strstr(line, text) != NULL;
	(void)fclose(fp);
	return n;
}
