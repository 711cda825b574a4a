package bind

import (
	"math"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// untyped is a text literal, or NULL, whose type its use will tell.
func untyped(text string, null bool) expr.Expr {
	return &expr.Literal{Value: vector.Datum{Type: types.Of(types.Unknown), Null: null, S: text}}
}

func boolean(v bool) expr.Expr {
	d := vector.Datum{Type: types.Of(types.Boolean)}
	if v {
		d.I = 1
	}
	return &expr.Literal{Value: d}
}

func integer(id types.ID, v int64) expr.Expr {
	return &expr.Literal{Value: vector.Datum{Type: types.Of(id), I: v}}
}

// number types a numeric literal as the dialect does: INTEGER, BIGINT or NUMERIC by size; with a point NUMERIC; with an exponent
// NUMERIC in postgres (DOUBLE where no NUMERIC of ours is wide enough), DOUBLE in ksqldb.
func (b *Binder) number(text string, negative bool, pos sqlerr.Pos) (expr.Expr, error) {
	digits := strings.ReplaceAll(text, "_", "")
	if negative {
		digits = "-" + digits
	}
	if !strings.ContainsAny(digits, ".eE") || isRadix(digits) {
		if v, err := strconv.ParseInt(digits, 0, 64); err == nil && !leadingZero(digits) {
			return sizedInteger(v), nil
		}
		if v, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return sizedInteger(v), nil
		}
	}
	if b.Ksql() && strings.ContainsAny(digits, "eE") {
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return nil, sqlerr.Newf(sqlerr.NumericOutOfRange, pos, "%q is out of range for type DOUBLE", text)
		}
		return &expr.Literal{Value: vector.Datum{Type: types.Of(types.Double), F: f}}, nil
	}
	d, scale, ok, fits := vector.ParseDecimal(digits)
	if f, err := strconv.ParseFloat(digits, 64); ok && !fits && err == nil && strings.ContainsAny(digits, "eE") {
		return &expr.Literal{Value: vector.Datum{Type: types.Of(types.Double), F: f}}, nil
	}
	if !ok || !fits {
		return nil, sqlerr.Newf(sqlerr.NumericOutOfRange, pos, "%q is out of range for type numeric", text)
	}
	t := types.Of(types.Decimal)
	if b.Ksql() {
		t = types.DecimalOf(int16(max(d.Digits(), int(scale)+1)), scale)
	}
	return &expr.Literal{Value: vector.Datum{Type: t, D: d, Scale: scale}}, nil
}

func isRadix(s string) bool {
	s = strings.ToLower(strings.TrimPrefix(s, "-"))
	return strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0b") || strings.HasPrefix(s, "0o")
}

func leadingZero(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9'
}

func sizedInteger(v int64) expr.Expr {
	if v >= math.MinInt32 && v <= math.MaxInt32 {
		return integer(types.Int, v)
	}
	return integer(types.BigInt, v)
}

// typed parses a text literal as a type. Errors: 22P02, 22007, 22003 at pos.
func (b *Binder) typed(t types.Type, text string, pos sqlerr.Pos) (expr.Expr, error) {
	d, err := b.parseText(t, text)
	if err != nil {
		return nil, sqlerr.From(err).WithPos(pos)
	}
	return &expr.Literal{Value: d}, nil
}

func (b *Binder) interval(lit *ast.IntervalLit) (expr.Expr, error) {
	text := lit.Value
	if lit.Fields != "" && strings.Trim(text, "0123456789.-+ ") == "" {
		unit, _, _ := strings.Cut(lit.Fields, " ")
		if i := strings.LastIndex(lit.Fields, " "); i >= 0 {
			unit = lit.Fields[i+1:]
		}
		text += " " + strings.ToLower(unit)
	}
	return b.typed(types.Of(types.Interval), text, lit.At)
}
