-- Makes in the schema `public` functions and operators that have the names of PostgreSQL's own and fit better or as well for some
-- arguments. Each writes to the server's log that it ran, and fails. `$1` and `$2` are arrays of the names of functions and operators.
DO $shadow$
DECLARE
    types text[] := ARRAY['text', 'name', 'varchar', 'integer', 'bigint', 'oid', 'regclass', 'boolean', 'double precision',
                          'timestamptz', 'bytea', 'anyelement'];
    made bigint := 0;
    one record;
    place integer;
    type_name text;
    arguments text[];
    signatures text[];
    signature text;
    result text;
BEGIN
    FOR one IN
        SELECT p.proname, p.pronargs, p.provariadic, p.proretset, format_type(p.prorettype, NULL) AS result,
               ARRAY(SELECT format_type(t.type, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, place)
                     ORDER BY t.place) AS arguments
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY ($1) AND p.prokind IN ('f', 'a') AND p.pronargs <= 5
    LOOP
        signatures := ARRAY[array_to_string(one.arguments, ', ')];
        FOREACH type_name IN ARRAY types LOOP
            FOR place IN 1 .. one.pronargs LOOP
                arguments := one.arguments;
                arguments[place] := type_name;
                signatures := signatures || array_to_string(arguments, ', ');
            END LOOP;
            FOR place IN 0 .. greatest(one.pronargs, 3) LOOP
                CONTINUE WHEN place <> one.pronargs AND one.provariadic = 0;
                signatures := signatures || array_to_string(array_fill(type_name, ARRAY[place]), ', ');
            END LOOP;
        END LOOP;
        -- What it gives has to be of a type that a function in PL/pgSQL can give, and that its arguments settle.
        result := CASE WHEN one.result ~ '^(any|internal|record|cstring|trigger|language_handler)' THEN 'text' ELSE one.result END;
        FOR signature IN SELECT DISTINCT s FROM unnest(signatures) AS s LOOP
            BEGIN
                EXECUTE format(
                    'CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS $body$ BEGIN '
                    'RAISE LOG ''%%'', %L; RAISE EXCEPTION %L; END $body$',
                    one.proname, signature, CASE WHEN one.proretset THEN 'SETOF ' ELSE '' END || result,
                    'foreign code ran: ' || one.proname || ' (' || signature || ')', 'foreign code ran');
                EXECUTE format('ALTER EXTENSION plpgsql ADD FUNCTION public.%I(%s)', one.proname, signature);
                made := made + 1;
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
    END LOOP;
    FOR one IN
        SELECT o.oprname, l AS left_type, r AS right_type,
               (SELECT CASE WHEN bool_or(p.oprresult = 'boolean'::regtype) THEN 'boolean' ELSE 'text' END
                FROM pg_catalog.pg_operator p WHERE p.oprname = o.oprname) AS result
        FROM (SELECT DISTINCT oprname FROM pg_catalog.pg_operator
              WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprname = ANY ($2)) AS o,
             unnest(types || ARRAY['jsonb', 'json', 'tid', '"char"', 'numeric', 'interval', 'smallint']) AS l,
             unnest(types || ARRAY['jsonb', 'json', 'tid', '"char"', 'numeric', 'interval', 'smallint']) AS r
    LOOP
        BEGIN
            EXECUTE format(
                'CREATE FUNCTION public.shadow_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $body$ BEGIN '
                'RAISE LOG ''%%'', %L; RAISE EXCEPTION %L; END $body$',
                made, one.left_type, one.right_type, one.result,
                'foreign code ran: ' || one.left_type || ' ' || one.oprname || ' ' || one.right_type, 'foreign code ran');
            EXECUTE format('ALTER EXTENSION plpgsql ADD FUNCTION public.shadow_%s(%s, %s)', made, one.left_type, one.right_type);
            EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.shadow_%s, LEFTARG = %s, RIGHTARG = %s)',
                           one.oprname, made, one.left_type, one.right_type);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    RAISE LOG 'shadows made: %', made;
END $shadow$;
