/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * A page as one HTML file for a browser or a printer: it loads nothing and runs nothing, and says so to the browser
 * (Content-Security-Policy), so that a text that got past the escaping would still be only text.
 */
#include "ztjit/page_html.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ztjit/out.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<style>\n";

/* Blue and orange of Okabe and Ito, which every kind of eye tells apart; the second one is hatched as well. */
static const char style[] =
    ":root{--ink:#1b1f24;--soft:#59636e;--rule:#d5dae0;--paper:#fff;--panel:#f5f7f9;--a:#0072b2;--b:#e69f00}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a3adb8;--rule:#3a424b;--paper:#14181d;"
    "--panel:#1d232a;--a:#56b4e9;--b:#f0b93a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"Liberation Sans\",Arial,sans-serif}\n"
    "main{max-width:76rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}\n"
    "h2{font-size:1.2rem;margin:2.8rem 0 .4rem;padding-top:.9rem;border-top:1px solid var(--rule)}\n"
    "p{margin:.3rem 0 .8rem;max-width:46rem}\n"
    ".lead{color:var(--soft);font-size:1.05rem}\n.note{color:var(--soft)}\n"
    "dl.from{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:1.2rem 0 0;"
    "padding:.9rem 1.1rem;background:var(--panel);border-left:3px solid var(--a)}\n"
    "dl.from dt{color:var(--soft)}\ndl.from dd{margin:0;overflow-wrap:anywhere;min-width:0}\n"
    ".cards{display:grid;grid-template-columns:repeat(4,1fr);gap:.9rem;margin:1.6rem 0 0;"
    "padding:0;list-style:none}\n"
    ".cards li{border:1px solid var(--rule);padding:.8rem 1rem .75rem;break-inside:avoid}\n"
    ".cards .t{display:block;color:var(--soft);font-size:.86rem}\n"
    ".cards .v{display:block;font-size:1.75rem;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}\n"
    ".cards .n{display:block;color:var(--soft);font-size:.86rem}\n"
    ".scroll{overflow-x:auto;margin:.8rem 0}\n"
    "table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--soft);padding-bottom:.3rem}\n"
    "th,td{text-align:left;vertical-align:top;padding:.38rem .8rem .38rem 0;border-bottom:1px solid var(--rule);"
    "overflow-wrap:break-word;min-width:5.5rem}\n"
    "td.lines,td.text,th.text{min-width:12rem;overflow-wrap:anywhere}\ntable.small{width:auto;min-width:26rem}\n"
    "@media (max-width:56rem){.cards{grid-template-columns:repeat(2,1fr)}}\n"
    "th{font-weight:600;border-bottom:2px solid var(--ink);vertical-align:bottom;overflow-wrap:normal}\n"
    "th.num,td.num{text-align:right;min-width:0}\n"
    "tbody th{font-weight:600;border-bottom:1px solid var(--rule);vertical-align:top}\n"
    ".id{white-space:nowrap}\n.none{color:var(--soft)}\n"
    "ul.lines{margin:0;padding:0;list-style:none}\nul.lines li+li{margin-top:.3rem}\n"
    "figure{margin:1rem 0;break-inside:avoid}\nfigcaption{font-weight:600;margin-bottom:.3rem}\n"
    "svg{display:block;width:100%;max-width:47rem;height:auto}\n"
    "svg text{fill:var(--ink);font-size:12px;font-variant-numeric:tabular-nums}\nsvg .axis{fill:var(--soft)}\n"
    "svg .grid{stroke:var(--rule);stroke-width:1}\nsvg .a{fill:var(--a)}\nsvg .b{fill:var(--b)}\n"
    "svg .hatch{stroke:var(--paper);stroke-width:1.6}\n"
    "svg .line{fill:none;stroke:var(--a);stroke-width:2.5;stroke-linejoin:round}\n"
    "footer{margin-top:3rem;padding-top:1rem;border-top:2px solid var(--ink);color:var(--soft);font-size:.9rem}\n"
    "footer ul{padding-left:1.1rem;max-width:56rem}\n"
    ":focus-visible{outline:2px solid var(--a);outline-offset:2px}\n"
    "@media print{:root{--ink:#000;--soft:#444;--rule:#bbb;--paper:#fff;--panel:#f3f3f3;--a:#0072b2;--b:#e69f00}\n"
    "body{font-size:9.5pt;line-height:1.3;-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    "main{max-width:none;padding:0}\nh1{font-size:18pt}\nh2{font-size:12.5pt;margin-top:1.6rem;break-after:avoid}\n"
    ".scroll{overflow:visible}\ntable{font-size:8pt}\nthead{display:table-header-group}\n"
    "tr,.cards li{break-inside:avoid}\n.cards{grid-template-columns:repeat(4,1fr)}\n.cards .v{font-size:15pt}\n"
    "th,td{padding:.2rem .5rem .2rem 0;min-width:0}\ntd.lines,td.text,th.text{min-width:34mm}\nul.lines li+li{margin-top:0}\n"
    "svg{max-width:150mm}\nfooter{break-inside:avoid}}\n";

