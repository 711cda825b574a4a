package task

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/record"
)

// BadRecord is a record that a query could not use; the query goes on without it.
type BadRecord struct {
	Topic     string
	Partition int32
	Offset    int64
	Cause     string
	Payload   []byte // a view; copy it to keep it
}

// source turns records of a topic into chunks of a Scan's columns. One goroutine uses it.
type source struct {
	scan  *physical.Scan
	key   *side // nil: no column comes from the key
	value *side
	chunk vector.Chunk
	ops   []vector.Op
	bad   []format.BadRow
	sel   []uint16
	drop  []bool // rows of the chunk that are not passed on
	onBad func(BadRecord)
}

// side decodes keys or values.
type side struct {
	decoder format.Decoder
	out     []*vector.Vector // the chunk's columns this side fills, in the decoder's order
	types   []types.Type
	window  int // bytes of window behind a windowed key
	lens    []int32
}

// newSource compiles a scan. onBad takes records that cannot be used.
func newSource(scan *physical.Scan, formats *format.Registry, dialect functions.Dialect, onBad func(BadRecord)) (*source, error) {
	s := &source{scan: scan, onBad: onBad}
	s.chunk.Cols = make([]*vector.Vector, len(scan.Columns))
	for i := range s.chunk.Cols {
		s.chunk.Cols[i] = &vector.Vector{Type: scan.Columns[i].Type}
	}
	var err error
	if s.key, err = s.newSide(scan.KeyFormat, true, formats, dialect); err != nil {
		return nil, err
	}
	if s.value, err = s.newSide(scan.ValueFormat, false, formats, dialect); err != nil {
		return nil, err
	}
	if s.key != nil && scan.WindowSizeMS > 0 {
		s.key.window = 8
	}
	return s, nil
}

// newSide compiles the columns that come from keys or from values; nil when there are none.
func (s *source) newSide(spec physical.FormatSpec, key bool, formats *format.Registry, dialect functions.Dialect) (*side, error) {
	sd := &side{}
	opts := format.Options{Unwrapped: !spec.Wrapped, Properties: spec.Properties, JavaNumbers: dialect == functions.KsqlDB}
	for i, origin := range s.scan.Origins {
		if origin.IsPseudo || origin.Key != key {
			continue
		}
		opts.Columns = append(opts.Columns, types.Column{Name: origin.Field, Type: s.scan.Columns[i].Type})
		sd.out = append(sd.out, s.chunk.Cols[i])
		sd.types = append(sd.types, s.scan.Columns[i].Type)
	}
	if len(sd.out) == 0 {
		return nil, nil
	}
	f, serr := formats.Lookup(spec.Name)
	if serr != nil {
		return nil, serr
	}
	if sd.decoder, serr = f.NewDecoder(opts); serr != nil {
		return nil, serr
	}
	return sd, nil
}

// decode makes a chunk of rows [from, to) of cols, at most vector.MaxRows. The chunk is the source's and lives until the next call.
// maxTime is the largest event time among its rows, noTime when there is none.
func (s *source) decode(cols *record.Columns, from, to int, partition int32) (chunk *vector.Chunk, maxTime int64) {
	n := to - from
	s.reset(n)
	if s.value != nil {
		s.decodeSide(s.value, cols.Buf, cols.ValOff[from:to], cols.ValLen[from:to], cols, from, partition)
	}
	if s.key != nil {
		s.decodeKey(cols, from, to, partition)
	}
	s.tombstones(cols.ValLen[from:to])
	s.pseudo(cols, from, to, partition)
	s.eventTime(cols, from, to, partition)
	s.selectRows(n)
	maxTime = noTime
	for i, t := range s.chunk.Time {
		if !s.drop[i] {
			maxTime = max(maxTime, t)
		}
	}
	return &s.chunk, maxTime
}

func (s *source) reset(n int) {
	for i, v := range s.chunk.Cols {
		v.Reset(s.scan.Columns[i].Type, n)
	}
	s.chunk.N, s.chunk.Ops, s.chunk.Sel = n, nil, nil
	if cap(s.drop) < n {
		s.drop = make([]bool, n, vector.MaxRows)
	}
	s.drop = s.drop[:n]
	clear(s.drop)
}

func (s *source) decodeKey(cols *record.Columns, from, to int, partition int32) {
	lens := cols.KeyLen[from:to]
	if w := int32(s.key.window); w > 0 {
		s.key.lens = append(s.key.lens[:0], lens...)
		lens = s.key.lens
		for i := range lens {
			if lens[i] >= w {
				lens[i] -= w
			}
		}
	}
	s.decodeSide(s.key, cols.Buf, cols.KeyOff[from:to], lens, cols, from, partition)
}

func (s *source) decodeSide(sd *side, buf []byte, offs, lens []int32, cols *record.Columns, from int, partition int32) {
	s.bad = sd.decoder.Decode(buf, offs, lens, sd.out, s.bad[:0])
	for _, b := range s.bad {
		s.refuse(b.Row, b.Cause, cols, from, partition)
	}
}

