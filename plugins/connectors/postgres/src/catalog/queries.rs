//! What is asked of `pg_catalog`: a handful of queries for a whole catalog, whatever its size.
//!
//! `search_path` is empty, so every name that the server prints is qualified. `{..}` are filled in by
//! [`super::Filter`]; version-dependent columns by [`versioned`].

/// Replaces what older servers do not have by what they would say.
pub(super) fn versioned(sql: &str, version: u32) -> String {
    let mut sql = sql.to_owned();
    for (since, new, old) in [
        (120_000, "a.attgenerated", "''"),
        (150_000, "i.indnullsnotdistinct", "false"),
        (110_000, "i.indnkeyatts", "i.indnatts"),
        (110_000, "p.prokind", "CASE WHEN p.proisagg THEN 'a' ELSE 'f' END"),
        (140_000, "r.rngmultitypid", "0::oid"),
    ] {
        if version < since {
            sql = sql.replace(new, old);
        }
    }
    sql
}

pub(super) const SCHEMAS: &str = "
SELECT n.nspname AS name
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT (n.nspname LIKE 'sensei\\_%' AND coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace'), '') LIKE '{mark}%')
ORDER BY 1";

/// Ordinary, partitioned and foreign tables. Partitions count into their root.
pub(super) const TABLES: &str = "
WITH RECURSIVE chosen AS (
  SELECT c.oid, c.relname, c.relkind, n.nspname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND {tables}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), tree(root, part) AS (
  SELECT oid, oid FROM chosen
  UNION ALL
  SELECT t.root, i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.part
  JOIN chosen r ON r.oid = t.root AND r.relkind = 'p'
), size AS (
  SELECT t.root, bool_or(p.relkind = 'r' AND (p.reltuples < 0 OR p.relpages = 0) AND pg_catalog.pg_relation_size(p.oid) > 0) AS unknown,
    sum(CASE WHEN p.relkind = 'r' THEN pg_catalog.pg_relation_size(p.oid) / current_setting('block_size')::int ELSE 0 END)::int8 AS pages,
    sum(CASE WHEN p.relkind IN ('r', 'm') THEN pg_catalog.pg_table_size(p.oid) ELSE 0 END)::int8 AS bytes,
    sum(CASE WHEN p.relkind = 'r' AND p.relpages > 0
             THEN greatest(p.reltuples, 0) / p.relpages * (pg_catalog.pg_relation_size(p.oid) / current_setting('block_size')::int)
             WHEN p.relkind = 'f' THEN greatest(p.reltuples, 0) ELSE 0 END)::int8 AS rows
  FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.part GROUP BY t.root
)
SELECT c.oid::int8 AS id, c.nspname AS schema, c.relname AS name, c.relkind AS kind,
  pg_catalog.obj_description(c.oid, 'pg_class') AS comment, s.unknown, s.pages, s.bytes, s.rows,
  CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key
FROM chosen c JOIN size s ON s.root = c.oid ORDER BY c.nspname, c.relname";

/// Partitions of chosen tables, parents first.
pub(super) const PARTITIONS: &str = "
WITH RECURSIVE tree(root, part, parent, level) AS (
  SELECT c.oid, i.inhrelid, i.inhparent, 1
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_inherits i ON i.inhparent = c.oid
  WHERE c.relkind = 'p' AND NOT c.relispartition AND {tables}
  UNION ALL
  SELECT t.root, i.inhrelid, i.inhparent, t.level + 1 FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.part
)
SELECT t.root::int8 AS table, cn.nspname AS schema, c.relname AS name, pn.nspname AS parent_schema, p.relname AS parent,
  pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bounds,
  CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key
FROM tree t
JOIN pg_catalog.pg_class c ON c.oid = t.part JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = t.parent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
ORDER BY t.root, t.level, cn.nspname, c.relname";

/// Indexes and constraints that a partition alone has.
pub(super) const OF_PARTITIONS: &str = "
SELECT n.nspname AS schema, 'index ' || x.relname || ' of partition ' || c.relname AS name, pg_catalog.pg_get_indexdef(x.oid) AS definition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indrelid = c.oid JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
WHERE c.relispartition AND {tables}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT n.nspname, 'constraint ' || k.conname || ' of partition ' || c.relname, pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
WHERE c.relispartition AND {tables} AND k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.coninhcount = 0 AND k.conparentid = 0
ORDER BY 1, 2";

pub(super) const COLUMNS: &str = "
WITH RECURSIVE domains(id, base, modifier, required) AS (
  SELECT oid, typbasetype, typtypmod, typnotnull FROM pg_catalog.pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT d.id, t.typbasetype, CASE WHEN d.modifier = -1 THEN t.typtypmod ELSE d.modifier END, d.required OR t.typnotnull
  FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base WHERE t.typtype = 'd'
)
SELECT c.oid::int8 AS table, a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS native_type,
  b.oid::int8 AS base, b.typname AS base_name, bn.nspname AS base_schema, b.typtype AS class,
  coalesce(nullif(a.atttypmod, -1), d.modifier, -1) AS modifier,
  a.attnotnull OR coalesce(d.required, false) AS required,
  pg_catalog.pg_get_expr(e.adbin, e.adrelid) AS expression,
  a.attidentity AS identity, a.attgenerated AS generated,
  CASE WHEN a.attcollation <> t.typcollation
       THEN (SELECT pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname)
             FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
             WHERE l.oid = a.attcollation) END AS collation,
  pg_catalog.col_description(c.oid, a.attnum) AS comment,
  q.oid::int8 AS sequence,
  EXISTS (SELECT FROM pg_catalog.pg_trigger g
          WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
            AND pg_catalog.obj_description(g.tgfoid, 'pg_proc') LIKE '{mark}sets %'
            AND pg_catalog.strpos(pg_catalog.obj_description(g.tgfoid, 'pg_proc'),
                                  chr(34) || replace(a.attname, chr(34), chr(34) || chr(34)) || chr(34)) > 0) AS touched
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN domains d ON d.id = t.oid
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type x WHERE x.oid = d.base AND x.typtype = 'd')
JOIN pg_catalog.pg_type b ON b.oid = coalesce(d.base, t.oid)
JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = c.oid AND e.adnum = a.attnum
LEFT JOIN LATERAL (
  SELECT s.objid AS oid FROM pg_catalog.pg_depend s JOIN pg_catalog.pg_class sc ON sc.oid = s.objid AND sc.relkind = 'S'
  WHERE s.classid = 'pg_catalog.pg_class'::regclass AND s.refclassid = 'pg_catalog.pg_class'::regclass
    AND s.refobjid = c.oid AND s.refobjsubid = a.attnum AND s.deptype IN ('a', 'i') LIMIT 1
) q ON true
WHERE c.relkind IN ('r', 'p', 'f') AND {tables}
ORDER BY c.oid, a.attnum";

