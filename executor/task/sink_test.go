package task

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format/builtin"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/record"
)

var sinkColumns = types.Columns{{Name: "k", Type: types.Of(types.String)}, {Name: "v", Type: types.Of(types.BigInt)}}

// sinkStep writes v under the key k (keyed) or under none.
func sinkStep(keyed, table bool) *physical.Sink {
	s := &physical.Sink{
		Input: &physical.Scan{Columns: sinkColumns}, Topic: "out", KeyFormat: physical.FormatSpec{Name: "KAFKA"},
		ValueFormat: physical.FormatSpec{Name: "JSON", Wrapped: true}, ValueColumns: []int{1}, ValueFields: []string{"V"},
		WindowStart: -1, TimeColumn: -1, Table: table,
	}
	if keyed {
		s.KeyColumns, s.KeyFields = []int{0}, []string{""}
	}
	return s
}

// sinkChunk makes rows of k, v with ops; event time is v.
func sinkChunk(ops []vector.Op, keys []string, values ...int64) *vector.Chunk {
	c := &vector.Chunk{N: len(values), Ops: ops, Time: values}
	for i := range sinkColumns {
		v := &vector.Vector{Type: sinkColumns[i].Type}
		v.Reset(sinkColumns[i].Type, c.N)
		c.Cols = append(c.Cols, v)
	}
	for i := range values {
		from := len(c.Cols[0].Buf)
		c.Cols[0].Buf = append(c.Cols[0].Buf, keys[i]...)
		c.Cols[0].MarkText(i, from)
		c.Cols[1].I[i] = values[i]
	}
	return c
}

func newTestSink(t *testing.T, step *physical.Sink, partitions int32) (*sink, *outbox) {
	t.Helper()
	box := &outbox{pool: &BufferPool{}}
	s, err := newSink(step, partitions, builtin.New(), functions.KsqlDB, box)
	if err != nil {
		t.Fatal(err)
	}
	return s, box
}

// posted shows an outbox's batches: "partition[time key value, ...]".
func posted(t *testing.T, box *outbox) string {
	t.Helper()
	var out []string
	var dec record.Decompressor
	for _, b := range box.take() {
		batch := record.Batch(b.Bytes)
		batch.SetCRC() // as the producer will
		if err := record.Validate(batch, record.Limits{}); err != nil {
			t.Fatal(err)
		}
		it, err := record.Records(batch, &dec)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for r := (record.Record{}); it.Next(&r); {
			rows = append(rows, fmt.Sprintf("%d %s %s", batch.TimestampOf(&r), orNull(r.Key), orNull(r.Value)))
		}
		out = append(out, fmt.Sprintf("%d%v", b.To.Partition, rows))
	}
	return strings.Join(out, " ")
}

func orNull(b []byte) string {
	if b == nil {
		return "null"
	}
	return string(b)
}

func TestSinkRows(t *testing.T) {
	ops := []vector.Op{vector.Insert, vector.UpdateOld, vector.UpdateNew, vector.Delete}
	keys := []string{"a", "b", "b", "c"}
	for _, c := range []struct {
		name         string
		keyed, table bool
		want         string
	}{
		{name: "table", keyed: true, table: true, want: `0[1 a {"V":1} 3 b {"V":3} 4 c null]`},
		{name: "stream", keyed: true, want: `0[1 a {"V":1} 3 b {"V":3}]`},
		{name: "no key", want: `0[1 null {"V":1} 3 null {"V":3}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, box := newTestSink(t, sinkStep(c.keyed, c.table), 1)
			if err := s.Push(sinkChunk(ops, keys, 1, 2, 3, 4)); err != nil {
				t.Fatal(err)
			}
			if got := posted(t, box); got != "" {
				t.Fatalf("before the barrier: %s", got)
			}
			if err := s.Barrier(1); err != nil {
				t.Fatal(err)
			}
			if got := posted(t, box); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if err := s.Barrier(2); err != nil || len(box.batches) > 0 {
				t.Errorf("a barrier without rows wrote %d batches: %v", len(box.batches), err)
			}
		})
	}
}

// TestSinkPartitions: rows with a key go where every Java client would send them, others stay together until the batch ends.
func TestSinkPartitions(t *testing.T) {
	s, box := newTestSink(t, sinkStep(true, false), 3)
	if err := s.Push(sinkChunk(nil, []string{"21", "foobar", "abc"}, 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	if err := s.Barrier(1); err != nil {
		t.Fatal(err)
	}
	for _, b := range box.batches {
		batch := record.Batch(b.Bytes)
		it, err := record.Records(batch, nil)
		if err != nil {
			t.Fatal(err)
		}
		for r := (record.Record{}); it.Next(&r); {
			if want := partitionOf(r.Key, 3); b.To.Partition != want {
				t.Errorf("%s went to %d, want %d", r.Key, b.To.Partition, want)
			}
		}
	}
	s, box = newTestSink(t, sinkStep(false, false), 3)
	var went []int32
	for range 4 {
		for range 2 {
			if err := s.Push(sinkChunk(nil, []string{""}, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Barrier(1); err != nil {
			t.Fatal(err)
		}
		for _, b := range box.take() {
			went = append(went, b.To.Partition)
		}
	}
	if fmt.Sprint(went) != "[0 1 2 0]" {
		t.Errorf("rows without a key went to %v", went)
	}
}

// TestSinkBatches closes batches at their size, in place, and uses their memory again once it is given back.
func TestSinkBatches(t *testing.T) {
	s, box := newTestSink(t, sinkStep(true, false), 1)
	key := strings.Repeat("k", 10_000)
	for i := range int64(60) {
		if err := s.Push(sinkChunk(nil, []string{key}, i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(box.batches) != 2 || box.bytes < 2*sinkBatchBytes {
		t.Fatalf("%d batches, %d bytes", len(box.batches), box.bytes)
	}
	memory := &box.batches[0].Bytes[0]
	box.drop()
	if box.bytes != 0 || len(box.take()) != 0 {
		t.Error("something is left after drop")
	}
	again := false
	for range 2 {
		again = again || &box.pool.get()[:1][0] == memory
	}
	if !again {
		t.Error("the memory of a dropped batch was not used again")
	}
}

func TestBufferPoolKeepsWhatFits(t *testing.T) {
	var p BufferPool
	p.Put(make([]byte, 100))
	p.Put(make([]byte, 5*sinkBatchBytes))
	if len(p.free) != 0 {
		t.Errorf("%d buffers kept", len(p.free))
	}
	for range 2 * pooledBuffers {
		p.Put(make([]byte, bufferBytes))
	}
	if len(p.free) != pooledBuffers {
		t.Errorf("%d buffers kept", len(p.free))
	}
}
