package json

import (
	stdjson "encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fastjson"

	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func columnsOf(t testing.TB, list ...any) types.Columns {
	t.Helper()
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

// decodeAll decodes payloads ("NULL" is a null one) and gives rows as text, or why they are bad.
func decodeAll(t testing.TB, opts format.Options, payloads ...string) []string {
	t.Helper()
	d, serr := jsonFormat{}.NewDecoder(opts)
	if serr != nil {
		t.Fatal(serr)
	}
	buf, offs, lens := pack(payloads)
	cols := newVectors(opts.Columns, len(payloads))
	bad := d.Decode(buf, offs, lens, cols, nil)
	rows := make([]string, len(payloads))
	for i := range rows {
		parts := make([]string, len(cols))
		for c, v := range cols {
			parts[c] = "∅"
			if !v.IsNull(i) {
				parts[c] = string(vector.AppendText(nil, v, i, vector.Style{}))
			}
		}
		rows[i] = strings.Join(parts, "|")
	}
	for _, b := range bad {
		if strings.Trim(rows[b.Row], "∅|") != "" {
			t.Errorf("bad row %d is not all null: %s", b.Row, rows[b.Row])
		}
		rows[b.Row] = b.Cause
	}
	return rows
}

func pack(payloads []string) (buf []byte, offs, lens []int32) {
	for _, p := range payloads {
		offs, lens = append(offs, int32(len(buf))), append(lens, int32(len(p)))
		if p == "NULL" {
			lens[len(lens)-1] = -1
		}
		buf = append(buf, p...)
	}
	return buf, offs, lens
}

func newVectors(columns types.Columns, n int) []*vector.Vector {
	cols := make([]*vector.Vector, len(columns))
	for i, c := range columns {
		cols[i] = &vector.Vector{}
		cols[i].Reset(c.Type, n)
	}
	return cols
}

func TestScalars(t *testing.T) {
	cases := []struct {
		typ          any
		payload      string
		want, inJava string // inJava "" means the same
	}{
		{types.BigInt, `12`, "12", ""},
		{types.BigInt, `-9223372036854775808`, "-9223372036854775808", ""},
		{types.BigInt, `9223372036854775808`, "expected bigint, found 9223372036854775808", "-9223372036854775808"},
		{types.BigInt, `1.99`, "1", ""},
		{types.BigInt, `-1.99`, "-1", ""},
		{types.BigInt, `1e3`, "1000", ""},
		{types.BigInt, `"42"`, "42", ""},
		{types.BigInt, `"4.2"`, `expected bigint, found "4.2"`, `expected BIGINT, found "4.2"`},
		{types.BigInt, `"x"`, `expected bigint, found "x"`, `expected BIGINT, found "x"`},
		{types.BigInt, `true`, `expected bigint, found true`, `expected BIGINT, found true`},
		{types.BigInt, `[1]`, `expected bigint, found [1]`, `expected BIGINT, found [1]`},
		{types.BigInt, `012`, `payload is not valid JSON`, ""},
		{types.BigInt, `null`, `∅`, ""},
		{types.Int, `2147483648`, `expected integer, found 2147483648`, "-2147483648"},
		{types.SmallInt, `"-7"`, "-7", ""},
		{types.Double, `1.5`, "1.5", ""},
		{types.Double, `"1.5e300"`, "1.5e+300", ""},
		{types.Double, `0.1234567890123456789`, "0.12345678901234568", ""},
		{types.Double, `"NaN"`, "NaN", ""},
		{types.Double, `"0x1p2"`, `expected double precision, found "0x1p2"`, `expected DOUBLE, found "0x1p2"`},
		{types.Double, `.5`, `payload is not valid JSON`, ""},
		{types.Real, `0.1`, "0.1", ""},
		{types.Boolean, `true`, "t", ""},
		{types.Boolean, `"true"`, `expected boolean, found "true"`, `expected BOOLEAN, found "true"`},
		{types.Boolean, `tru`, `payload is not valid JSON`, ""},
		{types.String, `"a\"b\\\/\n\u0041\ud83d\ude00\ud83d"`, "a\"b\\/\nA😀\uFFFD", ""},
		{types.String, `"żółw"`, "żółw", ""},
		{types.String, "\"\xff\"", "expected text, found \"?\"", "expected STRING, found \"?\""},
		{types.String, "\"a\nb\"", "payload is not valid JSON", ""},
		{types.String, `"\x"`, `expected text, found "\x"`, `expected STRING, found "\x"`},
		{types.String, `1.50`, "1.50", ""},
		{types.String, `{"a" : [1, "x y"]}`, `{"a":[1,"x y"]}`, ""},
		{types.String, `[ 1,"x y", ["\u0041"],{"k": 2} ,[] ]`, `[1,"x y",["\u0041"],{"k":2},[]]`, `[1, x y, [A], {"k":2}, []]`},
		{types.MapOf(types.Of(types.String), types.Of(types.Int)), `{"a":1,"b":2,"a":null,"b":3}`, `{"a": null, "b": 3}`, ""},
		{types.DecimalOf(6, 2), `12.5`, "12.50", ""},
		{types.DecimalOf(6, 2), `"12.505"`, "12.51", `expected DECIMAL(6, 2), found "12.505"`},
		{types.DecimalOf(6, 2), `12.500`, "12.50", ""},
		{types.DecimalOf(4, 2), `100`, "expected numeric(4,2), found 100", "expected DECIMAL(4, 2), found 100"},
		{types.Decimal, `12.345`, "12.345", ""},
		{types.Bytes, `"aGk="`, `\x6869`, ""},
		{types.Bytes, `"???"`, `expected bytea, found "???"`, `expected BYTES, found "???"`},
		{types.Timestamp, `1700000000123`, "2023-11-14 22:13:20.123+00", ""},
		{types.Timestamp, `"1700000000123"`, "2023-11-14 22:13:20.123+00", ""},
		{types.Timestamp, `"2023-11-14 22:13:20.5"`, "2023-11-14 22:13:20.5+00", `expected TIMESTAMP, found "2023-11-14 22:13:20.5"`},
		{types.Timestamp, `"2023-11-14T22:13:20+02:00"`, "2023-11-14 20:13:20+00", `expected TIMESTAMP, found "2023-11-14T22:13:20+02:00"`},
		{types.Timestamp, `"2023-02-29 00:00:00"`, `expected timestamp with time zone, found "2023-02-29 00:00:00"`, `expected TIMESTAMP, found "2023-02-29 00:00:00"`},
		{types.Date, `19000`, "2022-01-08", ""},
		{types.Date, `"2022-01-08"`, "2022-01-08", `expected DATE, found "2022-01-08"`},
		{types.Time, `3600000`, "01:00:00", ""},
		{types.Time, `-1`, "expected time without time zone, found -1", "expected TIME, found -1"},
	}
	for _, c := range cases {
		for _, java := range []bool{false, true} {
			want := c.want
			if java && c.inJava != "" {
				want = c.inJava
			}
			opts := format.Options{Columns: columnsOf(t, "v", c.typ), JavaNumbers: java}
			wrappedWant := want
			if strings.HasPrefix(want, "expected ") {
				wrappedWant = `field "v": ` + want
			}
			if got := decodeAll(t, opts, `{"v":`+c.payload+`}`)[0]; got != wrappedWant {
				t.Errorf("%s (java %v): %s, want %s", c.payload, java, got, wrappedWant)
			}
			opts.Unwrapped = true
			if got := decodeAll(t, opts, c.payload)[0]; got != want {
				t.Errorf("%s unwrapped (java %v): %s, want %s", c.payload, java, got, want)
			}
		}
	}
}

func TestObjects(t *testing.T) {
	opts := format.Options{Columns: columnsOf(t, "id", types.BigInt, "NAME", types.String)}
	cases := []struct{ payload, want string }{
		{`{"id":1,"NAME":"a"}`, "1|a"},
		{` { "NAME" : "b" , "id" : 2 } `, "2|b"},
		{`{"ID":3,"name":"c"}`, "3|c"},
		{`{"ID":30,"id":4}`, "4|∅"},
		{`{"id":4,"ID":30}`, "4|∅"},
		{`{"id":4,"id":5,"name":"x","NAME":null}`, "5|∅"},
		{`{"id":null,"id":6}`, "6|∅"},
		{`{"\u0069d":7}`, "7|∅"},
		{`{}`, "∅|∅"},
		{`null`, "∅|∅"},
		{`NULL`, "∅|∅"},
		{`{"x":{"y":[1,{"id":9}]},"id":8}`, "8|∅"},
		{``, "payload is empty"},
		{`  `, "payload is empty"},
		{`5`, "payload is not a JSON object: 5"},
		{`hello`, "payload is not a JSON object: hello"},
		{`{"id":1`, "payload is not valid JSON"},
		{`{"id":1}}`, "payload goes on after its JSON value: }"},
		{`{"id":1,}`, "payload is not valid JSON"},
		{`{"id" 1}`, "payload is not valid JSON"},
		{`{id:1}`, "payload is not valid JSON"},
		{`{"id":1,"x":}`, "payload is not valid JSON"},
		{`{"id":1,"x":[1,2}`, "payload is not valid JSON"},
		{`{"id":{"a":1},"NAME":"z"}`, `field "id": expected bigint, found {"a":1}`},
		{`{"NAME":"z","id":"` + strings.Repeat("9", 100) + `"}`, `field "id": expected bigint, found "` + strings.Repeat("9", 59) + "…"},
	}
	payloads := make([]string, len(cases))
	for i, c := range cases {
		payloads[i] = c.payload
		if got := decodeAll(t, opts, c.payload)[0]; got != c.want {
			t.Errorf("%s: %s, want %s", c.payload, got, c.want)
		}
	}
	for i, got := range decodeAll(t, opts, payloads...) { // together, with whatever was learned of the order
		if got != cases[i].want {
			t.Errorf("%s after others: %s, want %s", cases[i].payload, got, cases[i].want)
		}
	}
}

func TestNested(t *testing.T) {
	point := types.StructOf(types.Field{Name: "x", Type: types.Of(types.BigInt)}, types.Field{Name: "tags", Type: types.ArrayOf(types.Of(types.String))})
	opts := format.Options{Columns: columnsOf(t,
		"a", types.ArrayOf(types.ArrayOf(types.Of(types.BigInt))),
		"m", types.MapOf(types.Of(types.String), point),
		"s", point,
		"last", types.BigInt)}
	payloads := []string{
		`{"a":[[1,2],null,[]],"m":{"k":{"x":1,"tags":["p",null]},"l":null},"s":{"X":5},"last":1}`,
		`{"s":{"tags":["q"]}}`,
		`{"a":[[7]],"m":{"k":{"x":1}},"s":{"tags":["lost","half"]},"last":"no"}`,
		`{"a":[[8,"x"]]}`,
		`{"m":{"k":{"x":true}}}`,
		`{"s":{"tags":["r"]},"a":[[3]],"a":[[4],[5]],"last":2}`,
		`NULL`,
		`{"a":[],"m":{},"s":{}}`,
	}
	want := []string{
		`{{1,2},NULL,{}}|{"k": {"x": 1, "tags": ["p", null]}, "l": null}|{"x": 5, "tags": null}|1`,
		`∅|∅|{"x": null, "tags": ["q"]}|∅`,
		`field "last": expected bigint, found "no"`,
		`field "a": expected bigint, found "x"`,
		`field "m.k.x": expected bigint, found true`,
		`{{4},{5}}|∅|{"x": null, "tags": ["r"]}|2`,
		`∅|∅|∅|∅`,
		`{}|{}|{"x": null, "tags": null}|∅`,
	}
	for i, got := range decodeAll(t, opts, payloads...) {
		if got != want[i] {
			t.Errorf("%s:\n got %s\nwant %s", payloads[i], got, want[i])
		}
	}
}

func TestRepeatedMapKeys(t *testing.T) {
	var members []string
	for i := range 100 {
		members = append(members, fmt.Sprintf(`"k%d":%d`, i%40, i))
	}
	opts := format.Options{Columns: columnsOf(t, "m", types.MapOf(types.Of(types.String), types.Of(types.Int)))}
	row := decodeAll(t, opts, `{"m":{`+strings.Join(members, ",")+`}}`)[0]
	if strings.Count(row, ":") != 40 || !strings.Contains(row, `"k39": 79`) || !strings.Contains(row, `"k19": 99`) {
		t.Errorf("%s", row)
	}
	opts.Columns = columnsOf(t, "m", types.MapOf(types.Of(types.String), types.ArrayOf(types.Of(types.Int))))
	if row := decodeAll(t, opts, `{"m":{"a":[1],"a":[2]}}`)[0]; row != `field "m": key a stands twice` {
		t.Errorf("%s", row)
	}
}

func TestDepthIsBounded(t *testing.T) {
	opts := format.Options{Columns: columnsOf(t, "id", types.BigInt, "s", types.String)}
	deep := strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000)
	for _, payload := range []string{`{"x":` + deep + `}`, `{"s":` + deep + `}`, `{"id":` + deep + `}`, `{"x":` + deep[:200_000]} {
		if got := decodeAll(t, opts, payload)[0]; got != "payload is not valid JSON" {
			t.Errorf("%s", got)
		}
	}
	fine := strings.Repeat("[", 900) + strings.Repeat("]", 900)
	if got := decodeAll(t, opts, `{"x":`+fine+`,"id":1}`)[0]; got != "1|∅" {
		t.Errorf("%s", got)
	}
}

func TestSkipValidation(t *testing.T) {
	opts := format.Options{Columns: columnsOf(t, "id", types.BigInt), SkipValidation: true}
	for i, got := range decodeAll(t, opts, `{"x":1,"id":7,"rest": never looked at`, `{"x":1}`, `{"x":`) {
		if want := []string{"7", "∅", "payload is not valid JSON"}[i]; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestOrdersOfKeys shuffles, drops and adds members; what was learned must never matter.
func TestOrdersOfKeys(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	names := []string{"a", "b", "c", "d", "e", "f"}
	opts := format.Options{Columns: columnsOf(t, "b", types.BigInt, "e", types.BigInt, "z", types.BigInt)}
	d := newDecoder(opts)
	for range 3000 {
		values := map[string]int{}
		var members []string
		rng.Shuffle(len(names), func(i, j int) {
			if rng.IntN(3) == 0 {
				names[i], names[j] = names[j], names[i]
			}
		})
		for _, n := range names {
			if rng.IntN(5) > 0 {
				values[n] = rng.IntN(1000)
				members = append(members, fmt.Sprintf(`"%s":%d`, n, values[n]))
			}
		}
		buf, offs, lens := pack([]string{"{" + strings.Join(members, ",") + "}"})
		cols := newVectors(opts.Columns, 1)
		if bad := d.Decode(buf, offs, lens, cols, nil); len(bad) > 0 {
			t.Fatal(bad)
		}
		for c, col := range opts.Columns {
			want, ok := values[col.Name]
			if cols[c].IsNull(0) == ok || ok && cols[c].I[0] != int64(want) {
				t.Fatalf("%s of %s: %v, want %d", col.Name, buf, cols[c].I, want)
			}
		}
	}
}

func TestEncode(t *testing.T) {
	point := types.StructOf(types.Field{Name: "x", Type: types.Of(types.Double)}, types.Field{Name: `q"`, Type: types.Of(types.Boolean)})
	opts := format.Options{Columns: columnsOf(t,
		"ID", types.BigInt, "s", types.String, "d", types.DecimalOf(8, 2), "b", types.Bytes, "t", types.Timestamp,
		"a", types.ArrayOf(point), "m", types.MapOf(types.Of(types.String), types.Of(types.Int)))}
	payloads := []string{
		`{"ID":1,"s":"a\"\\\n\u0001é","d":10.50,"b":"aGk=","t":-1,"a":[{"x":1.0E10,"q\"":true},null,{"x":0.5,"q\"":null}],"m":{"k":1,"l":null}}`,
		`{"ID":null,"s":null,"d":null,"b":null,"t":null,"a":null,"m":null}`,
		`{"ID":-5,"s":"","d":-0.05,"b":"","t":1700000000123,"a":[],"m":{}}`,
	}
	for _, java := range []bool{true, false} {
		opts.JavaNumbers = java
		got := roundTrip(t, opts, payloads)
		for i, want := range payloads {
			if !java {
				want = strings.ReplaceAll(want, "1.0E10", "10000000000")
			}
			if got[i] != want {
				t.Errorf("java %v:\n got %s\nwant %s", java, got[i], want)
			}
		}
	}
	single := format.Options{Columns: columnsOf(t, "v", types.Double), Unwrapped: true}
	if got := roundTrip(t, single, []string{`"NaN"`, `2`, `null`}); fmt.Sprint(got) != `["NaN" 2 NULL]` {
		t.Errorf("%v", got)
	}
}

// roundTrip decodes and encodes; a null payload reads NULL.
func roundTrip(t testing.TB, opts format.Options, payloads []string) []string {
	t.Helper()
	buf, offs, lens := pack(payloads)
	cols := newVectors(opts.Columns, len(payloads))
	if bad := newDecoder(opts).Decode(buf, offs, lens, cols, nil); len(bad) > 0 {
		t.Fatal(bad)
	}
	rows := make([]uint16, len(payloads))
	for i := range rows {
		rows[i] = uint16(i)
	}
	var dst format.Payloads
	if err := newEncoder(opts).Encode(cols, rows, &dst); err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(payloads))
	for i := range out {
		if out[i] = "NULL"; !dst.Null[i] {
			out[i] = string(dst.At(i))
		}
	}
	return out
}

func TestCheck(t *testing.T) {
	for _, opts := range []format.Options{
		{Columns: columnsOf(t, "i", types.Interval)},
		{Columns: columnsOf(t, "m", types.MapOf(types.Of(types.Int), types.Of(types.Int)))},
		{Columns: columnsOf(t, "a", types.BigInt, "b", types.BigInt), Unwrapped: true},
	} {
		if err := (jsonFormat{}).Check(opts); err == nil {
			t.Errorf("%v was accepted", opts.Columns)
		}
	}
}

// FuzzDecode compares with fastjson: what we accept it accepts, and wanted whole numbers and texts are the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"id":1,"s":"a"}`, `{"s":"\u00e9\ud83d\ude00","id":"7"}`, `{"x":[1,{"y":null}],"ID":2}`, `{"a":[[1],[2,3]],"m":{"k":1}}`,
		`{"t":"2023-11-14 22:13:20.5","d":1.25}`, `[`, `{"id":1e5}`,
	} {
		f.Add([]byte(s))
	}
	columns := types.Columns{
		{Name: "id", Type: types.Of(types.BigInt)},
		{Name: "s", Type: types.Of(types.String)},
		{Name: "d", Type: types.Of(types.Double)},
		{Name: "a", Type: types.ArrayOf(types.ArrayOf(types.Of(types.Int)))},
		{Name: "m", Type: types.MapOf(types.Of(types.String), types.Of(types.Int))},
		{Name: "t", Type: types.Of(types.Timestamp)},
		{Name: "n", Type: types.DecimalOf(10, 3)},
		{Name: "b", Type: types.Of(types.Bytes)},
	}
	var parser fastjson.Parser
	d := newDecoder(format.Options{Columns: columns})
	e := newEncoder(format.Options{Columns: columns})
	f.Fuzz(func(t *testing.T, payload []byte) {
		cols := newVectors(columns, 3)
		good := []byte(`{"id":1}`)
		buf := append(append(append([]byte(nil), good...), payload...), good...)
		offs := []int32{0, int32(len(good)), int32(len(good) + len(payload))}
		bad := d.Decode(buf, offs, []int32{int32(len(good)), int32(len(payload)), int32(len(good))}, cols, nil)
		if cols[0].I[0] != 1 || cols[0].I[2] != 1 || cols[1].IsNull(2) != true {
			t.Fatal("a payload disturbed its neighbours")
		}
		if len(bad) > 0 {
			return
		}
		parsed, err := parser.ParseBytes(payload)
		if err != nil && !strings.Contains(err.Error(), "depth") {
			t.Fatalf("accepted %q: %v", payload, err)
		}
		compare(t, payload, parsed, cols)
		var dst format.Payloads
		if err := e.Encode(cols, []uint16{0, 1, 2}, &dst); err != nil {
			t.Fatal(err)
		}
		if err := fastjson.ValidateBytes(dst.At(1)); err != nil {
			t.Fatalf("encoded %s: %v", dst.At(1), err)
		}
	})
}

