/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The table `gids`: which id each role group has, on every host and for ever. */
#include <stdlib.h>
#include <string.h>

#include "libztjit/core/policy_int.h"

#define GID_MIN 1000 /* below live the system's own groups */
#define DYNAMIC_MIN 61184
#define DYNAMIC_MAX 65519 /* DynamicUser= of systemd */

/* Groups whose members are as good as root (docker, disk, sudo), that open devices and logs, or that daemons run with (Debian's and Fedora's
 * own), so that nobody is called as they are; and the system users of ztjit and its recorder's group. Sorted. */
static const char *const reserved[] = { "_ssh", "adm", "admin", "audio", "backup", "bin", "bluetooth",
	"cdrom", "crontab", "daemon", "dialout", "dip", "disk", "docker", "fax", "floppy", "games",
	"google-sudoers", "incus", "incus-admin", "input", "irc", "kmem", "kvm", "libvirt", "libvirt-qemu",
	"list", "lp", "lpadmin", "lxd", "mail", "man", "messagebus", "netdev", "news", "nobody", "nogroup",
	"operator", "plugdev", "podman", "polkitd", "proxy", "render", "root", "sasl", "scanner", "self",
	"sgx", "shadow", "src", "ssh", "sshd", "ssl-cert", "staff", "sudo", "sys", "tape", "tty", "users",
	"utmp", "uucp", "video", "voice", "wheel", "wireshark", "www-data", "ztjit-frontend", "ztjit-gate",
	"ztjit-mirror", "ztjit-principals", "ztjit-rec", "ztjit-scribe", "ztjit-sender", "ztjit-signer", "ztjit-store" };

static int by_name(const void *name, const void *entry)
{
	return strcmp(name, *(const char *const *)entry);
}

bool ztj_policy_group_reserved(const char *name)
{
	return strncmp(name, "systemd-", 8) == 0 ||
	    bsearch(name, reserved, sizeof reserved / sizeof reserved[0], sizeof reserved[0], by_name) !=
	    NULL;
}

/* Daemons that a package may bring later, on Debian or Fedora: whoever had the account before would be what they run as. Sorted. */
static const char *const daemons[] = { "amavis", "apache", "avahi", "bacula", "bind", "caddy", "cassandra",
	"ceph", "chrony", "clamav", "cockpit-ws", "colord", "consul", "couchdb", "cups", "cyrus",
	"debian-tor", "dnsmasq", "dovecot", "dovenull", "elasticsearch", "etcd", "exim", "ftp",
	"fwupd-refresh", "gdm", "geoclue", "git", "gitea", "gitlab", "gitlab-runner", "gnats", "grafana",
	"haproxy", "icinga", "influxdb", "jenkins", "kafka", "kibana", "logstash", "mailman", "mailnull",
	"mariadb", "memcache", "memcached", "minio", "mongodb", "mosquitto", "munin", "mysql", "nagios",
	"named", "nginx", "nscd", "nslcd", "ntp", "ntpsec", "opendkim", "opendmarc", "openldap", "oracle",
	"pdns", "pgbouncer", "postdrop", "postfix", "postgres", "postgrey", "prometheus", "pulse", "puppet",
	"rabbitmq", "redis", "rpc", "rpcuser", "rtkit", "salt", "saned", "smmsp", "smmta", "solr", "spamd",
	"squid", "sssd", "statd", "stunnel4", "syslog", "tcpdump", "telegraf", "tftp", "tomcat", "tor", "tss",
	"unbound", "usbmux", "uuidd", "varnish", "vault", "vmail", "vsftpd", "xrdp", "zabbix", "zookeeper" };

bool ztj_policy_person_reserved(const char *name)
{
	/* each person has a group of the same name, and rules of sudo name groups that begin so; Debian's packages make accounts with a _ */
	return ztj_policy_group_reserved(name) || strncmp(name, "ztjit-", 6) == 0 || name[0] == '_' ||
	    bsearch(name, daemons, sizeof daemons / sizeof daemons[0], sizeof daemons[0], by_name) != NULL;
}

