/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The error table as functions. libc only. */
#include <stddef.h>
#include <string.h>

#include "libztjit/core/err.h"

struct entry {
	int value;
	enum ztj_err_class class;
	const char *name, *text;
};

static const struct entry table[] = {
#define ZTJ_ERR_ENTRY(sym, val, cls, name, text) { (val), ZTJ_CLASS_##cls, (name), (text) },
	ZTJ_ERR_TABLE(ZTJ_ERR_ENTRY)
#undef ZTJ_ERR_ENTRY
};

static const struct entry *find(int err)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].value == err)
			return &table[i];
	return NULL;
}

const char *ztj_err_name(int err)
{
	const struct entry *e = find(err);

	return e != NULL ? e->name : "unknown-error";
}

const char *ztj_err_text(int err)
{
	const struct entry *e = find(err);

	return e != NULL ? e->text : "an error that this version does not know; access is denied to be safe";
}

enum ztj_err_class ztj_err_class(int err)
{
	const struct entry *e = find(err);

	return e != NULL ? e->class : ZTJ_CLASS_OUTAGE;
}

int ztj_err_exit(int err)
{
	switch (ztj_err_class(err)) {
	case ZTJ_CLASS_OK:
		return 0;
	case ZTJ_CLASS_NO:
		return 1;
	case ZTJ_CLASS_USAGE:
		return 2;
	case ZTJ_CLASS_OUTAGE:
		break;
	}
	return 3;
}

int ztj_err_from_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].value;
	return ZTJ_INTERNAL;
}
