package types

// CastContext says who asks for a cast. Each context allows what the one before it allows.
type CastContext uint8

// The contexts of pg_cast.castcontext.
const (
	Implicit   CastContext = iota // in any expression, silently
	Assignment                    // into a column of INSERT
	Explicit                      // CAST(x AS t), x::t
)

// MaxPrecision is the most digits of a DECIMAL: what fits 128 bits.
const MaxPrecision = 38

// rank orders the numbers from narrow to wide; 0: not a number.
func (id ID) rank() int {
	switch id {
	case SmallInt:
		return 1
	case Int:
		return 2
	case BigInt:
		return 3
	case Decimal:
		return 4
	case Real:
		return 5
	case Double:
		return 6
	}
	return 0
}

// Numeric tells whether the type is a number.
func (t Type) Numeric() bool { return t.ID.rank() > 0 }

// Integer tells whether the type is a whole number held in 64 bits.
func (t Type) Integer() bool { return t.ID == SmallInt || t.ID == Int || t.ID == BigInt }

// CanCast tells whether from can become to in a context. Unknown (NULL, an untyped text literal) becomes anything.
// Source: Postgres, pg_cast; element-wise for arrays, maps and structs.
func CanCast(from, to Type, ctx CastContext) bool {
	if from.ID == Unknown || from.Equal(to) {
		return true
	}
	if from.Nested() || to.Nested() {
		return canCastNested(from, to, ctx)
	}
	if from.ID == to.ID {
		return true
	}
	if from.Numeric() && to.Numeric() {
		return canCastNumber(from.ID, to.ID, ctx)
	}
	switch {
	case to.ID == String:
		return ctx >= Assignment
	case from.ID == String:
		return ctx == Explicit
	case from.ID == Date && to.ID == Timestamp:
		return true
	case from.ID == Timestamp && (to.ID == Date || to.ID == Time):
		return ctx >= Assignment
	case from.ID == Time && to.ID == Interval:
		return true
	case from.ID == Interval && to.ID == Time:
		return ctx >= Assignment
	case from.ID == Boolean && to.Integer(), from.Integer() && to.ID == Boolean:
		return ctx == Explicit
	case from.ID == Timestamp && to.ID == BigInt, from.ID == BigInt && to.ID == Timestamp:
		return ctx == Explicit // milliseconds since 1970, as ksqlDB's ROWTIME
	}
	return false
}

func canCastNumber(from, to ID, ctx CastContext) bool {
	if from.rank() <= to.rank() && (to != Real || from == Decimal) {
		return true
	}
	return ctx >= Assignment
}

func canCastNested(from, to Type, ctx CastContext) bool {
	if to.ID == String {
		return ctx >= Assignment
	}
	if from.ID == String {
		return to.ID == Array && ctx == Explicit
	}
	if from.ID != to.ID {
		return false
	}
	switch to.ID {
	case Array:
		return from.Elem == nil || to.Elem == nil || CanCast(*from.Elem, *to.Elem, ctx)
	case Map:
		return CanCast(*from.Key, *to.Key, ctx) && CanCast(*from.Elem, *to.Elem, ctx)
	}
	if len(from.Fields) != len(to.Fields) {
		return false
	}
	for i := range from.Fields {
		if !CanCast(from.Fields[i].Type, to.Fields[i].Type, ctx) {
			return false
		}
	}
	return true
}

// Common is the type that values of a and b share in CASE, COALESCE, UNION, IN and comparisons; false when there is none.
// Unknown gives way to anything; two Unknowns stay Unknown (callers make text of it). Decimals of different precision or scale share
// the one without, so that each value keeps its digits, as in Postgres.
func Common(a, b Type) (Type, bool) { return common(a, b, false) }

// CommonFixed is Common with decimals of one fixed scale, wide enough for both: ksqlDB's.
func CommonFixed(a, b Type) (Type, bool) { return common(a, b, true) }

func common(a, b Type, fixed bool) (Type, bool) {
	switch {
	case a.ID == Unknown:
		return b, true
	case b.ID == Unknown || a.Equal(b):
		return a, true
	case a.ID == Decimal && b.ID == Decimal:
		return commonDecimal(a, b, fixed), true
	case a.ID == Decimal && b.Integer():
		return commonDecimal(a, IntegerAsDecimal(b.ID), fixed), true
	case b.ID == Decimal && a.Integer():
		return commonDecimal(b, IntegerAsDecimal(a.ID), fixed), true
	case a.Numeric() && b.Numeric():
		if a.ID == Real || b.ID == Real {
			return Of(Double), true
		}
		if a.ID.rank() > b.ID.rank() {
			return a, true
		}
		return b, true
	case a.ID == Array && b.ID == Array:
		elem, ok := common(*a.Elem, *b.Elem, fixed)
		return ArrayOf(elem), ok
	case CanCast(a, b, Implicit):
		return b, true
	case CanCast(b, a, Implicit):
		return a, true
	}
	return Type{}, false
}

func commonDecimal(a, b Type, fixed bool) Type {
	if !fixed || a.Precision == 0 || b.Precision == 0 {
		return Of(Decimal)
	}
	scale := max(a.Scale, b.Scale)
	precision := max(a.Precision-a.Scale, b.Precision-b.Scale) + scale
	if precision > MaxPrecision {
		return Of(Decimal)
	}
	return DecimalOf(precision, scale)
}

// IntegerAsDecimal is the narrowest DECIMAL that holds every value of a whole number type.
func IntegerAsDecimal(id ID) Type {
	switch id {
	case SmallInt:
		return DecimalOf(5, 0)
	case Int:
		return DecimalOf(10, 0)
	}
	return DecimalOf(19, 0)
}
