/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "tests/core/proofs.h"

#include <stdlib.h>
#include <string.h>

#define T0 FX_NOW

static void sign_head(struct px *x)
{
	const struct soft_key *k = &x->w.host[FX_WEB1].machine;
	struct ztj_stmt st;

	fx_stmt(&x->w, &st, ZTJ_STMT_HEAD);
	st.u.head.host = x->w.host[FX_WEB1].full;
	st.u.head.session[0] = 7;
	st.u.head.digest[0] = 9;
	st.u.head.chunks = 4;
	st.u.head.bytes = 1234;
	st.u.head.state = ZTJ_HEAD_CLOSED;
	fx_stmt_sign(&st, 0, &k, 1, &x->head);
}

void px_speaks(struct px *x, int leaf, const struct fx_signed *st)
{
	struct px_leaf *l = &x->leaf[leaf];
	struct ztj_key k;

	l->st = st;
	l->e.statement = st->id;
	ok(ztj_sshsig_peek(st->s.sig[0], &k));
	ok(ztj_key_fingerprint(&k, l->key));
	l->keys[0] = l->key;
	l->e.keys = (struct ztj_event_list){ l->keys, 1 };
}

static void about(struct px *x, int leaf, const struct fx_signed *st, const char *type, int who)
{
	struct ztj_event *e = &x->leaf[leaf].e;

	px_speaks(x, leaf, st);
	e->kind = "statement";
	e->type = type;
	e->person = e->by = x->w.person[who].full;
	e->request = leaf == PX_OTHER ? st->id : x->request.id;
	if (strcmp(type, "request") == 0) {
		e->role = "root-shell";
		e->duration = 900;
		e->hosts = (struct ztj_event_list){ x->hosts, 1 };
	} else {
		e->decision = "approve";
	}
}

static void session(struct px *x, int leaf, const char *outcome)
{
	struct ztj_event *e = &x->leaf[leaf].e;

	e->kind = "session";
	e->outcome = outcome;
	e->person = x->w.person[FX_REQ1].full;
	e->host = x->w.host[FX_WEB1].full;
	e->request = x->request.id;
	e->session = "S-0123456789";
	e->account = "root";
}

static void frames(struct px *x)
{
	struct px_leaf *l = x->leaf;

	px_speaks(x, PX_POLICY, &x->w.policy);
	l[PX_POLICY].e.kind = l[PX_POLICY].e.type = "policy";
	l[PX_POLICY].e.version = 1;
	px_speaks(x, PX_PEOPLE, &x->w.people);
	l[PX_PEOPLE].e.kind = "directory";
	l[PX_PEOPLE].e.name = "people";
	l[PX_PEOPLE].e.serial = 1;
	l[PX_PEOPLE].dir = x->people;
	px_speaks(x, PX_SERVERS, &x->w.servers);
	l[PX_SERVERS].e.kind = "directory";
	l[PX_SERVERS].e.name = "servers";
	l[PX_SERVERS].e.serial = 1;
	l[PX_SERVERS].dir = x->servers;
	l[PX_START].e.kind = l[PX_AFTER].e.kind = "broker";
	l[PX_START].e.outcome = l[PX_AFTER].e.outcome = "started";
	l[PX_START].out = l[PX_AFTER].out = l[PX_OTHER].out = true;
}

void px_init(struct px *x)
{
	px_init_with(x, NULL);
}

