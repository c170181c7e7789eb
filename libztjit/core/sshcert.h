/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * SSH user certificates (PROTOCOL.certkeys) for sk keys: built from typed
 * fields by the signer, parsed strictly by hosts.
 */
#ifndef ZTJ_CORE_SSHCERT_H
#define ZTJ_CORE_SSHCERT_H

#include "libztjit/core/key.h"

#define ZTJ_CERT_MAX (96 * 1024)   /* %k is one argument; 128 KiB of base64 is sshd's limit */
#define ZTJ_CERT_BUNDLE_MAX (64 * 1024)
#define ZTJ_CERT_BUNDLE_EXT "bundle@ztjit"
#define ZTJ_PRINCIPAL_PREFIX "ztjit-grant-"

enum ztj_cert_ext { /* bits, in the order OpenSSH demands (lexical) when written */
	ZTJ_EXT_X11 = 1, ZTJ_EXT_AGENT = 2, ZTJ_EXT_PORT = 4, ZTJ_EXT_PTY = 8, ZTJ_EXT_USER_RC = 16
};

struct ztj_cert_spec {
	struct ztj_key subject;          /* an sk key */
	uint8_t nonce[32];               /* random */
	uint64_t serial;
	const char *key_id;
	const char *principal;           /* exactly one, never empty */
	int64_t valid_after, valid_before; /* seconds since the epoch */
	const char *source_address;      /* CIDR list, or NULL for none */
	bool verify_required;
	unsigned extensions;             /* enum ztj_cert_ext */
	struct ztj_view bundle;          /* n == 0: none */
};

struct ztj_cert {
	struct ztj_key subject;
	uint64_t serial;
	char key_id[256];
	char principal[128];             /* exactly one is accepted */
	int64_t valid_after, valid_before;
	char source_address[1024];       /* "" when the option is absent; present but empty is refused */
	bool verify_required;
	unsigned extensions;
	struct ztj_view bundle;          /* into the parsed blob */
	struct ztj_view ca_key;          /* blob, into the parsed blob */
	struct ztj_view signature;       /* into the parsed blob */
	struct ztj_view tbs;             /* what the CA signed, into the parsed blob */
};

/* Appends everything up to and including the CA key. ca_key: its public blob. */
int ztj_cert_tbs(const struct ztj_cert_spec *spec, struct ztj_view ca_key, struct ztj_buf *tbs) ZTJ_MUST_CHECK;
/* tbs + signature → certificate blob. Appends. */
int ztj_cert_finish(struct ztj_view tbs, struct ztj_view sigblob, struct ztj_buf *cert) ZTJ_MUST_CHECK;
/* Strict parse: user type, sk subject, one principal, known critical options only (force-command
 * is refused), extensions with empty values, at most one bundle extension, names of both in lexical order,
 * an end that is not "for ever", nothing left over. An unknown extension is ignored as OpenSSH does,
 * but no-touch-required is refused. ZTJ_CERT_KIND and the wire errors. */
int ztj_cert_parse(struct ztj_cert *c, struct ztj_view blob) ZTJ_MUST_CHECK;
/* The CA's signature, for a CA key of type ed25519 or ecdsa. ZTJ_SIGNER when the certificate
 * carries another CA key. */
int ztj_cert_verify(const struct ztj_cert *c, const struct ztj_key *ca) ZTJ_MUST_CHECK;
/* "sk-ssh-ed25519-cert-v01@openssh.com base64 comment\n". Appends. */
int ztj_cert_line(struct ztj_view cert, const char *comment, struct ztj_buf *out) ZTJ_MUST_CHECK;

#endif
