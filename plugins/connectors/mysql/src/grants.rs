//! What an account may do, from the server's own list of its grants.
//!
//! `information_schema` has grants too, but leaves out those that come through a role.

use std::collections::BTreeMap;

use sensei_sdk::Result;

use crate::connection::Connection;

/// Where a grant holds.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Everywhere,
    /// A database, or a pattern of them.
    Schema(String),
    /// Database and table; neither is a pattern.
    Table(String, String),
}

/// One line of the list: what an account, or one of its roles, was given or (MySQL's partial revokes) is not to have.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    revoked: bool,
    rights: Vec<String>,
    place: Place,
    grantee: String,
}

/// All grants that count in this session.
#[derive(Debug)]
pub(crate) struct Grants {
    /// Whose session it is: `user@host`.
    pub(crate) account: String,
    grants: Vec<Grant>,
    /// Names of databases are patterns. Partial revokes make them plain names.
    pub(crate) patterns: bool,
    /// The server folds names to lower case.
    folds: bool,
}

impl Grants {
    /// Asks the server. Lines are not kept: older servers show a password's hash in them.
    pub(crate) fn read(connection: &mut Connection) -> Result<Self> {
        let mut sql = "SHOW GRANTS".to_owned();
        if !connection.server.maria {
            // MariaDB adds those of the current role by itself.
            let roles = connection.value("SELECT CURRENT_ROLE()")?.filter(|r| r != "NONE");
            sql.extend(roles.map(|roles| format!(" FOR CURRENT_USER() USING {roles}")));
        }
        let lines = first_column(connection.table(&sql)?);
        let variables = "SHOW VARIABLES WHERE Variable_name IN ('partial_revokes', 'lower_case_table_names')";
        let settings = connection.table(variables)?;
        let setting =
            |name: &str| settings.iter().find(|r| r[0].as_deref() == Some(name)).and_then(|r| r[1].as_deref());
        Ok(Self {
            account: connection.value("SELECT CURRENT_USER()")?.unwrap_or_default(),
            grants: lines.iter().filter_map(|line| grant(line)).collect(),
            patterns: setting("partial_revokes") != Some("ON"),
            folds: setting("lower_case_table_names").is_some_and(|v| v != "0"),
        })
    }

    fn folded(&self, name: &str) -> String {
        if self.folds { name.to_lowercase() } else { name.to_owned() }
    }

    /// Whether the account has a right on everything.
    pub(crate) fn everywhere(&self, right: &str) -> bool {
        self.grants.iter().any(|g| !g.revoked && g.place == Place::Everywhere && g.gives(right))
    }

    /// Whether it has a right on all of a database, which need not be there.
    pub(crate) fn on_schema(&self, right: &str, schema: &str) -> bool {
        let schema = self.folded(schema);
        let revoked = |g: &Grant| g.revoked && g.gives(right) && g.place == Place::Schema(schema.clone());
        if self.everywhere(right) && !self.grants.iter().any(revoked) {
            return true;
        }
        // Of an account's databases and patterns the server heeds the most specific one that fits, and no other.
        let mut heeded: BTreeMap<&str, (usize, bool)> = BTreeMap::new();
        for grant in self.grants.iter().filter(|g| !g.revoked) {
            let Place::Schema(pattern) = &grant.place else { continue };
            if !self.fits(pattern, &schema) {
                continue;
            }
            let (specific, gives) = (self.specificity(pattern), grant.gives(right));
            let best = heeded.entry(&grant.grantee).or_insert((specific, gives));
            if specific >= best.0 {
                *best = (specific, gives || specific == best.0 && best.1);
            }
        }
        heeded.values().any(|(_, gives)| *gives)
    }

    /// Whether it has a right on a table, all of its columns included.
    pub(crate) fn on_table(&self, right: &str, schema: &str, table: &str) -> bool {
        let place = Place::Table(self.folded(schema), self.folded(table));
        self.on_schema(right, schema) || self.grants.iter().any(|g| !g.revoked && g.place == place && g.gives(right))
    }

    /// The databases on which a statement must grant, so that the account gains a right on `schema` and loses none: the
    /// grant of a more specific name would take the place of the one that is heeded now. `otherwise` where none is.
    pub(crate) fn to_grant_on(&self, schema: &str, otherwise: &str) -> String {
        let schema = self.folded(schema);
        let own = self.grants.iter().filter(|g| !g.revoked && g.grantee == self.account);
        let fitting = own.filter_map(|g| match &g.place {
            Place::Schema(pattern) => self.fits(pattern, &schema).then_some(pattern.as_str()),
            Place::Everywhere | Place::Table(..) => None,
        });
        fitting.max_by_key(|pattern| self.specificity(pattern)).unwrap_or(otherwise).to_owned()
    }