/* --- text --- */

void html_raw(struct html *h, const char *markup)
{
	ztj_buf_puts(h->out, markup);
}

void html_fmt(struct html *h, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		h->p->err = ZTJ_NOMEM;
	}
	va_end(ap);
	if (text != NULL)
		html_raw(h, text);
	free(text);
}

static const char *entity(char ch)
{
	switch (ch) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_text(struct html *h, const char *s)
{
	size_t mark = cli_mark(h->p->c);
	const char *safe = page_safe(h->p, s);

	if (safe == NULL) {
		h->p->err = ZTJ_NOMEM;
		return;
	}
	for (const char *from = safe; *from != '\0';) {
		size_t n = strcspn(from, "&<>\"'");

		ztj_buf_put(h->out, from, n);
		from += n;
		if (*from != '\0')
			html_raw(h, entity(*from++));
	}
	cli_release(h->p->c, mark);
}

/* <name class>text</name>; the first two fixed. */
static void element(struct html *h, const char *name, const char *class, const char *text)
{
	html_fmt(h, class != NULL ? "<%s class=\"%s\">" : "<%s>", name, class);
	html_text(h, text);
	html_fmt(h, "</%s>", name);
}

/* --- cells --- */

static void put_time(struct html *h, int64_t t)
{
	char text[ZTJ_TIME_SIZE];

	if (ztj_time_format(t, text) != ZTJ_OK) {
		html_raw(h, "?");
		return;
	}
	/* the same in both: no place for anything foreign */
	html_fmt(h,
	    "<time datetime=\"%s\"><span class=\"id\">%.10s</span> <span class=\"id\">%.8s</span></time>",
	    text, text, text + 11);
}

static void put_lines(struct html *h, const char *s)
{
	html_raw(h, "<ul class=\"lines\">");
	for (const char *nl; s[0] != '\0'; s = nl + 1) {
		char *line;

		nl = strchrnul(s, '\n');
		if ((line = strndup(s, (size_t)(nl - s))) == NULL) {
			h->p->err = ZTJ_NOMEM;
			break;
		}
		element(h, "li", NULL, line);
		free(line);
		if (*nl == '\0')
			break;
	}
	html_raw(h, "</ul>");
}

static void put_cell(struct html *h, const struct page_cell *cell)
{
	switch (cell->kind) {
	case PAGE_UNKNOWN:
		html_raw(h, "<span class=\"none\" title=\"the log does not say\">–</span>");
		break;
	case PAGE_TIME:
		put_time(h, cell->n);
		break;
	case PAGE_LINES:
		put_lines(h, cell->s);
		break;
	case PAGE_INT:
		html_fmt(h, "%lld", (long long)cell->n);
		break;
	case PAGE_SPAN:
		html_text(h, out_duration(h->p->c, cell->n));
		break;
	case PAGE_TEXT:
		/* names of requests and sessions do not break */
		if (strlen(cell->s) == 12 && cell->s[1] == '-')
			element(h, "span", "id", cell->s);
		else
			html_text(h, cell->s);
		break;
	}
}

/* What is read in lines wants room, numbers stand at the right. */
static const char *class_of(const struct page_col *col, const struct page_cell *cell)
{
	if (col->number)
		return " class=\"num\"";
	if (cell->kind == PAGE_LINES)
		return " class=\"lines\"";
	return cell->kind == PAGE_TEXT && strlen(cell->s) > 40 ? " class=\"text\"" : "";
}

static void put_row(struct html *h, const struct page_sheet *s, size_t row)
{
	bool first = true;

	html_raw(h, "<tr>");
	for (size_t i = 0; i < s->ncols; i++) {
		const char *name = first ? "th" : "td";

		if (!s->col[i].shown)
			continue;
		html_fmt(h, "<%s%s%s>", name, first ? " scope=\"row\"" : "",
		    class_of(&s->col[i], &s->cell[row * s->ncols + i]));
		put_cell(h, &s->cell[row * s->ncols + i]);
		html_fmt(h, "</%s>", name);
		first = false;
	}
	html_raw(h, "</tr>\n");
}

static size_t shown(const struct page_sheet *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->ncols; i++)
		n += s->col[i].shown;
	return n;
}

