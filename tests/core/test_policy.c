/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The policy file: what it may say, what is refused and at which line, its own tests, its differences. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy_int.h"
#include "tests/core/support.h"

#define NOW 1795428000

static char keys[7][ZTJ_KEY_TEXT_SIZE], fp[ZTJ_FINGERPRINT_SIZE];
static struct ztj_policy_problems problems;
static struct ztj_key key0;

/* $0 … $6 stand for keys. The line of each thing is what the tests below count on. */
static const char BASE[] =
    "domain = \"example\"; version = 7; expires = \"2027-06-30T00:00:00Z\";\n"                       /* 1 */
    "roles = {\n"                                                                                    /* 2 */
    "  root-shell = { login = [ \"root\" ]; record = \"none\"; };\n"                                 /* 3 */
    "  sudo-root = { login = [ \"self\" ]; become = [ \"root\" ]; groups = [ \"ztjit-root\" ]; };\n" /* 4 */
    "}; gids = { ztjit-root = 61000; ztjit-db = 61001; };\n"                                         /* 5 */
    "rules = (\n"                                                                                    /* 6 */
    "  { name = \"prod\"; who = [ \"@sre\", \"people/out1\" ]; roles = [ \"root-shell\", \"sudo-root\" ];\n" /* 7 */
    "    hosts = { env = [ \"prod\", \"stage\" ]; tier = \"*\"; }; max = \"1h\"; max_total = \"4h\"; ahead = \"7d\";\n" /* 8 */
    "    approvals = ( { count = 1; from = [ \"@sre-leads\" ]; },\n"                           /* 9 */
    "      { count = 2; from = [ \"@security\" ]; } );\n"                                      /* 10 */
    "    verify = \"uv\"; step_up = [ \"confirm\", \"agent\" ]; step_up_every = \"15m\";\n"    /* 11 */
    "    sources = [ \"10.0.0.0/8\", \"192.0.2.1\" ]; hours = \"Mon-Fri 07:00-20:00 UTC0\";\n" /* 12 */
    "    reason_min = 10; ticket = \"^INC-[0-9]+$\"; freshness = \"30m\"; on_stale = \"kill\"; deny_on_counter = true; },\n" /* 13 */
    "  { name = \"glass\"; who = \"people/out1\"; roles = \"root-shell\"; hosts = \"*\"; break_glass = true; }\n" /* 14 */
    ");\n"             /* 15 */
    "registrars = (\n" /* 16 */
    "  { directory = \"people\"; keys = [ \"$0\" ]; threshold = 1; groups = [ \"sre\" ]; uids = [ 20000, 29999 ]; },\n" /* 17 */
    "  { directory = \"approvers\"; keys = [ \"$0\", \"$1\" ]; threshold = 2; "
    "groups = [ \"sre-leads\", \"security\" ]; uids = [ 30000, 39999 ]; },\n" /* 18 */
    "  { directory = \"servers\"; keys = \"$0\"; threshold = 1; labels = { env = [ \"prod\", \"stage\", \"test\" ]; tier = \"*\"; }; } );\n" /* 19 */
    "broker = { urls = \"https://broker:8443\"; tls = \"$3\"; online = \"$4\"; log = \"$5\"; ca = \"$6\"; };\n" /* 20 */
    "auditors = [ \"@security\" ]; revoked_keys = [ \"$2 lost\", \"SHA256:$F\" ]; limits = { directory_max = \"90d\"; };\n" /* 21 */
    "tests = (\n"                                                                                    /* 22 */
    "  { name = \"one lead is not enough\"; people = { req1 = \"sre\"; lead1 = \"sre-leads\"; };\n"  /* 23 */
    "    hosts = { web1 = { env = \"prod\"; tier = \"web\"; }; };\n"                                 /* 24 */
    "    request = { who = \"req1\"; role = \"root-shell\"; host = \"web1\"; for = \"30m\"; };\n"    /* 25 */
    "    approved_by = \"lead1\"; expect = \"pending\"; needs = \"@security\"; rule = \"prod\"; }\n" /* 26 */
    ");\n";                                                                                          /* 27 */

static int setup(void **state)
{
	struct soft_key k;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		soft_key_make(&k, i < 3 ? ZTJ_KEY_SK_ED25519 : ZTJ_KEY_ED25519);
		ok(ztj_key_to_text(&k.pub, keys[i]));
		if (i == 0)
			key0 = k.pub;
		soft_key_free(&k);
	}
	soft_key_make(&k, ZTJ_KEY_SK_ECDSA);
	ok(ztj_key_fingerprint(&k.pub, fp));
	soft_key_free(&k);
	return 0;
}

