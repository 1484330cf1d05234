//! Random queries in what every system's SQL can say, the same for the same seed: each in the words of the system that is asked.

use crate::servers::Target;

/// How deep expressions are nested at most.
const DEPTH: u32 = 3;

/// The table that queries read from, and its rows: NULL, limits of what can be computed with, texts that no collation takes for
/// others.
pub const TABLE: &str = "
    create table facts (id int primary key, a int, b int, s varchar(20), t varchar(20) not null, flag boolean not null, day date);
    insert into facts values (1, 0, null, 'x', 'o''clock', true, '2024-02-29'), (2, -7, 3, null, '', false, null),
        (3, null, -30000, '', 'x', true, '0001-01-01'), (4, 30000, 0, 'yy', 'x', false, '9999-12-31'), (5, 3, 3, 'x', 'yy', true, '2024-02-29'),
        (6, null, null, null, 'zzz', false, '1970-01-01'), (7, 1, 2, 'zzz', 'x', true, null);
    create table others (id int primary key, a int, t varchar(20) not null);
    insert into others values (1, 3, 'x'), (2, null, 'yy'), (3, 30000, 'none'), (4, 3, 'zzz');
";

/// Makes queries in one system's words.
#[derive(Debug)]
pub struct Queries<'a> {
    random: fastrand::Rng,
    system: &'a Target,
    /// Texts are made of columns alone: PostgreSQL computes no column from a comparison of constants, whose collation it does not
    /// know.
    columns_alone: bool,
}

impl<'a> Queries<'a> {
    /// The queries of a seed.
    #[must_use]
    pub fn of(system: &'a Target, seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), system, columns_alone: false }
    }

    /// The next one. Its columns are `k`, which rows are ordered by, and `v`, a number or a text.
    pub fn make(&mut self) -> String {
        let filter = self.condition(DEPTH);
        match self.random.u8(..5) {
            0 => format!(
                "select f.a as k, {}({}) as v from facts f where {filter} group by f.a having count(*) > 0",
                self.one_of(&["sum", "min", "max", "count"]),
                self.number(1)
            ),
            1 => format!(
                "select f.id * 10 + o.id as k, {} as v from facts f join others o on o.a = f.a or o.t = f.t and {filter}",
                self.text(DEPTH)
            ),
            2 => format!(
                "select f.id as k, {} as v from facts f left join others o on o.a = f.a and o.id <> 4 where {filter}",
                self.number(DEPTH)
            ),
            3 => format!(
                "select id as k, {} as v from facts f where {filter} union all select o.id + 100, o.a from others o union all select f.id + 200, f.b from facts f where {}",
                self.number(DEPTH),
                self.condition(1)
            ),
            _ => format!("select f.id as k, {} as v from facts f where {filter}", self.text(DEPTH)),
        }
    }

    /// The expressions of a seed, which are computed from one row.
    #[must_use]
    pub fn of_one_row(system: &'a Target, seed: u64) -> Self {
        Self { columns_alone: true, ..Self::of(system, seed) }
    }

    /// A number that is computed from the columns of one row of the first table.
    pub fn computed_number(&mut self) -> String {
        self.number(DEPTH).replace("f.", "")
    }

    /// A text that is.
    pub fn computed_text(&mut self) -> String {
        self.text(DEPTH).replace("f.", "")
    }

    /// A condition that is.
    pub fn computed_condition(&mut self) -> String {
        self.condition(DEPTH).replace("f.", "")
    }

    fn one_of(&mut self, all: &[&'static str]) -> &'static str {
        all[self.random.usize(..all.len())]
    }

    fn number(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.one_of(&["f.a", "f.b", "f.id", "0", "-3", "7"]).to_owned();
        }
        let depth = depth - 1;
        match self.random.u8(..8) {
            0 => format!("({} + {})", self.number(depth), self.number(0)),
            1 => format!("({} - {})", self.number(depth), self.number(0)),
            2 => format!("({} * {})", self.number(0), self.one_of(&["2", "-1", "0"])),
            3 => format!("coalesce({}, {})", self.number(depth), self.number(depth)),
            4 => format!("nullif({}, {})", self.number(depth), self.number(0)),
            5 => format!("abs({})", self.number(depth)),
            6 => format!(
                "case when {} then {} when {} then {} else {} end",
                self.condition(depth),
                self.number(depth),
                self.condition(0),
                self.number(0),
                self.number(depth)
            ),
            _ => {
                let length = match self.system {
                    Target::Sqlite(_) => "length",
                    Target::Postgres(_) | Target::MariaDb(_) => "char_length",
                };
                format!("{length}({})", self.text(depth))
            }
        }
    }

    fn text(&mut self, depth: u32) -> String {
        if depth == 0 && self.columns_alone {
            return self.one_of(&["f.s", "f.t"]).to_owned();
        }
        if depth == 0 {
            return self.one_of(&["f.s", "f.t", "''", "'x'", "'o''clock'", "'yy'"]).to_owned();
        }
        let depth = depth - 1;
        match self.random.u8(..5) {
            0 => {
                let (left, right) = (self.text(depth), self.text(0));
                match self.system {
                    Target::MariaDb(_) => format!("concat({left}, '-', {right})"),
                    Target::Postgres(_) | Target::Sqlite(_) => format!("({left} || '-' || {right})"),
                }
            }
            1 => format!("coalesce({}, {})", self.text(depth), self.text(0)),
            2 => format!("nullif({}, {})", self.text(depth), self.text(0)),
            3 => format!("replace({}, 'x', 'zz')", self.text(depth)),
            _ => format!("case when {} then {} else {} end", self.condition(depth), self.text(depth), self.text(0)),
        }
    }

    fn condition(&mut self, depth: u32) -> String {
        if depth == 0 {
            let all =
                ["f.flag", "f.a > 0", "f.s = 'x'", "f.s is null", "f.day = f.day", "f.b in (3, -30000)", "not f.flag"];
            return self.one_of(&all).to_owned();
        }
        let depth = depth - 1;
        match self.random.u8(..8) {
            0 => format!("({} and {})", self.condition(depth), self.condition(depth)),
            1 => format!("({} or {})", self.condition(depth), self.condition(depth)),
            2 => format!("not ({})", self.condition(depth)),
            3 => {
                let sign = self.one_of(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{} {sign} {}", self.number(depth), self.number(depth))
            }
            4 => {
                let sign = self.one_of(&["=", "<>"]);
                format!("{} {sign} {}", self.text(depth), self.text(0))
            }
            5 => format!("{} is {}null", self.number(depth), self.one_of(&["", "not "])),
            6 => {
                let not = self.one_of(&["", "not "]);
                format!("{} {not}between {} and {}", self.number(depth), self.number(0), self.number(0))
            }
            _ => {
                let not = self.one_of(&["", "not "]);
                format!("{} {not}in ({}, 'x', 'zzz')", self.text(depth), self.text(0))
            }
        }
    }
}
