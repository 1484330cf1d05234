-- Every type and every corner of a schema that MariaDB has. Tables whose values no other system holds are called only_*.
set sql_mode = '', time_zone = '+00:00';

create table numbers (
    id int unsigned not null auto_increment primary key,
    tiny tinyint, tiny_u tinyint unsigned, small smallint, small_u smallint unsigned, medium mediumint, medium_u mediumint unsigned,
    normal int, normal_u int unsigned, big bigint, big_u bigint unsigned,
    exact decimal(65, 30), money_like decimal(12, 2) not null default 1.50, single float, double_ double, flag tinyint(1), filled int(8) zerofill
) engine = InnoDB;
insert into numbers (tiny, tiny_u, small, small_u, medium, medium_u, normal, normal_u, big, big_u, exact, money_like, single, double_, flag, filled) values
    (-128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, -99999999999999999999999999999999999.999999999999999999999999999999, -9999999999.99, -3.4028234e38, -1.7976931348623157e308, 0, 0),
    (127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 99999999999999999999999999999999999.999999999999999999999999999999, 9999999999.99, 3.4028234e38, 1.7976931348623157e308, 1, 42),
    (1, 1, 1, 1, 1, 1, 1, 1, 1, 9223372036854775808, 0.000000000000000000000000000001, 0.1, 0.1, 0.1, 1, 99999999),
    (null, null, null, null, null, null, null, null, null, null, null, 0, 1.17549435e-38, 2.2250738585072014e-308, null, null);