/* The base with every `from` replaced, and the keys put in; `from` NULL: as it is. */
static char *text_with(const char *from, const char *to)
{
	struct ztj_buf b;
	char *out;
	size_t hits = 0;

	ztj_buf_init(&b, 1 << 20);
	for (const char *p = BASE; *p != 0;) {
		if (from != NULL && strncmp(p, from, strlen(from)) == 0) {
			ztj_buf_puts(&b, to);
			p += strlen(from);
			hits++;
		} else {
			ztj_buf_put(&b, p++, 1);
		}
	}
	if (from != NULL && hits == 0)
		fail_msg("\"%s\" is not in the base", from);
	out = calloc(1, 65536);
	assert_non_null(out);
	for (size_t i = 0, n = 0; i < b.n; i++) {
		const char *put = NULL;
		char mark = '0';
		if (b.p[i] == '$' && i + 1 < b.n)
			mark = (char)b.p[i + 1];
		if (mark == 'F')
			put = fp + 7;
		else if (b.p[i] == '$' && mark >= '0' && mark <= '6' && i + 1 < b.n)
			put = keys[mark - '0'];
		i += put != NULL ? 1 : 0;
		if (put != NULL) {
			memcpy(out + n, put, strlen(put));
			n += strlen(put);
		} else {
			out[n++] = (char)b.p[i];
		}
	}
	ztj_buf_free(&b);
	return out;
}

static struct ztj_policy *parse(const char *from, const char *to)
{
	char *text = text_with(from, to);
	struct ztj_policy *p;
	int r = ztj_policy_parse(ztj_view_str(text), &p, &problems);

	if (r != ZTJ_OK)
		fail_msg("line %u: %s", problems.item[0].line, problems.item[0].text);
	free(text);
	return p;
}

static void test_all_fields(void **state)
{
	struct ztj_policy *p = parse(NULL, NULL);
	const struct ztj_rule *r = &p->rules[0];

	(void)state;
	assert_int_equal(problems.n, 0);
	assert_string_equal(p->domain, "example");
	assert_int_equal(p->version, 7);
	assert_int_equal(p->nroles, 2);
	assert_int_equal(p->nrules, 2);
	assert_int_equal(p->nregistrars, 3);
	assert_true(p->has_gids);
	assert_int_equal(p->ngids, 2);
	assert_string_equal(p->gids[0].name, "ztjit-root");
	assert_int_equal(p->gids[1].gid, 61001);
	assert_int_equal(p->roles[1].record, ZTJ_RECORD_OUTPUT); /* the default */
	assert_int_equal(r->line, 7);
	assert_int_equal(r->max, 3600);
	assert_int_equal(r->max_total, 4 * 3600);
	assert_int_equal(r->request_valid, 3600);
	assert_int_equal(r->ahead, 7 * 86400);
	assert_int_equal(r->nlabels, 3);
	assert_int_equal(r->nslots, 2);
	assert_int_equal(r->slot[1].count, 2);
	assert_true(r->uv && r->deny_on_counter && r->has_hours);
	assert_int_equal(r->step_up, ZTJ_VIA_AGENT | ZTJ_VIA_CONFIRM);
	assert_string_equal(r->step_up_order.s[0], "confirm");
	assert_null(r->step_up_order.s[2]);
	assert_string_equal(r->sources.s[1], "192.0.2.1/32");
	assert_int_equal(r->on_stale, ZTJ_STALE_KILL);
	r = &p->rules[1];
	assert_true(r->uv && r->break_glass);
	assert_int_equal(r->nlabels, 0);
	assert_int_equal(r->freshness, 900);
	assert_int_equal(r->step_up, ZTJ_VIA_AGENT | ZTJ_VIA_LOCAL | ZTJ_VIA_CONFIRM);
	assert_int_equal(r->step_up_every, 0);
	assert_int_equal(r->reason_min, 1);
	assert_int_equal(r->max_total, r->max);
	assert_int_equal(p->registrars[1].threshold, 2);
	assert_int_equal(p->registrars[2].uid_max, 0);
	assert_int_equal(p->limits.directory_max, 90 * 86400);
	assert_int_equal(p->limits.policy_warn, 30 * 86400);
	assert_int_equal(p->nrevoked, 2);
	assert_false(ztj_policy_key_revoked(p, &key0));
	assert_non_null(ztj_policy_role(p, "sudo-root"));
	assert_null(ztj_policy_role(p, "sudo"));
	assert_non_null(ztj_policy_registrar(p, "servers"));
	assert_null(ztj_policy_registrar(p, "Servers"));
	ztj_policy_free(p);
}

/* N03: the first and the last of the list, and one of each kind. */
static void test_N03_reserved_groups(void **state)
{
	static const char *const names[] = { "_ssh", "adm", "ztjit-store", "root", "sudo", "wheel", "docker",
		"lxd", "disk", "shadow", "adm", "kvm", "libvirt", "video", "staff", "nogroup",
		"systemd-journal", "systemd-anything", "www-data", "ztjit-rec", "ztjit-gate",
		"google-sudoers", "self", "users", "kmem", "tty" };
	static const char *const free_names[] = { "ztjit-root", "ztjit-db", "rooty", "sud", "alice",
		"systemd", "" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_true(ztj_policy_group_reserved(names[i]));
	for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++)
		assert_false(ztj_policy_group_reserved(free_names[i]));
}

