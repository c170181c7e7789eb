/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * play SOCKET PART: a daemon for one connection of ztjit-principals.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/pam/fake.h"

static void line(int sock, uint32_t code, const char *text)
{
	struct ztj_ipc_in in;
	struct ztj_buf b;

	part_read(sock, &in, false);
	ztj_buf_init(&b, ZTJ_IPC_MAX);
	if (in.type != 16 || ztj_ipc_begin(&b, 144) != ZTJ_OK)
		_exit(1);
	(void)ztj_buf_put_u32(&b, code);
	(void)ztj_buf_put_cstring(&b, text);
	(void)ztj_buf_put_cstring(&b, "");
	if (ztj_ipc_finish(&b) != ZTJ_OK ||
	    ztj_ipc_send(sock, ztj_buf_view(&b), -1, ztj_ipc_now_ms() + 5000) != ZTJ_OK)
		_exit(1);
	ztj_buf_free(&b);
	ztj_ipc_in_free(&in);
}

static void play(int sock, const char *part)
{
	static const char good[] = "restrict,pty ztjit-grant-00\n";

	if (strcmp(part, "line") == 0)
		line(sock, 0, good);
	else if (strcmp(part, "denied") == 0)
		line(sock, 121, "");
	else if (strcmp(part, "both") == 0)
		line(sock, 121, good);
	else if (strcmp(part, "two") == 0)
		line(sock, 0, "restrict ztjit-grant-00\nroot\n");
	else if (strcmp(part, "bare") == 0)
		line(sock, 0, "restrict ztjit-grant-00");
	else if (strcmp(part, "esc") == 0)
		line(sock, 0, "restrict \033ztjit-grant-00\n");
	else if (strcmp(part, "garbage") == 0)
		(void)!write(sock, "\377\377\377\377\1\220", 6);
	else if (strcmp(part, "hang") == 0)
		(void)sleep(30);
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	char tmp[100];

	if (argc != 3 || strlen(argv[1]) > 90)
		return 2;
	/* Renamed into place once it listens, so that whoever sees it can connect. */
	(void)snprintf(tmp, sizeof(tmp), "%s.tmp", argv[1]);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", tmp);
	if (bind(s, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(s, 1) != 0 ||
	    rename(tmp, argv[1]) != 0)
		return 1;
	c = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	if (c < 0)
		return 1;
	play(c, argv[2]);
	return 0;
}
