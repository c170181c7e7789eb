/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Published names: PROTOCOL.md section 9, built and read again, whole and damaged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/names_int.h"
#include "tests/core/support.h"

#define MANY 20000u
#define BOOT "3f1c9a52-0b7e-4d55-9c1a-6a0d2b8e4f10"
#define SHELL "/usr/bin/ztjit-rec"

/* ---- a set that every test knows ---- */

static const struct ztj_names_person people[] = { { "alice", 20001 }, { "bob", 20002 }, { "carol", 20003 },
	{ "_d.e-f", 20004 }, { "abcdefghijklmnopqrstuvwxyzabcdef", 4294967294u } };
static const struct ztj_names_shell shells[] = { { "alice", 20001, SHELL, 1000 },
	{ "bob", 20002, "/bin/bash", 2000 } };
static const struct ztj_names_member members[] = { { "ztjit-root", 61000, "alice", 900 },
	{ "ztjit-db", 61001, "alice", 800 }, { "ztjit-root", 61000, "bob", 700 },
	{ "ztjit-root", 61000, "local", 600 }, { "ztjit-none", 61002, NULL, 0 } };
#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct ztj_buf file;

static int setup(void **state)
{
	(void)state;
	ztj_buf_init(&file, ZTJ_NAMES_MAX_SIZE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ztj_buf_free(&file);
	return 0;
}

static void build_people(void)
{
	ok(ztj_names_build_people(people, N(people), &file));
}

static void build_grants(void)
{
	ok(ztj_names_build_grants(BOOT, shells, N(shells), members, N(members), &file));
}

struct opened {
	struct ztj_view v;
	struct ztj_names_src src;
	struct ztj_names names;
};

static int open_view(struct ztj_view v, bool grants, struct opened *o)
{
	o->v = v;
	o->src = ztj_names_src_view(&o->v);
	return grants ? ztj_names_open_grants(&o->src, &o->names) : ztj_names_open_people(&o->src, &o->names);
}

static void open_file(bool grants, struct opened *o)
{
	ok(open_view(ztj_buf_view(&file), grants, o));
}

/* ---- answers that must be the truth, or none ---- */

/* True: found. With exact, it must be. */
static bool told(int r, bool exact)
{
	if (exact)
		ok(r);
	else
		assert_true(r == ZTJ_OK || r == ZTJ_NOT_FOUND || r == ZTJ_BAD_ENCODING || r == ZTJ_IO);
	return r == ZTJ_OK;
}

static void check_people(const struct opened *o, bool exact)
{
	struct ztj_names_user u;

	for (size_t i = 0; i < N(people); i++) {
		if (told(ztj_names_user_named(&o->names, people[i].name, &u), exact)) {
			assert_int_equal(u.uid, people[i].uid);
			assert_string_equal(u.name, people[i].name);
		}
		if (told(ztj_names_user_of(&o->names, people[i].uid, &u), exact)) {
			assert_int_equal(u.uid, people[i].uid);
			assert_string_equal(u.name, people[i].name);
		}
	}
	assert_int_not_equal(ztj_names_user_named(&o->names, "dave", &u), ZTJ_OK);
	assert_int_not_equal(ztj_names_user_of(&o->names, 0, &u), ZTJ_OK);
	assert_int_not_equal(ztj_names_user_of(&o->names, 20009, &u), ZTJ_OK);
}

static const struct ztj_names_member *a_member(const char *group, uint32_t gid, const char *person)
{
	for (size_t i = 0; i < N(members); i++)
		if (members[i].person != NULL && strcmp(members[i].person, person) == 0 &&
		    (group != NULL ? strcmp(members[i].group, group) == 0 : members[i].gid == gid))
			return &members[i];
	fail_msg("%s is not in that group", person);
	return NULL;
}

static void check_shell(const struct opened *o, const struct ztj_names_shell *s, bool exact)
{
	struct ztj_names_user u;
	char shell[ZTJ_NAMES_SHELL_SIZE];

	if (!told(ztj_names_user_of(&o->names, s->uid, &u), exact))
		return;
	assert_string_equal(u.name, s->person);
	assert_true(u.shell_ends == s->ends);
	if (told(ztj_names_shell(&o->names, &u, shell), exact))
		assert_string_equal(shell, s->shell);
}

static void check_memberships(const struct opened *o, const char *person, uint32_t count, bool exact)
{
	struct ztj_names_user u;

	if (!told(ztj_names_user_named(&o->names, person, &u), exact))
		return;
	assert_int_equal(u.count, count);
	for (uint32_t i = 0; i < u.count; i++) {
		uint32_t gid;
		int64_t ends;

		if (told(ztj_names_membership(&o->names, &u, i, &gid, &ends), exact))
			assert_true(ends == a_member(NULL, gid, person)->ends);
	}
}

static void check_group(const struct opened *o, const char *name, uint32_t gid, uint32_t count, bool exact)
{
	struct ztj_names_group g, h;

	if (!told(ztj_names_group_named(&o->names, name, &g), exact))
		return;
	assert_int_equal(g.gid, gid);
	assert_int_equal(g.count, count);
	if (told(ztj_names_group_of(&o->names, gid, &h), exact))
		assert_string_equal(h.name, name);
	for (uint32_t i = 0; i < g.count; i++) {
		char member[ZTJ_NAME_SIZE];
		int64_t ends;

		if (told(ztj_names_member(&o->names, &g, i, member, &ends), exact))
			assert_true(ends == a_member(name, 0, member)->ends);
	}
}

static void check_grants(const struct opened *o, bool exact)
{
	struct ztj_names_group g;
	struct ztj_names_user u;

	assert_string_equal(o->names.bootid, BOOT);
	for (size_t i = 0; i < N(shells); i++)
		check_shell(o, &shells[i], exact);
	check_memberships(o, "alice", 2, exact);
	check_memberships(o, "bob", 1, exact);
	check_memberships(o, "local", 1, exact);
	check_group(o, "ztjit-root", 61000, 3, exact);
	check_group(o, "ztjit-db", 61001, 1, exact);
	check_group(o, "ztjit-none", 61002, 0, exact);
	assert_int_not_equal(ztj_names_group_named(&o->names, "wheel", &g), ZTJ_OK);
	assert_int_not_equal(ztj_names_group_of(&o->names, 0, &g), ZTJ_OK);
	assert_int_not_equal(ztj_names_user_named(&o->names, "carol", &u), ZTJ_OK);
}

/* ---- tests ---- */

/* The vectors of the algorithm's authors: key 00…0f, message 00, 01, … */
static void test_hash_is_siphash_2_4(void **state)
{
	static const struct {
		size_t n;
		uint64_t h;
	} known[] = { { 0, 0x726fdb47dd0e0e31u }, { 1, 0x74f839c593dc67fdu }, { 7, 0xab0200f58b01d137u },
		{ 8, 0x93f5f5799a932462u }, { 15, 0xa129ca6149be45e5u } };
	uint8_t m[16];

	(void)state;
	for (uint8_t i = 0; i < sizeof m; i++)
		m[i] = i;
	for (size_t i = 0; i < N(known); i++)
		assert_true(
		    ztj_names_siphash(0x0706050403020100u, 0x0f0e0d0c0b0a0908u, m, known[i].n) == known[i].h);
}

static void test_people(void **state)
{
	struct opened o;
	struct ztj_names_user u;
	struct ztj_names_group g;
	size_t seen = 0;

	(void)state;
	build_people();
	open_file(false, &o);
	check_people(&o, true);
	fails(ztj_names_user_named(&o.names, "", &u), ZTJ_NOT_FOUND);
	fails(ztj_names_user_named(&o.names, "alic", &u), ZTJ_NOT_FOUND);
	fails(ztj_names_user_named(&o.names, "Alice", &u), ZTJ_NOT_FOUND);
	fails(ztj_names_user_named(&o.names, "abcdefghijklmnopqrstuvwxyzabcdefg", &u), ZTJ_NOT_FOUND);
	fails(ztj_names_user_of(&o.names, UINT32_MAX, &u), ZTJ_NOT_FOUND);
	fails(ztj_names_group_named(&o.names, "alice", &g), ZTJ_NOT_FOUND);
	fails(ztj_names_group_of(&o.names, 20001, &g), ZTJ_NOT_FOUND);
	for (uint32_t i = 0; i < ztj_names_walk_end(&o.names.people); i++)
		seen += ztj_names_user_at(&o.names, i, &u) == ZTJ_OK;
	assert_int_equal(seen, N(people));
	fails(ztj_names_user_at(&o.names, ztj_names_walk_end(&o.names.people), &u), ZTJ_BAD_ENCODING);
}

static void test_many_people_all_within_reach(void **state)
{
	struct ztj_names_person *p = calloc(MANY, sizeof *p);
	char(*name)[16] = calloc(MANY, sizeof *name);
	struct ztj_names_user u;
	struct opened o;

	(void)state;
	assert_non_null(p);
	assert_non_null(name);
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(name[i], sizeof name[i], "user%u", i * 7);
		p[i] = (struct ztj_names_person){ name[i], 100000 + i };
	}
	for (uint32_t n = 0; n <= MANY; n = n < 40 ? n + 1 : n * 10 + MANY % 40) {
		ok(ztj_names_build_people(p, n, &file));
		open_file(false, &o);
		assert_int_equal(o.names.people.n, n);
		for (uint32_t i = 0; i < n; i++) {
			ok(ztj_names_user_named(&o.names, name[i], &u));
			assert_int_equal(u.uid, 100000 + i);
			ok(ztj_names_user_of(&o.names, 100000 + i, &u));
			assert_string_equal(u.name, name[i]);
		}
		fails(ztj_names_user_named(&o.names, "user1", &u), ZTJ_NOT_FOUND);
		fails(ztj_names_user_of(&o.names, 99999, &u), ZTJ_NOT_FOUND);
	}
	free(name);
	free(p);
}

