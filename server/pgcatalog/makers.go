package pgcatalog

import (
	"strings"

	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/types"
)

// makers make the rows of the tables that have any.
var makers = map[string]func(*maker){
	"pg_catalog.pg_class":                  (*maker).pgClass,
	"pg_catalog.pg_namespace":              (*maker).pgNamespace,
	"pg_catalog.pg_attribute":              (*maker).pgAttribute,
	"pg_catalog.pg_type":                   (*maker).pgType,
	"pg_catalog.pg_database":               (*maker).pgDatabase,
	"pg_catalog.pg_am":                     (*maker).pgAm,
	"pg_catalog.pg_roles":                  (*maker).pgRoles,
	"pg_catalog.pg_authid":                 (*maker).pgRoles,
	"pg_catalog.pg_user":                   (*maker).pgUser,
	"pg_catalog.pg_description":            (*maker).pgDescription,
	"pg_catalog.pg_index":                  (*maker).pgIndex,
	"pg_catalog.pg_constraint":             (*maker).pgConstraint,
	"pg_catalog.pg_settings":               (*maker).pgSettings,
	"pg_catalog.pg_tables":                 (*maker).pgTables,
	"pg_catalog.pg_matviews":               (*maker).pgMatviews,
	"pg_catalog.pg_indexes":                (*maker).pgIndexes,
	"pg_catalog.pg_collation":              (*maker).pgCollation,
	"information_schema.schemata":          (*maker).schemata,
	"information_schema.tables":            (*maker).tables,
	"information_schema.columns":           (*maker).columns,
	"information_schema.table_constraints": (*maker).tableConstraints,
	"information_schema.key_column_usage":  (*maker).keyColumnUsage,
}

// kind is a relation's relkind: m for tables a query fills, r for the others.
func kind(r *catalog.Relation) string {
	if r.Kind == catalog.Table && r.WritingQuery != "" {
		return "m"
	}
	return "r"
}

// primaryKey is the numbers of a table's key columns, from 1; nil for streams.
func primaryKey(r *catalog.Relation) []int64 {
	if r.Kind != catalog.Table {
		return nil
	}
	var key []int64
	number := int64(0)
	for _, c := range r.Columns {
		if c.Hidden {
			continue
		}
		number++
		if c.Key {
			key = append(key, number)
		}
	}
	return key
}

func keyName(r *catalog.Relation) string { return r.Name + "_pkey" }

func (m *maker) each(do func(r *catalog.Relation, oid int64)) {
	for _, r := range m.Catalog.Relations() {
		do(r, m.oids[r.ID])
	}
}

// visible lists a relation's columns that have names for clients.
func visible(r *catalog.Relation) []catalog.Column {
	var list []catalog.Column
	for _, c := range r.Columns {
		if !c.Hidden {
			list = append(list, c)
		}
	}
	return list
}

func (m *maker) pgClass() {
	class := func(oid int64, name, kind string, am, columns int, index bool) {
		m.rows.add(values{
			"oid": oid, "relname": name, "relnamespace": oidPublic, "reltype": 0, "reloftype": 0, "relowner": oidOwner, "relam": am,
			"relfilenode": oid, "reltablespace": 0, "relpages": 0, "reltuples": -1.0, "relallvisible": 0, "reltoastrelid": 0,
			"relhasindex": index, "relisshared": false, "relpersistence": "p", "relkind": kind, "relnatts": columns, "relchecks": 0,
			"relhasrules": false, "relhastriggers": false, "relhassubclass": false, "relrowsecurity": false, "relforcerowsecurity": false,
			"relispopulated": true, "relreplident": "d", "relispartition": false, "relrewrite": 0,
		})
	}
	m.each(func(r *catalog.Relation, oid int64) {
		key := primaryKey(r)
		class(oid, r.Name, kind(r), oidHeap, len(visible(r)), key != nil)
		if key != nil {
			class(oid+1, keyName(r), "i", oidBtree, len(key), false)
		}
	})
	for i, name := range sortedNames() {
		schema, table, _ := strings.Cut(name, ".")
		namespace, k := oidPgCatalog, "r"
		if schema == "information_schema" {
			namespace, k = oidInformationSchema, "v"
		}
		m.rows.add(values{
			"oid": tableNumber(i, name), "relname": table, "relnamespace": namespace, "reltype": 0, "reloftype": 0, "relowner": oidOwner, "relam": oidHeap,
			"relfilenode": 0, "reltablespace": 0, "relpages": 0, "reltuples": -1.0, "relallvisible": 0, "reltoastrelid": 0, "relhasindex": false,
			"relisshared": false, "relpersistence": "p", "relkind": k, "relnatts": strings.Count(relations[name], ",") + 1, "relchecks": 0,
			"relhasrules": false, "relhastriggers": false, "relhassubclass": false, "relrowsecurity": false, "relforcerowsecurity": false,
			"relispopulated": true, "relreplident": "n", "relispartition": false, "relrewrite": 0,
		})
	}
}

