/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-hostd: the host agent. Started by root; serving, it is a parent that does nothing but wait and
 * four processes: mirror (network, no power), gate (verifies and decides, no network), scribe (records of sessions) and
 * warden (root, parses nothing). The other commands are run by root by hand.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libztjit/core/mark.h"
#include "libztjit/sys/log.h"
#include "ztjit-hostd/hostd.h"
#include "ztjit-hostd/install.h"

ZTJ_MARK;

static const char usage_text[] =
    "usage: ztjit-hostd [-f] [-c FILE]            serve\n"
    "       ztjit-hostd -t | -T [-c FILE]         check, or print, the configuration\n"
    "       ztjit-hostd join [--broker URL] [--pin PIN] [--directory NAME] [--name HOST] [--rename]\n"
    "                        [--token T] [--roots FILE]\n"
    "       ztjit-hostd leave [--yes] [--force] [--drop-records]\n"
    "       ztjit-hostd install [--dry-run] [--yes] [--confirm-within TIME] [--no-nss] [--record ACCOUNT]... [-c FILE]\n"
    "       ztjit-hostd install --confirm | --undo | --status | --timer [-c FILE]\n"
    "       ztjit-hostd uninstall [--dry-run] [--yes] [--force]\n"
    "       ztjit-hostd import FILE [-c FILE]     hand news to the running agent\n"
    "       ztjit-hostd clock --accept [-c FILE]  the system clock is right\n"
    "       ztjit-hostd status [--json] [-c FILE]\n";

static int usage(void)
{
	(void)fputs(usage_text, stderr);
	return 2;
}

static int load(const char *path, struct ztj_hostconf *conf)
{
	char err[512];
	int r = ztj_hostconf_load(path, 0, conf, err, sizeof(err));

	if (r != ZTJ_OK)
		(void)fprintf(stderr, "ztjit-hostd: %s\n", err[0] != '\0' ? err : ztj_err_text(r));
	return r;
}

static int check(const struct ztj_hostconf *conf)
{
	char err[512] = "";
	int r = ztj_hostd_check(conf, err, sizeof(err));

	if (r != ZTJ_OK)
		(void)fprintf(stderr, "ztjit-hostd: %s: %s\n", err, ztj_err_text(r));
	return ztj_err_exit(r);
}

static int dump(const struct ztj_hostconf *conf)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	r = ztj_hostconf_dump(conf, &b);
	if (r == ZTJ_OK)
		(void)fwrite(b.p, 1, b.n, stdout);
	ztj_buf_free(&b);
	return ztj_err_exit(r);
}

/* ---- the commands ---- */

/* --token -: from standard input, out of sight of ps(1). */
static const char *read_token(const char *given, char *line, int size)
{
	if (strcmp(given, "-") != 0)
		return given;
	if (fgets(line, size, stdin) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static int cmd_join(int argc, char **argv)
{
	static const struct option options[] = { { "broker", required_argument, NULL, 'b' },
		{ "pin", required_argument, NULL, 'p' }, { "directory", required_argument, NULL, 'd' },
		{ "name", required_argument, NULL, 'n' }, { "roots", required_argument, NULL, 'r' },
		{ "token", required_argument, NULL, 't' }, { "rename", no_argument, NULL, 'R' },
		{ NULL, 0, NULL, 0 } };
	struct ztj_join j = { .sysconfdir = ZTJ_SYSCONFDIR, .sshdir = "/etc/ssh" };
	char line[128];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'b':
			j.broker = optarg;
			break;
		case 'p':
			j.pin = optarg;
			break;
		case 'd':
			j.directory = optarg;
			break;
		case 'n':
			j.name = optarg;
			break;
		case 'r':
			j.roots_file = optarg;
			break;
		case 't':
			j.token = read_token(optarg, line, sizeof(line));
			break;
		case 'R':
			j.rename = true;
			break;
		default:
			return usage();
		}
	return optind == argc ? ztj_hostd_join(&j) : usage();
}

static int cmd_leave(int argc, char **argv)
{
	static const struct option options[] = { { "yes", no_argument, NULL, 'y' },
		{ "force", no_argument, NULL, 'f' }, { "drop-records", no_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 } };
	struct ztj_leave l = { .sysconfdir = ZTJ_SYSCONFDIR, .statedir = ZTJ_STATEDIR };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'y':
			l.yes = true;
			break;
		case 'f':
			l.force = true;
			break;
		case 'd':
			l.drop_records = true;
			break;
		default:
			return usage();
		}
	return optind == argc ? ztj_hostd_leave(&l) : usage();
}

