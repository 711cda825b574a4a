package pgcatalog

import (
	"strings"

	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/types"
)

func (m *maker) schemata() {
	for _, name := range []string{"information_schema", "pg_catalog", "public"} {
		m.rows.add(values{"catalog_name": m.Catalog.Database(), "schema_name": name, "schema_owner": m.User})
	}
}

func (m *maker) tables() {
	m.each(func(r *catalog.Relation, _ int64) {
		insertable := "YES"
		if r.ReadOnly || r.WritingQuery != "" {
			insertable = "NO"
		}
		m.rows.add(values{
			"table_catalog": m.Catalog.Database(), "table_schema": "public", "table_name": r.Name, "table_type": "BASE TABLE",
			"is_insertable_into": insertable, "is_typed": "NO",
		})
	})
	for _, name := range sortedNames() {
		schema, table, _ := strings.Cut(name, ".")
		m.rows.add(values{
			"table_catalog": m.Catalog.Database(), "table_schema": schema, "table_name": table, "table_type": "VIEW",
			"is_insertable_into": "NO", "is_typed": "NO",
		})
	}
}

// precision is a number's digits and their base: binary for integers and floats.
func precision(t types.Type) (digits, radix, scale any) {
	switch t.ID {
	case types.SmallInt:
		return 16, 2, 0
	case types.Int:
		return 32, 2, 0
	case types.BigInt:
		return 64, 2, 0
	case types.Real:
		return 24, 2, nil
	case types.Double:
		return 53, 2, nil
	case types.Decimal:
		if t.Precision > 0 {
			return int(t.Precision), 10, int(t.Scale)
		}
		return nil, 10, nil
	}
	return nil, nil, nil
}

func (m *maker) columns() {
	m.each(func(r *catalog.Relation, _ int64) {
		for i, c := range visible(r) {
			nullable := "YES"
			if c.Key && r.Kind == catalog.Table {
				nullable = "NO"
			}
			row := values{
				"table_catalog": m.Catalog.Database(), "table_schema": "public", "table_name": r.Name, "column_name": c.Name,
				"ordinal_position": i + 1, "is_nullable": nullable, "data_type": dataType(c.Type), "udt_catalog": m.Catalog.Database(),
				"udt_schema": "pg_catalog", "udt_name": udtName(c.Type), "is_identity": "NO", "is_generated": "NEVER", "is_updatable": "NO",
			}
			row["numeric_precision"], row["numeric_precision_radix"], row["numeric_scale"] = precision(c.Type)
			switch c.Type.ID {
			case types.Timestamp, types.Time, types.Interval:
				row["datetime_precision"] = 6
			case types.Date:
				row["datetime_precision"] = 0
			case types.String:
				row["character_octet_length"] = 1 << 30
			}
			m.rows.add(row)
		}
	})
}

// dataType is a type's name in the information schema: without parameters, ARRAY for all arrays.
func dataType(t types.Type) string {
	if t.ID == types.Array {
		return "ARRAY"
	}
	return types.Type{ID: t.ID, Key: t.Key, Elem: t.Elem, Fields: t.Fields}.String()
}

// udtName is pg_type.typname of a type.
func udtName(t types.Type) string {
	for _, p := range pgTypes {
		switch t.OID() {
		case p.oid:
			return p.name
		case p.array:
			return "_" + p.name
		}
	}
	return "text"
}

func (m *maker) tableConstraints() {
	m.each(func(r *catalog.Relation, _ int64) {
		if primaryKey(r) == nil {
			return
		}
		m.rows.add(values{
			"constraint_catalog": m.Catalog.Database(), "constraint_schema": "public", "constraint_name": keyName(r),
			"table_catalog": m.Catalog.Database(), "table_schema": "public", "table_name": r.Name, "constraint_type": "PRIMARY KEY",
			"is_deferrable": "NO", "initially_deferred": "NO",
		})
	})
}

func (m *maker) keyColumnUsage() {
	m.each(func(r *catalog.Relation, _ int64) {
		columns := visible(r)
		for i, k := range primaryKey(r) {
			m.rows.add(values{
				"constraint_catalog": m.Catalog.Database(), "constraint_schema": "public", "constraint_name": keyName(r),
				"table_catalog": m.Catalog.Database(), "table_schema": "public", "table_name": r.Name, "column_name": columns[k-1].Name,
				"ordinal_position": i + 1,
			})
		}
	})
}