/* A registrar chooses names that stand in each other's way under each of the seeds 0 to 255, for any table about as large: more in one
 * stretch than can stand within reach of it. */
enum { PER_SEED = 110, CROWD = 256 * PER_SEED };

static void choose_names(char (*name)[16])
{
	uint32_t m = ztj_names_slots(CROWD), k = 0;

	for (uint32_t seed = 0; seed < 256; seed++)
		for (uint32_t n = 0; n < PER_SEED; k++) {
			char(*at)[16] = &name[seed * PER_SEED + n];
			int len = snprintf(*at, sizeof *at, "x%u", k);

			n += ztj_names_home(ztj_names_hash(seed, NAMES_BY_NAME, *at, (size_t)len), m) < 64;
		}
}

static void test_names_chosen_to_collide(void **state)
{
	struct ztj_names_person *p = calloc(CROWD, sizeof *p);
	char(*name)[16] = calloc(CROWD, sizeof *name);
	struct ztj_names_user u;
	struct opened o;

	(void)state;
	assert_non_null(p);
	assert_non_null(name);
	choose_names(name);
	for (uint32_t i = 0; i < CROWD; i++)
		p[i] = (struct ztj_names_person){ name[i], 20000 + i };
	ok(ztj_names_build_people(p, CROWD, &file));
	open_file(false, &o);
	for (uint32_t i = 0; i < CROWD; i++) {
		ok(ztj_names_user_named(&o.names, name[i], &u));
		assert_int_equal(u.uid, p[i].uid);
	}
	free(name);
	free(p);
}

