"""What a database declares, as queries over its catalogues: one row (object, part, definition) each.

Not compared: owners and grants (targets have their own roles), tablespaces and storage parameters, rules,
extended statistics, casts, operators, text search objects, comments on anything but tables and columns, and
the bodies of SQL-standard functions (BEGIN ATOMIC). What is PRINTED from a parsed form reads differently from
one major version to the next: it is compared between servers of the same one only, but must be on both.
"""

from __future__ import annotations

from dreamnet.postgres.catalog import APPLICATION_OBJECTS, STATE_SCHEMA

PRINTED = ("view", "trigger", "policy", "default")
"""Kinds (the first word of a part) whose definition the server prints from a parsed form."""


def _own(catalogue: str, alias: str) -> str:
    """The application's: neither the server's, nor ours, nor an extension's (made by CREATE EXTENSION)."""
    return (
        f"n.nspname NOT IN ('pg_catalog', 'information_schema', '{STATE_SCHEMA}') AND n.nspname !~ '^pg_t' "
        f"AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalogue}'::regclass "
        f"AND d.objid = {alias}.oid AND d.deptype = 'e')"
    )


# Since PostgreSQL 17 partitions share the identity of their root, which older ones do not know.
_COLUMNS = f"""
    SELECT n.nspname || '.' || c.relname, 'column ' || a.attname,
           format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
             || coalesce((SELECT ' collate ' || k.collname FROM pg_type t, pg_collation k
                          WHERE t.oid = a.atttypid AND k.oid = a.attcollation AND k.oid <> typcollation), '')
             || ' ' || CASE WHEN c.relispartition THEN '' ELSE a.attidentity::text END || a.attgenerated::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm')
      AND {APPLICATION_OBJECTS}
"""
_DEFAULTS = f"""
    SELECT n.nspname || '.' || c.relname, 'default ' || a.attname, pg_get_expr(e.adbin, e.adrelid)
    FROM pg_attrdef e JOIN pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
    JOIN pg_class c ON c.oid = e.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT a.attisdropped AND {APPLICATION_OBJECTS}
"""
_INDEXES = f"""
    SELECT n.nspname || '.' || t.relname, 'index ' || c.relname,
           pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_toast'
      AND {APPLICATION_OBJECTS}
"""
# contype n: PostgreSQL 18 shows NOT NULL as constraints, older ones do not; columns carry it already.
_CONSTRAINTS = f"""
    SELECT n.nspname || '.' || c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype NOT IN ('n', 't') AND {APPLICATION_OBJECTS}
"""
_TABLES = f"""
    SELECT n.nspname || '.' || c.relname, 'table',
           CASE c.relkind WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid) || ', ' ELSE '' END
             || 'replica identity ' || c.relreplident::text
             || CASE WHEN c.relrowsecurity THEN ', row security' ELSE '' END
             || CASE WHEN c.relforcerowsecurity THEN ', for the owner too' ELSE '' END
             || coalesce(', ' || pg_get_expr(c.relpartbound, c.oid), '')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {APPLICATION_OBJECTS}
"""
_COMMENTS = f"""
    SELECT n.nspname || '.' || c.relname, 'comment' || coalesce(' ' || a.attname, ''), s.description
    FROM pg_description s JOIN pg_class c ON c.oid = s.objoid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.objsubid AND s.objsubid > 0
    WHERE s.classoid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm') AND {APPLICATION_OBJECTS}
"""
_VIEWS = f"""
    SELECT n.nspname || '.' || c.relname, 'view', pg_get_viewdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND {APPLICATION_OBJECTS}
"""
_SEQUENCES = f"""
    SELECT n.nspname || '.' || c.relname, 'sequence',
           format('%%s from %%s by %%s, %%s to %%s, %%s kept%%s', format_type(s.seqtypid, NULL), s.seqstart,
                  s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                  CASE WHEN s.seqcycle THEN ', cycling' ELSE '' END)
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relpersistence <> 't' AND {APPLICATION_OBJECTS}
"""
# A partition's copies of its parent's triggers come with it. Ours refuse writes and call our own function.
_TRIGGERS = f"""
    SELECT n.nspname || '.' || c.relname, 'trigger ' || t.tgname,
           pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
    WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND f.nspname <> '{STATE_SCHEMA}' AND {APPLICATION_OBJECTS}
"""
_POLICIES = f"""
    SELECT n.nspname || '.' || c.relname, 'policy ' || p.polname,
           p.polcmd::text || CASE WHEN p.polpermissive THEN ' permissive' ELSE ' restrictive' END || ' to '
             || coalesce((SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_roles r
                          WHERE r.oid = ANY (p.polroles)), 'public')
             || ' using ' || coalesce(pg_get_expr(p.polqual, c.oid), 'nothing')
             || ' check ' || coalesce(pg_get_expr(p.polwithcheck, c.oid), 'nothing')
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {APPLICATION_OBJECTS}
"""
_FUNCTIONS = f"""
    SELECT n.nspname || '.' || p.proname, 'function ' || pg_get_function_identity_arguments(p.oid),
           format('%%s %%s returns %%s, %%s%%s%%s%%s %%s: ', p.prokind, l.lanname,
                  format_type(p.prorettype, NULL), p.provolatile, p.proparallel,
                  CASE WHEN p.proisstrict THEN ' strict' ELSE '' END,
                  CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END,
                  coalesce(array_to_string(p.proconfig, ', '), ''))
             || CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE '' END
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE {_own("pg_proc", "p")}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                      AND d.deptype = 'i')
"""
_TYPES = f"""
    SELECT n.nspname || '.' || t.typname, 'type', CASE t.typtype
             WHEN 'e' THEN (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                            FROM pg_enum e WHERE e.enumtypid = t.oid)
             WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
                  || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END
                  || coalesce(' default ' || t.typdefault, '')
                  || coalesce((SELECT string_agg(' ' || pg_get_constraintdef(k.oid), '' ORDER BY k.conname)
                               FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
             WHEN 'r' THEN (SELECT 'range of ' || format_type(r.rngsubtype, NULL) FROM pg_range r
                            WHERE r.rngtypid = t.oid)
             ELSE coalesce((SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', '
                                              ORDER BY a.attnum)
                            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND NOT a.attisdropped), '') END
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND {_own("pg_type", "t")}
"""

QUERIES = (
    _COLUMNS,
    _DEFAULTS,
    _INDEXES,
    _CONSTRAINTS,
    _TABLES,
    _COMMENTS,
    _VIEWS,
    _SEQUENCES,
    _TRIGGERS,
    _POLICIES,
    _FUNCTIONS,
    _TYPES,
)
"""Each without parameters, printed relative to search_path; `%%` stands for one per cent sign."""