pub(super) const LABELS: &str = "
SELECT t.oid::int8 AS type, pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
FROM pg_catalog.pg_enum e JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid GROUP BY t.oid";

pub(super) const SEQUENCES: &str = "
SELECT c.oid::int8 AS id, n.nspname AS schema, c.relname AS name, s.seqincrement AS increment,
  pg_catalog.has_sequence_privilege(c.oid, 'SELECT') AS readable,
  EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
          AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')) AS owned
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {tables} AND c.relpersistence <> 't'
ORDER BY 2, 3";

/// What is no plain key, foreign key or check has a `special`: it is listed as an object.
pub(super) const CONSTRAINTS: &str = "
SELECT c.oid::int8 AS table, k.conname AS name, k.contype AS kind,
  (SELECT pg_catalog.array_agg(a.attname::text ORDER BY u.at) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(num, at)
   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
  fn.nspname AS referenced_schema, f.relname AS referenced_table,
  (SELECT pg_catalog.array_agg(a.attname::text ORDER BY u.at) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(num, at)
   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) AS referenced_columns,
  k.confupdtype AS on_update, k.confdeltype AS on_delete, k.condeferrable AS deferrable, k.condeferred AS deferred,
  CASE WHEN k.contype = 'c' THEN pg_catalog.pg_get_expr(k.conbin, k.conrelid) END AS expression,
  CASE WHEN k.contype = 'x' OR NOT k.convalidated OR (k.contype = 'f' AND k.confmatchtype = 'f')
         OR (k.contype IN ('p', 'u') AND (k.condeferrable OR i.indnullsnotdistinct OR i.indnatts <> i.indnkeyatts))
       THEN pg_catalog.pg_get_constraintdef(k.oid) END AS special
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND NOT (k.contype = 'f' AND k.conparentid <> 0) AND {tables}
ORDER BY c.oid, k.contype, k.conname";

pub(super) const INDEXES: &str = "
SELECT c.oid::int8 AS table, x.relname AS name, i.indisunique AS unique, m.amname AS method,
  pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate, pg_catalog.obj_description(x.oid, 'pg_class') AS comment,
  CASE WHEN i.indnullsnotdistinct THEN pg_catalog.pg_get_indexdef(i.indexrelid) END AS special,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
     'column', a.attname,
     'expression', CASE WHEN i.indkey[k] = 0 THEN pg_catalog.pg_get_indexdef(i.indexrelid, k + 1, false) END,
     'descending', (i.indoption[k] & 1) <> 0, 'nulls_first', (i.indoption[k] & 2) <> 0,
     'collation', CASE WHEN i.indkey[k] <> 0 AND i.indcollation[k] <> a.attcollation
                  THEN (SELECT pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname)
                        FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                        WHERE l.oid = i.indcollation[k]) END,
     'operator_class', CASE WHEN NOT o.opcdefault
                       THEN pg_catalog.quote_ident(os.nspname) || '.' || pg_catalog.quote_ident(o.opcname) END) ORDER BY k)
   FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) k
   LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] AND i.indkey[k] <> 0
   JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k]
   JOIN pg_catalog.pg_namespace os ON os.oid = o.opcnamespace) AS parts,
  (SELECT coalesce(pg_catalog.array_agg(a.attname::text ORDER BY k), '{}')
   FROM pg_catalog.generate_series(i.indnkeyatts::int, i.indnatts - 1) k
   JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]) AS included
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am m ON m.oid = x.relam
WHERE {tables} AND (i.indisvalid OR c.relkind = 'p')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.oid, x.relname";

