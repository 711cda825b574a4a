package bind

import (
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// maxDecimalDigits is the precision a DECIMAL may have.
const maxDecimalDigits = 38

// maxTypeNesting bounds ARRAY<ARRAY<…>>.
const maxTypeNesting = 32

// Type is a type as written. Fields of structs are folded as the dialect does. Errors: 42704 unknown name, 22023 bad precision.
func Type(d catalog.Dialect, t *ast.TypeName) (types.Type, error) { return typeOf(d, t, 0) }

func typeOf(d catalog.Dialect, t *ast.TypeName, depth int) (types.Type, error) {
	if depth > maxTypeNesting {
		return types.Type{}, sqlerr.Newf(sqlerr.StatementTooComplex, t.At, "type is nested too deeply")
	}
	switch t.Kind {
	case ast.TypeArray:
		elem, err := typeOf(d, t.Elem, depth+1)
		return types.ArrayOf(elem), err
	case ast.TypeMap:
		key, err := typeOf(d, t.Key, depth+1)
		if err != nil {
			return types.Type{}, err
		}
		elem, err := typeOf(d, t.Elem, depth+1)
		return types.MapOf(key, elem), err
	case ast.TypeStruct:
		var fields []types.Field
		for _, f := range t.Struct {
			ft, err := typeOf(d, f.Type, depth+1)
			if err != nil {
				return types.Type{}, err
			}
			fields = append(fields, types.Field{Name: Fold(d, f.Name), Type: ft})
		}
		return types.StructOf(fields...), nil
	}
	return namedType(t)
}

func namedType(t *ast.TypeName) (types.Type, error) {
	for _, q := range t.Name.Qualifier() {
		if !strings.EqualFold(q.Name, "pg_catalog") {
			return types.Type{}, sqlerr.Newf(sqlerr.InvalidSchemaName, q.At, "schema %q does not exist", q.Name)
		}
	}
	word := strings.ToLower(t.Name.Last().Name)
	typ, ok := types.ByName(word)
	if id, system := systemTypes[word]; system {
		typ, ok = types.Of(id), true
	}
	if !ok || typ.ID == types.Array || typ.ID == types.Map || typ.ID == types.Struct {
		e := sqlerr.Newf(sqlerr.UndefinedObject, t.At, "type %q does not exist", t.Name.Last().Name)
		if near := Nearest(word, types.Names()); near != "" {
			return types.Type{}, e.WithHint("did you mean %q?", near)
		}
		return types.Type{}, e
	}
	if typ.ID == types.Decimal && len(t.Args) > 0 {
		return decimalType(t)
	}
	return typ, nil
}

func decimalType(t *ast.TypeName) (types.Type, error) {
	precision, err := strconv.Atoi(t.Args[0])
	if err != nil || precision < 1 || precision > maxDecimalDigits {
		return types.Type{}, sqlerr.Newf(sqlerr.InvalidParameterValue, t.At, "NUMERIC precision %s must be between 1 and %d", t.Args[0], maxDecimalDigits)
	}
	scale := 0
	if len(t.Args) > 1 {
		scale, err = strconv.Atoi(t.Args[1])
		if err != nil || scale < 0 || scale > precision {
			return types.Type{}, sqlerr.Newf(sqlerr.InvalidParameterValue, t.At, "NUMERIC scale %s must be between 0 and precision %d", t.Args[1], precision)
		}
	}
	return types.DecimalOf(int16(precision), int16(scale)), nil
}
