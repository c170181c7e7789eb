#!/usr/bin/env bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# Records of sessions at the real broker, looked at by people: found, played, followed, searched, exported,
# ended; and every lie about them named.
# shellcheck source=tests/cli/fleet.sh
. "$(dirname "$0")/fleet.sh"
[ -x "$BROKER" ] || { t_skip sessions "no broker was built"; t_done; }
fleet_up
SESSION=$top/tests/cli/makesession

# host NAME: does what it reads; what it prints is left in $S (the last line).
host() { S=$("$SESSION" host "$URL" "$DIR/hosts/$1" "servers/$1" | tail -n 1); }
# look WHO ARGS...: ztjit sessions without a question.
look() {
	local who=$1 command=$2
	shift 2
	z "$who" sessions "$command" --yes "$@" 2>"$DIR/err"
}
both() { "$@" && cat "$DIR/err"; }
all_of() {
	"$@"
	local r=$?
	cat "$DIR/err"
	return "$r"
}
not_in() { ! printf '%s' "$T_OUT" | grep -qF -- "$1"; }
ms() { date +%s%3N; }

# --- what is recorded ---
# Everything that a terminal may obey, and what no terminal should.
{
	printf 'prompt# ls\r\n\033[1;31mred\033[0m \033[38;5;200mpink\033[0m\r\n'
	printf 'a\tb\bc\033[2K\033[10;5Hthere\033[?25l\033[?1049h inside \033[?1049l\033[?25h\r\n'
	# shellcheck disable=SC1003
	printf 'q\033[6n\033[c\033[>c\033P+q544e\033\\\033]0;OWNED\007\033]52;c;T1dORUQ=\007\033]8;;http://x\033\\link\033]8;;\033\\'
	printf '\033[?1000h\033[?2004h\033[5i\033c\303\251\342\202\254\360\237\230\200 \377\376 \302\2332J end\r\n'
} >"$DIR/screen.bytes"
host web1 <<-EOT
	start people/req1 tty
	file 100000 o $DIR/screen.bytes
	chunk
	say 900000 o find-me-in-here once\r\n
	say 1200000 r 60x20
	say 1300000 m sudo: root, \e[31mred
	chunk
	say 3661000000 o an hour later\r\n
	say 3661100000 q {"exit": 3}
	last
	head closed
EOT
TTY=$S
printf 'out one\nout two\n' >"$DIR/pipe.out"
host web1 <<-EOT
	start people/req1 pipes tar -c /etc
	say 1000 O out one\nout two\n
	say 2000 E tar: a warning\n
	say 3000 q {"signal": 15, "in": {"bytes": 0, "sha256": "e3b0"}, "out": {"bytes": 16, "sha256": "0ddba11"}, "err": {"bytes": 15, "sha256": "5eed"}}
	last
	head closed
EOT
PIPES=$S
host db1 <<-EOT
	start people/req2 tty
	say 1000 o of somebody else\r\n
	chunk
	head lost
EOT
LOST=$S
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DIR/auditor.key" -out "$DIR/auditor.pem" -subj /CN=auditor -days 2 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DIR/other.key" -out "$DIR/other.pem" -subj /CN=other -days 2 2>/dev/null
openssl x509 -in "$DIR/auditor.pem" -outform DER -out "$DIR/auditor.der"
host web1 <<-EOT
	seal $DIR/auditor.der
	start people/req1 tty
	say 1000 o under seal\r\n
	last
	head closed
EOT
SEALED=$S

# --- ls and show ---
rows() { z "$@" 2>/dev/null | grep -c '^S-'; }
t_says "ls" "$TTY" z req1 sessions ls
t_ok "one's own, no others" not_in "$LOST"
t_ok "all for auditors" [ "$(rows sec1 sessions ls)" = 4 ]
t_ok "none for an approver" [ "$(rows lead1 sessions ls)" = 0 ]
t_says "and it says so" "No sessions." z lead1 sessions ls
t_ok "--user" [ "$(rows sec1 sessions ls --user req2)" = 1 ]
t_ok "--user with the full name" [ "$(rows sec1 sessions ls --user people/req2)" = 1 ]
t_ok "--host" [ "$(rows sec1 sessions ls --host web1)" = 3 ]
t_ok "--role" [ "$(rows sec1 sessions ls --role root-shell)" = 4 ]
t_ok "--role of nobody" [ "$(rows sec1 sessions ls --role sudo-root)" = 0 ]
t_ok "--state" [ "$(rows sec1 sessions ls --state lost)" = 1 ]
t_ok "--text" [ "$(rows sec1 sessions ls --text 'tar -c')" = 1 ]
t_ok "--since" [ "$(rows sec1 sessions ls --since -2h)" = 4 ]
t_ok "--since=" [ "$(rows sec1 sessions ls --since=-1m)" = 4 ]
t_ok "--since, nothing yet" [ "$(rows sec1 sessions ls --since +2h)" = 0 ]
t_ok "--until" [ "$(rows sec1 sessions ls --until -2h)" = 0 ]
t_ok "--all" [ "$(rows sec1 sessions ls --all)" = 4 ]
t_denies "a time that is none" "-2h" z sec1 sessions ls --since yesterday
t_ok "is wrong usage" [ "$T_STATUS" = 2 ]
t_denies "no other command looks back" "not a time" z req1 request --role root-shell --host web1 --for 60s --at -2h -m 'a reason of some length'
t_denies "a state that is none" "open, closed or lost" z sec1 sessions ls --state ended
t_denies "a host that is none" "DIRECTORY/web9" z sec1 sessions ls --host web9
t_says "--json" "\"id\": \"$PIPES\"" z sec1 sessions ls --json --text tar
t_says "show" "servers/web1, as root, by sshd, role root-shell" z req1 sessions show "$TTY"
t_says "what the host signed" "3 chunks, $(stat -c %s "$DIR/broker/store/records/$TTY") bytes, the end" z req1 sessions show "$TTY"
t_says "an id in another writing" "$TTY" z req1 sessions show "${TTY,,}"
t_denies "B02 not of others" "no such thing" z req1 sessions show "$LOST"
t_ok "which is a no" [ "$T_STATUS" = 1 ]
t_denies "an id that is none" "not a session" z req1 sessions show R-0123456789

# --- play ---
"$SESSION" safe "$DIR/screen.bytes" >"$DIR/screen.safe"
{
	cat "$DIR/screen.bytes"
	printf 'find-me-in-here once\r\nan hour later\r\n'
} >"$DIR/all.bytes"
"$SESSION" safe "$DIR/all.bytes" >"$DIR/all.safe"
before=$(touches req1)
start=$(ms)
look req1 play --speed 100 --idle 1 "$TTY" >"$DIR/played"
spent=$(($(ms) - start))
t_ok "L02 play: what the filter leaves, to the byte" cmp "$DIR/played" "$DIR/all.safe"
t_ok "no title, no query" sh -c '! grep -q OWNED "$0"' "$DIR/played"
t_ok "one touch" [ "$(touches req1)" = $((before + 1)) ]
t_ok "an hour of pause is cut ($spent ms)" [ "$spent" -lt 8000 ]
t_says "it says that it is whole" "verified: whole, 3 chunks, signed by servers/web1" cat "$DIR/err"
t_says "and how it ended" "exit status 3" cat "$DIR/err"
look req1 play --speed 1000 --idle 0.01 --raw "$TTY" >"$DIR/played"
t_ok "play --raw: exactly what was put out" cmp "$DIR/played" "$DIR/all.bytes"
start=$(ms)
look req1 play --idle 0.5 --from 0.8 "$TTY" >"$DIR/played"
spent=$(($(ms) - start))
t_ok "the same from the middle ($spent ms)" cmp "$DIR/played" "$DIR/all.safe"
t_ok "in its own time" [ "$spent" -ge 700 ]
t_ok "--from leaves out what was before" [ "$spent" -lt 6000 ]
for wrong in 0 -1 nan inf 0x10 1e9 '' 2x; do
	t_denies "--speed '$wrong'" "not a number" z req1 sessions play --speed="$wrong" --yes "$TTY"
done
t_denies "--json is not for this" "export" z req1 sessions play --json --yes "$TTY"
look req1 play "$PIPES" >"$DIR/played"
t_ok "a command without a terminal" cmp "$DIR/played" <(cat "$DIR/pipe.out" && echo 'tar: a warning')
t_says "with what went through it" "16 bytes, sha256:0ddba11" cat "$DIR/err"
t_says "and the signal" "signal 15" cat "$DIR/err"
t_says "a lost one is shown" "of somebody else" all_of look sec1 play "$LOST"
t_says "and called so" "ends early" cat "$DIR/err"
t_denies "not to others" "no such thing" all_of look req1 play "$LOST"
t_denies "without a terminal or --yes nothing is hidden" "" z lead1 sessions play "$TTY"

# --- play on a terminal ---
# on_tty KEYS ARGS...: ztjit sessions play on a terminal of its own, where KEYS types; what it shows goes to $DIR/typescript.
mkfifo "$DIR/keys"
exec 8<>"$DIR/keys"
on_tty() {
	local keys=$1
	shift
	eval "$keys" >&8 &
	w req1 env LD_PRELOAD="$SOFTKEY/.libs/libsoftkey-fido.so" ASAN_OPTIONS=verify_asan_link_order=0 TERM=xterm \
		script -qefc "stty -echo cols 100 rows 40; exec $ZTJIT sessions play -y --quiet $* 2>$DIR/err" "$DIR/typescript" <&8 >/dev/null
	wait $!
	timeout 0.1 cat <&8 >/dev/null
}
# script writes a line before and a line after
typed() { sed '1d;$d' "$DIR/typescript"; }
if command -v script >/dev/null; then
	on_tty : --speed 1000 --idle 0.01 "$TTY"
	typed >"$DIR/typed"
	t_ok "on a terminal: the same bytes, nothing added to its line feeds" \
		cmp -n "$(wc -c <"$DIR/all.safe")" "$DIR/typed" "$DIR/all.safe"
	start=$(ms)
	on_tty 'sleep 2; printf q' "$TTY"
	t_ok "q ends it" [ $(($(ms) - start)) -lt 20000 ]
	start=$(ms)
	on_tty 'sleep 1; printf " "; sleep 3; printf " "' --idle 0.9 "$TTY"
	t_ok "a space stops it" [ $(($(ms) - start)) -ge 4800 ]
	t_ok "and lets it go on" grep -q 'an hour later' "$DIR/typescript"
	on_tty 'sleep 1.5; for i in 1 2 3; do printf "\033[C"; sleep 0.2; done; sleep 0.5; printf "\033[D\033[D\033[D\033[D"; sleep 1; printf q' "$TTY"
	t_ok "right goes on, left goes back and shows it again" \
		[ "$(typed | grep -ac 'prompt# ls')" -ge 2 ]
	on_tty 'sleep 1; for i in $(seq 12); do printf "\033[A"; done' "$TTY"
	t_ok "up makes it faster" grep -q 'an hour later' "$DIR/typescript"
else
	t_skip "play on a terminal" "no script(1)"
fi

# --- tail ---
mkfifo "$DIR/to-host"
"$SESSION" host "$URL" "$DIR/hosts/web1" servers/web1 <"$DIR/to-host" >"$DIR/host.out" 2>&1 &
HOST_PID=$!
exec 7>"$DIR/to-host"
tell() { printf '%s\n' "$@" >&7; }
shows() { grep -qaF -- "$2" "$1"; }
tell 'start people/req1 tty'
wait_for test -s "$DIR/host.out"
LIVE=$(cat "$DIR/host.out")
t_denies "nothing is signed yet" "sessions tail $LIVE" z req1 sessions play --yes "$LIVE"
tell 'say 1000 o first words\r\n' chunk 'head open'
look req1 tail "$LIVE" >"$DIR/tailed" &
TAIL_PID=$!
t_ok "tail shows what is there" wait_for shows "$DIR/tailed" "first words"
start=$(ms)
tell 'say 2000 o second words \e]0;OWNED\e\\\r\n' chunk
t_ok "and what comes" wait_for shows "$DIR/tailed" "second words"
t_ok "within a second or two ($(($(ms) - start)) ms)" [ $(($(ms) - start)) -lt 2500 ]
t_ok "L02 stripped as well" sh -c '! grep -q OWNED "$0"' "$DIR/tailed"
t_says "play shows what is signed" "first words" all_of look req1 play "$LIVE"
t_ok "and nothing else" not_in "second words"
t_says "and says how far that goes" "as far as chunk 1" cat "$DIR/err"
tell 'head open' 'say 3000 o third words\r\n' 'say 4000 q {"exit": 0}' last 'head closed'
wait_for sh -c '! kill -0 "$0" 2>/dev/null' "$TAIL_PID"
wait "$TAIL_PID"
t_ok "tail ends with the session" [ $? = 0 ]
t_ok "with its last words" shows "$DIR/tailed" "third words"
t_says "and its verdict" "verified: whole, 3 chunks" cat "$DIR/err"
tell 'start people/req1 tty' 'say 1000 o to be killed\r\n' chunk 'head open'
wait_for test "$(wc -l <"$DIR/host.out")" -ge 2
wait_for sh -c '[ "$(wc -l <"$0")" -ge 2 ]' "$DIR/host.out"
LIVE=$(tail -n 1 "$DIR/host.out")
wait_for sh -c '"$@" | grep -q "1 chunks, "' - z req1 sessions show "$LIVE"
look sec1 play --follow "$LIVE" >"$DIR/tailed" 2>/dev/null &
TAIL_PID=$!
wait_for shows "$DIR/tailed" "to be killed"

# --- kill ---
t_denies "kill wants a reason" "say why" z sec1 sessions kill --yes "$LIVE"
t_denies "not by somebody who may not see it" "no such thing" z req2 sessions kill --yes -m "for fun" "$LIVE"
tell kill 'say 5000 m ended by people/sec1' last 'head closed'
t_says "kill by an auditor" "has ended" z sec1 sessions kill --yes -m "wrong hands" "$LIVE"
t_ok "its host heard it" wait_for shows "$DIR/host.out" "killed by people/sec1: wrong hands"
wait "$TAIL_PID"
t_ok "play --follow ends with it" [ $? = 0 ]
t_denies "what is over is over" "is over" z sec1 sessions kill --yes -m "once more" "$LIVE"
exec 7>&-
wait "$HOST_PID"

# --- search ---
t_denies "search" "00:00:00  find-me-in-here once" all_of look req1 search 'find-me-in-h.re'
t_denies "with the time of the record" "$TTY 01:01:01  an hour later" all_of look req1 search '^an hour'
t_says "in this record" "00:00:00  out two" all_of look req1 search two "$PIPES"
t_denies "what is not there" "Not found." all_of look req1 search nowhere-at-all "$PIPES" "$TTY"
t_ok "is a no" [ "$T_STATUS" = 1 ]
t_denies "one that cannot be searched is named" "$SEALED is sealed" all_of look req1 search under
t_denies "and the others are searched" "find-me-in-here" all_of look req1 search find-me
t_says "with the key of an auditor" "$SEALED 00:00:00  under seal" all_of look sec1 search --unseal-key "$DIR/auditor.key" under --host web1
t_says "--json" '"time": 3661.0' all_of look req1 search --json hour "$TTY"
t_denies "no expression" "regular expression" z req1 sessions search --yes '('
t_denies "text of another terminal is no line" "Not found." all_of look req1 search OWNED "$TTY"

# --- sealed ---
t_denies "sealed" "--unseal-key" all_of look sec1 play "$SEALED"
t_denies "another key" "not to this key" all_of look sec1 play --unseal-key "$DIR/other.key" "$SEALED"
t_denies "F01 a key that others may read" "chmod 600" all_of look sec1 play --unseal-key "$DIR/auditor.pem" "$SEALED"
chmod 600 "$DIR/other.pem"
t_denies "a key that is none" "unseal-key" all_of look sec1 play --unseal-key "$DIR/other.pem" "$SEALED"
t_says "unsealed" "under seal" all_of look sec1 play --unseal-key "$DIR/auditor.key" --unseal-cert "$DIR/auditor.pem" "$SEALED"

# --- export ---
look req1 export "$TTY" >"$DIR/v2.cast"
t_ok "asciicast v2 is the default" sh -c 'head -n 1 "$0" | grep -q "\"version\":2"' "$DIR/v2.cast"
if command -v asciinema >/dev/null && command -v script >/dev/null; then
	w req1 script -qec "stty -opost; asciinema cat $DIR/v2.cast" "$DIR/typescript" </dev/null >/dev/null
	typed >"$DIR/typed"
	t_ok "interop: asciinema cat shows the same" cmp -n "$(($(wc -c <"$DIR/all.safe") - 40))" "$DIR/typed" "$DIR/all.safe"
else
	t_skip "interop: asciinema cat" "asciinema or script is not installed"
fi
t_ok "export to a file" look req1 export --format asciicast-v3 -o "$DIR/v3.cast" "$TTY"
t_denies "that is not there yet" "exists" all_of look req1 export -o "$DIR/v3.cast" "$TTY"
t_ok "v2 has what the filter leaves" "$SESSION" check v2 "$DIR/v2.cast" "$DIR/all.safe"
t_ok "v3: intervals, size, exit status" "$SESSION" check v3 "$DIR/v3.cast" "$DIR/all.safe"
t_ok "json" look req1 export --format json -o "$DIR/out.json" "$TTY"
t_ok "all of it parses" "$SESSION" check json "$DIR/out.json" "$DIR/all.safe"
look req1 export --format text "$TTY" >"$DIR/out.txt"
t_says "text" "find-me-in-here once" cat "$DIR/out.txt"
t_ok "without any control" sh -c '! LC_ALL=C grep -q "[[:cntrl:]]" "$0"' <(tr -d '\n\t' <"$DIR/out.txt")
look req1 export --raw "$TTY" >"$DIR/raw.cast"
t_ok "--raw is the record's own text" sh -c 'grep -q "u001b\]0;OWNED" "$0" && grep -q "\"z\"" "$0"' "$DIR/raw.cast"
look req1 export "$PIPES" >"$DIR/pipes.cast"
t_says "output of pipes is output for players" '"out one\r\nout two\r\n"' cat "$DIR/pipes.cast"
t_denies "a format that is none" "asciicast-v2, asciicast-v3, text or json" z req1 sessions export --yes --format gif "$TTY"
t_denies "a full disk" "writ" sh -c '"$@" >/dev/full' - env HOME="$DIR/req1" XDG_RUNTIME_DIR="$DIR/req1/run" \
	ZTJ_SOFTKEY_DIR="$DIR/req1/keys" ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$SOFTKEY/.libs/libsoftkey-fido.so" "$ZTJIT" sessions export --yes "$TTY"

# --- who looked ---
t_ok "every look is kept" [ "$(touches req1)" -gt 10 ]

# --- the broker's disk ---
# named NAME TEXT: looking at $TTY fails with TEXT, and nothing of it is shown.
named() {
	local name=$1 text=$2 command
	shift 2
	for command in play export "search find-me"; do
		# shellcheck disable=SC2086
		look sec1 $command "$TTY" >"$DIR/shown" 2>/dev/null && t_ok "$name: $command" false
		[ ! -s "$DIR/shown" ] || [ "$(cat "$DIR/shown")" = "Not found." ] || t_ok "$name: $command shows nothing" cat "$DIR/shown" /nowhere
		t_says "$name: $command" "$text" cat "$DIR/err"
	done
}
FILE=$DIR/broker/store/records/$TTY
cp "$FILE" "$DIR/good"
bad() { cat "$DIR/good" >"$FILE"; }
size=$(stat -c %s "$FILE")
printf X | dd of="$FILE" bs=1 seek=100 conv=notrunc 2>/dev/null
named "an altered chunk" "does not follow"
bad
printf X | dd of="$FILE" bs=1 seek=$((size - 3)) conv=notrunc 2>/dev/null
named "an altered last chunk" "its host signed another"
bad
printf X | dd of="$FILE" bs=1 seek=0 conv=notrunc 2>/dev/null
named "an altered header" "chunk 1: malformed"
bad
"$SESSION" alter "$FILE" 0
named "a recomputed chain" "its host signed another"
bad
"$SESSION" swap "$FILE" 0
named "swapped chunks" "does not follow"
bad
truncate -s -5 "$FILE"
t_denies "a file that was cut" "broker says" all_of look sec1 play "$TTY"
bad
t_says "and whole again" "an hour later" all_of look sec1 play --speed 1000 --idle 0.01 "$TTY"

# --- a broker that lies ---
LIAR_PID=
liar() {
	[ -z "$LIAR_PID" ] || { kill "$LIAR_PID" && wait "$LIAR_PID" 2>/dev/null; }
	LIAR_PID=
	echo "broker = [ \"$URL\" ];" >"$DIR/sec1/.config/ztjit/config"
	[ $# -gt 0 ] || return 0
	rm -f "$DIR/liar.port"
	"$top/tests/cli/liar" "$DIR/broker/frontend/tls.key" "$URL" "$DIR/sec1/run/ztjit/login.key" "$@" >"$DIR/liar.port" &
	LIAR_PID=$!
	wait_for test -s "$DIR/liar.port"
	echo "broker = [ \"https://127.0.0.1:$(cat "$DIR/liar.port")\" ];" >"$DIR/sec1/.config/ztjit/config"
}
about=/v1/sessions/$TTY
record=$about/record
liar path "$about" "/v1/sessions/$PIPES"
named "another session" "another session"
look sec1 play "$PIPES" >/dev/null # now its record may be fetched
liar path "$record?from=0" "/v1/sessions/$PIPES/record?from=0"
named "another record" "chunk"
liar body "$about" '"person":"people/req1"' '"person":"people/req2"'
t_denies "another person" "the record says \"people/req1\"" all_of look sec1 play "$TTY"
liar body "$about" "\"size\":$size" '"size":10'
named "a size that is too small" "signed $size bytes"
liar body "$about" "\"size\":$size" '"size":99999999'
named "a size that is too large" "more than servers/web1 signed"
liar body "$about" "\"size\":$size" '"size":-1'
named "a size that is none" "malformed"
liar body "$record" "\"size\":$size" '"size":99999999'
named "a size that grows" "more than servers/web1 signed"
liar body "$record" '"data":"' '"data":"AAAA'
named "more than it says" "malformed"
liar body "$record" '"data":"' '"data":"!'
named "no base64" "malformed"
liar body "$record" '"data":"' '"deta":"'
named "no data" "malformed"
liar body "$record" '{' '{{'
named "no JSON" "not JSON"
liar body "$about" '"statement":"ey' '"statement":"eX'
named "a signature that is none" "what is shown as the signature"
liar body "$about" '"heads":[{' '"heads":[],"was":[{'
named "no signature" "signed nothing of it"
liar body "$about" '"state":"closed"' '"state":"open"'
t_says "an end that is hidden is found in the signature" "verified: whole" all_of look sec1 play --speed 1000 --idle 0.01 "$TTY"
liar body "$about" '"host":"servers/web1"' '"host":"servers/db1"'
named "another host" "what is shown as the signature"
liar body "$about" '"host":"servers/web1"' '"host":"\u001b]0;OWNED\u0007"'
named "a host that is no name" "malformed"
liar path "$record?from=$size&wait=2" "$record?from=0" body "$about" "\"size\":$size" "\"size\":$((2 * size))" body "$record" "\"size\":$size" "\"size\":$((2 * size))"
t_denies "an answer that begins anew" "" all_of look sec1 tail "$TTY"
t_says "is named" "stands after the last one" cat "$DIR/err"
liar

# --- a host that joined again, and one that left ---
t_ok "web1 leaves" z admin1 host remove --yes web1
named "the record of a host that left" "nobody vouches"
t_ok "ls still lists it" [ "$(rows sec1 sessions ls --host servers/web1)" -ge 3 ]
t_says "show says so" "NOT VERIFIED" z sec1 sessions show "$TTY"
t_says "--unverified" "an hour later" all_of look sec1 play --unverified --speed 1000 --idle 0.01 "$TTY"
t_says "with a warning" "NOT VERIFIED" cat "$DIR/err"
"$top/tests/cli/makehost" pending example web1 "$DIR/hosts/web1-again" "$URL" >"$DIR/again.digest"
t_ok "web1 joins with other keys" z admin1 host approve --yes --label env=prod --digest "$(cat "$DIR/again.digest")" web1
named "a signature by another key" "not the one that the directory has for servers/web1"
t_done
