#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Reports of a real broker's audit log: their figures are what was done, from the broker and from a copy; every format, with
# hostile text in it, read by what would read it: a CSV reader, a JSON reader, a browser. And one log of many leaves.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
# shellcheck source=tests/cli/browser.sh
. "$(dirname "$0")/browser.sh"
[ -x "$BROKER" ] || { t_skip report "no broker was built"; t_done; }
fleet_up
LOG=$DIR/broker/store/log
OUT=$DIR/out
mkdir "$OUT"
NASTY='<script>document.title="OWNED"</script> "q" & <img src=http://127.0.0.1:1/x onerror=alert(1)>'
LONG=$(printf 'long%.0s' $(seq 1 200))

report() { z sec1 report "$@"; }
grep_id() { grep -oE 'R-[0-9A-Z]{10}' | head -n 1; }
full_id() { z sec1 show --json "$1" 2>/dev/null | sed -n 's/^  "id": "\(.*\)",/\1/p'; }
has() { z sec1 audit ls --all --json 2>/dev/null | grep -qF -- "$1"; }
not() { ! "$@"; }
# figure NAME [FILE]: "VALUE OF" of a CSV of metrics; "-" where it says nothing.
figure() { sed -n "s/^\"$1\",\"[^\"]*\",\([0-9]*\),\([0-9]*\),.*/\1- \2-/p" "${2:-$OUT/metrics.csv}" | sed -E 's/([0-9])-/\1/g'; }
is_figure() {
	local got
	got=$(figure "$1")
	[ "$got" = "$2" ] || { echo "$1: $got, not $2" >&2; return 1; }
}
values() { sed -E 's/,"example",.*//' "$1"; }
# in_pages LEAST MOST FILE: how many pages a PDF has.
in_pages() {
	local n
	n=$(grep -aoE '/Type ?/Page\b' "$3" | wc -l)
	echo "$n pages"
	[ "$n" -ge "$1" ] && [ "$n" -le "$2" ]
}
history() { "$top/tests/cli/makehistory" "$URL" "$DIR/hosts/$1" "servers/$1"; }
sessions() { "$top/tests/cli/makesession" host "$URL" "$DIR/hosts/$1" "servers/$1" | tail -n 1; }
ask() { z req1 request --yes --role root-shell --host web1 --ticket INC-7 "$@" 2>&1 | grep_id; }

# --- what happens ---
USED=$(ask --for 120s -m "=1+1 $NASTY")
z lead1 approve --yes -m 'go ahead' "$USED" >/dev/null 2>&1
z sec1 approve --yes --for 100s "$USED" >/dev/null 2>&1
z req1 cert root@web1 >/dev/null 2>&1
GRANT=$(full_id "$USED")
APPROVED=$(ask --for 60s -m "$LONG")
z lead1 approve --yes "$APPROVED" >/dev/null 2>&1
CANCELLED=$(ask --for 61s -m 'a change of mind')
z req1 cancel --yes "$CANCELLED" >/dev/null 2>&1
DENIED=$(z req2 request --yes --role root-shell --host web1 --for 60s --ticket INC-8 -m 'nobody may know why' 2>&1 | grep_id)
z lead1 deny --yes "$DENIED" -m 'say why' >/dev/null 2>&1
ours="\"person\":\"people/req1\",\"grant\":\"$GRANT\",\"account\":\"root\",\"peer\":\"192.0.2.7\""
history web1 <<-EOT
	decide "event":"principals","code":"no-grant","service":"sshd","account":"root"
	decide "event":"principals","code":"no-grant","service":"sshd","account":"root"
	decide "event":"principals","code":"ok","service":"sshd",$ours,"rule":"prod-root","pid":100
	decide "event":"account","code":"ok","service":"sshd",$ours,"rule":"prod-root","pid":100
	decide "event":"open","code":"ok","service":"sshd",$ours,"rule":"prod-root","pid":100
EOT
RECORD=$(sessions web1 <<-EOT
	grant $GRANT
	start people/req1 pipes $NASTY
	say 1000 O hello\n
	last
	head closed
EOT
)
sleep 1 # the second login is a second later, by the host's clock
history web1 <<-EOT
	decide "event":"stepup","code":"ok","service":"sudo",$ours,"pid":101
	decide "event":"open","code":"ok","service":"sudo",$ours,"rule":"prod-root","pid":101,"text":"\u001b[31m"
	decide "event":"open","code":"ok","service":"sshd",$ours,"rule":"prod-root","pid":102
	decide "event":"end","code":"ended","service":"sshd",$ours,"pid":102
	decide "event":"gone","code":"ok","service":"sshd",$ours,"pid":102
	decide "event":"open","code":"ok","service":"sudo","account":"root","pid":103,"text":"root outside any person's session"
	decide "event":"alarm","code":"escaped","text":"somebody left"
	standing 3 1 2 0