static void test_order_makes_no_difference(void **state)
{
	struct ztj_names_person p[N(people)];
	struct ztj_names_member m[N(members)];
	struct ztj_buf other;

	(void)state;
	ztj_buf_init(&other, 65536);
	for (size_t i = 0; i < N(people); i++)
		p[i] = people[N(people) - 1 - i];
	for (size_t i = 0; i < N(members); i++)
		m[i] = members[N(members) - 1 - i];
	build_people();
	ok(ztj_names_build_people(p, N(p), &other));
	assert_true(ztj_view_eq(ztj_buf_view(&file), ztj_buf_view(&other)));
	build_grants();
	ok(ztj_names_build_grants(BOOT, shells, N(shells), m, N(m), &other));
	assert_true(ztj_view_eq(ztj_buf_view(&file), ztj_buf_view(&other)));
	ztj_buf_free(&other);
}

static void test_layout(void **state)
{
	struct names_people_header p;
	struct names_grants_header g;

	(void)state;
	build_people();
	memcpy(&p, file.p, sizeof p);
	assert_memory_equal(p.start.magic, "ztjpeopl", 8);
	assert_int_equal(p.start.version, 1);
	assert_int_equal(p.start.length, file.n);
	assert_int_equal(p.people.n, N(people));
	assert_int_equal(p.people.slots, N(people) + N(people) / 2 + 1);
	assert_int_equal(file.n,
	    48 + (p.people.slots + p.people.name_reach) * 44 + (p.people.slots + p.people.id_reach) * 8);
	build_grants();
	memcpy(&g, file.p, sizeof g);
	assert_memory_equal(g.start.magic, "ztjgrant", 8);
	assert_int_equal(g.people.n, 3);
	assert_int_equal(g.groups.n, 3);
	assert_int_equal(g.members, 4);
	assert_int_equal(g.shells, 2);
	assert_int_equal(file.n,
	    112 + (g.people.slots + g.people.name_reach) * 64 + (g.people.slots + g.people.id_reach) * 8 +
		(g.groups.slots + g.groups.name_reach) * 52 + (g.groups.slots + g.groups.id_reach) * 8 +
		4 * (16 + 48) + 2 * 256);
}