/* N03: a person of that name would be what a daemon runs as, or in a group that a rule of sudo names. */
static void test_N03_reserved_people(void **state)
{
	static const char *const names[] = { "root", "www-data", "amavis", "zookeeper", "mysql", "postgres",
		"redis", "nginx", "gitlab-runner", "_chrony", "_", "ztjit-root", "ztjit-", "ztjit-db" };
	static const char *const free_names[] = { "alice", "ztjit", "postgr", "postgres2", "a_b", "" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_true(ztj_policy_person_reserved(names[i]));
	for (size_t i = 0; i < sizeof free_names / sizeof free_names[0]; i++)
		assert_false(ztj_policy_person_reserved(free_names[i]));
}

static void test_labels_of_a_rule(void **state)
{
	struct ztj_policy *p = parse(NULL, NULL);
	const struct ztj_label prod[] = { { "env", "prod" }, { "tier", "web" } },
			       stage[] = { { "env", "stage" }, { "tier", "db" } },
			       test[] = { { "env", "test" }, { "tier", "web" } },
			       bare[] = { { "env", "prod" } };

	(void)state;
	assert_true(ztj_rule_labels_match(&p->rules[0], prod, 2));
	assert_true(ztj_rule_labels_match(&p->rules[0], stage, 2));
	assert_false(ztj_rule_labels_match(&p->rules[0], test, 2));
	assert_false(ztj_rule_labels_match(&p->rules[0], bare, 1)); /* "*" is any value, not none */
	assert_false(ztj_rule_labels_match(&p->rules[0], NULL, 0));
	assert_true(ztj_rule_labels_match(&p->rules[1], NULL, 0)); /* hosts = "*" */
	ztj_policy_free(p);
}

static const struct refusal {
	const char *from, *to;
	unsigned line;
	const char *why;
} refusals[] = {
	/* what libconfig would misread */
	{ "version = 7", "version = 4294967296", 1, "32 bits" },
	{ "version = 7", "version = 0x7", 1, "decimal" },
	{ "version = 7", "version = 7L", 1, "decimal" },
	{ "version = 7", "version = 7.0", 1, "decimal" },
	{ "roles = {", "@include \"other\"\nroles = {", 2, "included" },
	{ "roles = {", "  @include \"other\"\nroles = {", 2, "included" },
	{ "\"example\"", "\"exa\\x00mple\"", 1, "escape" },
	{ "\"example\"", "\"exa\\nmple\"", 1, "escape" },
	{ "\"example\"", "\"exa\tmple\"", 1, "tab" },
	{ "\"example\"", "\"exa\x01mple\"", 1, "control" },
	{ "};\n", "}; # \xe2\x80\xae\n", 5, "bidirectional" },
	{ "};\n", "};\r\n", 3, "control" },
	{ "\"@sre\"", "\"@sr\xff\"", 0, "UTF-8" },
	{ "tests = (", "tests = ((", 0, "" },
	{ "auditors", "/* auditors", 0, "does not end" },
	/* F02: unknown, duplicate, missing, wrong type, empty */
	{ "domain =", "domains = \"x\"; domain =", 1, "unknown key \"domains\"" },
	{ "reason_min = 10;", "reason_min = 10; reason_max = 20;", 13, "unknown key \"reason_max\"" },
	{ "max = \"1h\";", "max = \"1h\"; max = \"2h\";", 8, "duplicate" },
	{ "version = 7;", "", 0, "\"version\" is missing" },
	{ "threshold = 2;", "", 18, "\"threshold\" is missing" },
	{ "from = [ \"@sre-leads\" ];", "", 9, "\"from\" is missing" },
	{ "hosts = \"*\";", "", 14, "\"hosts\" is missing" },
	{ "hosts = \"*\";", "hosts = { };", 14, "a group of labels" },
	{ "hosts = \"*\";", "hosts = \"web\";", 14, "a group of labels" },
	{ "who = \"people/out1\";", "who = [ ];", 14, "an empty list" },
	{ "sources = [ \"10.0.0.0/8\", \"192.0.2.1\" ]", "sources = [ ]", 12, "an empty list" },
	{ "groups = [ \"sre\" ];", "groups = [ ];", 17, "an empty list" },
	{ "version = 7", "version = \"7\"", 1, "a whole number" },
	{ "version = 7", "version = 0", 1, "1 to" },
	{ "max = \"1h\"", "max = 3600", 8, "unit" },
	{ "max = \"1h\"", "max = \"0s\"", 8, "not a duration" },
	{ "max = \"1h\"", "max = \"-1h\"", 8, "not a duration" },
	{ "max = \"1h\"", "max = \"400d\"", 8, "not a duration" },
	{ "deny_on_counter = true", "deny_on_counter = 1", 13, "true or false" },
	{ "\"2027-06-30T00:00:00Z\"", "\"2027-06-31T00:00:00Z\"", 1, "not a UTC time" },
	{ "\"2027-06-30T00:00:00Z\"", "\"2027-06-30\"", 1, "not a UTC time" },
	{ "\"example\"", "\"Example\"", 1, "not a domain" },
	{ "verify = \"uv\"", "verify = \"yes\"", 11, "\"up\", \"uv\"" },
	{ "on_stale = \"kill\"", "on_stale = \"\"", 13, "on_stale" },
	{ "\"confirm\", \"agent\"", "\"confirm\", \"phone\"", 11, "\"phone\" is unknown" },
	{ "\"confirm\", \"agent\"", "\"agent\", \"agent\"", 11, "stands twice" },
	{ "count = 2", "count = 0", 10, "1 to 16" },
	{ "\"@sre\", \"people/out1\"", "\"@sre\", \"out1\"", 7, "neither" },
	{ "\"@sre\", \"people/out1\"", "\"@sre\", \"@sre\"", 7, "stands twice" },
	{ "10.0.0.0/8", "10.0.0.1/8", 12, "canonical" },
	{ "10.0.0.0/8", "10.0.0.0/33", 12, "address block" },
	{ "10.0.0.0/8", "", 12, "address block" },
	{ "^INC-[0-9]+$", "^INC-[0-9+$", 13, "regular expression" },
	{ "^INC-[0-9]+$", "(a{1,255}){1,255}", 13, "repetition" },
	{ "^INC-[0-9]+$", "a{0,9999}a{0,9999}a{0,9999}a{0,9999}", 13, "repetition" },
	{ "^INC-[0-9]+$", "a{256}", 13, "repetition" },
	{ "^INC-[0-9]+$", "a{1", 13, "repetition" },
	{ "^INC-[0-9]+$", "(a)\\\\1", 13, "back references" },
	{ "07:00-20:00 UTC0", "07:00-20:00 Europe/Berlin", 12,
	    "for Europe/Berlin write CET-1CEST,M3.5.0,M10.5.0/3" },
	{ "07:00-20:00 UTC0", "07:00-26:00 UTC0", 12, "expected as in" },
	{ "https://broker:8443", "http://broker:8443", 20, "https://" },
	{ "tls = \"$3\"", "tls = \"$0\"", 20, "not accepted here" },
	{ "tls = \"$3\"", "tls = \"ssh-ed25519 AAAA\"", 20, "not a public key" },
	{ "ca = \"$6\"", "ca = \"$0\"", 20, "not accepted here" },
	{ "\"SHA256:$F\"", "\"SHA256:abc\"", 21, "neither a public key nor a fingerprint" },
	{ "\"people\"; keys = [ \"$0\" ]", "\"people\"; keys = [ \"$4\" ]", 17, "never vouch for people" },
	{ "\"people\"; keys = [ \"$0\" ]",
	    "\"people\"; keys = [ \""
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAJwWRnH5p5fnmb7zGCokwNckO2F2i90Hx6NBqUa23Dk\" ]",
	    17, "security keys" },
	{ "keys = \"$0\"; threshold", "keys = \"$5\"; threshold", 19, "security keys" },
	{ "uids = [ 20000, 29999 ]", "uids = [ 999, 29999 ]", 17, "at least 1000" },
	{ "uids = [ 20000, 29999 ]", "uids = [ 29999, 20000 ]", 17, "not below" },
	{ "uids = [ 20000, 29999 ]", "uids = [ 20000 ]", 17, "two numbers" },
	{ "threshold = 1; labels", "threshold = 1; base = \"12\"; labels", 19, "64 lower-case hex" },
	/* names nothing defines */
	{ "\"root-shell\", \"sudo-root\"", "\"root-shell\", \"sudo-rot\"", 7,
	    "role \"sudo-rot\" is not defined" },
	{ "\"@security\" ]; } )", "\"@securty\" ]; } )", 10, "group \"securty\": no registrar" },
	{ "\"@sre\", \"people/out1\"", "\"@sre\", \"servers/out1\"", 7,
	    "no registrar may vouch for people in that directory" },
	{ "auditors = [ \"@security\" ]", "auditors = [ \"@audit\" ]", 21, "group \"audit\"" },
	{ "needs = \"@security\"", "needs = \"@securty\"", 26, "group \"securty\"" },
	/* roles */
	{ "login = [ \"self\" ];", "login = [ \"dba\" ];", 4, "nobody can tell whose sudo" },
	{ "groups = [ \"ztjit-root\" ]", "groups = [ \"docker\" ]", 4, "belongs to the system" },
	{ "become = [ \"root\" ]", "become = [ \"self\" ]", 4, "means nothing here" },
	{ "login = [ \"root\" ]; record = \"none\";", "record = \"none\";", 3, "gives nothing" },
	{ "login = [ \"root\" ]; record = \"none\";", "login = [ \"root\" ]; sudo_recorded = true;", 3,
	    "sudo_recorded" },
	{ "login = [ \"root\" ]; record = \"none\";",
	    "login = [ \"root\" ]; record = \"none\"; record_pipes = true;", 3,
	    "record_pipes needs a record" },
	{ "record = \"none\";", "record_pipes = \"yes\";", 3, "true or false" },
	{ "groups = [ \"ztjit-root\" ]", "groups = [ \"ztjit-rec\" ]", 4, "belongs to the system" },
	{ "groups = [ \"ztjit-root\" ]", "groups = [ \"systemd-journal\" ]", 4, "belongs to the system" },
	/* N03: gids */
	{ "groups = [ \"ztjit-root\" ]", "groups = [ \"ztjit-web\" ]", 4,
	    "\"ztjit-web\" does not stand in gids" },
	{ "ztjit-root = 61000;", "", 4, "\"ztjit-root\" does not stand in gids" },
	{ "gids = { ztjit-root = 61000; ztjit-db = 61001; };", "gids = { };", 4, "does not stand in gids" },
	{ "gids = { ztjit-root = 61000; ztjit-db = 61001; };", "gids = ( );", 5, "group { … } is expected" },
	{ "ztjit-db = 61001", "sudo = 61001", 5, "\"sudo\" belongs to the system" },
	{ "ztjit-db = 61001", "docker = 61001", 5, "\"docker\" belongs to the system" },
	{ "ztjit-db = 61001", "wheel = 61001", 5, "\"wheel\" belongs to the system" },
	{ "ztjit-db = 61001", "lxd = 61001", 5, "\"lxd\" belongs to the system" },
	{ "ztjit-db = 61001", "disk = 61001", 5, "\"disk\" belongs to the system" },
	{ "ztjit-db = 61001", "shadow = 61001", 5, "\"shadow\" belongs to the system" },
	{ "ztjit-db = 61001", "root = 61001", 5, "\"root\" belongs to the system" },
	{ "ztjit-db = 61001", "ztjit-gate = 61001", 5, "\"ztjit-gate\" belongs to the system" },
	{ "ztjit-db = 61001", "systemd-network = 61001", 5, "belongs to the system" },
	{ "ztjit-db = 61001", "ZtjitDb = 61001", 5, "\"ZtjitDb\" is not a group name" },
	{ "ztjit-db = 61001", "ztjit-db = 0", 5, "1000 to" },
	{ "ztjit-db = 61001", "ztjit-db = 999", 5, "1000 to" },
	{ "ztjit-db = 61001", "ztjit-db = -1", 5, "1000 to" },
	{ "ztjit-db = 61001", "ztjit-db = \"61001\"", 5, "a whole number" },
	{ "ztjit-db = 61001", "ztjit-db = 65534", 5, "nobody's" },
	{ "ztjit-db = 61001", "ztjit-db = 65535", 5, "nobody's" },
	{ "ztjit-db = 61001", "ztjit-db = 61000", 5, "the same id" },
	{ "ztjit-db = 61001", "ztjit-root = 61001", 5, "duplicate" },
	{ "ztjit-db = 61001", "ztjit-db = 20000", 5, "among the uids of \"people\"" },
	{ "ztjit-db = 61001", "ztjit-db = 39999", 5, "among the uids of \"approvers\"" },
	/* rules that can never match or never be approved */
	{ "name = \"glass\"", "name = \"prod\"", 14, "stands twice (line 7)" },
	{ "\"prod\", \"stage\" ]; tier = \"*\"; }; max", "\"dev\" ]; }; max", 7,
	    "can never match: no registrar" },
	{ "tier = \"*\"; }; max", "rack = \"*\"; }; max", 7, "can never match: no registrar" },
	{ "break_glass = true; }",
	    "break_glass = true; }, { name = \"late\"; who = \"people/out1\"; roles = \"root-shell\"; hosts = { env = "
	    "\"prod\"; }; break_glass = true; }",
	    14, "rule \"late\" can never match: earlier rules" },
	{ "from = [ \"@security\" ]", "from = [ \"approvers/sec1\" ]", 7,
	    "can never be approved: 2 approvals from 1 people" },
	{ "max_total = \"4h\"", "max_total = \"30m\"", 7, "less than max" },
	{ "break_glass = true;", "break_glass = true; approvals = ( { from = \"@security\"; } );", 14,
	    "nobody may be there" },
	{ "break_glass = true;", "", 14, "\"approvals\" is missing" },
	/* registrars and the broker */
	{ "directory = \"approvers\"", "directory = \"people\"", 18, "stands twice (line 17)" },
	{ "30000, 39999", "29999, 39999", 18, "overlap" },
	{ "threshold = 2", "threshold = 3", 18, "threshold 3 of 2" },
	{ "\"$0\", \"$1\"", "\"$0\", \"$0\"", 18, "a key stands twice" },
	{ "\"$0\", \"$1\"", "\"$0\", \"$2\"", 18, "threshold 2 of 1 keys that count" },
	{ "groups = [ \"sre\" ]; uids = [ 20000, 29999 ];", "groups = [ \"sre\" ];", 17,
	    "groups without uids" },
	{ "labels = { env = [ \"prod\", \"stage\", \"test\" ]; tier = \"*\"; };", "", 19,
	    "may vouch for nothing" },
	{ "keys = [ \"$0\" ]; threshold = 1; groups", "keys = [ \"$4\" ]; threshold = 1; groups", 17,
	    "never vouch for people" },
	{ "keys = \"$0\"; threshold = 1; labels", "keys = [ \"$0\", \"$4\" ]; threshold = 1; labels", 19,
	    "only with auto_join" },
	{ "tier = \"*\"; }; } );", "tier = \"*\"; }; auto_join = true; } );", 19,
	    "wants the broker's online key" },
	{ "keys = \"$0\"; threshold = 1; labels = { env = [ \"prod\", \"stage\", \"test\" ]; tier = \"*\"; };",
	    "keys = \"$4\"; threshold = 1; auto_join = true; labels = { env = [ \"prod\", \"stage\", \"test\" ]; "
	    "tier = \"web\"; };",
	    19, "one value for label env" },
	{ "keys = \"$0\"; threshold = 1; labels = { env = [ \"prod\", \"stage\", \"test\" ]; tier = \"*\"; };",
	    "keys = \"$4\"; threshold = 1; auto_join = true; labels = { env = \"prod\"; tier = \"*\"; };", 19,
	    "one value for label tier" },
	{ "keys = \"$0\"; threshold = 1; labels",
	    "keys = [ \"$0\", \"$4\" ]; threshold = 2; auto_join = true; labels", 19, "wants threshold = 1" },
	{ "keys = [ \"$0\" ]; threshold = 1; groups",
	    "keys = [ \"$0\" ]; threshold = 1; auto_join = true; groups", 17, "never for people" },
	{ "keys = \"$0\"; threshold = 1; labels = { env = [ \"prod\", \"stage\", \"test\" ]; tier = \"*\"; }; } );",
	    "keys = [ \"$0\", \"$4\" ]; threshold = 1; auto_join = true; labels = { env = \"prod\"; tier = \"web\"; }; }, { "
	    "directory = \"lab\"; keys = [ \"$0\", \"$4\" ]; threshold = 1; auto_join = true; labels = { env = \"test\"; }; } );",
	    19, "one directory at most" },
	{ "online = \"$4\"", "online = \"$3\"", 20, "one key stands in tls and in online" },
	{ "\"$2 lost\"", "\"$6\"", 20, "revoked by this very file" },
	/* tests */
	{ "who = \"req1\";", "who = \"req9\";", 25, "\"req9\" is not declared" },
	{ "host = \"web1\";", "host = \"web9\";", 25, "\"web9\" is not declared" },
	{ "host = \"web1\";", "", 25, "\"host\" is missing" },
	{ "approved_by = \"lead1\"", "approved_by = \"lead9\"", 23, "\"lead9\" is not declared" },
	{ "lead1 = \"sre-leads\"", "lead1 = \"wheel\"", 23, "no registrar may vouch for a person" },
	{ "env = \"prod\"; tier = \"web\"; }; };", "env = \"prod\"; os = \"bsd\"; }; };", 24,
	    "no registrar may vouch for a host" },
	{ "expect = \"pending\"", "expect = \"maybe\"", 26, "neither a state" },
};

static void test_F02_refused_with_line_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		const struct refusal *t = &refusals[i];
		char *text = text_with(t->from, t->to);
		struct ztj_policy *p;
		bool found = false;

		assert_int_equal(ztj_policy_parse(ztj_view_str(text), &p, &problems), ZTJ_POLICY_INVALID);
		assert_null(p);
		assert_true(problems.n > 0);
		for (size_t k = 0; k < problems.n; k++)
			found = found ||
			    (!problems.item[k].warning && strstr(problems.item[k].text, t->why) != NULL &&
				(t->line == 0 || problems.item[k].line == t->line));
		if (!found)
			fail_msg("%s -> %s: expected line %u \"%s\", got line %u \"%s\"", t->from, t->to,
			    t->line, t->why, problems.item[0].line, problems.item[0].text);
		free(text);
	}
}

