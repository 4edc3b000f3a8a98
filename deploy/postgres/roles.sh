#!/bin/sh
# Run once by PostgreSQL's image: who may only read, for Grafana. The hub's own user owns the tables.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set=password="${GRAFANA_SQL_PASSWORD:-}" <<'SQL'
CREATE ROLE grafana LOGIN PASSWORD :'password';
GRANT USAGE ON SCHEMA public TO grafana;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
SQL
