-- Up Migration
-- What stood beside a domain at the last look before a step of its deletion: only counts, the newest look only.
create table latest_neighbours (deletion_id uuid primary key references deletion (id), digest text not null, body jsonb not null, looked_at bigint not null);
