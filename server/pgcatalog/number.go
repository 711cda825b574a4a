package pgcatalog

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/sql/catalog"
)

// pgClassName is the one virtual table whose PostgreSQL number clients compare with: classoid of pg_description and its like.
const pgClassName = "pg_catalog.pg_class"

// tableNumber is the number of a virtual table, the i-th of sortedNames.
func tableNumber(i int, name string) int64 {
	if name == pgClassName {
		return oidClassPgClass
	}
	return systemOID(i)
}

// Number finds the number an object has in pg_catalog, for 'name'::regclass and 'name'::regnamespace. kind is "class" or
// "namespace"; those of other kinds are not found. A name without a schema is looked for in pg_catalog, then in public.
func (t *Tables) Number(cat *catalog.Catalog, kind, name string) (number int64, ok bool) {
	switch kind {
	case "namespace":
		number, ok = map[string]int64{"pg_catalog": oidPgCatalog, "public": oidPublic, "information_schema": oidInformationSchema}[name]
		return number, ok
	case "class":
		return classNumber(cat, name)
	}
	return 0, false
}

func classNumber(cat *catalog.Catalog, name string) (int64, bool) {
	virtual := name
	if !strings.Contains(name, ".") {
		virtual = "pg_catalog." + name
	}
	if i, found := slices.BinarySearch(sortedNames(), virtual); found {
		return tableNumber(i, virtual), true
	}
	name = strings.TrimPrefix(name, "public.")
	if r := cat.Relation(name); r != nil {
		return numbers(cat)[r.ID], true
	}
	if table, isKey := strings.CutSuffix(name, keyName(&catalog.Relation{})); isKey {
		if r := cat.Relation(table); r != nil && primaryKey(r) != nil {
			return numbers(cat)[r.ID] + 1, true
		}
	}
	return 0, false
}