/* The commands that talk to the running agent. */
static int cmd_running(int argc, char **argv)
{
	static const struct option options[] = { { "accept", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	const char *path = ZTJ_HOSTD_CONF, *verb = argv[0];
	bool accept = false, json = false;
	struct ztj_hostconf conf;
	int c, r, rest;

	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		switch (c) {
		case 'a':
			accept = true;
			break;
		case 'j':
			json = true;
			break;
		case 'c':
			path = optarg;
			break;
		default:
			return usage();
		}
	rest = argc - optind;
	if (strcmp(verb, "import") == 0 ? rest != 1 || accept || json : rest != 0)
		return usage();
	if (strcmp(verb, "clock") == 0 ? !accept || json : accept || (json && strcmp(verb, "status") != 0))
		return usage();
	r = load(path, &conf);
	if (r != ZTJ_OK)
		return ztj_err_exit(r);
	if (strcmp(verb, "import") == 0)
		r = ztj_hostd_import(&conf, argv[optind]);
	else if (strcmp(verb, "clock") == 0)
		r = ztj_hostd_clock(&conf);
	else
		r = ztj_hostd_status(&conf, json);
	ztj_hostconf_free(&conf);
	return r;
}

/* What is undone stops this very unit, and systemd then asks the one that undoes it to end: not before it is done. */
static void recover(void)
{
	sigset_t ending, old;

	(void)sigemptyset(&ending);
	(void)sigaddset(&ending, SIGTERM);
	(void)sigaddset(&ending, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ending, &old);
	ztj_hostd_install_recover();
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static int cmd_serve(int argc, char **argv)
{
	const char *path = ZTJ_HOSTD_CONF;
	bool foreground = false;
	struct ztj_hostconf conf;
	int c, what = 's', r;

	while ((c = getopt(argc, argv, "fc:tT")) != -1)
		switch (c) {
		case 'f':
			foreground = true;
			break;
		case 'c':
			path = optarg;
			break;
		case 't':
		case 'T':
			what = c;
			break;
		default:
			return usage();
		}
	if (optind != argc)
		return usage();
	/* Before the configuration: what was left half armed is undone whatever state the agent is in. */
	if (what == 's')
		recover();
	r = load(path, &conf);
	if (r != ZTJ_OK)
		return ztj_err_exit(r);
	if (what == 't')
		r = check(&conf);
	else if (what == 'T')
		r = dump(&conf);
	else
		r = ztj_hostd_serve(&conf, foreground);
	ztj_hostconf_free(&conf);
	return r;
}

int main(int argc, char **argv)
{
	static const char *const running[] = { "import", "clock", "status" };

	ztj_log_open("ztjit-hostd", true, ZTJ_LOG_INFO);
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage_text, stdout);
		return 0;
	}
	if (argc < 2 || argv[1][0] == '-')
		return cmd_serve(argc, argv);
	if (strcmp(argv[1], "join") == 0)
		return cmd_join(argc - 1, argv + 1);
	if (strcmp(argv[1], "leave") == 0)
		return cmd_leave(argc - 1, argv + 1);
	if (strcmp(argv[1], "install") == 0 || strcmp(argv[1], "uninstall") == 0) {
		int status = argv[1][0] == 'i' ? ztj_hostd_install(argc - 1, argv + 1)
					       : ztj_hostd_uninstall(argc - 1, argv + 1);
		return status < 0 ? usage() : status;
	}
	for (size_t i = 0; i < sizeof(running) / sizeof(running[0]); i++)
		if (strcmp(argv[1], running[i]) == 0)
			return cmd_running(argc - 1, argv + 1);
	return usage();
}
