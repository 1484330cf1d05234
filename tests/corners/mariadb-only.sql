-- What only MariaDB can restore exactly: indexes, checks, defaults and generated columns in its own words.
set sql_mode = '', time_zone = '+00:00';

create table only_indexed (
    id bigint unsigned not null auto_increment comment 'a number''s comment',
    a int not null default (1 + 1), b varchar(100) character set latin1 collate latin1_german2_ci, c text, d datetime(3) default current_timestamp(3) on update current_timestamp(3),
    e varchar(50) collate utf8mb4_bin default 'it''s \\ "quoted"', f decimal(10, 2) default -1.50, g date default '2024-02-29', h bit(4) default b'1010', i double default 1e10,
    j varchar(20) default null, k varchar(36) default (uuid()), l blob default X'626c6f62', m time default '-10:11:12', n set('a', 'b') default 'a,b', o int default 7, p json default '{}',
    total int generated always as (a * 2 + 1) stored, shout varchar(100) generated always as (upper(e)) virtual,
    primary key (id), unique key pair (a, b), key prefix (c(10)), key down (a desc, e), fulltext key words (c), key on_generated (total),
    constraint sensible check (a <> 5 or b is not null), constraint CONSTRAINT_1 check (o > 0)
) engine = InnoDB auto_increment = 1000 default charset = utf8mb4 comment = 'A table''s comment with an Ümlaut';
insert into only_indexed (a, b, c, d, e, k) select seq, concat('text ', seq, 'ß'), concat('words and words ', seq), '2024-01-01 00:00:00.123', concat('e', seq), md5(seq) from seq_1_to_300;

create table only_address (id int primary key, four inet4, six inet6) comment = '';
insert into only_address values (1, '192.168.0.1', '2001:db8::ff'), (2, '0.0.0.0', '::'), (3, null, null);