/// Types that are no table's row type, of no extension: of the chosen schemas, or used by a chosen column.
pub(super) const NAMED_TYPES: &str = "
WITH RECURSIVE used(id) AS (
  SELECT a.atttypid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND {tables}
  UNION
  SELECT unnest(ARRAY[t.typbasetype, t.typelem]) FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.id
)
SELECT n.nspname AS schema, t.typname AS name, t.typtype AS class,
  CASE t.typtype
  WHEN 'e' THEN 'CREATE TYPE ' || pg_catalog.quote_ident(t.typname) || ' AS ENUM (' ||
    (SELECT coalesce(pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder), '')
     FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) || ')'
  WHEN 'd' THEN 'CREATE DOMAIN ' || pg_catalog.quote_ident(t.typname) || ' AS ' ||
    pg_catalog.format_type(t.typbasetype, t.typtypmod) ||
    coalesce((SELECT ' COLLATE ' || pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname)
              FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
              JOIN pg_catalog.pg_type bt ON bt.oid = t.typbasetype
              WHERE l.oid = t.typcollation AND t.typcollation <> bt.typcollation), '') ||
    coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END ||
    coalesce((SELECT pg_catalog.string_agg(' CONSTRAINT ' || pg_catalog.quote_ident(k.conname) || ' ' ||
                pg_catalog.pg_get_constraintdef(k.oid), '' ORDER BY k.conname)
              FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
  WHEN 'c' THEN 'CREATE TYPE ' || pg_catalog.quote_ident(t.typname) || ' AS (' ||
    (SELECT coalesce(pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' ' ||
              pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum), '')
     FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) || ')'
  WHEN 'r' THEN 'CREATE TYPE ' || pg_catalog.quote_ident(t.typname) || ' AS RANGE (SUBTYPE = ' ||
    (SELECT pg_catalog.format_type(r.rngsubtype, NULL) ||
       coalesce((SELECT ', COLLATION = ' || pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname)
                 FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                 JOIN pg_catalog.pg_type st ON st.oid = r.rngsubtype
                 WHERE l.oid = r.rngcollation AND r.rngcollation <> st.typcollation), '') ||
       CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::regproc::text ELSE '' END ||
       coalesce((SELECT ', MULTIRANGE_TYPE_NAME = ' || pg_catalog.quote_ident(mt.typname)
                 FROM pg_catalog.pg_type mt WHERE mt.oid = r.rngmultitypid), '')
     FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid) || ')'
  END AS definition
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'c', 'r') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
  AND (t.typtype <> 'c' OR EXISTS (SELECT FROM pg_catalog.pg_class tc WHERE tc.oid = t.typrelid AND tc.relkind = 'c'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
  AND ({schemas} OR t.oid IN (SELECT id FROM used))
ORDER BY t.oid";

/// Views, routines, triggers, policies, rules: listed, not moved. Nothing of an extension, nor what this connector makes for
/// columns that are `touched`.
pub(super) const OBJECTS: &str = "
SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized-view' END AS kind, n.nspname AS schema, c.relname AS name,
  pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';') || coalesce((SELECT ' WITH ' || o.option_value || ' CHECK OPTION'
    FROM pg_catalog.pg_options_to_table(c.reloptions) o WHERE o.option_name = 'check_option'), '') AS definition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND {schemas}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
UNION ALL
SELECT 'routine', n.nspname, p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
  CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) END
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE {schemas} AND coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), '') NOT LIKE '{mark}%'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
UNION ALL
SELECT 'trigger', n.nspname, t.tgname || ' on ' || c.relname, pg_catalog.pg_get_triggerdef(t.oid)
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND NOT c.relispartition AND {schemas}
  AND coalesce(pg_catalog.obj_description(t.tgfoid, 'pg_proc'), '') NOT LIKE '{mark}%'
UNION ALL
SELECT 'other', n.nspname, 'policy ' || p.polname || ' on ' || c.relname, pg_catalog.pg_get_expr(p.polqual, p.polrelid)
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {schemas}
UNION ALL
SELECT 'other', n.nspname, 'rule ' || r.rulename || ' on ' || c.relname, pg_catalog.pg_get_ruledef(r.oid)
FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN' AND {schemas}
ORDER BY 1, 2, 3";