EOT
history db1 <<<'standing 0 4 0 1'
t_ok "the log tells of it" wait_for has '"outcome": "reported"' && wait_for has "somebody left"
z sec1 audit verify >/dev/null 2>&1

# --- figures ---
t_ok "report metrics --format csv" report metrics --format csv -o "$OUT/metrics.csv"
while read -r name value; do
	t_ok "$name is $value" is_figure "$name" "$value"
done <<-EOT
	sessions 3 -
	sessions_under_grant 3 3
	sessions_recorded 1 3
	logins_recorded 1 2
	elevations_recorded 0 1
	sessions_ended_by_time 1 3
	exempt_elevations 1 -
	records 1 -
	records_whole 1 1
	requests 4 -
	requests_effective 1 4
	approvals 3 -
	denials_by_approvers 1 -
	cancellations 1 -
	revocations 0 -
	break_glass_requests 0 -
	certificates 1 -
	stepups 1 -
	refused_by_hosts 2 -
	standing_hosts 2 -
	standing_left 5 -
	exceptions_open 5 -
	exceptions_ended 2 -
	standing_missed 1 -
	alarms 1 -
	policies 1 -
	directories 6 -
	broker_starts 1 -
EOT
t_ok "a median of one" [ "$(figure approval_median | cut -d' ' -f2)" = 1 ]
t_says "on a terminal" "33.3 %" report metrics --group-by figure --user req1 --since -1h --until +1h --role root-shell --host web1

# --- who had what ---
t_says "report access" "people/lead1, people/sec1" report access
t_ok "a grant that was approved and not used is not called used" \
	[ "$(report access --format csv | grep -c "\"$APPROVED\".*\"approved\"")" = 1 ]