    fn fits(&self, pattern: &str, name: &str) -> bool {
        if !self.patterns {
            return unescaped(pattern) == name;
        }
        let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
        matches(&pattern, &name)
    }

    /// Characters before the first wildcard; a name without any is more specific than every pattern.
    fn specificity(&self, pattern: &str) -> usize {
        let mut escaped = false;
        let wildcard = pattern.chars().position(|c| {
            let wild = !escaped && matches!(c, '%' | '_');
            escaped = !escaped && c == '\\';
            wild
        });
        wildcard.filter(|_| self.patterns).unwrap_or(usize::MAX)
    }
}

impl Grant {
    fn gives(&self, right: &str) -> bool {
        self.rights.iter().any(|r| r == right || r == "ALL PRIVILEGES" || r == "ALL")
    }
}

/// The name behind a pattern without wildcards.
fn unescaped(pattern: &str) -> String {
    pattern.replace("\\_", "_").replace("\\%", "%")
}

/// `%` is any text, `_` any character, a backslash takes the next one as it is.
fn matches(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['%', rest @ ..] => (0..=name.len()).any(|at| matches(rest, &name[at..])),
        ['_', rest @ ..] => !name.is_empty() && matches(rest, &name[1..]),
        ['\\', c, rest @ ..] | [c, rest @ ..] => name.first() == Some(c) && matches(rest, &name[1..]),
    }
}

/// The first value of each row.
pub(crate) fn first_column(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).collect()
}

/// A piece of a GRANT statement.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// What stood in quotes of whichever kind.
    Name(String),
    Mark(char),
}

fn tokens(line: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '`' | '\'' | '"' => {
                let mut name = String::new();
                while let Some(inner) = rest.next() {
                    if inner == c && rest.next_if_eq(&c).is_none() {
                        break;
                    }
                    name.push(inner);
                }
                found.push(Token::Name(name));
            }
            c if c.is_alphanumeric() || matches!(c, '_' | '$') => {
                let mut word = String::from(c);
                while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
                    word.push(next);
                }
                found.push(Token::Word(word));
            }
            c if c.is_whitespace() => {}
            c => found.push(Token::Mark(c)),
        }
    }
    found
}

/// Reads one line; none where it grants nothing on databases and tables: roles, routines, proxies.
fn grant(line: &str) -> Option<Grant> {
    let tokens = tokens(line);
    let (verb, rest) = tokens.split_first()?;
    let revoked = *verb == Token::Word("REVOKE".to_owned());
    if !revoked && *verb != Token::Word("GRANT".to_owned()) {
        return None;
    }
    let on = rest.iter().position(|t| *t == Token::Word("ON".to_owned()))?;
    let (place, after) = place(&rest[on + 1..])?;
    // Behind TO or FROM: user, `@`, host; a role of MariaDB has no host.
    let grantee = after.iter().skip(1).map_while(|t| match t {
        Token::Name(name) => Some(name.as_str()),
        Token::Mark('@') => Some("@"),
        Token::Word(_) | Token::Mark(_) => None,
    });
    Some(Grant { revoked, rights: rights(&rest[..on]), place, grantee: grantee.collect() })
}

/// Rights on the whole object: one that names columns holds on these alone.
fn rights(tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    for right in tokens.split(|t| *t == Token::Mark(',')) {
        let words: Option<Vec<&str>> = right
            .iter()
            .map(|t| match t {
                Token::Word(word) => Some(word.as_str()),
                Token::Name(_) | Token::Mark(_) => None,
            })
            .collect();
        found.extend(words.filter(|w| !w.is_empty()).map(|w| w.join(" ")));
    }
    found
}

