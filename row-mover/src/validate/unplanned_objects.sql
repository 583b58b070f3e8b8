-- What stands in the schemas $1, but for what extensions brought and what goes with a table of its own (row types, owned sequences,
-- indexes, arrays).
WITH found AS (
    SELECT n.nspname::text AS schema_name, c.relname::text AS name, 'pg_class'::regclass AS class, c.oid,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
                          WHEN 'c' THEN 'type' ELSE 'table' END AS kind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    UNION ALL
    SELECT n.nspname::text, p.proname::text, 'pg_proc'::regclass, p.oid, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL
    SELECT n.nspname::text, t.typname::text, 'pg_type'::regclass, t.oid, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('d', 'e', 'r')
)
SELECT DISTINCT f.schema_name, f.name, f.kind FROM found f
WHERE f.schema_name = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = f.class AND d.objid = f.oid AND d.objsubid = 0
                  AND (d.deptype = 'e' OR (f.kind = 'sequence' AND d.deptype IN ('a', 'i'))))
ORDER BY 1, 3, 2
