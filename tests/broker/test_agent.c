/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The CA in a real ssh-agent: Ed25519 and ECDSA, the agent gone and back, an agent with other keys. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/broker/bk.h"
#include "tests/core/support.h"

struct keeper {
	struct bk b;
	char dir[64], socket[96], pub[96];
	pid_t pid;
};

/* The socket stands a moment before anybody listens there. */
static bool listens(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s >= 0);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	bool yes = connect(s, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
	(void)close(s);
	return yes;
}

/* The agent believes its own user and root alone: started by root, it becomes who the signer becomes. */
static void agent_start(struct keeper *k, const char *key)
{
	char cmd[512];
	k->pid = fork();
	assert_true(k->pid >= 0);
	if (k->pid == 0) {
		if (getuid() == 0)
			(void)execlp("setpriv", "setpriv", "--reuid=nobody", "--regid=nogroup",
			    "--clear-groups", "ssh-agent", "-D", "-a", k->socket, (char *)NULL);
		else
			(void)execlp("ssh-agent", "ssh-agent", "-D", "-a", k->socket, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 300 && !listens(k->socket); i++)
		(void)usleep(10000);
	(void)snprintf(cmd, sizeof(cmd), "SSH_AUTH_SOCK=%s ssh-add -q %s/%s", k->socket, k->dir, key);
	assert_int_equal(shell(cmd), 0);
}

static void agent_stop(struct keeper *k)
{
	assert_int_equal(kill(k->pid, SIGTERM), 0);
	assert_int_equal(waitpid(k->pid, NULL, 0), k->pid);
	(void)unlink(k->socket);
}

static void keeper_start(struct keeper *k, const char *type)
{
	char cmd[512];
	memset(k, 0, sizeof(*k));
	(void)snprintf(k->dir, sizeof(k->dir), "/tmp/ztjit-agent.XXXXXX");
	assert_non_null(mkdtemp(k->dir));
	(void)snprintf(k->socket, sizeof(k->socket), "%s/sock", k->dir);
	(void)snprintf(k->pub, sizeof(k->pub), "%s/ca.pub", k->dir);
	(void)snprintf(cmd, sizeof(cmd),
	    "ssh-keygen -q -t %s -N '' -C ca -f %s/ca && ssh-keygen -q -t ed25519 -N '' -f %s/other && "
	    "if [ $(id -u) = 0 ]; then chown nobody %s; fi",
	    type, k->dir, k->dir, k->dir);
	assert_int_equal(shell(cmd), 0);
	agent_start(k, "other");
	(void)snprintf(cmd, sizeof(cmd), "SSH_AUTH_SOCK=%s ssh-add -q %s/ca", k->socket, k->dir);
	assert_int_equal(shell(cmd), 0);
	k->b.agent[0] = k->socket;
	k->b.agent[1] = k->pub;
	bk_start_with(&k->b, "rate_identity = 1000;\nrate_statements = 10000;\nrate_anonymous = 10000;\n");
	bk_arm(&k->b);
	bk_login(&k->b, FX_REQ1);
	bk_login(&k->b, FX_LEAD1);
}

static void keeper_end(struct keeper *k)
{
	char cmd[128];
	agent_stop(k);
	bk_end(&k->b);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf %s", k->dir);
	assert_int_equal(shell(cmd), 0);
}

/* A certificate that OpenSSH itself reads, signed by that CA. */
static void certified(struct keeper *k, const uint8_t id[ZTJ_DIGEST_LEN], const char *signed_with)
{
	struct bk *b = &k->b;
	char path[128], cmd[256];
	(void)bk_certificate(b, FX_REQ1, id, &b->w.person[FX_REQ1].key);
	bk_expect(b, 200, "");
	(void)snprintf(path, sizeof(path), "%s/cert.pub", k->dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(bk_text(b, "certificate"), f);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(cmd, sizeof(cmd), "ssh-keygen -L -f %s | grep -q 'Signing CA: %s '", path,
	    signed_with);
	assert_int_equal(shell(cmd), 0);
}

static void agent_goes_and_comes(const char *type, const char *signed_with)
{
	static struct keeper k;
	struct fx_signed req;
	if (!have_tool("ssh-agent") || (getuid() == 0 && !have_tool("setpriv"))) {
		print_message("ssh-agent is not installed\n");
		skip();
	}
	keeper_start(&k, type);
	struct bk *b = &k.b;
	bk_granted(b, &req);
	certified(&k, req.id, signed_with);
	certified(&k, req.id, signed_with);
	/* gone: no certificate, an outage and not a denial; everything else goes on */
	agent_stop(&k);
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	assert_int_equal(b->status, 503);
	(void)bk_get(b, &b->login[FX_REQ1], "/v1/requests");
	bk_expect(b, 200, "");
	/* back, but with another key only: it signs nothing for us */
	agent_start(&k, "other");
	(void)bk_certificate(b, FX_REQ1, req.id, &b->w.person[FX_REQ1].key);
	assert_true(b->status == 503 || b->status == 500);
	agent_stop(&k);
	agent_start(&k, "ca");
	certified(&k, req.id, signed_with);
	fx_signed_free(&req);
	keeper_end(&k);
}

static void test_agent_ed25519(void **state)
{
	(void)state;
	agent_goes_and_comes("ed25519", "ED25519");
}

static void test_agent_ecdsa(void **state)
{
	(void)state;
	agent_goes_and_comes("ecdsa -b 256", "ECDSA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agent_ed25519),
		cmocka_unit_test(test_agent_ecdsa),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
