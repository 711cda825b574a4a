package catalog_test

import (
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// TestApply runs scripts: each line of a command is one change, all of a command are applied or none.
func TestApply(t *testing.T) {
	cat := catalog.New("freshet", catalog.Postgres)
	datadriven.RunTest(t, "testdata/apply", func(t *testing.T, d *datadriven.TestData) string {
		cmd := &catalog.Command{Database: "freshet", Dialect: catalog.Postgres}
		for line := range strings.Lines(d.Input) {
			cmd.Changes = append(cmd.Changes, parseChange(t, d, strings.Fields(line)))
		}
		before := show(cat)
		next, err := catalog.Apply(cat, cmd)
		if show(cat) != before {
			d.Fatalf(t, "Apply changed the catalogue it was given")
		}
		if err != nil {
			var e *sqlerr.Error
			if !errors.As(err, &e) {
				d.Fatalf(t, "not a sqlerr: %v", err)
			}
			return fmt.Sprintf("ERROR %s: %s\n%s", e.Code, e.Message, e.Detail)
		}
		cat = next
		return show(cat)
	})
}

// parseChange reads "stream name", "table name", "replace stream name", "as query stream name source…", "drop stream name",
// "terminate|pause|resume query…", "insert query sink source…", "comment name text".
func parseChange(t *testing.T, d *datadriven.TestData, words []string) catalog.Change {
	relation := func(kind, name string) *catalog.Relation {
		return &catalog.Relation{ID: name + "_1", Name: name, Kind: catalog.Kind(strings.ToUpper(kind)), Topic: name}
	}
	switch words[0] {
	case "stream", "table":
		return catalog.Change{Create: &catalog.Create{Relation: relation(words[0], words[1])}}
	case "replace":
		return catalog.Change{Create: &catalog.Create{Relation: relation(words[1], words[2]), Replace: true}}
	case "as":
		r := relation(words[2], words[3])
		r.WritingQuery, r.Materialised = words[1], r.Kind == catalog.Table
		q := &catalog.Query{ID: words[1], Sink: r.Name, Sources: words[4:], State: catalog.Running}
		return catalog.Change{Create: &catalog.Create{Relation: r, Query: q}}
	case "drop":
		return catalog.Change{Drop: &catalog.Drop{Kind: catalog.Kind(strings.ToUpper(words[1])), Name: words[2]}}
	case "terminate", "pause", "resume":
		return catalog.Change{Control: &catalog.Control{Verb: catalog.ControlVerb(strings.ToUpper(words[0])), Queries: words[1:]}}
	case "insert":
		return catalog.Change{Insert: &catalog.Query{ID: words[1], Sink: words[2], Sources: words[3:], State: catalog.Running}}
	case "comment":
		return catalog.Change{Comment: &catalog.Comment{Relation: words[1], Text: words[2]}}
	case "nothing":
		return catalog.Change{}
	}
	d.Fatalf(t, "unknown change %q", words[0])
	return catalog.Change{}
}

func show(c *catalog.Catalog) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version %d\n", c.Version())
	for _, r := range c.Relations() {
		fmt.Fprintf(&b, "%s %s", strings.ToLower(string(r.Kind)), r.Name)
		if r.WritingQuery != "" {
			fmt.Fprintf(&b, " by %s", r.WritingQuery)
		}
		if r.Materialised {
			b.WriteString(" materialised")
		}
		if r.Comment != "" {
			fmt.Fprintf(&b, " (%s)", r.Comment)
		}
		b.WriteString("\n")
	}
	for _, q := range c.Queries() {
		fmt.Fprintf(&b, "query %s: %v -> %s, %s\n", q.ID, q.Sources, q.Sink, strings.ToLower(string(q.State)))
	}
	return b.String()
}

// randomType makes a type of bounded depth.
func randomType(rng *rand.Rand, depth int) types.Type {
	ids := []types.ID{
		types.Boolean, types.SmallInt, types.Int, types.BigInt, types.Real, types.Double, types.String, types.Bytes, types.Timestamp,
		types.Date, types.Time, types.Interval, types.Decimal, types.Array, types.Map, types.Struct,
	}
	if depth == 0 {
		ids = ids[:13]
	}
	switch id := ids[rng.Intn(len(ids))]; id {
	case types.Decimal:
		return types.DecimalOf(int16(1+rng.Intn(38)), int16(rng.Intn(3)))
	case types.Array:
		return types.ArrayOf(randomType(rng, depth-1))
	case types.Map:
		return types.MapOf(types.Of(types.String), randomType(rng, depth-1))
	case types.Struct:
		return types.StructOf(types.Field{Name: "a", Type: randomType(rng, depth-1)}, types.Field{Name: "B c", Type: randomType(rng, depth-1)})
	default:
		return types.Of(id)
	}
}

