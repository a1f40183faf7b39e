#!/usr/bin/env bash
# Runs a command with a fresh PostgreSQL on a free loopback port, named by
# TEST_POSTGRES, and takes it away afterwards. Without PostgreSQL it says so and
# runs the command all the same.
set -u

[ -n "${TEST_POSTGRES:-}" ] && exec "$@"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
if [ -z "$bin" ]; then
  echo "with-postgres: PostgreSQL is not installed: its half of the store tests is SKIPPED"
  exec "$@"
fi
dir=$(mktemp -d)
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir"
  as=(runuser -u postgres --)
fi
stop() {
  "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM
"${as[@]}" "$bin/initdb" -D "$dir/data" -A trust -U test >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
for _ in 1 2 3 4 5; do
  port=$((20000 + RANDOM % 20000))
  if "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/data/server.log" \
    -o "-p $port -k $dir -c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=off" start >/dev/null 2>&1; then
    TEST_POSTGRES="postgres://test@127.0.0.1:$port/postgres" "$@"
    exit $?
  fi
done
cat "$dir/data/server.log"
exit 1
