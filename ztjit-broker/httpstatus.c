/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include "ztjit-broker/httpstatus.h"

#include <stdbool.h>
#include <stddef.h>

#include "libztjit/core/err.h"

static unsigned status_of_outage(int err)
{
	return err == ZTJ_INTERNAL || err == ZTJ_CRYPTO_LIB ? 500 : 503;
}

/* By number: everything not named here is a "no" about rights (403) or about form (400). */
static const struct {
	int err;
	unsigned status;
} special[] = {
	{ ZTJ_NOT_FOUND, 404 },
	{ ZTJ_DIR_UNKNOWN, 404 },
	{ ZTJ_WRONG_REQUEST, 404 },
	{ ZTJ_AMBIGUOUS, 409 },
	{ ZTJ_EXISTS, 409 },
	{ ZTJ_STATE, 409 },
	{ ZTJ_ID_CLASH, 409 },
	{ ZTJ_REPLAY, 409 },
	{ ZTJ_STEPUP_GONE, 409 },
	{ ZTJ_POLICY_FORK, 409 },
	{ ZTJ_POLICY_ROLLBACK, 409 },
	{ ZTJ_DIR_FORK, 409 },
	{ ZTJ_DIR_ROLLBACK, 409 },
	{ ZTJ_DIR_ANCESTRY, 409 },
	{ ZTJ_TOO_LARGE, 413 },
	{ ZTJ_RATE_LIMITED, 429 },
	{ ZTJ_LIMIT, 429 },
	{ ZTJ_TIMEOUT, 503 },
};

unsigned http_status(int err)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (special[i].err == err)
			return special[i].status;
	if (ztj_err_class(err) == ZTJ_CLASS_OUTAGE)
		return status_of_outage(err);
	/* The block of encodings (err.h): malformed; but a signature that does not fit is about rights. */
	bool form = err <= ZTJ_TRUNCATED && err >= ZTJ_ENCRYPTED_KEY;
	bool proof = err <= ZTJ_BAD_SIGNATURE && err >= ZTJ_APPLICATION;
	return (form && !proof && err != ZTJ_DOMAIN) || ztj_err_class(err) == ZTJ_CLASS_USAGE ? 400 : 403;
}
