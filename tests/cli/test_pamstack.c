/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* PAM stacks as libpam reads and runs them: who gets past a module that says no? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ztjit/doctor/pamstack.h"

#define BIT(code) (UINT32_C(1) << (code))
enum { SUCCESS = 0, PERM_DENIED = 6, NEW_AUTHTOK_REQD = 12, AUTHTOK_EXPIRED = 27 };

/* Files by name, in pairs; NULL ends. */
static int read_pairs(void *arg, const char *name, struct ztj_buf *text, char *path, size_t size)
{
	const char *const *pairs = arg;

	for (; pairs[0] != NULL; pairs += 2)
		if (strcmp(pairs[0], name) == 0) {
			(void)snprintf(path, size, "/etc/pam.d/%s", name);
			return ztj_buf_puts(text, pairs[1]);
		}
	return ZTJ_NOT_FOUND;
}

static int load(const char *const *pairs, struct pams_stack *s)
{
	const struct pams_source from = { read_pairs, (void *)(uintptr_t)pairs };

	return pams_read(&from, "svc", s);
}

static uint32_t results(const struct pams_line *l, void *arg)
{
	(void)arg;
	if (pams_is(l, "pam_ztjit.so"))
		return BIT(PERM_DENIED);
	if (pams_is(l, "pam_deny.so"))
		return BIT(7);
	if (pams_is(l, "pam_permit.so"))
		return BIT(SUCCESS);
	return ~UINT32_C(0);
}

static bool passes(const char *const *pairs, uint32_t lets_in, struct pams_way *way, struct pams_stack *s)
{
	const struct pams_ask ask = { PAMS_ACCOUNT, lets_in, results, NULL };
	bool yes = false;

	assert_int_equal(load(pairs, s), ZTJ_OK);
	assert_int_equal(pams_passes(s, &ask, &yes, way), ZTJ_OK);
	return yes;
}

#define COMMON \
	"account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n" \
	"account requisite pam_deny.so\n" \
	"account required pam_permit.so\n"

/* text: of svc; by: the module that lets in, "" for none, NULL: it holds. */
static const struct {
	const char *text, *by;
} table[] = {
	{ "account required pam_ztjit.so\n@include common\n", NULL },
	{ "@include common\naccount required pam_ztjit.so\n", NULL },
	{ "account requisite pam_ztjit.so\naccount sufficient pam_permit.so\n", NULL },
	{ "account required pam_ztjit.so\naccount sufficient pam_permit.so\n", NULL },
	{ "ACCOUNT Required pam_ztjit.so\n", NULL },
	{ "account required pam_unix.so\naccount required pam_ztjit.so\naccount optional pam_permit.so\n",
	    NULL },
	{ "account [success=ok default=die] pam_ztjit.so\naccount required pam_permit.so\n", NULL },
	{ "account [success=ok default=bad] pam_ztjit.so\n", NULL },
	{ "account [perm_denied=bad default=ignore] pam_ztjit.so\naccount required pam_permit.so\n", NULL },
	{ "account include common\naccount required pam_ztjit.so\n", NULL },
	{ "account substack common\naccount required pam_ztjit.so\n", NULL },
	{ "account substack early\naccount required pam_ztjit.so\n", NULL },
	{ "account required \\\n pam_ztjit.so\naccount required pam_permit.so\n", NULL },
	{ "account required pam_nologin.so\naccount [success=1 default=ignore] pam_x.so\naccount required pam_permit.so\n"
	  "account required pam_ztjit.so\n",
	    NULL },
	/* nothing at all: libpam denies; doctor looks at "other" then */
	{ "", NULL },
	{ "auth required pam_permit.so\n", NULL },
	/* what cannot be read fails */
	{ "account\naccount required pam_permit.so\n", NULL },
	{ "account include none\naccount required pam_permit.so\n", NULL },
	{ "@include none\naccount required pam_permit.so\n", NULL },
	{ "account [succes=ok] pam_permit.so\n", NULL },
	{ "account [success=ok pam_permit.so\n", NULL },
	{ "account [success=1] pam_permit.so\n", NULL }, /* a bad jump */
	{ "account [success=0] pam_permit.so\n", NULL },
	{ "account [success=5 default=ignore] pam_permit.so\naccount required pam_permit.so\n", NULL },

	{ "account required pam_permit.so\n", "pam_permit.so" },
	{ "@include common\n", "pam_unix.so" },
	{ "account sufficient pam_permit.so\naccount required pam_ztjit.so\n", "pam_permit.so" },
	{ "account sufficient pam_x.so\naccount required pam_ztjit.so\n", "pam_x.so" },
	{ "account optional pam_ztjit.so\naccount required pam_permit.so\n", "pam_permit.so" },
	{ "account required pam_permit.so\naccount optional pam_ztjit.so\n", "pam_ztjit.so" },
	{ "account required pam_permit.so\naccount sufficient pam_ztjit.so\n", "pam_ztjit.so" },
	{ "account required pam_permit.so\naccount [default=ignore] pam_ztjit.so\n", "pam_ztjit.so" },
	{ "account required pam_permit.so\naccount [success=ok perm_denied=ignore default=bad] pam_ztjit.so\n",
	    "pam_ztjit.so" },
	{ "account [success=2 default=ignore] pam_localuser.so\naccount required pam_ztjit.so\naccount required pam_x.so\n"
	  "account required pam_permit.so\n",
	    "pam_localuser.so" },
	{ "account [success=done default=ignore] pam_x.so\naccount required pam_ztjit.so\n", "pam_x.so" },
	/* an include takes part in the walk: done ends all of it */
	{ "account include early\naccount required pam_ztjit.so\n", "pam_x.so" },
	{ "@include early\naccount required pam_ztjit.so\n", "pam_x.so" },
	/* reset forgets the no */
	{ "account required pam_ztjit.so\naccount [success=reset default=ignore] pam_x.so\naccount required pam_permit.so\n",
	    "pam_permit.so" },
	/* a jump over a whole substack, and one inside it */
	{ "account [success=1 default=ignore] pam_x.so\naccount substack ours\naccount required pam_permit.so\n",
	    "pam_x.so" },
	{ "account substack inner\naccount required pam_permit.so\n", "pam_x.so" },
	{ "# account required pam_ztjit.so\naccount required pam_permit.so # pam_ztjit.so\n",
	    "pam_permit.so" },
	{ "-account required pam_permit.so\n", "pam_permit.so" },
	{ "session required pam_ztjit.so\naccount required pam_permit.so\n", "pam_permit.so" },
	{ "account [success=ok default=bad] pam_permit.so arg[1]\n", "pam_permit.so" },
};

