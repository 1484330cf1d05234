//! Types that the job makes, and where their names point while they are staged.

use std::collections::HashSet;

use sensei_sdk::Job;
use sensei_sdk::catalog::{DataType, DefaultValue, Enumeration};

use super::render::{keyword, speaks};
use crate::sql::{Token, identifier, literal, name_of, qualified, requalify, staging_schema, tokens};

/// A type to make.
pub(super) struct MadeType<'a> {
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    /// With the bare name; names of other staged types point into staging.
    pub(super) definition: String,
    keyword: &'static str,
    /// A range type comes with functions of its own, and (since 14) with a multirange type.
    range: bool,
    multirange: Option<String>,
}

impl MadeType<'_> {
    /// What ALTER and DROP call it.
    pub(super) fn keyword(&self) -> &'static str {
        self.keyword
    }

    /// Moves the type between schemas, and what PostgreSQL made along with it; `if_there` when it may be absent.
    pub(super) fn move_between(&self, from: &str, to: &str, if_there: bool) -> String {
        let to = identifier(to);
        let alter = |name: &str| format!("ALTER {} {} SET SCHEMA {to};", self.keyword, qualified(from, name));
        let mut body = alter(self.name);
        if !self.range && !if_there {
            return body.trim_end_matches(';').to_owned();
        }
        let names: Vec<String> = std::iter::once(self.name)
            .chain(self.multirange.as_deref())
            .map(|name| literal(&qualified(from, name)))
            .collect();
        if let Some(multirange) = &self.multirange {
            body.push_str(&alter(multirange));
        }
        if self.range {
            // Its constructors; they would otherwise go with the schema they stay in, and take the type along.
            body = format!(
                "FOR made IN SELECT p.oid::regprocedure::text FROM pg_catalog.pg_depend d \
                 JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::regclass \
                 WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'i' AND d.refobjid = ANY \
                 (SELECT pg_catalog.to_regtype(n) FROM pg_catalog.unnest(ARRAY[{}]::text[]) n) \
                 LOOP EXECUTE 'ALTER FUNCTION ' || made || {}; END LOOP; {body}",
                names.join(", "),
                literal(&format!(" SET SCHEMA {to}"))
            );
        }
        if if_there {
            body = format!("IF pg_catalog.to_regtype({}) IS NOT NULL THEN {body} END IF;", names[0]);
        }
        format!("DO $sensei$ DECLARE made text; BEGIN {body} END $sensei$")
    }
}

/// The job's types.
pub(super) struct Place<'a> {
    migration: &'a str,
    names: HashSet<(&'a str, &'a str)>,
    types: Vec<MadeType<'a>>,
}

impl<'a> Place<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let mut place = Self { migration: &job.migration, names: HashSet::new(), types: Vec::new() };
        let mut drafts = Vec::new();
        if speaks(&job.dialect) {
            let used = used(job);
            for named in job.named_types.iter().filter(|t| used.contains(&(t.schema.as_str(), t.name.as_str()))) {
                place.names.insert((&named.schema, &named.name));
                drafts.push((named.schema.as_str(), named.name.as_str(), named.definition.clone(), keyword(named)));
            }
        }
        // Enumerations of columns that no named type stands for: those of systems where enums have no name.
        for column in job.made().flat_map(|t| &t.columns) {
            if let DataType::Enumeration(Enumeration { schema: Some(schema), name: Some(name), values }) =
                &column.data_type
                && !values.is_empty()
                && mentions(&column.native_type, schema, name)
                && place.names.insert((schema, name))
            {
                let labels: Vec<String> = values.iter().map(|v| literal(v)).collect();
                let definition = format!("CREATE TYPE {} AS ENUM ({})", identifier(name), labels.join(", "));
                drafts.push((schema, name, definition, "TYPE"));
            }
        }
        place.types = drafts
            .into_iter()
            .map(|(schema, name, definition, keyword)| MadeType {
                schema,
                name,
                range: definition.contains(" AS RANGE ("),
                multirange: multirange(&definition),
                definition: place.rewrite(&definition),
                keyword,
            })
            .collect();
        place
    }

    /// In the order in which they can be made.
    pub(super) fn types(&self) -> &[MadeType<'a>] {
        &self.types
    }

    /// Text of this dialect with the names of the job's types pointing into staging.
    pub(super) fn rewrite(&self, sql: &str) -> String {
        requalify(sql, |schema, name| {
            self.names.contains(&(schema, name)).then(|| qualified(&staging_schema(self.migration, schema), name))
        })
    }
}

/// Named types that a column, or a used type's definition, mentions.
fn used(job: &Job) -> HashSet<(&str, &str)> {
    let mut texts: Vec<&str> = Vec::new();
    for table in job.made() {
        texts.extend(table.columns.iter().map(|c| c.native_type.as_str()));
        texts.extend(table.columns.iter().filter_map(|c| c.generated.as_ref()).map(|g| g.expression.as_str()));
        texts.extend(table.columns.iter().filter_map(|c| match &c.default {
            Some(DefaultValue::Expression(text)) => Some(text.as_str()),
            Some(_) | None => None,
        }));
        texts.extend(table.checks.iter().map(|c| c.expression.as_str()));
        texts.extend(table.indexes.iter().flat_map(|i| &i.parts).filter_map(|p| p.expression.as_deref()));
        texts.extend(table.indexes.iter().filter_map(|i| i.predicate.as_deref()));
    }
    let mut used = HashSet::new();
    while let Some(text) = texts.pop() {
        for named in &job.named_types {
            if mentions(text, &named.schema, &named.name) && used.insert((named.schema.as_str(), named.name.as_str())) {
                texts.push(&named.definition);
            }
        }
    }
    used
}

fn mentions(sql: &str, schema: &str, name: &str) -> bool {
    tokens(sql).windows(3).any(|three| {
        matches!(three, [Token::Name(s), Token::Other("."), Token::Name(n)] if name_of(s) == schema && name_of(n) == name)
    })
}

/// The name in `MULTIRANGE_TYPE_NAME = name` of a range type's definition.
fn multirange(definition: &str) -> Option<String> {
    let (_, after) = definition.split_once("MULTIRANGE_TYPE_NAME = ")?;
    tokens(after).into_iter().find_map(|t| match t {
        Token::Name(name) => Some(name_of(name)),
        Token::Other(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_brings_its_multirange() {
        assert_eq!(
            multirange("CREATE TYPE r AS RANGE (SUBTYPE = x, MULTIRANGE_TYPE_NAME = \"R m\")"),
            Some("R m".to_owned())
        );
        assert_eq!(multirange("CREATE TYPE e AS ENUM ()"), None);
        assert!(mentions("public.mood[]", "public", "mood"));
        assert!(!mentions("'public.mood'", "public", "mood"));
    }
}