// refuse drops a row and reports its record, once.
func (s *source) refuse(row int, cause string, cols *record.Columns, from int, partition int32) {
	if s.drop[row] {
		return
	}
	s.drop[row] = true
	at := from + row
	s.onBad(BadRecord{
		Topic: s.scan.Topic, Partition: partition, Offset: cols.Offsets[at], Cause: cause,
		Payload: payload(cols, at),
	})
}

// payload is a record's value, nil when it is null.
func payload(cols *record.Columns, at int) []byte {
	if cols.ValLen[at] < 0 {
		return nil
	}
	return cols.Buf[cols.ValOff[at] : cols.ValOff[at]+cols.ValLen[at]]
}

// tombstones turns records without a value into deletes of tables, or drops them from streams.
func (s *source) tombstones(lens []int32) {
	for i, l := range lens {
		if l >= 0 {
			continue
		}
		if !s.scan.Tombstones {
			s.drop[i] = true
			continue
		}
		if s.chunk.Ops == nil {
			s.chunk.Ops = s.inserts(len(lens))
		}
		s.chunk.Ops[i] = vector.Delete
	}
}

func (s *source) inserts(n int) []vector.Op {
	s.ops = s.ops[:0]
	for range n {
		s.ops = append(s.ops, vector.Insert)
	}
	return s.ops
}

// pseudo fills the columns made from a record's place.
func (s *source) pseudo(cols *record.Columns, from, to int, partition int32) {
	for c, origin := range s.scan.Origins {
		if !origin.IsPseudo {
			continue
		}
		v := s.chunk.Cols[c]
		for i := range to - from {
			v.I[i] = s.place(origin.Pseudo, cols, from+i, partition, v, i)
		}
		if v.Type.ID == types.Timestamp {
			for i := range v.I[:to-from] {
				v.I[i] *= 1000
			}
		}
	}
}

// place is one pseudo column's value of record at; times are in ms.
func (s *source) place(p physical.Pseudo, cols *record.Columns, at int, partition int32, v *vector.Vector, row int) int64 {
	switch p {
	case physical.RowTime:
		return cols.Timestamps[at]
	case physical.RowPartition:
		return int64(partition)
	case physical.RowOffset:
		return cols.Offsets[at]
	case physical.WindowStart, physical.WindowEnd:
		start, ok := windowOf(cols, at)
		if !ok {
			v.SetNull(row)
			return 0
		}
		if p == physical.WindowEnd {
			start += s.scan.WindowSizeMS
		}
		return start
	}
	return 0
}

// windowOf is the window start (ms) behind a windowed key. Source: Kafka Streams, WindowKeySchema / TimeWindowedSerializer.
func windowOf(cols *record.Columns, at int) (int64, bool) {
	end, n := cols.KeyOff[at]+cols.KeyLen[at], cols.KeyLen[at]
	if n < 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(cols.Buf[end-8 : end])), true
}

// eventTime fills the chunk's Time from the records' timestamps or the scan's time column. A row whose time is null or negative
// cannot be placed in time and is refused.
func (s *source) eventTime(cols *record.Columns, from, to int, partition int32) {
	s.chunk.Time = append(s.chunk.Time[:0], cols.Timestamps[from:to]...)
	if s.scan.TimeColumn < 0 {
		return
	}
	v := s.chunk.Cols[s.scan.TimeColumn]
	for i := range s.chunk.Time {
		if s.drop[i] || s.chunk.Op(i) == vector.Delete {
			continue
		}
		ms, cause := timeOf(v, i)
		if cause != "" {
			s.refuse(i, cause, cols, from, partition)
			continue
		}
		s.chunk.Time[i] = ms
	}
}

// timeOf reads an event time in ms out of a column.
func timeOf(v *vector.Vector, row int) (ms int64, cause string) {
	if v.IsNull(row) {
		return 0, "the timestamp column is null"
	}
	switch v.Type.ID {
	case types.BigInt:
		ms = v.I[row]
	case types.Timestamp:
		ms = floorDiv(v.I[row], 1000)
	case types.String:
		d, err := vector.ParseText(types.Of(types.Timestamp), string(v.Bytes(row)), time.UTC)
		if err != nil {
			return 0, "the timestamp column: " + sqlerr.From(err).Message
		}
		ms = floorDiv(d.I, 1000)
	default:
		return 0, fmt.Sprintf("a timestamp column cannot be of type %s", v.Type)
	}
	if ms < 0 {
		return 0, fmt.Sprintf("negative timestamp %d", ms)
	}
	return ms, ""
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// selectRows builds the selection when rows are dropped.
func (s *source) selectRows(n int) {
	dropped := false
	for _, d := range s.drop {
		dropped = dropped || d
	}
	if !dropped {
		return
	}
	if s.sel == nil {
		s.sel = make([]uint16, 0, vector.MaxRows)
	}
	s.sel = s.sel[:0]
	for i := range n {
		if !s.drop[i] {
			s.sel = append(s.sel, uint16(i))
		}
	}
	s.chunk.Sel = s.sel
}