static void put_table(struct html *h, const struct page_sheet *s)
{
	html_raw(h, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
	html_text(h, s->title);
	html_raw(h, shown(s) <= 3 ? "\">\n<table class=\"small\" id=\"" : "\">\n<table id=\"");
	html_text(h, s->name);
	html_raw(h, "\">\n<thead><tr>");
	for (size_t i = 0; i < s->ncols; i++)
		if (s->col[i].shown) {
			html_raw(h,
			    s->col[i].number ? "<th scope=\"col\" class=\"num\">" : "<th scope=\"col\">");
			html_text(h, s->col[i].title);
			html_raw(h, "</th>");
		}
	html_raw(h, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < s->nrows; i++)
		put_row(h, s, i);
	html_raw(h, "</tbody>\n</table>\n</div>\n");
}

/* --- the page --- */

static void put_fact(struct html *h, const char *name, const char *text)
{
	element(h, "dt", NULL, name);
	element(h, "dd", NULL, text);
}

static void put_period(struct html *h)
{
	const struct page *p = h->p;

	html_raw(h, "<dt>Period</dt><dd>");
	if (p->since > 0)
		put_time(h, p->since);
	else
		html_raw(h, "from the first leaf");
	html_raw(h, " to ");
	put_time(h, p->until);
	html_raw(h, " UTC");
	if (p->first > 0) {
		html_raw(h, " (leaves of ");
		put_time(h, p->first);
		html_raw(h, " to ");
		put_time(h, p->last);
		html_raw(h, ")");
	} else {
		html_raw(h, " (no leaves)");
	}
	html_raw(h, "</dd>");
}

static void put_provenance(struct html *h)
{
	const struct page *p = h->p;

	html_raw(h, "<dl class=\"from\">\n");
	put_fact(h, "Domain", p->domain);
	put_period(h);
	if (p->user != NULL)
		put_fact(h, "Only the person", p->user);
	if (p->host != NULL)
		put_fact(h, "Only the host", p->host);
	if (p->role != NULL)
		put_fact(h, "Only the role", p->role);
	html_raw(h, "<dt>Audit log</dt><dd>");
	html_fmt(h, "%llu leaves, root ", (unsigned long long)p->size);
	element(h, "code", "root", p->root);
	html_raw(h, "; every leaf that was read was proved to be under this signed checkpoint</dd>");
	put_fact(h, "Read from", p->source);
	html_raw(h, "<dt>Made</dt><dd>");
	put_time(h, p->made);
	html_raw(h, " UTC by ztjit " PACKAGE_VERSION "</dd>\n</dl>\n");
}

static void put_cards(struct html *h)
{
	const struct page *p = h->p;

	if (p->ncards == 0)
		return;
	html_raw(h, "<ul class=\"cards\" aria-label=\"Key figures\">\n");
	for (size_t i = 0; i < p->ncards; i++) {
		html_raw(h, "<li>");
		element(h, "span", "t", p->card[i].title);
		element(h, "span", "v", p->card[i].value);
		element(h, "span", "n", p->card[i].note);
		html_raw(h, "</li>\n");
	}
	html_raw(h, "</ul>\n");
}

static void put_sheet(struct html *h, const struct page_sheet *s, size_t n)
{
	html_fmt(h, "<section aria-labelledby=\"h%zu\">\n<h2 id=\"h%zu\">", n, n);
	html_text(h, s->title);
	html_raw(h, "</h2>\n");
	if (s->note != NULL)
		element(h, "p", "note", s->note);
	if (s->nrows == 0) {
		html_raw(h, "<p class=\"none\">None in this period.</p>\n");
	} else {
		svg_chart(h, s, n);
		put_table(h, s);
	}
	html_raw(h, "</section>\n");
}

static void put_footer(struct html *h)
{
	html_raw(h, "<footer>\n<p>How this was counted</p>\n<ul>\n");
	for (size_t i = 0; h->p->notes != NULL && h->p->notes[i] != NULL; i++) {
		element(h, "li", NULL, h->p->notes[i]);
		html_raw(h, "\n");
	}
	html_raw(h, "</ul>\n</footer>\n");
}

int page_html(struct page *p, struct ztj_buf *out)
{
	struct html h = { p, out };

	html_raw(&h, head);
	html_raw(&h, style);
	html_raw(&h, p->wide ? "@page{size:A4 landscape;margin:14mm}\n" : "@page{size:A4;margin:16mm}\n");
	html_raw(&h, "</style>\n<title>");
	html_text(&h, p->title);
	html_raw(&h, " · ");
	html_text(&h, p->domain);
	html_raw(&h, "</title>\n</head>\n<body>\n<main>\n<header>\n");
	element(&h, "h1", NULL, p->title);
	html_raw(&h, "\n");
	element(&h, "p", "lead", p->lead);
	html_raw(&h, "\n");
	put_provenance(&h);
	html_raw(&h, "</header>\n");
	put_cards(&h);
	for (size_t i = 0; i < p->nsheets; i++)
		put_sheet(&h, &p->sheet[i], i);
	put_footer(&h);
	html_raw(&h, "</main>\n</body>\n</html>\n");
	return p->err != ZTJ_OK ? p->err : ztj_buf_status(out);
}