static void test_every_problem_is_shown(void **state)
{
	char *text = text_with("max = \"1h\";", "max = \"x\"; foo = 1; sources = \"bad\";");
	struct ztj_policy *p;

	(void)state;
	fails(ztj_policy_parse(ztj_view_str(text), &p, &problems), ZTJ_POLICY_INVALID);
	free(text);
	text = text_with("tests = (", "colour = 1; size = 2; tests = (");
	memcpy(strstr(text, "\"@sre\""), "\"@srx\"", 6);
	fails(ztj_policy_parse(ztj_view_str(text), &p, &problems), ZTJ_POLICY_INVALID);
	assert_int_equal(problems.n, 3);
	assert_int_equal(problems.item[0].line, 7);
	assert_int_equal(problems.item[2].line, 22);
	free(text);
}

static void test_warnings(void **state)
{
	struct ztj_policy *p = parse("roles = [ \"root-shell\", \"sudo-root\" ]",
	    "roles = [ \"root-shell\" ]");

	(void)state;
	assert_int_equal(problems.n, 1);
	assert_true(problems.item[0].warning);
	assert_int_equal(problems.item[0].line, 4);
	assert_non_null(strstr(problems.item[0].text, "stands in no rule"));
	ztj_policy_free(p);
	/* one registrar alone could both ask and approve */
	p = parse("groups = [ \"sre\" ];", "groups = [ \"sre\", \"sre-leads\", \"security\" ];");
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.item[0].line, 7);
	assert_non_null(strstr(problems.item[0].text, "registrar of \"people\" alone"));
	ztj_policy_free(p);
	/* as before there were gids */
	p = parse("gids = { ztjit-root = 61000; ztjit-db = 61001; };", "");
	assert_false(p->has_gids);
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.item[0].line, 4);
	assert_non_null(strstr(problems.item[0].text, "no host publishes group \"ztjit-root\""));
	ztj_policy_free(p);
	p = parse("61001", "61184");
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.item[0].line, 5);
	assert_non_null(strstr(problems.item[0].text, "systemd gives to services"));
	ztj_policy_free(p);
}

