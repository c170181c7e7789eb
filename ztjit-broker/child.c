/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/child.h"

#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libztjit/sys/log.h"

int child_uid(const char *user, uid_t *uid)
{
	gid_t gid;
	*uid = geteuid();
	return *uid != 0 ? ZTJ_OK : ztj_user_lookup(user, uid, &gid);
}

int child_confine(const char *user, enum ztj_sandbox kind, const char *const *read_only,
    const char *const *read_write)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int abi = 0, r = ZTJ_OK;
	if (uid == 0) {
		r = ztj_user_lookup(user, &uid, &gid);
		if (r != ZTJ_OK) {
			ztj_log(ZTJ_LOG_ERROR, "user %s: there is no such user, or it is root", user);
			return r;
		}
		r = ztj_drop_to(uid, gid);
	}
	/* Forgotten at every change of ids, so it is asked for again: the parent dies, we die. */
	if (r == ZTJ_OK && prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL) != 0)
		r = ZTJ_SYSTEM;
	json_object_seed(0); /* reads a device that will be out of reach */
	if (r == ZTJ_OK)
		r = ztj_landlock(read_only, read_write, &abi);
	if (r == ZTJ_OK && abi == 0)
		ztj_log(ZTJ_LOG_WARN, "this kernel has no Landlock");
	if (r == ZTJ_OK)
		r = ztj_seccomp(kind);
	if (r != ZTJ_OK)
		ztj_log(ZTJ_LOG_ERROR, "could not give up privileges: %s", ztj_err_text(r));
	return r;
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	event_base_loopexit(arg, NULL);
}

static void on_orphan(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static int add(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(base, fd, what, fn, base);
	return ev != NULL && event_add(ev, NULL) == 0 ? ZTJ_OK : ZTJ_NOMEM;
}

int child_loop(int control, struct event_base **out)
{
	*out = event_base_new();
	if (*out == NULL)
		return ZTJ_NOMEM;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return ZTJ_SYSTEM;
	int r = add(*out, SIGTERM, EV_SIGNAL | EV_PERSIST, on_stop);
	if (r == ZTJ_OK)
		r = add(*out, SIGINT, EV_SIGNAL | EV_PERSIST, on_stop);
	if (r == ZTJ_OK)
		r = add(*out, control, EV_READ, on_orphan);
	return r;
}

static int forget(const struct event_base *base, const struct event *ev, void *arg)
{
	(void)base;
	struct event **last = arg;
	if ((event_get_callback(ev) == on_stop || event_get_callback(ev) == on_orphan) && *last == NULL)
		*last = (struct event *)(uintptr_t)ev;
	return 0;
}

void child_loop_free(struct event_base *base)
{
	struct event *ev;
	if (base == NULL)
		return;
	do {
		ev = NULL;
		event_base_foreach_event(base, forget, &ev);
		if (ev != NULL)
			event_free(ev);
	} while (ev != NULL);
	event_base_free(base);
}

int child_run(struct event_base *base, int ready)
{
	if (write(ready, "", 1) != 1)
		return ZTJ_UNREACHABLE;
	(void)close(ready);
	if (event_base_dispatch(base) != 0 || !event_base_got_exit(base))
		return ZTJ_UNREACHABLE;
	return ZTJ_OK;
}
