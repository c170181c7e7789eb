/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* ztjit-hostd install and uninstall, as they are typed. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/ztime.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/install_int.h"

#define WITHIN_DEFAULT 600
#define WITHIN_MAX 86400
#define START_MS 5000

static int fail(const struct ztj_inst *in, int r)
{
	if (in->err[0] == '\0')
		(void)fprintf(stderr, "ztjit-hostd: %s\n", ztj_err_text(r));
	else if (r == ZTJ_STATE || r == ZTJ_FORBIDDEN)
		(void)fprintf(stderr, "ztjit-hostd: %s\n", in->err);
	else
		(void)fprintf(stderr, "ztjit-hostd: %s (%s)\n", in->err, ztj_err_text(r));
	return ztj_err_exit(r);
}

/* ---- install ---- */

struct installing {
	struct ztj_inst in;
	struct ztj_install ask;
	struct ztj_hostconf conf;
	struct ztj_inst_wish wish;
	struct ztj_inst_plan *plan;
};

/* Planned anew once the users exist, whose ids are in it. */
static int make_plan(struct installing *i)
{
	ztj_inst_plan_free(i->plan);
	i->plan = ztj_inst_plan_new();
	return i->plan == NULL ? ZTJ_NOMEM : ztj_inst_plan_install(&i->in, &i->wish, i->plan);
}

static void say_next(const struct installing *i)
{
	bool systemd = ztj_inst_has_systemd(&i->in);
	char within[64];

	if (ztj_duration_format(i->ask.within, within, sizeof(within)) != ZTJ_OK)
		(void)snprintf(within, sizeof(within), "%lld s", (long long)i->ask.within);
	(void)
	    printf("\nArmed. Now prove that there is a way in: open a new session, and say there within %s\n",
		within);
	(void)printf("  ztjit-hostd install --confirm\nor everything is undone.\n");
	if (!systemd)
		(void)printf(
		    "systemd does not run here: starting ztjit-hostd at every boot is yours to arrange.\n");
	if (!ztj_inst_agent_answers(&i->conf, systemd ? START_MS : 0))
		(void)printf(
		    "ztjit-hostd does not run: until it does nobody gets in, and nothing can be confirmed. Start it.\n");
}

static int go(struct installing *i)
{
	int r = ztj_inst_users(&i->in, &i->conf, false);

	if (r == ZTJ_OK)
		r = make_plan(i);
	if (r != ZTJ_OK)
		return fail(&i->in, r);
	r = ztj_inst_transact(&i->in, i->plan, &i->wish);
	if (r == ZTJ_OK)
		say_next(i);
	return ztj_err_exit(r);
}

static int install_locked(struct installing *i)
{
	struct ztj_inst_tx tx;
	bool pending, users;
	int r = ztj_inst_recover(&i->in, &tx, &pending);

	if (r == ZTJ_OK && pending)
		r = ztj_inst_fail(&i->in, ZTJ_STATE,
		    "transaction %04u waits to be confirmed: say ztjit-hostd install --confirm, or --undo",
		    tx.no);
	if (r == ZTJ_OK)
		r = ztj_inst_ready(&i->in, &i->ask, &i->conf, &i->wish);
	if (r == ZTJ_OK)
		r = make_plan(i);
	users = r == ZTJ_OK && ztj_inst_users_missing(&i->conf);
	if (r != ZTJ_OK)
		return fail(&i->in, r);
	if (i->plan->n == 0 && !users) {
		(void)printf("Nothing to change: this host is armed as it should be.\n");
		return 0;
	}
	ztj_inst_show(i->plan);
	r = ztj_inst_users(&i->in, &i->conf, true);
	if (r != ZTJ_OK)
		return fail(&i->in, r);
	if (i->ask.no_nss)
		(void)printf(
		    "\n/etc/nsswitch.conf stays as it is (--no-nss): people without a local account cannot log in.\n");
	if (!i->wish.sudo)
		(void)printf("\nsudo is not installed here; nothing of it is armed.\n");
	ztj_inst_say_emergency(&i->in, &i->ask);
	if (i->ask.dry_run)
		return 0;
	if (!i->ask.yes && !ztj_inst_ask("Change this?"))
		return 1;
	return go(i);
}

static int load(struct installing *i)
{
	char err[512] = "";
	int r = ztj_inst_init(&i->in);

	if (r == ZTJ_OK && geteuid() != 0)
		r = ztj_inst_fail(&i->in, ZTJ_FORBIDDEN, "only root may install");
	if (r == ZTJ_OK && (r = ztj_hostconf_load(i->ask.conf, 0, &i->conf, err, sizeof(err))) != ZTJ_OK)
		(void)ztj_inst_fail(&i->in, ZTJ_STATE, "%s: %s; is this host joined? See ztjit-hostd join",
		    err[0] != '\0' ? err : i->ask.conf, ztj_err_text(r));
	return r == ZTJ_OK ? ZTJ_OK : fail(&i->in, r);
}

static int install(struct installing *i)
{
	int lock = -1, status = load(i), r;

	(void)umask(022);
	if (status != 0)
		return status;
	r = ztj_inst_lock(&i->in, 5, &lock);
	status = r == ZTJ_OK ? install_locked(i) : fail(&i->in, r);
	ztj_inst_plan_free(i->plan);
	ztj_hostconf_free(&i->conf);
	if (lock >= 0)
		(void)close(lock);
	return status;
}