static void test_truncated_at_every_length(void **state)
{
	char *text = text_with(NULL, NULL);
	size_t len = strlen(text);
	struct ztj_policy *p;

	(void)state;
	/* the last ";" and newline may be missing; without `tests` the file is whole as well */
	const char *tests = strstr(text, "\ntests = (");
	for (size_t n = 0; n < len - 2; n++) {
		int r = ztj_policy_parse(ztj_view_of(text, n), &p, &problems);
		bool whole = tests != NULL &&
		    (n == (size_t)(tests - text) || n == (size_t)(tests - text) + 1);
		if (r == ZTJ_OK) {
			ztj_policy_free(p);
			/* cut after a complete optional setting */
			assert_true(whole || n > (size_t)(strstr(text, "\nauditors") - text) - 2);
		} else {
			assert_null(p);
			assert_true(problems.n > 0);
		}
	}
	free(text);
}

static void test_size_and_nesting(void **state)
{
	size_t n = ZTJ_POLICY_MAX + 1;
	char *text = malloc(n + 1);
	struct ztj_policy *p;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', n);
	fails(ztj_policy_parse(ztj_view_of(text, n), &p, &problems), ZTJ_POLICY_INVALID);
	memset(text, '(', n);
	memcpy(text, "a=", 2);
	fails(ztj_policy_parse(ztj_view_of(text, 200000), &p, &problems), ZTJ_POLICY_INVALID);
	for (size_t i = 0; i < n; i++)
		text[i] = "a=1;"[i % 4];
	fails(ztj_policy_parse(ztj_view_of(text, 400000), &p, &problems), ZTJ_POLICY_INVALID);
	fails(ztj_policy_parse(ztj_view_of(text, 0), &p, &problems), ZTJ_POLICY_INVALID);
	free(text);
}

