-- One row where a table is as Diesel makes it: whoever reads or writes it runs no code but PostgreSQL's own.
SELECT 1 FROM pg_class c
WHERE c.oid = to_regclass($1) AND c.relkind = 'r' AND NOT c.relrowsecurity
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)
  AND NOT EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))
  AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                  AND (a.atttypid NOT IN ('varchar'::regtype, 'timestamp'::regtype) OR a.attgenerated <> ''))
  -- The catalog of dependencies knows nothing of what is PostgreSQL's own.
  AND NOT EXISTS (SELECT FROM pg_attrdef d JOIN pg_depend o ON o.classid = 'pg_attrdef'::regclass AND o.objid = d.oid
                  WHERE d.adrelid = c.oid AND o.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass))
