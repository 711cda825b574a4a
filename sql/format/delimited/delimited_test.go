package delimited

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func columns(list ...any) types.Columns {
	var out types.Columns
	for i := 0; i < len(list); i += 2 {
		typ, ok := list[i+1].(types.Type)
		if !ok {
			typ = types.Of(list[i+1].(types.ID))
		}
		out = append(out, types.Column{Name: list[i].(string), Type: typ})
	}
	return out
}

// decodeAll gives rows as text, or why they are bad; "NULL" is a null payload.
func decodeAll(t *testing.T, f format.Format, opts format.Options, payloads ...string) (cols []*vector.Vector, rows []string) {
	t.Helper()
	d, serr := f.NewDecoder(opts)
	if serr != nil {
		t.Fatal(serr)
	}
	var buf []byte
	var offs, lens []int32
	for _, p := range payloads {
		offs, lens = append(offs, int32(len(buf))), append(lens, int32(len(p)))
		if p == "NULL" {
			lens[len(lens)-1] = -1
		}
		buf = append(buf, p...)
	}
	for _, c := range opts.Columns {
		v := &vector.Vector{}
		v.Reset(c.Type, len(payloads))
		cols = append(cols, v)
	}
	bad := d.Decode(buf, offs, lens, cols, nil)
	for i := range payloads {
		parts := make([]string, len(cols))
		for c, v := range cols {
			parts[c] = "∅"
			if !v.IsNull(i) {
				parts[c] = string(vector.AppendText(nil, v, i, vector.Style{}))
			}
		}
		rows = append(rows, strings.Join(parts, "|"))
	}
	for _, b := range bad {
		rows[b.Row] = b.Cause
	}
	return cols, rows
}

func encodeAll(t *testing.T, f format.Format, opts format.Options, cols []*vector.Vector, n int) []string {
	t.Helper()
	e, serr := f.NewEncoder(opts)
	if serr != nil {
		t.Fatal(serr)
	}
	rows := make([]uint16, n)
	for i := range rows {
		rows[i] = uint16(i)
	}
	var dst format.Payloads
	if err := e.Encode(cols, rows, &dst); err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range n {
		if dst.Null[i] {
			out = append(out, "NULL")
			continue
		}
		out = append(out, string(dst.At(i)))
	}
	return out
}

func TestDelimited(t *testing.T) {
	opts := format.Options{Columns: columns("i", types.Int, "s", types.String, "d", types.DecimalOf(5, 2), "b", types.Boolean)}
	cases := []struct{ payload, want string }{
		{"1,abc,1.5,true", "1|abc|1.50|t"},
		{`-2,"a ""b"", c",,no`, `-2|a "b", c|∅|f`},
		{`"3",,"",` + "\r\n", "3|∅|∅|∅"},
		{",,,", "∅|∅|∅|∅"},
		{"NULL", "∅|∅|∅|∅"},
		{"1,2,3", "expected 4 fields, found 3"},
		{"1,2,3,4,5", "expected 4 fields, found 5"},
		{"x,2,3,4", `field "i": expected integer, found "x"`},
		{"1,2,1000,4", `field "d": expected numeric(5,2), found "1000"`},
		{`1,"open`, "payload is not valid CSV"},
		{`1,"a"b,3,4`, "payload is not valid CSV"},
		{"1\n2,,,", "payload is not valid CSV"},
		{"", "expected 4 fields, found 1"},
	}
	for _, c := range cases {
		if _, rows := decodeAll(t, delimitedFormat{}, opts, c.payload); rows[0] != c.want {
			t.Errorf("%q: %s, want %s", c.payload, rows[0], c.want)
		}
	}
	opts.Payload = columns("x", types.String, "s", types.String, "y", types.String)
	opts.Columns = columns("s", types.String)
	opts.Properties = map[string]string{"VALUE_DELIMITER": "tab"}
	if _, rows := decodeAll(t, delimitedFormat{}, opts, "a\tb,c\td"); rows[0] != "b,c" {
		t.Errorf("by position: %s", rows[0])
	}
	opts.Properties["VALUE_DELIMITER"] = "ab"
	if err := (delimitedFormat{}).Check(opts); err == nil {
		t.Error("delimiter of two characters")
	}
}