create table moments (
    id int primary key, day date, moment datetime, micro datetime(6), instant timestamp null, instant_three timestamp(3) null,
    clock time, clock_micro time(6), calendar_year year,
    touched timestamp not null default current_timestamp on update current_timestamp
);
insert into moments values
    (1, '1000-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', '1970-01-01 00:00:01.001', '00:00:00', '00:00:00.000001', 1901, '2024-01-01 00:00:00'),
    (2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.999', '838:59:59', '838:59:59.999999', 2155, '2024-01-01 00:00:00'),
    (3, '2024-02-29', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789', '-838:59:59', '-838:59:59.999999', 2024, '2024-01-01 00:00:00'),
    (4, '1969-12-31', '1969-12-31 23:59:59', '1969-12-31 23:59:59.999999', null, null, '-00:00:01', '-00:00:00.000001', null, '2024-01-01 00:00:00'),
    (5, null, null, null, null, null, null, null, null, '2024-01-01 00:00:00');

create table only_zero (
    id int primary key, day date, moment datetime, instant timestamp null, calendar_year year
);
insert into only_zero values (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', 0), (2, '2024-01-01', null, null, 2024);

create table texts (
    id int primary key, short varchar(10), padded char(5), latin varchar(20) character set latin1, smallest tinytext, normal text, medium mediumtext, longest longtext,
    binary_four binary(4), binary_some varbinary(10), small_blob tinyblob, normal_blob blob, medium_blob mediumblob, long_blob longblob,
    choice enum('', 'a', 'it''s', 'B') not null default 'a', several set('x', 'y', 'it is z') default 'x,y',
    one bit(1), eight bit(8), all_bits bit(64), document json, identifier uuid
) default character set utf8mb4;
insert into texts values
    (1, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', b'0', b'0', b'0', '{}', '00000000-0000-0000-0000-000000000000'),
    (2, 'tab\tnl\n\\', 'ab', 'äöü€ß', 'quote''"', 'back\\slash \r\n tab\t', '%_', 'x', 'ab', x'00ff', x'00', x'0001', x'5c27', x'ff00', 'it''s', 'x,it is z', b'1', b'10101010',
        0xffffffffffffffff, ' { "b" : 1.50, "a":[null,true,"\\u00e9"] } ', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
    (3, '😀日本', 'äöüß😀', 'ÿ', '😀', '日本語 😀', '😀', repeat('😀', 20000), x'00000000', x'', x'', x'', x'', repeat(x'00ff', 20000), 'B', 'x,y,it is z', b'1', b'11111111', 0x8000000000000000, '[]', null),
    (4, 'NULL', '\\N', '\\N', '\\N', '\\N', 'NULL', '\\.', 'NULL', 'NULL', 'NULL', 'NULL', 'NULL', 'NULL', 'a', null, null, null, null, 'null', null),
    (5, ' a ', ' a', ' a ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', 'a', 'y', b'0', b'00000001', b'1', '"text"', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    (6, null, null, null, null, null, null, null, null, null, null, null, null, null, 'a', null, null, null, null, null, null);

create table shapes (
    id int primary key, anything geometry, spot point not null, way linestring, area polygon, spots multipoint, ways multilinestring, areas multipolygon, collection geometrycollection,
    spatial index (spot)
) engine = InnoDB;
insert into shapes values
    (1, point(1.5, -2.25), point(0, 0), linestring(point(0, 0), point(1, 1)), polygon(linestring(point(0, 0), point(1, 0), point(1, 1), point(0, 0))),
        st_geomfromtext('MULTIPOINT(1 1,2 2)'), st_geomfromtext('MULTILINESTRING((0 0,1 1),(2 2,3 3))'),
        st_geomfromtext('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'), st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')),
    (2, st_geomfromtext('POINT(52.5 13.4)', 4326), st_geomfromtext('POINT(1 2)', 4326), null, null, null, null, null, null);

-- Keys of every kind.
create table text_key (k varchar(60) primary key, v int);
insert into text_key select concat('key ', seq, repeat('ä', seq % 7)), seq from seq_1_to_500;
create table binary_key (k binary(16) primary key, v int);
insert into binary_key select unhex(md5(seq)), seq from seq_1_to_500;
create table date_key (k date primary key, v int);
insert into date_key select date '2000-01-01' + interval seq day, seq from seq_1_to_500;
create table composite_key (a int, b varchar(20), c date, v text, primary key (a, b, c));
insert into composite_key select seq % 10, concat('b', seq % 7), date '2000-01-01' + interval seq day, concat('v', seq) from seq_1_to_500;
create table big_key (k bigint unsigned primary key, v int);
insert into big_key select 18446744073709551615 - seq * 1000000007, seq from seq_1_to_500;
create table no_key (a int, b text);
insert into no_key select seq % 5, if(seq % 3 = 0, null, 'same') from seq_1_to_500;
create table nothing (id int primary key, t text);
create table sole_key (id int auto_increment primary key);
insert into sole_key values (5), (10), (-3);

-- References: to itself, in a circle, to several columns, with every action.
create table tree (id int primary key, parent int, foreign key (parent) references tree (id) on delete cascade);
insert into tree values (1, null), (2, 1), (3, 2), (4, 1);
create table chicken (id int primary key, egg int);
create table egg (id int primary key, chicken int, foreign key (chicken) references chicken (id) on update cascade on delete set null);
alter table chicken add foreign key (egg) references egg (id) on delete cascade;
insert into chicken values (1, null), (2, null);
insert into egg values (1, 1), (2, null), (3, 2);
update chicken set egg = id;
create table refers (id int primary key, a int, b varchar(20), c date, unique key together (b, c),
    foreign key (a, b, c) references composite_key (a, b, c) on update cascade on delete restrict);
insert into refers select seq, seq % 10, concat('b', seq % 7), date '2000-01-01' + interval seq day from seq_1_to_50;

-- Names that must be quoted.
create table `Order` (`group` int primary key, `With Space` varchar(20), `UPPER` varchar(20) not null default 'it''s', `quo"te` int, `überschrift` varchar(20), `percent%` varchar(20), key `Order by` (`With Space`));
insert into `Order` values (1, 'a', 'b', 2, 'ü', '%'), (2, null, 'c', null, null, null);
create table `select` (`from` int primary key, `where` varchar(20) unique, foreign key (`from`) references `Order` (`group`));
insert into `select` values (1, 'x'), (2, null);
