/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A directory of 100,000 people, as gate and signer hold it: reading it from disk at a cold start (records parsed, root
 * recomputed, newest signature verified, in a process of its own each time), and taking a difference of ten records (signature
 * and ancestry verified, root recomputed, on disk before it counts). The peer of both is the work nobody can avoid:
 * hashing all leaves and the tree above them, and for a difference the tree alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/crowd.h"
#include "bench/report.h"
#include "libztjit/sys/trustdir.h"

#define PEOPLE 100000u
#define COLD 7
#define DIFFERENCES 31
#define DROPPED 3
#define CHANGED 3
#define ADDED 4
#define REGISTRARS \
	"registrars = ( { directory = \"people\"; keys = [ \"%s\" ]; threshold = 1; uids = [ 100000, 999999 ];" \
	" groups = [ \"security\", \"sre\", \"sre-leads\" ]; }," \
	" { directory = \"servers\"; keys = [ \"%s\" ]; threshold = 1; labels = { env = [ \"prod\", \"test\" ]; }; } );\n"

static struct fx_world w;
static struct ztj_trustdir *dir;
static char where[64];

static void person(unsigned i, struct ztj_buf *out)
{
	crowd_person(i, "sre", 0, out);
}

static void open_state(struct ztj_trust **t)
{
	must_ok(ztj_trustdir_open("state", getuid(), &dir));
	must_ok(ztj_trust_new(&w.pins, w.cache, t));
	must_ok(ztj_trustdir_load(dir, *t, where));
}

/* Policy and genesis, kept on disk. */
static void found(const struct crowd *c)
{
	struct ztj_dir_update u = { .name = "people",
		.nstatements = 1,
		.statements = &w.people.s,
		.delta = { .nput = c->n, .put = c->view } };
	char key[ZTJ_KEY_TEXT_SIZE], registrars[2 * ZTJ_KEY_TEXT_SIZE + 512];
	const struct fx_policy p = { .registrars = registrars };
	struct ztj_dir *set;
	bool changed;

	must_ok(ztj_key_to_text(&w.registrar[0].pub, key));
	(void)snprintf(registrars, sizeof(registrars), REGISTRARS, key, key);
	fx_policy(&w, &p, &w.policy);
	must_ok(ztj_trustdir_policy(dir, w.trust, &w.policy.s, w.now, &changed));
	must_ok(ztj_dir_apply(NULL, "people", &u.delta, &set));
	fx_directory(&w, set, 1, NULL, &w.registrar[0], &w.people);
	ztj_dir_free(set);
	must_ok(ztj_trustdir_directory(dir, w.trust, &u, w.now, &changed));
}

/* What one CPU needs to hash these leaves and their tree; leaves NULL: the tree alone. */
static double hash_ms(const struct ztj_dir *d, const struct ztj_view *leaves, size_t n)
{
	static ztj_hash leaf[PEOPLE + DIFFERENCES * ADDED], root, want;
	double begin = bench_now();

	for (size_t i = 0; i < n; i++) {
		if (leaves != NULL)
			must_ok(ztj_merkle_leaf(leaves[i], leaf[i]));
		else
			memcpy(leaf[i], ztj_dir_at(d, i)->leaf, sizeof(leaf[i]));
	}
	if (leaves == NULL)
		begin = bench_now();
	must_ok(ztj_merkle_root((const ztj_hash *)leaf, n, root));
	begin = bench_now() - begin;
	ztj_dir_root(d, want);
	if (memcmp(root, want, sizeof(root)) != 0)
		bench_fail("wrong root");
	return begin * 1e3;
}

/* In a child: neither its heap nor its signature cache has seen anything. */
static double cold_start_ms(double *shared)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct ztj_sigcache *cache;
		struct ztj_trust *t;
		double begin = bench_now();

		must_ok(ztj_sigcache_new(1024, &cache));
		w.cache = cache;
		open_state(&t);
		*shared = (bench_now() - begin) * 1e3;
		_exit(ztj_dir_count(ztj_trust_dir(t, "people")) == bench_many(PEOPLE) ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("the cold start failed: %s", where);
	return *shared;
}

