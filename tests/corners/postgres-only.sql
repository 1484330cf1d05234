-- What only PostgreSQL can restore exactly: indexes, checks and generated columns in its own words.

create table only_indexed (
    id integer generated always as identity (increment by 5) primary key,
    a integer check (a between -1000 and 1000), b text collate "C", c timestamptz default (now() at time zone 'UTC')::timestamp, d jsonb default '{"a": [1]}',
    total integer generated always as (a * 2 + 1) stored,
    words tsvector generated always as (to_tsvector('simple'::regconfig, coalesce(b, ''))) stored,
    constraint sensible check (a <> 5 or b is not null),
    constraint pair unique (a, b)
);
insert into only_indexed (a, b, c) select n, 'text ' || n, '2024-01-01Z'::timestamptz + n * interval '1 hour' from generate_series(1, 300) n;
create index only_indexed_partial on only_indexed (a) where b is not null;
create index only_indexed_expression on only_indexed (lower(b), (a + 1));
create index only_indexed_order on only_indexed (a desc nulls last, b asc nulls first);
create index only_indexed_covering on only_indexed (a) include (b, c);
create index only_indexed_hash on only_indexed using hash (b);
create index only_indexed_words on only_indexed using gin (words);
create index only_indexed_document on only_indexed using gin (d jsonb_path_ops);
create index only_indexed_pattern on only_indexed (b text_pattern_ops);
create unique index only_indexed_unique on only_indexed (b) where a > 10;
create index only_indexed_brin on only_indexed using brin (c);
comment on table only_indexed is 'A table''s comment
on two lines';
comment on column only_indexed.a is 'ein Kommentar mit Ümlaut';
comment on index only_indexed_hash is 'an index has one too';
create index on only_ranges using gist (spot);
create index on only_arrays using gin (words);
