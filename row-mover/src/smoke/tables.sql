-- No function here opens a table: a table that somebody has locked would keep all others from being tried.
SELECT pg_catalog.json_build_object(
    'oid', c.oid::text, 'schema', n.nspname, 'name', c.relname, 'is_partitioned', c.relkind = 'p',
    'has_row_security', pg_catalog.row_security_active(c.oid),
    'has_foreign_partition', c.relkind = 'p' AND EXISTS (
        WITH RECURSIVE tree (oid) AS (
            SELECT c.oid UNION ALL
            SELECT h.inhrelid FROM tree JOIN pg_catalog.pg_inherits AS h ON h.inhparent = tree.oid)
        SELECT FROM tree JOIN pg_catalog.pg_class AS f ON f.oid = tree.oid WHERE f.relkind = 'f'),
    'may_use', pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
    'may_select', pg_catalog.has_table_privilege(c.oid, 'SELECT'),
    'may_insert', pg_catalog.has_table_privilege(c.oid, 'INSERT'),
    'may_update', pg_catalog.has_table_privilege(c.oid, 'UPDATE'),
    'may_delete', pg_catalog.has_table_privilege(c.oid, 'DELETE'),
    'columns', coalesce((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', a.attname, 'type_name', pg_catalog.format_type(a.atttypid, a.atttypmod),
            'base_name', CASE t.typtype WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
                         ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END,
            'type', CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END,
            'category', t.typcategory,
            'not_null', a.attnotnull OR t.typnotnull,
            'identity', a.attidentity, 'is_generated', a.attgenerated <> '', 'has_default', a.atthasdef,
            'draws_number', a.attidentity <> '' OR (a.attgenerated = '' AND EXISTS (
                SELECT FROM pg_catalog.pg_attrdef AS d
                JOIN pg_catalog.pg_depend AS q ON q.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND q.objid = d.oid
                    AND q.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                JOIN pg_catalog.pg_class AS s ON s.oid = q.refobjid AND s.relkind = 'S'
                WHERE d.adrelid = c.oid AND d.adnum = a.attnum)),
            'is_unique', EXISTS (
                SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
                AND (a.attnum = ANY (i.indkey) OR EXISTS (
                    SELECT FROM pg_catalog.pg_depend AS u WHERE u.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND u.objid = i.indexrelid AND u.refobjid = c.oid AND u.refobjsubid = a.attnum)))
            ) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
    'unique_keys', coalesce((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', x.relname,
            'columns', (SELECT coalesce(pg_catalog.json_agg(a.attname), '[]') FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)),
            'has_expression', i.indexprs IS NOT NULL))
        FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
        WHERE i.indisunique AND (i.indrelid = c.oid OR (c.relkind = 'p' AND i.indrelid IN (
            WITH RECURSIVE tree (oid) AS (
                SELECT c.oid UNION ALL
                SELECT h.inhrelid FROM tree JOIN pg_catalog.pg_inherits AS h ON h.inhparent = tree.oid)
            SELECT tree.oid FROM tree)))), '[]'),
    'references', coalesce((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'constraint', k.conname, 'parent', k.confrelid::text,
            'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY x.place)
                FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS x (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.attnum),
            'keys', (SELECT pg_catalog.json_agg(a.attname ORDER BY x.place)
                FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS x (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = x.attnum)))
        FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conparentid = 0), '[]'),
    'referenced_by', coalesce((
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'constraint', k.conname, 'schema', cn.nspname, 'table', cc.relname, 'action', k.confdeltype,
            'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY x.place)
                FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS x (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.attnum),
            'keys', (SELECT pg_catalog.json_agg(a.attname ORDER BY x.place)
                FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS x (attnum, place)
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = x.attnum),
            'operators', (SELECT pg_catalog.json_agg(pg_catalog.format('%I.%s', opn.nspname, o.oprname) ORDER BY x.place)
                FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY AS x (operator, place)
                JOIN pg_catalog.pg_operator AS o ON o.oid = x.operator
                JOIN pg_catalog.pg_namespace AS opn ON opn.oid = o.oprnamespace)))
        FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS cc ON cc.oid = k.conrelid
        JOIN pg_catalog.pg_namespace AS cn ON cn.oid = cc.relnamespace
        WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conparentid = 0), '[]'))
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
