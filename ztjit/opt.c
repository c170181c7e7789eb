/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Options: one table for all, a list of them per command; --help is printed from the same tables. */
#include "ztjit/cli.h"

#include <stdlib.h>
#include <string.h>

struct option_def {
	const char *name;
	char letter;
	const char *arg, *help;
	bool multi;
};

static const struct option_def defs[OPT_COUNT] = {
#define CLI_OPT_DEF(id, n, l, a, h, m) \
	[OPT_##id] = { .name = (n), .letter = (l), .arg = (a), .help = (h), .multi = (m) },
	CLI_OPTIONS(CLI_OPT_DEF)
#undef CLI_OPT_DEF
};

bool cli_is_set(const struct cli *c, enum cli_opt_id id)
{
	return c->opt[id].set;
}

const char *cli_opt(const struct cli *c, enum cli_opt_id id)
{
	return c->opt[id].n > 0 ? c->opt[id].v[0] : NULL;
}

static bool takes(const struct cli_cmd *cmd, enum cli_opt_id id)
{
	if (id == OPT_HELP || id == OPT_JSON)
		return true;
	for (const enum cli_opt_id *o = cmd->opts; *o != OPT_COUNT; o++)
		if (*o == id)
			return true;
	return false;
}

static int store(struct cli *c, enum cli_opt_id id, const char *value)
{
	struct cli_value *v = &c->opt[id];
	const char **more;

	if (v->set && !defs[id].multi)
		return cli_fail(c, ZTJ_USAGE, "--%s stands twice", defs[id].name);
	v->set = true;
	if (value == NULL)
		return ZTJ_OK;
	if (v->n >= CLI_VALUES_MAX)
		return cli_fail(c, ZTJ_USAGE, "too many of --%s", defs[id].name);
	if ((more = reallocarray(v->v, v->n + 1, sizeof *more)) == NULL)
		return ZTJ_NOMEM;
	v->v = more;
	v->v[v->n++] = value;
	return ZTJ_OK;
}

/* "--name", "--name=value", "--name value"; sets *used to how many words it took. */
static int parse_long(struct cli *c, int argc, char **argv, int *used)
{
	const char *word = argv[0] + 2, *eq = strchr(word, '=');
	size_t n = eq != NULL ? (size_t)(eq - word) : strlen(word);

	for (unsigned i = 0; i < OPT_COUNT; i++) {
		if (strlen(defs[i].name) != n || strncmp(defs[i].name, word, n) != 0 ||
		    !takes(c->cmd, (enum cli_opt_id)i))
			continue;
		*used = 1;
		if (defs[i].arg == NULL)
			return eq != NULL ? cli_fail(c, ZTJ_USAGE, "--%s takes no value", defs[i].name)
					  : store(c, (enum cli_opt_id)i, NULL);
		if (eq != NULL)
			return store(c, (enum cli_opt_id)i, eq + 1);
		if (argc < 2)
			return cli_fail(c, ZTJ_USAGE, "--%s wants %s", defs[i].name, defs[i].arg);
		*used = 2;
		return store(c, (enum cli_opt_id)i, argv[1]);
	}
	return cli_fail(c, ZTJ_USAGE, "unknown option --%.*s", (int)n, cli_esc(c, word));
}

/* "-m VALUE", "-mVALUE", "-yq" */
static int parse_short(struct cli *c, int argc, char **argv, int *used)
{
	*used = 1;
	for (const char *p = argv[0] + 1; *p != '\0'; p++) {
		unsigned i = 0;
		int r;

		while (i < OPT_COUNT && (defs[i].letter != *p || !takes(c->cmd, (enum cli_opt_id)i)))
			i++;
		if (i == OPT_COUNT)
			return cli_fail(c, ZTJ_USAGE, "unknown option %s", cli_esc(c, argv[0]));
		if (defs[i].arg == NULL) {
			if ((r = store(c, (enum cli_opt_id)i, NULL)) != ZTJ_OK)
				return r;
			continue;
		}
		if (p[1] != '\0')
			return store(c, (enum cli_opt_id)i, p + 1);
		if (argc < 2)
			return cli_fail(c, ZTJ_USAGE, "-%c wants %s", defs[i].letter, defs[i].arg);
		*used = 2;
		return store(c, (enum cli_opt_id)i, argv[1]);
	}
	return ZTJ_OK;
}

static int find_command(struct cli *c, int argc, char **argv, int *used)
{
	bool family = false;

	for (size_t i = 0; i < cli_ncommands; i++) {
		const struct cli_cmd *cmd = &cli_commands[i];

		if (strcmp(cmd->name, argv[1]) != 0)
			continue;
		family = true;
		if (cmd->sub == NULL || (argc > 2 && strcmp(cmd->sub, argv[2]) == 0)) {
			c->cmd = cmd;
			*used = cmd->sub == NULL ? 2 : 3;
			return ZTJ_OK;
		}
	}
	if (family)
		cli_hint(c, "ztjit %s --help", argv[1]);
	else
		cli_hint(c, "ztjit --help");
	return family ? cli_fail(c, ZTJ_USAGE, "ztjit %s: which of its commands?", argv[1])
		      : cli_fail(c, ZTJ_USAGE, "no such command: %s", cli_esc(c, argv[1]));
}

/* The options of ssh(1) that take an argument. */
static const char ssh_with_arg[] = "BbcDEeFIiJLlmOopQRSWw";

bool cli_ssh_option(const char *word, bool *with_arg)
{
	size_t n = strlen(word);

	*with_arg = false;
	if (word[0] != '-' || n < 2 || word[1] == '-')
		return false;
	for (size_t i = 1; i < n; i++) {
		if (strchr(ssh_with_arg, word[i]) == NULL)
			continue;
		*with_arg = i == n - 1;
		break;
	}
	return true;
}

/* Options and operands may be mixed, except before a command that is passed on: there short options are
 * ssh's and everything after the host is not ours. */
static int parse_rest(struct cli *c, int argc, char **argv)
{
	bool only_operands = false, arg = false;

	if ((c->argv = cli_keep(c, ((size_t)argc + 1) * sizeof *c->argv)) == NULL)
		return ZTJ_NOMEM;
	for (int i = 0; i < argc;) {
		int used = 1, r = ZTJ_OK;

		if (!only_operands && strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (!only_operands && strncmp(argv[i], "--", 2) == 0)
			r = parse_long(c, argc - i, argv + i, &used);
		else if (!only_operands && c->cmd->passthrough && cli_ssh_option(argv[i], &arg)) {
			c->argv[c->argc++] = argv[i];
			if (arg && i + 1 < argc)
				c->argv[c->argc++] = argv[i + 1];
			used = arg ? 2 : 1;
		} else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0')
			r = parse_short(c, argc - i, argv + i, &used);
		else {
			c->argv[c->argc++] = argv[i];
			only_operands = only_operands || c->cmd->passthrough;
		}
		if (r != ZTJ_OK)
			return r;
		i += used;
	}
	return ZTJ_OK;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
	int used = 0, r;

	if ((r = find_command(c, argc, argv, &used)) != ZTJ_OK)
		return r;
	cli_hint(c, "ztjit %s%s%s --help", c->cmd->name, c->cmd->sub != NULL ? " " : "",
	    c->cmd->sub != NULL ? c->cmd->sub : "");
	if ((r = parse_rest(c, argc - used, argv + used)) != ZTJ_OK)
		return r;
	if (!cli_is_set(c, OPT_HELP)) {
		if (c->argc < c->cmd->min_args)
			return cli_fail(c, ZTJ_USAGE, "something is missing: ztjit %s %s%s%s", c->cmd->name,
			    c->cmd->sub != NULL ? c->cmd->sub : "", c->cmd->sub != NULL ? " " : "",
			    c->cmd->args);
		if (c->cmd->max_args >= 0 && c->argc > c->cmd->max_args)
			return cli_fail(c, ZTJ_USAGE, "too many words: %s",
			    cli_esc(c, c->argv[c->cmd->max_args]));
	}
	c->hint = NULL;
	return ZTJ_OK;
}

int cli_opt_duration(struct cli *c, enum cli_opt_id id, int64_t def, int64_t *out)
{
	const char *v = cli_opt(c, id);

	*out = def;
	if (v != NULL && ztj_duration_parse(v, out) != ZTJ_OK)
		return cli_fail(c, ZTJ_USAGE, "--%s %s: not a duration such as 30m, 1h30m or 2d",
		    defs[id].name, cli_esc(c, v));
	return ZTJ_OK;
}

int cli_opt_time(struct cli *c, enum cli_opt_id id, int64_t def, int64_t *out)
{
	const char *v = cli_opt(c, id);
	bool past = takes(c->cmd, OPT_SINCE);
	int64_t by;

	*out = def;
	if (v == NULL || ztj_time_parse(v, out) == ZTJ_OK)
		return ZTJ_OK;
	if ((v[0] == '+' || (v[0] == '-' && past)) && ztj_duration_parse(v + 1, &by) == ZTJ_OK) {
		*out = v[0] == '+' ? cli_now() + by : cli_now() - by;
		return ZTJ_OK;
	}
	return cli_fail(c, ZTJ_USAGE, "--%s %s: not a time such as 2027-01-31T08:00:00Z or %s2h",
	    defs[id].name, cli_esc(c, v), past ? "-" : "+");
}

static void print_option(const struct option_def *d, FILE *f)
{
	char left[64];

	if (d->letter != '\0')
		(void)snprintf(left, sizeof left, "-%c, --%s%s%s", d->letter, d->name,
		    d->arg != NULL ? " " : "", d->arg != NULL ? d->arg : "");
	else
		(void)snprintf(left, sizeof left, "    --%s%s%s", d->name, d->arg != NULL ? " " : "",
		    d->arg != NULL ? d->arg : "");
	(void)fprintf(f, "  %-28s %s%s\n", left, d->help, d->multi ? " (may be repeated)" : "");
}

void cli_usage(const struct cli_cmd *cmd, FILE *f)
{
	(void)fprintf(f, "usage: ztjit %s%s%s [options]%s%s\n%s.\n\nOptions:\n", cmd->name,
	    cmd->sub != NULL ? " " : "", cmd->sub != NULL ? cmd->sub : "", cmd->args[0] != '\0' ? " " : "",
	    cmd->args, cmd->summary);
	for (const enum cli_opt_id *o = cmd->opts; *o != OPT_COUNT; o++)
		print_option(&defs[*o], f);
	print_option(&defs[OPT_JSON], f);
	print_option(&defs[OPT_HELP], f);
}

void cli_help_family(const char *name, FILE *f)
{
	bool first = true;

	for (size_t i = 0; i < cli_ncommands; i++) {
		if (strcmp(cli_commands[i].name, name) != 0)
			continue;
		(void)fprintf(f, "%s", first ? "" : "\n");
		cli_usage(&cli_commands[i], f);
		first = false;
	}
	if (first)
		cli_help(f);
}

void cli_help(FILE *f)
{
	(void)fprintf(f, "usage: ztjit COMMAND [options] [arguments]\n\nCommands:\n");
	for (size_t i = 0; i < cli_ncommands; i++) {
		const struct cli_cmd *cmd = &cli_commands[i];
		char left[64];

		(void)snprintf(left, sizeof left, "%s%s%s", cmd->name, cmd->sub != NULL ? " " : "",
		    cmd->sub != NULL ? cmd->sub : "");
		(void)fprintf(f, "  %-18s %s\n", left, cmd->summary);
	}
	(void)fprintf(f,
	    "\nExit codes: 0 yes, 1 no, 2 wrong usage, 3 could not find out.\n"
	    "ztjit COMMAND --help tells more; the manual is ztjit(1).\n");
}
