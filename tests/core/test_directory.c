/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Records and sets of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/core/fixture.h"

static struct fx_world w;
static char key_text[4][ZTJ_KEY_TEXT_SIZE];

static int setup(void **state)
{
	(void)state;
	fx_init(&w);
	for (int i = 0; i < 2; i++)
		ok(ztj_key_to_text(&w.person[i].key.pub, key_text[i]));
	ok(ztj_key_to_text(&w.host[0].machine.pub, key_text[2]));
	ok(ztj_key_to_text(&w.host[0].tls.pub, key_text[3]));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fx_free(&w);
	return 0;
}

/* $0 … $3 stand for the keys. */
static int parse(const char *pattern)
{
	struct ztj_record *rec;
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, ZTJ_RECORD_MAX + 1024);
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '$')
			ok(ztj_buf_puts(&b, key_text[*++p - '0']));
		else
			ok(ztj_buf_put(&b, p, 1));
	}
	r = ztj_record_parse(ztj_buf_view(&b), &rec);
	assert_true((rec == NULL) == (r != ZTJ_OK));
	ztj_record_unref(rec);
	ztj_buf_free(&b);
	return r;
}

#define USER(uid, keys, groups) \
	"{\"v\":1,\"type\":\"user\",\"name\":\"req1\",\"uid\":" uid ",\"keys\":[" keys \
	"],\"groups\":[" groups "]}"
#define KEY(n) "{\"key\":\"$" n "\",\"from\":\"2026-01-01T00:00:00Z\"}"
#define HOST(name, labels, machine, tls, ssh) \
	"{\"v\":1,\"type\":\"host\",\"name\":\"" name "\",\"labels\":{" labels "},\"machine\":\"$" machine \
	"\",\"tls\":\"$" tls "\",\"ssh\":[" ssh "]}"

