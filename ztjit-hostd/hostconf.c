/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-hostd/hostconf.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct ztj_hostconf, field)
#define PATH_LEN 1, 200

static const struct ztj_conf_key table[] = {
	{ "urls", ZTJ_CONF_STRINGS, AT(urls), 1, 16, NULL, "https addresses of the broker, tried in order" },
	{ "directory", ZTJ_CONF_STRING, AT(directory), 1, 32, NULL,
	    "the directory that vouches for this host" },
	{ "name", ZTJ_CONF_STRING, AT(name), 1, 64, NULL, "the name of this host in that directory" },
	{ "roots", ZTJ_CONF_STRING, AT(roots), PATH_LEN, ZTJ_SYSCONFDIR "/policy_roots",
	    "the pinned policy roots" },
	{ "policy", ZTJ_CONF_STRING, AT(policy), PATH_LEN, ZTJ_SYSCONFDIR "/policy.json",
	    "the policy current at join; a newer one replaces it" },
	{ "machine_key", ZTJ_CONF_STRING, AT(machine_key), PATH_LEN, ZTJ_SYSCONFDIR "/machine.key",
	    "key that signs challenges" },
	{ "tls_key", ZTJ_CONF_STRING, AT(tls_key), PATH_LEN, ZTJ_SYSCONFDIR "/tls.key",
	    "key of the broker connection" },
	{ "state", ZTJ_CONF_STRING, AT(state), PATH_LEN, ZTJ_STATEDIR "/hostd", "what the gate keeps" },
	{ "run", ZTJ_CONF_STRING, AT(run), 1, 80, ZTJ_RUNDIR, "directory of the sockets" },
	{ "cgroup", ZTJ_CONF_STRING, AT(cgroup), PATH_LEN, "/sys/fs/cgroup/ztjit",
	    "cgroup (v2) of all sessions; none: hold them by their audit sessions, which is weaker" },
	{ "mirror_user", ZTJ_CONF_STRING, AT(mirror_user), 1, 32, "ztjit-mirror",
	    "user of the process on the network" },
	{ "gate_user", ZTJ_CONF_STRING, AT(gate_user), 1, 32, "ztjit-gate",
	    "user of the process that decides" },
	{ "principals_user", ZTJ_CONF_STRING, AT(principals_user), 1, 32, "ztjit-principals",
	    "AuthorizedPrincipalsCommandUser of sshd" },
	{ "scribe_user", ZTJ_CONF_STRING, AT(scribe_user), 1, 32, "ztjit-scribe",
	    "user of the process that keeps records of sessions" },
	{ "records", ZTJ_CONF_STRING, AT(records), PATH_LEN, ZTJ_STATEDIR "/records",
	    "records until the broker has them" },
	{ "record_spool", ZTJ_CONF_INT, AT(record_spool), 1, 1048576, "1024", "MiB of disk they may use" },
	{ "record_reserve", ZTJ_CONF_INT, AT(record_reserve), 1, 65536, "16",
	    "MiB of disk kept for one break-glass session" },
	{ "shell", ZTJ_CONF_STRING, AT(shell), PATH_LEN, "/bin/bash", "what a recorded login runs" },
	{ "recorder", ZTJ_CONF_STRING, AT(recorder), 1, 16, "shell",
	    "shell: an account is recorded when ztjit-rec is its login shell; forced: sshd forces ztjit-rec on all" },
	{ "rec_group", ZTJ_CONF_STRING, AT(rec_group), 1, 32, "ztjit-rec", "group of the set-gid recorder" },
	{ "decisions_size", ZTJ_CONF_INT, AT(decisions_size), 64, 1048576, "16384",
	    "KiB after which the log of decisions begins a new file" },
	{ "decisions_keep", ZTJ_CONF_INT, AT(decisions_keep), 1, 10000, "16",
	    "full files of the log of decisions that are kept" },
	{ "keep_accounts", ZTJ_CONF_STRINGS, AT(keep_accounts), 0, 256, "",
	    "service accounts: what runs as them is left alone when their last grant ends" },
	{ "guard_grace", ZTJ_CONF_DURATION, AT(guard_grace), 1, 3600, "1m",
	    "how long sessions go on while this agent is not running" },
	{ "reserve", ZTJ_CONF_INT, AT(reserve), 64, 1048576, "1024", "KiB of disk kept for decisions" },
};
#define NKEYS (sizeof(table) / sizeof(table[0]))

static int check(struct ztj_hostconf *c, const char *path, char *err, size_t size)
{
	const char *const paths[] = { c->roots, c->policy, c->machine_key, c->tls_key, c->state, c->run,
		c->cgroup, c->records, c->shell };
	const char *const users[] = { c->mirror_user, c->gate_user, c->principals_user, c->scribe_user };
	const char *what = NULL;

	c->by_audit = strcmp(c->cgroup, "none") == 0;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i][0] != '/' && !(c->by_audit && paths[i] == c->cgroup))
			what = "every path must be absolute";
	for (size_t i = 0; i < c->urls.n; i++)
		if (strncmp(c->urls.s[i], "https://", 8) != 0)
			what = "urls: must begin with https://";
	if (!ztj_name_ok(c->directory))
		what = "directory: not a name";
	if (!ztj_hostname_ok(c->name))
		what = "name: not a host name";
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(users[i], users[k]) == 0)
				what = "mirror_user, gate_user, principals_user and scribe_user must differ";
	c->forced_recorder = strcmp(c->recorder, "forced") == 0;
	if (!c->forced_recorder && strcmp(c->recorder, "shell") != 0)
		what = "recorder: shell or forced";
	/* Start-up files run beside the recorder, and could leave what has lost its parents: nobody could tell it from the session. */
	if (c->forced_recorder && c->by_audit)
		what = "recorder: forced needs cgroups";
	if (what != NULL) {
		(void)snprintf(err, size, "%s: %s", path == NULL ? "(defaults)" : path, what);
		return ZTJ_CONFIG;
	}
	(void)snprintf(c->fullname, sizeof(c->fullname), "%s/%s", c->directory, c->name);
	return ZTJ_OK;
}

int ztj_hostconf_load(const char *path, uid_t owner, struct ztj_hostconf *out, char *err, size_t size)
{
	int r;

	memset(out, 0, sizeof(*out));
	r = ztj_conf_load(table, NKEYS, path, owner, out, err, size);
	if (r != ZTJ_OK)
		return r;
	r = check(out, path, err, size);
	if (r != ZTJ_OK)
		ztj_hostconf_free(out);
	return r;
}

int ztj_hostconf_dump(const struct ztj_hostconf *c, struct ztj_buf *out)
{
	return ztj_conf_dump(table, NKEYS, c, out);
}

void ztj_hostconf_free(struct ztj_hostconf *c)
{
	ztj_conf_free(table, NKEYS, c);
}