// compare holds row 1 against what fastjson found, where a key stands once and plainly.
func compare(t *testing.T, payload []byte, parsed *fastjson.Value, cols []*vector.Vector) {
	object, err := parsed.Object()
	if err != nil {
		return
	}
	times := map[string]int{}
	object.Visit(func(key []byte, _ *fastjson.Value) { times[strings.ToLower(string(key))]++ })
	if v := object.Get("id"); v != nil && times["id"] == 1 && v.Type() == fastjson.TypeNumber {
		if n, err := v.Int64(); err == nil && cols[0].I[1] != n && !strings.ContainsAny(v.String(), ".eE") {
			t.Fatalf("%q: id %d, want %d", payload, cols[0].I[1], n)
		}
	}
	if v := object.Get("s"); v != nil && times["s"] == 1 && v.Type() == fastjson.TypeString {
		want, _ := v.StringBytes()
		if !strings.Contains(string(payload), `\u`) && string(cols[1].Bytes(1)) != string(want) {
			t.Fatalf("%q: s %q, want %q", payload, cols[1].Bytes(1), want)
		}
	}
	if v := object.Get("d"); v != nil && times["d"] == 1 && v.Type() == fastjson.TypeNumber {
		if got, want := cols[2].F[1], v.GetFloat64(); got != want && (got-want)/want > 1e-15 {
			t.Fatalf("%q: d %v, want %v", payload, got, want)
		}
	}
}