static void test_S04_S12_records(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ USER("20001", KEY("0"), "\"sre\""), ZTJ_OK },
		{ USER("20001", KEY("0") "," KEY("1"), "\"a\",\"b\""), ZTJ_OK },
		{ USER("20001", KEY("0"), ""), ZTJ_OK },
		{ USER("20001", KEY("0") "," KEY("0"), ""), ZTJ_KEY_SHARED },
		{ USER("20001", "", ""), ZTJ_MEMBER_TYPE },
		{ USER("20001", KEY("2"), ""), ZTJ_KEY_TYPE },
		{ USER("20001", KEY("0"), "\"b\",\"a\""), ZTJ_MEMBER_TYPE },
		{ USER("20001", KEY("0"), "\"a\",\"a\""), ZTJ_MEMBER_TYPE },
		{ USER("20001", KEY("0"), "\"Sre\""), ZTJ_BAD_NAME },
		{ USER("0", KEY("0"), ""), ZTJ_MEMBER_TYPE },
		{ USER("4294967294", KEY("0"), ""), ZTJ_MEMBER_TYPE },
		{ USER("4294967293", KEY("0"), ""), ZTJ_OK },
		{ USER("-1", KEY("0"), ""), ZTJ_BAD_JSON },
		{ USER("20001", "{\"key\":\"$0\"}", ""), ZTJ_MEMBER_MISSING },
		{ USER("20001",
		      "{\"key\":\"$0\",\"from\":\"2026-01-01T00:00:00Z\",\"until\":\"2026-01-01T00:00:00Z\"}",
		      ""),
		    ZTJ_BAD_TIME },
		{ USER("20001", "{\"key\":\"$0\",\"credential\":\"QUJD\",\"from\":\"2026-01-01T00:00:00Z\"}",
		      ""),
		    ZTJ_OK },
		{ USER("20001", "{\"key\":\"$0\",\"credential\":\"QUJ\",\"from\":\"2026-01-01T00:00:00Z\"}",
		      ""),
		    ZTJ_BAD_ENCODING },
		{ USER("20001", "{\"from\":\"2026-01-01T00:00:00Z\",\"key\":\"$0\"}", ""), ZTJ_BAD_JSON },
		{ " " USER("20001", KEY("0"), ""), ZTJ_BAD_JSON },
		{ USER("20001", KEY("0"), "") "\n", ZTJ_TRAILING },
		{ USER(" 20001", KEY("0"), ""), ZTJ_BAD_JSON },
		{ USER("20001", KEY("0"), "\"\\u0073re\""), ZTJ_BAD_JSON },
		{ "{\"type\":\"user\",\"v\":1,\"name\":\"req1\",\"uid\":1,\"keys\":[" KEY(
		      "0") "],\"groups\":[]}",
		    ZTJ_BAD_JSON },
		{ "{\"v\":1,\"type\":\"user\",\"name\":\"req1\",\"uid\":1,\"uid\":1,\"keys\":[" KEY(
		      "0") "],\"groups\":[]}",
		    ZTJ_BAD_JSON },
		{ "{\"v\":1,\"type\":\"user\",\"name\":\"req1\",\"uid\":1,\"keys\":[" KEY(
		      "0") "],\"groups\":[],\"x\":1}",
		    ZTJ_MEMBER_UNKNOWN },
		{ "{\"v\":1,\"type\":\"user\",\"name\":\"req1.\",\"uid\":1,\"keys\":[" KEY(
		      "0") "],\"groups\":[]}",
		    ZTJ_BAD_NAME },
		{ "{\"v\":2,\"type\":\"user\"}", ZTJ_VERSION },
		{ "{\"v\":1,\"type\":\"group\"}", ZTJ_MEMBER_TYPE },
		{ HOST("web1", "\"env\":\"prod\"", "2", "3", "\"$2\""), ZTJ_OK },
		{ HOST("web1", "", "2", "3", "\"$2\""), ZTJ_OK },
		{ HOST("web1", "\"b\":\"x\",\"a\":\"y\"", "2", "3", "\"$2\""), ZTJ_MEMBER_TYPE },
		{ HOST("web1", "\"a\":\"*\"", "2", "3", "\"$2\""), ZTJ_BAD_NAME },
		{ HOST("web1", "", "2", "2", "\"$2\""), ZTJ_KEY_SHARED },
		{ HOST("web1", "", "0", "3", "\"$2\""), ZTJ_KEY_TYPE },
		{ HOST("web1", "", "2", "3", "\"$0\""), ZTJ_KEY_TYPE },
		{ HOST("web1", "", "2", "3", "\"$2\",\"$2\""), ZTJ_KEY_SHARED },
		{ HOST("web1", "", "2", "3", ""), ZTJ_MEMBER_TYPE },
		{ HOST("Web1", "", "2", "3", "\"$2\""), ZTJ_BAD_NAME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		fails(parse(cases[i].text), cases[i].want);
}

static void test_records_at_every_length_and_flip(void **state)
{
	struct ztj_record *rec;
	struct ztj_buf b;

	(void)state;
	ztj_buf_init(&b, ZTJ_RECORD_MAX);
	fx_host_record(&w.host[0], &b);
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *copy = test_malloc(n + 1);

		memcpy(copy, b.p, n);
		assert_int_not_equal(ztj_record_parse(ztj_view_of(copy, n), &rec), ZTJ_OK);
		test_free(copy);
	}
	for (size_t i = 0; i < b.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			b.p[i] ^= (uint8_t)(1u << bit);
			/* another record perhaps, never the same leaf */
			if (ztj_record_parse(ztj_buf_view(&b), &rec) == ZTJ_OK) {
				struct ztj_buf again;

				ztj_buf_init(&again, ZTJ_RECORD_MAX);
				ok(ztj_record_build(rec, &again));
				assert_true(ztj_view_eq(ztj_buf_view(&again), ztj_buf_view(&b)));
				ztj_buf_free(&again);
			}
			ztj_record_unref(rec);
			b.p[i] ^= (uint8_t)(1u << bit);
		}
	}
	ztj_buf_free(&b);
}