t_ok "the one that was is" [ "$(report access --format csv --group-by request | grep -c "\"$USED\"")" = 1 ]
t_says "with its session" "$RECORD" report access
t_says "by person" '"people/req1",3,1,2,1' report access --group-by person --format csv
t_says "by host" '"servers/web1",4,1,2,1' report access --group-by host --format csv
t_says "by role" '"root-shell",4,1,2,1' report access --group-by role --format csv
t_ok "--user" [ "$(report access --user req2 --format csv | grep -c '^"R-')" = 1 ]
t_ok "--host" [ "$(report access --host db1 --format csv | grep -c '^"R-')" = 0 ]
t_ok "--role" [ "$(report access --role sudo-root --format csv | grep -c '^"R-')" = 0 ]
t_ok "--since, nothing yet" [ "$(report access --since +1h --until +2h --format csv | grep -c '^"R-')" = 0 ]
t_ok "--until, nothing any more" [ "$(report access --until -1h --format csv | grep -c '^"R-')" = 0 ]

# --- CSV and JSON ---
t_says "no formula" "\"'=1+1 <script>" report access --format csv
t_says "quotes are doubled" '""OWNED""' report access --format csv
t_ok "rows end in CRLF" [ "$(report metrics --format csv | head -n 1 | tail -c 2 | od -An -tx1 | tr -d ' ')" = 0d0a ]
t_says "every row says where it is from" "$(sed -n 3p "$LOG/checkpoint")" report metrics --format csv
report access --json >"$OUT/access.json" 2>/dev/null
t_says "--json is --format json" '"report": "access"' report access --json
t_says "with the checkpoint" "\"root\": \"$(sed -n 3p "$LOG/checkpoint")\"" cat "$OUT/access.json"
t_says "with the whole digest" "\"digest\": \"$GRANT\"" cat "$OUT/access.json"
t_says "what is not known is null" '"ended": null' cat "$OUT/access.json"
t_denies "not both" "table, csv" report access --json --format csv
t_denies "an unknown format" "table, csv, json or html" report access --format pdf
t_denies "an unknown table" "one of person, host, role, day, request, session" report access --group-by moon
t_denies "one host" "one, or none" report access --host web1 --host db1
t_denies "a period that ends before it begins" "before --since" report access --since +2h --until +1h
t_denies "not over a file" "File exists" report metrics --format csv -o "$OUT/metrics.csv"
t_denies "for auditors alone" "may not" z req1 report access

# --- controls ---
t_says "report controls" "Sessions recorded: 1 of 3." report controls
t_says "gaps are said" "Sessions without a record: 2." report controls
t_says "NIST" "2.1 tenet 7" report controls
t_says "SOC 2" "CC6.3" report controls
t_says "ISO" "A.8.2" report controls
t_says "HIPAA" "(a)(2)(ii)" report controls
t_ok "and no verdict" not grep -qiE 'complian|certif(ied|ication)|satisf' <(report controls --format html)

# --- from a copy: as provable as the log ---
t_ok "as it is now" report metrics --format csv -o "$OUT/now.csv"
cp -r "$LOG" "$DIR/copy"
COPY=(--dir "$DIR/copy" --log-key "$DIR/broker/log.pub" --domain example)
t_ok "from a copy, by its key alone" z req1 report metrics "${COPY[@]}" --format csv -o "$OUT/copy.csv"
t_ok "the same figures" [ "$(values "$OUT/copy.csv")" = "$(values "$OUT/now.csv")" ]
t_says "and it says so" '"source": "a copy of the log, believed by its key alone"' z req1 report metrics "${COPY[@]}" --json
sed -i 's/people\/lead1/people\/lead2/' "$DIR"/copy/tile/entries/000.p/*
t_denies "one word changed: no report" "not those that the checkpoint was signed for" z req1 report access "${COPY[@]}"
t_denies "nor a file" "not those" z req1 report access "${COPY[@]}" --format html -o "$OUT/none.html"
t_ok "none at all" not test -e "$OUT/none.html"

# --- the page ---
for r in access metrics controls; do
	t_ok "report $r --format html" report "$r" --format html -o "$OUT/$r.html"
	t_ok "$r: nothing that runs or loads" not grep -qiE '<(script|iframe|object|embed|link|img|form)\b|url\((.?)https?:|@import| on[a-z]+="' "$OUT/$r.html"
	t_ok "$r: and the browser is told so" grep -q "Content-Security-Policy.*default-src 'none'" "$OUT/$r.html"
done
t_ok "hostile text is text" grep -q '&lt;script&gt;document.title=&quot;OWNED&quot;' "$OUT/access.html"
if browser_ok; then
	t_ok "a page that loads and runs something is seen to" browser_asks
	t_no "and heard" browser_silent
	page() { browse "$OUT/$1.html" --dump-dom --virtual-time-budget=2000 >"$OUT/$1.dom"; }
	for r in access metrics controls; do
		t_ok "$r: a browser reads it" page "$r"
		t_ok "$r: it is silent" browser_quiet
		t_ok "$r: it has the title it was given" not grep -q '<title>OWNED' "$OUT/$r.dom"
		t_ok "$r: it prints" browse "$OUT/$r.html" --no-pdf-header-footer --print-to-pdf="$OUT/$r.pdf"
		t_ok "$r: on a few pages" in_pages 1 12 "$OUT/$r.pdf"
	done
	dom() { grep -qF -- "$2" "$OUT/$1.dom"; }
	t_ok "the figures are there" dom metrics '<span class="v">33.3 %</span>'
	t_ok "the request is there" dom access "$USED"
	t_ok "its record too" dom access "$RECORD"
	t_ok "charts have words" dom metrics '<desc id="c0d">Values: 1, of Recorded and Not recorded; the highest is 3'
	t_ok "a table behind each chart" dom metrics '<table id="day">'
	t_ok "the domain, period and checkpoint are there" dom metrics "$(sed -n 3p "$LOG/checkpoint")"
	t_ok "no element came out of a text" [ "$(grep -c '<img' "$OUT/access.dom")" = 0 ]
else
	t_skip "the page in a browser" "no chromium that starts here"
fi

# --- many leaves ---
N=$("$top/tests/cli/makelog" "$DIR/many" example 4000 300)
MANY=(--dir "$DIR/many" --log-key "$DIR/many/log.pub" --domain example)
began=$(date +%s%N)
t_ok "$N leaves" z req1 report metrics "${MANY[@]}" --format csv -o "$OUT/many.csv"
echo "# $N leaves in $((($(date +%s%N) - began) / 1000000)) ms"
t_ok "requests" [ "$(figure requests "$OUT/many.csv")" = "4000 -" ]
t_ok "denied by approvers" [ "$(figure denials_by_approvers "$OUT/many.csv")" = "400 -" ]
t_ok "recorded" [ "$(figure sessions_recorded "$OUT/many.csv")" = "3400 3600" ]
t_ok "break glass" [ "$(figure break_glass_grants "$OUT/many.csv")" = "80 -" ]
t_ok "the page of it" z req1 report metrics "${MANY[@]}" --format html -o "$OUT/many.html"
t_ok "at most sixty bars" [ "$(grep -c 'class="a" x=' "$OUT/many.html")" -le 140 ]
t_done
