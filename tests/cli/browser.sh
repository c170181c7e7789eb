# shellcheck shell=bash
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# A headless Chromium that looks at one file, as an unprivileged person in namespaces without a network. Sourced; wants $DIR.
#   browser_ok                  is there one that starts here?
#   browse FILE OPTION...       what it prints; its log is left in $DIR/browser.log
#   browser_quiet               the page asked nothing of a network and said nothing on the console; after browser_ok neither is so
BROWSER=$(command -v chromium || :)

# Its log of requests is now and then not there when it ends: then it looks again.
browse() {
	local try
	for try in 1 2 3; do
		browse_once "$@" >"$DIR/browser.out" || return
		[ ! -s "$DIR/browser.net" ] || break
		echo "no log of requests, the ${try}th time" >&2
	done
	cat "$DIR/browser.out"
}
browse_once() {
	local file=$1
	shift
	rm -rf "$DIR/browser" "$DIR/browser.net" && mkdir -p "$DIR/browser/home"
	timeout 60 env -u DISPLAY -u WAYLAND_DISPLAY -u DBUS_SESSION_BUS_ADDRESS HOME="$DIR/browser/home" XDG_RUNTIME_DIR="$DIR/browser/home" \
		"$BROWSER" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-extensions --disable-sync \
		--disable-background-networking --disable-component-update --no-first-run --no-default-browser-check --disable-breakpad \
		--user-data-dir="$DIR/browser/profile" --enable-logging=stderr --log-net-log="$DIR/browser.net" --net-log-capture-mode=Default \
		"$@" "file://$file" 2>"$DIR/browser.log"
}
browser_ok() {
	[ -n "$BROWSER" ] || return 1
	printf '<!DOCTYPE html><title>x</title><p>here it is<img src="http://127.0.0.1:1/x"><script>console.log("loud")</script>' >"$DIR/browser.html"
	browse "$DIR/browser.html" --dump-dom | grep -q 'here it is'
}
# The page's own words and requests alone: the browser has some of its own, about itself on a slow machine for one.
browser_silent() { ! grep 'CONSOLE' "$DIR/browser.log" | grep -v 'source: chrome://'; }
browser_asks() { grep -oE '"url":"https?://127\.0\.0\.1:1/[^"]*' "$DIR/browser.net"; }
browser_quiet() { [ -s "$DIR/browser.net" ] && browser_silent && ! browser_asks; }