static void test_grants(void **state)
{
	struct opened o;
	struct ztj_names_user u;
	struct ztj_names_group g;
	char text[ZTJ_NAMES_SHELL_SIZE];
	uint32_t gid;
	int64_t ends;
	size_t seen = 0;

	(void)state;
	build_grants();
	open_file(true, &o);
	check_grants(&o, true);
	ok(ztj_names_user_named(&o.names, "local", &u));
	assert_int_equal(u.uid, 0); /* an account of the machine's own: memberships alone */
	fails(ztj_names_shell(&o.names, &u, text), ZTJ_NOT_FOUND);
	fails(ztj_names_membership(&o.names, &u, 1, &gid, &ends), ZTJ_BAD_ENCODING);
	ok(ztj_names_group_named(&o.names, "ztjit-none", &g));
	fails(ztj_names_member(&o.names, &g, 0, text, &ends), ZTJ_BAD_ENCODING);
	u = (struct ztj_names_user){ .shell = 3, .first = 4, .count = UINT32_MAX };
	fails(ztj_names_shell(&o.names, &u, text), ZTJ_BAD_ENCODING);
	fails(ztj_names_membership(&o.names, &u, 0, &gid, &ends), ZTJ_BAD_ENCODING);
	for (uint32_t i = 0; i < ztj_names_walk_end(&o.names.groups); i++)
		seen += ztj_names_group_at(&o.names, i, &g) == ZTJ_OK;
	assert_int_equal(seen, 3);
	ok(ztj_names_build_grants(BOOT, NULL, 0, NULL, 0, &file));
	open_file(true, &o);
	fails(ztj_names_user_named(&o.names, "alice", &u), ZTJ_NOT_FOUND);
	fails(ztj_names_group_of(&o.names, 61000, &g), ZTJ_NOT_FOUND);
}

static void test_a_membership_by_two_grants_ends_with_the_later(void **state)
{
	static const struct ztj_names_member twice[] = { { "g", 5, "alice", 10 }, { "g", 5, "alice", 30 },
		{ "g", 5, "alice", 20 } };
	struct ztj_names_user u;
	struct opened o;
	uint32_t gid;
	int64_t ends;

	(void)state;
	ok(ztj_names_build_grants(BOOT, NULL, 0, twice, N(twice), &file));
	open_file(true, &o);
	ok(ztj_names_user_named(&o.names, "alice", &u));
	assert_int_equal(u.count, 1);
	ok(ztj_names_membership(&o.names, &u, 0, &gid, &ends));
	assert_int_equal(ends, 30);
}

#define PEOPLE(err, ...) \
	do { \
		const struct ztj_names_person p_[] = { __VA_ARGS__ }; \
		fails(ztj_names_build_people(p_, N(p_), &file), err); \
		assert_int_equal(file.n, 0); \
	} while (0)

/* A name that stands for root must not even be possible to publish. */
static void test_N03_people_that_are_never_published(void **state)
{
	(void)state;
	PEOPLE(ZTJ_LIMIT, { "root", 0 });
	PEOPLE(ZTJ_LIMIT, { "nobody", UINT32_MAX });
	PEOPLE(ZTJ_BAD_NAME, { "", 5 });
	PEOPLE(ZTJ_BAD_NAME, { NULL, 5 });
	PEOPLE(ZTJ_BAD_NAME, { "a:b", 5 });
	PEOPLE(ZTJ_BAD_NAME, { "a\nb", 5 });
	PEOPLE(ZTJ_BAD_NAME, { "abcdefghijklmnopqrstuvwxyzabcdefg", 5 });
	PEOPLE(ZTJ_EXISTS, { "a", 5 }, { "b", 6 }, { "a", 7 });
	PEOPLE(ZTJ_EXISTS, { "a", 5 }, { "b", 6 }, { "c", 5 });
	fails(ztj_names_build_people(people, ZTJ_NAMES_MAX_PEOPLE + 1, &file), ZTJ_LIMIT);
}