func TestDelimitedRoundTrip(t *testing.T) {
	opts := format.Options{Columns: columns("s", types.String, "u", types.String, "f", types.Double, "t", types.Timestamp, "y", types.Bytes), JavaNumbers: true}
	lines := []string{
		`abc,"#x",1.0E10,-1,aGk=`,
		`"-10","a,b",0.5,1700000000123,`,
		`"",,,,`,
		`"é","x ",-1.0,0,"`, // not valid: not decoded
	}
	cols, rows := decodeAll(t, delimitedFormat{}, opts, lines...)
	if rows[3] != "payload is not valid CSV" {
		t.Errorf("%s", rows[3])
	}
	for i, got := range encodeAll(t, delimitedFormat{}, opts, cols, 3) {
		if got != lines[i] {
			t.Errorf("%s, want %s", got, lines[i])
		}
	}
}

func TestKafka(t *testing.T) {
	cases := []struct {
		id      types.ID
		payload string
		want    string
	}{
		{types.Int, "\x00\x00\x00\x07", "7"},
		{types.Int, "\xff\xff\xff\xff", "-1"},
		{types.Int, "\x07", "expected integer of 4 bytes, found 1 bytes"},
		{types.BigInt, "\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"},
		{types.BigInt, "", "expected bigint of 8 bytes, found 0 bytes"},
		{types.Double, "\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5"},
		{types.String, "żółw", "żółw"},
		{types.String, "", ""},
		{types.String, "NULL", "∅"},
		{types.Bytes, "\x00\xff", `\x00ff`},
	}
	for _, c := range cases {
		opts := format.Options{Columns: columns("k", c.id)}
		cols, rows := decodeAll(t, kafkaFormat{}, opts, c.payload)
		if rows[0] != c.want {
			t.Errorf("%q: %s, want %s", c.payload, rows[0], c.want)
			continue
		}
		if !strings.HasPrefix(c.want, "expected") {
			if back := encodeAll(t, kafkaFormat{}, opts, cols, 1)[0]; back != c.payload {
				t.Errorf("%q came back as %q", c.payload, back)
			}
		}
	}
	if _, rows := decodeAll(t, kafkaFormat{}, format.Options{Columns: columns("k", types.String)}, "a\xffb"); rows[0] != "a\uFFFDb" {
		t.Errorf("not UTF-8: %q", rows[0])
	}
	for _, opts := range []format.Options{{}, {Columns: columns("k", types.Date)}, {Columns: columns("a", types.Int, "b", types.Int)}} {
		if err := (kafkaFormat{}).Check(opts); err == nil {
			t.Errorf("%v was accepted", opts.Columns)
		}
	}
}

func TestNone(t *testing.T) {
	if _, rows := decodeAll(t, noneFormat{}, format.Options{}, "anything"); rows[0] != "" {
		t.Errorf("%q", rows[0])
	}
	if got := encodeAll(t, noneFormat{}, format.Options{}, nil, 2); fmt.Sprint(got) != "[NULL NULL]" {
		t.Errorf("%v", got)
	}
	if err := (noneFormat{}).Check(format.Options{Columns: columns("k", types.Int)}); err == nil {
		t.Error("NONE with a column")
	}
}

func FuzzDelimited(f *testing.F) {
	f.Add([]byte(`1,"a ""b""",2.5`))
	f.Add([]byte(`"",,`))
	cols := columns("i", types.BigInt, "s", types.String, "d", types.Double)
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, _ := delimitedFormat{}.NewDecoder(format.Options{Columns: cols})
		e, _ := delimitedFormat{}.NewEncoder(format.Options{Columns: cols})
		decode := func(b []byte) ([]*vector.Vector, []format.BadRow) {
			var out []*vector.Vector
			for _, c := range cols {
				v := &vector.Vector{}
				v.Reset(c.Type, 1)
				out = append(out, v)
			}
			return out, d.Decode(b, []int32{0}, []int32{int32(len(b))}, out, nil)
		}
		first, bad := decode(payload)
		if len(bad) > 0 {
			return
		}
		var dst format.Payloads
		if err := e.Encode(first, []uint16{0}, &dst); err != nil {
			t.Fatal(err)
		}
		second, bad := decode(dst.At(0))
		if len(bad) > 0 {
			t.Fatalf("%q came back as %q: %v", payload, dst.At(0), bad)
		}
		for i, v := range first {
			if v.IsNull(0) != second[i].IsNull(0) || !v.IsNull(0) && !vector.Equal(v, 0, second[i], 0) {
				t.Fatalf("%q came back as %q", payload, dst.At(0))
			}
		}
	})
}
