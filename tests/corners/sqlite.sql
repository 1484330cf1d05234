-- Every storage class and every corner of a schema that SQLite has. Tables that no other system can hold are called only_*.

pragma foreign_keys = off;

create table numbers (
    id integer primary key autoincrement, whole integer, big bigint, real_ real, double_ double precision, exact decimal(10, 2), flag boolean not null default 1
);
insert into numbers (whole, big, real_, double_, exact, flag) values
    (-2147483648, -9223372036854775808, -1.7976931348623157e308, 5e-324, -99999999.99, 0),
    (2147483647, 9223372036854775807, 1.7976931348623157e308, 0.1, 99999999.99, 1),
    (0, 0, 0.0, 1.0, 1.5, 1),
    (null, null, null, null, null, 1);

create table moments (id integer primary key, day date, moment datetime, clock time);
insert into moments values (1, '2024-02-29', '2024-02-29 12:34:56', '12:34:56'), (2, '1969-12-31', '1969-12-31 23:59:59', '00:00:00'), (3, null, null, null);

create table texts (id integer primary key, free text, short varchar(10), octets blob);
insert into texts values
    (1, '', '', x''),
    (2, 'tab' || char(9) || ' newline' || char(10) || ' quote''" backslash\', 'äöü', x'00'),
    (3, '😀 日本語', '😀', x'000102fffe00'),
    (4, '\N', 'NULL', x'5c4e'),
    (5, null, null, null);

create table text_key (k text primary key not null, v integer);
insert into text_key with recursive n(n) as (select 1 union all select n + 1 from n where n < 500) select 'key ' || n, n from n;
create table composite_key (a integer not null, b varchar(20) not null, c date not null, v text, primary key (a, b, c)) without rowid;
insert into composite_key with recursive n(n) as (select 1 union all select n + 1 from n where n < 500)
    select n % 10, 'b' || n % 7, date('2000-01-01', '+' || n || ' days'), 'v' || n from n;
create table no_key (a integer, b text);
insert into no_key with recursive n(n) as (select 1 union all select n + 1 from n where n < 500)
    select n % 5, case when n % 3 = 0 then null else 'same' end from n;
create table "nothing" (id integer primary key, t text);

create table tree (id integer primary key, parent integer references tree (id) on delete cascade);
insert into tree values (1, null), (2, 1), (3, 2), (4, 1);
create table chicken (id integer primary key, egg integer references egg (id) on delete cascade);
create table egg (id integer primary key, chicken integer references chicken (id) on update cascade on delete set null);
insert into chicken values (1, 1), (2, 2);
insert into egg values (1, 1), (2, null), (3, 2);

create table "Order" ("group" integer primary key, "With Space" text, "UPPER" text not null default 'it''s', "quo""te" integer, "überschrift" text, "percent%" text);
insert into "Order" values (1, 'a', 'b', 2, 'ü', '%'), (2, null, 'c', null, null, null);
create index "Order by" on "Order" ("With Space");
create table "select" ("from" integer primary key references "Order" ("group"), "where" text unique);
insert into "select" values (1, 'x'), (2, null);