static void refuse(const struct ztj_names_shell *s, size_t ns, const struct ztj_names_member *m, size_t nm,
    int err)
{
	fails(ztj_names_build_grants(BOOT, s, ns, m, nm, &file), err);
	assert_int_equal(file.n, 0);
}

#define SHELLS(err, ...) \
	do { \
		const struct ztj_names_shell s_[] = { __VA_ARGS__ }; \
		refuse(s_, N(s_), NULL, 0, err); \
	} while (0)
#define MEMBERS(err, ...) \
	do { \
		const struct ztj_names_member m_[] = { __VA_ARGS__ }; \
		refuse(NULL, 0, m_, N(m_), err); \
	} while (0)

static void test_N03_grants_that_are_never_published(void **state)
{
	char lengthy[ZTJ_NAMES_SHELL_SIZE + 1];

	(void)state;
	memset(lengthy, '/', sizeof lengthy);
	lengthy[sizeof lengthy - 1] = '\0';
	SHELLS(ZTJ_LIMIT, { "a", 0, SHELL, 1 });
	SHELLS(ZTJ_BAD_NAME, { "a/b", 5, SHELL, 1 });
	SHELLS(ZTJ_LIMIT, { "a", 5, "bash", 1 });
	SHELLS(ZTJ_LIMIT, { "a", 5, NULL, 1 });
	SHELLS(ZTJ_LIMIT, { "a", 5, "/bin/a:b", 1 });
	SHELLS(ZTJ_LIMIT, { "a", 5, "/bin/a\nb", 1 });
	SHELLS(ZTJ_LIMIT, { "a", 5, lengthy, 1 });
	SHELLS(ZTJ_LIMIT, { "a", 5, SHELL, -1 });
	SHELLS(ZTJ_EXISTS, { "a", 5, SHELL, 1 }, { "a", 5, SHELL, 2 });
	SHELLS(ZTJ_EXISTS, { "a", 5, SHELL, 1 }, { "b", 5, SHELL, 2 });
	MEMBERS(ZTJ_LIMIT, { "g", 0, "a", 1 });
	MEMBERS(ZTJ_LIMIT, { "g", UINT32_MAX, NULL, 1 });
	MEMBERS(ZTJ_BAD_NAME, { "g,h", 5, "a", 1 });
	MEMBERS(ZTJ_BAD_NAME, { NULL, 5, "a", 1 });
	MEMBERS(ZTJ_BAD_NAME, { "g", 5, "a,b", 1 });
	MEMBERS(ZTJ_LIMIT, { "g", 5, "a", -1 });
	MEMBERS(ZTJ_EXISTS, { "g", 5, "a", 1 }, { "g", 6, "b", 1 });
	MEMBERS(ZTJ_EXISTS, { "g", 5, "a", 1 }, { "h", 5, NULL, 1 });
	fails(ztj_names_build_grants("", NULL, 0, NULL, 0, &file), ZTJ_LIMIT);
	fails(ztj_names_build_grants(NULL, NULL, 0, NULL, 0, &file), ZTJ_LIMIT);
	fails(ztj_names_build_grants("3F1C9A52-0b7e-4d55-9c1a-6a0d2b8e4f10", NULL, 0, NULL, 0, &file),
	    ZTJ_LIMIT);
	refuse(shells, ZTJ_NAMES_MAX_GRANTED + 1, NULL, 0, ZTJ_LIMIT);
	refuse(NULL, 0, members, ZTJ_NAMES_MAX_MEMBERS + ZTJ_NAMES_MAX_GROUPS + 1, ZTJ_LIMIT);
}

