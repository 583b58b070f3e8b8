SELECT 'relation', c.oid::regclass::text, c.relkind::text, c.relowner::regrole::text, c.relacl::text, c.relreplident::text,
       obj_description(c.oid, 'pg_class'), CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) WHEN c.relkind = 'i' THEN pg_get_indexdef(c.oid) END
FROM pg_class c WHERE c.relnamespace::regnamespace::text = ANY ($1)
UNION ALL
SELECT 'column', a.attrelid::regclass::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attacl::text,
       concat_ws(' ', a.attnum, a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attcompression, a.attstattarget, a.attcollation),
       col_description(a.attrelid, a.attnum), pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace::regnamespace::text = ANY ($1) AND a.attnum > 0
UNION ALL
SELECT 'constraint', k.conrelid::regclass::text, k.conname::text, k.contype::text, k.convalidated::text, pg_get_constraintdef(k.oid),
       obj_description(k.oid, 'pg_constraint'), k.conparentid::regclass::text
FROM pg_constraint k WHERE k.connamespace::regnamespace::text = ANY ($1) AND k.conparentid = 0
UNION ALL
SELECT 'trigger', g.tgrelid::regclass::text, CASE WHEN g.tgisinternal THEN f.proname ELSE g.tgname END::text, g.tgenabled::text, k.conname::text,
       CASE WHEN NOT g.tgisinternal THEN pg_get_triggerdef(g.oid) END, obj_description(g.oid, 'pg_trigger'), (g.tgparentid <> 0)::text
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_proc f ON f.oid = g.tgfoid LEFT JOIN pg_constraint k ON k.oid = g.tgconstraint
WHERE c.relnamespace::regnamespace::text = ANY ($1)
ORDER BY 1, 2, 3, 4, 5, 6