static const char *name_wrong(const char *name)
{
	if (ztj_policy_group_reserved(name))
		return "belongs to the system and is never given";
	return ztj_name_ok(name) ? NULL : "is not a group name";
}

void ztj_pol_get_gids(struct ztj_pol *c, const config_setting_t *s, const struct ztj_pol_field *f, void *dst)
{
	const struct ztj_pol_field number = { .key = f->key, .min = GID_MIN, .max = INT32_MAX };
	struct ztj_policy *p = dst;
	size_t n;

	p->has_gids = true;
	p->gids = ztj_pol_children(c, s, f->key, true, ZTJ_GIDS_MAX, sizeof *p->gids, &n);
	c->priv->gid_line = ztj_pol_alloc(c, n, sizeof *c->priv->gid_line);
	if (p->gids == NULL || c->priv->gid_line == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *m = ztj_pol_child(s, i);
		const char *name = config_setting_name(m), *wrong = name_wrong(name);
		int64_t gid = 0;
		if (wrong != NULL)
			ztj_pol_error(c, ztj_pol_line(m), "%s: \"%.64s\" %s", f->key, name, wrong);
		ztj_pol_get_i64(c, m, &number, &gid);
		c->priv->gid_line[i] = ztj_pol_line(m);
		p->gids[i] = (struct ztj_gid){ ztj_pol_strdup(c, name), (uint32_t)gid };
		if (p->gids[i].name == NULL)
			return;
		p->ngids = i + 1;
	}
}

static void check_gid(struct ztj_pol *c, size_t i)
{
	const struct ztj_gid *g = &c->p->gids[i];
	unsigned line = c->priv->gid_line[i];

	if (g->gid == 65534 || g->gid == 65535)
		ztj_pol_error(c, line, "gids: %u is nobody's", g->gid);
	else if (g->gid >= DYNAMIC_MIN && g->gid <= DYNAMIC_MAX)
		ztj_pol_warn(c, line, "gids: %s = %u is among the ids that systemd gives to services",
		    g->name, g->gid);
	for (size_t k = 0; g->gid != 0 && k < i; k++)
		if (c->p->gids[k].gid == g->gid)
			ztj_pol_error(c, line, "gids: %s and %s have the same id", c->p->gids[k].name,
			    g->name);
	for (size_t k = 0; k < c->p->nregistrars; k++) {
		const struct ztj_registrar *r = &c->p->registrars[k];
		if (r->uid_max != 0 && g->gid >= r->uid_min && g->gid <= r->uid_max)
			ztj_pol_error(c, line,
			    "gids: %s = %u lies among the uids of \"%s\": each person has a group of that id",
			    g->name, g->gid, r->directory);
	}
}

static bool has_gid(const struct ztj_policy *p, const char *group)
{
	for (size_t i = 0; i < p->ngids; i++)
		if (strcmp(p->gids[i].name, group) == 0)
			return true;
	return false;
}

/* Roles that were made before there was such a table go on as they are. */
static void check_role_groups(struct ztj_pol *c, const struct ztj_role *role, unsigned line)
{
	for (size_t i = 0; i < role->groups.n; i++) {
		if (!c->p->has_gids)
			ztj_pol_warn(c, line,
			    "role \"%s\": without gids no host publishes group \"%s\"; add gids = { %s = 61000; };",
			    role->name, role->groups.s[i], role->groups.s[i]);
		else if (!has_gid(c->p, role->groups.s[i]))
			ztj_pol_error(c, line, "role \"%s\": group \"%s\" does not stand in gids", role->name,
			    role->groups.s[i]);
	}
}

void ztj_pol_check_gids(struct ztj_pol *c)
{
	for (size_t i = 0; i < c->p->ngids; i++)
		check_gid(c, i);
	for (size_t i = 0; i < c->p->nroles; i++)
		check_role_groups(c, &c->p->roles[i], c->priv->role_line[i]);
}
