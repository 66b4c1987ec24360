-- Up Migration
-- Who closed a project was asked, once for each closing, to settle it in the CI database, after people did not want its domain deleted.

create table settle_asked (
  project_id text not null,
  -- The closing, as the CI database had it: when, in epoch milliseconds in UTC; empty: it does not say.
  closing text not null,
  at bigint not null,
  primary key (project_id, closing)
);