/// The object, and what follows it.
fn place(tokens: &[Token]) -> Option<(Place, &[Token])> {
    match tokens {
        [Token::Mark('*'), Token::Mark('.'), Token::Mark('*'), rest @ ..] => Some((Place::Everywhere, rest)),
        [Token::Name(schema) | Token::Word(schema), Token::Mark('.'), Token::Mark('*'), rest @ ..] => {
            Some((Place::Schema(schema.clone()), rest))
        }
        [
            Token::Name(schema) | Token::Word(schema),
            Token::Mark('.'),
            Token::Name(table) | Token::Word(table),
            rest @ ..,
        ] => Some((Place::Table(schema.clone(), table.clone()), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Grants {
        /// Of `u@%`, as most servers take them.
        pub(crate) fn of_lines(lines: &[&str]) -> Self {
            let grants = lines.iter().filter_map(|line| grant(line)).collect();
            Self { account: "u@%".to_owned(), grants, patterns: true, folds: false }
        }
    }

    #[test]
    fn lines_of_both_systems() {
        let it = Grants::of_lines(&[
            "GRANT RELOAD, PROCESS ON *.* TO `reader`@`%` IDENTIFIED BY PASSWORD '*94BD' WITH GRANT OPTION",
            "GRANT ALL PRIVILEGES ON `shop`.* TO `reader`@`%`",
            "GRANT SELECT, INSERT (`a ON b`, `c`), SHOW VIEW ON `hr`.`Jobs` TO `reader`@`%`",
            "GRANT SELECT (`id`), UPDATE ON `hr`.`secret` TO `reader`@`%`",
            "GRANT EXECUTE ON PROCEDURE `hr`.`p` TO `reader`@`%`",
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
            "GRANT `role`@`%` TO `reader`@`%`",
            "GRANT BACKUP_ADMIN,FLUSH_TABLES ON *.* TO `reader`@`%`",
        ]);
        assert!(it.everywhere("RELOAD") && it.everywhere("FLUSH_TABLES") && !it.everywhere("SELECT"));
        assert!(it.on_schema("DROP", "shop") && it.on_table("SELECT", "shop", "t") && !it.everywhere("DROP"));
        assert!(it.on_table("SELECT", "hr", "Jobs") && it.on_table("SHOW VIEW", "hr", "Jobs"));
        assert!(!it.on_table("INSERT", "hr", "Jobs"), "of some columns only");
        assert!(!it.on_table("SELECT", "hr", "secret") && it.on_table("UPDATE", "hr", "secret"));
        assert!(!it.on_schema("SELECT", "hr") && !it.on_table("SELECT", "hr", "jobs"));
        assert!(!it.on_schema("EXECUTE", "hr"));
    }

    #[test]
    fn names_of_databases_are_patterns() {
        let it = Grants::of_lines(&[
            r"GRANT CREATE, DROP ON `sensei\_%`.* TO `u`@`%`",
            "GRANT SELECT ON `a_c`.* TO `u`@`%`",
        ]);
        assert!(it.on_schema("CREATE", "sensei_m1") && it.on_schema("CREATE", "sensei_"));
        assert!(!it.on_schema("CREATE", "senseiXm1") && !it.on_schema("CREATE", "sensei"));
        assert!(it.on_schema("SELECT", "abc") && it.on_schema("SELECT", "a_c") && !it.on_schema("SELECT", "ac"));
        let plain = ["GRANT SELECT ON `a_c`.* TO `u`@`%`", r"GRANT DROP ON `b\_`.* TO `u`@`%`"];
        let plain = Grants { patterns: false, ..Grants::of_lines(&plain) };
        assert!(plain.on_schema("SELECT", "a_c") && !plain.on_schema("SELECT", "abc") && plain.on_schema("DROP", "b_"));
    }

    #[test]
    fn the_most_specific_of_one_account_counts_and_roles_add() {
        let it = Grants::of_lines(&[
            "GRANT SELECT, INSERT ON `sh%`.* TO `u`@`%`",
            "GRANT SELECT ON `shop`.* TO `u`@`%`",
            "GRANT DROP ON `s%`.* TO `role`",
        ]);
        assert!(it.on_schema("SELECT", "shop") && !it.on_schema("INSERT", "shop") && it.on_schema("DROP", "shop"));
        assert!(it.on_schema("INSERT", "ship"));
        assert_eq!(["shop", "ship", "mill"].map(|schema| it.to_grant_on(schema, "m")), ["shop", "sh%", "m"]);
    }

    #[test]
    fn what_was_taken_back_is_missing() {
        let it =
            Grants::of_lines(&["GRANT SELECT, INSERT ON *.* TO `u`@`%`", "REVOKE INSERT ON `shop`.* FROM `u`@`%`"]);
        assert!(it.on_schema("SELECT", "shop") && !it.on_schema("INSERT", "shop") && it.on_schema("INSERT", "other"));
    }

    #[test]
    fn a_server_that_folds_names_knows_them_in_any_case() {
        let it = Grants { folds: true, ..Grants::of_lines(&["GRANT SELECT ON `hr`.* TO `u`@`%`"]) };
        assert!(it.on_schema("SELECT", "HR"));
    }
}
