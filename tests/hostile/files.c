/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * files DIR NOW KEY.pub...: what root has on web1 after join and arming: keys, pins, the policy of that day, the user CA; and the
 * host key of sshd, because the record names it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libztjit/core/keyfile.h"
#include "tests/hostile/liar.h"

static void put(const char *dir, const char *name, struct ztj_buf *b, mode_t mode)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	write_file(path, ztj_buf_view(b));
	assert_int_equal(chmod(path, mode), 0);
	ztj_buf_free(b);
}

static void put_key(const char *dir, const char *name, const struct soft_key *k)
{
	struct ztj_keyfile kf = { .pub = k->pub };
	size_t n = sizeof(kf.seed);
	struct ztj_buf b;

	assert_int_equal(EVP_PKEY_get_raw_private_key(k->pair, kf.seed, &n), 1);
	ztj_buf_init(&b, 16384);
	ok(ztj_keyfile_format(&kf, 4711, &b));
	put(dir, name, &b, 0600);
}

static void put_public(const char *dir, const char *name, const struct soft_key *k)
{
	char text[ZTJ_KEY_TEXT_SIZE];
	struct ztj_buf b;

	ok(ztj_key_to_text(&k->pub, text));
	ztj_buf_init(&b, 4096);
	ok(ztj_buf_printf(&b, "%s\n", text));
	put(dir, name, &b, 0644);
}

int files_main(int argc, char **argv)
{
	static struct lies l;
	const char *dir = argc > 3 ? argv[2] : "";
	struct fx_host *h;
	struct ztj_buf b;
	int64_t now;

	if (argc < 4 || ztj_parse_int(argv[3], 1, INT64_MAX, &now) != ZTJ_OK)
		return 2;
	lies_company(&l, now, (const char *const *)(const void *)(argv + 4), (size_t)argc - 4);
	h = &l.co.w.host[FX_WEB1];
	put_key(dir, "machine.key", &h->machine);
	put_key(dir, "tls.key", &h->tls);
	put_key(dir, "ssh_host_ed25519_key", &h->ssh);
	put_public(dir, "ssh_host_ed25519_key.pub", &h->ssh);
	put_public(dir, "user_ca.pub", &l.co.w.ca);
	ztj_buf_init(&b, 65536);
	ok(ztj_pins_format(&l.co.w.pins, &b));
	put(dir, "policy_roots", &b, 0644);
	company_json(&l.co.policy_old, &b);
	put(dir, "policy.json", &b, 0644);
	ztj_buf_init(&b, 4096);
	ok(ztj_buf_puts(&b,
	    "urls = [ \"https://broker:8443\" ];\ndirectory = \"servers\";\nname = \"web1\";\n"));
	put(dir, "hostd.conf", &b, 0644);
	return 0;
}
