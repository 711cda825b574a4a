package bind

import (
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// systemTypes are Postgres' types of the system catalogues. Numbers of objects are BIGINT here, the rest is text.
var systemTypes = map[string]types.ID{
	"oid": types.BigInt, "xid": types.BigInt, "cid": types.BigInt,
	"regclass": types.BigInt, "regtype": types.BigInt, "regnamespace": types.BigInt, "regrole": types.BigInt, "regproc": types.BigInt,
	"int2vector": types.String, "oidvector": types.String, "pg_node_tree": types.String, "aclitem": types.String,
}

// objectKind is what a reg… type names: "class" of regclass; "" for other types.
func objectKind(t *ast.TypeName) string {
	if t.Kind != ast.TypeNamed {
		return ""
	}
	name := strings.ToLower(t.Name.Last().Name)
	if kind, ok := strings.CutPrefix(name, "reg"); ok && systemTypes[name] == types.BigInt {
		return kind
	}
	return ""
}

// objectNumber binds 'name'::regclass and its like to the object's number; ok is false for anything but a constant text.
// Errors: 42P01, 42704 for names that are none.
func (b *Binder) objectNumber(kind string, arg expr.Expr, pos sqlerr.Pos) (number expr.Expr, ok bool, err error) {
	lit, isLiteral := arg.(*expr.Literal)
	if !isLiteral || lit.Value.Null || lit.Value.Type.ID != types.Unknown && lit.Value.Type.ID != types.String {
		return nil, false, nil
	}
	name := strings.TrimSpace(lit.Value.S)
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return integer(types.BigInt, int64(n)), true, nil
	}
	if kind == "type" {
		if t, known := types.ByName(strings.TrimPrefix(name, "pg_catalog.")); known && !t.Nested() {
			return integer(types.BigInt, int64(t.OID())), true, nil
		}
	}
	if b.Objects != nil {
		if n, known := b.Objects(kind, b.objectName(name)); known {
			return integer(types.BigInt, n), true, nil
		}
	}
	switch kind {
	case "class":
		return nil, true, sqlerr.Newf(sqlerr.UndefinedTable, pos, "relation %q does not exist", name)
	case "namespace":
		return nil, true, sqlerr.Newf(sqlerr.InvalidSchemaName, pos, "schema %q does not exist", name)
	}
	return nil, true, sqlerr.Newf(sqlerr.UndefinedObject, pos, "%s %q does not exist", map[string]string{"type": "type", "role": "role", "proc": "function"}[kind], name)
}

// objectName folds the parts of a name inside a text, as an identifier in a statement would be, and joins them by dots.
func (b *Binder) objectName(text string) string {
	var out strings.Builder
	quoted := false
	for _, part := range strings.SplitAfter(text, `"`) {
		word, isEnd := strings.CutSuffix(part, `"`)
		out.WriteString(b.Fold(ast.Ident{Name: word, Quoted: quoted}))
		if isEnd {
			quoted = !quoted
		}
	}
	return out.String()
}
