# Copyright (c) 2026 the ztjit authors
# SPDX-License-Identifier: BSD-2-Clause
#
# ZTJ_HARDENING: probe each warning and hardening flag and collect those the
# compiler and linker take, in WARN_CFLAGS, HARD_CFLAGS and HARD_LDFLAGS.

AC_DEFUN([ZTJ_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC takes $2])
  ztj_save_cflags="$CFLAGS"
  CFLAGS="-Werror $2"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[]], [[return 0;]])],
    [AC_MSG_RESULT([yes]); $1="$$1 $2"; ztj_flag_ok=yes],
    [AC_MSG_RESULT([no]); ztj_flag_ok=no])
  CFLAGS="$ztj_save_cflags"
])

AC_DEFUN([ZTJ_TRY_LDFLAG], [
  AC_MSG_CHECKING([whether the linker takes $2])
  ztj_save_ldflags="$LDFLAGS"
  LDFLAGS="$LDFLAGS -Werror $2"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[return 0;]])],
    [AC_MSG_RESULT([yes]); $1="$$1 $2"],
    [AC_MSG_RESULT([no])])
  LDFLAGS="$ztj_save_ldflags"
])

AC_DEFUN([ZTJ_HARDENING], [
  WARN_CFLAGS="" HARD_CFLAGS="" HARD_LDFLAGS=""
  for ztj_f in -std=gnu17 -Wall -Wextra -Wpedantic -Wformat=2 -Wshadow -Wconversion \
      -Wsign-conversion -Wcast-qual -Wwrite-strings -Wstrict-prototypes \
      -Wmissing-prototypes -Wundef -Wvla -Wswitch-enum -Wnull-dereference \
      -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init \
      -Wimplicit-fallthrough -Wunreachable-code-aggressive -Wcomma; do
    ZTJ_TRY_CFLAG([WARN_CFLAGS], [$ztj_f])
  done
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  for ztj_f in -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
      -fno-strict-aliasing -fno-common; do
    ZTJ_TRY_CFLAG([HARD_CFLAGS], [$ztj_f])
  done
  ZTJ_TRY_CFLAG([HARD_CFLAGS], [-ftrivial-auto-var-init=zero])
  AS_IF([test "x$ztj_flag_ok" = xno],
    [ZTJ_TRY_CFLAG([HARD_CFLAGS], [-ftrivial-auto-var-init=pattern])])
  dnl Sanitizers apart: what stock programs load cannot carry a sanitizer.
  SAN_CFLAGS="" SAN_LDFLAGS=""
  AS_IF([test "x$enable_sanitizers" = xyes || test "x$enable_fuzzers" = xyes],
    [SAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
     SAN_LDFLAGS="-fsanitize=address,undefined"],
    [AS_IF([test "x$enable_coverage" = xyes],
      [HARD_CFLAGS="$HARD_CFLAGS --coverage" HARD_LDFLAGS="--coverage"],
      [HARD_CFLAGS="$HARD_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"])])
  AS_IF([test "x$enable_fuzzers" = xyes],
    [SAN_CFLAGS="$SAN_CFLAGS -fsanitize=fuzzer-no-link"])
  for ztj_f in -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--as-needed; do
    ZTJ_TRY_LDFLAG([HARD_LDFLAGS], [$ztj_f])
  done
  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([HARD_CFLAGS])
  AC_SUBST([HARD_LDFLAGS])
  AC_SUBST([SAN_CFLAGS])
  AC_SUBST([SAN_LDFLAGS])
])
