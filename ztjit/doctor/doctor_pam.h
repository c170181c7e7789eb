/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * What the checks of PAM share: doctor_pam.c judges stacks, doctor_pam_files.c looks at modules and files.
 */
#ifndef ZTJIT_DOCTOR_PAM_H
#define ZTJIT_DOCTOR_PAM_H

#include "ztjit/doctor/doctor.h"
#include "ztjit/doctor/pamstack.h"

#define DOC_PAM_MODULE "pam_ztjit.so"
#define DOC_PAM_MODULE_DIRS 8
#define DOC_PAM_STACK_DIRS 2

/* Where libpam looks for modules, and for stacks; the first that has it counts. */
extern const char *const doc_pam_module_dirs[DOC_PAM_MODULE_DIRS];
extern const char *const doc_pam_stack_dirs[DOC_PAM_STACK_DIRS];

/* As pams_read, from there. */
int doc_pam_read(const char *service, struct pams_stack *s) ZTJ_MUST_CHECK;
/* "file:line", kept. */
const char *doc_pam_at(struct doctor *d, const struct pams_line *l);

void doc_pam_module(struct doctor *d);
void doc_pam_modules(struct doctor *d);
void doc_pam_files(struct doctor *d);
void doc_pam_order(struct doctor *d);

#endif
