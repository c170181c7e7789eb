/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the step-up agent shows: on the terminal of the ssh that forwarded the
 * question, which is in raw mode then.  No terminal, no signature (P7).
 */
#include "ztjit/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ztjit/certs.h"
#include "ztjit/screen.h"
#include "ztjit/stepup.h"
#include "ztjit/tty.h"

struct asker {
	struct cli *c;
	int tty;
	pid_t stop; /* ssh to be stopped while a PIN is typed; 0: do not */
};

/* Device number of a process's controlling terminal, from /proc/PID/stat (field 7). */
static bool terminal_of(pid_t pid, dev_t *out)
{
	char path[64], text[1024], *p;
	int fd, fields = 0;
	int64_t nr;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* the name may hold anything; the fields begin after its last parenthesis */
	if ((p = strrchr(text, ')')) == NULL)
		return false;
	for (p++; *p != '\0' && fields < 5; p++)
		fields += *p == ' ';
	p[strcspn(p, " ")] = '\0';
	if (ztj_parse_int(p, 1, INT32_MAX, &nr) != ZTJ_OK)
		return false;
	*out = makedev((unsigned)(nr >> 8) & 0xfff, ((unsigned)nr & 0xff) | (((unsigned)nr >> 12) & 0xfff00));
	return true;
}

static int open_terminal(pid_t peer)
{
	char path[64];
	struct stat st;
	dev_t dev;
	int fd;

	if (!terminal_of(peer, &dev))
		return -1;
	/* pseudo-terminals have majors 136 to 143; a console is /dev/tty */
	if (major(dev) >= 136 && major(dev) <= 143)
		(void)snprintf(path, sizeof path, "/dev/pts/%u",
		    (major(dev) - 136) * 256 * 4096 + minor(dev));
	else
		(void)snprintf(path, sizeof path, "/dev/tty%u", minor(dev));
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_rdev != dev || st.st_uid != getuid() || !isatty(fd))) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* A terminal that takes nothing for seconds shows nothing. */
static int put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		struct pollfd pf = { .fd = fd, .events = POLLOUT };

		if (w < 0 && errno == EAGAIN && poll(&pf, 1, 5000) > 0)
			continue;
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return ZTJ_DISPLAY_CUT;
		p += w;
		n -= (size_t)w;
	}
	return ZTJ_OK;
}

/* Lines end in CR LF: the terminal is raw. */
static int put_lines(int fd, const char *text)
{
	const char *nl;
	int r = ZTJ_OK;

	for (; r == ZTJ_OK && (nl = strchr(text, '\n')) != NULL; text = nl + 1)
		if ((r = put(fd, text, (size_t)(nl - text))) == ZTJ_OK)
			r = put(fd, "\r\n", 2);
	return r == ZTJ_OK ? put(fd, text, strlen(text)) : r;
}

static int show(int fd, const struct ztj_stmt *st)
{
	struct winsize ws = { .ws_col = 0 };
	struct ztj_buf text, wrapped;
	unsigned lines = 0;
	const char *s = "";
	int r;

	if (ioctl(fd, TIOCGWINSZ, &ws) != 0 || ws.ws_col == 0)
		ws = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	ztj_buf_init(&text, 256 * 1024);
	ztj_buf_init(&wrapped, 512 * 1024);
	(void)ztj_buf_puts(&wrapped, "\nztjit: a touch is asked for\n");
	r = ztj_stmt_render(st, cli_now(), &text);
	if (r == ZTJ_OK)
		r = screen_wrap(ztj_buf_view(&text), ws.ws_col - 1u, &wrapped);
	if (r == ZTJ_OK && (s = ztj_buf_str(&wrapped)) == NULL)
		r = ZTJ_NOMEM;
	for (const char *p = s; r == ZTJ_OK && *p != '\0'; p++)
		lines += *p == '\n';
	/* nobody can turn pages in the middle of a session: it fits, or nothing is signed */
	if (r == ZTJ_OK && lines + 1 > ws.ws_row)
		r = ZTJ_DISPLAY_CUT;
	if (r == ZTJ_OK)
		r = put_lines(fd, s);
	ztj_buf_free(&text);
	ztj_buf_free(&wrapped);
	if (r == ZTJ_DISPLAY_CUT)
		(void)put_lines(fd,
		    "\nztjit: this terminal is too small to show what would be signed; nothing was signed\n");
	return r;
}

static void touch(bool waiting, void *arg)
{
	const struct asker *a = arg;
	static const char line[] = "Touch your security key…", gone[] = "\r\033[K";

	(void)put(a->tty, waiting ? line : gone, waiting ? sizeof line - 1 : sizeof gone - 1);
}

static int pin(const struct ztj_pin_ask *ask, char *out, size_t size, void *arg)
{
	const struct asker *a = arg;
	const char *askpass = getenv("SSH_ASKPASS");
	int r, flags;

	if (a->stop == 0)
		return askpass != NULL ? tty_pin(a->c, -1, ask, out, size) : ZTJ_PIN_REQUIRED;
	/* two readers on one terminal would share the PIN between them */
	if (kill(a->stop, SIGSTOP) != 0)
		return ZTJ_PIN_REQUIRED;
	flags = fcntl(a->tty, F_GETFL);
	(void)fcntl(a->tty, F_SETFL, flags & ~O_NONBLOCK);
	r = tty_pin(a->c, a->tty, ask, out, size);
	(void)kill(a->stop, SIGCONT);
	return r;
}

int agent_sign(struct agent *a, const struct agent_conn *conn, struct ztj_view bytes,
    const struct ztj_stmt *st, struct ztj_buf *sig)
{
	struct asker who = { .c = a->c,
		.tty = open_terminal(conn->peer),
		.stop = a->stop_peer ? conn->peer : 0 };
	struct ztj_fido f = key_fido(a->c);
	struct ztj_fido_sign ask = {
		.key = &a->key->pub,
		.keyfile = a->key->has_file ? &a->key->file : NULL,
		.ns = ztj_stmt_namespace(ZTJ_STMT_STEPUP),
		.msg = bytes,
		.uv = cert_grant_uv(a->c, st->u.stepup.grant) ||
		    (a->key->has_file && (a->key->file.sk_flags & ZTJ_SK_FLAG_UV) != 0),
	};
	int r;

	if (who.tty < 0)
		return ZTJ_DISPLAY_CUT;
	f.ui = (struct ztj_fido_ui){ .touch = touch, .pin = pin, .arg = &who };
	if ((r = show(who.tty, st)) == ZTJ_OK && (r = ztj_fido_sign(&f, &ask, sig, NULL)) != ZTJ_OK) {
		(void)put_lines(who.tty, "ztjit: ");
		(void)put_lines(who.tty, ztj_err_text(r));
		(void)put_lines(who.tty, "; nothing was signed\n");
	}
	(void)close(who.tty);
	return r;
}
