/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * The one error space.  0 is success, everything else is negative.  A code has
 * a stable short name (for logs, JSON and tests) and one sentence that an
 * administrator can act on.  `class` says whether this is a "no" (the question
 * was answered and the answer is denial), an outage (could not find out) or a
 * usage error; programs turn it into exit codes 1, 3 and 2.
 */
#ifndef ZTJ_CORE_ERR_H
#define ZTJ_CORE_ERR_H

#define ZTJ_MUST_CHECK __attribute__((warn_unused_result))

enum ztj_err_class { ZTJ_CLASS_OK, ZTJ_CLASS_NO, ZTJ_CLASS_USAGE, ZTJ_CLASS_OUTAGE };

/* X(SYMBOL, value, class, short name, sentence).  Values are never reused. */
#define ZTJ_ERR_TABLE(X) \
	X(OK, 0, OK, "ok", "success") \
	/* the machine */ \
	X(INTERNAL, -1, OUTAGE, "internal-error", "internal error; access is denied to be safe") \
	X(NOMEM, -2, OUTAGE, "out-of-memory", "out of memory") \
	X(SYSTEM, -3, OUTAGE, "system-error", "an operating system call failed") \
	X(IO, -4, OUTAGE, "io-error", "reading or writing storage failed") \
	X(TIMEOUT, -5, OUTAGE, "timeout", "no answer in time") \
	X(UNREACHABLE, -6, OUTAGE, "unreachable", "could not reach the service") \
	X(CRYPTO_LIB, -7, OUTAGE, "crypto-library", "the cryptography library failed") \
	X(NO_SPACE, -8, OUTAGE, "no-space", "storage is full") \
	X(USAGE, -9, USAGE, "usage", "wrong usage") \
	X(CONFIG, -10, USAGE, "bad-config", "the configuration is refused") \
	X(UNSAFE_FILE, -11, USAGE, "unsafe-file", "a file or its directory is writable by others, a link, or owned by the wrong user") \
	X(NOT_FOUND, -12, NO, "not-found", "no such thing") \
	X(AMBIGUOUS, -13, NO, "ambiguous", "more than one matches; give the full name") \
	X(LIMIT, -14, NO, "limit", "over a limit") \
	X(RATE_LIMITED, -15, NO, "rate-limited", "too many requests; wait and try again") \
	X(FORBIDDEN, -16, NO, "forbidden", "this caller may not do that") \
	X(EXISTS, -17, NO, "exists", "already there") \
	X(PROTOCOL, -18, NO, "protocol-error", "the peer broke the protocol") \
	X(STATE, -19, NO, "wrong-state", "not possible in the present state") \
	X(NOT_READY, -20, OUTAGE, "not-ready", "not armed yet: policy, directory or own record is missing") \
	/* encodings */ \
	X(TRUNCATED, -40, NO, "truncated", "the message ends too early") \
	X(TRAILING, -41, NO, "trailing-bytes", "bytes are left over at the end") \
	X(TOO_LARGE, -42, NO, "too-large", "larger than its limit") \
	X(BAD_ENCODING, -43, NO, "bad-encoding", "malformed encoding") \
	X(BAD_KEY, -44, NO, "bad-key", "malformed public key") \
	X(KEY_TYPE, -45, NO, "key-type", "this type of key is not accepted here") \
	X(BAD_SIGNATURE, -46, NO, "bad-signature", "the signature does not verify") \
	X(SIG_ALG, -47, NO, "signature-algorithm", "unknown or swapped signature algorithm") \
	X(SIG_NAMESPACE, -48, NO, "signature-namespace", "the signature was made for another purpose") \
	X(NO_TOUCH, -49, NO, "user-not-present", "the key did not see a touch") \
	X(NO_UV, -50, NO, "user-not-verified", "the key did not verify its user (PIN or biometric)") \
	X(APPLICATION, -51, NO, "application", "the key's application string must begin with ssh:") \
	X(BAD_TIME, -52, NO, "bad-time", "malformed time or duration") \
	X(BAD_NAME, -53, NO, "bad-name", "malformed name") \
	X(BAD_TEXT, -54, NO, "bad-text", "text with control characters or invalid UTF-8") \
	X(BAD_JSON, -55, NO, "bad-json", "malformed JSON") \
	X(MEMBER_UNKNOWN, -56, NO, "unknown-member", "a member that this version does not know") \
	X(MEMBER_MISSING, -57, NO, "missing-member", "a member is missing") \
	X(MEMBER_TYPE, -58, NO, "member-type", "a member has the wrong type or value") \
	X(VERSION, -59, NO, "unknown-version", "a format version that this program does not know") \
	X(STMT_TYPE, -60, NO, "statement-type", "not the type of statement that is expected here") \
	X(DOMAIN, -61, NO, "other-domain", "a statement of another domain") \
	X(CERT_KIND, -62, NO, "certificate-kind", "not a user certificate of the expected form") \
	X(ENCRYPTED_KEY, -63, NO, "encrypted-key", "the key file is encrypted; load it into ssh-agent instead") \
	/* trust */ \
	X(SIGNER, -80, NO, "wrong-signer", "signed by a key that does not belong to the named signer") \
	X(THRESHOLD, -81, NO, "too-few-signatures", "too few distinct authorised signatures") \
	X(KEY_REVOKED, -82, NO, "key-revoked", "a revoked key") \
	X(KEY_EXPIRED, -83, NO, "key-not-valid", "the key was not valid then, or is not now") \
	X(KEY_SHARED, -84, NO, "key-shared", "one key stands in two records") \
	X(USER_UNKNOWN, -85, NO, "unknown-person", "no such person in the directories held here") \
	X(HOST_UNKNOWN, -86, NO, "unknown-host", "no such host in the directories held here") \
	X(POLICY_ROLLBACK, -87, NO, "policy-rollback", "an older policy than the one held") \
	X(POLICY_FORK, -88, NO, "policy-fork", "another policy with the same version") \
	X(POLICY_EXPIRED, -89, NO, "policy-expired", "the policy has expired") \
	X(POLICY_INVALID, -90, NO, "policy-invalid", "the policy is refused") \
	X(POLICY_TEST, -91, NO, "policy-test-failed", "one of the policy's own tests failed") \
	X(DIR_UNKNOWN, -92, NO, "unknown-directory", "the policy names no registrar for this directory") \
	X(DIR_ROLLBACK, -93, NO, "directory-rollback", "an older directory than the one held") \
	X(DIR_FORK, -94, NO, "directory-fork", "another directory with the same serial") \
	X(DIR_ANCESTRY, -95, NO, "directory-ancestry", "the directory does not descend from the one held") \
	X(DIR_ROOT, -96, NO, "directory-root", "the records do not give the signed Merkle root") \
	X(DIR_ORDER, -97, NO, "directory-order", "records are unsorted or a name stands twice") \
	X(DIR_DELEGATION, -98, NO, "beyond-delegation", "a record says more than its registrar may vouch for") \
	X(DIR_EXPIRED, -99, NO, "directory-expired", "the directory has expired") \
	X(SEEN_AHEAD, -100, NO, "seen-ahead", "the signer has seen a newer policy or directory than this host; it must catch up first") \
	X(FUTURE, -101, NO, "dated-ahead", "dated in the future") \
	X(STALE, -102, NO, "stale", "no fresh word from the broker within the rule's limit") \
	X(PIN_MISMATCH, -103, NO, "pin-mismatch", "the roots do not match the pin") \
	X(BROKER_KEY, -104, NO, "broker-key", "the broker's key does not stand in the policy") \
	X(COUNTER, -105, NO, "key-counter", "the key's signature counter went back: it may be a copy") \
	X(REPLAY, -106, NO, "replay", "used already") \
	X(ID_CLASH, -107, NO, "short-id-taken", "another statement has the same short id") \
	X(UID_SHARED, -108, NO, "uid-shared", "one uid stands in two records") \
	X(ALTERED, -109, NO, "record-altered", "the record is not what its host signed") \
	X(LOG_ALTERED, -110, NO, "log-altered", "the audit log is not what was signed") \
	X(LOG_ROLLBACK, -111, NO, "log-rollback", "an audit log that is shorter than one already seen") \
	X(LOG_FORK, -112, NO, "log-fork", "an audit log that does not continue one already seen") \
	X(NOT_COSIGNED, -113, NO, "not-cosigned", "fewer witnesses cosigned the audit log's checkpoint than the policy demands") \
	X(COSIGNED_LONG_AGO, -114, NO, "cosigned-long-ago", "witnesses cosigned the audit log's checkpoint longer ago than the policy allows") \
	/* the grant and its use */ \
	X(NO_RULE, -120, NO, "no-rule", "no rule allows this") \
	X(NO_GRANT, -121, NO, "no-grant", "no grant for this") \
	X(PENDING, -122, NO, "pending", "approvals are missing") \
	X(NOT_STARTED, -123, NO, "not-started", "the grant has not begun yet") \
	X(ENDED, -124, NO, "ended", "the grant has ended") \
	X(DENIED, -125, NO, "denied", "denied by an approver") \
	X(CANCELLED, -126, NO, "cancelled", "cancelled by the requester") \
	X(REVOKED, -127, NO, "revoked", "revoked") \
	X(EXPIRED, -128, NO, "expired", "not approved in time") \
	X(SELF_APPROVAL, -129, NO, "self-approval", "nobody approves their own request") \
	X(NOT_APPROVER, -130, NO, "not-an-approver", "this person may not approve this request") \
	X(WRONG_REQUEST, -131, NO, "wrong-request", "the approval names another request") \
	X(WRONG_HOST, -132, NO, "wrong-host", "the grant is for other hosts") \
	X(WRONG_PERSON, -133, NO, "wrong-person", "the grant is somebody else's") \
	X(WRONG_ACCOUNT, -134, NO, "wrong-account", "the role does not reach this account") \
	X(WRONG_SERVICE, -135, NO, "wrong-service", "this service is not governed by any rule here") \
	X(WRONG_KEY, -136, NO, "wrong-key", "the certificate is not for one of the requester's keys") \
	X(SOURCE, -137, NO, "source-address", "not from one of the allowed source addresses") \
	X(HOURS, -138, NO, "outside-hours", "outside the rule's hours") \
	X(REASON_SHORT, -139, NO, "reason-too-short", "the reason is shorter than the rule demands") \
	X(TICKET, -140, NO, "ticket", "the ticket does not match the rule's pattern") \
	X(TOO_LONG, -141, NO, "too-long", "longer than the rule allows") \
	X(TOO_FAR_AHEAD, -142, NO, "too-far-ahead", "starts further ahead than the rule allows") \
	X(CHAIN, -143, NO, "chain", "does not extend the request it names") \
	X(NO_RECORDER, -144, NO, "no-recorder", "the role must be recorded and this host has no recorder") \
	X(UID_MISMATCH, -145, NO, "uid-mismatch", "the local account's uid is not the one in the person's record") \
	X(STEPUP_NEEDED, -146, NO, "step-up-needed", "a fresh touch of the security key is needed") \
	X(STEPUP_TIMEOUT, -147, NO, "step-up-timeout", "no touch in time") \
	X(STEPUP_TRANSPORT, -148, NO, "step-up-transport", "no way to ask for a touch from here") \
	X(STEPUP_WRONG, -149, NO, "step-up-mismatch", "the step-up answers another question") \
	X(NO_SESSION, -150, NO, "no-session", "not inside a session that was admitted here") \
	X(CLOCK, -151, NO, "clock", "the clock went back; see ztjit-hostd clock --accept") \
	X(BREAK_GLASS, -152, NO, "break-glass-kit", "break-glass kits are not supported by this version") \
	X(STEPUP_GONE, -153, NO, "step-up-gone", "nobody waits for this step-up (any more)") \
	X(NOT_RECORDED, -154, NO, "not-recorded", "this role elevates only inside a recorded session") \
	X(RECORD_GONE, -155, NO, "record-gone", "the recorder or its record failed, and a session goes with its record") \
	X(KILLED, -156, NO, "killed", "ended by somebody who may") \
	X(ESCAPED, -157, NO, "escaped", "a process has left its session's cgroup") \
	X(NO_CGROUP, -158, USAGE, "no-cgroup", "no cgroups of version 2 with cgroup.kill (Linux 5.14) there; see cgroup in ztjit-hostd.conf(5)") \
	X(NO_AUDIT, -159, NO, "no-audit-session", "no audit session of its own (it takes a kernel with auditing, and pam_loginuid before pam_ztjit)") \
	X(DEVICE, -160, OUTAGE, "no-security-key", "no security key that holds this credential was found") \
	X(PIN_REQUIRED, -161, OUTAGE, "pin-required", "the security key wants its PIN") \
	X(PIN_WRONG, -162, OUTAGE, "pin-wrong", "wrong PIN") \
	X(PIN_BLOCKED, -163, OUTAGE, "pin-blocked", "the PIN is blocked; the security key must be reset or unplugged") \
	X(TOUCH_TIMEOUT, -164, OUTAGE, "touch-timeout", "the security key was not touched in time") \
	X(DEVICE_REFUSED, -165, OUTAGE, "key-refused", "the security key refused the operation") \
	X(MANY_DEVICES, -166, OUTAGE, "several-keys", "several security keys are plugged in; leave one") \
	X(DISPLAY_CUT, -167, NO, "display-cut", "the terminal cannot show everything that would be signed") \
	X(ABORTED, -168, NO, "aborted", "not confirmed; nothing was signed") \
	X(ATTESTATION, -169, NO, "attestation", "the attestation does not prove that this key was made for this enrolment") \
	X(PIN_NOT_SET, -170, OUTAGE, "pin-not-set", "the security key has no PIN yet; set one (fido2-token -S DEVICE) and try again") \
	X(UNCLEAN, -171, NO, "unclean", "the run before did not end by itself: it was killed, or the machine went down")

enum ztj_err {
#define ZTJ_ERR_ENUM(sym, val, cls, name, text) ZTJ_##sym = (val),
	ZTJ_ERR_TABLE(ZTJ_ERR_ENUM)
#undef ZTJ_ERR_ENUM
};

/* The short name ("no-grant"); "unknown-error" for a value not in the table. */
const char *ztj_err_name(int err);
/* The sentence, without a full stop. */
const char *ztj_err_text(int err);
enum ztj_err_class ztj_err_class(int err);
/* The exit code of DESIGN section 12 for an error: 0, 1, 2 or 3. */
int ztj_err_exit(int err);
/* The code with that short name; ZTJ_INTERNAL when there is none. */
int ztj_err_from_name(const char *name);

#endif
