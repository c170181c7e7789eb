#!/usr/bin/env perl
# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# no-secrets.pl SECRETS FILE...: do these files hold any of the secrets? SECRETS holds private keys as OpenSSH or PEM writes them, and lines
# "secret TEXT". Of a key, its body and, for Ed25519, its seed are looked for: raw, in hex and in base64 at any alignment. Says which and
# where, and how many were looked for; exit status 1 when one was found, 2 when there was nothing to look for. The file of a security key
# holds no secret, but the key handle, which the record of its owner has as well.
use strict;
use warnings;
use MIME::Base64;

my (%wanted, @body);

sub want {
	my ($name, $bytes) = @_;
	$wanted{$bytes} = $name if length $bytes >= 8;
}
sub want_encoded {
	my ($name, $raw) = @_;
	want($name, $raw);
	want("$name in hex", unpack 'H*', $raw);
	want("$name in hex", uc unpack 'H*', $raw);
	for my $shift (0 .. 2) {
		my $text = encode_base64("\0" x $shift . $raw, '');
		# the first and last characters depend on what stands beside
		want("$name in base64", substr $text, $shift ? 4 : 0, 40);
	}
}
sub seed {
	my ($der) = @_;
	my $at = rindex $der, "\0\0\0\x40"; # OpenSSH: 32 bytes of seed, 32 of public key
	return substr $der, $at + 4, 32 if $der =~ /^openssh-key-v1/ && $at > 0;
	return substr $der, -32 if $der =~ /\x2b\x65\x70\x04\x22\x04\x20.{32}\z/s; # PKCS#8
	return undef;
}

my $keys = 0;
open my $secrets, '<', shift @ARGV or die "SECRETS: $!\n";
while (my $line = <$secrets>) {
	chomp $line;
	if ($line =~ /^secret (.+)/) {
		want_encoded("what was typed", $1);
	} elsif ($line =~ /^-----BEGIN .*PRIVATE KEY-----/) {
		@body = ();
	} elsif ($line =~ /^-----END .*PRIVATE KEY-----/) {
		my $der = decode_base64(join '', @body);
		next if $der =~ /^openssh-key-v1\0.{0,80}sk-(ssh-ed25519|ecdsa-sha2-nistp256)\@openssh\.com/s;
		$keys++;
		my $seed = seed($der);
		want_encoded("the seed of key $keys", $seed) if defined $seed;
		want("a line of key $keys", $body[$#body - 1]) if @body > 2; # behind the public part
	} else {
		push @body, $line;
	}
}
exit 2 if !%wanted || !@ARGV;
my $found = 0;
for my $file (@ARGV) {
	local $/;
	open my $in, '<:raw', $file or die "$file: $!\n";
	my $text = <$in>;
	for my $bytes (keys %wanted) {
		next if index($text, $bytes) < 0;
		print "$file: $wanted{$bytes}\n";
		$found = 1;
	}
}
printf "%d keys, %d patterns, %d files\n", $keys, scalar keys %wanted, scalar @ARGV;
exit $found;
