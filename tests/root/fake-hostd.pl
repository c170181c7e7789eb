#!/usr/bin/perl
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# fake-hostd.pl SOCKET HOW: stands where the agent should and misbehaves (P13).
use strict;
use warnings;
use IO::Socket::UNIX;

my ($path, $how) = @ARGV;
unlink $path;
# In its place once it listens: whoever sees it can connect.
my $listener = IO::Socket::UNIX->new(Local => "$path.new", Listen => 64) or die "$path: $!";
chmod 0666, "$path.new";
rename("$path.new", $path) or die "$path: $!";
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
while (1) {
	my $peer = $listener->accept() or next;
	next if fork();
	$peer->autoflush(1);
	if ($how eq 'close') {
		exit;
	} elsif ($how eq 'garbage') {
		print $peer 'HTTP/1.1 200 OK', "\0" x 4096;
	} elsif ($how eq 'huge') {
		print $peer "\xff\xff\xff\xff", 'x' x 65536 for 1 .. 64;
	} elsif ($how eq 'drip') {
		# The length of a verdict, and then a byte a second.
		for my $byte (split //, "\0\0\0\x20" . "\0" x 28) {
			print $peer $byte;
			sleep 1;
		}
	}
	sleep 60;
	exit;
}
