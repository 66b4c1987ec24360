-- Up Migration
-- Who closed a project again asks for its deletion like who closed it first: that person has no vote on whether it goes on, and the answer
-- is about that closing only.

-- The closing that people are asked about, where that is the reason (`closed_again`).
alter table go_on add column closed_at bigint, add column closed_by text, add check (reason = 'closed_again' or (closed_at is null and closed_by is null));

-- A slug that is used again is another project: an export belongs to the project's id. Null: asked for before this was kept, and not served
-- any more; its link was good for a day.
alter table export add column project_id text;
