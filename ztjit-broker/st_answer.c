/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* Answers of the store. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ztjit-broker/audit.h"
#include "ztjit-broker/httpstatus.h"

int64_t st_now(void)
{
	return (int64_t)time(NULL);
}

void st_answer_text(struct store *st, uint32_t tag, unsigned status, struct ztj_view body)
{
	struct reply r = { .tag = tag, .status = status, .body = body };
	struct ztj_buf msg;
	ztj_buf_init(&msg, PROTO_BODY_MAX);
	if (reply_write(&r, &msg) == ZTJ_OK)
		st_send(st, st->frontend, MSG_REPLY, ztj_buf_view(&msg));
	else
		st_refuse(st, tag, ZTJ_NOMEM, NULL, NULL);
	ztj_buf_free(&msg);
}

void st_answer(struct store *st, uint32_t tag, unsigned status, json_t *body)
{
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (text == NULL) {
		st_refuse(st, tag, ZTJ_NOMEM, NULL, NULL);
		return;
	}
	st_answer_text(st, tag, status, ztj_view_str(text));
	free(text);
}

static void refuse(struct store *st, uint32_t tag, unsigned status, int err, const char *text,
    const char *detail)
{
	static const char out_of_memory[] =
	    "{\"error\":\"out-of-memory\",\"text\":\"out of memory\",\"detail\":\"\"}";
	json_t *body = json_pack("{s:s, s:s, s:s}", "error", ztj_err_name(err), "text",
	    text != NULL ? text : ztj_err_text(err), "detail", detail != NULL ? detail : "");
	char *dump = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	struct reply r = { .tag = tag, .status = status };
	struct ztj_buf msg;
	r.body = ztj_view_str(dump != NULL ? dump : out_of_memory);
	ztj_buf_init(&msg, (size_t)64 * 1024);
	if (reply_write(&r, &msg) == ZTJ_OK)
		st_send(st, st->frontend, MSG_REPLY, ztj_buf_view(&msg));
	ztj_buf_free(&msg);
	free(dump);
	json_decref(body);
}

/* The one place that every no comes through: whoever forgets to say so in the log is said here. */
static void say(struct store *st, uint32_t tag, int err, const char *text)
{
	if (st->asked.ask != NULL && st->asked.ask->tag == tag && !st->asked.said)
		say_refused(st, st->asked.ask, st->asked.caller, err, text);
}

void st_refuse(struct store *st, uint32_t tag, int err, const char *text, const char *detail)
{
	if (err == ZTJ_OK)
		err = ZTJ_INTERNAL;
	say(st, tag, err, text != NULL ? text : detail);
	refuse(st, tag, http_status(err), err, text, detail);
}

void st_refuse_unknown(struct store *st, uint32_t tag)
{
	say(st, tag, ZTJ_FORBIDDEN, NULL);
	refuse(st, tag, 401, ZTJ_FORBIDDEN, "not logged in", "log in with: ztjit login");
}
