package types

import "testing"

func TestNames(t *testing.T) {
	for _, c := range []struct {
		t              Type
		postgres, ksql string
	}{
		{Of(Int), "integer", "INTEGER"},
		{Of(Double), "double precision", "DOUBLE"},
		{DecimalOf(10, 2), "numeric(10,2)", "DECIMAL(10, 2)"},
		{ArrayOf(Of(String)), "text[]", "ARRAY<STRING>"},
		{MapOf(Of(String), Of(BigInt)), "MAP<text, bigint>", "MAP<STRING, BIGINT>"},
		{StructOf(Field{"a", Of(Int)}, Field{"B c", Of(Date)}), `STRUCT<a integer, "B c" date>`, `STRUCT<a INTEGER, "B c" DATE>`},
		{Of(Timestamp), "timestamp with time zone", "TIMESTAMP"},
		{Of(Unknown), "unknown", "NULL"},
	} {
		if c.t.String() != c.postgres || c.t.KsqlName() != c.ksql {
			t.Errorf("%s, %s; want %s, %s", c.t, c.t.KsqlName(), c.postgres, c.ksql)
		}
	}
	for _, n := range Names() {
		if _, ok := ByName(n); !ok {
			t.Errorf("%s is listed and not found", n)
		}
	}
	if got, ok := ByName("  Double   PRECISION "); !ok || got.ID != Double {
		t.Error("names are of any case and spacing")
	}
	if _, ok := ByName("money"); ok {
		t.Error("money is no type here")
	}
}

// TestOIDs holds that a type's number leads back to it.
func TestOIDs(t *testing.T) {
	for id := Boolean; id <= Interval; id++ {
		for _, typ := range []Type{Of(id), ArrayOf(Of(id))} {
			back, ok := FromOID(typ.OID())
			if !ok || !back.Equal(typ) {
				t.Errorf("%s has number %d, which is %s", typ, typ.OID(), back)
			}
		}
	}
	if m := DecimalOf(10, 2).Modifier(); m != 10<<16|2+4 {
		t.Errorf("modifier of numeric(10,2) is %d", m)
	}
	if ArrayOf(ArrayOf(Of(Int))).OID() != OIDText || MapOf(Of(String), Of(Int)).OID() != OIDText {
		t.Error("nested types travel as text")
	}
}

func TestCasts(t *testing.T) {
	for _, c := range []struct {
		from, to Type
		least    CastContext
		never    bool
	}{
		{Of(Int), Of(BigInt), Implicit, false},
		{Of(BigInt), Of(Int), Assignment, false},
		{Of(Int), Of(Double), Implicit, false},
		{Of(Decimal), Of(Double), Implicit, false},
		{Of(Double), Of(Decimal), Assignment, false},
		{Of(Int), Of(String), Assignment, false},
		{Of(String), Of(Int), Explicit, false},
		{Of(Unknown), Of(Date), Implicit, false},
		{Of(Boolean), Of(Int), Explicit, false},
		{Of(Date), Of(Timestamp), Implicit, false},
		{Of(Timestamp), Of(Date), Assignment, false},
		{Of(Boolean), Of(Date), Implicit, true},
		{ArrayOf(Of(Int)), ArrayOf(Of(BigInt)), Implicit, false},
		{ArrayOf(Of(BigInt)), ArrayOf(Of(Int)), Assignment, false},
		{StructOf(Field{"a", Of(Int)}), StructOf(Field{"a", Of(BigInt)}), Implicit, false},
		{Of(Int), ArrayOf(Of(Int)), Implicit, true},
		{DecimalOf(5, 2), DecimalOf(4, 1), Implicit, false},
		{Of(Bytes), Of(Int), Implicit, true},
	} {
		for ctx := Implicit; ctx <= Explicit; ctx++ {
			if want := !c.never && ctx >= c.least; CanCast(c.from, c.to, ctx) != want {
				t.Errorf("%s to %s in context %d: %v", c.from, c.to, ctx, !want)
			}
		}
	}
}

func TestCommon(t *testing.T) {
	for _, c := range []struct{ a, b, want, fixed Type }{
		{Of(Int), Of(BigInt), Of(BigInt), Of(BigInt)},
		{Of(Unknown), Of(Date), Of(Date), Of(Date)},
		{Of(Int), Of(Double), Of(Double), Of(Double)},
		{Of(Int), DecimalOf(4, 1), Of(Decimal), DecimalOf(11, 1)},
		{DecimalOf(4, 1), DecimalOf(4, 3), Of(Decimal), DecimalOf(6, 3)},
		{DecimalOf(4, 1), DecimalOf(4, 1), DecimalOf(4, 1), DecimalOf(4, 1)},
		{Of(Date), Of(Timestamp), Of(Timestamp), Of(Timestamp)},
		{ArrayOf(Of(Int)), ArrayOf(Of(BigInt)), ArrayOf(Of(BigInt)), ArrayOf(Of(BigInt))},
		{Of(Real), Of(Int), Of(Double), Of(Double)},
	} {
		for _, swap := range []bool{false, true} {
			a, b := c.a, c.b
			if swap {
				a, b = b, a
			}
			if got, ok := Common(a, b); !ok || !got.Equal(c.want) {
				t.Errorf("%s and %s: %s, want %s", a, b, got, c.want)
			}
			if got, ok := CommonFixed(a, b); !ok || !got.Equal(c.fixed) {
				t.Errorf("%s and %s, fixed: %s, want %s", a, b, got, c.fixed)
			}
		}
	}
	if _, ok := Common(Of(Int), Of(String)); ok {
		t.Error("integer and text share no type")
	}
}
