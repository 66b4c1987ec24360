-- Up Migration
-- Indexes that statements lack once there is a year's worth of rows: found with scripts/bench-year.mjs, times in docs/growth.md.

-- Each step and each card asks what happened to one deletion, and since when: without this one, all events of all deletions are read.
create index deletion_event_deletion on deletion_event (deletion_id, kind, seq);
-- How many deletions began to take things today: asked before each that begins, and by each Home of the team.
create index deletion_event_dismantling on deletion_event (at) where kind = 'entered dismantling';

-- /ci-status and Home ask for the newest deletion of a project; rows of deletions are wide.
create index deletion_project on deletion (project_id, opened_at);

-- A pass that finds something which it does not know asks whether it was ever created here: all calls were read for that, in each pass.
create index intent_created on intent ((coalesce(params -> 'change' ->> 'accountId', params -> 'change' ->> 'domainId')))
  where command in ('create_domain', 'create_account');

-- What one person exports, for Home and for the limit of three at a time.
create index export_asked_by on export (asked_by, asked_at);
-- What a run of an export looks for: the few that have not ended, or whose end was not told.
create index export_untold on export (template_id) where not told;

-- What Home counts every five seconds.
create index archive_entry_failed on archive_entry (owner_id) where owner_kind = 'deletion' and state = 'failed';