static void test_S07_key_valid_then_and_now(void **state)
{
	struct ztj_userkey keys[2] = {
		{ .key = w.person[0].key.pub, .credential = "", .from = 1000, .until = 2000 },
		{ .key = w.person[1].key.pub, .credential = "", .from = 1500 }
	};
	struct ztj_record r = { .name = "req1", .nkeys = 2, .keys = keys };

	(void)state;
	ok(ztj_record_key(&r, &keys[0].key, 1000, 1999));
	fails(ztj_record_key(&r, &keys[0].key, 999, 1500), ZTJ_KEY_EXPIRED);
	fails(ztj_record_key(&r, &keys[0].key, 1500, 2000), ZTJ_KEY_EXPIRED);
	fails(ztj_record_key(&r, &keys[0].key, 2000, 1999), ZTJ_KEY_EXPIRED);
	ok(ztj_record_key(&r, &keys[1].key, 1500, INT64_MAX));
	fails(ztj_record_key(&r, &keys[1].key, 1499, 1600), ZTJ_KEY_EXPIRED);
	fails(ztj_record_key(&r, &w.person[2].key.pub, 1500, 1500), ZTJ_SIGNER);
}

static struct ztj_view user(struct ztj_buf *b, const char *name, const struct soft_key *k)
{
	struct fx_person p = { .name = name, .key = *k, .uid = 20001 };

	/* one of its own for every name */
	for (const char *c = name; *c != 0; c++)
		p.uid = p.uid * 31 + (uint8_t)*c;
	p.uid = 20001 + p.uid % 1000000;
	ztj_buf_init(b, ZTJ_RECORD_MAX);
	fx_user_record(&p, b);
	return ztj_buf_view(b);
}

static int apply(const struct ztj_dir *base, const struct ztj_view *put, size_t nput, const char **drop,
    size_t ndrop, struct ztj_dir **out)
{
	struct ztj_view copy[8];
	struct ztj_dir_delta d = { .ndrop = ndrop, .nput = nput, .drop = drop, .put = copy };

	if (nput > 0)
		memcpy(copy, put, nput * sizeof(*put));
	return ztj_dir_apply(base, "people", &d, out);
}

static void test_S12_order_duplicates_and_shared_keys(void **state)
{
	struct ztj_buf b[6];
	struct ztj_view v[6] = { user(&b[0], "a", &w.person[0].key), user(&b[1], "b", &w.person[1].key),
		user(&b[2], "c", &w.person[2].key), user(&b[3], "d", &w.person[0].key),
		user(&b[4], "b", &w.person[3].key), user(&b[5], "d", &w.person[1].key) };
	struct ztj_view pick[3];
	const char *names[2] = { "a", "b" };
	struct ztj_dir *d, *e;

	(void)state;
	pick[0] = v[1];
	pick[1] = v[0];
	fails(apply(NULL, pick, 2, NULL, 0, &e), ZTJ_DIR_ORDER);
	pick[0] = v[1];
	pick[1] = v[4];
	fails(apply(NULL, pick, 2, NULL, 0, &e), ZTJ_DIR_ORDER);
	pick[0] = v[0];
	pick[1] = v[3];
	fails(apply(NULL, pick, 2, NULL, 0, &e), ZTJ_KEY_SHARED);
	ok(apply(NULL, v, 3, NULL, 0, &d));
	assert_int_equal(ztj_dir_count(d), 3);
	fails(apply(d, &v[3], 1, NULL, 0, &e), ZTJ_KEY_SHARED);
	fails(apply(d, &v[5], 1, NULL, 0, &e), ZTJ_KEY_SHARED);
	fails(apply(d, &v[4], 1, &names[1], 1, &e), ZTJ_DIR_ORDER); /* drop and put of one name */
	names[0] = "b";
	names[1] = "a";
	fails(apply(d, NULL, 0, names, 2, &e), ZTJ_DIR_ORDER);
	names[0] = "nobody";
	fails(apply(d, NULL, 0, names, 1, &e), ZTJ_NOT_FOUND);
	/* a key may move when its old record goes or changes in the same step */
	names[0] = "a";
	ok(apply(d, &v[3], 1, names, 1, &e));
	assert_string_equal(ztj_dir_by_key(e, &w.person[0].key.pub, false)->name, "d");
	assert_null(ztj_dir_find(e, "a"));
	assert_non_null(ztj_dir_find(d, "a"));
	ztj_dir_free(e);
	pick[0] = v[4];
	pick[1] = v[5];
	ok(apply(d, pick, 2, NULL, 0, &e));
	assert_string_equal(ztj_dir_by_key(e, &w.person[1].key.pub, false)->name, "d");
	assert_string_equal(ztj_dir_by_key(e, &w.person[3].key.pub, false)->name, "b");
	ztj_dir_free(d);
	assert_string_equal(ztj_dir_find(e, "c")->name, "c"); /* shared records outlive their first set */
	ztj_dir_free(e);
	for (int i = 0; i < 6; i++)
		ztj_buf_free(&b[i]);
}

