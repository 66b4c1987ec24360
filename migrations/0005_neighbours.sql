-- Up Migration
-- What stood beside a domain at the last look before a step of its deletion: only counts, the newest look only. A text, uncompressed: it is
-- written at every step, and never searched.
create table latest_neighbours (deletion_id uuid primary key references deletion (id), digest text not null, body text not null, looked_at bigint not null);
alter table latest_neighbours alter column body set storage external;
