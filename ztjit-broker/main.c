/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * ztjit-broker: carries, orders and records signed statements; invents none. Started by root or by an
 * ordinary user; this process reads the command line and the configuration and makes the others.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "libztjit/core/hostproof.h"
#include "libztjit/sys/log.h"
#include "libztjit/sys/safefile.h"
#include "ztjit-broker/serve.h"

#define DEFAULT_CONF ZTJ_SYSCONFDIR "/broker.conf"

static int usage(FILE *to)
{
	fputs(
	    "usage: ztjit-broker init --domain DOMAIN --root FILE.pub [--root FILE.pub] --threshold N --dir DIR\n"
	    "           --url URL --listen ADDRESS:PORT [--ca FILE | --ca-agent SOCKET [--ca-pub FILE]]\n"
	    "           [--frontend-user NAME] [--store-user NAME] [--signer-user NAME]\n"
	    "           [--sender-user NAME]\n"
	    "       ztjit-broker check [-c FILE]\n"
	    "       ztjit-broker serve [-c FILE]\n"
	    "       ztjit-broker token\n"
	    "       ztjit-broker -t | -T [-c FILE]\n"
	    "\n"
	    "Commands:\n"
	    "  init    make keys, pinned roots and configuration; print the pin\n"
	    "  check   is everything in order, and what runs out soon?\n"
	    "  serve   run the broker\n"
	    "  token   print a new token for auto_join\n"
	    "\n"
	    "  -c, --conf FILE   configuration (" DEFAULT_CONF ")\n"
	    "  -t                check the configuration and end\n"
	    "  -T                print the effective configuration and end\n"
	    "  -h, --help        this text\n",
	    to);
	return to == stdout ? 0 : 2;
}

static int load(const char *path, struct broker_conf *conf)
{
	char err[1024];
	int r = broker_conf_load(path, conf, err, sizeof(err));
	if (r != ZTJ_OK)
		fprintf(stderr, "ztjit-broker: %s\n", err);
	return r;
}

/* -t: is the configuration good? -T: what does it say with every default? */
static int test(const char *path, bool dump)
{
	struct broker_conf conf;
	struct ztj_buf out;
	int r = load(path, &conf);
	ztj_buf_init(&out, (size_t)256 * 1024);
	if (r == ZTJ_OK && dump) {
		r = broker_conf_dump(&conf, &out);
		if (r == ZTJ_OK)
			(void)fwrite(out.p, 1, out.n, stdout);
	} else if (r == ZTJ_OK) {
		puts("the configuration is good");
	}
	ztj_buf_free(&out);
	broker_conf_free(&conf);
	return ztj_err_exit(r);
}

static int run(const char *path)
{
	struct broker_conf conf;
	int r = load(path, &conf);
	int status = ztj_err_exit(r);
	if (r == ZTJ_OK) {
		ztj_log_open("ztjit-broker", true, conf.debug ? ZTJ_LOG_DEBUG : ZTJ_LOG_INFO);
		status = serve(&conf);
	}
	broker_conf_free(&conf);
	return status;
}

static int token(void)
{
	uint8_t raw[ZTJ_TOKEN_LEN];
	char text[ZTJ_TOKEN_SIZE];
	int r = ztj_random(raw, sizeof(raw));
	if (r == ZTJ_OK) {
		ztj_token_format(raw, text);
		puts(text);
	}
	ztj_wipe(raw, sizeof(raw));
	ztj_wipe(text, sizeof(text));
	return ztj_err_exit(r);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "conf", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *path = DEFAULT_CONF;
	bool check_only = false, dump = false;
	int c;
	if (argc == 3 && strcmp(argv[1], "init") == 0 && strcmp(argv[2], "--help") == 0)
		return usage(stdout);
	if (argc > 1 && strcmp(argv[1], "init") == 0)
		return init(argc - 1, argv + 1);
	while ((c = getopt_long(argc, argv, "c:tTh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 't':
			check_only = true;
			break;
		case 'T':
			dump = true;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (check_only || dump)
		return optind == argc || strcmp(argv[optind], "serve") == 0 ? test(path, dump)
									    : usage(stderr);
	if (optind + 1 != argc)
		return usage(stderr);
	if (strcmp(argv[optind], "serve") == 0)
		return run(path);
	if (strcmp(argv[optind], "check") == 0)
		return check(path);
	if (strcmp(argv[optind], "token") == 0)
		return token();
	return usage(stderr);
}
