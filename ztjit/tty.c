/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Talking with the person. */
#include "ztjit/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "ztjit/out.h"

bool tty_interactive(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

void tty_size(unsigned *cols, unsigned *rows)
{
	struct winsize ws = { 0 };

	*cols = 80;
	*rows = 24;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) != 0 || ws.ws_col == 0 || ws.ws_row == 0)
		return;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
}

/* Byte by byte, so that nothing typed ahead is swallowed. */
static int read_line(int fd, char *out, size_t size)
{
	size_t n = 0;
	bool over = false;
	char ch;

	for (;;) {
		ssize_t got = read(fd, &ch, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ZTJ_ABORTED;
		if (ch == '\n' || ch == '\r')
			break;
		if (n + 1 < size)
			out[n++] = ch;
		else
			over = true;
	}
	out[n] = '\0';
	return over ? ZTJ_TOO_LARGE : ZTJ_OK;
}

int tty_line(struct cli *c, const char *prompt, char *out, size_t size)
{
	(void)c;
	(void)fflush(stdout);
	out_safe(stderr, prompt);
	(void)fflush(stderr);
	return read_line(STDIN_FILENO, out, size);
}

int tty_confirm(struct cli *c, const char *prompt)
{
	char answer[16], *question;

	if (cli_is_set(c, OPT_YES))
		return ZTJ_OK;
	if (!tty_interactive()) {
		cli_hint(c, "the same command with --yes");
		return cli_fail(c, ZTJ_ABORTED, "nobody can be asked here (no terminal); nothing was signed");
	}
	if ((question = cli_printf(c, "%s [y/N] ", prompt)) == NULL)
		return ZTJ_NOMEM;
	if (tty_line(c, question, answer, sizeof answer) == ZTJ_OK &&
	    (strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0))
		return ZTJ_OK;
	return cli_fail(c, ZTJ_ABORTED, "%s", ztj_err_text(ZTJ_ABORTED));
}

/* The line appears before the wait and goes after it. */
static void show_touch(bool waiting, void *arg)
{
	const struct cli *c = arg;
	bool live = isatty(STDERR_FILENO) != 0;

	if (waiting) {
		(void)fflush(stdout);
		(void)fputs(c->colour ? "\033[1mTouch your security key…\033[0m" : "Touch your security key…",
		    stderr);
		if (!live)
			(void)fputc('\n', stderr);
		(void)fflush(stderr);
	} else if (live) {
		(void)fputs("\r\033[K", stderr);
		(void)fflush(stderr);
	}
}

static int read_secret(int fd, char *pin, size_t size)
{
	struct termios before, quiet;
	int r;

	if (tcgetattr(fd, &before) != 0)
		return ZTJ_PIN_REQUIRED;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	quiet.c_iflag |= ICRNL;
	if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0)
		return ZTJ_PIN_REQUIRED;
	r = read_line(fd, pin, size);
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	(void)!write(fd, "\r\n", 2);
	return r;
}

/* ssh-askpass(1): the prompt as its argument, the PIN on its standard output. */
static int askpass(const char *program, const char *prompt, char *pin, size_t size)
{
	posix_spawn_file_actions_t fa;
	union {
		const char *c;
		char *p;
	} a0 = { .c = program }, a1 = { .c = prompt };
	char *argv[] = { a0.p, a1.p, NULL };
	int p[2], status = 0, r;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) != 0)
		return ZTJ_SYSTEM;
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, p[1], STDOUT_FILENO);
	r = posix_spawn(&pid, program, &fa, NULL, argv, environ) == 0 ? ZTJ_OK : ZTJ_PIN_REQUIRED;
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(p[1]);
	if (r == ZTJ_OK) {
		r = read_line(p[0], pin, size);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = ZTJ_ABORTED;
	}
	(void)close(p[0]);
	return r;
}

int tty_pin(struct cli *c, int fd, const struct ztj_pin_ask *ask, char *pin, size_t size)
{
	const char *program = getenv("SSH_ASKPASS"), *force = getenv("SSH_ASKPASS_REQUIRE");
	const char *left = ask->retries > 0 ? cli_printf(c, " (%d attempts left)", ask->retries) : "";
	const char *prompt = cli_printf(c, "%sPIN of the security key%s: ", ask->wrong ? "Wrong. " : "",
	    left);
	bool forced = force != NULL && strcmp(force, "force") == 0;
	bool have_tty = fd >= 0 && isatty(fd);

	if (prompt == NULL)
		return ZTJ_NOMEM;
	if (program != NULL && program[0] == '/' && (forced || !have_tty)) {
		/* a program that gives the same answer again would block the key */
		return ask->wrong ? ZTJ_PIN_WRONG : askpass(program, prompt, pin, size);
	}
	if (!have_tty)
		return ask->wrong ? ZTJ_PIN_WRONG : ZTJ_PIN_REQUIRED;
	(void)!write(fd, prompt, strlen(prompt));
	return read_secret(fd, pin, size);
}

static int ask_pin(const struct ztj_pin_ask *ask, char *pin, size_t size, void *arg)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r = tty_pin(arg, fd, ask, pin, size);

	if (fd >= 0)
		(void)close(fd);
	return r;
}

struct ztj_fido_ui tty_fido_ui(struct cli *c)
{
	return (struct ztj_fido_ui){ .touch = show_touch, .pin = ask_pin, .arg = c };
}
