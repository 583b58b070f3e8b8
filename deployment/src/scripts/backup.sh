#!/bin/sh
# Dumps the database that PGDATABASE and the variables like it name into BACKUP_DIR, and keeps the newest BACKUP_KEEP dumps.
#
# A dump gets its name only once it is complete, readable and on the disk. Whatever fails before that leaves the other dumps alone.
set -eu
: "${BACKUP_DIR:?}" "${BACKUP_KEEP:?}" "${PGDATABASE:?}"
case $BACKUP_KEEP in
'' | *[!0-9]* | 0) echo "error: BACKUP_KEEP must be a number above 0" >&2; exit 2 ;;
esac
umask 077
# One dump at a time: what another run has left is partial, since it holds no lock.
exec 9>"$BACKUP_DIR/.lock"
flock --nonblock 9 || { echo "error: another dump is running" >&2; exit 2; }
rm -rf "$BACKUP_DIR"/.partial-*
partial=$(mktemp -d "$BACKUP_DIR/.partial-XXXXXX")
trap 'rm -rf "$partial"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

pg_dump --no-password --format=custom --file "$partial/dump"
# Reads every byte: a dump that cannot be restored is no dump.
pg_restore --file=/dev/null "$partial/dump"
sync "$partial/dump"
name="$PGDATABASE-$(date -u +%Y%m%dT%H%M%S.%NZ).dump"
mv "$partial/dump" "$BACKUP_DIR/$name"
sync "$BACKUP_DIR"
echo "dumped $name, $(wc -c <"$BACKUP_DIR/$name") bytes"

# The names sort by time, and have no blanks: they begin with a name that the manifests give.
ls -1 "$BACKUP_DIR" | grep -E -e '-[0-9]{8}T[0-9]{6}\.[0-9]{9}Z\.dump$' | sort -r | tail -n "+$((BACKUP_KEEP + 1))" |
    while read -r old; do
        rm -f -- "$BACKUP_DIR/$old"
        echo "removed $old"
    done