static void test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *const pairs[] = { "svc", table[i].text, "common", COMMON, "early",
			"account sufficient pam_x.so\nauth required pam_x.so\n", "ours",
			"account required pam_ztjit.so\n", "inner",
			"account [success=1 default=ignore] pam_x.so\naccount required pam_ztjit.so\n"
			"account required pam_permit.so\n",
			NULL };
		struct pams_stack s;
		struct pams_way way;
		bool yes = passes(pairs, BIT(SUCCESS), &way, &s);

		if (yes != (table[i].by != NULL) ||
		    (yes && (way.by == NULL || !pams_is(way.by, table[i].by))))
			print_error("case %zu: %s\n gives %d by %s\n", i, table[i].text, yes,
			    way.by != NULL ? way.by->module : "-");
		assert_int_equal(yes, table[i].by != NULL);
		if (yes)
			assert_true(pams_is(way.by, table[i].by));
		pams_free(&s);
	}
}

/* P15: the first no of a stack is the one that sudo sees, and some of them it does not mind. */
static void test_first_no(void **state)
{
	static const char *const after[] = { "svc",
		"account required pam_unix.so\naccount required pam_ztjit.so\n", NULL };
	static const char *const before[] = { "svc",
		"account required pam_ztjit.so\naccount required pam_unix.so\n", NULL };
	static const char *const done[] = { "svc", COMMON "account required pam_ztjit.so\n", NULL };
	const uint32_t sudo = BIT(SUCCESS) | BIT(NEW_AUTHTOK_REQD) | BIT(AUTHTOK_EXPIRED);
	struct pams_stack s;
	struct pams_way way;

	(void)state;
	assert_false(passes(after, BIT(SUCCESS), &way, &s));
	pams_free(&s);
	assert_true(passes(after, sudo, &way, &s));
	assert_true(!way.skipped && pams_is(way.by, "pam_unix.so") && way.status == AUTHTOK_EXPIRED);
	pams_free(&s);
	assert_false(passes(before, sudo, &way, &s));
	pams_free(&s);
	assert_true(passes(done, sudo, &way, &s));
	assert_true(way.skipped && pams_is(way.by, "pam_unix.so") && way.code == NEW_AUTHTOK_REQD);
	pams_free(&s);
}

static void test_places(void **state)
{
	static const char *const pairs[] = { "svc", "\n# x\naccount required a.so one two\n\n@include more\n",
		"more", "auth [success=1\tdefault=ignore] /lib/security/b.so [x y]\n", NULL };
	struct pams_stack s;

	(void)state;
	assert_int_equal(load(pairs, &s), ZTJ_OK);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.line[0].file, "/etc/pam.d/svc");
	assert_int_equal(s.line[0].line, 3);
	assert_string_equal(s.line[0].module, "a.so");
	assert_string_equal(s.line[0].args, "one two");
	assert_string_equal(s.line[1].file, "/etc/pam.d/more");
	assert_int_equal(s.line[1].line, 1);
	assert_string_equal(s.line[1].control, "success=1\tdefault=ignore");
	assert_true(pams_is(&s.line[1], "b.so"));
	assert_true(pams_has(&s, PAMS_AUTH));
	assert_false(pams_has(&s, PAMS_SESSION));
	pams_free(&s);
}

/* What nobody writes ends, and ends as an error. */
static void test_limits(void **state)
{
	static const char *const self[] = { "svc",
		"account required pam_permit.so\naccount include svc\naccount include svc\n", NULL };
	static const char *const none[] = { NULL };
	static char many[2000 * 32];
	const char *const lines[] = { "svc", many, NULL };
	struct pams_stack s;

	(void)state;
	assert_int_equal(load(self, &s), ZTJ_LIMIT);
	assert_int_equal(s.n, 0);
	assert_int_equal(load(none, &s), ZTJ_NOT_FOUND);
	for (size_t i = 0, n = 0; i < 2000; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "auth required pam_x.so\n");
	assert_int_equal(load(lines, &s), ZTJ_LIMIT);
}

/* A stack cut anywhere is read without harm. */
static void test_cut(void **state)
{
	static const char whole[] =
	    "account [success=1 default=ignore] pam_x.so a\\\n b\n@include common\n-session substack y\n";
	char text[sizeof whole];
	const char *const pairs[] = { "svc", text, "common", COMMON, NULL };
	struct pams_stack s;
	struct pams_way way;

	(void)state;
	for (size_t n = 0; n < sizeof whole; n++) {
		memcpy(text, whole, n);
		text[n] = '\0';
		(void)passes(pairs, BIT(SUCCESS), &way, &s);
		pams_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_first_no),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