/* --- the policy's own tests --- */

static void own_tests(const char *from, const char *to, int64_t now, int code, const char *report)
{
	struct ztj_policy *p = parse(from, to);
	struct ztj_buf b;

	ztj_buf_init(&b, 65536);
	assert_string_equal(ztj_err_name(ztj_policy_run_tests(p, now, &b)), ztj_err_name(code));
	if (strstr(ztj_buf_str(&b), report) == NULL)
		fail_msg("\"%s\" is not in: %s", report, ztj_buf_str(&b));
	ztj_buf_free(&b);
	ztj_policy_free(p);
}

static void test_own_tests(void **state)
{
	static const char who[] =
	    "approved_by = \"lead1\"; expect = \"pending\"; needs = \"@security\"; rule = \"prod\"; }";
	static const char role[] = "role = \"root-shell\"; host";

	(void)state;
	own_tests(NULL, NULL, NOW, ZTJ_OK, "ok one lead is not enough\n");
	own_tests(NULL, NULL, NOW + 86400 * 5, ZTJ_OK,
	    "ok "); /* a Saturday: a test without `at` is within hours */
	own_tests("expect = \"pending\"", "expect = \"active\"", NOW, ZTJ_POLICY_TEST,
	    "FAILED one lead is not enough: expected active, got pending");
	own_tests("needs = \"@security\"", "needs = \"@sre-leads\"", NOW, ZTJ_POLICY_TEST,
	    "other approvals are missing");
	own_tests("rule = \"prod\"", "rule = \"glass\"", NOW, ZTJ_POLICY_TEST,
	    "expected rule glass, got prod");
	own_tests(who, "denied_by = \"lead1\"; expect = \"denied\"; }", NOW, ZTJ_OK, "ok ");
	own_tests(who, "approved_by = \"lead1\"; verify = \"up\"; expect = \"user-not-verified\"; }", NOW,
	    ZTJ_OK, "ok ");
	own_tests(who, "at = \"2026-11-28T12:00:00Z\"; expect = \"outside-hours\"; }", NOW, ZTJ_OK, "ok ");
	own_tests(role, "ticket = \"BUG-1\"; role = \"root-shell\"; host", NOW, ZTJ_POLICY_TEST,
	    "got invalid (ticket)");
	own_tests(role, "reason = \"short\"; role = \"root-shell\"; host", NOW, ZTJ_POLICY_TEST,
	    "got invalid (reason-too-short)");
	own_tests(role, "break_glass = true; role = \"root-shell\"; host", NOW, ZTJ_POLICY_TEST,
	    "got invalid (no-rule)");
	own_tests("people = { req1 = \"sre\"; lead1 = \"sre-leads\"; }",
	    "people = { sec2 = \"security\"; req1 = \"sre\"; lead1 = [ \"sre-leads\", \"security\" ]; sec1 = \"security\"; }",
	    NOW, ZTJ_OK, "ok ");
}

