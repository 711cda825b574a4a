package pgcatalog

import (
	"strings"

	"github.com/freshetdb/freshet/sql/types"
)

// columnTypes are the words for types in the lists below. Numbers of objects (oid, reg*) are BIGINT here, "char" and name are text.
var columnTypes = map[string]types.Type{
	"oid": types.Of(types.BigInt), "name": types.Of(types.String), "text": types.Of(types.String), "char": types.Of(types.String),
	"bool": types.Of(types.Boolean), "int2": types.Of(types.SmallInt), "int4": types.Of(types.Int), "int8": types.Of(types.BigInt),
	"float4": types.Of(types.Real), "time": types.Of(types.Timestamp), "oids": types.ArrayOf(types.Of(types.BigInt)),
	"int2s": types.ArrayOf(types.Of(types.SmallInt)), "texts": types.ArrayOf(types.Of(types.String)),
}

// relations lists every table: its columns with their types, in PostgreSQL 15's order. Those without rows of their own are empty.
// Source: PostgreSQL 15 documentation, chapters 53 (System Catalogs) and 37 (The Information Schema).
var relations = map[string]string{
	"pg_catalog.pg_class": `oid oid, relname name, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid, relfilenode oid,
		reltablespace oid, relpages int4, reltuples float4, relallvisible int4, reltoastrelid oid, relhasindex bool, relisshared bool,
		relpersistence char, relkind char, relnatts int2, relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool,
		relrowsecurity bool, relforcerowsecurity bool, relispopulated bool, relreplident char, relispartition bool, relrewrite oid,
		relacl texts, reloptions texts, relpartbound text`,
	"pg_catalog.pg_namespace": `oid oid, nspname name, nspowner oid, nspacl texts`,
	"pg_catalog.pg_attribute": `attrelid oid, attname name, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims int4,
		attcacheoff int4, atttypmod int4, attbyval bool, attalign char, attstorage char, attcompression char, attnotnull bool,
		atthasdef bool, atthasmissing bool, attidentity char, attgenerated char, attisdropped bool, attislocal bool, attinhcount int4,
		attcollation oid, attacl texts, attoptions texts, attfdwoptions texts, attmissingval text`,
	"pg_catalog.pg_type": `oid oid, typname name, typnamespace oid, typowner oid, typlen int2, typbyval bool, typtype char, typcategory char,
		typispreferred bool, typisdefined bool, typdelim char, typrelid oid, typsubscript oid, typelem oid, typarray oid, typinput oid,
		typoutput oid, typreceive oid, typsend oid, typmodin oid, typmodout oid, typanalyze oid, typalign char, typstorage char,
		typnotnull bool, typbasetype oid, typtypmod int4, typndims int4, typcollation oid, typdefaultbin text, typdefault text, typacl texts`,
	"pg_catalog.pg_database": `oid oid, datname name, datdba oid, encoding int4, datlocprovider char, datistemplate bool, datallowconn bool,
		datconnlimit int4, datfrozenxid int8, datminmxid int8, dattablespace oid, datcollate text, datctype text, daticulocale text,
		datcollversion text, datacl texts`,
	"pg_catalog.pg_am": `oid oid, amname name, amhandler oid, amtype char`,
	"pg_catalog.pg_roles": `rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool,
		rolreplication bool, rolconnlimit int4, rolpassword text, rolvaliduntil time, rolbypassrls bool, rolconfig texts, oid oid`,
	"pg_catalog.pg_authid": `oid oid, rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool,
		rolreplication bool, rolbypassrls bool, rolconnlimit int4, rolpassword text, rolvaliduntil time`,
	"pg_catalog.pg_user":          `usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd text, valuntil time, useconfig texts`,
	"pg_catalog.pg_auth_members":  `roleid oid, member oid, grantor oid, admin_option bool`,
	"pg_catalog.pg_description":   `objoid oid, classoid oid, objsubid int4, description text`,
	"pg_catalog.pg_shdescription": `objoid oid, classoid oid, description text`,
	"pg_catalog.pg_index": `indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, indnullsnotdistinct bool,
		indisprimary bool, indisexclusion bool, indimmediate bool, indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool,
		indislive bool, indisreplident bool, indkey int2s, indcollation oids, indclass oids, indoption int2s, indexprs text, indpred text`,
	"pg_catalog.pg_constraint": `oid oid, conname name, connamespace oid, contype char, condeferrable bool, condeferred bool, convalidated bool,
		conrelid oid, contypid oid, conindid oid, conparentid oid, confrelid oid, confupdtype char, confdeltype char, confmatchtype char,
		conislocal bool, coninhcount int4, connoinherit bool, conkey int2s, confkey int2s, conpfeqop oids, conppeqop oids, conffeqop oids,
		confdelsetcols int2s, conexclop oids, conbin text`,
	"pg_catalog.pg_attrdef": `oid oid, adrelid oid, adnum int2, adbin text`,
	"pg_catalog.pg_proc": `oid oid, proname name, pronamespace oid, proowner oid, prolang oid, procost float4, prorows float4, provariadic oid,
		prosupport oid, prokind char, prosecdef bool, proleakproof bool, proisstrict bool, proretset bool, provolatile char,
		proparallel char, pronargs int2, pronargdefaults int2, prorettype oid, proargtypes oids, proallargtypes oids, proargmodes texts,
		proargnames texts, proargdefaults text, protrftypes oids, prosrc text, probin text, prosqlbody text, proconfig texts, proacl texts`,
	"pg_catalog.pg_settings": `name text, setting text, unit text, category text, short_desc text, extra_desc text, context text,
		vartype text, source text, min_val text, max_val text, enumvals texts, boot_val text, reset_val text, sourcefile text,
		sourceline int4, pending_restart bool`,
	"pg_catalog.pg_tables":    `schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool`,
	"pg_catalog.pg_views":     `schemaname name, viewname name, viewowner name, definition text`,
	"pg_catalog.pg_matviews":  `schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, ispopulated bool, definition text`,
	"pg_catalog.pg_indexes":   `schemaname name, tablename name, indexname name, tablespace name, indexdef text`,
	"pg_catalog.pg_sequences": `schemaname name, sequencename name, sequenceowner name, data_type oid, start_value int8, min_value int8, max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8`,
	"pg_catalog.pg_collation": `oid oid, collname name, collnamespace oid, collowner oid, collprovider char, collisdeterministic bool,
		collencoding int4, collcollate text, collctype text, colliculocale text, collversion text`,
	"pg_catalog.pg_range":      `rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid, rngcanonical oid, rngsubdiff oid`,
	"pg_catalog.pg_enum":       `oid oid, enumtypid oid, enumsortorder float4, enumlabel name`,
	"pg_catalog.pg_inherits":   `inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool`,
	"pg_catalog.pg_depend":     `classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype char`,
	"pg_catalog.pg_trigger":    `oid oid, tgrelid oid, tgparentid oid, tgname name, tgfoid oid, tgtype int2, tgenabled char, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint oid, tgdeferrable bool, tginitdeferred bool, tgnargs int2, tgattr int2s, tgargs text, tgqual text, tgoldtable name, tgnewtable name`,
	"pg_catalog.pg_rewrite":    `oid oid, rulename name, ev_class oid, ev_type char, ev_enabled char, is_instead bool, ev_qual text, ev_action text`,
	"pg_catalog.pg_policy":     `oid oid, polname name, polrelid oid, polcmd char, polpermissive bool, polroles oids, polqual text, polwithcheck text`,
	"pg_catalog.pg_sequence":   `seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, seqcache int8, seqcycle bool`,
	"pg_catalog.pg_extension":  `oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text, extconfig oids, extcondition texts`,
	"pg_catalog.pg_language":   `oid oid, lanname name, lanowner oid, lanispl bool, lanpltrusted bool, lanplcallfoid oid, laninline oid, lanvalidator oid, lanacl texts`,
	"pg_catalog.pg_tablespace": `oid oid, spcname name, spcowner oid, spcacl texts, spcoptions texts`,
	"pg_catalog.pg_operator":   `oid oid, oprname name, oprnamespace oid, oprowner oid, oprkind char, oprcanmerge bool, oprcanhash bool, oprleft oid, oprright oid, oprresult oid, oprcom oid, oprnegate oid, oprcode oid, oprrest oid, oprjoin oid`,
	"pg_catalog.pg_opclass":    `oid oid, opcmethod oid, opcname name, opcnamespace oid, opcowner oid, opcfamily oid, opcintype oid, opcdefault bool, opckeytype oid`,
	"pg_catalog.pg_cast":       `oid oid, castsource oid, casttarget oid, castfunc oid, castcontext char, castmethod char`,
	"pg_catalog.pg_conversion": `oid oid, conname name, connamespace oid, conowner oid, conforencoding int4, contoencoding int4, conproc oid, condefault bool`,
	"pg_catalog.pg_aggregate":  `aggfnoid oid, aggkind char, aggnumdirectargs int2, aggtransfn oid, aggfinalfn oid`,

	"pg_catalog.pg_publication":           `oid oid, pubname name, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool`,
	"pg_catalog.pg_publication_rel":       `oid oid, prpubid oid, prrelid oid, prqual text, prattrs int2s`,
	"pg_catalog.pg_publication_namespace": `oid oid, pnpubid oid, pnnspid oid`,
	"pg_catalog.pg_subscription":          `oid oid, subdbid oid, subname name, subowner oid, subenabled bool, subpublications texts`,
	"pg_catalog.pg_statistic_ext":         `oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner oid, stxstattarget int4, stxkeys int2s, stxkind texts, stxexprs text`,
	"pg_catalog.pg_foreign_table":         `ftrelid oid, ftserver oid, ftoptions texts`,
	"pg_catalog.pg_foreign_server":        `oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl texts, srvoptions texts`,
	"pg_catalog.pg_foreign_data_wrapper":  `oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl texts, fdwoptions texts`,
	"pg_catalog.pg_user_mappings":         `umid oid, srvid oid, srvname name, umuser oid, usename name, umoptions texts`,
	"pg_catalog.pg_event_trigger":         `oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid, evtenabled char, evttags texts`,
	"pg_catalog.pg_default_acl":           `oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype char, defaclacl texts`,
	"pg_catalog.pg_partitioned_table":     `partrelid oid, partstrat char, partnatts int2, partdefid oid, partattrs int2s, partclass oids, partcollation oids, partexprs text`,
	"pg_catalog.pg_db_role_setting":       `setdatabase oid, setrole oid, setconfig texts`,
	"pg_catalog.pg_locks":                 `locktype text, database oid, relation oid, pid int4, mode text, granted bool`,
	"pg_catalog.pg_prepared_statements":   `name text, statement text, prepare_time time, parameter_types texts, from_sql bool`,
	"pg_catalog.pg_stat_activity":         `datid oid, datname name, pid int4, usesysid oid, usename name, application_name text, state text, query text`,

	"information_schema.schemata": `catalog_name name, schema_name name, schema_owner name, default_character_set_catalog name, default_character_set_schema name, default_character_set_name name, sql_path text`,
	"information_schema.tables":   `table_catalog name, table_schema name, table_name name, table_type text, self_referencing_column_name name, reference_generation text, user_defined_type_catalog name, user_defined_type_schema name, user_defined_type_name name, is_insertable_into text, is_typed text, commit_action text`,
	"information_schema.columns": `table_catalog name, table_schema name, table_name name, column_name name, ordinal_position int4,
		column_default text, is_nullable text, data_type text, character_maximum_length int4, character_octet_length int4,
		numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type text,
		collation_name name, udt_catalog name, udt_schema name, udt_name name, is_identity text, is_generated text, is_updatable text`,
	"information_schema.views":             `table_catalog name, table_schema name, table_name name, view_definition text, check_option text, is_updatable text, is_insertable_into text`,
	"information_schema.table_constraints": `constraint_catalog name, constraint_schema name, constraint_name name, table_catalog name, table_schema name, table_name name, constraint_type text, is_deferrable text, initially_deferred text`,
	"information_schema.key_column_usage":  `constraint_catalog name, constraint_schema name, constraint_name name, table_catalog name, table_schema name, table_name name, column_name name, ordinal_position int4, position_in_unique_constraint int4`,
}

// Columns are the columns of every table by qualified name.
func Columns() map[string]types.Columns {
	all := make(map[string]types.Columns, len(relations))
	for name, list := range relations {
		for part := range strings.SplitSeq(list, ",") {
			words := strings.Fields(part)
			all[name] = append(all[name], types.Column{Name: words[0], Type: columnTypes[words[1]]})
		}
	}
	return all
}
