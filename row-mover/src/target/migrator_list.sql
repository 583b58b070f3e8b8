-- One row about the relation $1: whether it has the two columns that the app's migrator reads and nothing that filters rows; whether it
-- is as that migrator creates it, so that writing to it runs no code but PostgreSQL's own; whether this role may read and write.
SELECT c.relkind = 'r' AND NOT c.relrowsecurity
       AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'hash' AND NOT a.attisdropped
                   AND a.atttypid = 'text'::regtype)
       AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'created_at' AND NOT a.attisdropped
                   AND a.atttypid = 'bigint'::regtype) AS is_readable,
       c.relkind = 'r' AND NOT c.relrowsecurity AND c.relpersistence = 'p'
       AND (SELECT array_agg(format('%s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated, a.attidentity)
                             ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
           = ARRAY['id integer', 'hash text', 'created_at bigint']
       AND (SELECT array_agg(format('%s %s', a.attname, pg_get_expr(d.adbin, d.adrelid))) FROM pg_attrdef d
            JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = c.oid)
           = ARRAY[format('id nextval(%L::regclass)', s.oid::regclass)]
       AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid)
       AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))
       AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND NOT x.indisprimary) AS is_plain,
       has_table_privilege(c.oid, 'SELECT') AS may_read,
       has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
       AND coalesce(CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'USAGE') END, true) AS may_write
FROM pg_class c
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
     AND d.deptype = 'a' AND d.refobjsubid = (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id')
     AND EXISTS (SELECT FROM pg_class o WHERE o.oid = d.objid AND o.relkind = 'S')
LEFT JOIN pg_class s ON s.oid = d.objid
WHERE c.oid = to_regclass($1)
