/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* policy_roots and the pin people compare. */
#include <stdio.h>
#include <string.h>

#include "tests/core/fixture.h"

static struct fx_world w;
static char key_text[3][ZTJ_KEY_TEXT_SIZE], ecdsa_text[ZTJ_KEY_TEXT_SIZE];

static int setup(void **state)
{
	struct soft_key k;

	(void)state;
	fx_init(&w);
	for (int i = 0; i < 3; i++)
		ok(ztj_key_to_text(&w.root[i].pub, key_text[i]));
	fx_key(&k, ZTJ_KEY_ECDSA, 50);
	ok(ztj_key_to_text(&k.pub, ecdsa_text));
	soft_key_free(&k);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fx_free(&w);
	return 0;
}

#define HEX "00000000000000000000000000000000000000000000000000000000000000aa"

/* $0 … $2 stand for the roots, $3 for a key of a type that no root may have. */
static int parse(const char *pattern, struct ztj_pins *p, unsigned *line)
{
	struct ztj_buf b;
	int r;

	ztj_buf_init(&b, 65536);
	for (const char *c = pattern; *c != '\0'; c++) {
		if (*c != '$') {
			ok(ztj_buf_put(&b, c, 1));
			continue;
		}
		c++;
		ok(ztj_buf_puts(&b, *c == '3' ? ecdsa_text : key_text[*c - '0']));
	}
	r = ztj_pins_parse(ztj_buf_view(&b), p, line);
	ztj_buf_free(&b);
	return r;
}

static void test_F02_policy_roots(void **state)
{
	static const struct {
		const char *text;
		int want;
		unsigned line;
	} cases[] = {
		{ "domain example\nthreshold 1\nroot $0\n", ZTJ_OK, 0 },
		{ "# roots\n\ndomain example\nthreshold 2\nfloor 3 " HEX
		  "\nroot $0 first admin\nroot $1\nroot $2",
		    ZTJ_OK, 0 },
		{ "", ZTJ_CONFIG, 0 },
		{ "domain example\nthreshold 1\n", ZTJ_CONFIG, 2 },
		{ "threshold 1\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\nthreshold 2\nroot $0\n", ZTJ_CONFIG, 3 },
		{ "domain example\nthreshold 0\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\nthreshold -1\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\nthreshold 01\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\nthreshold 1x\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\ndomain example\nthreshold 1\nroot $0\n", ZTJ_CONFIG, 2 },
		{ "domain example\nthreshold 1\nthreshold 1\nroot $0\n", ZTJ_CONFIG, 3 },
		{ "domain Example\nthreshold 1\nroot $0\n", ZTJ_CONFIG, 1 },
		{ "domain example \nthreshold 1\nroot $0\n", ZTJ_CONFIG, 1 },
		{ " domain example\nthreshold 1\nroot $0\n", ZTJ_CONFIG, 1 },
		{ "domain example\r\nthreshold 1\nroot $0\n", ZTJ_CONFIG, 1 },
		{ "domain\texample\nthreshold 1\nroot $0\n", ZTJ_CONFIG, 1 },
		{ "domain example\nthreshold 1\nroot $0\nroot $0\n", ZTJ_CONFIG, 4 },
		{ "domain example\nthreshold 1\nroot $0 a\nroot $0 b\n", ZTJ_CONFIG, 4 },
		{ "domain example\nthreshold 1\nroot cert-authority $0\n", ZTJ_CONFIG, 3 },
		{ "domain example\nthreshold 1\nroot *@example $0\n", ZTJ_CONFIG, 3 },
		{ "domain example\nthreshold 1\nroot $3\n", ZTJ_CONFIG, 3 },
		{ "domain example\nthreshold 1\nroot\n", ZTJ_CONFIG, 3 },
		{ "domain example\nthreshold 1\nroots $0\n", ZTJ_CONFIG, 3 },
		{ "domain example\nthreshold 1\nroot $0\nfloor 0 " HEX "\n", ZTJ_CONFIG, 4 },
		{ "domain example\nthreshold 1\nroot $0\nfloor 1 aa\n", ZTJ_CONFIG, 4 },
		{ "domain example\nthreshold 1\nroot $0\nfloor 1 " HEX " x\n", ZTJ_CONFIG, 4 },
		{ "domain example\nthreshold 1\nroot $0\nfloor 1 " HEX "\nfloor 1 " HEX "\n", ZTJ_CONFIG, 5 },
	};
	struct ztj_pins p;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fails(parse(cases[i].text, &p, &line), cases[i].want);
		assert_int_equal(line, cases[i].line);
		assert_true((p.nroots == 0) == (cases[i].want != ZTJ_OK));
	}
	fails(ztj_pins_parse(ztj_view_of("domain example\0\n", 16), &p, &line), ZTJ_CONFIG);
}

