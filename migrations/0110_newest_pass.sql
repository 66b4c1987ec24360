-- Up Migration
-- Each change of a pass asks whether another pass began since, and much asks for the newest plan over everything: without these the whole
-- table of passes was read for the one, and the plans of all quick passes since it for the other.
create unique index pass_seq on pass (seq);
create index pass_fleet on pass (seq) where scope ->> 'kind' = 'fleet';