static void cold_start(const struct crowd *c)
{
	static double ours[COLD], peer[COLD];
	struct bench_row row = { .row = "directory-cold-start",
		.what = "100,000 people read from disk and verified",
		.unit = "ms",
		.ours = "read, parse, verify",
		.peer = "SHA-256 of the leaves and their tree",
		.a = ours,
		.b = peer,
		.n = COLD,
		.goal = BENCH_P50_MOST,
		.bound = 2000 };
	double *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	    0);

	if (shared == MAP_FAILED)
		bench_fail("no memory");
	ztj_trustdir_close(dir); /* one process at a time */
	for (size_t i = 0; i < COLD; i++) {
		ours[i] = cold_start_ms(shared);
		peer[i] = hash_ms(ztj_trust_dir(w.trust, "people"), c->view, c->n);
	}
	bench_report(&row);
}

/* Ten records of the k-th difference: some go, some change, some are new. */
struct difference {
	char name[DROPPED][CROWD_NAME_SIZE];
	const char *drop[DROPPED];
	struct ztj_buf record[CHANGED + ADDED];
	struct ztj_view put[CHANGED + ADDED];
	struct ztj_dir_update u;
	struct fx_signed st;
};

static void prepare(struct difference *d, unsigned k)
{
	unsigned at = bench_many(PEOPLE) / 100 * 3 * (k + 1);
	const struct ztj_dir *held = ztj_trust_dir(w.trust, "people");
	struct ztj_dir *set;

	memset(d, 0, sizeof(*d));
	for (unsigned i = 0; i < DROPPED; i++) {
		crowd_person_name(at + 7 * i, d->name[i]);
		d->drop[i] = d->name[i];
	}
	for (unsigned i = 0; i < CHANGED + ADDED; i++) {
		ztj_buf_init(&d->record[i], ZTJ_RECORD_MAX);
		if (i < CHANGED)
			crowd_person(at + 100 + i, "sre", k + 1, &d->record[i]);
		else
			crowd_person(bench_many(PEOPLE) + ADDED * k + i, "sre", 0, &d->record[i]);
		d->put[i] = ztj_buf_view(&d->record[i]);
	}
	d->u = (struct ztj_dir_update){ .name = "people",
		.nstatements = 1,
		.statements = &d->st.s,
		.delta = { .ndrop = DROPPED, .drop = d->drop, .nput = CHANGED + ADDED, .put = d->put } };
	must_ok(ztj_dir_apply(held, "people", &d->u.delta, &set));
	fx_directory(&w, set, ztj_dir_serial(held) + 1, ztj_dir_digest(held), &w.registrar[0], &d->st);
	ztj_dir_free(set);
}

static void release(struct difference *d)
{
	for (size_t i = 0; i < CHANGED + ADDED; i++)
		ztj_buf_free(&d->record[i]);
	fx_signed_free(&d->st);
}

static void differences(void)
{
	static double ours[DIFFERENCES], peer[DIFFERENCES];
	struct bench_row row = { .row = "directory-difference",
		.what = "10 of 100,000 people change: verified, loaded, on disk",
		.unit = "ms",
		.ours = "verify, load, fsync",
		.peer = "SHA-256 of the tree above the leaves",
		.a = ours,
		.b = peer,
		.n = DIFFERENCES,
		.goal = BENCH_P50_MOST,
		.bound = 100 };

	for (unsigned k = 0; k < DIFFERENCES; k++) {
		struct difference d;
		bool changed;
		double begin;

		prepare(&d, k);
		begin = bench_now();
		must_ok(ztj_trustdir_directory(dir, w.trust, &d.u, w.now, &changed));
		ours[k] = (bench_now() - begin) * 1e3;
		if (!changed)
			bench_fail("the difference was no news");
		peer[k] = hash_ms(ztj_trust_dir(w.trust, "people"), NULL,
		    ztj_dir_count(ztj_trust_dir(w.trust, "people")));
		release(&d);
	}
	bench_report(&row);
}

int main(void)
{
	struct crowd c;

	if (mkdir("state", 0700) != 0)
		bench_fail("run it in an empty directory");
	fx_init(&w);
	ztj_trust_free(w.trust);
	open_state(&w.trust);
	crowd_make(&c, bench_many(PEOPLE), person);
	found(&c);
	cold_start(&c);
	ztj_trust_free(w.trust);
	open_state(&w.trust);
	differences();
	ztj_trustdir_close(dir);
	crowd_free(&c);
	fx_free(&w);
	return 0;
}