var bidColumns = types.Columns{
	{Name: "auction", Type: types.Of(types.BigInt)},
	{Name: "bidder", Type: types.Of(types.BigInt)},
	{Name: "price", Type: types.Of(types.BigInt)},
	{Name: "channel", Type: types.Of(types.String)},
	{Name: "url", Type: types.Of(types.String)},
	{Name: "dateTime", Type: types.Of(types.Timestamp)},
	{Name: "extra", Type: types.Of(types.String)},
}

// bids makes payloads of about 220 bytes.
func bids(n int) []string {
	at := time.UnixMilli(1_700_000_000_000).UTC()
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"auction":%d,"bidder":%d,"price":%d,"channel":"channel-%d","url":"https://www.nexmark.com/abo/jqm_/wbz/item.htm?query=1&channel_id=%d","dateTime":"%s","extra":"%s"}`,
			1000+i%500, 2000+i*7%900, 100+i*i%9000, i%10000, i%10000, at.Format("2006-01-02 15:04:05.000"), strings.Repeat("xyz[]", 5))
		at = at.Add(time.Millisecond)
	}
	return out
}

// cpuTime is the processor time this process has used: on a shared machine wall time says little.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func pick(which ...int) (out types.Columns) {
	for _, i := range which {
		out = append(out, bidColumns[i])
	}
	return out
}

func BenchmarkDecode(b *testing.B) {
	payloads := bids(vector.MaxRows)
	buf, offs, lens := pack(payloads)
	reversed := format.Options{Columns: pick(0, 1, 2, 5)}
	cases := []struct {
		name string
		opts format.Options
	}{
		{"2of7", format.Options{Columns: pick(0, 2)}},
		{"2of7/early", format.Options{Columns: pick(0, 2), SkipValidation: true}},
		{"4of7", reversed},
		{"4of7/early", format.Options{Columns: pick(0, 1, 2, 5), SkipValidation: true}},
		{"7of7", format.Options{Columns: bidColumns}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			d := newDecoder(c.opts)
			cols := newVectors(c.opts.Columns, vector.MaxRows)
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			before := cpuTime()
			for b.Loop() {
				for i, v := range cols {
					v.Reset(c.opts.Columns[i].Type, vector.MaxRows)
				}
				if bad := d.Decode(buf, offs, lens, cols, nil); len(bad) > 0 {
					b.Fatal(bad)
				}
			}
			b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/vector.MaxRows, "cpu-ns/rec")
		})
	}
}

// BenchmarkFastjson is the library to compare with under the same load: four fields of each payload.
func BenchmarkFastjson(b *testing.B) {
	payloads := bids(vector.MaxRows)
	var parser fastjson.Parser
	before := cpuTime()
	sum := int64(0)
	for b.Loop() {
		for _, p := range payloads {
			v, err := parser.Parse(p)
			if err != nil {
				b.Fatal(err)
			}
			sum += v.GetInt64("auction") + v.GetInt64("bidder") + v.GetInt64("price") + int64(len(v.GetStringBytes("dateTime")))
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/vector.MaxRows, "cpu-ns/rec")
}

func BenchmarkEncode(b *testing.B) {
	payloads := bids(vector.MaxRows)
	buf, offs, lens := pack(payloads)
	opts := format.Options{Columns: bidColumns}
	cols := newVectors(opts.Columns, vector.MaxRows)
	newDecoder(opts).Decode(buf, offs, lens, cols, nil)
	rows := make([]uint16, vector.MaxRows)
	for i := range rows {
		rows[i] = uint16(i)
	}
	e := newEncoder(opts)
	var dst format.Payloads
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		dst.Reset()
		if err := e.Encode(cols, rows, &dst); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/vector.MaxRows, "cpu-ns/rec")
}

func TestAppendInt(t *testing.T) {
	check := func(x int64) {
		t.Helper()
		if got, want := string(appendInt(nil, x)), strconv.FormatInt(x, 10); got != want {
			t.Fatalf("%d: %s", x, got)
		}
	}
	check(math.MinInt64)
	check(math.MaxInt64)
	for p := int64(1); ; p *= 10 {
		for _, x := range []int64{p - 1, p, p + 1, 7 * (p / 10), -p} {
			check(x)
		}
		if p > math.MaxInt64/10 {
			return
		}
	}
}

// TestQuotedText compares what is written with the standard library's reading of it, at every place of a word.
func TestQuotedText(t *testing.T) {
	for _, special := range []string{"", "\"", "\\", "\n", "\x00", "\x1f", "\x7f", "é", "世", "\xff", "\xe4\xb8"} {
		for before := range 20 {
			for after := range 20 {
				s := strings.Repeat("a", before) + special + strings.Repeat("b", after)
				out := appendQuoted(make([]byte, 0, 3), []byte(s))
				var back string
				if err := stdjson.Unmarshal(out, &back); err != nil || back != strings.ToValidUTF8(s, "\uFFFD") && back != string([]rune(s)) {
					t.Fatalf("%q became %q: %v", s, out, err)
				}
			}
		}
	}
}