static void test_approved_when_everybody_signed(void **state)
{
	struct ztj_policy *p;
	struct ztj_buf b;
	char *text = text_with("people = { req1 = \"sre\"; lead1 = \"sre-leads\"; }",
	    "people = { sec2 = \"security\"; req1 = \"sre\"; lead1 = \"sre-leads\"; sec1 = \"security\"; }");
	char *at = strstr(text, "approved_by"), *whole = calloc(1, 65536);

	(void)state;
	assert_non_null(at);
	assert_non_null(whole);
	*at = 0;
	snprintf(whole, 65536,
	    "%sapproved_by = [ \"sec1\", \"lead1\", \"sec2\" ]; expect = \"approved\"; }\n);\n", text);
	ok(ztj_policy_parse(ztj_view_str(whole), &p, &problems));
	ztj_buf_init(&b, 65536);
	ok(ztj_policy_run_tests(p, NOW, &b));
	ztj_buf_free(&b);
	ztj_policy_free(p);
	free(text);
	free(whole);
}

static void test_diff(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} t[] = { { "max_total = \"4h\"", "max_total = \"5h\"",
		      "rule prod changed\n  - max_total 4h\n  + max_total 5h\n" },
		{ "name = \"glass\"", "name = \"hammer\"", "rule glass removed\n" },
		{ "name = \"glass\"", "name = \"hammer\"", "rule hammer added\n" },
		{ "threshold = 2", "threshold = 1",
		    "registrar approvers changed\n  - threshold 2\n  + threshold 1\n" },
		{ "become = [ \"root\" ]", "become = [ \"root\", \"postgres\" ]",
		    "role sudo-root changed\n  + become postgres\n" },
		{ "ztjit-root = 61000", "ztjit-root = 61002",
		    "policy changed\n  - gid ztjit-root 61000\n  + gid ztjit-root 61002\n" },
		{ "gids = { ztjit-root = 61000; ztjit-db = 61001; };", "",
		    "  + role groups are not published\n" },
		{ "07:00-20:00", "07:00-21:00", "  + hours Mon Tue Wed Thu Fri 07:00-21:00\n" },
		{ "\"confirm\", \"agent\"", "\"agent\", \"confirm\"",
		    "rule prod changed\n  the same lines in another order\n" },
		{ "verify = \"uv\"", "verify = \"up\"", "  - verify uv\n  + verify up\n" } };
	struct ztj_policy *a = parse(NULL, NULL), *b;
	struct ztj_buf out;

	(void)state;
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_policy_diff(a, a, &out));
	assert_int_equal(out.n, 0);
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		b = parse(t[i].from, t[i].to);
		ztj_buf_reset(&out);
		ok(ztj_policy_diff(a, b, &out));
		if (strstr(ztj_buf_str(&out), t[i].says) == NULL)
			fail_msg("\"%s\" is not in: %s", t[i].says, ztj_buf_str(&out));
		assert_non_null(strstr(ztj_buf_str(&out), "digest\n"));
		ztj_policy_free(b);
	}
	ztj_buf_free(&out);
	ztj_policy_free(a);
}

