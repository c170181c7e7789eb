/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * One function per command; each stands in the file of its name or family.
 */
#ifndef ZTJIT_COMMANDS_H
#define ZTJIT_COMMANDS_H

#include "ztjit/cli.h"

int cmd_init(struct cli *c);
int cmd_enroll(struct cli *c);
int cmd_login(struct cli *c);
int cmd_logout(struct cli *c);
int cmd_whoami(struct cli *c);
int cmd_status(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_request(struct cli *c);
int cmd_extend(struct cli *c);
int cmd_requests(struct cli *c);
int cmd_show(struct cli *c);
int cmd_approve(struct cli *c);
int cmd_deny(struct cli *c);
int cmd_cancel(struct cli *c);
int cmd_revoke(struct cli *c);
int cmd_watch(struct cli *c);
int cmd_ssh(struct cli *c);
int cmd_cert(struct cli *c);
int cmd_config_ssh(struct cli *c);
int cmd_known_hosts(struct cli *c);
int cmd_confirm(struct cli *c);
int cmd_submit(struct cli *c);
int cmd_user_invite(struct cli *c);
int cmd_user_approve(struct cli *c);
int cmd_user_ls(struct cli *c);
int cmd_user_remove(struct cli *c);
int cmd_host_approve(struct cli *c);
int cmd_host_ls(struct cli *c);
int cmd_host_show(struct cli *c);
int cmd_host_token(struct cli *c);
int cmd_host_remove(struct cli *c);
int cmd_directory_show(struct cli *c);
int cmd_directory_renew(struct cli *c);
int cmd_directory_sign(struct cli *c);
int cmd_policy_check(struct cli *c);
int cmd_policy_test(struct cli *c);
int cmd_policy_explain(struct cli *c);
int cmd_policy_diff(struct cli *c);
int cmd_policy_sign(struct cli *c);
int cmd_policy_push(struct cli *c);
int cmd_sessions_ls(struct cli *c);
int cmd_sessions_show(struct cli *c);
int cmd_sessions_play(struct cli *c);
int cmd_sessions_tail(struct cli *c);
int cmd_sessions_search(struct cli *c);
int cmd_sessions_export(struct cli *c);
int cmd_sessions_kill(struct cli *c);
int cmd_scan(struct cli *c);
int cmd_report_standing(struct cli *c);
int cmd_report_access(struct cli *c);
int cmd_report_metrics(struct cli *c);
int cmd_report_controls(struct cli *c);
int cmd_audit_ls(struct cli *c);
int cmd_audit_show(struct cli *c);
int cmd_audit_verify(struct cli *c);
int cmd_audit_proof(struct cli *c);
int cmd_audit_verify_proof(struct cli *c);
int cmd_audit_follow(struct cli *c);
int cmd_audit_export(struct cli *c);

#endif