static void test_shells_at_their_limit(void **state)
{
	struct ztj_names_shell s[ZTJ_NAMES_MAX_SHELLS + 1];
	char name[N(s)][8], path[N(s)][ZTJ_NAMES_SHELL_SIZE], shell[ZTJ_NAMES_SHELL_SIZE];
	struct ztj_names_user u;
	struct opened o;

	(void)state;
	for (uint32_t i = 0; i < N(s); i++) {
		(void)snprintf(name[i], sizeof name[i], "n%u", i);
		memset(path[i], 'x', sizeof path[i] - 1);
		path[i][sizeof path[i] - 1] = '\0';
		path[i][0] = '/';
		path[i][1] = (char)('0' + i % 10);
		path[i][2] = (char)('0' + i / 10);
		s[i] = (struct ztj_names_shell){ name[i], i + 1, path[i], INT64_MAX };
	}
	ok(ztj_names_build_grants(BOOT, s, N(s) - 1, NULL, 0, &file));
	open_file(true, &o);
	for (uint32_t i = 0; i < N(s) - 1; i++) {
		ok(ztj_names_user_of(&o.names, i + 1, &u));
		ok(ztj_names_shell(&o.names, &u, shell));
		assert_string_equal(shell, path[i]);
	}
	refuse(s, N(s), NULL, 0, ZTJ_LIMIT);
}

/* ---- damage ---- */

static void truncations(bool grants)
{
	struct opened o;

	for (size_t n = 0; n < file.n; n++) {
		uint8_t *exact = malloc(n + 1); /* so that a read behind the end is seen */

		assert_non_null(exact);
		memcpy(exact, file.p, n);
		fails(open_view(ztj_view_of(exact, n), grants, &o), ZTJ_TRUNCATED);
		free(exact);
	}
}

static void test_N04_truncated_at_every_length(void **state)
{
	struct opened o;

	(void)state;
	build_people();
	truncations(false);
	assert_int_equal(ztj_buf_put_u8(&file, 0), ZTJ_OK);
	fails(open_view(ztj_buf_view(&file), false, &o), ZTJ_TRAILING);
	build_grants();
	truncations(true);
	assert_int_equal(ztj_buf_put_u8(&file, 0), ZTJ_OK);
	fails(open_view(ztj_buf_view(&file), true, &o), ZTJ_TRAILING);
}

