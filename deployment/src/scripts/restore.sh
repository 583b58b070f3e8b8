#!/bin/sh
# Restores the dump RESTORE_DUMP of BACKUP_DIR, by default the newest one, into a new database RESTORE_DATABASE that belongs to APP_ROLE.
#
# It never writes to an existing database. Whatever fails removes the new one, which nobody uses yet.
set -eu
: "${BACKUP_DIR:?}" "${RESTORE_DATABASE:?}" "${APP_ROLE:?}"
dump=${RESTORE_DUMP:-}
if [ -z "$dump" ]; then
    dump=$(ls -1 "$BACKUP_DIR" | grep -E -e '-[0-9]{8}T[0-9]{6}\.[0-9]{9}Z\.dump$' | sort -r | head -n 1)
    [ -n "$dump" ] || { echo "error: no dump in $BACKUP_DIR" >&2; exit 2; }
fi
case $dump in
*/* | .*) echo "error: RESTORE_DUMP must be a file in BACKUP_DIR" >&2; exit 2 ;;
esac
[ -f "$BACKUP_DIR/$dump" ] || { echo "error: no dump $dump in $BACKUP_DIR" >&2; exit 2; }

# Fails if the database exists.
createdb --no-password --maintenance-db=postgres --owner="$APP_ROLE" --template=template0 --encoding=UTF8 "$RESTORE_DATABASE"
trap 'dropdb --no-password --maintenance-db=postgres --force "$RESTORE_DATABASE"' EXIT
pg_restore --no-password --exit-on-error --single-transaction --no-owner --role="$APP_ROLE" \
    --dbname="$RESTORE_DATABASE" "$BACKUP_DIR/$dump"
trap - EXIT
echo "restored $dump into the database $RESTORE_DATABASE"
