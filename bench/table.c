/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * bench_table [--json] [KEY=VALUE...]: the lines of report.c on standard input become one table, or one JSON object. The
 * pairs say where it was measured and stand above it.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench/report.h"

#define LINE_SIZE 4096

static json_t *read_rows(void)
{
	char line[LINE_SIZE];
	json_t *rows = json_array();

	while (fgets(line, sizeof(line), stdin) != NULL) {
		json_t *o = json_loads(line, 0, NULL);

		if (o == NULL || json_array_append_new(rows, o) != 0)
			bench_fail("not a result: %s", line);
	}
	return rows;
}

static json_t *read_where(char **pairs)
{
	json_t *o = json_object();

	for (; *pairs != NULL; pairs++) {
		char *value = strchr(*pairs, '=');

		if (value == NULL)
			bench_fail("not KEY=VALUE: %s", *pairs);
		*value = '\0';
		if (json_object_set_new(o, *pairs, json_string(value + 1)) != 0)
			bench_fail("not text: %s", value + 1);
	}
	return o;
}

static double number(const json_t *o, const char *column, const char *member)
{
	return json_number_value(json_object_get(json_object_get(o, column), member));
}

static const char *text(const json_t *o, const char *member)
{
	const char *s = json_string_value(json_object_get(o, member));

	return s == NULL ? "" : s;
}

static void print_goal(const json_t *g)
{
	const json_t *most = json_object_get(g, "at_most"), *least = json_object_get(g, "at_least");

	if (!json_is_object(g))
		return;
	(void)printf(" %5s %s %-7.6g %s", text(g, "of"),
	    most != NULL ? "<=" : ">=", json_number_value(most != NULL ? most : least),
	    json_is_true(json_object_get(g, "reached")) ? "reached" : "MISSED");
}

static void print_row(const json_t *o)
{
	(void)printf("%-22s %5lld %-4s %10.2f %10.2f", text(o, "row"),
	    (long long)json_integer_value(json_object_get(o, "samples")), text(o, "unit"),
	    number(o, "ours", "p50"), number(o, "ours", "p99"));
	if (json_object_get(o, "peer") != NULL)
		(void)printf(" %10.2f %10.2f %6.3f %6.3f-%-7.3f", number(o, "peer", "p50"),
		    number(o, "peer", "p99"), number(o, "ratio", "median"), number(o, "ratio", "low"),
		    number(o, "ratio", "high"));
	else
		(void)printf(" %10s %10s %6s %14s", "-", "-", "-", "");
	print_goal(json_object_get(o, "goal"));
	(void)putchar('\n');
}

static void print_table(json_t *rows, json_t *where)
{
	const char *key;
	const json_t *v;
	size_t i;

	json_object_foreach(where, key, v)(void) printf("%-10s %s\n", key, json_string_value(v));
	(void)printf("\n%-22s %5s %-4s %10s %10s %10s %10s %6s %-14s %s\n", "row", "n", "unit", "p50", "p99",
	    "peer p50", "peer p99", "ratio", "95 %", "  goal");
	json_array_foreach(rows, i, v) print_row(v);
	(void)putchar('\n');
	json_array_foreach(rows, i, v)
	{
		(void)printf("%-22s %s", text(v, "row"), text(v, "what"));
		if (json_object_get(v, "peer") != NULL)
			(void)printf("; peer: %s", text(json_object_get(v, "peer"), "name"));
		(void)putchar('\n');
	}
}

int main(int argc, char **argv)
{
	int json = argc > 1 && strcmp(argv[1], "--json") == 0;
	json_t *rows = read_rows(), *where = read_where(argv + 1 + json);

	if (json) {
		json_t *o = json_pack("{s:O, s:O}", "where", where, "rows", rows);

		if (o == NULL || json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
			bench_fail("cannot print");
		(void)putchar('\n');
		json_decref(o);
	} else {
		print_table(rows, where);
	}
	json_decref(rows);
	json_decref(where);
	return 0;
}
