package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestRender shows three rows in every format: numbers, nulls, wide characters, control characters.
func TestRender(t *testing.T) {
	cols := []Column{{"id", Number}, {"名前", Text}, {"ok", Bool}, {"doc", Document}}
	rows := [][][]byte{
		{[]byte("1"), []byte("Ada"), []byte("t"), []byte(`{"a":1}`)},
		{[]byte("22"), []byte("世界 | x"), []byte("f"), nil},
		{nil, []byte("a\nb\x1b[31m,\"q\""), nil, []byte("not json")},
	}
	datadriven.RunTest(t, "testdata/formats", func(t *testing.T, d *datadriven.TestData) string {
		var b bytes.Buffer
		w := New(Format(d.Cmd), &b, Options{Null: "NULL", Headerless: d.HasArg("headerless")})
		if err := w.Begin(cols); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if err := w.Row(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(b.String(), "\r", "")
	})
}