/* What signers of a policy are shown: an approval less is not "another order", and a new rule in front takes over. */
static void test_P7_diff_does_not_play_down(void **state)
{
	static const char one[] = "{ count = 1; from = [ \"@sre-leads\" ]; },";
	static const char two[] =
	    "{ count = 1; from = [ \"@sre-leads\" ]; }, { count = 1; from = [ \"@sre-leads\" ]; },";
	struct ztj_policy *a = parse(one, two), *b = parse(NULL, NULL);
	struct ztj_buf out;

	(void)state;
	ztj_buf_init(&out, 1 << 20);
	ok(ztj_policy_diff(a, b, &out));
	assert_non_null(strstr(ztj_buf_str(&out), "rule prod changed\n  - approvals 1 of @sre-leads\n"));
	assert_null(strstr(ztj_buf_str(&out), "the same lines"));
	ztj_buf_reset(&out);
	ok(ztj_policy_diff(b, a, &out));
	assert_non_null(strstr(ztj_buf_str(&out), "rule prod changed\n  + approvals 1 of @sre-leads\n"));
	ztj_policy_free(a);
	a = parse("rules = (\n",
	    "rules = ( { name = \"easy\"; who = \"people/out1\"; "
	    "roles = \"root-shell\"; hosts = { env = \"test\"; }; approvals = ( ); },\n");
	ztj_buf_reset(&out);
	ok(ztj_policy_diff(b, a, &out));
	assert_non_null(strstr(ztj_buf_str(&out), "rule easy stands before rule prod;"));
	ztj_buf_free(&out);
	ztj_policy_free(a);
	ztj_policy_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_P7_diff_does_not_play_down), cmocka_unit_test(test_labels_of_a_rule),
		cmocka_unit_test(test_N03_reserved_groups), cmocka_unit_test(test_N03_reserved_people),
		cmocka_unit_test(test_F02_refused_with_line_and_reason),
		cmocka_unit_test(test_every_problem_is_shown), cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_truncated_at_every_length), cmocka_unit_test(test_size_and_nesting),
		cmocka_unit_test(test_own_tests), cmocka_unit_test(test_approved_when_everybody_signed),
		cmocka_unit_test(test_diff) };

	return cmocka_run_group_tests(tests, setup, NULL);
}