// TestRoundTrip holds that a command reads back as it was written, whatever its types.
func TestRoundTrip(t *testing.T) {
	const seed = 20260131
	rng := rand.New(rand.NewSource(seed))
	for i := range 300 {
		start := rng.Int63()
		r := &catalog.Relation{
			ID: "orders_7", Name: "orders", Kind: catalog.Stream, Topic: "orders", Partitions: 4, Text: "CREATE …",
			KeyFormat:   catalog.Format{Name: "KAFKA"},
			ValueFormat: catalog.Format{Name: "JSON", Wrapped: true, Properties: map[string]string{"x": "y"}},
			TimeColumn:  "c0", Window: &catalog.Window{Kind: "TUMBLING", SizeMS: 10}, Start: catalog.Start{TimestampMS: &start}, StopOnError: true,
		}
		for c := range 1 + rng.Intn(4) {
			r.Columns = append(r.Columns, catalog.Column{Name: fmt.Sprintf("c%d", c), Field: "F", Type: randomType(rng, 3), Key: c == 0, Hidden: c == 2})
		}
		q := &catalog.Query{ID: "Q", Text: "…", Sink: "orders", Sources: []string{"a"}, State: catalog.Running, Settings: map[string]string{"timezone": "UTC"}}
		want := &catalog.Command{
			Format: catalog.CommandFormat, Database: "freshet", Dialect: catalog.Postgres,
			Changes: []catalog.Change{
				{Text: "CREATE …", Topics: []catalog.Topic{{Name: "orders", Partitions: -1, Configs: map[string]string{"a": "b"}}}, Create: &catalog.Create{Relation: r, Query: q}},
				{Drop: &catalog.Drop{Name: "x", Kind: catalog.Table, DeleteTopic: "x"}},
				{Control: &catalog.Control{Verb: catalog.Pause, Queries: []string{"Q"}}},
			},
		}
		encoded, err := catalog.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := catalog.Decode(encoded)
		if err != nil {
			t.Fatalf("seed %d, case %d: %v\n%s", seed, i, err, encoded)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, case %d: got %s", seed, i, encoded)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		code sqlerr.Code
	}{
		"not JSON":       {"x", sqlerr.DataCorrupted},
		"later format":   {`{"format":2}`, sqlerr.FeatureNotSupported},
		"no action":      {`{"format":1,"changes":[{"text":"x"}]}`, sqlerr.DataCorrupted},
		"two actions":    {`{"format":1,"changes":[{"drop":{},"control":{}}]}`, sqlerr.DataCorrupted},
		"no relation":    {`{"format":1,"changes":[{"create":{}}]}`, sqlerr.DataCorrupted},
		"unknown type":   {`{"format":1,"changes":[{"create":{"relation":{"id":"a","name":"a","kind":"STREAM","columns":[{"name":"c","type":{"t":"blob"}}]}}}]}`, sqlerr.DataCorrupted},
		"half an array":  {`{"format":1,"changes":[{"create":{"relation":{"id":"a","name":"a","kind":"STREAM","columns":[{"name":"c","type":{"t":"array"}}]}}}]}`, sqlerr.DataCorrupted},
		"deeply nested":  {`{"format":1,"changes":[{"create":{"relation":{"id":"a","name":"a","kind":"STREAM","columns":[{"name":"c","type":` + strings.Repeat(`{"t":"array","elem":`, 100) + `{"t":"int"}` + strings.Repeat("}", 100) + `}]}}}]}`, sqlerr.DataCorrupted},
		"unknown kind":   {`{"format":1,"changes":[{"create":{"relation":{"id":"a","name":"a","kind":"VIEW"}}}]}`, sqlerr.DataCorrupted},
		"query, no name": {`{"format":1,"changes":[{"insert":{"sink":"a"}}]}`, sqlerr.DataCorrupted},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := catalog.Decode([]byte(c.text))
			var e *sqlerr.Error
			if !errors.As(err, &e) || e.Code != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
		})
	}
}

// FuzzDecode holds that no bytes make Decode or Apply panic, and that what is read is written as it was.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format":1,"database":"d","dialect":"postgres","changes":[{"text":"t","create":{"relation":{"id":"a_1","name":"a","kind":"TABLE","columns":[{"name":"c","field":"","type":{"t":"decimal","p":3,"s":1},"key":true}]},"query":{"id":"q","sink":"a","sources":["a"]}}}]}`))
	f.Add([]byte(`{"format":1,"changes":[{"drop":{"name":"a","kind":"STREAM"}},{"control":{"verb":"PAUSE","queries":["q"]}}]}`))
	f.Add([]byte(`{"format":1,"changes":[{"comment":{"relation":"a","text":"b"}},{"insert":{"id":"q","sink":"a"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		cmd, err := catalog.Decode(b)
		if err != nil {
			return
		}
		if next, err := catalog.Apply(catalog.New("d", catalog.Postgres), cmd); err == nil {
			show(next)
		}
		encoded, err := catalog.Encode(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := catalog.Decode(encoded); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
	})
}