void px_init_with(struct px *x, const char *broker)
{
	struct px_leaf *l = x->leaf;

	memset(x, 0, sizeof(*x));
	fx_init(&x->w);
	x->w.broker = broker;
	fx_load(&x->w);
	x->log = &x->w.log;
	x->domain = "example";
	x->people = fx_people(&x->w);
	x->servers = fx_servers(&x->w);
	x->hosts[0] = x->w.host[FX_WEB1].full;
	fx_request(&x->w, FX_REQ2, "root-shell", FX_WEB1, 900, &x->other);
	fx_request(&x->w, FX_REQ1, "root-shell", FX_WEB1, 900, &x->request);
	fx_approval(&x->w, FX_LEAD1, &x->request, false, 0, &x->lead);
	fx_approval(&x->w, FX_SEC1, &x->request, false, 600, &x->sec);
	sign_head(x);
	for (int i = 0; i < PX_LEAVES; i++) {
		ztj_buf_init(&l[i].bytes, ZTJ_ENTRY_MAX);
		l[i].e.outcome = "accepted";
		l[i].e.time = T0 + i;
	}
	frames(x);
	about(x, PX_OTHER, &x->other, "request", FX_REQ2);
	about(x, PX_REQUEST, &x->request, "request", FX_REQ1);
	about(x, PX_LEAD, &x->lead, "approval", FX_LEAD1);
	about(x, PX_SEC, &x->sec, "approval", FX_SEC1);
	l[PX_SEC].e.duration = 600;
	l[PX_CERT].e = (struct ztj_event){ .time = T0 + PX_CERT,
		.kind = "certificate",
		.outcome = "issued",
		.request = x->request.id,
		.person = x->w.person[FX_REQ1].full,
		.certificate = "42",
		.ends = T0 + 600,
		.digest = x->head.id };
	session(x, PX_BEGAN, "started");
	l[PX_USED].e = (struct ztj_event){ .time = T0 + PX_USED,
		.kind = "decision",
		.outcome = "allowed",
		.request = x->request.id,
		.host = x->w.host[FX_WEB1].full,
		.action = "account",
		.service = "sshd",
		.account = "root",
		.line = "{}" };
	px_speaks(x, PX_CLOSED, &x->head);
	l[PX_CLOSED].e.keys.n = 0;
	session(x, PX_CLOSED, "closed");
	l[PX_CLOSED].e.chunks = 4;
	l[PX_CLOSED].e.bytes = 1234;
	static const uint8_t digest[ZTJ_DIGEST_LEN] = { 9 };
	l[PX_CLOSED].e.digest = digest;
}

void px_free(struct px *x)
{
	struct fx_signed *const all[] = { &x->other, &x->request, &x->lead, &x->sec, &x->head };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fx_signed_free(all[i]);
	for (int i = 0; i < PX_LEAVES; i++)
		ztj_buf_free(&x->leaf[i].bytes);
	ztj_dir_free(x->people);
	ztj_dir_free(x->servers);
	fx_free(&x->w);
}

/* --- the file --- */

static void sign_checkpoint(const struct px *x, const struct ztj_checkpoint *head, struct ztj_buf *note)
{
	struct ztj_seckey sk;
	uint8_t seed[32];
	size_t n = sizeof(seed);

	assert_int_equal(EVP_PKEY_get_raw_private_key(x->log->pair, seed, &n), 1);
	ok(ztj_seckey_from_seed(&sk, seed));
	ztj_buf_init(note, ZTJ_NOTE_MAX);
	ok(ztj_checkpoint_sign(&sk, x->domain, head, note));
	if (x->witness != NULL) {
		struct ztj_buf text;
		struct ztj_note parsed;

		ok(ztj_note_parse(ztj_buf_view(note), &parsed));
		ztj_buf_init(&text, ZTJ_NOTE_MAX);
		ok(ztj_buf_put(&text, parsed.text.p, parsed.text.n));
		text.p[text.n - 10] ^= x->spoilt ? 1 : 0;
		ok(ztj_cosign_line(x->witness, x->witness_key, ztj_buf_view(&text), FX_NOW, note));
		ztj_buf_free(&text);
	}
	if (x->cosigned != NULL)
		ok(ztj_buf_puts(note, x->cosigned));
	ztj_seckey_wipe(&sk);
}

static void put_signed(struct ztj_buf *file, uint64_t n, const struct ztj_signed *s)
{
	struct ztj_buf armour;

	ztj_buf_init(&armour, 4 * ZTJ_SSHSIG_MAX);
	ok(ztj_proof_put(file, n, ZTJ_PART_STATEMENT, 0, s->bytes));
	for (unsigned i = 0; i < s->nsigs; i++) {
		ztj_buf_reset(&armour);
		ok(ztj_sshsig_armor(s->sig[i], &armour));
		ok(ztj_proof_put(file, n, ZTJ_PART_SIG, i + 1, ztj_buf_view(&armour)));
	}
	ztj_buf_free(&armour);
}