static void flips(bool grants, void (*check)(const struct opened *o, bool exact))
{
	struct opened o;

	for (size_t i = 0; i < file.n * 8; i++) {
		file.p[i / 8] ^= (uint8_t)(1u << i % 8);
		if (open_view(ztj_buf_view(&file), grants, &o) == ZTJ_OK)
			check(&o, false);
		file.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	open_file(grants, &o);
	check(&o, true);
}

/* A bit that fell over takes an answer away. It never gives another. */
static void test_N04_every_bit_flipped(void **state)
{
	(void)state;
	build_people();
	flips(false, check_people);
	build_grants();
	flips(true, check_grants);
}

static void test_N04_other_version_magic_and_byte_order(void **state)
{
	struct opened o;

	(void)state;
	build_grants();
	fails(open_view(ztj_buf_view(&file), false, &o), ZTJ_BAD_ENCODING);
	build_people();
	fails(open_view(ztj_buf_view(&file), true, &o), ZTJ_BAD_ENCODING);
	for (uint8_t i = 0; i < 4; i++) {
		uint8_t at = file.p[8 + i];

		file.p[8 + i] = (uint8_t)(at + 2);
		fails(open_view(ztj_buf_view(&file), false, &o), ZTJ_VERSION);
		file.p[8 + i] = at;
	}
	memcpy(file.p + 8, "\0\0\0\1", 4);
	fails(open_view(ztj_buf_view(&file), false, &o), ZTJ_VERSION);
}

/* With the check of the header made right: what a hostile builder could say. */
static void test_N04_absurd_headers(void **state)
{
	struct names_people_header h, good;
	struct opened o;

	(void)state;
	build_people();
	memcpy(&good, file.p, sizeof good);
	for (size_t at = offsetof(struct names_people_header, people);
	     at < offsetof(struct names_people_header, check); at += 4)
		for (int k = 0; k < 4; k++) {
			static const uint32_t odd[] = { 0, 1, 0x7fffffff, 0xffffffff };

			h = good;
			memcpy((uint8_t *)&h + at, &odd[k], 4);
			if (memcmp(&h, &good, sizeof h) == 0)
				continue;
			h.check = ztj_names_hash(h.start.seed, NAMES_HEADER, &h,
			    offsetof(struct names_people_header, check));
			memcpy(file.p, &h, sizeof h);
			assert_int_not_equal(open_view(ztj_buf_view(&file), false, &o), ZTJ_OK);
		}
}

static int failing_get(void *ctx, uint64_t off, void *out, size_t n)
{
	int *left = ctx;

	if ((*left)-- <= 0)
		return -1;
	assert_true(off <= file.n && n <= file.n - off);
	memcpy(out, file.p + off, n);
	return 0;
}

/* Asks one thing of each kind; the first error. */
static int ask_all(const struct ztj_names_src *src)
{
	struct ztj_names f;
	struct ztj_names_user u;
	struct ztj_names_group g;
	char text[ZTJ_NAMES_SHELL_SIZE];
	uint32_t gid;
	int64_t ends;
	int r;

	if ((r = ztj_names_open_grants(src, &f)) != ZTJ_OK ||
	    (r = ztj_names_user_named(&f, "alice", &u)) != ZTJ_OK ||
	    (r = ztj_names_user_of(&f, 20001, &u)) != ZTJ_OK ||
	    (r = ztj_names_shell(&f, &u, text)) != ZTJ_OK ||
	    (r = ztj_names_membership(&f, &u, 0, &gid, &ends)) != ZTJ_OK ||
	    (r = ztj_names_group_of(&f, 61000, &g)) != ZTJ_OK ||
	    (r = ztj_names_group_named(&f, "ztjit-db", &g)) != ZTJ_OK)
		return r;
	return ztj_names_member(&f, &g, 0, text, &ends);
}

static void test_N04_every_read_that_fails(void **state)
{
	int left, n = 0;
	struct ztj_names_src src = { .get = failing_get, .ctx = &left };

	(void)state;
	build_grants();
	src.size = file.n;
	do {
		left = n;
		if (ask_all(&src) == ZTJ_OK)
			break;
		left = n++;
		fails(ask_all(&src), ZTJ_IO);
	} while (n < 100);
	assert_in_range(n, 9, 99);
}

/* ---- memory that runs out while building ---- */

static int until_failure = -1;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	if (until_failure >= 0 && until_failure-- == 0)
		return NULL;
	return __real_calloc(n, size);
}

static void test_no_memory_is_said(void **state)
{
	struct ztj_buf out;
	int r, n = 0;

	(void)state;
	ztj_buf_init(&out, 64);
	fails(ztj_names_build_people(people, N(people), &out), ZTJ_TOO_LARGE);
	assert_int_equal(out.n, 0);
	fails(ztj_names_build_grants(BOOT, shells, N(shells), members, N(members), &out), ZTJ_TOO_LARGE);
	ztj_buf_free(&out);
	do {
		until_failure = n++;
		r = ztj_names_build_people(people, N(people), &file);
		if (r != ZTJ_OK)
			fails(r, ZTJ_NOMEM);
		assert_true(r == ZTJ_OK || file.n == 0);
	} while (r != ZTJ_OK && n < 100);
	assert_in_range(n, 7, 99);
	for (n = 0, r = ZTJ_NOMEM; r != ZTJ_OK && n < 100;) {
		until_failure = n++;
		r = ztj_names_build_grants(BOOT, shells, N(shells), members, N(members), &file);
		if (r != ZTJ_OK)
			fails(r, ZTJ_NOMEM);
	}
	until_failure = -1;
	assert_in_range(n, 14, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_is_siphash_2_4),
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_many_people_all_within_reach),
		cmocka_unit_test(test_names_chosen_to_collide),
		cmocka_unit_test(test_order_makes_no_difference),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_a_membership_by_two_grants_ends_with_the_later),
		cmocka_unit_test(test_N03_people_that_are_never_published),
		cmocka_unit_test(test_N03_grants_that_are_never_published),
		cmocka_unit_test(test_shells_at_their_limit),
		cmocka_unit_test(test_N04_truncated_at_every_length),
		cmocka_unit_test(test_N04_every_bit_flipped),
		cmocka_unit_test(test_N04_other_version_magic_and_byte_order),
		cmocka_unit_test(test_N04_absurd_headers),
		cmocka_unit_test(test_N04_every_read_that_fails),
		cmocka_unit_test(test_no_memory_is_said),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