/* Many random steps: the set, its root and its index are the same as when it is made at once. */
static void test_differences_equal_the_whole(void **state)
{
	enum { N = 60 };
	struct ztj_buf rec[2][N];
	char name[N][8];
	int present[N] = { 0 };
	struct ztj_dir *d = NULL;
	unsigned seed = 1;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct soft_key k;

		(void)snprintf(name[i], sizeof(name[i]), "u%03u", i);
		for (unsigned v = 0; v < 2; v++) {
			fx_key(&k, ZTJ_KEY_SK_ED25519, 1000 + 2 * i + v);
			(void)user(&rec[v][i], name[i], &k);
			soft_key_free(&k);
		}
	}
	for (int step = 0; step < 200; step++) {
		struct ztj_view put[N], all[N];
		const char *drop[N];
		struct ztj_dir_delta delta = { .put = put, .drop = drop }, whole = { .put = all };
		struct ztj_dir *next, *fresh;
		ztj_hash a, b;

		for (int i = 0; i < N; i++) {
			int dice = rand_r(&seed) % 16;

			if (dice == 0 && present[i]) {
				drop[delta.ndrop++] = name[i];
				present[i] = 0;
			} else if (dice <= 2 && dice > 0) {
				present[i] = dice;
				put[delta.nput++] = ztj_buf_view(&rec[dice - 1][i]);
			}
			if (present[i])
				all[whole.nput++] = ztj_buf_view(&rec[present[i] - 1][i]);
		}
		ok(ztj_dir_apply(d, "people", &delta, &next));
		ok(ztj_dir_apply(NULL, "people", &whole, &fresh));
		ztj_dir_root(next, a);
		ztj_dir_root(fresh, b);
		assert_memory_equal(a, b, sizeof(a));
		for (size_t i = 0; i < ztj_dir_count(next); i++) {
			const struct ztj_record *r = ztj_dir_at(next, i);
			ztj_hash path[ZTJ_PROOF_MAX];
			size_t len;

			assert_ptr_equal(ztj_dir_by_key(next, &r->keys[0].key, false), r);
			assert_ptr_equal(ztj_dir_find(next, r->name), r);
			ok(ztj_dir_prove(next, i, path, &len));
			ok(ztj_merkle_verify(r->leaf, i, ztj_dir_count(next), (const ztj_hash *)path, len,
			    a));
		}
		ztj_dir_free(fresh);
		ztj_dir_free(d);
		d = next;
	}
	ztj_dir_free(d);
	for (int i = 0; i < N; i++)
		for (int v = 0; v < 2; v++)
			ztj_buf_free(&rec[v][i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S04_S12_records),
		cmocka_unit_test(test_records_at_every_length_and_flip),
		cmocka_unit_test(test_S07_key_valid_then_and_now),
		cmocka_unit_test(test_S12_order_duplicates_and_shared_keys),
		cmocka_unit_test(test_differences_equal_the_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