func (m *maker) pgNamespace() {
	for _, n := range []struct {
		oid  int
		name string
	}{{oidPgCatalog, "pg_catalog"}, {oidPublic, "public"}, {oidInformationSchema, "information_schema"}} {
		m.rows.add(values{"oid": n.oid, "nspname": n.name, "nspowner": oidOwner})
	}
}

func (m *maker) attribute(relation int64, number int, name string, t types.Type, notNull bool) {
	collation := 0
	if t.ID == types.String {
		collation = oidDefaultCollation
	}
	dimensions := 0
	if t.ID == types.Array {
		dimensions = 1
	}
	m.rows.add(values{
		"attrelid": relation, "attname": name, "atttypid": int64(t.OID()), "attstattarget": -1, "attlen": int64(t.Len()), "attnum": number,
		"attndims": dimensions, "attcacheoff": -1, "atttypmod": int64(t.Modifier()), "attbyval": t.Len() > 0 && t.Len() <= 8,
		"attalign": alignment(t), "attstorage": storage(t), "attcompression": "", "attnotnull": notNull, "atthasdef": false,
		"atthasmissing": false, "attidentity": "", "attgenerated": "", "attisdropped": false, "attislocal": true, "attinhcount": 0,
		"attcollation": collation,
	})
}

func alignment(t types.Type) string {
	switch t.Len() {
	case 1:
		return "c"
	case 2:
		return "s"
	case 8, 16:
		return "d"
	}
	return "i"
}

func storage(t types.Type) string {
	if t.Len() > 0 {
		return "p"
	}
	return "x"
}

func (m *maker) pgAttribute() {
	m.each(func(r *catalog.Relation, oid int64) {
		key := primaryKey(r)
		columns := visible(r)
		for i, c := range columns {
			m.attribute(oid, i+1, c.Name, c.Type, c.Key && key != nil)
		}
		for i, k := range key {
			m.attribute(oid+1, i+1, columns[k-1].Name, columns[k-1].Type, false)
		}
	})
	all := Columns()
	for i, name := range sortedNames() {
		for n, c := range all[name] {
			m.attribute(tableNumber(i, name), n+1, c.Name, c.Type, false)
		}
	}
}

func (m *maker) pgDatabase() {
	for i, name := range m.Databases {
		m.rows.add(values{
			"oid": firstUserOID - len(m.Databases) + i, "datname": name, "datdba": oidOwner, "encoding": encodingUTF8, "datlocprovider": "c",
			"datistemplate": false, "datallowconn": true, "datconnlimit": -1, "datfrozenxid": 0, "datminmxid": 1, "dattablespace": 1663,
			"datcollate": "C", "datctype": "C.UTF-8",
		})
	}
}

// encodingUTF8 is PG_UTF8.
const encodingUTF8 = 6

func (m *maker) pgAm() {
	m.rows.add(values{"oid": oidHeap, "amname": "heap", "amhandler": 3, "amtype": "t"})
	m.rows.add(values{"oid": oidBtree, "amname": "btree", "amhandler": 330, "amtype": "i"})
}

func (m *maker) pgRoles() {
	m.rows.add(values{
		"oid": oidOwner, "rolname": m.User, "rolsuper": true, "rolinherit": true, "rolcreaterole": true, "rolcreatedb": true, "rolcanlogin": true,
		"rolreplication": true, "rolbypassrls": true, "rolconnlimit": -1, "rolpassword": "********",
	})
}

