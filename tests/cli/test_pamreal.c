/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A thousand stacks made at random, each run by libpam itself (pam_debug returns what it is told) and judged by pams_passes:
 * where every module can return one code only, they must say the same.
 */
#include <security/pam_appl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libztjit/sys/safefile.h"
#include "ztjit/doctor/pamstack.h"

#define STACKS 1000
static char dir[] = "/tmp/ztjit-stacks.XXXXXX";
static uint32_t seed = 20261128;

static unsigned draw(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* ---- making them ---- */

static const char *const some_codes[] = { "success", "success", "success", "perm_denied", "new_authtok_reqd",
	"acct_expired", "ignore", "user_unknown" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void put_control(struct ztj_buf *b)
{
	static const char *const words[] = { "required", "requisite", "sufficient", "optional" };
	static const char *const actions[] = { "ok", "done", "bad", "die", "ignore", "reset", "1", "2", "3" };

	if (draw(2) == 0) {
		(void)ztj_buf_puts(b, words[draw(COUNT(words))]);
		return;
	}
	(void)ztj_buf_puts(b, "[");
	for (unsigned i = draw(3); i > 0; i--) {
		const char *code = some_codes[draw(COUNT(some_codes))];

		(void)ztj_buf_printf(b, "%s=%s ", code, actions[draw(COUNT(actions))]);
	}
	if (draw(3) != 0)
		(void)ztj_buf_printf(b, "default=%s", actions[draw(COUNT(actions))]);
	(void)ztj_buf_puts(b, "]");
}

static void put_stack(struct ztj_buf *b, bool nested)
{
	for (unsigned i = 1 + draw(5); i > 0; i--) {
		if (nested && draw(4) == 0) {
			const char *how = draw(2) == 0 ? "include" : "substack";

			/* by its path: Debian's libpam looks in /etc/pam.d for any other, whatever the directory */
			(void)ztj_buf_printf(b, "account %s %s/sub%u\n", how, dir, draw(2));
			continue;
		}
		(void)ztj_buf_puts(b, "account ");
		put_control(b);
		(void)ztj_buf_printf(b, " pam_debug.so acct=%s\n", some_codes[draw(COUNT(some_codes))]);
	}
}

static void write_stack(const char *name, bool nested)
{
	struct ztj_buf b;
	char path[64];

	ztj_buf_init(&b, 65536);
	put_stack(&b, nested);
	assert_int_equal(ztj_buf_status(&b), ZTJ_OK);
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(ztj_file_replace(path, ztj_buf_view(&b), 0644), ZTJ_OK);
	ztj_buf_free(&b);
}

/* ---- running and judging them ---- */

static int silent(int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	(void)msg;
	(void)arg;
	*resp = calloc((size_t)n, sizeof **resp);
	return *resp != NULL ? PAM_SUCCESS : PAM_CONV_ERR;
}

static int run(void)
{
	const struct pam_conv conv = { silent, NULL };
	pam_handle_t *pamh = NULL;
	int r;

	assert_int_equal(pam_start_confdir("svc", "nobody", &conv, dir, &pamh), PAM_SUCCESS);
	r = pam_acct_mgmt(pamh, PAM_SILENT);
	(void)pam_end(pamh, r);
	return r;
}

static int read_file(void *arg, const char *name, struct ztj_buf *text, char *path, size_t size)
{
	const struct ztj_file_rule rule = { .owner = getuid() };

	(void)arg;
	(void)snprintf(path, size, "%s%s%s", name[0] == '/' ? "" : dir, name[0] == '/' ? "" : "/", name);
	return ztj_file_read(path, &rule, 65536, text);
}

static uint32_t told(const struct pams_line *l, void *arg)
{
	(void)arg;
	for (unsigned code = 0; code < PAMS_CODES; code++)
		if (strcmp(l->args + strlen("acct="), pams_code_name(code)) == 0)
			return UINT32_C(1) << code;
	return 0;
}

static bool judged(int code)
{
	const struct pams_source from = { read_file, NULL };
	const struct pams_ask ask = { PAMS_ACCOUNT, UINT32_C(1) << code, told, NULL };
	struct pams_stack s;
	struct pams_way way;
	bool yes = false;

	assert_int_equal(pams_read(&from, "svc", &s), ZTJ_OK);
	assert_int_equal(pams_passes(&s, &ask, &yes, &way), ZTJ_OK);
	pams_free(&s);
	return yes;
}

static void test_same(void **state)
{
	unsigned yes = 0;

	(void)state;
	for (unsigned i = 0; i < STACKS; i++) {
		write_stack("sub0", false);
		write_stack("sub1", false);
		write_stack("svc", true);
		int r = run();
		if (!judged(r) || judged(PAM_SUCCESS) != (r == PAM_SUCCESS)) {
			print_error("stack %u in %s: libpam says %d\n", i, dir, r);
			dir[0] = '\0'; /* keep it to be looked at */
			fail();
		}
		yes += r == PAM_SUCCESS;
	}
	/* both kinds were seen, or this shows nothing */
	assert_in_range(yes, STACKS / 20, STACKS - STACKS / 20);
}

/* Controls that look harmless, or broken, and are neither to libpam; and such as are. */
static void test_controls_as_libpam_reads_them(void **state)
{
	static const char *const controls[] = { "[success=01 default=bad]", "[success=1default=bad]",
		"[ success = 1 default = bad ]", "[success=ok\tdefault=bad]", "[success=1x default=bad]",
		"[success=0 default=ignore]", "[success=okay default=bad]", "[default=1]",
		"[default=001 success=ok]", "[success default=ignore]", "[success=]",
		"[success=99999999999999999999 default=ok]", "[]", "[ ]", "[success=ok=bad]",
		"[SUCCESS=1 default=ignore]", "[success=-1 default=ignore]", "[success=1\\] default=bad]",
		"SUFFICIENT", "sufficientx", "[required]" };
	static const char *const gates[] = { "perm_denied", "success" };
	char path[64], text[512];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/svc", dir);
	for (size_t i = 0; i < 2 * COUNT(controls); i++) {
		int r;

		(void)snprintf(text, sizeof text,
		    "account %s pam_debug.so acct=success\naccount required pam_debug.so acct=%s\n"
		    "account required pam_debug.so acct=success\n",
		    controls[i / 2], gates[i % 2]);
		assert_int_equal(ztj_file_replace(path, ztj_view_str(text), 0644), ZTJ_OK);
		r = run();
		if (!judged(r) || judged(PAM_SUCCESS) != (r == PAM_SUCCESS))
			fail_msg("libpam says %d to\n%s", r, text);
	}
}

static int make(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	write_stack("other", false);
	return 0;
}

static int clean(void **state)
{
	static const char *const names[] = { "svc", "sub0", "sub1", "other" };
	char path[64];

	(void)state;
	for (size_t i = 0; dir[0] != '\0' && i < COUNT(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same),
		cmocka_unit_test(test_controls_as_libpam_reads_them) };

	return cmocka_run_group_tests(tests, make, clean);
}
