-- What only SQLite can restore exactly.

create table only_indexed (
    id integer primary key, a integer default (1 + 1) check (a <> 5), b text collate nocase default 'it''s', c any_word, d,
    total integer generated always as (a * 2 + 1) stored, shout text generated always as (upper(b)) virtual,
    constraint pair unique (a, b)
);
insert into only_indexed (a, b, c, d) with recursive n(n) as (select 10 union all select n + 1 from n where n < 300) select n, 'text ' || n, n, null from n;
create index only_indexed_partial on only_indexed (a) where b is not null;
create index only_indexed_expression on only_indexed (lower(b), a desc);
create unique index only_indexed_unique on only_indexed (b) where a > 20;
create table only_strict (id integer primary key, i int, r real, t text, b blob) strict;
insert into only_strict values (1, 2, 3.5, 'four', x'05');
create table only_without_rowid (k text primary key, v blob) without rowid;
insert into only_without_rowid values ('a', x'00'), ('b', null);