static void put_records(struct ztj_buf *file, uint64_t n, const struct ztj_dir *d)
{
	static const char *const names[] = { "lead1", "req1", "sec1", "web1" };
	struct ztj_buf path;
	unsigned k = 0;

	ztj_buf_init(&path, ZTJ_PATH_TEXT_MAX);
	for (size_t i = 0; i < ztj_dir_count(d); i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			struct ztj_inclusion in = { .index = i };

			if (strcmp(ztj_dir_at(d, i)->name, names[j]) != 0)
				continue;
			ok(ztj_dir_prove(d, i, in.path, &in.len));
			ztj_buf_reset(&path);
			ok(ztj_path_write(&in, &path));
			ok(ztj_proof_put(file, n, ZTJ_PART_RECORD, ++k, ztj_dir_at(d, i)->bytes));
			ok(ztj_proof_put(file, n, ZTJ_PART_PATH, k, ztj_buf_view(&path)));
		}
	ztj_buf_free(&path);
}

void px_file(struct px *x, struct ztj_buf *file)
{
	size_t n = PX_LEAVES + x->nmore;
	struct ztj_checkpoint head = { .size = n };
	ztj_hash *hash = calloc(n, sizeof(*hash));
	struct ztj_buf note, text;

	assert_non_null(hash);
	if (x->nmore > 0)
		memcpy(hash[PX_LEAVES], x->more, x->nmore * sizeof(*hash));

	for (int i = 0; i < PX_LEAVES; i++) {
		x->leaf[i].e.n = (uint64_t)i;
		ztj_buf_reset(&x->leaf[i].bytes);
		ok(ztj_event_write(&x->leaf[i].e, &x->leaf[i].bytes));
		ok(ztj_merkle_leaf(ztj_buf_view(&x->leaf[i].bytes), hash[i]));
	}
	ok(ztj_merkle_root((const ztj_hash *)hash, n, head.root));
	sign_checkpoint(x, &head, &note);
	ztj_buf_init(file, ZTJ_PROOF_FILE_MAX);
	ztj_buf_init(&text, ZTJ_NOTE_MAX);
	ok(ztj_proof_begin(file, x->request.id));
	for (unsigned i = 0; i < PX_LEAVES; i++) {
		struct ztj_inclusion in = { .index = i, .checkpoint = ztj_buf_view(&note) };
		const struct px_leaf *l = &x->leaf[i];

		if (l->out)
			continue;
		ok(ztj_merkle_prove((const ztj_hash *)hash, n, i, in.path, &in.len));
		ztj_buf_reset(&text);
		ok(ztj_inclusion_write(&in, &text));
		ok(ztj_proof_put(file, i, ZTJ_PART_LEAF, 0, ztj_buf_view(&l->bytes)));
		ok(ztj_proof_put(file, i, ZTJ_PART_PROOF, 0, ztj_buf_view(&text)));
		if (l->st != NULL)
			put_signed(file, i, &l->st->s);
		if (l->dir != NULL)
			put_records(file, i, l->dir);
	}
	ok(ztj_proof_end(file));
	free(hash);
	ztj_buf_free(&note);
	ztj_buf_free(&text);
}

int px_check(const struct px *x, struct ztj_view file, struct ztj_buf *said, struct ztj_proved *out)
{
	struct ztj_proof *p;
	struct ztj_buf mine;
	int r = ztj_proof_read(file, &p);

	memset(out, 0, sizeof(*out));
	if (r != ZTJ_OK) {
		assert_null(p);
		return r;
	}
	ztj_buf_init(&mine, 1 << 20);
	r = ztj_proof_check(p, &x->w.pins, x->w.cache, said != NULL ? said : &mine, out);
	ztj_buf_free(&mine);
	ztj_proof_free(p);
	return r;
}