static int confirm(struct installing *i)
{
	int status = load(i);

	if (status != 0)
		return status;
	status = ztj_inst_confirm(&i->conf);
	ztj_hostconf_free(&i->conf);
	return status;
}

int ztj_hostd_install(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, 'n' },
		{ "yes", no_argument, NULL, 'y' }, { "confirm-within", required_argument, NULL, 'w' },
		{ "no-nss", no_argument, NULL, 'N' }, { "record", required_argument, NULL, 'r' },
		{ "confirm", no_argument, NULL, 'C' }, { "undo", no_argument, NULL, 'U' },
		{ "status", no_argument, NULL, 'S' }, { "timer", no_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 } };
	struct installing i = { .ask = { .conf = ZTJ_HOSTD_CONF, .within = WITHIN_DEFAULT } };
	bool within = false;
	int c, what = 0;

	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		switch (c) {
		case 'n':
			i.ask.dry_run = true;
			break;
		case 'y':
			i.ask.yes = true;
			break;
		case 'w':
			within = true;
			if (ztj_duration_parse(optarg, &i.ask.within) != ZTJ_OK || i.ask.within > WITHIN_MAX)
				return -1;
			break;
		case 'N':
			i.ask.no_nss = true;
			break;
		case 'r':
			if (i.ask.nrecord == ZTJ_INST_RECORD_MAX)
				return -1;
			i.ask.record[i.ask.nrecord++] = optarg;
			break;
		case 'c':
			i.ask.conf = optarg;
			break;
		case '?':
			return -1;
		default:
			if (what != 0)
				return -1;
			what = c;
		}
	if (optind != argc ||
	    (what != 0 && (i.ask.dry_run || i.ask.yes || i.ask.no_nss || i.ask.nrecord > 0 || within)))
		return -1;
	return what == 'C' ? confirm(&i)
	    : what == 'U'  ? ztj_inst_undo_pending()
	    : what == 'S'  ? ztj_inst_status()
	    : what == 'T'  ? ztj_inst_timer()
			   : install(&i);
}

/* ---- uninstall ---- */

static int uninstall_locked(struct ztj_inst *in, const struct ztj_install *ask, struct ztj_inst_plan *p)
{
	struct ztj_inst_tx tx;
	unsigned changed = 0;
	bool pending;
	int r = ztj_inst_recover(in, &tx, &pending);

	if (r == ZTJ_OK && pending)
		r = ztj_inst_fail(in, ZTJ_STATE,
		    "transaction %04u was not confirmed yet: say ztjit-hostd install --undo", tx.no);
	if (r == ZTJ_OK)
		r = ztj_inst_plan_uninstall(in, p, &changed);
	if (r != ZTJ_OK)
		return fail(in, r);
	if (p->n == 0) {
		(void)printf("Nothing to change: nothing that ztjit-hostd install changed is in force.\n");
		return 0;
	}
	ztj_inst_show(p);
	if (changed > 0 && !ask->force) {
		(void)fflush(stdout);
		return fail(in,
		    ztj_inst_fail(in, ZTJ_STATE,
			"nothing was changed: of what was installed %u stand as others left them, see above; --force restores all",
			changed));
	}
	if (ask->dry_run)
		return 0;
	if (!ask->yes && !ztj_inst_ask("Change this?"))
		return 1;
	r = ztj_inst_transact(in, p, NULL);
	if (r != ZTJ_OK)
		return ztj_err_exit(r);
	(void)printf(
	    "\nRestored. /etc/ztjit, /var/lib/ztjit (the log of decisions) and the system users whose files are there stay.\n");
	if (!ztj_inst_has_systemd(in))
		(void)printf("systemd does not run here: end the agent yourself.\n");
	return 0;
}

int ztj_hostd_uninstall(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, 'n' },
		{ "yes", no_argument, NULL, 'y' }, { "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 } };
	struct ztj_install ask = { .dry_run = false };
	struct ztj_inst_plan *p;
	struct ztj_inst in;
	int c, lock = -1, r, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'n':
			ask.dry_run = true;
			break;
		case 'y':
			ask.yes = true;
			break;
		case 'f':
			ask.force = true;
			break;
		default:
			return -1;
		}
	if (optind != argc)
		return -1;
	(void)umask(022);
	p = ztj_inst_plan_new();
	r = ztj_inst_init(&in);
	if (r == ZTJ_OK && geteuid() != 0)
		r = ztj_inst_fail(&in, ZTJ_FORBIDDEN, "only root may uninstall");
	if (r == ZTJ_OK)
		r = p == NULL ? ZTJ_NOMEM : ztj_inst_lock(&in, 5, &lock);
	status = r == ZTJ_OK ? uninstall_locked(&in, &ask, p) : fail(&in, r);
	ztj_inst_plan_free(p);
	if (lock >= 0)
		(void)close(lock);
	return status;
}

/* ---- the agent ---- */

void ztj_hostd_install_recover(void)
{
	struct ztj_inst in;
	struct ztj_inst_tx tx;
	bool pending;
	int lock, r;

	if (geteuid() != 0 || access(ZTJ_INST_DIR, F_OK) != 0 || ztj_inst_init(&in) != ZTJ_OK)
		return;
	/* Who holds it is at work, and starts us perhaps. */
	if (ztj_inst_lock(&in, 0, &lock) != ZTJ_OK)
		return;
	r = ztj_inst_recover(&in, &tx, &pending);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ALARM, "install: %s: %s", in.err, ztj_err_text(r));
	(void)close(lock);
}
