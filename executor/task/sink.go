package task

import (
	"encoding/binary"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/record"
)

// sinkBatchBytes is the size at which an output batch is closed: large enough to make headers and checksums cheap, well below
// the default max.message.bytes.
const sinkBatchBytes = 256 << 10

// sink is the end of a kept query: it encodes rows and gathers them into record batches, a builder a partition.
type sink struct {
	spec    *physical.Sink
	key     format.Encoder // nil: null keys
	value   format.Encoder
	keyCols []*vector.Vector
	valCols []*vector.Vector
	keys    format.Payloads
	values  format.Payloads
	rows    []uint16 // rows of the chunk written this time
	dead    []bool   // of rows: a tombstone
	window  []byte   // scratch for windowed keys

	parts  []*record.Builder
	next   int32 // partition for null keys: sticky until its batch closes
	outbox *outbox
}

// newSink compiles a sink step for a topic of n partitions.
func newSink(spec *physical.Sink, n int32, formats *format.Registry, dialect functions.Dialect, out *outbox) (*sink, error) {
	s := &sink{spec: spec, outbox: out, parts: make([]*record.Builder, n)}
	schema := spec.Schema()
	var err error
	if len(spec.KeyColumns) > 0 {
		if s.key, err = newEncoder(spec.KeyFormat, schema, spec.KeyColumns, spec.KeyFields, formats, dialect); err != nil {
			return nil, err
		}
	}
	if s.value, err = newEncoder(spec.ValueFormat, schema, spec.ValueColumns, spec.ValueFields, formats, dialect); err != nil {
		return nil, err
	}
	s.keyCols = make([]*vector.Vector, len(spec.KeyColumns))
	s.valCols = make([]*vector.Vector, len(spec.ValueColumns))
	return s, nil
}

func newEncoder(spec physical.FormatSpec, schema types.Columns, indexes []int, fields []string, formats *format.Registry, dialect functions.Dialect) (format.Encoder, error) {
	f, serr := formats.Lookup(spec.Name)
	if serr != nil {
		return nil, serr
	}
	opts := format.Options{Unwrapped: !spec.Wrapped, Properties: spec.Properties, JavaNumbers: dialect == functions.KsqlDB}
	for i, index := range indexes {
		opts.Columns = append(opts.Columns, types.Column{Name: fields[i], Type: schema[index].Type})
	}
	enc, serr := f.NewEncoder(opts)
	if serr != nil {
		return nil, serr
	}
	return enc, nil
}

// Push implements dataflow.Operator: writes the chunk's rows.
func (s *sink) Push(c *vector.Chunk) error {
	s.choose(c)
	if len(s.rows) == 0 {
		return nil
	}
	s.keys.Reset()
	s.values.Reset()
	if s.key != nil {
		for i, index := range s.spec.KeyColumns {
			s.keyCols[i] = c.Cols[index]
		}
		if err := s.key.Encode(s.keyCols, s.rows, &s.keys); err != nil {
			return err
		}
	}
	for i, index := range s.spec.ValueColumns {
		s.valCols[i] = c.Cols[index]
	}
	if err := s.value.Encode(s.valCols, s.rows, &s.values); err != nil {
		return err
	}
	return s.write(c)
}

// choose lists the rows to write: of an update only the new row; a delete is a tombstone in a table and nothing in a stream.
func (s *sink) choose(c *vector.Chunk) {
	s.rows, s.dead = s.rows[:0], s.dead[:0]
	take := func(row int) {
		op := c.Op(row)
		if op == vector.UpdateOld || (op == vector.Delete && !s.spec.Table) {
			return
		}
		s.rows = append(s.rows, uint16(row))
		s.dead = append(s.dead, op == vector.Delete)
	}
	if c.Sel != nil {
		for _, row := range c.Sel {
			take(int(row))
		}
		return
	}
	for row := range c.N {
		take(row)
	}
}

// write hands each chosen row to its partition's builder.
func (s *sink) write(c *vector.Chunk) error {
	for i, row := range s.rows {
		var key []byte
		if s.key != nil {
			key = s.windowed(s.keys.At(i), c, int(row))
		}
		if key == nil && s.spec.Table {
			continue // a table's topic is compacted, and refuses what has no key
		}
		value := s.values.At(i)
		if s.dead[i] {
			value = nil
		}
		p := s.next
		if key != nil {
			p = partitionOf(key, int32(len(s.parts)))
		}
		if err := s.append(p, s.timestamp(c, int(row)), key, value); err != nil {
			return err
		}
	}
	return nil
}

// windowed appends the window's start (ms, big-endian) to the key of a windowed table. Source: Kafka Streams, TimeWindowedSerializer.
func (s *sink) windowed(key []byte, c *vector.Chunk, row int) []byte {
	if s.spec.WindowStart < 0 || key == nil {
		return key
	}
	start := floorDiv(c.Cols[s.spec.WindowStart].I[row], 1000)
	s.window = append(s.window[:0], key...)
	s.window = binary.BigEndian.AppendUint64(s.window, uint64(start))
	return s.window
}

// timestamp is the record's timestamp in ms: the time column's value, or the row's event time.
func (s *sink) timestamp(c *vector.Chunk, row int) int64 {
	if s.spec.TimeColumn >= 0 {
		if ms, cause := timeOf(c.Cols[s.spec.TimeColumn], row); cause == "" {
			return ms
		}
	}
	if c.Time == nil {
		return 0
	}
	return c.Time[row]
}

func (s *sink) append(p int32, ms int64, key, value []byte) error {
	b := s.parts[p]
	if b == nil {
		b = record.NewBuilder(record.None)
		s.parts[p] = b
	}
	b.Append(ms, key, value, nil)
	if b.Len() < sinkBatchBytes {
		return nil
	}
	return s.close(p)
}

// close turns a partition's gathered records into a batch of the outbox.
func (s *sink) close(p int32) error {
	if err := s.outbox.post(client.TopicPartition{Topic: s.spec.Topic, Partition: p}, s.parts[p]); err != nil {
		return sqlerr.Wrap(err, sqlerr.Internal, "build a batch for topic %q: %s", s.spec.Topic, err)
	}
	s.next = (p + 1) % int32(len(s.parts))
	return nil
}

// Advance implements dataflow.Operator: a sink does not care.
func (s *sink) Advance(int64) error { return nil }

// Barrier implements dataflow.Operator: everything of the epoch is in the outbox afterwards.
func (s *sink) Barrier(dataflow.Epoch) error {
	for p, b := range s.parts {
		if b == nil || b.Count() == 0 {
			continue
		}
		if err := s.close(int32(p)); err != nil {
			return err
		}
	}
	return nil
}

// End implements dataflow.Operator.
func (s *sink) End() error { return s.Barrier(0) }
