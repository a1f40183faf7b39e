#!/usr/bin/env bash
# Installs what the tests need beside Go, git and make: PostgreSQL, Chromium and
# Prometheus from Debian's packages. Where it may not install, it says exactly
# what is missing; the tests then skip those parts, loudly.
set -u

missing=()
have() { command -v "$1" >/dev/null 2>&1; }
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
have chromium || missing+=(chromium)
have prometheus && have promtool || missing+=(prometheus)
ls /usr/share/fonts/opentype/noto/NotoSansCJK* >/dev/null 2>&1 || missing+=(fonts-noto-cjk)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && have apt-get; then
  echo "setup: installing ${missing[*]}"
  log=$(mktemp)
  if apt-get update >"$log" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    rm -f "$log"
    exit 0
  fi
  tail -5 "$log"
fi
echo "setup: NOT INSTALLED: ${missing[*]}"
echo "setup: the tests that need them are skipped. As root: apt-get install -y --no-install-recommends ${missing[*]}"
exit 0
