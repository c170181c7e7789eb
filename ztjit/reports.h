/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/* The reports that are made of the audit log alone: what was added up becomes a page. */
#ifndef ZTJIT_REPORTS_H
#define ZTJIT_REPORTS_H

#include "ztjit/page.h"
#include "ztjit/tally.h"

/* Each fills title, cards, sheets and notes; what fails stands in p->err. */
void report_access(struct page *p, struct tally *t);
void report_metrics(struct page *p, struct tally *t);
void report_controls(struct page *p, struct tally *t);

/* The days of the tally as a sheet of at most PAGE_BARS spans without gaps, with a chart. */
void report_days(struct page *p, const struct tally *t);

/* Figures that several reports show. */
int64_t report_recorded(const struct tally *t);
/* Requests of the period that took effect: a certificate was given out, or a host allowed a use. */
int64_t report_effective(const struct tally *t);
int64_t report_denials(const struct tally *t, enum tally_source source);
/* The newest reports of hosts: how many hold numbers, and those added up. */
struct report_left { int64_t hosts, uncounted, old, left, standing, accepted, expired, missed, seen; };
struct report_left report_left(const struct tally *t);

#endif