func (m *maker) pgUser() {
	m.rows.add(values{"usename": m.User, "usesysid": oidOwner, "usecreatedb": true, "usesuper": true, "userepl": true, "usebypassrls": true, "passwd": "********"})
}

func (m *maker) pgDescription() {
	m.each(func(r *catalog.Relation, oid int64) {
		if r.Comment != "" {
			m.rows.add(values{"objoid": oid, "classoid": oidClassPgClass, "objsubid": 0, "description": r.Comment})
		}
	})
}

func (m *maker) pgIndex() {
	m.each(func(r *catalog.Relation, oid int64) {
		key := primaryKey(r)
		if key == nil {
			return
		}
		zeros := make([]int64, len(key))
		m.rows.add(values{
			"indexrelid": oid + 1, "indrelid": oid, "indnatts": len(key), "indnkeyatts": len(key), "indisunique": true,
			"indnullsnotdistinct": false, "indisprimary": true, "indisexclusion": false, "indimmediate": true, "indisclustered": false,
			"indisvalid": true, "indcheckxmin": false, "indisready": true, "indislive": true, "indisreplident": false, "indkey": key,
			"indcollation": zeros, "indclass": zeros, "indoption": zeros,
		})
	})
}

func (m *maker) pgConstraint() {
	m.each(func(r *catalog.Relation, oid int64) {
		key := primaryKey(r)
		if key == nil {
			return
		}
		m.rows.add(values{
			"oid": oid + 1, "conname": keyName(r), "connamespace": oidPublic, "contype": "p", "condeferrable": false, "condeferred": false,
			"convalidated": true, "conrelid": oid, "contypid": 0, "conindid": oid + 1, "conparentid": 0, "confrelid": 0, "confupdtype": " ",
			"confdeltype": " ", "confmatchtype": " ", "conislocal": true, "coninhcount": 0, "connoinherit": true, "conkey": key,
		})
	})
}

func (m *maker) pgSettings() {
	for _, s := range m.Settings {
		m.rows.add(values{
			"name": s.Name, "setting": s.Value, "category": "Freshet", "short_desc": s.Help, "context": "user", "vartype": "string",
			"source": "session", "boot_val": s.Value, "reset_val": s.Value, "pending_restart": false,
		})
	}
}

func (m *maker) pgTables() {
	m.each(func(r *catalog.Relation, _ int64) {
		if kind(r) == "r" {
			m.rows.add(values{
				"schemaname": "public", "tablename": r.Name, "tableowner": m.User, "hasindexes": primaryKey(r) != nil, "hasrules": false,
				"hastriggers": false, "rowsecurity": false,
			})
		}
	})
}

func (m *maker) pgMatviews() {
	m.each(func(r *catalog.Relation, _ int64) {
		if kind(r) == "m" {
			m.rows.add(values{
				"schemaname": "public", "matviewname": r.Name, "matviewowner": m.User, "hasindexes": primaryKey(r) != nil, "ispopulated": true,
				"definition": r.Text,
			})
		}
	})
}

func (m *maker) pgIndexes() {
	m.each(func(r *catalog.Relation, _ int64) {
		if key := primaryKey(r); key != nil {
			columns := visible(r)
			names := make([]string, len(key))
			for i, k := range key {
				names[i] = columns[k-1].Name
			}
			m.rows.add(values{
				"schemaname": "public", "tablename": r.Name, "indexname": keyName(r),
				"indexdef": "CREATE UNIQUE INDEX " + keyName(r) + " ON public." + r.Name + " USING btree (" + strings.Join(names, ", ") + ")",
			})
		}
	})
}

func (m *maker) pgCollation() {
	for i, name := range []string{"default", "C", "POSIX"} {
		row := values{
			"oid": oidDefaultCollation, "collname": name, "collnamespace": oidPgCatalog, "collowner": oidOwner, "collprovider": "d",
			"collisdeterministic": true, "collencoding": -1,
		}
		if i > 0 {
			row["oid"], row["collprovider"], row["collcollate"], row["collctype"] = 949+i, "c", name, name
		}
		m.rows.add(row)
	}
}