static void test_format_and_parse_are_a_fixed_point(void **state)
{
	struct ztj_pins p = w.pins, q;
	struct ztj_buf a, b;
	unsigned line;

	(void)state;
	p.has_floor = true;
	p.floor_version = 7;
	memset(p.floor, 0x5a, sizeof(p.floor));
	ztj_buf_init(&a, 65536);
	ztj_buf_init(&b, 65536);
	ok(ztj_pins_format(&p, &a));
	ok(ztj_pins_parse(ztj_buf_view(&a), &q, &line));
	ok(ztj_pins_format(&q, &b));
	assert_true(ztj_view_eq(ztj_buf_view(&a), ztj_buf_view(&b)));
	/* cut anywhere it may still be a file with fewer lines, never one with more power */
	for (size_t n = 0; n < a.n; n++)
		if (ztj_pins_parse(ztj_view_of(a.p, n), &q, &line) == ZTJ_OK)
			assert_true(q.threshold == p.threshold && q.nroots <= p.nroots && q.has_floor);
	ztj_buf_free(&a);
	ztj_buf_free(&b);
}

static void test_S18_pin(void **state)
{
	struct ztj_pins p = w.pins;
	char pin[ZTJ_PIN_SIZE], other[ZTJ_PIN_SIZE], typed[2 * ZTJ_PIN_SIZE];
	struct ztj_key first = p.root[0];

	(void)state;
	ok(ztj_pins_digest(&p, pin));
	assert_int_equal(strlen(pin), 66);
	assert_memory_equal(pin, "ZTJ-", 4);
	ok(ztj_pins_check(&p, pin));
	/* the order of the roots says nothing; domain, threshold, every root and the floor's absence do */
	p.root[0] = p.root[2];
	p.root[2] = first;
	ok(ztj_pins_digest(&p, other));
	assert_string_equal(pin, other);
	p.has_floor = true;
	ok(ztj_pins_check(&p, pin));
	p.threshold = 1;
	fails(ztj_pins_check(&p, pin), ZTJ_PIN_MISMATCH);
	p = w.pins;
	p.nroots = 2;
	fails(ztj_pins_check(&p, pin), ZTJ_PIN_MISMATCH);
	p = w.pins;
	p.root[1] = w.stranger.pub;
	fails(ztj_pins_check(&p, pin), ZTJ_PIN_MISMATCH);
	p = w.pins;
	memcpy(p.domain, "exampl", 7);
	fails(ztj_pins_check(&p, pin), ZTJ_PIN_MISMATCH);
	p = w.pins;
	/* as people type it */
	for (size_t i = 0; i <= strlen(pin); i++)
		typed[i] = pin[i] >= 'A' && pin[i] <= 'Z' ? (char)(pin[i] - 'A' + 'a')
		    : pin[i] == '0'                       ? 'o'
		    : pin[i] == '1'                       ? 'l'
							  : pin[i];
	ok(ztj_pins_check(&p, typed));
	memcpy(typed, pin, sizeof(pin));
	typed[4 + 29] = '\0'; /* 25 characters in five groups */
	ok(ztj_pins_check(&p, typed));
	typed[4 + 28] = '\0';
	fails(ztj_pins_check(&p, typed), ZTJ_PIN_MISMATCH);
	fails(ztj_pins_check(&p, ""), ZTJ_PIN_MISMATCH);
	fails(ztj_pins_check(&p, "ZTJ-"), ZTJ_PIN_MISMATCH);
	fails(ztj_pins_check(&p, pin + 4), ZTJ_PIN_MISMATCH);
	(void)snprintf(typed, sizeof(typed), "%s0", pin);
	fails(ztj_pins_check(&p, typed), ZTJ_PIN_MISMATCH);
	for (size_t i = 4; i < strlen(pin); i++) {
		if (pin[i] == '-')
			continue;
		memcpy(typed, pin, sizeof(pin));
		typed[i] = pin[i] == 'A' ? 'B' : 'A';
		fails(ztj_pins_check(&p, typed), ZTJ_PIN_MISMATCH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_F02_policy_roots),
		cmocka_unit_test(test_format_and_parse_are_a_fixed_point),
		cmocka_unit_test(test_S18_pin),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
